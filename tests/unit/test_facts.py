"""Each fact is written once: a test per fact that fails when it is written a second time."""

import re
from collections.abc import Iterator
from pathlib import Path

from makegood.ingestion.contracts.amendments import flat
from makegood.ingestion.contracts.loader import FOLDER, load_folder

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
