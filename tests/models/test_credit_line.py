"""What holds of credits whatever the feeds: statements that are never rewritten (C7), figures that
do not depend on how rows were delivered, parts that add up, and a proof whose figures are those of
the marts."""

import json
import random
import re
import subprocess
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from makegood.ingestion.contracts.loader import load_folder
from makegood.ingestion.contracts.scenarios import SCENARIOS
from makegood.ingestion.contracts.tables import tables
from makegood.orchestration.output.explain import NotFound, explain
from makegood.orchestration.output.status import describe
from tests import conftest
from tests.conftest import CONTRACTS, Feeds, Published, Runner, examples
from tests.e2e.test_command import makegood
from tests.models.test_credit_examples import AS_OF, DAY, Examples, H, made


def deliver(folder: Path, name: str, feeds: Feeds) -> None:
    """Adds files to a landing folder; what has landed before stays."""
    for feed, rows in feeds.items():
        (folder / feed).mkdir(parents=True, exist_ok=True)
        (folder / feed / f"{name}.csv").write_text(conftest.csv_text(feed, rows))


def statements(published: Published) -> list[tuple[Any, ...]]:
    columns = (
        "month",
        "currency",
        "statement_version",
        "monthly_fee",
        "credit_pct",
        "credit_amount",
        "changed",
        "is_current",
    )
    rows = published.query(
        "select * from marts.credit_statements order by month, currency, statement_version"
    )
    return [tuple(str(r[c]) for c in columns) for r in rows]


@pytest.mark.long
def test_statements_are_never_rewritten(publish: Runner, tmp_path: Path) -> None:
    """C7: late data adds versions; the older ones stay as they were issued."""
    landing = tmp_path / "landing"
    first = Examples().subscription("s", fee=None).outage(0, 2593)
    invoice = first.invoice()
    deliver(landing, "1", first.feeds)
    june = ("2026-06-01", "None", "1", "0.000", "10.000000", "0.000", "", "True")

    # not final: no statement yet
    published = publish(landing, "2026-06-30T23:59:59Z")
    assert statements(published) == []
    assert [r["statement_version"] for r in published.mart("credits")] == [None]
    # final to the second; there is no fee, and no currency
    assert statements(publish(landing, "2026-07-01T00:00:00Z")) == [june]
    # the same again changes nothing, nor does time
    assert statements(publish(landing, "2026-07-01T00:00:00Z")) == [june]
    issued = publish(landing, "2026-07-05T00:00:00Z").query(
        "select issued_at from marts.credit_statements"
    )
    assert [str(r["issued_at"])[:19] for r in issued] == ["2026-07-01 00:00:00"]

    # a late invoice gives the month a currency: the row without one keeps its version, no longer
    # current
    line = {
        "line_id": "l1",
        "invoice_id": invoice,
        "subscription_id": "s",
        "line_kind": "recurring",
        "period_start": "2026-06-01",
        "period_end": "2026-06-30",
    }
    deliver(landing, "2", {"invoice_lines": [{**line, "amount": "100.00", "currency": "EUR"}]})
    gone = (*june[:-1], "False")
    euro = ("2026-06-01", "EUR", "1", "100.000", "10.000000", "10.000", "", "True")
    assert statements(publish(landing, "2026-07-06T00:00:00Z")) == sorted(
        [gone, euro], key=lambda r: (r[0], r[1] == "None", r[1])
    )

    # late evidence of a longer outage: another version, which says what changed
    deliver(
        landing,
        "3",
        {
            "outages": [
                {
                    "outage_id": "late",
                    "component_id": "s",
                    "state": "down",
                    "started_at": "2026-06-20T00:00:00Z",
                    "ended_at": "2026-06-21T00:00:00Z",
                }
            ]
        },
    )
    found = [s for s in statements(publish(landing, "2026-07-07T00:00:00Z")) if s[1] == "EUR"]
    changed = "availability_credit_pct,availability_pct,combined_pct,credit_amount,credit_pct"
    assert found == [
        (*euro[:-1], "False"),
        ("2026-06-01", "EUR", "2", "100.000", "25.000000", "25.000", changed, "True"),
    ]

    # a request, and the claim it makes, is no new statement
    deliver(
        landing,
        "4",
        {
            "credit_requests": [
                {
                    "request_id": "r",
                    "subscription_id": "s",
                    "month": "2026-06-01",
                    "requested_on": "2026-07-08",
                }
            ]
        },
    )
    published = publish(landing, "2026-07-08T00:00:00Z")
    assert [s for s in statements(published) if s[1] == "EUR"] == found
    assert [
        (r["payable_amount"], r["statement_version"])
        for r in published.mart("credits")
        if r["currency"] == "EUR" and r["status"] == "final"
    ] == [(25, 2)]

    # the line is withdrawn: the row without a currency is back with the same values, and is the
    # same version again
    deliver(
        landing,
        "5",
        {
            "invoice_lines": [{"line_id": "l1", "deleted": "true"}],
            "outages": [{"outage_id": "late", "deleted": "true"}],
        },
    )
    found = statements(publish(landing, "2026-07-09T00:00:00Z"))
    assert [(s[1], s[2], s[-1]) for s in found] == [
        ("EUR", "1", "False"),
        ("EUR", "2", "False"),
        ("None", "1", "True"),
    ]

    # and delivered again: values as before the last version are a third one
    deliver(
        landing,
        "6",
        {"invoice_lines": [{**line, "line_kind": "usage", "amount": "100.00", "currency": "EUR"}]},
    )
    found = [s for s in statements(publish(landing, "2026-07-10T00:00:00Z")) if s[1] == "EUR"]
    assert [(s[2], s[4], s[-1]) for s in found] == [
        ("1", "10.000000", "False"),
        ("2", "25.000000", "False"),
        ("3", "10.000000", "True"),
    ]


