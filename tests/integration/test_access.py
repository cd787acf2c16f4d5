"""Who may see what (docs/access.md), and attempts to see more: by queries, addresses, claims,
cookies, tokens and settings."""

import html
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from textwrap import fill
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
import pytest
import streamlit as st
import yaml
from hypothesis import given
from hypothesis import strategies as some
from joserfc import jwt
from joserfc.jwk import OctKey
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.testing.v1 import AppTest
from streamlit.web.server.starlette.starlette_app_utils import (
    create_signed_value,
    generate_xsrf_token_string,
)
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin, Subprotocol

from makegood.dashboards.access.grants import ALL, Access, Grant, SignIn, handed_over, is_loopback
from makegood.dashboards.access.policies import INTERNAL, POLICIES
from makegood.dashboards.access.reader import EVERYTHING, Reader, Refused, Viewer, opened
from makegood.dashboards.app import navigation, published
from makegood.dashboards.app.server import names
from makegood.dashboards.proof import NotFound, prove
from makegood.ingestion.strict_yaml import InvalidDocument
from makegood.orchestration.serving.access_settings import settings_of
from tests.conftest import (
    CONTRACTS,
    Feeds,
    Published,
    Rows,
    published_once,
    write_contracts,
    write_landing,
)
from tests.e2e.test_command import makegood
from tests.e2e.test_dashboards import APP
from tests.support.ports import free_port

AS_OF = "2026-07-10T00:00:00Z"
JUNE = date(2026, 6, 1)
# ids that are nearly each other's, to a database, to a filter, to an eye; <…> marks whose a word is
CUSTOMERS = ["alpha", "ALPHA", "alpha' or '1'='1", "%", "αlpha"]
# in another region
ELSEWHERE = "far"


def own_rows(name: str, place: dict[str, str]) -> Feeds:
    """A customer with one of everything, each id marked as theirs."""
    k, s, t, o, v, other = (f"{kind}<{name}>" for kind in ("k", "s", "t", "open", "v", "other"))
    subscription = {
        "subscription_id": s,
        "customer_id": k,
        "support_plan": "premium",
        "kind": "paid",
        "status": "active",
        "valid_from": "2026-06-01",
        **place,
    }
    ticket = {
        "subscription_id": s,
        "ticket_type": "incident",
        "environment": "production",
        "subject": f"subject<{name}>",
        "source_resolution_met": "true",
    }
    events = [
        (t, "10T00:01", "classified", "P1"),
        # no severity of the contract: rejected for what other rows say
        (t, "10T08:00", "severity_changed", "P9"),
        (t, "10T09:00", "resolved", ""),
        (o, "30T00:01", "classified", "P2"),
        (other, "10T00:01", "classified", "P1"),
    ]
    events = [
        (of, "10T00:00" if of != o else "30T00:00", "received", "") for of in (t, o, other)
    ] + events
    line = {
        "subscription_id": s,
        "line_kind": "recurring",
        "period_start": "2026-06-01",
        "period_end": "2026-06-30",
        "currency": "EUR",
    }
    return {
        "customers": [{"customer_id": k, "name": f"name<{name}>"}],
        "subscriptions": [
            subscription,
            {**subscription, "subscription_id": other, "service_id": "messaging", "region": "eu"},
        ],
        "tickets": [
            {"ticket_id": t, **ticket},
            {"ticket_id": o, **ticket},
            {
                "ticket_id": other,
                "published_at": "2026-06-10T00:20:00Z",
                **ticket,
                "subscription_id": other,
            },
        ],
        "ticket_events": [
            {
                "event_id": f"e{n}<{name}>",
                "ticket_id": of,
                "occurred_at": f"2026-06-{at}:00Z",
                "event": event,
                "severity": severity,
                "resolution_kind": "restored" if event == "resolved" else "",
            }
            for n, (of, at, event, severity) in enumerate(events)
        ],
        "support_hours": [
            {
                "entry_id": f"h<{name}>",
                "subscription_id": s,
                "ticket_id": t,
                "worked_on": "2026-06-12",
                "minutes": "30",
            }
        ],
        "invoices": [
            {
                "invoice_id": v,
                "customer_id": k,
                "status": "issued",
                "issued_on": "2026-06-01",
                "due_on": "2026-06-20",
            },
            {
                "invoice_id": f"c{v}",
                "customer_id": k,
                "status": "issued",
                "issued_on": "2026-07-05",
                "due_on": "2026-07-31",
            },
        ],
        "invoice_lines": [
            {"line_id": f"l<{name}>", "invoice_id": v, "amount": "1000.00", **line},
            {
                "line_id": f"lc<{name}>",
                "invoice_id": f"c{v}",
                "amount": "-10.00",
                **line,
                "line_kind": "credit",
            },
            # waits for an invoice, so that figures are incomplete
            {"line_id": f"lw<{name}>", "invoice_id": f"missing<{name}>", "amount": "1.00", **line},
        ],
        "credit_requests": [
            {
                "request_id": f"r<{name}>",
                "subscription_id": s,
                "month": "2026-06-01",
                "requested_on": "2026-07-03",
            }
        ],
        "exclusions": [
            {
                "exclusion_id": f"x<{name}>",
                "kind": "scheduled_maintenance",
                "service_id": place["service_id"],
                "customer_id": k,
                "starts_at": "2026-06-10T00:10:00Z",
                "ends_at": "2026-06-10T00:11:00Z",
                "announced_at": "2026-05-01T00:00:00Z",
            }
        ],
    }


def world() -> tuple[Feeds, dict[str, Any]]:
    """Customers of one service and region, and one elsewhere, each with an amendment of its own."""
    feeds: Feeds = {"services": [], "components": [], "outages": []}
    for service, region, contract_id in (
        ("voice", "eu", "trueengage"),
        ("chat", "us", "trueengage"),
        ("messaging", "eu", "connect_engage"),
    ):
        feeds["services"].append(
            {
                "service_id": service,
                "name": service,
                "contract_id": contract_id,
                "lifecycle": "ga",
                "product_category": "voice",
            }
        )
        feeds["components"].append(
            {
                "component_id": f"{service}-1",
                "service_id": service,
                "region": region,
                "environment": "production",
            }
        )
        for n, (state, start, end) in enumerate(
            (("up", "01T00:00", ""), ("down", "10T00:00", "2026-06-10T03:00:00Z"))
        ):
            row = {
                "outage_id": f"{service}-{n}",
                "component_id": f"{service}-1",
                "state": state,
                "incident_id": f"inc-{service}-{n}",
            }
            feeds["outages"].append({**row, "started_at": f"2026-06-{start}:00Z", "ended_at": end})
    customers = [(name, {"service_id": "voice", "region": "eu"}) for name in CUSTOMERS] + [
        (ELSEWHERE, {"service_id": "chat", "region": "us"})
    ]
    for name, place in customers:
        for feed, rows in own_rows(name, place).items():
            feeds.setdefault(feed, []).extend(rows)
    agreed = yaml.safe_load((CONTRACTS / "trueengage.yaml").read_text())
    agreed["amendments"] = [
        {
            "rank": "order_form",
            "customer_id": f"k<{name}>",
            "effective_from": date(2026, 6, 1),
            "terms": {"credits": {"cap_pct": 20 + n}},
        }
        for n, (name, _) in enumerate(customers)
    ]
    other = yaml.safe_load((CONTRACTS / "connect_engage.yaml").read_text())
    return feeds, {"trueengage": agreed, "connect_engage": other}


@pytest.fixture(scope="module")
def shared_place(tmp_path_factory: pytest.TempPathFactory) -> Published:
    folder = tmp_path_factory.mktemp("access")
    feeds, agreed = world()
    return published_once(
        write_landing(folder / "in", feeds),
        folder / "warehouse",
        AS_OF,
        write_contracts(folder / "contracts", agreed),
    )


def customer(*names: str) -> Viewer:
    return Viewer(frozenset(f"k<{name}>" for name in names))


