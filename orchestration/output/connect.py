"""What `makegood connect` shows, and the file that it writes.

Does not belong here: reading systems (`ingestion/connect`).
"""

from pathlib import Path
from typing import Any

from makegood.dashboards.figures.style import counted, thousands
from makegood.ingestion.connect.pull import Pulled
from makegood.ingestion.connect.settings import Settings
from makegood.ingestion.connect.system import System
from makegood.ingestion.connect.systems import systems
from makegood.ingestion.files import write_whole

# so many of a list are shown; all of what is left is kept in a file
_MOST_SHOWN = 10
_HEAD = """\
# What makegood reads, and the few names that nobody can guess. Secrets are never here: they are
# environment variables. Then: makegood connect check, makegood connect pull.

# a source has one of api, files (paths, and how they are written) and tables (docs/connect.md)

# what no system holds (feed -> rows); customers and subscriptions too, if no system has them
rows:
  services:
    - {service_id: example, name: Example, contract_id: trueengage, lifecycle: ga}

sources:
"""


def systems_table() -> list[str]:
    """The systems that can be read: ways, feeds and secrets."""
    lines = []
    width = max(map(len, systems()))
    for system in systems().values():
        ways = [
            *(["API"] if system.api else []),
            *(["files"] if system.exports or system.described else []),
            *([f"tables of {', '.join(system.layouts)}"] if system.layouts else []),
        ]
        fills = "any feed" if system.described else ", ".join(system.feeds)
        secrets = ", ".join(system.secrets.values())
        lines += [
            f"{system.name:{width}}  {system.title}: {', '.join(ways)}",
            f"{'':{width}}  fills {fills}",
            *([f"{'':{width}}  needs {secrets}"] if secrets else []),
        ]
    return lines


def with_source(config: Path, system: System[Any], name: str) -> list[str]:
    """Adds a system to connect.yaml, and says what to do next. Raises ValueError where the file
    has a source of that name, or ends with something else."""
    text = config.read_text() if config.exists() else _HEAD
    if f"\n  {name}:" in text:
        raise ValueError(f"{config} has a source {name}: give another one as --name")
    if "\nsources:" not in f"\n{text}":
        text += "\nsources:\n"
    elif config.exists() and _last_key(text) != "sources":
        raise ValueError(f"{config}: `sources` must be its last key, so that one can be added")
    body = system.template.rstrip("\n")
    gap = "\n" if text.rstrip().endswith("sources:") else "\n\n"
    is_new = not config.exists()
    write_whole(config, f"{text.rstrip()}{gap}  {name}:   # {system.title}\n{body}\n")
    variables = ", ".join(system.secrets.values())
    return [
        f"{'wrote' if is_new else 'added to'} {config}: fill in the names of {name}",
        *([f"set {variables}"] if variables else []),
        f"then: makegood connect check {name} --config {config}",
    ]


def _last_key(text: str) -> str:
    keys = [line.split(":")[0] for line in text.splitlines() if line[:1].isalpha()]
    return keys[-1] if keys else ""


def checked_lines(pulled: Pulled, settings: Settings) -> list[str]:
    """What a source's first pages, files or tables hold, and what would be made of them."""
    source = settings.sources.get(pulled.source)
    if source is None:
        head = f"{pulled.source}: those that connect.yaml holds itself"
    else:
        asked = counted(pulled.requests, "request") if source.api else "all that there is"
        head = f"{pulled.source} ({source.system.title}): {asked}"
    return [head, *_counts(pulled, "would make")]


def pulled_lines(pulled: Pulled) -> list[str]:
    """What a pull did."""
    if not sum(pulled.written.values()):
        if pulled.source == "rows":
            return []
        head = f"{pulled.source}: nothing new"
    else:
        written = ", ".join(
            f"{thousands(count)} {feed}" for feed, count in pulled.written.items() if count
        )
        head = f"{pulled.source}: delivered {written or 'nothing'}"
    asked = f" ({counted(pulled.requests, 'request')})" if pulled.requests else ""
    return [head + asked, *_counts(pulled, "")]


def _counts(pulled: Pulled, made: str) -> list[str]:
    lines = _aligned(
        [
            *((f"  read {resource}", thousands(n)) for resource, n in pulled.read.items()),
            *((f"  {made} {feed}", thousands(n)) for feed, n in pulled.made.items() if made),
        ]
    )
    if pulled.left:
        lines.append(f"  left {thousands(len(pulled.left))}:")
        lines += [f"    {x.what} ({x.where}): {x.why}" for x in pulled.left[:_MOST_SHOWN]]
        lines += _more(len(pulled.left))
    if pulled.unnamed:
        lines.append("  without a name in connect.yaml:")
        lines += [
            f"    {setting}: {value}{_times(count)}"
            for (setting, value), count in pulled.unnamed.most_common(_MOST_SHOWN)
        ]
        lines += _more(len(pulled.unnamed))
    if pulled.rejected:
        lines.append("  would be rejected by the feed:")
        lines += [
            f"    {what}{_times(count)}" for what, count in pulled.rejected.most_common(_MOST_SHOWN)
        ]
        lines += _more(len(pulled.rejected))
    lines += [f"  {note}{_times(count)}" for note, count in pulled.notes.items()]
    return lines


def _times(count: int) -> str:
    return f" ({thousands(count)} times)" if count > 1 else ""


def _more(count: int) -> list[str]:
    return [f"    and {thousands(count - _MOST_SHOWN)} more"] if count > _MOST_SHOWN else []


def _aligned(rows: list[Any]) -> list[str]:
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))] if rows else []
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def described(pulled: Pulled) -> dict[str, Any]:
    """For other programs."""
    return {
        "source": pulled.source,
        "requests": pulled.requests,
        "read": dict(pulled.read),
        "made": dict(pulled.made),
        "written": dict(pulled.written),
        "left": [{"what": x.what, "where": x.where, "why": x.why} for x in pulled.left],
        "unnamed": [
            {"setting": setting, "value": value, "times": count}
            for (setting, value), count in pulled.unnamed.items()
        ],
        "notes": dict(pulled.notes),
        "rejected": dict(pulled.rejected),
    }


def failed(failures: list[str]) -> list[dict[str, Any]]:
    """For other programs: the sources that could not be read, and why."""
    found = (failure.partition(": ") for failure in failures)
    return [{"source": source, "error": why} for source, _, why in found]
