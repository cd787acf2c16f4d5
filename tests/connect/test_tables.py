"""Tables of other tools where people keep them: the same tables in a DuckDB file, in Parquet and
CSV files and in PostgreSQL give the same records and the same rows, and what is wrong is said."""

import json
import weakref
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote

import duckdb
import pytest
from dlt.sources import sql_database

from makegood.ingestion.connect import tables
from makegood.ingestion.connect.system import Layout, System, Unreadable
from makegood.ingestion.connect.systems import stripe, zendesk
from tests.connect.conftest import Pull
from tests.connect.test_stripe import HOUR, JULY, JUNE, PRODUCTS, line
from tests.support.cluster import Postgres, postgres
from tests.support.delivered import all_rows, rejected
from tests.support.ports import free_port

PASSWORD = "hard/to@guess"
VARIABLE = "TABLES_URL"

# as both DuckDB and PostgreSQL understand it
DESK = """
    create table "user" (id bigint, role text, _fivetran_synced timestamptz);
    insert into "user" values (20, 'agent', '2026-06-02 00:00:00+00'), (10, 'end-user', null);
    create table ticket (
        id bigint, status text, priority text, type text, subject text, created_at timestamptz,
        updated_at timestamp, due_at timestamp, organization_id bigint, requester_id bigint,
        problem_id bigint, _fivetran_deleted boolean, custom_effort numeric(12, 3)
    );
    insert into ticket values
        (1, 'solved', 'high', 'incident', 'It is slow; "very", says one', '2026-06-01 10:00:00+02',
         '2026-06-01 12:00:00.5', null, 900, 10, null, false, 1.250),
        (2, 'deleted', null, null, null, '2026-06-01 09:00:00+00', '2026-06-01 09:30:00', null,
         null, null, null, true, null);
    create table ticket_field_history (
        ticket_id bigint, field_name text, updated timestamp, user_id bigint, value text
    );
    insert into ticket_field_history values
        (1, 'status', '2026-06-01 08:00:00', 10, 'new'),
        (1, 'priority', '2026-06-01 08:00:00', 10, 'high'),
        (1, 'status', '2026-06-01 11:00:00.123456', 20, 'solved');
    create table ticket_comment (
        id bigint, ticket_id bigint, created timestamptz, user_id bigint, public boolean, body text
    );
    insert into ticket_comment values
        (5, 1, '2026-06-01 10:30:00+02', 20, false, 'not seen'),
        (6, 1, '2026-06-01 10:45:00+02', 20, true, E'two\\nlines, and a comma');
"""
LINES = {"data": [line(1, 10000, discount_amounts=[{"amount": 500}])], "has_more": False}
BILLS = f"""
    create table customers (id text, name text, is_deleted boolean);
    insert into customers values ('cus_1', 'Acme', false);
    create table invoices (
        id text, customer text, currency text, status text, subtotal bigint, total numeric(18, 0),
        created bigint, due_date bigint, status_transitions json, collection_method text,
        lines jsonb, tax bigint, updated timestamptz
    );
    insert into invoices values (
        'in_1', 'cus_1', 'eur', 'open', 10000, 9500, {JUNE}, {JULY},
        '{{"finalized_at": {JUNE + HOUR}, "paid_at": null}}', 'send_invoice',
        '{json.dumps(LINES)}', null, '2026-06-02 00:00:00+00'
    );
    create table subscriptions (
        id text, customer text, status text, start_date numeric(38, 9), items jsonb
    );
    insert into subscriptions values (
        'sub_1', 'cus_1', 'active', {JUNE},
        '{json.dumps({"data": [{"price": {"id": "price_1", "product": "prod_1"}}]})}'
    );
    create table credit_notes (id text, invoice text, lines jsonb, created bigint);
"""
SYSTEMS: dict[str, tuple[System[Any], str, str, dict[str, Any]]] = {
    "zendesk": (
        zendesk.SYSTEM,
        "fivetran",
        DESK,
        {"severities": {"high": "P2"}, "subscription": {"otherwise": "SUB-1"}},
    ),
    "stripe": (stripe.SYSTEM, "airbyte", BILLS, {"products": PRODUCTS}),
}


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    """A server of PostgreSQL, whose password needs care in a URL."""
    with postgres(free_port(), "reader", "warehouse", PASSWORD) as found:
        yield found