def tables(found: Reader) -> list[str]:
    return [
        r["name"]
        for r in found.rows(
            "select schema_name || '.' || table_name as name from duckdb_tables() order by 1"
        )
    ]


def everything(found: Reader) -> dict[str, Rows]:
    return {name: found.rows(f"select * from {name}") for name in tables(found)}


def words(found: Reader) -> str:
    """All that stands in a reader's database, as text."""
    return "\n".join(
        f"{name} {column}={value}"
        for name, rows in everything(found).items()
        for row in rows
        for column, value in row.items()
    )


# ---------------------------------------------------------------- the reader


def test_every_table_that_is_published_has_a_policy(shared_place: Published) -> None:
    names = shared_place.query(
        """select table_schema || '.' || table_name as name from information_schema.tables
           where table_schema in ('marts', 'quality')"""
    )
    assert {n["name"] for n in names} == POLICIES.keys()


def described() -> str:
    """The policies as docs/access.md lists them."""
    alike: dict[str, list[str]] = {}
    for table, policy in POLICIES.items():
        alike.setdefault(policy.rows, []).append(f"`{table.removeprefix('marts.')}`")
    return "\n".join(
        fill(
            f"- **{rows}:** {', '.join(tables)}",
            100,
            subsequent_indent="  ",
            break_long_words=False,
            break_on_hyphens=False,
        )
        for rows, tables in alike.items()
    )


def test_the_docs_say_what_a_customer_sees() -> None:
    docs = (Path(__file__).parents[2] / "docs" / "access.md").read_text()
    if (
        docs.partition("<!-- policies -->\n")[2].partition("\n<!-- policies end -->")[0]
        != described()
    ):
        pytest.fail(f"docs/access.md is out of date; between the marks belongs:\n{described()}")


def test_the_world_has_something_of_each_customer_to_hide(shared_place: Published) -> None:
    """Else the tests below would pass for want of rows."""
    with opened(shared_place.database, EVERYTHING) as found:
        marked = {
            name
            for name, rows in everything(found).items()
            if "<alpha>" in str(rows) and name.startswith("marts.")
        }
        amended = {r["document"] for r in found.rows("select document from marts.agreed_terms")}
        audiences = {
            r["customer_scope"]
            for r in found.rows("select customer_scope from marts.downtime_sources")
        }
    regional = [
        "attainment",
        "availability",
        "availability_by_category",
        "contract_terms",
        "contracts",
        "coverage_gaps",
        "downtime",
        "downtime_by_period",
        "error_budgets",
        "exclusions",
        "last_seen",
    ]
    # what names a document, and what is about all
    assert {name for name in POLICIES if name.startswith("marts.")} - marked == {
        f"marts.{name}"
        for name in [
            *regional,
            "agreed_terms",
            "incident_balance",
            "own_claims",
            "second_opinion_months",
            "second_opinion_variants",
            "support_times",
            "what_if",
        ]
    }
    assert sum("order_form" in a for a in amended) == len(audiences - {""}) == len(CUSTOMERS) + 1


@pytest.mark.parametrize("name", [*CUSTOMERS, ELSEWHERE])
def test_a_customer_sees_nothing_of_others(shared_place: Published, name: str) -> None:
    with opened(shared_place.database, customer(name)) as found:
        seen = words(found)
    assert f"s<{name}>" in seen
    assert set(re.findall(r"<.*?>", seen)) == {f"<{name}>"}
    # places of others, and where rows were landed from
    assert ("chat" in seen) == (name == ELSEWHERE)
    assert ".csv" not in seen


@pytest.mark.parametrize("name", CUSTOMERS)
def test_a_customer_sees_all_that_is_theirs(shared_place: Published, name: str) -> None:
    """The rows that name their subscription or ticket, and those of their service and region,
    exact."""
    with (
        opened(shared_place.database, EVERYTHING) as whole,
        opened(shared_place.database, customer(name)) as found,
    ):
        published, seen = everything(whole), everything(found)
    theirs = {
        "subscription_id": {f"s<{name}>", f"other<{name}>"},
        "ticket_id": {f"t<{name}>", f"open<{name}>", f"other<{name}>"},
        "customer_scope": {"", f"k<{name}>"},
        "service_id": {"voice", "messaging"},
        "contract_id": {"trueengage", "connect_engage"},
    }
    for table in (
        "marts.what_if",
        "marts.support_times",
        "marts.second_opinions",
        "marts.second_opinion_months",
        "marts.second_opinion_variants",
        "marts.availability_by_category",
        "quality.feed_reconciliation",
    ):
        assert published.pop(table)
        assert seen.pop(table) == []
    # by the ids in the row; an interval with a customer_scope of its own is not everyone's
    for table, rows in published.items():
        key = next((k for k in theirs if rows and k in rows[0]), None)
        if key and table not in {
            "marts.maintenance_notice",
            "marts.agreed_terms",
            "marts.downtime_sources",
        }:
            expected = [
                {k: None if k in POLICIES[table].without else v for k, v in r.items()}
                for r in rows
                if r[key] in theirs[key]
            ]
            assert sorted(map(str, seen[table])) == sorted(map(str, expected)), table
            assert seen[table], table
    credited = {
        (r["availability_policy_id"], r["customer_scope"], r["started_at"])
        for r in seen["marts.credit_downtime"]
    }
    assert {a for _, a, _ in credited} == {f"k<{name}>"}
    assert {
        (r["availability_policy_id"], r["customer_scope"], r["started_at"])
        for r in seen["marts.downtime_sources"]
    } == credited
    place = CUSTOMERS.index(name) + 1
    assert {r["document"].partition(" of ")[0] for r in seen["marts.agreed_terms"]} == {
        "sla",
        f"order_form #{place}",
    }
    assert {r["exclusion_id"] for r in seen["marts.maintenance_notice"]} == {f"x<{name}>"}


def test_what_a_run_says_to_customers_is_when(shared_place: Published) -> None:
    with (
        opened(shared_place.database, EVERYTHING) as whole,
        opened(shared_place.database, customer("alpha")) as found,
    ):
        (run,) = found.rows("select * from quality.runs")
        assert (run["as_of"], run["finished_at"]) == (
            whole.as_of,
            whole.rows("select finished_at from quality.runs")[0]["finished_at"],
        )
    assert {k for k, v in run.items() if v is None} == {
        "seconds",
        "files_read",
        "rows_read",
        "rows_rejected",
    }


@pytest.mark.parametrize(
    "names",
    [
        (),
        ("nobody",),
        ("alph_",),
        ("alpha%",),
        ("k",),
        ("",),
        ("alpha') or ('1'='1",),
        ("alpha ",),
        ("Alpha",),
    ],
)
def test_who_has_no_subscription_sees_nothing(
    shared_place: Published, names: tuple[str, ...]
) -> None:
    with opened(shared_place.database, customer(*names)) as found:
        assert {name for name, rows in everything(found).items() if rows} == {"quality.runs"}
        assert tables(found) == sorted(POLICIES)


def test_two_customers_of_one_viewer_are_both_seen(shared_place: Published) -> None:
    with opened(shared_place.database, customer("alpha", ELSEWHERE)) as found:
        assert set(re.findall(r"<.*?>", words(found))) == {"<alpha>", f"<{ELSEWHERE}>"}


