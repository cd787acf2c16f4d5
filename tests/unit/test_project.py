"""The shape of the project: rooms stay apart, descriptions are current, locks name no host."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

from makegood.ingestion import describe

ROOT = Path(__file__).parents[2]
ROOMS = ("ingestion", "expectations", "orchestration", "dashboards")
# a folder -> the folders whose modules it may import, beside itself
ALLOWED = {
    "ingestion": set(),
    "expectations": set(),
    "dashboards": set(),
    "orchestration": {"ingestion", "expectations", "dashboards"},
}
# a library -> the folders or modules that may import it
USERS = {
    "dagster": ("orchestration/definitions/", "orchestration/serving/"),
    "dbt": (
        "orchestration/pipeline/build.py",
        "orchestration/pipeline/project.py",
        "orchestration/output/documentation.py",
    ),
    "great_expectations": ("expectations/",),
    "pyhive": ("orchestration/spark/",),
    "pyspark": ("orchestration/spark/",),
    "streamlit": ("dashboards/app/",),
}


def imported(path: Path) -> set[str]:
    """What a module imports, by full name."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def imports() -> list[tuple[str, str]]:
    """Each module of the project, as a path from the root, with each name that it imports."""
    files = [path for room in ROOMS for path in (ROOT / room).rglob("*.py")]
    return [(path.relative_to(ROOT).as_posix(), name) for path in files for name in imported(path)]


def test_rooms_import_only_what_they_may() -> None:
    crossing = {
        (module, name)
        for module, name in imports()
        if name.startswith("makegood.")
        and (room := name.split(".")[1]) != (own := module.split("/")[0])
        and room not in ALLOWED[own]
    }
    assert crossing == set()


def test_libraries_are_imported_where_they_belong() -> None:
    found = {
        (module, name)
        for module, name in imports()
        if (library := name.split(".")[0]) in USERS and not module.startswith(USERS[library])
    }
    assert found == set()
    # a folder that no longer exists would allow nothing, and hide nothing
    assert [u for users in USERS.values() for u in users if not (ROOT / u).exists()] == []


def test_only_the_settings_read_the_environment() -> None:
    readers = [
        p.relative_to(ROOT).as_posix()
        for room in ROOMS
        for p in (ROOT / room).rglob("*.py")
        if re.search(r"os\.(environ|getenv)", p.read_text())
    ]
    assert readers == ["orchestration/settings.py"]


@pytest.mark.parametrize("path", sorted(describe.described()), ids=lambda p: p.name)
def test_what_is_generated_is_current(path: Path) -> None:
    assert path.read_text() == describe.described()[path], (
        "run `python -m makegood.ingestion.describe`"
    )


def test_every_model_has_a_description_beside_it() -> None:
    models = list((ROOT / "dbt_project" / "models").rglob("*.sql"))
    assert len(models) > 25
    assert [m.name for m in models if not m.with_suffix(".yml").exists()] == []


def test_models_read_no_clock_and_convert_no_time_zone() -> None:
    sql = {
        p.name: p.read_text().lower()
        for p in (ROOT / "dbt_project").rglob("*.sql")
        if "target" not in p.parts
    }
    words = (
        "current_timestamp",
        "current_date",
        "now()",
        "at time zone",
        "timezone(",
        "qualify ",
        "asof ",
    )
    assert {(name, w) for name, text in sql.items() for w in words if w in text} == set()


def test_nothing_names_a_host_or_a_machine() -> None:
    files = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    for lock in (f for f in files if f.endswith(".lock")):
        assert not re.search(r"https?://|--index-url|--find-links", (ROOT / lock).read_text()), lock
    home = str(Path.home()) + "/"
    for name in files:
        path = ROOT / name
        if path.suffix in {".png", ".parquet", ".xz"} or not path.is_file():
            continue
        text = path.read_text()
        assert str(ROOT) not in text, name
        assert home not in text, name


def test_ci_leaves_no_test_out() -> None:
    """`make test` leaves out those marked long, and says how many; CI runs all of them."""
    assert "\nexec make test ALL=1\n" in (ROOT / ".ci" / "run").read_text()
    makefile = (ROOT / "Makefile").read_text()
    recipe = makefile.partition("\ntest: setup-dev check\n")[2].partition("\n\n")[0]
    # in two parts, which together are all
    assert recipe.splitlines() == [
        "ifdef ALL",
        '\t@$(PYTEST) -n 3 --hypothesis-profile ci -m "not cluster"',
        "\t@$(PYTEST) -n 2 --hypothesis-profile ci -m cluster",
        "else",
        '\t@$(PYTEST) -n 3 -m "not long"',
        "endif",
    ]
    (pytest_itself,) = re.findall(r"^PYTEST := .*", makefile, re.MULTILINE)
    assert not re.search(r" (-m(?! pytest)|-k|--deselect|--ignore)\b", pytest_itself)
    assert '"long: ' in (ROOT / "pyproject.toml").read_text()
