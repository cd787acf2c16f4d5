"""`makegood backtest`: a warehouse's history under proposed contracts, equal to what a run of these
contracts publishes, and nothing in the warehouse is changed by it."""

import csv
import json
import shutil
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import filelock
import openpyxl
import polars as pl
import pytest
import yaml

from makegood.dashboards.figures import backtests
from makegood.dashboards.figures.backtests import Backtest
from makegood.ingestion.contracts.loader import load_folder
from makegood.ingestion.files import sha256_of
from makegood.orchestration.output.backtests import in_words
from makegood.orchestration.pipeline import backtest
from makegood.orchestration.settings import Limits
from makegood.orchestration.warehouse.store import Damaged, Warehouse
from tests.conftest import (
    CONTRACTS,
    Published,
    Rows,
    Runner,
    contract,
    published_once,
    write_contracts,
)
from tests.e2e.test_command import makegood
from tests.e2e.test_dashboards import app, tables, words
from tests.models.test_credit_examples import Examples

AS_OF = "2026-08-15T00:00:00Z"
LIMITS = Limits(threads=1)


class Built(Published):
    """A database that was built and not published."""

    def __init__(self, database: Path) -> None:
        self.database = database


def replay(warehouse: Path, contracts: Path) -> dict[str, Rows]:
    """All marts of a replay."""
    with backtest.replayed(warehouse, load_folder(contracts), LIMITS) as built:
        return Built(built).all_marts()


def checksums(warehouse: Path) -> dict[str, str]:
    """All files of a warehouse, but for the backtests."""
    return {
        path.relative_to(warehouse).as_posix(): sha256_of(path)
        for path in sorted(warehouse.rglob("*"))
        if path.is_file() and backtests.FOLDER not in path.relative_to(warehouse).parts
    }


def rows_of(warehouse: Path) -> list[dict[str, Any]]:
    """The rows of the latest backtest."""
    kept, unreadable = backtests.kept(warehouse)
    assert unreadable == []
    return backtests.rows_of(warehouse, kept[0]).to_dicts()


def library(**terms: Any) -> dict[str, Any]:
    """The contract trueengage with other terms, a map for each group."""
    found = yaml.safe_load((CONTRACTS / "trueengage.yaml").read_text())
    for group, values in terms.items():
        found["versions"][0]["terms"][group] |= values
    return dict(found)


STRICTER = {
    "availability": {"commitment_pct": 99.99},
    "credits": {
        "cap_pct": 50,
        "availability_tiers": [
            {"below_pct": 99.99, "credit_pct": 20},
            {"below_pct": 99.0, "credit_pct": 50},
        ],
    },
}
QUARTERLY = {**STRICTER, "availability": {"commitment_pct": 99.99, "period": "quarter"}}


@pytest.fixture
def warehouse(sample: Published, tmp_path: Path) -> Path:
    """The sample's warehouse, to write to."""
    return Path(shutil.copytree(sample.warehouse, tmp_path / "warehouse", symlinks=True))


# ---------------------------------------------------------------- the command, on the sample


@pytest.mark.long
def test_the_same_contracts_owe_the_same(warehouse: Path, tmp_path: Path) -> None:
    before = checksums(warehouse)
    out = tmp_path / "new" / "rows.json"
    done = makegood("backtest", "--warehouse", warehouse, "--contracts", CONTRACTS, "--out", out)
    assert (done.returncode, done.stderr) == (0, "")
    rows = rows_of(warehouse)
    published = Published(warehouse).query(
        "select * from marts.credits where currency is not null order by all"
    )
    assert {
        (r["subscription_id"], r["month"], r["currency"]): r["published_credit"] for r in rows
    } == {(r["subscription_id"], r["month"], r["currency"]): r["credit_amount"] for r in published}
    assert sum(r["published_credit"] for r in rows) > 0
    assert sum(r["published_payable"] for r in rows) == sum(r["payable_amount"] for r in published)
    for amount in backtests.AMOUNTS:
        assert [r[f"proposed_{amount}"] for r in rows] == [r[f"published_{amount}"] for r in rows]
    # amounts are text that is exact
    kept = json.loads(out.read_text())
    assert [r["published_credit"] for r in kept["rows"]] == [
        str(r["published_credit"]) for r in rows
    ]
    assert kept["backtest"]["as_of"] == AS_OF
    assert f"wrote {len(rows)} rows to {out}" in done.stdout
    # nothing has changed but for the backtest, and nothing is left behind
    assert checksums(warehouse) == before
    assert [p.name for p in (warehouse / backtests.FOLDER).iterdir()] == [
        f"{kept['backtest']['backtest_id']}.parquet"
    ]