ATTACKS = [
    "attach '{database}' as x (read_only)",
    "attach '{database}' as publication",
    "attach ':memory:' as y",
    "select * from publication.marts.credits",
    "select * from own.customers",
    "select * from state.deliveries",
    "select * from '{database}'",
    "select * from '{parquet}'",
    "select * from read_parquet('{parquet}')",
    "select * from parquet_metadata('{parquet}')",
    "select * from read_csv('/etc/hostname')",
    "select * from read_text('/etc/hostname')",
    "select * from read_blob('/etc/hostname')",
    "select * from sniff_csv('/etc/hostname')",
    "select * from glob('/*')",
    "select * from duckdb_secrets()",
    "select * from secret_frame",
    "select * from query_table('secret_frame')",
    "select * from query('attach ''{database}'' as x')",
    "select getenv('HOME')",
    "copy marts.credits to '{out}'",
    "copy (select 1) to '{out}'",
    "export database '{out}'",
    "import database '{out}'",
    "install httpfs",
    "load httpfs",
    "set enable_external_access = true",
    "set lock_configuration = false",
    "reset enable_external_access",
    "set python_enable_replacements = true",
    "pragma database_list",
    "call pragma_version()",
    "use publication",
    "create table t as select 1",
    "drop table marts.credits",
    "delete from marts.credits",
    "update marts.credits set credit_amount = 1000",
    "with d as (delete from marts.credits returning *) select * from d",
    "select 1; drop table marts.credits",
    "begin",
]


@pytest.mark.parametrize("viewer", [EVERYTHING, customer("alpha")], ids=["inside", "customer"])
def test_no_sql_leads_out_or_changes_anything(
    monkeypatch: pytest.MonkeyPatch, shared_place: Published, tmp_path: Path, viewer: Viewer
) -> None:
    import duckdb
    import pandas as pd

    # where DuckDB looks for names that are no table's
    monkeypatch.setattr(
        "makegood.dashboards.access.reader.secret_frame", pd.DataFrame({"a": [1]}), raising=False
    )
    paths = {
        "database": shared_place.database,
        "parquet": shared_place.database.parent / "parquet" / "credits.parquet",
        "out": tmp_path / "out",
    }
    with opened(shared_place.database, viewer) as found:
        before = words(found)
        for attack in ATTACKS:
            sql = attack.format(**paths)
            if viewer == EVERYTHING and "state." in sql:
                continue
            for ask in (found.rows, found.table):
                try:
                    answer = ask(sql)
                except (Refused, duckdb.Error):
                    continue
                pytest.fail(f"{sql}: {answer}")
            # bypassing the reader too: no statement of any kind reaches what is not in the database
            if not viewer.customers or re.match(
                r"create|drop|delete|update|with|select 1;|begin|pragma|call|attach ':mem", attack
            ):
                continue
            with pytest.raises(duckdb.Error), found.connection.cursor() as cursor:
                cursor.execute(sql).fetchall()
        databases = {r["path"] for r in found.rows("select path from duckdb_databases()")}
        assert databases == {None} if viewer.customers else {None, str(shared_place.database)}
        assert words(found) == before
    assert not list(tmp_path.iterdir())


def test_parameters_are_values(shared_place: Published) -> None:
    with opened(shared_place.database, customer("alpha")) as found:
        for word in ("s<ALPHA>", "' or '1'='1", "%", "s<alpha>' --"):
            assert found.rows("select * from marts.credits where subscription_id = ?", word) == []
        assert found.rows("select * from marts.credits where subscription_id = ?", "s<alpha>")


def test_the_subscription_of_another_is_not_found_like_one_that_is_not_there(
    shared_place: Published,
) -> None:
    with opened(shared_place.database, customer("alpha")) as found:
        assert prove(found, "s<alpha>", JUNE).subscription_id == "s<alpha>"
        said: list[str] = []
        for subscription_id in ("s<ALPHA>", "s<nobody>"):
            with pytest.raises(NotFound) as error:
                prove(found, subscription_id, JUNE)
            said.append(str(error.value).replace(subscription_id, "…"))
    assert said[0] == said[1]
    assert "ALPHA" not in said[0]


def test_a_customer_has_the_whole_proof(shared_place: Published) -> None:
    """All but where the rows were landed from, and why rows that are missing could not be used."""
    with (
        opened(shared_place.database, EVERYTHING) as whole,
        opened(shared_place.database, customer("alpha")) as found,
    ):
        full, seen = (prove(r, "s<alpha>", JUNE).as_data() for r in (whole, found))

    def without_places(value: Any) -> Any:
        if isinstance(value, dict):
            withheld = POLICIES["marts.evidence_gaps"].without if "sentence" in value else INTERNAL
            return {k: without_places(v) for k, v in value.items() if k not in withheld}
        return [without_places(v) for v in value] if isinstance(value, list) else value

    assert "rows.csv" in str(full)
    assert "rows.csv" not in str(seen)
    assert without_places(full) == without_places(seen)


def test_readers_opened_at_once_are_each_their_own(shared_place: Published) -> None:
    wrong: list[str] = []

    def look(name: str) -> None:
        for _ in range(2):
            with (
                opened(shared_place.database, customer(name)) as found,
                opened(shared_place.database, EVERYTHING) as whole,
            ):
                seen = {
                    r["customer_id"]
                    for r in found.rows("select customer_id from marts.subscriptions")
                }
                everyone = whole.rows("select count(*) as n from marts.subscriptions")[0]["n"]
                if (seen, everyone) != ({f"k<{name}>"}, 2 * (len(CUSTOMERS) + 1)):
                    wrong.append(f"{name}: {seen} {everyone}")

    threads = [threading.Thread(target=look, args=(name,)) for name in CUSTOMERS]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


parts = some.text(max_size=4) | some.integers() | some.none() | some.dates()


@given(
    some.lists(
        some.tuples(
            some.frozensets(some.text(max_size=3), max_size=3) | some.none(),
            some.text(max_size=5),
            some.lists(parts, max_size=3),
        ),
        max_size=12,
    )
)
def test_what_is_kept_is_kept_for_one_viewer_and_question(
    asked: list[tuple[frozenset[str] | None, str, list[Any]]],
) -> None:
    keys = {published.key_of(Path("p"), Viewer(who), sql, *values) for who, sql, values in asked}
    assert len(keys) == len(
        {(who, sql, tuple((type(v), v) for v in values)) for who, sql, values in asked}
    )


def test_keys_of_what_would_run_together() -> None:
    def key(*customers: str) -> str:
        return published.key_of(Path("p"), Viewer(frozenset(customers)), "q")

    assert (
        len(
            {
                key("a", "b"),
                key("a,b"),
                key("ab"),
                key("a"),
                key("astr:b"),
                key(),
                published.key_of(Path("p"), EVERYTHING, "q"),
            }
        )
        == 7
    )
    assert key("a", "b") == key("b", "a")
    assert published.key_of(Path("p"), EVERYTHING, "q") != published.key_of(
        Path("other"), EVERYTHING, "q"
    )
    assert published.key_of(Path("p"), EVERYTHING, "q", "a", "str:b") != published.key_of(
        Path("p"), EVERYTHING, "q", "astr:", "b"
    )


# ---------------------------------------------------------------- grants

NOW = 1_800_000_000
SIGN_IN = SignIn(
    "https://id.example.com/.well-known/openid-configuration",
    "makegood",
    "s" * 32,
    "c" * 32,
    "https://sla.example.com/oauth2callback",
    12,
)
ACCESS = Access(
    SIGN_IN,
    (
        Grant("email", "lead@example.com", "leadership"),
        Grant("groups", "finance", "finance"),
        Grant("email", "buyer@example.org", "customer", ("k<alpha>",)),
        Grant("groups", "partners", "customer", ("k<ALPHA>", "k<%>")),
        Grant("sub", "0042", "operations"),
        Grant("number", "42", "operations"),
        Grant("admin", "True", "leadership"),
    ),
)


def verified(email: str, **more: Any) -> dict[str, Any]:
    return {"email": email, "email_verified": True, **more}


@pytest.mark.parametrize(
    ("claims", "roles", "customers"),
    [
        (verified("lead@example.com"), {"leadership"}, None),
        ({"groups": ["x", "finance"]}, {"finance"}, None),
        ({"groups": "finance"}, {"finance"}, None),
        (verified("buyer@example.org"), {"customer"}, {"k<alpha>"}),
        (
            verified("buyer@example.org", groups=["partners"]),
            {"customer"},
            {"k<alpha>", "k<ALPHA>", "k<%>"},
        ),
        # a role inside sees every customer
        (verified("buyer@example.org", groups=["finance"]), {"customer", "finance"}, None),
        ({"sub": "0042"}, {"operations"}, None),
    ],
)
def test_grants_add_up(claims: dict[str, Any], roles: set[str], customers: set[str] | None) -> None:
    granted = ACCESS.granted(claims)
    assert granted.roles == roles
    assert granted.viewer.customers == customers