@pytest.fixture
def clean(server: Postgres, monkeypatch: pytest.MonkeyPatch) -> Postgres:
    """The server, with nothing in it, and its URL where it is looked for."""
    execute(
        server,
        "drop schema if exists public, zendesk, zendesk_staging cascade; create schema public",
    )
    monkeypatch.setenv(VARIABLE, url(server))
    return server


def url(server: Postgres, password: str = PASSWORD) -> str:
    return server.address.replace("@", f":{quote(password, safe='')}@", 1)


def execute(server: Postgres, sql: str) -> None:
    server.query(f"{sql}; commit; select 1")


def duckdb_of(file: Path, sql: str) -> dict[str, Any]:
    """A DuckDB file with tables; as connect.yaml has it."""
    with duckdb.connect(str(file)) as con:
        con.execute("set timezone = 'UTC'")
        con.execute(sql.replace("jsonb", "json"))
    return {"duckdb": str(file)}


def folder_of(folder: Path, kind: str, sql: str) -> dict[str, Any]:
    """A folder with a file of a kind for each table; as connect.yaml has it."""
    folder.mkdir()
    with duckdb.connect() as con:
        con.execute("set timezone = 'UTC'")
        con.execute(sql.replace("jsonb", "json"))
        for (table,) in con.execute("select table_name from information_schema.tables").fetchall():
            con.execute(f"copy \"{table}\" to '{folder}/{table}.{kind}'")
    return {"folder": str(folder)}


def read(
    system: System[Any], layout: str, place: Mapping[str, Any], secret: str = ""
) -> dict[str, list[dict[str, Any]]]:
    found = tables.read(
        system,
        tables.Tables.model_validate({"layout": layout, **place}),
        Path(),
        {VARIABLE: secret},
        lambda _: None,
    )
    return {resource: [dict(record.data) for record in of] for resource, of in found.items()}


def asked(query: str, *wanted: str, **more: Any) -> System[Any]:
    """A system with one query over tables, of which each must be there."""
    layout = Layout(queries={"asked": query}, tables=wanted, **more)
    return replace(stripe.SYSTEM, layouts={"fivetran": layout})


def as_text(value: Any) -> Any:
    """A value as CSV has it: a text, and lists and maps as JSON, whatever the form of instants."""
    if isinstance(value, dict | list):
        return json.loads(json.dumps(value, default=str))
    if isinstance(value, str) and value.startswith(("{", "[")):
        return json.loads(value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str) and (found := _instant(value)):
        return found
    return None if value is None else str(value)


def _instant(text: str) -> str | None:
    if len(text) < len("2026-06-01 08:00") or text[4] != "-" or ":" not in text:
        return None
    whole = text.replace("T", " ").removesuffix("Z").removesuffix("+00:00").removesuffix("+00")
    return whole.rstrip("0").rstrip(".") if "." in whole else whole


# ---------------------------------------------------------------- the same wherever they are


@pytest.mark.cluster
@pytest.mark.parametrize("name", SYSTEMS)
def test_records_are_the_same_wherever_the_tables_are(
    name: str, tmp_path: Path, clean: Postgres
) -> None:
    system, layout, sql, _ = SYSTEMS[name]
    execute(clean, sql)
    in_duckdb = read(system, layout, duckdb_of(tmp_path / "t.duckdb", sql))
    assert any(in_duckdb.values())
    assert read(system, layout, folder_of(tmp_path / "parquet", "parquet", sql)) == in_duckdb
    assert read(system, layout, {"postgres": VARIABLE}, url(clean)) == in_duckdb
    # of CSV a column's type is not known
    in_csv = read(system, layout, folder_of(tmp_path / "csv", "csv", sql))
    assert {
        resource: [{name: as_text(value) for name, value in one.items()} for one in found]
        for resource, found in in_csv.items()
    } == {
        resource: [{name: as_text(value) for name, value in one.items()} for one in found]
        for resource, found in in_duckdb.items()
    }