@pytest.mark.long
def test_figures_do_not_depend_on_how_rows_are_delivered(publish: Runner, tmp_path: Path) -> None:
    """Order of rows, split into files, duplicates and a re-run change nothing."""
    feeds = made().feeds
    contracts = conftest.write_contracts(
        tmp_path / "contracts",
        {
            "amended": conftest.yaml.safe_load((CONTRACTS / "trueengage.yaml").read_text())
            | {"contract_id": "amended"}
        },
    )
    for path in CONTRACTS.glob("*.yaml"):
        (contracts / path.name).write_text(path.read_text())
    whole = publish(
        conftest.write_landing(tmp_path / "whole", feeds),
        AS_OF,
        contracts,
        warehouse=tmp_path / "a",
    ).figures()
    shuffled = random.Random(7)
    for feed, rows in feeds.items():
        mixed = [*rows, *shuffled.sample(rows, len(rows) // 3)]
        shuffled.shuffle(mixed)
        for n in range(3):
            deliver(tmp_path / "split", f"part{n}", {feed: mixed[n::3]})
    for _ in range(2):
        split = publish(tmp_path / "split", AS_OF, contracts, warehouse=tmp_path / "b").figures()
        assert split == whole


@pytest.mark.long
@settings(
    max_examples=examples(quick=2, ci=4, explore=300),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    st.lists(st.tuples(st.integers(0, 19 * DAY), st.integers(600, 20_000)), min_size=1, max_size=6),
    st.integers(1, 10**7),
    st.integers(1, 120),
)
def test_more_downtime_never_lowers_a_credit(
    publish: Runner, tmp_path_factory: Any, outages: list[tuple[int, int]], cents: int, days: int
) -> None:
    """Monotony and conservation: one outage more at a time; a credit is never above the cap; the
    parts of a line add up."""
    e = Examples()
    for n in range(len(outages) + 1):
        e.subscription(f"s{n}", fee=None)
        last = date.fromordinal(date(2026, 6, 5).toordinal() + days - 1)
        e.line(f"{Decimal(cents) / 100}", first="2026-06-05", last=str(last))
        e.resolved(5 * H, start=3 * DAY)
        for start, length in outages[:n]:
            e.outage(start, start + length)
    published = publish(
        e.feeds, "2026-11-01T00:00:00Z", warehouse=tmp_path_factory.mktemp("warehouse")
    )
    rows = [r for r in published.mart("credits") if r["currency"]]
    june = sorted(
        (r for r in rows if r["month"] == date(2026, 6, 1)), key=lambda r: r["subscription_id"]
    )
    assert [r["availability_pct"] for r in june] == sorted(
        (r["availability_pct"] for r in june), reverse=True
    )
    assert [r["availability_credit_pct"] for r in june] == sorted(
        r["availability_credit_pct"] for r in june
    )
    assert all(
        0 <= r["credit_pct"] <= 25
        and 0 <= r["credit_amount"] <= r["monthly_fee"] / 4 + Decimal("0.005")
        for r in rows
    )
    for n in range(len(outages) + 1):
        assert (
            sum(r["monthly_fee"] for r in rows if r["subscription_id"] == f"s{n}")
            == Decimal(cents) / 100
        )


# ---------------------------------------------------------------- what if


def test_every_other_reading_has_a_row_for_every_month_and_currency(publish: Runner) -> None:
    e = Examples()
    # 20 minutes down, of which the middle is excluded: as it is 0 s of downtime, with the threshold
    # first 700 s
    e.subscription("cut").outage(0, 1300).exclusion("third_party", 300, 900)
    # degraded for a day, and unknown before the monitor began
    e.subscription("degraded").outage(5 * DAY, 6 * DAY, state="degraded")
    # raised to P1 and lowered again: at its stop a P2 of 10 hours
    e.subscription("lowered").ticket(
        (0, "classified", "P1"), (H, "severity_changed", "P2"), (10 * H, "resolved")
    )
    e.subscription("paused").ticket(
        (0, "classified", "P1"), (H, "paused"), (9 * H, "resumed"), (10 * H, "resolved")
    )
    e.subscription("half").resolved(9 * H).resolved(H, start=DAY)
    e.subscription("rounded").resolved(5 * H + 36)
    e.subscription("partly", spans=[{"valid_from": "2026-06-09"}]).outage(0, 2500)
    e.subscription("late_notice").outage(0, 3000).exclusion(
        "scheduled_maintenance", 0, 3000, announced_at="2026-06-09T00:00:00Z"
    )
    rows = {
        (r["policy_key"], r["value"], str(r["month"])): r
        for r in publish(e.feeds, AS_OF).mart("what_if")
    }
    assert len(rows) == 12, "one month with a fee, twelve alternatives"
    june = {
        key: rows[(*key, "2026-06-01")]["credit_difference"] for key in [(k, v) for k, v, _ in rows]
    }
    assert june == {
        # 1,300 s less 600 are 700: 99.973 %
        ("downtime.exclusions_apply", "after_threshold"): 0,
        # a day of 30: 96.67 %
        ("availability.unavailable_states", "[down, degraded]"): 250,
        ("availability.unknown_counts_as", "unavailable"): 0,
        # 2,500 s of 22 days are over 0.1 %
        ("availability.total", "covered"): 100,
        ("monitoring.quorum", "any"): 0,
        ("monitoring.quorum", "all"): 0,
        # 10 hours of a P1: 150 % late
        ("severity.basis", "initial"): 250,
        ("severity.basis", "highest"): 250,
        # 10 hours instead of 2
        ("resolution.pause_counts", "true"): 250,
        # 125 % of one in two: 62.5 % is the last tier still
        ("resolution_credit.mean_over", "population"): 0,
        # 25.25 % is 25 %
        ("resolution_credit.tier_rounding", "whole_percent"): -50,
        # 24 hours instead of 48
        ("maintenance.notice_required", "true"): 100,
    }
    assert all(r["payable_amount"] == 0 for r in rows.values())


def test_readings_have_methods_and_desks_of_their_own_only_where_they_differ() -> None:
    """What readings share is evaluated once: seven ways to measure and four to time for the
    contract with credits, one each for the other."""
    made_of = tables(load_folder(CONTRACTS), conftest.instant(AS_OF))
    for contract_id, methods, desks in (("trueengage", 7, 4), ("connect_engage", 1, 1)):
        assert (
            len([m for m in made_of["availability_policies"] if m["contract_id"] == contract_id])
            == methods
        )
        assert (
            len([d for d in made_of["support_policies"] if d["contract_id"] == contract_id])
            == desks
        )
    assert {r["policy_key"] for r in made_of["scenarios"]} == {None, *SCENARIOS}


# ---------------------------------------------------------------- status


@pytest.mark.long
def test_status_names_claims_that_are_about_to_lapse(publish: Runner) -> None:
    """C5: what could still be asked for, and what it is worth, in the last fourteen days of its
    window."""
    e = Examples()
    e.subscription("asked").outage(0, 2593).request("2026-07-05").subscription("unasked").outage(
        0, 2593
    )
    e.subscription("trial", spans=[{"kind": "trial"}]).outage(0, 2593).subscription("nothing")
    header = "claims about to lapse (within 14 days, not requested)"
    for as_of, lines in (
        ("2026-07-15T23:00:00Z", ["  none"]),
        (
            "2026-07-16T01:00:00Z",
            ["  unasked          2026-06         100.00 EUR, until 2026-07-30"],
        ),
    ):
        said = describe(publish(e.feeds, as_of).warehouse).splitlines()
        start = said.index(header) + 1
        assert said[start : said.index("", start)] == lines


# ---------------------------------------------------------------- explain


@pytest.fixture(scope="module")
def explained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse with a credit that has a bit of everything."""
    folder = tmp_path_factory.mktemp("explain")
    e = Examples()
    e.subscription("s1", fee=None).line("100.00", last="2026-08-31").outage(
        0, 60_000, incident="inc-1"
    )
    e.ticket(
        (0, "classified", "P1"), (5 * H, "resolved"), incident_id="inc-1", ticket_id="t-shared"
    )
    e.ticket(
        (9 * DAY, "classified", "P2"),
        (9 * DAY + H, "paused"),
        (9 * DAY + 2 * H, "resumed"),
        (9 * DAY + 23 * H, "resolved"),
        ticket_id="t-alone",
    )
    e.exclusion("third_party", 50_000, 51_000).request("2026-07-05").line("-3.00", kind="credit")
    e.line("7.00", kind="tax", first="", last="", invoice=e.invoice(due="2026-07-01"))
    e.feeds["checks"] = [
        {
            "component_id": "s1",
            "location": "ams",
            "checked_at": f"2026-06-25T0{n // 12}:{n % 12 * 5:02d}:00Z",
            "status": "down" if 3 <= n < 9 else "up",
        }
        for n in range(14)
    ]
    # operations' word ends before the monitor's
    e.feeds["outages"][0]["ended_at"] = "2026-06-24T00:00:00Z"
    landing = conftest.write_landing(folder / "landing", e.feeds)
    done = makegood(
        "run", "--landing", landing, "--warehouse", folder / "warehouse", "--as-of", AS_OF
    )
    assert done.returncode == 0, done.stderr
    return folder


def explain_by_command(
    explained: Path, *more: str, subscription: str = "s1", month: str = "2026-06"
) -> subprocess.CompletedProcess[str]:
    of_month = ("--subscription", subscription, "--month", month)
    return makegood("explain", "--warehouse", explained / "warehouse", *of_month, *more)


def test_proof_names_every_landed_row_it_rests_on(explained: Path) -> None:
    """Every file and line that is cited holds the row that is cited."""
    said = explain_by_command(explained)
    assert said.returncode == 0, said.stderr
    cited = re.findall(r"(\w+)/rows\.csv:(\d+)", said.stdout)
    assert {feed for feed, _ in cited} == {
        "subscriptions",
        "invoice_lines",
        "exclusions",
        "outages",
        "checks",
        "tickets",
        "ticket_events",
        "invoices",
        "credit_requests",
    }
    data = json.loads(explain_by_command(explained, "--json").stdout)
    ids = (
        "line_id",
        "exclusion_id",
        "outage_id",
        "ticket_id",
        "event_id",
        "request_id",
        "invoice_id",
        "location",
        "valid_from",
    )

    def rows_of(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [
            r
            for row in rows
            for r in [row, *(x for v in row.values() if isinstance(v, list) for x in rows_of(v))]
        ]

    checked = 0
    for row in rows_of([r for step in data["steps"] for r in step["rows"]]):
        if "file" in row:
            text = (explained / "landing" / row["file"]).read_text().splitlines()[row["line"] - 1]
            name = next(row[k] for k in ids if row.get(k))
            assert name in text, (row, text)
            checked += 1
    assert checked > 15


def test_proof_says_the_figures_of_the_marts(explained: Path) -> None:
    """16 h 40 min less 1,000 s are 59,000 s; with half an hour of checks 60,800 s: 97.65 %, 25 %.
    Late by 25 % and by 83 %: 25 %. Shared, capped."""
    said = explain_by_command(explained).stdout
    for sentence in (
        "monthly fee: 32.61 EUR",
        "16 h 53 min 20 s (60,800 s) of downtime inside covered time:",
        "total 2,592,000 s - excluded 0 s = 2,592,000 s; less downtime 60,800 s = 2,531,200 s "
        "available",
        "2,531,200 / 2,592,000 = 97.654321 %",
        "commitment 99.9 %: below it; the lowest tier bound that it is below is 98 %, which gives "
        "25 %",
        "missed: 2 of 2 = 100.00 %, more than allowed",
        "average delay: 54.166667 % of the target",
        (
            "availability first: 25 % with all downtime + 25 % for 1 incident not shared (1 "
            "missed) "
            "= 50 %"
        ),
        "taken: availability first, 50 %",
        "50 %, at most 25 % of the monthly fee: 25 %",
        "32.61 EUR x 25 % = 8.15 EUR, rounded once",
        "EUR: not eligible: overdue",
        "requested on 2026-07-05; the window ends on 2026-07-30: requested",
        "due 0.00 EUR, issued 3.00 EUR: difference −3.00 EUR (not due)",
        "version 1 of 2026-09-10T00:00:00Z: 25 %, 8.15 EUR (current)",
        "[TE §9.3, rule C4]",
        "availability.commitment_pct: 99.9  [sla of trueengage from 2026-06-01]",
    ):
        assert sentence in said, sentence
    # what the clock of a ticket ran between its events adds up to what it took
    (tickets,) = [
        s
        for s in explain(explained / "warehouse", "s1", date(2026, 6, 1)).steps
        if s.rule.startswith("K3")
    ]
    assert [(t["ticket_id"], t["elapsed_s"]) for t in tickets.rows] == [
        ("t-shared", 5 * H),
        ("t-alone", 22 * H),
    ]
    assert all(sum(e["clock_seconds"] for e in t["events"]) == t["elapsed_s"] for t in tickets.rows)


@pytest.mark.parametrize(
    ("subscription", "month", "code", "said"),
    [
        ("s1", "2026-05", 1, "subscription 's1' has no credit for 2026-05, only for 2026-06"),
        (
            "nobody",
            "2026-06",
            1,
            "credits of subscription 'nobody'; subscriptions with credits: s1",
        ),
        ("s1", "June", 2, "--month 'June' is not a month (example: 2026-07)"),
    ],
)
def test_what_cannot_be_explained_is_said(
    explained: Path, subscription: str, month: str, code: int, said: str
) -> None:
    done = explain_by_command(explained, subscription=subscription, month=month)
    assert (done.returncode, said in done.stderr) == (code, True), done.stderr


def test_nothing_published_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="nothing is published"):
        explain(tmp_path, "s", date(2026, 6, 1))


# ---------------------------------------------------------------- what contracts and amounts may be


def test_unusual_terms_and_amounts_are_exact_too(publish: Runner) -> None:
    """Many decimals, large amounts, a tier below the commitment, levels in both lists, a clause
    that an amendment takes away."""
    odd = conftest.yaml.safe_load((CONTRACTS / "trueengage.yaml").read_text()) | {
        "contract_id": "odd"
    }
    terms = odd["versions"][0]["terms"]
    terms["credits"] |= {
        "cap_pct": 100,
        "availability_tiers": [{"below_pct": 99.0, "credit_pct": 33.3333333}],
        "resolution_tiers": [{"credit_pct": 33.3333333}],
    }
    terms["severity"]["request_levels"] = ["P3", "P4"]
    terms["availability"]["excluded_time"] = "windows"
    nothing = {
        "rank": "order_form",
        "customer_id": "of-freed",
        "effective_from": date(2026, 6, 1),
        "terms": {"resolution_credit": None},
    }
    shorter = {
        "rank": "order_form",
        "customer_id": "of-late",
        "effective_from": date(2026, 6, 5),
        "terms": {"resolution": {"P1": {"target": "1h"}}},
    }
    odd["amendments"] = [nothing, shorter]
    e = Examples()
    e.subscription("both", "odd", fee=None).line("90000000000", currency="VND").outage(
        0, 26_000
    ).resolved(5 * H, start=9 * DAY)
    e.subscription("no_tier", "odd").outage(0, 10_000)
    e.subscription("freed", "odd").resolved(5 * H)
    e.subscription("late", "odd").resolved(2 * H)
    e.subscription("levels", "odd").ticket(
        (0, "classified", "P3"), (10 * H, "responded"), (12 * H, "resolved"), ticket_id="levels"
    )
    e.subscription("bare", "odd").exclusion("third_party", -9 * DAY, 60 * DAY)
    e.feeds["components"].pop()
    e.feeds["outages"].pop()
    published = publish(e.feeds, AS_OF, {"odd": odd})
    june = {
        r["subscription_id"]: r
        for r in published.mart("credits")
        if str(r["month"]) == "2026-06-01"
    }
    # twice 33.3333333 % of 9 * 10^10
    assert (june["both"]["combined_pct"], june["both"]["credit_amount"]) == (
        Decimal("66.666667"),
        59_999_999_940,
    )
    assert (june["freed"]["resolution_credit_pct"], june["late"]["resolution_credit_pct"]) == (
        0,
        Decimal("33.333333"),
    )
    # 12 hours with a word after 10: one of the two gaps passes its 8 hours
    assert [
        r["updates_missed"] for r in published.mart("ticket_sla") if r["ticket_id"] == "levels"
    ] == [1]
    # without a component, too, a month that is all excluded has no figure
    assert june["bare"]["availability_pct"] is None
    said = explain(published.warehouse, "no_tier", date(2026, 6, 1)).as_text()
    assert "below it, but not below the bound of any tier" in said
    # the target of the day of receipt, not of the month's first day
    late = explain(published.warehouse, "late", date(2026, 6, 1)).as_text()
    assert "resolution.P1.target: 4h" in late
    assert "target 1 h, target_document order_form #2 of odd from 2026-06-05" in late


@pytest.mark.long
def test_evidence_cites_only_checks_that_hold_in_the_interval(publish: Runner) -> None:
    """M1: down, up four times, down again: the first result is over when the second comes."""
    own = conftest.contract(
        "k",
        severity={"levels": ["P1"]},
        credits={
            "support_plans": ["premium"],
            "availability_tiers": [{"below_pct": 100, "credit_pct": 10}],
        },
    )
    e = Examples()
    e.subscription("s", "k")
    e.feeds["outages"].clear()
    states = ["down", *["up"] * 4, *["down"] * 15, "up"]
    e.feeds["checks"] = [
        {
            "component_id": "s",
            "location": "a",
            "checked_at": f"2026-06-10T00:{n:02d}:00Z",
            "status": s,
        }
        for n, s in enumerate(states)
    ]
    sources = publish(e.feeds, AS_OF, {"k": own}).mart("downtime_sources")
    cited = sorted((str(r["started_at"])[14:16], r["line"], r["last_line"]) for r in sources)
    assert cited == [("00", 2, 2), ("05", 7, 21)]
