"""The queries of docs/queries.md and docs/reading.md run, and agree with the marts."""

import re
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from textwrap import dedent
from typing import Any

import duckdb
import pytest

from tests.conftest import Published, Rows

DOCS = Path(__file__).parents[2] / "docs"
SECTION = re.compile(r"^## (?P<question>.+?)\n(?P<text>.*?)(?=^## |\Z)", re.DOTALL | re.MULTILINE)
QUERIES = {m["question"]: m["text"] for m in SECTION.finditer((DOCS / "queries.md").read_text())}


def sql_of(question: str) -> str:
    (found,) = re.findall(r"```sql\n(.*?)```", QUERIES[question], re.DOTALL)
    return found


def rows_of(con: duckdb.DuckDBPyConnection, sql: str) -> Rows:
    done = con.execute(sql)
    return [
        dict(zip([d[0] for d in done.description], row, strict=True)) for row in done.fetchall()
    ]


@pytest.fixture(scope="module")
def con(
    sample: Published, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[duckdb.DuckDBPyConnection]:
    # a copy: connections of a process to a file share their settings, and pages lock theirs
    copy = shutil.copy(sample.database, tmp_path_factory.mktemp("queries") / "makegood.duckdb")
    with duckdb.connect(str(copy), read_only=True) as con:
        con.execute("set TimeZone = 'UTC'")
        yield con


@pytest.fixture(scope="module")
def mart(con: duckdb.DuckDBPyConnection) -> Callable[[str], Rows]:
    return lambda name: rows_of(con, f"from marts.{name}")


@pytest.mark.parametrize("question", QUERIES)
def test_a_query_runs_and_has_rows(con: duckdb.DuckDBPyConnection, question: str) -> None:
    done = con.execute(sql_of(question))
    types = {d[0]: str(d[1]) for d in done.description}
    may_be_empty = re.search(r"<!-- may be empty: \S.*-->\n```sql", QUERIES[question])
    # a reason to be empty that no longer holds is not kept
    assert bool(done.fetchall()) != bool(may_be_empty)
    for column, dtype in types.items():
        # exact but for a percentage that is shown
        assert dtype != "DOUBLE" or column.endswith("_pct"), column
        assert dtype != "BIGINT" or re.search(
            r"_(seconds|s|minutes|left|version|id|missed)$"
            r"|^(line|tickets|credits|subscriptions|rejected_rows|resolved|reopened|files)$",
            column,
        ), column
        assert not re.fullmatch(r"DECIMAL\(\d+,3\)", dtype) or (
            "currency" in types and re.search(r"amount|difference", column)
        ), column


def test_queries_ask_no_clock_and_average_nothing() -> None:
    assert len(QUERIES) > 15
    every = "\n".join(map(sql_of, QUERIES))
    assert (
        re.findall(r"\b(?:now|today|avg|mean|median|random|current_\w+|get_current_\w+)\b", every)
        == []
    )


def test_the_worst_regions_are_those_of_the_last_final_period(
    con: duckdb.DuckDBPyConnection, mart: Callable[[str], Rows]
) -> None:
    figures = [r for r in mart("availability") if r["status"] == "final"]
    last = {
        c: max(r["period_start"] for r in figures if r["contract_id"] == c)
        for c in {r["contract_id"] for r in figures}
    }
    expected = [
        r
        for r in figures
        if r["period_start"] == last[r["contract_id"]] and r["commitment_pct"] is not None
    ]
    found = rows_of(con, sql_of("Which regions were worst in the last period that is over?"))
    assert sorted(r["budget_seconds"] - r["downtime_seconds"] for r in expected) == [
        r["budget_remaining_seconds"] for r in found
    ]
    assert {(r["service_id"], r["region"], r["period_start"]) for r in expected} == {
        (r["service_id"], r["region"], r["period_start"]) for r in found
    }


def test_a_service_over_its_regions_is_seconds_divided_last(
    con: duckdb.DuckDBPyConnection, mart: Callable[[str], Rows]
) -> None:
    base: dict[Any, int] = defaultdict(int)
    down: dict[Any, int] = defaultdict(int)
    for r in mart("availability"):
        if r["status"] == "final":
            key = r["contract_id"], r["service_id"], r["period_start"]
            base[key] += r["total_seconds"] - r["excluded_seconds"]
            down[key] += r["downtime_seconds"]
    found = rows_of(con, sql_of("How available was each service, over all its regions?"))
    assert {
        (r["contract_id"], r["service_id"], r["period_start"]): (
            r["base_seconds"],
            r["down_seconds"],
        )
        for r in found
    } == {k: (base[k], down[k]) for k in base}
    for r in found:
        exact = Fraction(r["base_seconds"] - r["down_seconds"], r["base_seconds"]) * 1_000_000
        assert Decimal(str(r["availability_pct"])) == Decimal(int(exact + Fraction(1, 2))) / 10_000
    assert any(r["down_seconds"] for r in found)


def test_downtime_of_a_month_adds_up_to_the_figures(
    con: duckdb.DuckDBPyConnection, mart: Callable[[str], Rows]
) -> None:
    found = rows_of(con, sql_of("What downtime did a month have, interval by interval?"))
    month = [
        r
        for r in mart("availability")
        if r["contract_id"] == "trueengage" and str(r["period_start"]) == "2026-07-01"
    ]
    assert (
        sum(r["downtime_seconds"] for r in found) == sum(r["downtime_seconds"] for r in month) > 0
    )
    for r in found:
        assert (
            r["whole_seconds"]
            == (r["ended_at"] - r["started_at"]) // timedelta(seconds=1)
            >= r["downtime_seconds"]
        )
    assert any(r["whole_seconds"] > r["downtime_seconds"] for r in found)


def test_gaps_are_those_of_the_flagged_periods(
    con: duckdb.DuckDBPyConnection, mart: Callable[[str], Rows]
) -> None:
    found = rows_of(con, sql_of("Where is coverage below the contract's minimum?"))
    flagged = [r for r in mart("availability") if r["low_coverage"]]
    assert sorted((r["service_id"], r["region"], r["unknown_seconds"]) for r in found) == sorted(
        (r["service_id"], r["region"], r["unknown_seconds"]) for r in flagged
    )
    for r in found:
        gaps = [
            g
            for g in mart("coverage_gaps")
            if all(g[k] == r[k] for k in ("contract_id", "service_id", "region", "period_start"))
        ]
        assert r["longest_gap_seconds"] == max(g["unknown_seconds"] for g in gaps)
        assert r["longest_gap_started_at"] in {
            g["started_at"] for g in gaps if g["unknown_seconds"] == r["longest_gap_seconds"]
        }
        assert r["coverage_pct"] < Decimal(r["min_coverage_pct"])


def test_what_is_owed_adds_up_to_the_cent(
    con: duckdb.DuckDBPyConnection, mart: Callable[[str], Rows]
) -> None:
    credits = [r for r in mart("credits") if r["status"] == "final" and r["currency"]]
    expected: dict[Any, list[Decimal]] = defaultdict(lambda: [Decimal(0)] * 3)
    for r in credits:
        key = r["month"], r["customer_id"], r["currency"]
        owed, claimable, lapsed = expected[key]
        may_claim = not r["reasons"] and r["claim_status"] == "claimable"
        was_lost = not r["reasons"] and r["claim_status"] in ("waived", "late")
        expected[key] = [
            owed + r["payable_amount"],
            claimable + may_claim * r["credit_amount"],
            lapsed + was_lost * r["credit_amount"],
        ]
    found = rows_of(con, sql_of("What do we owe, by month, customer and currency?"))
    shown = {
        (r["month"], r["customer_id"], r["currency"]): [
            r["payable_amount"],
            r["claimable_amount"],
            r["lapsed_amount"],
        ]
        for r in found
    }
    assert {k: v for k, v in expected.items() if any(v)} == {
        k: v for k, v in shown.items() if any(v)
    }
    assert all(any(v[place] for v in shown.values()) for place in range(3))


def test_what_is_not_paid_for_a_reason(
    con: duckdb.DuckDBPyConnection, mart: Callable[[str], Rows]
) -> None:
    expected: dict[Any, Decimal] = defaultdict(Decimal)
    for r in mart("credits"):
        if r["reasons"] and r["credit_amount"]:
            expected[r["reasons"], r["month"], r["currency"]] += r["credit_amount"]
    found = rows_of(con, sql_of("Which credits are not payable, and for what reason?"))
    assert {
        (r["reasons"], r["month"], r["currency"]): r["credit_amount"] for r in found
    } == expected


def test_differences_are_due_less_issued(
    con: duckdb.DuckDBPyConnection, mart: Callable[[str], Rows]
) -> None:
    found = rows_of(con, sql_of("Where does what was issued differ from what is due?"))
    issued: dict[Any, Decimal] = defaultdict(Decimal)
    for line in mart("credit_issued_lines"):
        issued[line["subscription_id"], line["month"], line["currency"]] -= line["amount"]
    payable = {
        (r["subscription_id"], r["month"], r["currency"]): r["payable_amount"]
        for r in mart("credits")
    }
    keys = {(r["subscription_id"], r["month"], r["currency"]): r["difference"] for r in found}
    assert {
        k for k in payable.keys() | issued.keys() if payable.get(k, 0) != issued.get(k, 0)
    } <= keys.keys()
    for key, difference in keys.items():
        assert difference == payable.get(key, Decimal(0)) - abs(issued.get(key, Decimal(0)))


def test_claims_lapse_as_of_what_is_published(
    con: duckdb.DuckDBPyConnection, mart: Callable[[str], Rows]
) -> None:
    """The sample's next claims lapse in 15 days: none within 14, and all of them from then on."""
    sql = sql_of("Which claims lapse in the next 14 days?")
    assert sql.count("14") == 1
    today = con.execute("select max(as_of)::date from quality.runs").fetchall()[0][0]
    open_claims = [
        r
        for r in mart("credits")
        if r["claim_status"] == "claimable" and not r["reasons"] and r["credit_amount"]
    ]
    assert open_claims
    for days in (0, 14, 15, 60):
        found = rows_of(con, sql.replace("14", str(days)))
        expected = {
            (r["subscription_id"], r["credit_amount"])
            for r in open_claims
            if r["claim_deadline"] - today <= timedelta(days)
        }
        assert {(r["subscription_id"], r["credit_amount"]) for r in found} == expected
    assert expected


def test_what_incidents_cost_is_all_that_can_still_be_paid(
    con: duckdb.DuckDBPyConnection, mart: Callable[[str], Rows]
) -> None:
    found = rows_of(con, sql_of("What did each incident cost?"))
    by_currency: dict[str, Decimal] = defaultdict(Decimal)
    for r in mart("credits"):
        if (
            r["credit_amount"]
            and not r["reasons"]
            and r["claim_status"] in ("requested", "claimable", "accruing")
        ):
            by_currency[r["currency"]] += r["credit_amount"]
    cost: dict[str, Decimal] = defaultdict(Decimal)
    for r in found:
        cost[r["currency"]] += r["amount"]
    assert cost == by_currency
    assert len({r["incident_id"] for r in found}) > 1


def test_readings_are_worth_what_they_change(
    con: duckdb.DuckDBPyConnection, mart: Callable[[str], Rows]
) -> None:
    expected: dict[Any, list[Decimal]] = defaultdict(lambda: [Decimal(0), Decimal(0)])
    for r in mart("what_if"):
        key = r["policy_key"], r["value"], r["currency"]
        expected[key] = [
            expected[key][0] + r["credit_difference"],
            expected[key][1] + r["payable_difference"],
        ]
    found = rows_of(con, sql_of("What is each scenario of the contract worth?"))
    assert {
        (r["policy_key"], r["value"], r["currency"]): [
            r["credit_difference"],
            r["payable_difference"],
        ]
        for r in found
    } == {k: v for k, v in expected.items() if any(v)}


def test_missed_promises_are_counted_by_severity(
    con: duckdb.DuckDBPyConnection, mart: Callable[[str], Rows]
) -> None:
    found = rows_of(con, sql_of("How many tickets missed their targets, by severity?"))
    counted = [r for r in mart("ticket_sla") if r["status"] == "counted"]
    assert sum(r["tickets"] for r in found) == len(counted)
    for column, outcome in (
        ("responses_missed", "response_outcome"),
        ("tickets_with_updates_missed", "update_outcome"),
        ("resolutions_missed", "resolution_outcome"),
    ):
        assert sum(r[column] for r in found) == sum(t[outcome] == "missed" for t in counted)
    late = [
        t["resolution_elapsed_s"] - t["resolution_target_s"]
        for t in counted
        if t["resolution_outcome"] == "missed" and t["resolution_target_s"]
    ]
    assert sum(r["late_seconds"] for r in found) == sum(late) > 0


def test_times_are_taken_over_all_tickets_of_a_month(
    con: duckdb.DuckDBPyConnection, mart: Callable[[str], Rows]
) -> None:
    found = rows_of(con, sql_of("How long do tickets take to resolve, over all regions?"))
    groups: dict[Any, list[int]] = defaultdict(list)
    for t in mart("ticket_sla"):
        if t["status"] == "counted" and t["resolved_at"] and t["resolution_elapsed_s"] is not None:
            key = t["contract_id"], t["month"], t["severity"]
            groups[key].append(t["resolution_elapsed_s"])

    def least(values: list[int], share: int) -> int:
        return min(v for v in values if 100 * sum(w <= v for w in values) >= share * len(values))

    assert {
        (r["contract_id"], r["month"], r["severity"]): (
            r["tickets"],
            r["median_seconds"],
            r["p90_seconds"],
            r["p95_seconds"],
            r["total_seconds"],
        )
        for r in found
    } == {
        key: (len(v), least(v, 50), least(v, 90), least(v, 95), sum(v)) for key, v in groups.items()
    }
    # regions together: the mart has more rows
    assert len(found) < sum(
        r["target"] == "resolution" and r["stopped"] > 0 for r in mart("support_times")
    )


def test_reopened_tickets_add_up_before_they_are_divided() -> None:
    """One of three and none of one are a quarter, not the mean of a third and nothing."""
    with duckdb.connect() as made:
        made.execute(
            """create schema marts;
               create table marts.support_times as
               select 'k' as contract_id, 'P1' as severity, * from (values
                   ('eu', 'resolution', 3::bigint, 1::bigint),
                   ('us', 'resolution', 1, 0),
                   ('us', 'response', null, null)
               ) as rows (region, target, resolved, reopened)"""
        )
        (found,) = rows_of(made, sql_of("How many tickets were reopened?"))
    assert (found["resolved"], found["reopened"], found["reopened_pct"]) == (4, 1, 25)


def test_pressed_tickets_come_with_the_least_time_first(
    con: duckdb.DuckDBPyConnection, mart: Callable[[str], Rows]
) -> None:
    found = rows_of(con, sql_of("Which open tickets have breached a target, or are at risk?"))
    left = [
        min(v for k, v in r.items() if k.endswith("_remaining_s") and v is not None) for r in found
    ]
    assert left == sorted(left)
    assert {r["ticket_id"] for r in found} == {
        r["ticket_id"] for r in mart("open_tickets") if r["target_status"] != "on_track"
    }


def test_a_changed_statement_shows_both_amounts(
    con: duckdb.DuckDBPyConnection, sample: Published
) -> None:
    """On the statements of the sample and a later version of one."""
    with duckdb.connect() as made:
        made.execute(
            f"""attach '{sample.database}' as p (read_only); create schema marts;
                create table marts.credit_statements as from p.marts.credit_statements"""
        )
        made.execute(
            """insert into marts.credit_statements by name
               select * replace (2 as statement_version, credit_amount + 1.5 as credit_amount,
                   'credit_amount' as changed)
               from marts.credit_statements where currency = 'EUR' and credit_amount > 0 limit 1"""
        )
        (found,) = rows_of(
            made, sql_of("Which statements were changed after they had been issued?")
        )
    assert (
        found["difference_amount"]
        == found["credit_amount"] - found["credit_amount_before"]
        == Decimal("1.500")
    )
    assert (found["statement_version"], found["changed"]) == (2, "credit_amount")


def test_rejected_rows_are_counted_by_rule() -> None:
    with duckdb.connect() as made:
        made.execute(
            """create schema quality;
               create table quality.rejected_rows (
                   feed varchar, file varchar, status varchar, rule varchar, reason varchar,
                   delivery_id bigint
               )"""
        )
        made.execute(
            """insert into quality.rejected_rows values
               ('a', 'x', 'rejected', 'T1', 'r', 3), ('a', 'y', 'rejected', 'T1', 'q', 4),
               ('a', 'y', 'waiting', 'ref', 'r', 4)"""
        )
        found = rows_of(made, sql_of("Which rows were rejected, and by which rule?"))
    assert [
        (r["feed"], r["status"], r["rule"], r["rejected_rows"], r["files"], r["newest_delivery_id"])
        for r in found
    ] == [
        ("a", "rejected", "T1", 2, 2, 4),
        ("a", "waiting", "ref", 1, 1, 4),
    ]


def test_the_examples_of_reading_run_as_they_are_written(
    sample: Published, con: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (DOCS / "reading.md").read_text()
    (sql,) = re.findall(r"```sql\n(.*?)```", text, re.DOTALL)
    (run,) = rows_of(con, sql)
    # the name of the run is that of the folder
    assert run["run_id"] == sample.database.parent.name
    examples = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    monkeypatch.chdir(sample.warehouse.parent)
    assert sample.warehouse.name == "warehouse"
    names: dict[str, Any] = {}
    for example in examples:
        exec(dedent(example), names)
    assert names["credits"].height == len(sample.mart("credits"))
    assert names["lines"].height == len(sample.mart("credit_fee_lines"))
