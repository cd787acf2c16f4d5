"""Each fact is written once: a test per fact that fails when it is written a second time."""

import ast
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from makegood.dashboards.figures import operations
from makegood.dashboards.figures.operations import RunRecord
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
