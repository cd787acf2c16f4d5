"""The month's batch of credit notes, by `makegood credit-notes`: what is in it, what is left out,
what is kept, and that a batch that is delivered makes the credit an issued one (C6)."""

import csv
import io
import json
import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from click.testing import Result
from typer.testing import CliRunner

from makegood.dashboards.exports import credit_notes as exports
from makegood.dashboards.figures import credit_notes as notes
from makegood.dashboards.figures.totals import totals
from makegood.ingestion.feeds.specs import feeds
from makegood.orchestration.cli import app
from makegood.orchestration.output.explain import published
from makegood.orchestration.warehouse import doctor
from tests.conftest import (
    CONTRACTS,
    Published,
    Rows,
    contract,
    published_once,
    write_contracts,
)
from tests.e2e.test_command import makegood
from tests.models.test_credit_examples import DAY, Examples
from tests.models.test_credit_line import deliver

JULY_5, JULY_10, JULY_12 = "2026-07-05T00:00:00Z", "2026-07-10T00:00:00Z", "2026-07-12T00:00:00Z"
FILES = ("csv", "xlsx", "jsonl")


def first() -> Examples:
    """Downtime of 10 % credit (C1) for each: 100 EUR, 1000 EUR, 1000 JPY and, of a quarter's fee,
    10 KWD are due for June, and 100 EUR that nobody has asked for. Invoices have taken back 50 EUR
    of a credit of 100 EUR (retaken), and for June and July where nothing is due (mistaken). A
    credit of March is due on a third of the data (thin)."""
    e = Examples()
    for name, fee, currency in (
        ("small", "1000.00", "EUR"),
        ("big", "10000.00", "EUR"),
        ("yen", "10000", "JPY"),
        ("unasked", "1000.00", "EUR"),
    ):
        e.subscription(name, fee=None).outage(0, 2593).line(fee, currency=currency)
        if name != "unasked":
            e.request("2026-07-02")
    e.subscription("quarterly", "quarterly", fee=None, spans=[{"valid_from": "2026-04-01"}])
    e.outage(0, 30 * 3600).line("100.000", first="2026-05-01", last="2026-05-31", currency="KWD")
    e.request("2026-07-02", month="2026-04-01")
    # the quarter needs data from its beginning
    e.outage(-70 * DAY, None, state="up")
    e.subscription("retaken").outage(0, 2593).request("2026-07-02").line("50.00", kind="credit")
    e.subscription("mistaken").line("50.00", kind="credit")
    e.line("20.00", kind="credit", first="2026-07-01", last="2026-07-31")
    e.subscription(
        "thin",
        "earlier",
        fee=None,
        spans=[{"valid_from": "2026-03-01", "valid_to": "2026-03-31"}],
    ).line("1000.00", first="2026-03-01", last="2026-03-31")
    e.outage(-92 * DAY, -91 * DAY).outage(-91 * DAY, -80 * DAY, state="up")
    e.request("2026-04-02", month="2026-03-01")
    return e


