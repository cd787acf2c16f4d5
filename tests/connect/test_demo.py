"""`makegood demo`: from exports of four systems to the pages."""

import csv
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest
from typer.testing import CliRunner

from makegood.ingestion.connect.demo import FILES
from makegood.ingestion.sample import write as write_sample
from makegood.orchestration.cli import app
from tests.conftest import Published
from tests.support.delivered import rejected, rows
from tests.support.demo_files import files


def test_its_files_are_those_that_are_made() -> None:
    kept = {
        path.relative_to(FILES).as_posix(): path.read_text()
        for path in FILES.rglob("*")
        if path.is_file()
    }
    assert kept == files()


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder of a demo, and what the command shows."""
    folder = tmp_path_factory.mktemp("demo") / "out"
    result = CliRunner().invoke(app, ["demo", "--out", str(folder), "--no-pages"])
    assert result.exit_code == 0, result.output
    return folder, result.output


def test_everything_is_taken(shown: tuple[Path, str]) -> None:
    folder, output = shown
    assert "rejected 0, waiting 0" in output
    assert "left" not in output
    assert "without a name" not in output
    assert rejected(folder / "landing") == []


def test_the_figures_tell_of_all_four_systems(shown: tuple[Path, str]) -> None:
    published = Published(shown[0] / "warehouse")
    one = published.query("select count(*) as n from marts.ticket_sla where status = 'counted'")
    assert one[0]["n"] == 63
    assert published.query("select * from marts.credits where credit_amount > 0")
    assert published.query("select * from marts.credit_reconciliation where issued_amount > 0")
    assert published.query("select * from marts.maintenance_notice where not notice_met")
    assert published.query("select * from marts.second_opinions where not is_agreed")
    assert not published.query("select * from marts.availability where low_coverage")
    # what was due, asked for and credited, and what was not
    found = published.query("select difference, flags from marts.credit_reconciliation")
    assert any(row["difference"] == 0 and not row["flags"] for row in found)
    assert any(row["difference"] > 0 for row in found)


def test_a_folder_with_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    result = CliRunner().invoke(app, ["demo", "--out", str(tmp_path), "--no-pages"])
    assert result.exit_code == 2
    assert "is not empty" in result.output


@pytest.mark.long
def test_a_second_time_changes_nothing(shown: tuple[Path, str]) -> None:
    result = CliRunner().invoke(app, ["demo", "--out", str(shown[0]), "--no-pages"])
    assert result.exit_code == 0, result.output
    assert "desk: nothing new" in result.output
    assert "0 new files" in result.output


def test_fees_are_those_of_the_sample(shown: tuple[Path, str], tmp_path: Path) -> None:
    """Through Stripe's smallest units and back, also of a currency with three decimals."""
    write_sample(tmp_path / "feeds", "small", 1, False, lambda message: None)
    with (tmp_path / "feeds" / "invoice_lines" / "invoice_lines.csv").open() as lines:
        wanted = Counter[tuple[str, str]]()
        for row in csv.DictReader(lines):
            wanted[row["line_kind"], row["currency"]] += Decimal(row["amount"])  # type: ignore[assignment]
    found = Counter[tuple[str, str]]()
    for row in rows(shown[0] / "landing", "invoice_lines"):
        found[row["line_kind"], row["currency"]] += Decimal(row["amount"])  # type: ignore[assignment]
    assert found == wanted