@pytest.mark.parametrize(
    "terms",
    [
        pytest.param(STRICTER, id="month"),
        pytest.param(QUARTERLY, id="quarter", marks=pytest.mark.long),
    ],
)
def test_a_proposal_owes_what_a_run_of_it_publishes(
    warehouse: Path, sample: Published, tmp_path: Path, terms: dict[str, Any]
) -> None:
    """T5, C1: by cell, also where periods are others."""
    contracts = write_contracts(tmp_path / "proposed", {"te": library(**terms)})
    done = makegood(
        "backtest", "--warehouse", warehouse, "--contracts", contracts, "--out", tmp_path / "o.csv"
    )
    assert (done.returncode, done.stderr) == (0, "")
    landing = sample.warehouse.parent / "landing"
    # a run needs both, or the other contract's rows would wait
    both = write_contracts(
        tmp_path / "both",
        {
            "te": library(**terms),
            "ce": yaml.safe_load((CONTRACTS / "connect_engage.yaml").read_text()),
        },
    )
    fresh = published_once(landing, tmp_path / "fresh", AS_OF, both)
    wanted = {
        (r["subscription_id"], r["month"], r["currency"]): (
            r["period_kind"],
            r["last_day"],
            r["credit_amount"],
            r["payable_amount"],
            r["status"],
        )
        for r in fresh.query("select * from marts.credits where currency is not null")
    }
    rows = rows_of(warehouse)
    proposed = {
        (r["subscription_id"], r["month"], r["currency"]): (
            r["period_kind"],
            r["last_day"],
            r["proposed_credit"],
            r["proposed_payable"],
            r["status"],
        )
        for r in rows
        if r["proposed_credit"] is not None
    }
    assert proposed == wanted
    assert sum(of[2] for of in wanted.values()) > 0
    by_cause = {
        cause: sum((r[f"proposed_{cause}"] or Decimal() for r in rows), Decimal())
        for cause in backtests.CAUSES
    }
    assert by_cause == {
        r["cause"]: r["amount"]
        for r in [{"cause": cause, "amount": Decimal()} for cause in backtests.CAUSES]
        + fresh.query(
            "select cause, sum(amount) as amount from marts.credit_attribution group by 1"
        )
    }
    # what is published is not touched by other periods
    published = Published(warehouse).query(
        "select sum(credit_amount) as amount from marts.credits where contract_id = 'trueengage'"
    )
    assert sum(r["published_credit"] or 0 for r in rows) == published[0]["amount"]
    is_quarterly = terms is QUARTERLY
    assert ("published by month and proposed by quarter" in done.stdout) == is_quarterly
    assert ("2026 Q3" in done.stdout, "2026-06" in done.stdout) == (is_quarterly, True)
    text = (tmp_path / "o.csv").read_text("utf-8-sig")
    assert [r["proposed_credit"] for r in csv.DictReader(text.splitlines())] == [
        "" if r["proposed_credit"] is None else str(r["proposed_credit"]) for r in rows
    ]


# ---------------------------------------------------------------- whatever the contracts


def two_contracts() -> Examples:
    """A subscription under each of two contracts; the second one's invoice is overdue, and its
    customer that of the first."""
    e = Examples()
    e.subscription("main", contract_id="main").outage(0, 5000).request("2026-07-02")
    e.subscription("side", contract_id="side", fee=None)
    e.line("10.00", invoice=e.invoice(due="2026-06-20"))
    for feed in ("subscriptions", "invoices"):
        for row in e.feeds[feed]:
            row["customer_id"] = "of-main"
    return e