class Place:
    """A landing folder and a warehouse, and the command on it."""

    def __init__(self, folder: Path) -> None:
        self.landing, self.path = folder / "landing", folder / "warehouse"
        quarter = contract(
            "quarterly",
            since="2026-04-01",
            availability={"period": "quarter", "commitment_pct": 99.9},
            credits={
                "support_plans": ["premium"],
                "availability_tiers": [{"below_pct": 99.9, "credit_pct": 10}],
            },
        )
        earlier = contract(
            "earlier",
            since="2026-03-01",
            availability={"commitment_pct": 99.9, "min_coverage_pct": 99},
            credits={
                "support_plans": ["premium"],
                "availability_tiers": [{"below_pct": 99.9, "credit_pct": 10}],
            },
        )
        both = {"quarterly": quarter, "earlier": earlier}
        self.contracts = write_contracts(folder / "contracts", both)
        shutil.copy(CONTRACTS / "trueengage.yaml", self.contracts)

    def run(self, as_of: str) -> Published:
        return published_once(self.landing, self.path, as_of, self.contracts)

    def make(self, *words: Any, month: str = "2026-06") -> "subprocess.CompletedProcess[str]":
        return makegood("credit-notes", "--month", month, "--warehouse", self.path, *words)

    def quick(self, *words: Any, month: str = "2026-06") -> Result:
        """The same in this process."""
        line = ["credit-notes", "--month", month, "--warehouse", self.path, *words]
        return CliRunner().invoke(app, [str(word) for word in line])

    @property
    def batches(self) -> list[notes.Batch]:
        found, wrong = notes.kept(self.path)
        assert wrong == []
        return found

    @property
    def kept(self) -> dict[str, bytes]:
        return {p.name: p.read_bytes() for p in (self.path / notes.FOLDER).glob("*.json")}

    def in_batch(self, number: int) -> dict[str, str]:
        """Subscription -> amount and currency."""
        lines = self.batches[number - 1].lines
        return {line.subscription_id: f"{line.amount} {line.currency}" for line in lines}


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Published as of 5 July; no batch yet."""
    place = Place(tmp_path_factory.mktemp("notes"))
    deliver(place.landing, "1", first().feeds)
    place.run(JULY_5)
    return place


@pytest.fixture
def place(begun: Place, tmp_path: Path) -> Place:
    """A copy, to be changed."""
    other = Place(tmp_path / "copy")
    shutil.copytree(begun.landing, other.landing)
    shutil.copytree(begun.path, other.path, symlinks=True)
    return other


def test_what_is_due_is_in_the_batch(place: Place, tmp_path: Path) -> None:
    """One line a subscription and currency that is due, a quarter with the month in which it ends,
    nothing that nobody asked for; in a file with the columns of the feed."""
    dry = place.make("--dry-run")
    assert dry.returncode == 0, dry.stderr
    assert "batch 1 of 2026-06 would be made" in dry.stdout
    assert not (place.path / notes.FOLDER).exists()

    done = place.make("--out", tmp_path / "notes.csv")
    assert done.returncode == 0, done.stderr
    assert f"wrote 4 lines to {tmp_path / 'notes.csv'}; fill in invoice_id" in done.stdout
    assert place.in_batch(1) == {
        "small": "100.00 EUR",
        "big": "1000.00 EUR",
        "yen": "1000 JPY",
        "quarterly": "10.000 KWD",
    }
    (batch,) = place.batches
    assert {line.statement_version for line in batch.lines} == {1}
    assert batch.run_id == (place.path / "published").resolve().name
    assert (tmp_path / "notes.csv").read_text().splitlines() == [
        "line_id,invoice_id,subscription_id,line_kind,period_start,period_end,amount,currency",
        "CN-000001-0001,,big,credit,2026-06-01,2026-06-30,-1000.00,EUR",
        "CN-000001-0002,,quarterly,credit,2026-04-01,2026-06-30,-10.000,KWD",
        "CN-000001-0003,,small,credit,2026-06-01,2026-06-30,-100.00,EUR",
        "CN-000001-0004,,yen,credit,2026-06-01,2026-06-30,-1000,JPY",
    ]

    # the same credit again, and no other batch
    twice = place.make()
    assert (twice.returncode, len(place.kept)) == (2, 1)
    assert "nothing is due for 2026-06 that is neither issued nor in a batch" in twice.stderr
    assert "batch 1 is the last, and --again writes it again" in twice.stderr
    assert place.make("--dry-run").returncode == 2

    # the same batch, in every format, to the byte
    before = place.kept
    for kind in FILES:
        files = [tmp_path / f"{turn}.{kind}" for turn in (1, 2)]
        for file in files:
            assert place.make("--again", "--out", file).returncode == 0
        assert files[0].read_bytes() == files[1].read_bytes()
    assert (tmp_path / "1.csv").read_bytes() == (tmp_path / "notes.csv").read_bytes()
    assert place.kept == before
    lines = [json.loads(line) for line in (tmp_path / "1.jsonl").read_text().splitlines()]
    as_csv = list(csv.DictReader(io.StringIO((tmp_path / "1.csv").read_text())))
    assert [{k: v or "" for k, v in line.items()} for line in lines] == as_csv
    header, *rows = openpyxl.load_workbook(tmp_path / "1.xlsx")["Data"].iter_rows(values_only=True)
    cells = [dict(zip(header, row, strict=True)) for row in rows]
    assert [Decimal(str(c["amount"])) for c in cells] == [Decimal(r["amount"]) for r in as_csv]
    assert [c["customer_name"] for c in cells] == ["big", "quarterly", "small", "yen"]


def corrected(shown: str, subscription: str) -> list[list[str]]:
    """Due, issued, in batches and difference of what has to be corrected in billing."""
    _, _, after = shown.partition("to be corrected in billing")
    rows = after.partition("\n\n")[0].replace("−", "-").splitlines()
    return [row.split()[-4:] for row in rows if row.split()[1:2] == [subscription]]


def test_what_an_invoice_takes_back_is_no_credit(begun: Place) -> None:
    """Neither beside what is due, nor where nothing is, nor in a month that is not over (C6)."""
    shown = begun.quick("--dry-run").stdout
    assert corrected(shown, "retaken") == [["100.00", "-50.00", "0.00", "150.00"]]
    assert corrected(shown, "mistaken") == [["0.00", "-50.00", "0.00", "50.00"]]
    with published(begun.path) as reader:
        july = notes.proposed(reader, date(2026, 7, 1), [])
    assert (july.credits, july.is_over) == ([], False)
    assert [c.row["subscription_id"] for c in july.corrections] == ["mistaken"]


def test_a_batch_has_the_columns_of_the_feed() -> None:
    assert list(exports.COLUMNS) == [c.name for c in feeds()["invoice_lines"].columns]


@pytest.mark.parametrize(
    ("month", "words", "said"),
    [
        ("2026-07", [], "2026-07 is not over as of 2026-07-05T00:00:00Z"),
        # May has no credit, and the quarter that holds it ends in June
        ("2026-05", [], "period that ends in 2026-05"),
        ("2026-04", [], "months with credits: 2026-03, 2026-06, 2026-07"),
        ("June", [], "--month 'June' is not a month"),
        ("2026-06", ["--again", "--out", "x.csv"], "there is no batch of 2026-06 to write again"),
        ("2026-06", ["--again"], "--again writes a file: name it"),
        ("2026-06", ["--again", "--dry-run"], "leave --limit, --approve and --dry-run out"),
        ("2026-06", ["--dry-run", "--out", "x.csv"], "--dry-run writes nothing"),
        ("2026-06", ["--batch", "1"], "give --again, too"),
        ("2026-06", ["--format", "csv"], "--format csv needs a file"),
        ("2026-06", ["--out", "x.pdf"], "must be a file that ends in .csv, .xlsx or .jsonl"),
        ("2026-06", ["--out", "x.csv", "--format", "xlsx"], "contradicts the suffix"),
        ("2026-06", ["--out", "nowhere/x.csv"], "nowhere is not a folder"),
        ("2026-06", ["--limit", "EUR"], "--limit EUR is not a currency and an amount"),
        ("2026-06", ["--limit", "EURO=5"], "is not a currency and an amount"),
        ("2026-06", ["--limit", "EUR=-1"], "is not a currency and an amount"),
        ("2026-06", ["--limit", "EUR=NaN"], "is not a currency and an amount"),
        ("2026-06", ["--limit", "JPY=0.5"], "is not a currency and an amount"),
        ("2026-06", ["--limit", "EUR=1", "--limit", "EUR=2"], "--limit names EUR twice"),
        # at the limit is not above it
        (
            "2026-06",
            ["--limit", "EUR=1000", "--approve", "big"],
            "has no credit that needs approval",
        ),
    ],
)
def test_what_is_refused_keeps_nothing(
    begun: Place, month: str, words: list[str], said: str
) -> None:
    done = begun.quick(*words, month=month)
    assert done.exit_code == 2
    assert said in done.stderr
    assert not (begun.path / notes.FOLDER).exists() or begun.kept == {}


def test_nothing_published_is_a_failure(tmp_path: Path) -> None:
    done = makegood("credit-notes", "--month", "2026-06", "--warehouse", tmp_path)
    assert (done.returncode, list(tmp_path.iterdir())) == (1, [])


def test_above_a_limit_it_waits_for_approval(place: Place) -> None:
    done = place.quick("--limit", "EUR=999.99", "--limit", "JPY=1000")
    assert done.exit_code == 0, done.stderr
    (row,) = [row for row in done.stdout.splitlines() if row.split()[1:2] == ["big"]]
    assert row.endswith("1,000.00  above 999.99 EUR")
    assert set(place.in_batch(1)) == {"small", "quarterly", "yen"}
    held = place.quick("--limit", "EUR=999.99")
    assert (held.exit_code, len(place.kept)) == (2, 1)
    assert "needs approval" in held.stderr
    approved = place.quick("--limit", "EUR=999.99", "--approve", "big")
    assert approved.exit_code == 0, approved.stderr
    (line,) = place.batches[1].lines
    assert (line.line_id, line.subscription_id) == ("CN-000002-0001", "big")
    assert line.approved == ["above 999.99 EUR"]


def test_on_thin_evidence_it_waits_for_approval(place: Place) -> None:
    done = place.quick(month="2026-03")
    assert (done.exit_code, place.kept) == (2, {})
    assert "evidence: thin" in done.stderr
    assert place.quick("--approve", "thin", month="2026-03").exit_code == 0
    (line,) = place.batches[0].lines
    assert (line.subscription_id, line.approved) == ("thin", ["evidence: thin"])


def test_a_line_that_never_comes_back_can_be_closed(place: Place) -> None:
    """Then it is due again, once, and the batch stays as it was."""
    assert place.quick().exit_code == 0
    before, closed = place.kept, place.batches[0].lines[0]
    for words, said in (
        (["--close", closed.line_id, "--close", "CN-000009-0001"], "--close CN-000009-0001: no"),
        (["--close", "../x"], "--close ../x: no line of that id"),
        (["--close", closed.line_id, "--dry-run"], "leave other options out"),
    ):
        done = place.quick(*words)
        assert done.exit_code == 2
        assert said in done.stderr
    assert place.quick().exit_code == 2
    done = place.quick("--close", closed.line_id)
    assert done.exit_code == 0, done.stderr
    assert f"closed {closed.line_id}: 1,000.00 EUR for big 2026-06" in done.stdout
    assert place.quick("--close", closed.line_id).exit_code == 2
    assert place.kept == before
    assert place.quick().exit_code == 0
    assert place.in_batch(2) == {"big": "1000.00 EUR"}
    assert place.quick().exit_code == 2
    assert [f.what for f in doctor.examine(place.path)] == []


def test_two_at_once_make_one_batch(place: Place) -> None:
    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(lambda _: place.make(), range(2)))
    assert sorted(d.returncode for d in done) == [0, 2]
    assert len(place.kept) == 1


@pytest.mark.long
def test_a_damaged_or_missing_batch_stops_the_next(place: Place) -> None:
    """What it holds could be issued twice."""
    assert place.quick("--limit", "EUR=500").exit_code == 0
    assert place.quick().exit_code == 0
    name, content = next(iter(sorted(place.kept.items())))
    file = place.path / notes.FOLDER / name
    assert [f.what for f in doctor.examine(place.path)] == []
    for spoil, said in (
        (lambda: file.unlink(), "batch 1 is missing"),
        (lambda: file.write_bytes(content.replace(b"100.00", b"900.00")), "not what was written"),
        (lambda: file.write_bytes(content[:-9]), "can't be read"),
    ):
        file.chmod(0o644) if file.exists() else None
        spoil()
        for done in (place.quick(), place.quick("--again", "--out", place.path / "x.csv")):
            assert done.exit_code == 1
            assert said in done.stderr
        assert any(said in f.what for f in doctor.examine(place.path))
    file.write_bytes(content)
    assert place.quick().exit_code == 2


@pytest.mark.long
def test_a_lost_last_batch_stops_the_next(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its number and the ids of its lines would be used again."""
    assert place.quick("--limit", "EUR=500").exit_code == 0
    assert place.quick().exit_code == 0
    file = place.path / notes.FOLDER / max(place.kept)
    for lost, said in (
        (file, "batch 2 is missing"),
        (file.with_name(min(place.kept)), "none is the last there"),
    ):
        lost.unlink()
        done = place.quick()
        assert done.exit_code == 1
        assert said in done.stderr
        assert any(said in f.what for f in doctor.examine(place.path))
    # all is lost but what an invoice has, here under the ids that the examples have
    (place.path / notes.LAST).unlink()
    monkeypatch.setattr(notes, "_LINE_ID", re.compile(r"l(\d+)"))
    done = place.quick()
    assert (done.exit_code, place.kept) == (1, {})
    assert "is missing: an invoice has its line l" in done.stderr
    assert any("an invoice has its line l" in f.what for f in doctor.examine(place.path))


