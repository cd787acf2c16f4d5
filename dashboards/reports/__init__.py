"""A customer's SLA report (Z4).

Belongs here: its content (`content` and a module a section), the report as plain data
(`document`), and a renderer for each kind of file (`pdf`, `html`, `xlsx`).
Does not belong here: calculations, and words of a contract (its YAML has them).
"""

from typing import Literal, get_args

from makegood.dashboards.reports.document import Report

Format = Literal["pdf", "html", "xlsx"]
FORMATS: tuple[Format, ...] = get_args(Format)


def render(report: Report, kind: Format) -> bytes:
    """A report as a file of a kind: the same bytes for the same report, whenever and wherever."""
    # the libraries are slow to import
    match kind:
        case "pdf":
            from makegood.dashboards.reports.pdf import pdf

            return pdf(report)
        case "html":
            from makegood.dashboards.reports.html import html

            return html(report)
        case "xlsx":
            from makegood.dashboards.reports.xlsx import xlsx

            return xlsx(report)


def lists(report: Report) -> bytes | None:
    """The downtime and the tickets of a report as XLSX; None where there are neither."""
    from makegood.dashboards.reports.xlsx import lists

    return lists(report)