@pytest.mark.parametrize(
    "claims",
    [
        {},
        {"email": "lead@example.com"},
        *(
            {"email": "lead@example.com", "email_verified": said}
            for said in (False, None, "true", "false", 1, 0, "", [True], {})
        ),
        *(
            verified(e)
            for e in (
                "LEAD@example.com",
                "Lead@Example.com",
                " lead@example.com",
                "lead@example.com ",
                "lead@example.com\n",
                "lead@example.com\0",
            )
        ),
        # Cyrillic е, a full-width @, a combining accent, a zero-width space, a soft hyphen
        *(
            verified(e)
            for e in (
                "lеad@example.com",
                "lead＠example.com",
                "léad@example.com".replace("é", "e\u0301"),
                "lead\u200b@example.com",
                "le\u00adad@example.com",
            )
        ),
        *(
            {"email": said, "email_verified": True}
            for said in (
                None,
                5,
                [["lead@example.com"]],
                {"lead@example.com": True},
                b"lead@example.com",
            )
        ),
        *(
            {"groups": said}
            for said in (
                [["finance"]],
                {"finance": 1},
                "finance,x",
                "x finance",
                ["Finance"],
                [None, 5, {}],
                7,
                True,
                None,
                ["partner"],
                [["partners"]],
            )
        ),
        *({"sub": said} for said in (42, 42.0, "42", ["42"], "0042 ", "٠٠٤٢")),
        *({"number": said} for said in (42, [42], 42.0)),
        *({"admin": said} for said in (True, [True], "true")),
        # another claim that says it
        {
            "preferred_username": "lead@example.com",
            "upn": "lead@example.com",
            "name": "lead@example.com",
            "roles": ["finance"],
        },
    ],
)
def test_what_is_not_said_exactly_grants_nothing(claims: dict[str, Any]) -> None:
    granted = ACCESS.granted(claims)
    assert granted.roles == frozenset()
    assert granted.viewer == Viewer(frozenset())


@given(
    some.dictionaries(
        some.sampled_from(["email", "email_verified", "groups", "sub"]),
        some.recursive(parts | some.booleans(), some.lists, max_leaves=4),
    )
)
def test_no_claims_break_or_open_it(claims: dict[str, Any]) -> None:
    assert ACCESS.granted(claims).roles == frozenset()


@pytest.mark.parametrize(
    ("claims", "holds"),
    [
        ({"is_logged_in": True, "iat": NOW}, True),
        ({"is_logged_in": True, "iat": NOW - 12 * 3600 + 1}, True),
        ({"is_logged_in": True, "iat": NOW - 12 * 3600}, False),
        ({"is_logged_in": True, "iat": NOW + 300}, True),
        ({"is_logged_in": True, "iat": NOW + 301}, False),
        ({"is_logged_in": True}, False),
        ({"is_logged_in": True, "iat": str(NOW)}, False),
        ({"is_logged_in": True, "iat": True}, False),
        ({"is_logged_in": True, "iat": None}, False),
        ({"is_logged_in": "true", "iat": NOW}, False),
        ({"is_logged_in": 1, "iat": NOW}, False),
        ({"is_logged_in": False, "iat": NOW}, False),
        ({"iat": NOW}, False),
        ({}, False),
    ],
)
def test_a_sign_in_holds_for_so_long(claims: dict[str, Any], holds: bool) -> None:
    assert SIGN_IN.holds(claims, NOW) is holds


def test_what_is_handed_over_comes_as_it_went_and_is_on_no_disk() -> None:
    import os

    hostile = Access(
        SIGN_IN, tuple(Grant("email", word, "customer", (word, "b")) for word in CUSTOMERS)
    )
    handle = hostile.handle()
    try:
        assert handed_over(handle) == handed_over(handle) == hostile
        if sys.platform == "linux":
            assert os.readlink(f"/proc/self/fd/{handle}").startswith("/memfd:")
    finally:
        os.close(handle)
    assert "ssss" not in repr(hostile)
    assert "cccc" not in repr(hostile)


# ---------------------------------------------------------------- settings

GOOD = """\
sign_in:
  metadata_url: https://id.example.com/.well-known/openid-configuration
  client_id: makegood
  client_secret: env:T_CLIENT
  cookie_secret: env:T_COOKIE
  redirect_uri: https://sla.example.com/oauth2callback
grants:
  - {claim: email, value: lead@example.com, role: leadership}
  - claim: groups
    value: partners
    role: customer
    customers: [C01, "0042"]
"""


@pytest.fixture
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("T_CLIENT", "hush-client")
    monkeypatch.setenv("T_COOKIE", "hush-cookie-hush-cookie-hush-cookie")
    monkeypatch.setenv("T_SHORT", "hush-cookie")


@pytest.mark.usefixtures("secrets")
def test_settings_say_who_may_see_what(tmp_path: Path) -> None:
    assert settings_of(tmp_path) is None
    (tmp_path / "access.yaml").write_text(GOOD)
    found = settings_of(tmp_path)
    assert found is not None
    assert found.sign_in.client_secret == "hush-client"
    assert found.sign_in.session_hours == 12
    assert found.grants == (
        Grant("email", "lead@example.com", "leadership"),
        Grant("groups", "partners", "customer", ("C01", "0042")),
    )


@pytest.mark.usefixtures("secrets")
@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("env:T_CLIENT", "hush-client", r":4: sign_in.client_secret: must be env:NAME"),
        (
            "env:T_COOKIE",
            "hush-cookie-hush-cookie-hush-cookie",
            r":5: sign_in.cookie_secret: must be env:NAME",
        ),
        (
            "env:T_COOKIE",
            "env:T_SHORT",
            r":5: sign_in.cookie_secret: must hold at least 32 characters",
        ),
        (
            "env:T_COOKIE",
            "env:T_NOT_SET",
            r":5: sign_in.cookie_secret: the environment variable T_NOT_SET is not set",
        ),
        (
            "https://sla.example.com/oauth2callback",
            "http://sla.example.com/oauth2callback",
            r":6: sign_in.redirect_uri: must begin with https://",
        ),
        (
            "https://sla.example.com/oauth2callback",
            "http://localhost.example.com/oauth2callback",
            r":6: sign_in.redirect_uri: must begin with https://",
        ),
        (
            "https://sla.example.com/oauth2callback",
            "http://127.0.0.1@example.com/oauth2callback",
            r":6: sign_in.redirect_uri: must be an address",
        ),
        (
            "https://sla.example.com/oauth2callback",
            "https://sla.example.com/",
            r":6: sign_in.redirect_uri: must have the path /oauth2callback",
        ),
        (
            "https://sla.example.com/oauth2callback",
            "https://sla.example.com/oauth2callback?x=1",
            r":6: sign_in.redirect_uri: must be an address",
        ),
        (
            "https://sla.example.com/oauth2callback",
            "javascript:alert(1)",
            r":6: sign_in.redirect_uri: must be an address",
        ),
        (
            "https://sla.example.com/oauth2callback",
            "https://[::1/oauth2callback",
            r":6: sign_in.redirect_uri: ",
        ),
        *(
            ("sla.example.com", host, r":6: sign_in.redirect_uri: must be an address")
            for host in ("*", "*.example.com", "sla.example.com,*", "bücher.example")
        ),
        (
            "https://id.example.com",
            "http://id.example.com",
            r":2: sign_in.metadata_url: must begin with https://",
        ),
        (
            "/.well-known/openid-configuration",
            "/",
            r":2: sign_in.metadata_url: must end with /.well-known",
        ),
        ("  client_id: makegood\n", "", r":1: sign_in.client_id: is missing"),
        ("role: leadership", "role: boss", r":8: grants.0.role: is not a role"),
        (
            "role: leadership",
            "role: leadership, customers: [C01]",
            r":8: grants.0: the role customer, and no other",
        ),
        (
            'customers: [C01, "0042"]',
            "customers: []",
            r":9: grants.1: the role customer, and no other",
        ),
        ('customers: [C01, "0042"]', "customers: C01", r":12: grants.1.customers: "),
        (
            '[C01, "0042"]',
            "[C01, 42]",
            r":12: grants.1.customers.1: 42 is read as a number, .* put it in quotes, as in '42'",
        ),
        ("value: partners", "value: 5", r":10: grants.1.value: 5 is read as a number"),
        (
            "value: partners",
            'value: " partners"',
            r":10: grants.1.value: must be text without space",
        ),
        ("value: partners", 'value: ""', r":10: grants.1.value: must be text"),
        ("claim: groups", "claim: is_logged_in", r":9: grants.1.claim: is not a claim"),
        ("claim: groups", "claim: provider", r":9: grants.1.claim: is not a claim"),
        (
            "claim: groups",
            "claim: groups\n    claims: groups",
            r":10: grants.1.claims: unknown key",
        ),
        ("sign_in:", "session: 5\nsign_in:", r":1: session: unknown key"),
        (
            "  client_id: makegood\n",
            "  client_id: makegood\n  session_hours: 0\n",
            r":4: sign_in.session_hours: ",
        ),
    ],
)
def test_settings_that_are_wrong_are_refused_by_line_and_show_no_secret(
    tmp_path: Path, old: str, new: str, found: str
) -> None:
    assert old in GOOD
    (tmp_path / "access.yaml").write_text(GOOD.replace(old, new, 1))
    with pytest.raises(InvalidDocument, match=r"access\.yaml" + found) as error:
        settings_of(tmp_path)
    assert len(error.value.findings) == 1
    assert "hush" not in str(error.value)


