"""The examples of docs/connect.md do what they say."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from makegood.ingestion.connect.pull import mapped, pull, read
from makegood.ingestion.connect.settings import load
from makegood.ingestion.connect.system import Rows
from makegood.ingestion.connect.systems import systems
from makegood.ingestion.connect.systems.zendesk import STATES
from makegood.ingestion.connect.tables import Tables
from makegood.ingestion.connect.timeline import Change, Method, Ticket, add_events

PAGE = (Path(__file__).parents[2] / "docs" / "connect.md").read_text()
# an example's files, then what comes of it
EXAMPLES = [
    part.rpartition("\n#")[2]
    for part in re.split(r"(<!-- result: .* -->)", PAGE)
    if "<!-- example" in part
]
RESULTS = re.findall(r"<!-- result: (.*) -->", PAGE)


def test_the_page_lists_every_system_and_its_ways() -> None:
    tools = {"fivetran": "Fivetran", "airbyte": "Airbyte", "dlt": "dlt"}
    wanted = []
    for system in systems().values():
        ways = ["API"] if system.api else []
        ways += ["files"] if system.exports or system.described else []
        of_tools = ", ".join(tools[tool] for tool in system.layouts)
        ways += [f"tables of {of_tools}"] if of_tools else []
        wanted.append(f"| `{system.name}` | {system.title} | {', '.join(ways)} |")

    listed = PAGE.partition("## Systems")[2].partition("\n## ")[0]

    assert re.findall(r"^\| `.*", listed, re.MULTILINE) == wanted


def test_the_page_knows_all_that_tables_need() -> None:
    section = PAGE.partition("## Tables of other tools")[2].partition("\n## ")[0]
    (example,) = re.findall(r"```yaml\n(.*?)```", section, re.DOTALL)
    assert Tables.model_validate(yaml.safe_load(example)["tables"]).schema_name == "zendesk"
    assert re.findall(r"^\| `(\w+)` ", section, re.MULTILINE) == list(Tables.model_fields)


@pytest.mark.parametrize(("example", "result"), list(zip(EXAMPLES, RESULTS, strict=True)))
def test_plain_exports_deliver_what_the_page_says(
    tmp_path: Path, example: str, result: str
) -> None:
    found = re.findall(r"<!-- example: (\S+) -->\n```\w*\n(.*?)```", example, re.DOTALL)
    assert len(found) == 2
    for name, text in found:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    settings = load(tmp_path / "connect.yaml")
    (source,) = settings.sources.values()

    pulled = pull(settings, source, tmp_path / "landing", tmp_path / "kept", {}, print)

    assert not pulled.left
    assert not pulled.unnamed
    expected = dict(part.split() for part in result.split(", "))
    assert {feed: str(count) for feed, count in pulled.written.items()} == expected


def test_the_log_with_a_row_for_each_change_has_the_events_of_the_page(tmp_path: Path) -> None:
    section = PAGE.partition("### A log with a row for each change")[2]
    for name, text in re.findall(
        r"<!-- example: (\S+) -->\n```\w*\n(.*?)```", section.partition("### ")[0], re.DOTALL
    ):
        (tmp_path / name).write_text(text)
    settings = load(tmp_path / "connect.yaml")
    (source,) = settings.sources.values()
    made = mapped(source, read(settings, source, {}, print)[0]).feeds["ticket_events"]

    said = section.partition("the comment comes before the status: ")[2].partition(". The first")[0]
    assert [_shown(row) for row in made] == re.split(r",\s+", said)


@pytest.mark.parametrize(
    ("heading", "is_own"),
    [("A system with public replies", False), ("A system with statuses", True)],
)
def test_logs_become_the_events_of_the_page(heading: str, is_own: bool) -> None:
    section = PAGE.partition(f"### {heading}")[2].partition("\n### ")[0].partition("\n## ")[0]
    said: dict[str, Any] = {"states": STATES}
    if is_own:
        said = yaml.safe_load(re.findall(r"```yaml\n(.*?)```", section, re.DOTALL)[0])
    lines = re.findall(r"^\| (\d\d:\d\d) \| (.*) \|(.*)\|$", section, re.MULTILINE)
    assert len(lines) == len(re.findall(r"^\| \d", section, re.MULTILINE)) > 9
    log, severity, status = [], None, None
    for number, (time, entries, _) in enumerate(lines):
        for entry in entries.split("; "):
            what, _, value = entry.partition(" ")
            if what == "created":
                continue
            if number == 0:
                severity, status = (value, status) if what == "severity" else (severity, value)
            else:
                assert what in ("status", "severity", "reply")
                log.append(Change(_at(time), what, value or None, number))  # type: ignore[arg-type]
    rows = Rows()
    method = Method(said["states"], frozenset(said.get("responds", ())))

    add_events(Ticket("4711", _at(lines[0][0]), severity, status, log), method, rows)

    assert not rows.unnamed
    assert [(row["occurred_at"], _shown(row)) for row in rows.feeds["ticket_events"]] == [
        (_at(time), event.strip())
        for time, _, events in lines
        for event in events.split(",")
        if event.strip()
    ]


def _at(time: str) -> str:
    return f"2026-06-01T{time}:00Z"


def _shown(row: dict[str, Any]) -> str:
    severity = row.get("severity")
    return f"`{row['event']}`" + (f" {severity}" if severity else "")
