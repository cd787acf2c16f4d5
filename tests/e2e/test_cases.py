"""Worked cases and real records that lie beside the project: to the last second and cent."""

import gzip
import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

from makegood.ingestion.strict_yaml import InvalidDocument
from makegood.orchestration.pipeline.run import BadArguments, Blocked
from tests.conftest import Published, Runner, some_of
from tests.e2e.test_command import MAKEGOOD

# what each is for: a refused contract, two runs with late data; through the command as it is
# installed
BY_COMMAND = ["refused_unknown_key", "seed100019"]
# quorum and staleness, notice, rejected rows, one event, payment, what was issued, amendments and a
# third contract; order within a second, what is wholly excluded, what was before the first version,
# readings of several versions; in this process
CASES = [
    "checks_quorum_and_staleness",
    "notice_required",
    "few_bad_rows",
    "shared_event",
    "payment_obligations",
    "reconciliation",
    "seed100004",
    "fractions_of_checks",
    "nine_before_ten",
    "a_category_wholly_excluded",
    "maintenance_before_the_first_version",
    "what_if_of_two_versions",
    "a_credit_from_before_the_first_version",
]


# the newer terms: quarters, forms of credit, caps and minima, claims, nights, service hours, due
# dates, attainment, amendments with another form; refused ones; all at random
TERMS = [
    "credits_on_quarters",
    "credits_on_a_year",
    "an_order_form_with_another_form",
    "caps_and_minimum",
    "claims_by_the_end_of_a_month",
    "days_for_half_hours",
    "steps_below_the_commitment",
    "steps_without_a_commitment",
    "nights",
    "service_hours_of_covered_time",
    "attainment_by_outcome",
    "due_dates_ignored",
    "overdue_before_an_automatic_month_is_over",
    "targets_without_a_limit",
    "minimum_above_the_cap_amount",
    "refused_night_that_meets_the_next_day",
    "seed200001",
    "seed200020",
]


@pytest.mark.long
def test_cases_are_equal_to_their_answers_by_the_command(shared: Path) -> None:
    command = (
        f"{MAKEGOOD} run --landing {{landing}} --warehouse {{warehouse}} --contracts "
        f"{{contracts}} --as-of {{as_of}}"
    )
    judge = [
        sys.executable,
        str(shared / "cases" / "judge.py"),
        "--command",
        command,
        "--only",
        ",".join(BY_COMMAND),
    ]
    done = subprocess.run(judge, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith(f"{len(BY_COMMAND)} cases, ")


@pytest.mark.parametrize(
    "name", some_of(CASES, "checks_quorum_and_staleness", "shared_event", "seed100004")
)
def test_a_case_is_equal_to_its_answers(
    shared: Path, tmp_path: Path, publish: Runner, name: str
) -> None:
    assert_equal_to_answers(shared / "cases", tmp_path, publish, name)


@pytest.mark.parametrize(
    "name", some_of(TERMS, "credits_on_quarters", "minimum_above_the_cap_amount", "seed200020")
)
def test_a_case_of_the_newer_terms_is_equal_to_its_answers(
    shared: Path, tmp_path: Path, publish: Runner, name: str
) -> None:
    if not (shared / "cases-terms").exists():
        pytest.skip("the cases of the newer terms are not beside the project")
    assert_equal_to_answers(shared / "cases-terms", tmp_path, publish, name)


def assert_equal_to_answers(cases: Path, tmp_path: Path, publish: Runner, name: str) -> None:
    spec = importlib.util.spec_from_file_location("compare", cases / "compare.py")
    assert spec
    assert spec.loader
    judge = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(judge)
    case = cases / "worlds" / name
    for number, run in enumerate(json.loads((case / "case.json").read_text())["runs"]):
        try:
            publish(case / f"delivery{number}", run["as_of"], case / "contracts")
            code = 0
        except Blocked:
            code = 3
        except (BadArguments, InvalidDocument):
            code = 2
        assert code == run["exit"]
        if code != 0 and number == 0:
            assert not (tmp_path / "warehouse" / "published").exists()
            continue
        expected = json.loads(gzip.decompress((case / f"expected{number}.json.gz").read_bytes()))
        compared, differences = judge.compare(
            tmp_path / "warehouse" / "published" / "makegood.duckdb", expected, (), None
        )
        assert compared
        assert differences == []


def test_real_records_make_sense(real: Published) -> None:
    rows = real.mart("availability")
    assert {r["contract_id"] for r in rows} == {"trueengage", "connect_engage"}
    regions = {(r["service_id"], r["region"]) for r in rows}
    current = [r for r in rows if r["status"] == "provisional"]
    assert {(r["service_id"], r["region"]) for r in current} == regions, (
        "each has the period of as_of"
    )
    assert all(
        0 <= r["downtime_seconds"] <= r["unavailable_seconds"] <= r["total_seconds"] for r in rows
    )
    assert any(r["downtime_seconds"] for r in rows)


def test_every_real_row_is_accounted_for(real: Published, shared: Path) -> None:
    rows = {r["feed"]: r for r in real.query("select * from quality.feed_reconciliation")}
    for feed in ("outages", "tickets", "invoices", "invoice_lines", "support_hours"):
        # one line is the header; no field of these holds a line end
        lines = (shared / "landing-real" / feed / f"{feed}.csv").read_text().count("\n") - 1
        assert rows[feed]["rows_read"] == lines
    assert rows["checks"]["rows_in_force"] == rows["checks"]["rows_read"] > 0


def test_real_tickets_and_credits_make_sense(real: Published) -> None:
    tickets, credits = real.mart("ticket_sla"), real.mart("credits")
    assert {t["contract_id"] for t in tickets} == {"trueengage"}
    assert all(
        (t["resolution_outcome"] == "missed")
        == (t["resolution_elapsed_s"] > t["resolution_target_s"])
        for t in tickets
        if t["resolution_outcome"]
    )
    assert all(
        0 <= c["credit_pct"] <= 25 and c["payable_amount"] in (0, c["credit_amount"])
        for c in credits
    )
    assert (
        sum(c["payable_amount"] for c in credits)
        == sum(r["due_amount"] for r in real.mart("credit_reconciliation"))
        > 0
    )
    # every reading adds up to the same rows
    by_reading = {(r["policy_key"], r["value"]) for r in real.mart("what_if")}
    months = {(c["month"], c["currency"]) for c in credits if c["currency"]}
    assert len(real.mart("what_if")) == len(by_reading) * len(months) == 12 * len(months)
    assert {r["credit_amount"] - r["credit_difference"] for r in real.mart("what_if")} == {
        sum(c["credit_amount"] for c in credits if (c["month"], c["currency"]) == month)
        for month in months
    }