def test_no_file_of_another_batch_is_overwritten(place: Place, tmp_path: Path) -> None:
    """It may be on its way to billing."""
    file = tmp_path / "notes.csv"
    assert place.quick("--limit", "EUR=500", "--out", file).exit_code == 0
    content = file.read_bytes()
    done = place.quick("--out", file)
    assert (done.exit_code, len(place.kept), file.read_bytes()) == (2, 1, content)
    assert f"--out {file} is there already" in done.stderr
    assert place.quick("--out", tmp_path / "2.csv").exit_code == 0
    assert place.quick("--again", "--out", file).exit_code == 2
    assert file.read_bytes() == content
    # the same once more is no harm
    assert place.quick("--again", "--batch", 1, "--out", file).exit_code == 0
    assert place.quick("--again", "--batch", 1, "--out", tmp_path / "1.csv").exit_code == 0
    assert (tmp_path / "1.csv").read_bytes() == content
    done = place.quick("--again", "--batch", 3, "--out", tmp_path / "3.csv")
    assert done.exit_code == 2
    assert "there is no batch 3 of 2026-06 to write again; there: 1, 2" in done.stderr


def test_a_file_that_cannot_be_written_costs_no_batch(place: Place, tmp_path: Path) -> None:
    """It is kept first: the file can be written again, the credit is not issued again."""
    done = place.make("--out", "/proc/notes.csv")
    assert done.returncode == 1
    assert "batch 1 is kept: write it with --again" in done.stderr
    assert len(place.kept) == 1
    assert place.make("--again", "--out", tmp_path / "notes.csv").returncode == 0


