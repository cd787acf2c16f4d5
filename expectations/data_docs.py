"""Data Docs: what was expected of feeds and marts and what was found, as static pages that load
nothing from elsewhere."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from makegood.expectations.protocol import ExpectationResult

# so many rejected rows are shown of a feed
MOST_ROWS = 50


@dataclass(frozen=True)
class FeedPage:
    """The page of a feed. `measures`: rows of `profiles.compared`; `refused`: files rejected whole,
    path and why; `findings`: data that has no effect, or one that nobody can have meant, a line a
    kind."""

    feed: str
    description: str
    rows_read: int = 0
    rows_rejected: int = 0
    refused: Sequence[tuple[str, str]] = ()
    results: Sequence[ExpectationResult] = ()
    measures: Sequence[Mapping[str, Any]] = ()
    rejected: Sequence[Mapping[str, Any]] = field(default_factory=list)
    findings: Sequence[str] = ()

    @property
    def failed(self) -> list[ExpectationResult]:
        return [r for r in self.results if not r.success]

    @property
    def verdict(self) -> str:
        if self.refused:
            return "blocks"
        if not self.failed and (self.rows_rejected or self.findings):
            return "warns"
        return verdict(self.results)


@dataclass(frozen=True)
class MartPage:
    """The page of a mart."""

    mart: str
    results: Sequence[ExpectationResult]

    @property
    def failed(self) -> list[ExpectationResult]:
        return [r for r in self.results if not r.success]

    @property
    def verdict(self) -> str:
        return verdict(self.results)


def verdict(results: Sequence[ExpectationResult]) -> str:
    """The results in a word or two."""
    failed = [r for r in results if not r.success]
    if any(r.severity == "block" for r in failed):
        return "blocks"
    return "warns" if failed else "as expected" if results else "not evaluated"


def shown(value: float | None, measure: str) -> str:
    """A measure as people read it; instants in UTC."""
    if value is None:
        return "–"
    if measure == "newest_s":
        return f"{datetime.fromtimestamp(value, UTC):%Y-%m-%d %H:%M} UTC"
    return f"{value:,.10g}"


def write(
    folder: Path,
    title: str,
    reasons: Sequence[str],
    feeds: Sequence[FeedPage],
    mart_results: Sequence[ExpectationResult],
) -> None:
    """`index.html`, a page a feed and a page a mart below `folder`. `reasons`: why nothing was
    published, if so."""
    templates = Path(__file__).parent / "templates"
    # what feeds deliver is shown, never read as HTML
    environment = Environment(
        loader=FileSystemLoader(templates),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["measure"] = shown
    marts = [
        MartPage(mart, list(results))
        for mart, results in groupby(
            sorted(mart_results, key=lambda r: r.mart), key=lambda r: r.mart
        )
    ]

    def render(name: str, template: str, **values: Any) -> None:
        text = environment.get_template(template).render(title=title, **values)
        (folder / name).write_text(text)

    folder.mkdir(parents=True, exist_ok=True)
    render("index.html", "index.html", reasons=reasons, feeds=feeds, marts=marts)
    for feed in feeds:
        render(f"{feed.feed}.html", "feed.html", page=feed)
    for mart in marts:
        # a mart may have the name of a feed
        render(f"mart-{mart.mart}.html", "mart.html", page=mart)