@pytest.mark.usefixtures("secrets")
def test_nobody_is_granted_anything_by_no_grants(tmp_path: Path) -> None:
    for grants in ("grants: []\n", "", "grants:\n"):
        (tmp_path / "access.yaml").write_text(GOOD.partition("grants:")[0] + grants)
        with pytest.raises(InvalidDocument, match="grants"):
            settings_of(tmp_path)


LOOPBACK = ["127.0.0.1", "127.0.0.2", "127.255.255.254", "localhost", "::1"]
ELSEWHERE_ADDRESSES = [
    "",
    "0.0.0.0",
    "::",
    "*",
    "10.0.0.1",
    "192.168.1.5",
    "128.0.0.1",
    "126.255.255.255",
    "sla.example.com",
    "localhost.example.com",
    "127.0.0.1.example.com",
    "127.0.0.1:80",
    "127.1",
    "2130706433",
    "0x7f.0.0.1",
    "0177.0.0.1",
    "::ffff:127.0.0.1",
    "fe80::1",
    "::1%lo",
    "[::1]",
    " 127.0.0.1",
    "unix:///tmp/s",
    "LOCALHOST ",
]


def test_what_is_loopback() -> None:
    assert [a for a in LOOPBACK if not is_loopback(a)] == []
    assert [a for a in [*ELSEWHERE_ADDRESSES, None] if is_loopback(a)] == []


# ---------------------------------------------------------------- the command


def test_other_machines_are_not_served_without_sign_in(
    shared_place: Published, tmp_path: Path
) -> None:
    done = makegood("dashboards", "--warehouse", shared_place.warehouse, "--address", "0.0.0.0")
    assert done.returncode == 2
    assert "nobody would have to sign in" in done.stderr
    assert "access.yaml" in done.stderr
    # nor without the access file, even at a local address, which a proxy may forward to
    for address in ("0.0.0.0", "127.0.0.1"):
        done = makegood(
            "dashboards",
            "--warehouse",
            shared_place.warehouse,
            "--address",
            address,
            "--access",
            tmp_path / "acess.yaml",
        )
        assert done.returncode == 2
        assert "acess.yaml: is not a file" in done.stderr
        assert done.stdout == ""
    # nor with a sign-in that leads back to this machine alone, nor with one that is refused
    (tmp_path / "a.yaml").write_text(
        GOOD.replace("https://sla.example.com", "http://localhost:8501").replace("T_C", "PATH_C")
    )
    done = makegood(
        "dashboards",
        "--warehouse",
        shared_place.warehouse,
        "--address",
        "0.0.0.0",
        "--access",
        tmp_path / "a.yaml",
    )
    assert done.returncode == 2
    assert (
        "a.yaml:4: sign_in.client_secret: the environment variable PATH_CLIENT is not set"
        in done.stderr
    )


@pytest.mark.parametrize("address", [a for a in ELSEWHERE_ADDRESSES if a != "*"][:6])
def test_nothing_is_started_for_other_machines_without_sign_in(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, address: str
) -> None:
    from makegood.orchestration.serving import serve

    started: list[list[str]] = []
    monkeypatch.setattr(serve, "_serve", lambda command, environment: started.append(command))
    with pytest.raises(serve.Unguarded):
        serve.dashboards(tmp_path, 1, address)
    with pytest.raises(serve.Unguarded):
        serve.dashboards(
            tmp_path,
            1,
            address,
            Access(
                SignIn(**{**vars(SIGN_IN), "redirect_uri": "http://localhost:1/oauth2callback"}),
                ACCESS.grants,
            ),
        )
    assert started == []
    serve.dashboards(tmp_path, 1, address, ACCESS)
    serve.dashboards(tmp_path, 1)
    assert [
        a for command in started for a in command if "hush" in a or "cccc" in a or "ssss" in a
    ] == []
    assert len(started) == 2


# ---------------------------------------------------------------- pages


def claims_of(name: str | None, role: str) -> dict[str, Any]:
    """Who has signed in just now as somebody with a role."""
    return {"is_logged_in": True, "iat": int(time.time()), "role": role, "who": name or "inside"}


@pytest.fixture
def granting(monkeypatch: pytest.MonkeyPatch, shared_place: Published) -> Iterator[None]:
    """The dashboards with sign-in, and a grant for each role and customer."""
    grants = [Grant("role", role, role) for role in navigation.INTERNAL]
    grants += [Grant("who", name, "customer", (f"k<{name}>",)) for name in [*CUSTOMERS, ELSEWHERE]]
    handle = Access(SIGN_IN, tuple(grants)).handle()
    monkeypatch.setattr(
        sys, "argv", ["app.py", "--warehouse", str(shared_place.warehouse), "--access", str(handle)]
    )
    yield
    os.close(handle)
    published._handed_over.cache_clear()


def opened_page(path: Path, user: dict[str, Any], **query: str) -> AppTest:
    at = AppTest.from_file(str(path), default_timeout=60)
    at.user = user
    for key, value in query.items():
        at.query_params[key] = value
    return at.run()


def shown(at: AppTest) -> bytes:
    """All that is sent to the browser, without the signs that keep Markdown plain."""

    def sent(node: Any) -> Iterator[bytes]:
        if (proto := getattr(node, "proto", None)) is not None:
            yield proto.SerializeToString()
        for child in getattr(node, "children", {}).values():
            yield from sent(child)

    return b"\n".join(sent(at._tree)).replace(b"\\", b"")


def pages(*roles: str) -> list[str]:
    return [page.name for page in navigation.pages_of(roles)]


@pytest.mark.usefixtures("granting")
@pytest.mark.parametrize("page", navigation.PAGES, ids=lambda page: page.name)
def test_no_page_shows_a_customer_anything_of_others(page: navigation.Listed) -> None:
    """Also those that they can't open, were they to get there."""
    at = opened_page(page.file, claims_of("alpha", "customer"))
    seen = shown(at)
    assert b"<ALPHA>" not in seen
    assert set(re.findall(rb"<(ALPHA|%|far|\xce\xb1lpha|alpha' or [^>]*)>", seen)) == set()
    assert ".csv" not in str(seen)
    if navigation.CUSTOMER in page.roles:
        assert not at.exception
        assert b"<alpha>" in seen