def delivered(place: Place, number: int, kind: str, to: Path) -> Rows:
    """The file of a batch with invoices filled in, one for each line, and these invoices."""
    batch = place.batches[number - 1]
    invoices = [
        {
            "invoice_id": f"credit-{line.line_id}",
            "customer_id": line.customer_id,
            "status": "issued",
            "issued_on": "2026-07-06",
        }
        for line in batch.lines
    ]
    content = exports.FORMATS[kind](batch).decode()
    for line in batch.lines:
        content = content.replace(
            *(
                (f"{line.line_id},,", f"{line.line_id},credit-{line.line_id},")
                if kind == "csv"
                else (
                    f'"{line.line_id}", "invoice_id": null',
                    f'"{line.line_id}", "invoice_id": "credit-{line.line_id}"',
                )
            )
        )
    (to / "invoice_lines").mkdir(exist_ok=True)
    (to / "invoice_lines" / f"batch-{number}.{kind}").write_text(content)
    return invoices


def reconciled(published: Published) -> dict[str, tuple[str, str, str]]:
    """Subscription -> due, difference and flags of June."""
    return {
        r["subscription_id"]: (str(r["due_amount"]), str(r["difference"]), r["flags"])
        for r in published.mart("credit_reconciliation")
        if r["subscription_id"] not in ("retaken", "mistaken", "thin")
    }