@pytest.mark.cluster
@pytest.mark.parametrize("name", SYSTEMS)
def test_rows_are_the_same_wherever_the_tables_are(
    name: str, tmp_path: Path, clean: Postgres, pull: Pull, quiet: None
) -> None:
    system, layout, sql, names = SYSTEMS[name]
    execute(clean, sql)
    places = {
        "duckdb": duckdb_of(tmp_path / "t.duckdb", sql),
        "parquet": folder_of(tmp_path / "parquet", "parquet", sql),
        "csv": folder_of(tmp_path / "csv", "csv", sql),
        "postgres": {"postgres": VARIABLE},
    }
    landed = {}
    for where, place in places.items():
        folder = tmp_path / f"from-{where}"
        folder.mkdir()
        config = folder / "connect.yaml"
        source = {"system": system.name, **names, "tables": {"layout": layout, **place}}
        config.write_text(json.dumps({"sources": {"it": source}}))
        pulled, failures = pull(config, folder)
        assert failures == []
        assert pulled[-1].left == []
        assert rejected(folder / "landing") == []
        landed[where] = all_rows(folder / "landing")
    assert landed["parquet"] == landed["duckdb"]
    assert landed["csv"] == landed["duckdb"]
    assert landed["postgres"] == landed["duckdb"]
    if name == "stripe":
        (charged,) = landed["postgres"]["invoice_lines"]
        assert (charged["amount"], charged["period_end"]) == ("95.00", "2026-06-30")
        assert landed["postgres"]["invoices"][0]["issued_on"] == "2026-06-01"
    else:
        assert [one["ticket_id"] for one in landed["postgres"]["tickets"]] == ["1"]
        events = {
            one["event"]: one["occurred_at"].replace(" ", "T").replace("+00", "Z")
            for one in landed["postgres"]["ticket_events"]
        }
        # the comment that nobody else sees is no reply
        assert events["responded"] == "2026-06-01T08:45:00Z"
        assert events["resolved"] == "2026-06-01T11:00:00.123456Z"


# ---------------------------------------------------------------- types of PostgreSQL