def credits_on(commitment: float, since: str = "2026-06-01", **terms: Any) -> dict[str, Any]:
    """A contract that credits 10 % below a commitment."""
    tiers = [{"below_pct": commitment, "credit_pct": 10}]
    return contract(
        "main",
        since=since,
        **{
            "availability": {"commitment_pct": commitment},
            "credits": {"support_plans": ["premium"], "availability_tiers": tiers},
            **terms,
        },
    )


@pytest.fixture
def place(publish: Runner, tmp_path: Path) -> Published:
    """A published warehouse with the contracts `main` and `side`."""
    contracts = {"main": credits_on(99.0), "side": contract("side")}
    return publish(two_contracts().feeds, "2026-07-10T00:00:00Z", contracts)


def run_of(publish: Runner, tmp_path: Path, proposed: dict[str, Any]) -> Published:
    """What a run of a proposal publishes in a warehouse of its own."""
    contracts = write_contracts(tmp_path / "both", {"main": proposed, "side": contract("side")})
    return publish(tmp_path / "landing", "2026-07-10T00:00:00Z", contracts, tmp_path / "fresh")


@pytest.mark.long
def test_all_marts_are_those_of_a_run(place: Published, publish: Runner, tmp_path: Path) -> None:
    wanted = run_of(publish, tmp_path, credits_on(99.9)).all_marts()
    assert replay(place.warehouse, tmp_path / "both") == wanted
    assert wanted["credits"] != place.mart("credits")


@pytest.mark.long
def test_contracts_that_are_left_out_still_decide_about_shared_customers(
    place: Published, publish: Runner, tmp_path: Path
) -> None:
    """E2: an overdue invoice under another contract keeps a credit from being payable."""
    wanted = run_of(publish, tmp_path, credits_on(99.9)).query(
        "select * from marts.credits where contract_id = 'main' order by all"
    )
    alone = write_contracts(tmp_path / "alone", {"main": credits_on(99.9)})
    found = [r for r in replay(place.warehouse, alone)["credits"] if r["contract_id"] == "main"]
    assert found == wanted
    assert {(r["reasons"], str(r["credit_amount"])) for r in found} >= {("overdue", "100.000")}


@pytest.mark.long
def test_spans_too_coarse_for_a_proposal_are_made_anew(publish: Runner, tmp_path: Path) -> None:
    """M1: a check holds for as long as the proposal says, also where what has landed bridges longer
    gaps."""
    e = Examples().subscription("main", contract_id="main")
    e.feeds["outages"].clear()
    e.feeds["checks"] = [
        {
            "component_id": "main",
            "location": "ams",
            "checked_at": f"2026-06-10T{hour:02d}:00:00Z",
            "status": "down" if hour == 3 else "up",
        }
        for hour in range(24)
    ]
    patient = credits_on(99.99, monitoring={"stale_after_s": 7200})
    strict = credits_on(99.99, monitoring={"stale_after_s": 60})
    as_of = "2026-07-10T00:00:00Z"
    published = publish(e.feeds, as_of, {"main": patient})
    contracts = write_contracts(tmp_path / "strict", {"main": strict})
    wanted = publish(tmp_path / "landing", as_of, contracts, tmp_path / "fresh").all_marts()
    before = checksums(published.warehouse)
    assert replay(published.warehouse, contracts) == wanted
    assert checksums(published.warehouse) == before
    downtime = {r["downtime_seconds"] for r in wanted["availability"]}
    assert downtime != {r["downtime_seconds"] for r in published.mart("availability")}


@pytest.mark.long
def test_a_proposal_that_begins_later_is_replayed_from_the_published_beginning(
    place: Published, tmp_path: Path
) -> None:
    """T5: what begins next year is judged by the past."""
    later = write_contracts(tmp_path / "later", {"main": credits_on(99.9, since="2027-01-01")})
    about, rows = backtest.backtest(place.warehouse, later, LIMITS)
    now = write_contracts(tmp_path / "now", {"main": credits_on(99.9)})
    _, as_if = backtest.backtest(place.warehouse, now, LIMITS)
    assert rows.equals(as_if)
    assert rows["proposed_credit"].sum() > rows["published_credit"].sum() == 0
    text = "\n".join(in_words(about, rows))
    assert (
        "main: the proposal begins on 2027-01-01; it is replayed as if it had been in force since "
        "2026-06-01, when the published agreement began" in text
    )
    assert "not compared, because nothing is proposed for them: side" in text


