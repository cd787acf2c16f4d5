"""A customer's SLA report: what it says (`content`), as plain data (`document`), and a renderer for each kind of file."""

from typing import Literal, get_args

from makegood.dashboards.reports.document import Report

Format = Literal["pdf", "html", "xlsx"]
FORMATS: tuple[Format, ...] = get_args(Format)


def render(report: Report, kind: Format) -> bytes:
    """A report as a file of a kind; the same report is the same bytes, whenever and wherever."""
    # the libraries take a while to import
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