@pytest.mark.cluster
@pytest.mark.parametrize(
    ("of_type", "written", "value"),
    [
        ("bigint", "9007199254740993", 9007199254740993),
        ("numeric(18, 2)", "1234567890123456.70", Decimal("1234567890123456.70")),
        # without digits there is no type that holds all values, and no value is rounded
        ("numeric", "12345678901234567890.123456789", "12345678901234567890.123456789"),
        ("numeric", "NaN", "NaN"),
        ("double precision", "0.1", Decimal("0.1")),
        ("boolean", "true", True),
        ("date", "2026-03-29", "2026-03-29"),
        ("timestamp", "2026-03-29 02:30:00.123456", "2026-03-29T02:30:00.123456Z"),
        ("timestamptz", "2026-03-29 02:30:00+02", "2026-03-29T00:30:00+00:00"),
        ("json", '{"a": 12345678901234567.89}', {"a": Decimal("12345678901234567.89")}),
        ("jsonb", '[{"a": 1.10}]', [{"a": Decimal("1.10")}]),
        ("json", "null", None),
        ("text[]", '{a,"b c"}', ["a", "b c"]),
        ("uuid", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
        ("interval", "1 day", "1 day"),
        ("inet", "10.0.0.1", "10.0.0.1/32"),
        ("text", "", ""),
    ],
)
def test_values_of_postgresql_come_exactly(
    clean: Postgres, of_type: str, written: str, value: Any
) -> None:
    # whatever the database is set to
    execute(clean, "alter database warehouse set timezone = 'Asia/Kathmandu'")
    execute(clean, "alter database warehouse set datestyle = 'German'")
    execute(clean, "alter database warehouse set extra_float_digits = -5")
    execute(clean, f'create table "order" (id int, "group" {of_type})')
    execute(clean, f"""insert into "order" values (1, '{written}'), (2, null)""")
    system = asked('select id, "group" as found from "order" order by id', "order")
    assert read(system, "fivetran", {"postgres": VARIABLE}, url(clean))["asked"] == [
        {"id": 1, "found": value},
        {"id": 2, "found": None},
    ]


@pytest.mark.cluster
def test_a_table_of_postgresql_without_rows_has_its_columns(clean: Postgres) -> None:
    execute(clean, 'create table "user" (id bigint, "Name" jsonb, made timestamptz, n numeric)')
    system = asked('select id + 1 as more, "Name", iso(made) as made, n from "user"', "user")
    assert read(system, "fivetran", {"postgres": VARIABLE}, url(clean)) == {"asked": []}


@pytest.mark.cluster
def test_views_of_postgresql_are_tables(clean: Postgres) -> None:
    execute(clean, "create view seen as select 1 as id")
    execute(clean, "create materialized view kept_so as select 2 as id")
    system = asked("select * from seen union all select * from kept_so", "seen", "kept_so")
    found = read(system, "fivetran", {"postgres": VARIABLE}, url(clean))["asked"]
    assert found == [{"id": 1}, {"id": 2}]


@pytest.mark.cluster
def test_a_large_table_comes_part_by_part(clean: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = 250_000
    execute(
        clean,
        f"create table history as select n as id, repeat('x', 100) as value"
        f" from generate_series(1, {rows}) as n",
    )
    parts: list[weakref.ref[Any]] = []
    alive = []

    def watched(*args: Any, **options: Any) -> Iterator[Any]:
        for part in sql_table(*args, **options):
            parts.append(weakref.ref(part))
            alive.append(sum(one() is not None for one in parts))
            yield part

    sql_table = sql_database.sql_table
    monkeypatch.setattr(sql_database, "sql_table", watched)
    system = asked("select count(*) as n, count(distinct id) as ids from history", "history")
    found = read(system, "fivetran", {"postgres": VARIABLE}, url(clean))["asked"]
    assert found == [{"n": rows, "ids": rows}]
    assert len(parts) == 5
    # the one that is kept, and the next
    assert max(alive) <= 2


# ---------------------------------------------------------------- what is wrong is said

ONE = "create table ticket (id bigint, status text); insert into ticket values (1, 'open');"


CLUSTER = pytest.param("postgres", marks=pytest.mark.cluster)


@pytest.fixture(params=["duckdb", "parquet", "csv", CLUSTER])
def put(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str], tuple[Any, str]]:
    """Puts tables somewhere; gives the place as connect.yaml has it, and the secret."""

    def to(sql: str) -> tuple[Any, str]:
        if request.param == "duckdb":
            return duckdb_of(tmp_path / "t.duckdb", sql), ""
        if request.param == "postgres":
            server = request.getfixturevalue("clean")
            execute(server, sql)
            return {"postgres": VARIABLE}, url(server)
        return folder_of(tmp_path / request.param, request.param, sql), ""

    return to


Put = Callable[[str], tuple[Any, str]]


def test_a_table_that_is_missing_is_named_with_the_nearest(put: Put) -> None:
    place, secret = put(ONE)
    with pytest.raises(
        Unreadable, match="Stripe: the table tickets of fivetran is missing; the nearest is ticket;"
    ):
        read(asked("select 1", "tickets"), "fivetran", place, secret)


def test_a_column_that_is_missing_is_named_with_those_that_are_there(put: Put) -> None:
    place, secret = put(ONE)
    with pytest.raises(Unreadable, match=r'for asked: .*"stats" not found.*"status"'):
        read(asked("select stats from ticket", "ticket"), "fivetran", place, secret)


def test_a_column_that_may_be_missing_is_empty(put: Put) -> None:
    place, secret = put(ONE)
    query = "select cast(id as int) as id, more from ticket"
    system = asked(query, "ticket", columns={"ticket": ("more",)})
    found = read(system, "fivetran", place, secret)["asked"]
    assert found == [{"id": 1, "more": None}]


def test_names_in_capitals_are_those_of_the_layout(put: Put) -> None:
    place, secret = put(
        'create table "USER" ("ID" bigint, "_FIVETRAN_DELETED" boolean, "GROUP" text);'
        "insert into \"USER\" values (1, true, 'Ops')"
    )
    (found,) = read(asked('select * from "user"', "user"), "fivetran", place, secret)["asked"]
    assert {name: as_text(value) for name, value in found.items()} == {
        "id": "1",
        "_fivetran_deleted": "true",
        "group": "Ops",
    }


def test_names_of_mixed_letters_stay(put: Put) -> None:
    place, secret = put('create table t ("InvoiceID" text, "ID" text); insert into t values (1, 2)')
    found = read(asked("select * from t", "t"), "fivetran", place, secret)["asked"]
    assert found == [{"InvoiceID": "1", "ID": "2"}]


def test_a_suffix_belongs_to_the_names_of_tables(put: Put) -> None:
    place, secret = put(ONE.replace("ticket", "ticket_data") + ONE)
    place = {**place, "suffix": "_data"}
    system = asked("select * from ticket", "ticket")
    assert len(read(system, "fivetran", place, secret)["asked"]) == 1
    with pytest.raises(Unreadable, match="there are none"):
        read(system, "fivetran", {**place, "suffix": "_seed"}, secret)


def test_a_double_of_many_digits_is_refused(put: Put) -> None:
    place, secret = put(
        "create table t (amount double precision); insert into t values (0.30000000000000004)"
    )
    if "csv" in str(place):
        # a text is what was written
        found = read(asked("select * from t", "t"), "fivetran", place, secret)["asked"]
        assert found == [{"amount": "0.30000000000000004"}]
        return
    with pytest.raises(
        Unreadable, match=r"fivetran asked, row 1: amount is 0.30000000000000004, a DOUBLE of more"
    ):
        read(asked("select * from t", "t"), "fivetran", place, secret)


@pytest.mark.parametrize("schema", [None, "zendesk"])
@pytest.mark.parametrize("where", ["duckdb", CLUSTER])
def test_of_several_schemas_one_must_be_named(
    where: str, schema: str | None, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    sql = "create schema zendesk; create schema zendesk_staging;" + "".join(
        ONE.replace("ticket", f"{name}.ticket") for name in ("zendesk", "zendesk_staging")
    )
    secret = ""
    if where == "duckdb":
        place = duckdb_of(tmp_path / "t.duckdb", sql)
    else:
        server = request.getfixturevalue("clean")
        execute(server, sql)
        place, secret = {"postgres": VARIABLE}, url(server)
    system = asked("select * from ticket", "ticket")
    if schema:
        found = read(system, "fivetran", {**place, "schema_name": schema}, secret)
        assert found["asked"] == [{"id": 1, "status": "open"}]
        with pytest.raises(Unreadable, match="the nearest is zendesk"):
            read(system, "fivetran", {**place, "schema_name": "zendsk"}, secret)
        return
    with pytest.raises(Unreadable, match=r"zendesk, zendesk_staging.*|.*`schema_name`") as raised:
        read(system, "fivetran", place, secret)
    assert "zendesk, zendesk_staging" in str(raised.value)
    assert "`schema_name`" in str(raised.value)


@pytest.mark.cluster
@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        (lambda right, _: right.replace("guess", "gues"), "password authentication failed"),
        (lambda right, server: right.replace(f":{server.port}/", ":1/"), "Connection refused"),
        (lambda right, _: right.replace("/warehouse", "/warehous"), '"warehous" does not exist'),
        # one that is not written as a URL wants it
        (lambda right, _: right.replace("%2F", "/").replace("%40", "@"), "is not a URL of Postgre"),
        (lambda right, server: right.replace(f":{server.port}/", ":guess/"), "is not a URL of"),
        (lambda right, _: right.replace("postgresql", "mysql"), "is a URL of mysql"),
        (lambda *_: "host=127.0.0.1 password=hard/to@guess", "is not a URL of PostgreSQL"),
    ],
)
def test_a_server_that_can_not_be_read_is_named_without_the_password(
    clean: Postgres, change: Callable[[str, Postgres], str], wanted: str
) -> None:
    execute(clean, ONE)
    secret, system = change(url(clean), clean), asked("select 1", "ticket")
    with pytest.raises(Unreadable) as raised:
        read(system, "fivetran", {"postgres": VARIABLE}, secret)
    assert wanted in str(raised.value)
    assert VARIABLE in str(raised.value)
    error: BaseException | None = raised.value
    while error:
        assert "gues" not in str(error)
        assert "hard" not in str(error)
        error = error.__cause__