@pytest.mark.long
def test_from_batch_to_invoice_to_a_restated_statement_and_back(place: Place) -> None:
    """What is delivered back is issued, without a difference or a flag (C6). A restated statement
    is credited as the difference to what was issued and what batches hold; a rollback leaves
    batches alone, and what is then too much is reported and not taken back."""
    assert place.make("--limit", "EUR=500").returncode == 0
    assert place.make().returncode == 0
    deliver(
        place.landing,
        "2",
        {"invoices": [*delivered(place, 1, "csv", place.landing)]},
    )
    deliver(place.landing, "3", {"invoices": [*delivered(place, 2, "jsonl", place.landing)]})
    # billing has given a line an id of its own
    lines = place.landing / "invoice_lines" / "batch-1.csv"
    yen = next(line.line_id for line in place.batches[0].lines if line.subscription_id == "yen")
    lines.write_text(lines.read_text().replace(f"{yen},", "billing-4711,", 1))
    issued = place.run(JULY_10)
    assert issued.rejected() == []
    assert reconciled(issued) == {
        "small": ("100.000", "0.000", ""),
        "big": ("1000.000", "0.000", ""),
        "yen": ("1000.000", "0.000", ""),
        "quarterly": ("10.000", "0.000", ""),
    }
    again = place.make()
    assert again.returncode == 2
    assert "on no issued invoice yet" not in again.stderr
    assert not corrected(again.stderr, "small")

    # a longer outage comes late: 25 % instead of 10 %
    late = {
        "outage_id": "late",
        "component_id": "small",
        "state": "down",
        "started_at": "2026-06-20T00:00:00Z",
        "ended_at": "2026-06-21T00:00:00Z",
    }
    deliver(place.landing, "4", {"outages": [late]})
    place.run(JULY_12)
    # 150 are left of 250: a limit is for the whole
    held = place.make("--limit", "EUR=200")
    assert held.returncode == 2
    assert "above 200.00 EUR" in held.stderr
    done = place.make("--limit", "EUR=500")
    assert done.returncode == 0, done.stderr
    assert "small 2026-06: 150.00 EUR more, statement 1 -> 2" in done.stdout
    assert place.in_batch(3) == {"small": "150.00 EUR"}
    (line,) = place.batches[2].lines
    assert (line.due, line.issued, line.in_batches) == (
        Decimal("250.00"),
        Decimal("100.00"),
        Decimal("0.00"),
    )
    assert (line.version_before, line.statement_version) == (1, 2)
    assert "availability_pct" in line.changed
    # it waits for its invoice, and is not issued again
    waiting = place.make()
    assert waiting.returncode == 2
    assert "in an earlier batch, on no issued invoice yet" in waiting.stderr
    assert line.line_id in waiting.stderr

    before = place.kept
    back = makegood("rollback", "--warehouse", place.path, "--yes")
    assert back.returncode == 0, back.stderr
    assert doctor.repair(place.path, None) == []
    assert [f.what for f in doctor.examine(place.path)] == []
    assert place.kept == before
    # 100 are due, 100 are issued, and 150 in a batch
    over = place.make()
    assert (over.returncode, place.kept) == (2, before)
    (row,) = corrected(over.stderr, "small")
    assert row == ["100.00", "100.00", "150.00", "-150.00"]
    # the run lands again what was rolled back, and the batch is what is missing
    place.run(JULY_12)
    same = place.make()
    assert (same.returncode, corrected(same.stderr, "small")) == (2, [])