@pytest.mark.long
def test_periods_that_differ_are_listed_apart_and_compared_in_total(
    place: Published, publish: Runner, tmp_path: Path
) -> None:
    """T5: the first quarter begins with the contract, on 1 July; June has no credit by it."""
    proposed = credits_on(99.9, availability={"commitment_pct": 99.9, "period": "quarter"})
    folder = write_contracts(tmp_path / "quarters", {"main": proposed})
    about, rows = backtest.backtest(place.warehouse, folder, LIMITS)
    found = {
        row["period"]: (row["published_credit"], row["proposed_credit"], row["difference_credit"])
        for row in backtests.by_period(rows)
    }
    assert found == {"2026-06": (Decimal("0.000"), None, None)}
    assert any("the totals are of different days: 2026-06-01 to" in note for note in about.notes)


@pytest.mark.long
def test_what_is_there_to_know_of_the_evidence_is_said(
    place: Published, publish: Runner, tmp_path: Path
) -> None:
    e = two_contracts()
    e.name = "main"
    e.line("500.00", first="2026-07-01", last="2026-07-31")
    e.feeds["tickets"].append(
        {
            "ticket_id": "t",
            "subscription_id": "main",
            "ticket_type": "incident",
            "environment": "production",
        }
    )
    contracts = write_contracts(
        tmp_path / "own", {"main": credits_on(99.0), "side": contract("side")}
    )
    published = publish(e.feeds, "2026-07-11T00:00:00Z", contracts, tmp_path / "other")
    _, rows = backtest.backtest(published.warehouse, contracts, LIMITS)
    july = next(r for r in backtests.by_period(rows) if r["month"] == date(2026, 7, 1))
    assert backtests.remarks(july).startswith("still in progress")
    flags = published.query(
        "select bool_or(is_incomplete) as incomplete, bool_or(low_coverage) as thin from "
        "marts.credits where contract_id = 'main' and currency = 'EUR'"
    )[0]
    assert {
        f: bool(rows[c].any())
        for f, c in (("incomplete", "is_incomplete"), ("thin", "low_coverage"))
    } == flags


# ---------------------------------------------------------------- beside runs


@pytest.mark.long
def test_a_backtest_needs_nothing_that_a_run_holds_or_removes(
    place: Published, publish: Runner, tmp_path: Path
) -> None:
    wanted = run_of(publish, tmp_path, credits_on(99.9)).all_marts()
    root = place.warehouse

    def progress(step: str) -> None:
        if step == "resolving contracts":
            # more than any run removes
            shutil.rmtree(root / "landed")
            for folder in ("publications", "state", "building"):
                shutil.rmtree(root / folder)

    with (
        Warehouse(root).locked(),
        backtest.replayed(root, load_folder(tmp_path / "both"), LIMITS, progress) as built,
    ):
        assert Built(built).all_marts() == wanted


@pytest.mark.long
def test_a_run_goes_on_during_a_backtest(place: Published, publish: Runner, tmp_path: Path) -> None:
    root, first = place.warehouse, place.database
    contracts = tmp_path / "contracts"
    with backtest.replayed(root, load_folder(contracts), LIMITS) as built:
        for day in range(11, 15):
            publish(tmp_path / "landing", f"2026-07-{day}T00:00:00Z", contracts, root)
        # the publication that it started from is removed, and is still at hand
        assert not first.exists()
        assert Built(built.parent / "published" / "makegood.duckdb").mart("credits")
    assert list((root / backtests.FOLDER).iterdir()) == []
    assert Warehouse(root).last().damage == {}  # type: ignore[union-attr]


