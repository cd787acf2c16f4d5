"""Expectations over marts after they are built: each is broken by a doctored database, which is
then not published; amounts are compared exactly; large frames are looked at where it is tight."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
from typer.testing import CliRunner

from makegood.ingestion.contracts.tables import instant
from makegood.orchestration.cli import app
from makegood.orchestration.output.status import describe
from makegood.orchestration.pipeline import build, figures
from makegood.orchestration.pipeline import run as line
from makegood.orchestration.pipeline.figures import figure_suites, marts
from makegood.orchestration.pipeline.run import AuditFailed, Request, Run
from makegood.orchestration.settings import Limits
from makegood.orchestration.warehouse.store import Warehouse
from tests.conftest import CONTRACTS, Published, light, write_landing
from tests.models.test_credit_examples import DAY, Examples, H
from tests.support.expectations import InProcess


def landing(folder: Path) -> Path:
    """`s` was down for 26,000 s of June and late with a ticket: 15 % and 15 %, capped to 250.00
    EUR, of which 20.00 have been issued; `t` was never down."""
    examples = Examples()
    examples.subscription("s").outage(0, 26_000).resolved(6 * H, start=15 * DAY)
    examples.request("2026-07-05").line("-20.00", kind="credit")
    examples.subscription("t")
    return write_landing(folder, examples.feeds)


def request(folder: Path, as_of: str) -> Request:
    return Request(
        folder / "landing", folder / "warehouse", CONTRACTS, instant(as_of), Limits(threads=1)
    )


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """The second run of a warehouse, which has built and not published; June is stated already."""
    folder = tmp_path_factory.mktemp("built")
    landing(folder / "landing")
    with pytest.MonkeyPatch.context() as patch:
        light(patch)
        patch.setattr(line, "Validation", InProcess)
        with line.opened(request(folder, "2026-07-20T00:00:00Z")) as run:
            line.steps(run)
        with line.opened(request(folder, "2026-07-21T00:00:00Z")) as run:
            run.land()
            run.lay_out()
            run.transform()
            shutil.copy(run.database, run.folder / "built.duckdb")
            yield run


def doctored(run: Run, sql: str, mart: str | None = None) -> None:
    """Has `sql` change what the run has built, and hands over all suites, or those of `mart`."""
    shutil.copy(run.folder / "built.duckdb", run.database)
    with duckdb.connect(str(run.database)) as con:
        con.execute(sql)
    assert isinstance(run.validation, InProcess)
    suites = figure_suites(run.work, run.database, run.folder)
    run.validation.suites = [s for s in suites if mart in (None, s.about)]
    run.expected = []


S_JUNE = "where subscription_id = 's' and month = '2026-06-01'"
# what each expectation is broken by -> what it says, and what else is broken by it
DOCTORED = {
    "credits.cap": (
        f"update marts.credits set credit_amount = 250.01 {S_JUNE}",
        "the credit of s for 2026-06 is 250.010 EUR, and its cap 250.000",
        {"credits.attribution", "credit_statements.shown", "what_if.credit_difference"},
    ),
    "credits.payable": (
        f"update marts.credits set reasons = 'overdue' {S_JUNE}",
        "250.000 EUR is payable to s for 2026-06, and at most 0.000 could be",
        set(),
    ),
    "credits.reason": (
        f"update marts.credits set payable_amount = 0 {S_JUNE}",
        "nothing is payable to s for 2026-06, its credit is 250.000 EUR, and no reason is given",
        {"credit_reconciliation.due", "what_if.payable_difference"},
    ),
    "credits.proration": (
        "update marts.credit_fee_lines set month_amount = 999.99 where subscription_id = 's'",
        "the fee of s for 2026-06 is 1000.000 EUR, and the parts of its invoice lines add up to "
        "999.990",
        set(),
    ),
    "credits.attribution": (
        "update marts.credit_attribution set amount = amount + 0.01 where cause = 'downtime'",
        "the credit of s for 2026-06 is 250.000 EUR, of which 125.010 is attributed to downtime "
        "and 125.000 to late resolutions",
        set(),
    ),
    "credits.month": (
        "delete from marts.credits where subscription_id = 't' and month = '2026-07-01'",
        "t has a span or a fee in 2026-07, and no row of credits for it",
        set(),
    ),
    "availability.bounds": (
        "update marts.availability set availability_pct = 100.000001 where service_id = 't'",
        "the availability of t in eu from 2026-06-01 is 100.000001 % (and 1 more)",
        {"availability.seconds"},
    ),
    "availability.downtime": (
        "update marts.availability set excluded_seconds = total_seconds - 25_999 "
        "where service_id = 's' and period_start = '2026-06-01'",
        "s in eu was down for 26000 s from 2026-06-01, of which only 25999 s are not excluded",
        {"availability.seconds"},
    ),
    "availability.seconds": (
        "update marts.availability set availability_pct = availability_pct + 0.000001 "
        "where service_id = 's' and period_start = '2026-06-01'",
        "the availability of s in eu from 2026-06-01 is 98.996915 %, and its seconds make "
        "98.996914 %",
        set(),
    ),
    "credit_statements.kept": (
        f"update marts.credit_statements set monthly_fee = 1001 {S_JUNE}",
        "version 1 of the statement of s for 2026-06 EUR was (1000.000, ",
        set(),
    ),
    "credit_statements.shown": (
        f"update marts.credits set availability_pct = 98 {S_JUNE}",
        "and the credit shows (1000.000, 98.000000, ",
        set(),
    ),
    "credit_reconciliation.due": (
        "update marts.credit_reconciliation set due_amount = 251, difference = 231",
        "251.000 EUR is due to s for 2026-06, and its credit says that 250.000 is payable",
        set(),
    ),
    "credit_reconciliation.issued": (
        "update marts.credit_reconciliation set issued_amount = 40, difference = 210",
        "40.000 EUR counts as issued to s for 2026-06, and the credit lines add up to 20.000",
        set(),
    ),
    "credit_reconciliation.difference": (
        "update marts.credit_reconciliation set difference = 250",
        "250.000 EUR is due to s for 2026-06 and 20.000 issued, and the difference is given as "
        "250.000",
        set(),
    ),
    "what_if.credit_difference": (
        "update marts.what_if set credit_difference = credit_difference + 1 "
        "where policy_key = 'monitoring.quorum' and value = 'all'",
        "monitoring.quorum all of trueengage differs by 1.000 EUR in 2026-06, and the credits are "
        "250.000",
        set(),
    ),
    "what_if.payable_difference": (
        "update marts.what_if set payable_difference = payable_difference + 1 "
        "where policy_key = 'monitoring.quorum' and value = 'all'",
        "monitoring.quorum all of trueengage differs by 1.000 EUR in 2026-06, and 250.000 is "
        "payable",
        set(),
    ),
}


def failed(run: Run) -> dict[str, str]:
    """The expectations of marts that block, and what they say."""
    return {
        f"{r.mart}.{r.name}": r.detail
        for r in run.validated()
        if not r.success and r.severity == "block"
    }


@pytest.mark.parametrize("broken", DOCTORED)
def test_what_contradicts_itself_is_not_published(built: Run, broken: str) -> None:
    sql, says, others = DOCTORED[broken]
    doctored(built, sql)
    with pytest.raises(AuditFailed) as error:
        built.audit()
    found = failed(built)
    assert found.keys() == {broken, *others}
    assert says in found[broken]
    assert error.value.reasons == [
        f"{name.split('.')[0]}: {detail}. {marts().action}" for name, detail in found.items()
    ]


def test_each_expectation_is_broken_by_a_doctored_database() -> None:
    assert set(DOCTORED) == {f"{s.mart}.{e.name}" for s in marts().suites for e in s.expectations}
    assert {e.severity for s in marts().suites for e in s.expectations} == {"block"}


def test_what_is_built_is_as_expected(built: Run) -> None:
    doctored(built, "")
    built.audit()
    assert failed(built) == {}
    assert {r.mart for r in built.expected} == {s.mart for s in marts().suites}
    # none of them is met because there is nothing to look at
    for suite in figure_suites(built.work, built.database, built.folder):
        assert len(pl.read_parquet(suite.frame)), suite.frame


@pytest.mark.parametrize("broken", DOCTORED)
def test_of_a_large_frame_the_nearest_rows_are_looked_at(
    built: Run, broken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(figures, "MOST_ROWS", 0)
    monkeypatch.setattr(figures, "NEAREST", 1)
    doctored(built, DOCTORED[broken][0], mart=broken.split(".")[0])
    assert broken in failed(built)


def test_no_float_decides(built: Run) -> None:
    """An amount that a float can't tell from another: 2^53 and one more thousandths."""
    amount, more = "9007199254740.992", "9007199254740.993"
    doctored(
        built,
        f"""update marts.credits set monthly_fee = 4 * {amount}, credit_amount = {more} {S_JUNE};
            update marts.credit_fee_lines set month_amount = 4 * {amount} + 0.001
                where subscription_id = 's';
            update marts.credit_attribution set amount = {amount} where cause = 'downtime';
            update marts.credit_attribution set amount = 0 where cause <> 'downtime'""",
    )
    assert failed(built).keys() >= {"credits.cap", "credits.proration", "credits.attribution"}
    for suite in figure_suites(built.work, built.database, built.folder):
        assert set(pl.read_parquet(suite.frame).dtypes) <= {pl.Int64, pl.String}, suite.frame