def test_totals_are_those_of_the_lines(begun: Place) -> None:
    """By whatever they are added up, nothing is lost or counted twice, and no currency is added to
    another."""
    with published(begun.path) as reader:
        proposal = notes.proposed(reader, date(2026, 6, 1), [])
        due = reader.rows(
            """select currency, sum(difference) as amount, count(*) as lines
               from marts.credit_reconciliation
               where month >= '2026-04-01' and difference > 0 and issued_amount >= 0
               group by all order by all"""
        )
    assert len(proposal.credits) == 4
    credits = [credit.model_dump() | {"period": credit.period} for credit in proposal.credits]
    for by in ((), ("customer_name", "customer_id"), ("contract_id",), ("period",)):
        rows = totals(credits, ["amount"], by)
        for sums in due:
            own = [r for r in rows if r["currency"] == sums["currency"]]
            assert sum((r["amount"] for r in own), Decimal()) == sums["amount"]
            assert sum(r["rows"] for r in own) == sums["lines"]
        assert {r["currency"] for r in rows} == {r["currency"] for r in due}


@pytest.mark.long
def test_on_the_sample_a_batch_that_is_delivered_is_issued(
    sample: Published, tmp_path: Path
) -> None:
    """The round trip on the sample: a claim is made, its credit is in the batch, and once that is
    delivered the credit is issued without a difference or a flag."""
    shutil.copytree(sample.warehouse, tmp_path / "warehouse", symlinks=True)
    landing = tmp_path / "landing"
    shutil.copytree(sample.warehouse.parent / "landing", landing)
    (asked,) = sample.query("select * from marts.credits where exposure = 'claimable'")
    request = {
        "request_id": "late-claim",
        "subscription_id": asked["subscription_id"],
        "month": asked["month"],
        "requested_on": "2026-08-15",
    }
    deliver(landing, "claim", {"credit_requests": [request]})
    place = Place(tmp_path)

    def run() -> Published:
        return published_once(landing, place.path, "2026-08-15T00:00:00Z", CONTRACTS)

    run()
    assert place.make(month="2026-07").returncode == 0
    invoices = delivered(place, 1, "csv", landing)
    for invoice in invoices:
        invoice["issued_on"] = "2026-08-15"
    deliver(landing, "credits", {"invoices": invoices})
    issued = run()
    assert issued.rejected() == []
    (settled,) = issued.query(
        f"""select * from marts.credit_reconciliation
            where subscription_id = '{asked["subscription_id"]}' and month = '{asked["month"]}'"""
    )
    assert settled["due_amount"] == settled["issued_amount"] == asked["credit_amount"] > 0
    assert (settled["difference"], settled["flags"]) == (0, "")
    assert place.make(month="2026-07").returncode == 2