@pytest.mark.usefixtures("granting")
@pytest.mark.parametrize("page", navigation.PAGES, ids=lambda page: page.name)
@pytest.mark.parametrize("user", ["not signed in", "granted nothing"])
def test_no_page_shows_anything_to_who_is_not_granted_it(
    page: navigation.Listed, user: str
) -> None:
    seen = shown(
        opened_page(page.file, {} if user == "not signed in" else claims_of("nobody", "boss"))
    )
    assert not re.search(rb"<(alpha|ALPHA|%|far)>|\bvoice\b|inc-", seen)


@pytest.mark.usefixtures("granting")
def test_the_address_of_what_is_anothers_says_what_any_wrong_one_says() -> None:
    (page,) = [page for page in navigation.PAGES if page.name == "report"]
    found = [
        opened_page(page.file, claims_of("alpha", "customer"), subscription=s)
        for s in ("s<ALPHA>", "s<nobody>")
    ]
    said = [
        [str(getattr(e, "value", "")).replace("ALPHA", "nobody") for e in at.main] for at in found
    ]
    assert said[0] == said[1]
    assert "There is no subscription" in str(said[0])
    # their own is there
    assert b"There is no subscription" not in shown(
        opened_page(page.file, claims_of("alpha", "customer"), subscription="s<alpha>")
    )


@pytest.mark.usefixtures("granting")
@pytest.mark.parametrize("role", navigation.ROLES)
def test_the_navigation_has_the_pages_of_a_role_and_no_other(
    monkeypatch: pytest.MonkeyPatch, role: str
) -> None:
    offered: list[str] = []
    navigate = st.navigation

    def spy(sections: dict[str, list[Any]], **more: Any) -> Any:
        offered.extend(p.url_path or p.title for listed in sections.values() for p in listed)
        return navigate(sections, **more)

    monkeypatch.setattr(st, "navigation", spy)
    at = opened_page(APP, claims_of("alpha" if role == "customer" else None, role))
    assert not at.exception
    titles = {page.name: page.title for page in navigation.PAGES}
    # the first page is where they start, and has no address of its own
    assert offered == [titles[name] if n == 0 else name for n, name in enumerate(pages(role))]


def test_roles_open_what_they_are_for() -> None:
    listed = {role: set(pages(role)) for role in navigation.ROLES}
    assert listed["leadership"] >= listed["finance"] | listed["operations"]
    assert listed["customer"]
    assert {p.name for p in navigation.PAGES if navigation.CUSTOMER in p.roles} == listed[
        "customer"
    ]
    assert listed["finance"] - listed["operations"]
    assert listed["operations"] - listed["finance"]
    assert pages() == []


@pytest.mark.usefixtures("granting")
def test_who_is_granted_nothing_is_told_so_and_no_more() -> None:
    at = opened_page(APP, claims_of("nobody", "boss") | {"email": "<img src=x>@example.com"})
    assert not at.exception
    assert [i.value for i in at.info] == [
        "You are signed in, but you don't have access to any page. "
        "Ask the people who run these dashboards."
    ]
    assert [b.label for b in at.button] == ["Sign out"]
    assert "as of" not in str(shown(at))


@pytest.mark.usefixtures("granting")
def test_who_has_not_signed_in_is_asked_to_and_sees_no_more() -> None:
    at = opened_page(APP, {})
    assert not at.exception
    assert [b.label for b in at.button] == ["Sign in"]
    assert "as of" not in str(shown(at))


@pytest.mark.usefixtures("granting")
def test_the_publication_and_its_age_are_always_in_sight(shared_place: Published) -> None:
    (run,) = shared_place.query("select as_of, finished_at from quality.runs")
    for user in (claims_of(None, "finance"), claims_of("alpha", "customer")):
        at = opened_page(APP, user)
        (age,) = [c for c in at.sidebar.caption if "Published" in c.value]
        assert age.help == f"{run['finished_at']:%Y-%m-%d %H:%M:%S} UTC"
        assert f"Figures as of **{run['as_of']:%Y-%m-%d %H:%M:%S} UTC**" in [
            c.value for c in at.main.caption
        ]


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "just now"),
        (59, "just now"),
        (60, "1 minute ago"),
        (7200, "2 hours ago"),
        (86399, "23 hours ago"),
        (3 * 86400, "3 days ago"),
    ],
)
def test_ages(seconds: int, said: str) -> None:
    assert published.age(datetime.now(UTC) - timedelta(seconds=seconds + 1)) == said or seconds in (
        59,
        86399,
    )


@pytest.fixture
def by_hand(monkeypatch: pytest.MonkeyPatch, shared_place: Published) -> Callable[..., None]:
    def started(address: str | None, *names: str) -> None:
        monkeypatch.setattr(sys, "argv", ["app.py", "--warehouse", str(shared_place.warehouse)])
        monkeypatch.setattr(
            st,
            "get_option",
            lambda name: {"server.address": address, "server.allowedHosts": list(names)}[name],
        )

    return started


@pytest.mark.parametrize("address", LOOPBACK)
def test_to_this_machine_alone_it_shows_everything(
    by_hand: Callable[..., None], address: str
) -> None:
    by_hand(address, *LOOPBACK)
    assert published.granted() == ALL


@pytest.mark.parametrize("address", [*ELSEWHERE_ADDRESSES, None])
def test_started_by_hand_it_shows_nothing_to_other_machines(
    by_hand: Callable[..., None], address: str | None
) -> None:
    by_hand(address, "localhost")
    with pytest.raises(published.Unguarded):
        published.reader()


@pytest.mark.parametrize(
    "names", [(), ("*",), ("localhost", "sla.example.com"), ("localhost", "*.localhost"), ("",)]
)
def test_started_by_hand_it_shows_nothing_to_who_asks_by_another_name(
    by_hand: Callable[..., None], names: tuple[str, ...]
) -> None:
    by_hand("127.0.0.1", *names)
    with pytest.raises(published.Unguarded):
        published.reader()
    at = opened_page(APP, claims_of("alpha", "leadership"))
    assert not at.exception
    assert "without signing in" in at.error[0].value
    assert "as of" not in str(shown(at))


# ------------------------------------------------ signing in, in a browser and without one

COOKIE = "_streamlit_user"
SPOILED = (
    "by another key",
    "expired",
    "for another client",
    "of another provider",
    "of another request",
    "not signed",
)
COOKIE_SECRET = "a-secret-of-the-tests-and-of-nothing-else"
GRANTS = [
    {"claim": "email", "value": "lead@example.com", "role": "leadership"},
    {"claim": "groups", "value": "duty", "role": "operations"},
    *(
        {
            "claim": "email",
            "value": f"{n}@example.org",
            "role": "customer",
            "customers": [f"k<{name}>"],
        }
        for n, name in enumerate(CUSTOMERS)
    ),
]
USERS: dict[str, dict[str, Any]] = {
    "lead": {"email": "lead@example.com", "email_verified": True},
    "unverified": {"email": "lead@example.com", "email_verified": False},
    "duty": {"email": "duty@example.com", "groups": ["duty", "staff"]},
    "stranger": {"email": "stranger@example.net", "email_verified": True, "groups": [["duty"]]},
    **{
        f"customer {n}": {"email": f"{n}@example.org", "email_verified": True}
        for n in range(len(CUSTOMERS))
    },
    **{
        f"lead {how}": {"email": "lead@example.com", "email_verified": True, "spoiled": how}
        for how in SPOILED
    },
}


@contextmanager
def running(
    command: list[str],
    health: str,
    log: Path,
    environment: dict[str, str] | None = None,
    said: str = "",
) -> Iterator[None]:
    with (
        log.open("wb") as out,
        subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env=environment,
        ) as process,
    ):
        try:
            assert process.stdin is not None
            process.stdin.write(said.encode())
            process.stdin.close()
            answers(health, process)
            yield
        finally:
            os.killpg(process.pid, signal.SIGTERM)


