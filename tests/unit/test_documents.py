"""The documents as files: links lead somewhere, lines are short, commands and folders exist."""

import re
from pathlib import Path

import pytest
from typer.main import get_command

from makegood.orchestration.cli import app

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*(ROOT / "docs").glob("*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md"])
WIDEST = 100


def anchors(text: str) -> set[str]:
    """The headings of a document as the names by which links reach them."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(path: Path) -> None:
    text = re.sub(r"```.*?```", "", path.read_text(), flags=re.DOTALL)
    links = re.findall(r"\]\(([^)\s]+)\)|^\[\w+\]: (\S+)$", text, re.MULTILINE)
    broken = []
    for link in (inline or defined for inline, defined in links):
        name, _, anchor = link.partition("#")
        target = path.parent / name if name else path
        if "://" in link:
            continue
        if not target.exists() or (anchor and anchor not in anchors(target.read_text())):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_lines_are_short(path: Path) -> None:
    assert [line for line in path.read_text().splitlines() if len(line) > WIDEST] == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_files_that_are_named_exist(path: Path) -> None:
    """Paths from the root, and modules after `python -m`."""
    text = path.read_text()
    rooms = "ingestion|dbt_project|expectations|orchestration|dashboards|tests|benchmarks|docs"
    named = set(re.findall(rf"`((?:{rooms})/[\w/.-]+?)/?`", text))
    # models are named from the folder of the project
    named |= {
        f"dbt_project/{name}" for name in re.findall(r"`((?:models|macros)/[\w/.-]+?)/?`", text)
    }
    modules = {
        m.removeprefix("makegood.") for m in re.findall(r"python -m ([a-z]\w*\.[\w.]+)", text)
    }
    named |= {m.replace(".", "/") + ".py" for m in modules}
    assert sorted(name for name in named if not (ROOT / name).exists()) == []


def test_every_command_is_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text()
    commands = get_command(app).commands
    assert [name for name in commands if f"\n| `{name} " not in readme] == []
    listed = re.findall(r"^\| `([a-z-]+) --", readme, re.MULTILINE)
    assert set(listed) == set(commands)