@pytest.mark.long
def test_while_a_run_holds_the_warehouse_the_command_works(
    place: Published, tmp_path: Path
) -> None:
    with Warehouse(place.warehouse).locked():
        done = makegood(
            "backtest", "--warehouse", place.warehouse, "--contracts", tmp_path / "contracts"
        )
    assert (done.returncode, done.stderr) == (0, "")
    assert len(rows_of(place.warehouse)) > 0


@pytest.mark.long
def test_a_path_may_be_relative(
    place: Published, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """dbt, which compiles the models the first time, takes paths to be below its project."""
    monkeypatch.chdir(place.warehouse.parent)
    contracts = load_folder(tmp_path / "contracts")
    with backtest.replayed(Path(place.warehouse.name), contracts, LIMITS) as built:
        assert built.is_absolute()


@pytest.mark.long
def test_what_a_killed_backtest_left_is_removed_and_another_at_work_is_not(
    place: Published, tmp_path: Path
) -> None:
    kept = place.warehouse / backtests.FOLDER
    for name in ("killed", "running"):
        (kept / f".at-work-{name}").mkdir(parents=True)
        (kept / f".at-work-{name}.lock").touch()
    with filelock.FileLock(kept / ".at-work-running.lock"):
        replay(place.warehouse, tmp_path / "contracts")
    assert sorted(p.name for p in kept.iterdir()) == [".at-work-running", ".at-work-running.lock"]


@pytest.mark.long
def test_landed_files_that_are_damaged_are_not_replayed(place: Published, tmp_path: Path) -> None:
    file = next((place.warehouse / "landed" / "outages").rglob("*.parquet"))
    file.chmod(0o644)
    file.write_bytes(file.read_bytes() + b"\n")
    with pytest.raises(Damaged, match=f"{file} is missing or damaged: run again"):
        replay(place.warehouse, tmp_path / "contracts")
    file.unlink()
    with pytest.raises(Damaged, match=f"{file} is missing or damaged: run again"):
        replay(place.warehouse, tmp_path / "contracts")
    assert list((place.warehouse / backtests.FOLDER).iterdir()) == []


# ---------------------------------------------------------------- refusals


@pytest.mark.long
def test_what_cant_be_replayed_is_refused(place: Published, tmp_path: Path) -> None:
    misspelt = credits_on(99.9) | {"contract_id": "mian"}
    wrong = write_contracts(
        tmp_path / "wrong", {"a": misspelt, "b": {**misspelt, "contract_id": "zzz"}}
    )
    done = makegood("backtest", "--warehouse", place.warehouse, "--contracts", wrong)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines() == [
        f"makegood: contract_id 'mian': no service of {place.warehouse} is under it; "
        "did you mean 'main'?",
        f"contract_id 'zzz': no service of {place.warehouse} is under it; there are main, side",
    ]
    (wrong / "a.yaml").write_text((wrong / "a.yaml").read_text().replace("99.9", "ninety"))
    done = makegood("backtest", "--warehouse", place.warehouse, "--contracts", wrong)
    assert done.returncode == 2
    assert f"{wrong / 'a.yaml'}:" in done.stderr
    for out in ("rows.txt", "."):
        done = makegood(
            *("backtest", "--warehouse", place.warehouse, "--contracts", wrong, "--out", out)
        )
        assert (done.returncode, ".csv, .xlsx, .parquet, .json" in done.stderr) == (2, True)
    gone = makegood("backtest", "--warehouse", place.warehouse, "--contracts", tmp_path / "none")
    assert (gone.returncode, "--contracts" in gone.stderr) == (2, True)
    # refused before anything is kept
    assert backtests.kept(place.warehouse) == ([], [])


def test_where_nothing_is_published_nothing_is_made(tmp_path: Path) -> None:
    for folder in (tmp_path / "none", tmp_path):
        done = makegood("backtest", "--warehouse", folder, "--contracts", CONTRACTS)
        assert done.returncode == 2
        assert "nothing is published there yet: `makegood run` first" in done.stderr
    assert list(tmp_path.iterdir()) == []


# ---------------------------------------------------------------- the page


@pytest.mark.long
def test_the_page_shows_each_kept_backtest(
    place: Published, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "No backtest has been made yet" in words(app(monkeypatch, place.warehouse, "backtests"))
    stricter = write_contracts(tmp_path / "stricter", {"main": credits_on(99.9)})
    first, _ = backtest.backtest(place.warehouse, stricter, LIMITS)
    backtest.backtest(place.warehouse, tmp_path / "contracts", LIMITS)
    (place.warehouse / backtests.FOLDER / "odd.parquet").write_text("not Parquet")

    at = app(monkeypatch, place.warehouse, "backtests", backtest=first.backtest_id)
    assert [e.value for e in at.exception] == []
    assert "can't be read: odd.parquet" in words(at)
    shown = tables(at)
    (total,) = shown["Credits in total"]
    assert (total["Published"], total["Proposed"], total["Difference"]) == (
        Decimal("0.000"),
        Decimal("100.000"),
        Decimal("100.000"),
    )
    june = next(r for r in shown["Credits by period"] if r["Period"] == "2026-06")
    assert (june["Contract"], june["Currency"], june["Proposed"]) == (
        "main",
        "EUR",
        total["Proposed"],
    )
    assert [(r["Cause"], r["Difference"]) for r in shown["Credits by cause"]] == [
        ("downtime", total["Difference"])
    ]
    (customer,) = shown["Credits by customer, the largest differences first"]
    assert (customer["Customer"], customer["Customer id"]) == ("main", "of-main")
    assert customer["Difference"] == total["Difference"]
    assert "nothing is proposed for them: side" in words(at)

    # the latest comes first
    latest = tables(app(monkeypatch, place.warehouse, "backtests"))
    assert [r["Difference"] for r in latest["Credits in total"]] == [Decimal("0.000")]


def test_each_currency_has_an_order_of_its_own() -> None:
    """A thousand yen are not more than ten euros, so that neither pushes the other off the list."""
    rows = pl.DataFrame(
        [
            {
                "contract_id": "main",
                "subscription_id": f"{currency}-{number}",
                "period_kind": "month",
                "month": date(2026, 6, 1),
                "currency": currency,
                **{f"published_{amount}": Decimal(0) for amount in backtests.AMOUNTS},
                **{f"proposed_{amount}": Decimal(number * worth) for amount in backtests.AMOUNTS},
                "status": "final",
                "is_incomplete": number == 3,
                "low_coverage": False,
            }
            for currency, worth in (("JPY", 1000), ("EUR", -10))
            for number in range(8)
        ],
        schema=backtests.ROWS,
    )
    about = Backtest(
        backtest_id="b",
        made_at=datetime(2026, 7, 1, tzinfo=UTC),
        as_of=datetime(2026, 7, 1, tzinfo=UTC),
        run_id="r",
        contracts=Path("proposed"),
        contract_ids=["main"],
        notes=[],
    )
    lines = in_words(about, rows)
    at = lines.index("subscriptions that change most, 10 of 14")
    assert [line.split()[1] for line in lines[at + 3 :]] == [
        f"{currency}-{number}" for currency in ("EUR", "JPY") for number in range(7, 2, -1)
    ]
    (june,) = [line for line in lines if line.startswith("  main      2026-06  JPY ")][:1]
    assert june.split()[3:6] == ["0", "28,000", "28,000"]
    assert june.endswith("1 on incomplete data")


@pytest.mark.long
def test_files_of_a_backtest(place: Published, tmp_path: Path) -> None:
    from makegood.orchestration.output import backtests as output

    contracts = write_contracts(tmp_path / "stricter", {"main": credits_on(99.9)})
    about, rows = backtest.backtest(place.warehouse, contracts, LIMITS)
    output.write(tmp_path / "b.xlsx", about, rows)
    sheet = openpyxl.load_workbook(tmp_path / "b.xlsx")["Data"]
    heading, *cells = [[cell.value for cell in row] for row in sheet.iter_rows()]
    assert heading == list(backtests.ROWS)
    assert [row[heading.index("proposed_credit")] for row in cells] == rows[
        "proposed_credit"
    ].to_list()
    output.write(tmp_path / "b.parquet", about, rows)
    assert pl.read_parquet(tmp_path / "b.parquet").equals(rows)