def answers(health: str, process: subprocess.Popen[bytes]) -> None:
    """Waits for the first answer of a server."""
    end = time.monotonic() + 60
    while time.monotonic() < end and process.poll() is None:
        try:
            if httpx.get(health, timeout=1).is_success:
                return
        except httpx.HTTPError:
            time.sleep(0.05)
    pytest.fail(f"{health} does not answer")


@dataclass(frozen=True)
class Server:
    """The dashboards as the command serves them; `log` holds what it says."""

    address: str
    log: Path

    @property
    def port(self) -> int:
        return urlsplit(self.address).port or 0


Serve = Callable[..., AbstractContextManager[Server]]

LOOSE = """\
[server]
address = "0.0.0.0"
allowedHosts = ["*"]
corsAllowedOrigins = ["http://evil.example"]
enableCORS = false
enableXsrfProtection = false
[browser]
serverAddress = "localhost.evil.example"
"""


@pytest.fixture(scope="module")
def serve(shared_place: Published, tmp_path_factory: pytest.TempPathFactory) -> Serve:
    """Starts the command; `sign_in`: what access.yaml says of it, nothing: no sign-in."""

    @contextmanager
    def started(port: int, sign_in: dict[str, str] | None = None) -> Iterator[Server]:
        folder = tmp_path_factory.mktemp("served")
        command = [
            str(Path(sys.executable).parent / "makegood"),
            "dashboards",
            "--warehouse",
            str(shared_place.warehouse),
            "--port",
            str(port),
        ]
        if sign_in is not None:
            (folder / "people.yaml").write_text(json.dumps({"sign_in": sign_in, "grants": GRANTS}))
            command += ["--access", str(folder / "people.yaml")]
        # what Streamlit finds in its own settings lets nobody in
        (folder / ".streamlit").mkdir()
        (folder / ".streamlit" / "config.toml").write_text(LOOSE)
        environment = {
            **os.environ,
            "T_CLIENT": "any",
            "T_COOKIE": COOKIE_SECRET,
            "HOME": str(folder),
            "STREAMLIT_SERVER_ALLOWED_HOSTS": "*",
        }
        with running(
            command, f"http://127.0.0.1:{port}/_stcore/health", folder / "log", environment
        ):
            yield Server(f"http://localhost:{port}", folder / "log")

    return started


def sign_in_by(provider: str, address: str) -> dict[str, str]:
    return {
        "metadata_url": f"{provider}/.well-known/openid-configuration",
        "client_id": "makegood",
        "client_secret": "env:T_CLIENT",
        "cookie_secret": "env:T_COOKIE",
        "redirect_uri": f"{address}/oauth2callback",
    }