def test_a_cap_is_rounded_to_the_minor_unit(built: Run) -> None:
    """C4: 25 % of 100.02 EUR is 25.005, half away from zero 25.01; of 102 JPY 25.5, so 26."""
    cases = [("EUR", "100.02", "25.010"), ("JPY", "102", "26.000"), ("KWD", "0.002", "0.001")]
    for currency, fee, cap in cases:
        doctored(
            built,
            f"""update marts.credits set currency = '{currency}', monthly_fee = {fee},
                credit_amount = {cap} {S_JUNE}""",
            mart="credits",
        )
        assert "credits.cap" not in failed(built), currency
        step = {"EUR": "0.01", "JPY": "1", "KWD": "0.001"}[currency]
        doctored(
            built,
            f"""update marts.credits set currency = '{currency}', monthly_fee = {fee},
                credit_amount = {cap} + {step} {S_JUNE}""",
            mart="credits",
        )
        assert failed(built)["credits.cap"].endswith(f"and its cap {cap}")


@pytest.mark.long
def test_a_run_that_contradicts_itself_fails_and_is_shown(
    built: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command: exit 1, what was published stays, and Data Docs and status say why."""
    warehouse = tmp_path / "warehouse"
    shutil.copytree(built.warehouse.root, warehouse, symlinks=True)
    published = Published(warehouse)
    docs = warehouse / "published" / "data_docs"
    assert "mart-credits.html" in (docs / "index.html").read_text()
    assert "expect_multicolumn_sum_to_equal" in (docs / "mart-credits.html").read_text()
    assert "not met" not in (docs / "mart-credits.html").read_text()
    before = published.figures()

    light(monkeypatch)
    honest = build.build

    def dishonest(work: Path, target: Path, *args: Any, **named: Any) -> build.Built:
        built = honest(work, target, *args, **named)
        with duckdb.connect(str(target)) as con:
            con.execute(f"update marts.credits set payable_amount = 0 {S_JUNE}")
        return built

    monkeypatch.setattr(line, "Validation", InProcess)
    monkeypatch.setattr(build, "build", dishonest)
    words = ["--landing", built.request.landing, "--warehouse", warehouse, "--threads", "1"]
    done = CliRunner().invoke(app, ["run", *map(str, words), "--as-of", "2026-07-21T00:00:00Z"])
    assert done.exit_code == 1, done.output
    said = DOCTORED["credits.reason"][1]
    assert said in " ".join(done.output.split())
    assert Published(warehouse).figures() == before
    record = Warehouse(warehouse).recorded()[-1]
    assert record.status == "failed"
    shown = Path(str(record.data_docs)).parent
    assert said in (shown / "index.html").read_text()
    assert "A customer would be refused a credit" in (shown / "mart-credits.html").read_text()
    assert said in describe(warehouse)
