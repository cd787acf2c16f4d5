"""A report as one HTML file that loads nothing and runs no script."""

import base64
import hashlib
import re
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from makegood.dashboards.figures.words import printable
from makegood.dashboards.reports import timeline
from makegood.dashboards.reports.document import (
    NUMBERS,
    Column,
    Kind,
    Report,
    Strip,
    Timeline,
    footer,
    shown,
    verdict_class,
)


def html(report: Report) -> bytes:
    """The report as HTML in UTF-8. Its content policy allows its own style sheet and a logo that it
    holds, nothing else."""
    environment = _environment()
    branding = report.branding
    style = environment.get_template("report.css").render(
        accent=branding.colour, accent_on_dark=branding.colour_on_dark
    )
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    page = environment.get_template("report.html.jinja")
    ours = Markup(style)  # noqa: S704 - the style holds no text from feeds
    return page.render(
        report=report, footer=footer(report), style=ours, style_hash=f"sha256-{digest}"
    ).encode()


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("makegood.dashboards.reports", ""),
        autoescape=True,
        undefined=StrictUndefined,
    )
    environment.filters |= {
        "shown": shown,
        "text": printable,
        "prose": _prose,
        "svg": _picture,
        "strip": _strip,
        "look": _look,
        "verdict_class": verdict_class,
    }
    return environment


# browsers would break a date at its hyphens
_DATE = re.compile(r"\b[0-9]{4}-[0-9]{2}-[0-9]{2}\b")


def _prose(words: str) -> Markup:
    escaped = str(escape(printable(words)))
    # around digits and hyphens alone
    return Markup(_DATE.sub(r'<span class="whole">\g<0></span>', escaped))  # noqa: S704


def _picture(block: Timeline) -> Markup:
    # built from escaped words and integers
    return Markup(timeline.svg(block))  # noqa: S704


def _strip(block: Strip) -> Markup:
    return Markup(timeline.strip_svg(block))  # noqa: S704


def _look(column: Column) -> Markup:
    name = (
        "number"
        if column.kind in NUMBERS
        else "whole"
        if column.kind in (Kind.INSTANT, Kind.DAY)
        else ""
    )
    return Markup(' class="{}"').format(name) if name else Markup()