@pytest.fixture(scope="module")
def signing_in(serve: Serve, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """With sign-in by a provider of our own."""
    port, provider = free_port(), free_port()
    said = sign_in_by(f"http://localhost:{provider}", f"http://localhost:{port}")
    command = [sys.executable, "-m", "tests.support.oidc_provider", str(provider)]
    with (
        running(
            command,
            said["metadata_url"],
            tmp_path_factory.mktemp("provider") / "log",
            said=json.dumps(USERS),
        ),
        serve(port, said) as server,
    ):
        yield server


@pytest.fixture(scope="module")
def address(signing_in: Server) -> str:
    return signing_in.address


@pytest.fixture(scope="module")
def open_to_all(serve: Serve) -> Iterator[Server]:
    """Without sign-in."""
    with serve(free_port()) as server:
        yield server


def cookie(address: str, secret: str = COOKIE_SECRET, **claims: Any) -> str:
    """The cookie of who has signed in, as Streamlit writes it."""
    user = {
        "is_logged_in": True,
        "origin": address,
        "provider": "default",
        "iat": int(time.time()),
        **USERS["lead"],
        **claims,
    }
    return create_signed_value(secret, COOKIE, json.dumps(user)).decode()


def opens(
    server: Server, page: str = "", host: str = "", origin: str | None = "", **cookies: str
) -> str | None:
    """Everything that a browser is sent when it opens a page, unescaped; nothing if it is refused.

    `host`: the name in its address bar, with the port; `origin`: that of the page that makes the
    request, if it is another one, or none.
    """
    host = host or urlsplit(server.address).netloc
    token = generate_xsrf_token_string()
    try:
        stream = connect(
            f"ws://{host}/_stcore/stream",
            sock=socket.create_connection(("127.0.0.1", server.port), timeout=60),
            proxy=None,
            origin=Origin(f"http://{host}" if origin == "" else origin)
            if origin is not None
            else None,
            subprotocols=[Subprotocol("streamlit"), Subprotocol(token)],
            additional_headers={
                "Cookie": "; ".join(
                    f"{k}={v}" for k, v in {"_streamlit_xsrf": token, **cookies}.items()
                )
            },
            max_size=None,
        )
    except InvalidStatus as error:
        if error.response.status_code != 403:
            raise
        return None
    with stream:
        stream.send(BackMsg(rerun_script=ClientState(page_name=page)).SerializeToString())
        sent = b""
        while True:
            data = stream.recv(timeout=60)
            assert isinstance(data, bytes)
            sent += data + b"\n"
            if ForwardMsg.FromString(data).WhichOneof("type") == "script_finished":
                return html.unescape(sent.decode(errors="replace").replace("\\", ""))


def signed_in(address: str, user: str) -> dict[str, str]:
    """The cookies after a sign-in without a browser; none if the token is not accepted."""
    token = jwt.encode(
        {"alg": "HS256"},
        {"provider": "default", "exp": int(time.time()) + 60},
        OctKey.import_key(COOKIE_SECRET),
    )
    with httpx.Client() as client:
        asked = client.get(f"{address}/auth/login", params={"provider": token})
        assert asked.status_code == 302
        answered = client.post(asked.headers["location"], data={"sub": user})
        assert answered.headers["location"].startswith(f"{address}/oauth2callback")
        done = client.get(answered.headers["location"])
        assert done.status_code == 302
        return {
            c.name: c.value
            for c in client.cookies.jar
            if c.name.startswith(COOKIE) and c.value and c.value != '""'
        }


def whose(text: str | None) -> set[str]:
    """The customers whose words stand in a text."""
    assert text is not None
    return {name for name in [*CUSTOMERS, ELSEWHERE] if f"<{name}>" in text}


FIGURES = "Figures as of"


def sign_in(context: Any, address: str, user: str) -> Any:
    """A page of a browser that has signed in."""
    page = context.new_page()
    page.goto(address)
    page.get_by_role("button", name="Sign in").click()
    page.locator("input[name=sub]").fill(user)
    page.get_by_role("button", name="Authorize").click()
    page.wait_for_url(address + "/**")
    return page


@pytest.mark.long
def test_in_and_out_again(chromium: Any, address: str) -> None:
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(30_000)
    page = sign_in(context, address, "duty")
    page.get_by_text("Signed in as duty@example.com").wait_for()
    page.get_by_text(FIGURES).first.wait_for()
    links = {
        a.get_attribute("href").rpartition("/")[2]
        for a in page.locator("[data-testid=stSidebarNav] a").all()
    }
    assert links == set(pages("operations")[1:]) | {""}
    # a page that is not theirs, by its address: the same as one that there is not
    said = []
    for name in ("credits", "no-such-page"):
        page.goto(f"{address}/{name}")
        page.get_by_role("dialog").wait_for()
        said.append(page.get_by_role("dialog").inner_text().replace(name, "…"))
    assert said[0] == said[1]
    assert "<alpha>" not in page.content()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Sign out").click()
    # the provider asks whether to sign out there as well
    page.wait_for_url("**/oauth2/end_session?**")
    page.get_by_role("button").first.click()
    page.wait_for_url(address + "/**")
    page.get_by_role("button", name="Sign in").wait_for()
    assert [c["name"] for c in context.cookies() if c["name"].startswith(COOKIE)] == []
    page.goto(f"{address}/availability")
    page.get_by_role("button", name="Sign in").wait_for()
    assert page.get_by_text(FIGURES).count() == 0
    context.close()


@pytest.mark.long
def test_customers_at_once_see_each_their_own(signing_in: Server) -> None:
    signed = [signed_in(signing_in.address, f"customer {n}") for n in range(len(CUSTOMERS))]
    with ThreadPoolExecutor(len(CUSTOMERS)) as pool:
        for _ in range(2):
            found = pool.map(lambda cookies: opens(signing_in, **cookies), signed)
            assert [whose(text) for text in found] == [{name} for name in CUSTOMERS]


def test_who_is_granted_nothing(signing_in: Server) -> None:
    for user in ("stranger", "unverified"):
        cookies = signed_in(signing_in.address, user)
        for page in ("", "availability"):
            said = opens(signing_in, page, **cookies)
            assert said is not None
            assert "you don't have access to any page" in said
            assert not re.search("voice|Availability|Figures", said)


def test_cookies_that_are_not_ours_sign_nobody_in(signing_in: Server) -> None:
    address = signing_in.address
    good = cookie(address)
    payload, stamp, signature = good.rsplit(".", 2)
    other = cookie(address, email="0@example.org").rsplit(".", 2)[0]
    forged = {
        "none": "",
        "signed by another secret": cookie(
            address, secret="another-secret-that-is-as-long-as-ours"
        ),
        "signed by no secret": cookie(address, secret=""),
        "with what another one says": f"{other}.{stamp}.{signature}",
        "cut": good[:-1],
        "not signed": f"{payload}.{stamp}.",
        "plain": quote(json.dumps({"is_logged_in": True, **USERS["lead"]})),
        "of long ago": cookie(address, iat=int(time.time()) - 13 * 3600),
        "of no time": cookie(address, iat=None),
        "of another address": cookie("http://localhost:1"),
        "of who is not signed in": cookie(address, is_logged_in=False),
    }

    def said_to(value: str) -> tuple[bool, bool]:
        said = opens(signing_in, **{COOKIE: value}) or ""
        return "Sign in to see" in said, FIGURES in said

    assert {how: said_to(value) for how, value in forged.items()} == dict.fromkeys(
        forged, (True, False)
    )
    # one that is ours does, or all of the above would prove nothing
    assert said_to(good) == (False, True)


def test_tokens_that_are_not_sound_sign_nobody_in(address: str) -> None:
    assert signed_in(address, "lead")
    assert [how for how in SPOILED if signed_in(address, f"lead {how}")] == []


@pytest.mark.parametrize("name", ["signing_in", "open_to_all"])
@pytest.mark.parametrize("host", ["", "evil.example"])
def test_what_the_server_says_outside_of_a_session_names_nothing(
    request: pytest.FixtureRequest, name: str, host: str
) -> None:
    """No address that answers without a WebSocket has a figure or a secret, under any host name."""
    server: Server = request.getfixturevalue(name)
    headers = (
        {"Host": f"{host}:{server.port}", "Origin": f"http://{host}:{server.port}"} if host else {}
    )
    for path in (
        "",
        "availability",
        "credits",
        "_stcore/health",
        "_stcore/host-config",
        "_stcore/metrics",
        "media/x",
        "component/x",
        "app/static/x",
        "_stcore/script-health-check",
    ):
        answer = httpx.get(f"{server.address}/{path}", follow_redirects=True, headers=headers)
        assert not re.search(rf"alpha|voice|{COOKIE_SECRET}|example\.com", answer.text), path
        assert answer.headers.get("access-control-allow-origin") is None, path
    assert not httpx.post(
        f"{server.address}/_stcore/agent/interact", json={}, headers=headers
    ).is_success


FOREIGN = [
    "evil.example",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "evil.localhost",
    "192.0.2.1",
]


@pytest.mark.long
@pytest.mark.parametrize("name", ["signing_in", "open_to_all"])
def test_other_websites_are_refused(request: pytest.FixtureRequest, name: str) -> None:
    """Including one whose name points to this machine: host and origin are then equal, but not
    ours."""
    server: Server = request.getfixturevalue(name)
    for own in ("localhost", "LOCALHOST", "127.0.0.1", "[::1]"):
        address = f"http://{own}:{server.port}"
        assert FIGURES in (
            opens(server, host=f"{own}:{server.port}", **{COOKIE: cookie(address)}) or ""
        ), own
    let_in = []
    for foreign in FOREIGN:
        for host in (f"{foreign}:{server.port}", foreign):
            asked = {
                "host and origin": opens(server, host=host, **{COOKIE: cookie(f"http://{host}")}),
                "host alone": opens(server, host=host, origin=None),
                "origin": opens(server, origin=f"http://{host}"),
                "a host of ours in the origin": opens(server, host=host, origin=server.address),
            }
            let_in += [f"{how}: {host}" for how, answer in asked.items() if answer is not None]
    assert let_in == []


def test_behind_https_it_answers_to_the_name_that_people_sign_in_at(serve: Serve) -> None:
    """With the name handed on by the proxy, or with the proxy's own for us."""
    name = "https://sla.example.com"
    with serve(free_port(), sign_in_by("https://id.example.com", name)) as server:
        for host in ("sla.example.com", f"127.0.0.1:{server.port}"):
            assert FIGURES in (
                opens(server, host=host, origin=name, **{COOKIE: cookie(name)}) or ""
            )
            assert "Sign in to see" in (opens(server, host=host, origin=name) or "")
            assert opens(server, host=host, origin="https://other.example.com") is None
        assert opens(server, host="other.example.com", origin="https://other.example.com") is None
        assert (
            server.log.read_text().splitlines()[0]
            == f"people sign in at {name} and see what is granted to them"
        )


def test_a_server_has_the_names_of_this_machine_and_of_the_sign_in() -> None:
    local = {"127.0.0.1", "localhost", "::1"}
    assert set(names("127.0.0.1", None)) == local
    assert set(names("127.0.0.2", None)) == local | {"127.0.0.2"}
    for address in ("0.0.0.0", "*", "::", ""):
        assert set(names(address, ACCESS)) == local | {"sla.example.com"}


def test_a_proxy_opens_nothing_where_nobody_signs_in(open_to_all: Server) -> None:
    """As when access.yaml has gone: whichever way a proxy names the host."""
    for host in (
        "sla.example.com",
        f"127.0.0.1:{open_to_all.port}",
        f"localhost:{open_to_all.port}",
    ):
        assert opens(open_to_all, host=host, origin="https://sla.example.com") is None


def test_the_command_says_who_gets_in(signing_in: Server, open_to_all: Server) -> None:
    assert (
        signing_in.log.read_text().splitlines()[0]
        == f"people sign in at {signing_in.address} and see what is granted to them"
    )
    said = f"no sign-in: everyone who reaches http://127.0.0.1:{open_to_all.port} sees everything"
    assert open_to_all.log.read_text().splitlines()[0] == said


def test_by_hand_it_shows_nothing(shared_place: Published, tmp_path: Path) -> None:
    """Open to other machines, or to any name."""
    port = free_port()
    command = [
        sys.executable,
        "-m",
        "streamlit",
        "run",
        str(APP),
        "--server.address=0.0.0.0",
        f"--server.port={port}",
        "--server.headless=true",
    ]
    command += [
        "--browser.gatherUsageStats=false",
        "--",
        "--warehouse",
        str(shared_place.warehouse),
    ]
    with running(command, f"http://127.0.0.1:{port}/_stcore/health", tmp_path / "log"):
        said = opens(Server(f"http://127.0.0.1:{port}", tmp_path / "log"), "availability")
        assert said is not None
        assert "without signing in" in said
        assert not re.search("voice|Availability|Figures", said)
