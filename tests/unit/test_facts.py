"""Each fact is written once: a test per fact that fails when it is written a second time."""

import ast
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from makegood.dashboards.figures import operations
from makegood.dashboards.figures.operations import RunRecord
from makegood.ingestion.contracts.amendments import flat
from makegood.ingestion.contracts.loader import FOLDER, load_folder
from makegood.orchestration.warehouse.store import Warehouse

ROOT = Path(__file__).parents[2]
ROOMS = ("ingestion", "expectations", "orchestration", "dashboards")


def sources(*rooms: str) -> Iterator[tuple[str, str]]:
    """The Python modules and templates of rooms: path from the root, and text."""
    for room in rooms:
        for path in sorted((ROOT / room).rglob("*")):
            if path.suffix in {".py", ".jinja", ".typ", ".css"}:
                yield path.relative_to(ROOT).as_posix(), path.read_text()


def naming(pattern: str, *rooms: str) -> list[str]:
    """The sources in which a pattern occurs."""
    return [path for path, text in sources(*(rooms or ROOMS)) if re.search(pattern, text)]


def moves_files(text: str) -> bool:
    """Whether a module calls os.replace, os.rename, or replace or rename of a path: of these, only
    those of paths take one argument that is neither named nor a mapping."""
    for call in ast.walk(ast.parse(text)):
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
            continue
        if call.func.attr in {"replace", "rename"} and not call.keywords:
            of_os = isinstance(call.func.value, ast.Name) and call.func.value.id == "os"
            if of_os or (len(call.args) == 1 and not isinstance(call.args[0], ast.Dict)):
                return True
    return False


def test_a_file_is_written_whole_by_one_function() -> None:
    assert naming(r"\bfsync\(") == ["ingestion/files.py"]
    assert [path for path, text in sources(*ROOMS) if path[-3:] == ".py" and moves_files(text)] == [
        "ingestion/files.py",
        # a landed file that was made again and compared with its checksum
        "ingestion/landing/repair.py",
        # a damaged file is set aside
        "orchestration/alerts/store.py",
        "orchestration/warehouse/doctor.py",
        # the folder of a publication and the link to it
        "orchestration/warehouse/store.py",
    ]


def test_the_checksum_of_a_file_has_one_function_and_one_name() -> None:
    assert naming(r"file_digest|sha256\([^)]*read") == ["ingestion/files.py"]
    # what earlier versions called it
    assert naming(r"\bseals?\b|\bfingerprint\b") == ["orchestration/warehouse/publication.py"]


def test_what_is_kept_beside_publications_is_described_once(tmp_path: Path) -> None:
    described = ["dashboards/figures/operations.py"]
    assert naming(r"""["']alerts\.json|alerts\.json["']""") == described
    assert naming(r"""glob\(["']\*\.json["']\)""") == described
    record = RunRecord(
        run_id="00000001-a",
        status="blocked",
        as_of=datetime(2026, 7, 1, tzinfo=UTC),
        reasons=["one"],
        seconds=1.5,
        rejected_rows=tmp_path / "rows.csv",
    )
    warehouse = Warehouse(tmp_path)
    warehouse.record(record)
    assert warehouse.recorded() == operations.runs(tmp_path) == [record]
    (tmp_path / operations.RUNS / "00000002-b.json").write_text('{"run_id": "00000002-b"}')
    assert [run.status for run in operations.runs(tmp_path)] == ["unreadable", "blocked"]
    assert warehouse.recorded() == [record]
    assert [path.name for path in warehouse.unreadable_records()] == ["00000002-b.json"]


def test_excel_has_one_writer_with_its_limits() -> None:
    writer = ["dashboards/exports/excel.py"]
    assert naming(r"\bxlsxwriter\b") == writer
    # rows, columns and characters
    assert naming(r"\b1_?048_?57[56]\b") == writer
    assert naming(r"\b16_?384\b") == writer
    assert naming(r"\b32_?76[67]\b") == writer


def test_the_words_of_a_contract_are_in_its_yaml_alone() -> None:
    words = {
        value
        for contract in load_folder(FOLDER)
        for version in contract.versions
        for key, value in flat(version.terms).items()
        if key.startswith(("clauses.", "texts."))
    }
    assert len(words) > 10
    assert {w: found for w in words if (found := naming(re.escape(w)))} == {}
    assert naming(r"§ ?\d") == []


def test_the_instant_of_the_figures_is_read_from_the_run_that_published_them() -> None:
    assert naming(r"elapsed_seconds|max\(\s*as_of", "dashboards") == []
    assert naming(r"select run_number, as_of", "dashboards") == ["dashboards/access/reader.py"]


def test_the_end_of_a_month_by_its_contract_clock_is_decided_in_one_place() -> None:
    assert naming(r"days=31\b|at time zone", "dashboards") == ["dashboards/figures/months.py"]