@pytest.mark.cluster
def test_urls_of_postgresql_may_begin_with_postgres(clean: Postgres) -> None:
    execute(clean, ONE)
    short = url(clean).replace("postgresql:", "postgres:")
    assert read(asked("select * from ticket", "ticket"), "fivetran", {"postgres": VARIABLE}, short)


@pytest.mark.cluster
def test_a_table_that_may_not_be_read_is_named(clean: Postgres) -> None:
    execute(clean, ONE + "drop role if exists other; create role other login password 'other-one'")
    execute(clean, "grant usage on schema public to other")
    secret = url(clean, "other-one").replace("reader", "other")
    with pytest.raises(Unreadable, match="permission denied for table ticket"):
        read(asked("select 1", "ticket"), "fivetran", {"postgres": VARIABLE}, secret)


@pytest.mark.parametrize(
    ("name", "content", "wanted"),
    [
        ("ticket.parquet", b"PAR1 half", "the table ticket of fivetran can't be read: "),
        ("ticket.csv", b"id,status\n1,caf\xe9\n", "can't be read|not as expected"),
        ("ticket.csv", b"id,status\n1,open,more\n", "can't be read|not as expected"),
    ],
)
def test_a_file_that_is_broken_is_named(
    tmp_path: Path, name: str, content: bytes, wanted: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(Unreadable, match=wanted):
        read(asked("select * from ticket", "ticket"), "fivetran", {"folder": str(tmp_path)})


def test_a_file_of_duckdb_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "t.duckdb").write_text("not one")
    with pytest.raises(Unreadable, match=r"t\.duckdb can't be read"):
        read(asked("select 1", "t"), "fivetran", {"duckdb": str(tmp_path / "t.duckdb")})


def test_two_files_of_one_table_are_refused(tmp_path: Path) -> None:
    for name in ("ticket.csv", "ticket.csv.gz"):
        (tmp_path / name).write_text("id\n1\n")
    with pytest.raises(Unreadable, match=r"ticket\.csv and ticket\.csv\.gz, which are one table"):
        read(asked("select 1", "ticket"), "fivetran", {"folder": str(tmp_path)})


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a;b|c", "a;b|c"),
        ('"say ""it"""', 'say "it"'),
        ("# not a comment", "# not a comment"),
        ('"two\nlines"', "two\nlines"),
        ('"{""a"": 1.10}"', '{"a": 1.10}'),
        ("", None),
        ("007", "007"),
    ],
)
def test_text_of_csv_is_what_it_is(tmp_path: Path, text: str, value: Any) -> None:
    (tmp_path / "t.csv").write_text(f"id,said\n1,{text}\n")
    found = read(asked("select * from t", "t"), "fivetran", {"folder": str(tmp_path)})["asked"]
    assert found == [{"id": "1", "said": value}]
