"""Data Docs: what was expected of each feed and what was found, as static pages that load nothing from elsewhere."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from makegood.expectations.protocol import CheckResult

# so many rejected rows are shown of a feed
MOST_ROWS = 50


@dataclass(frozen=True)
class FeedPage:
    """What is said of a feed. `measures`: rows of `profiles.compared`; `refused`: files rejected whole, path and why; `findings`: data
    that has no effect, or one that nobody can have meant, a line a kind."""

    feed: str
    description: str
    rows_read: int = 0
    rows_rejected: int = 0
    refused: Sequence[tuple[str, str]] = ()
    results: Sequence[CheckResult] = ()
    measures: Sequence[Mapping[str, Any]] = ()
    rejected: Sequence[Mapping[str, Any]] = field(default_factory=list)
    findings: Sequence[str] = ()

    @property
    def failed(self) -> list[CheckResult]:
        return [r for r in self.results if not r.success]

    @property
    def verdict(self) -> str:
        if self.refused or any(r.severity == "block" for r in self.failed):
            return "blocks"
        return (
            "warns"
            if self.failed or self.rows_rejected or self.findings
            else "as expected"
            if self.results
            else "not evaluated"
        )


def shown(value: float | None, measure: str) -> str:
    """A measure as people read it; instants in UTC."""
    if value is None:
        return "–"
    return (
        f"{datetime.fromtimestamp(value, UTC):%Y-%m-%d %H:%M} UTC"
        if measure == "newest_s"
        else f"{value:,.10g}"
    )


def write(folder: Path, title: str, reasons: Sequence[str], pages: Sequence[FeedPage]) -> None:
    """`index.html` and a page a feed below `folder`. `reasons`: why the run was blocked, if it was."""
    templates = Path(__file__).parent / "templates"
    # names and rows of feeds are foreign words: they are shown, never read as HTML
    environment = Environment(
        loader=FileSystemLoader(templates),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["measure"] = shown
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "index.html").write_text(
        environment.get_template("index.html").render(title=title, reasons=reasons, pages=pages)
    )
    for page in pages:
        (folder / f"{page.feed}.html").write_text(
            environment.get_template("feed.html").render(title=title, page=page)
        )
