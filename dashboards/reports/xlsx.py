"""A report as a workbook: a sheet a section, numbers and dates with their unit beside them; and
the lists of a report, to send with it."""

import io
from collections.abc import Sequence, Set
from dataclasses import dataclass
from typing import Any

from makegood.dashboards.exports import excel
from makegood.dashboards.figures.words import printable
from makegood.dashboards.reports.branding import Logo, as_png
from makegood.dashboards.reports.document import (
    NUMBERS,
    Block,
    Column,
    Fact,
    Facts,
    Kind,
    Money,
    Report,
    Section,
    Table,
    Timeline,
    Value,
    footer,
    shown,
    walk,
)

_UNITS = {
    Kind.SECONDS: "s",
    Kind.CLOCK: "s",
    Kind.MINUTES: "min",
    Kind.PERCENTAGE: "%",
    Kind.AGREED: "%",
    Kind.INSTANT: "UTC",
}
_SHAPES = {
    Kind.SECONDS: "#,##0",
    Kind.CLOCK: "#,##0",
    Kind.MINUTES: "#,##0",
    Kind.COUNT: "#,##0",
    Kind.PERCENTAGE: "0.00####",
    Kind.AGREED: "0.######",
}


def xlsx(report: Report) -> bytes:
    """The report as XLSX, the same bytes whenever it is made."""
    book = excel.Book(f"{report.title}, {report.subtitle}", report.as_of)
    highlights = Facts("At a glance", report.highlights)
    by = report.branding
    summary = Section(
        report.title,
        (
            report.subtitle,
            *report.opening,
            *report.notes,
            report.head,
            highlights,
            *filter(None, (by.provider, *by.address, by.contact, by.footer)),
        ),
        "Summary",
    )
    for section in (summary, *report.sections):
        _Sheet(book, report, section).write()
    return book.content()


def lists(report: Report) -> bytes | None:
    """The downtime intervals and the tickets of a report as a workbook of two sheets, to sort and
    to add up; None where there are neither."""
    sheets = [
        Section(title, (table,), title)
        for title, table in (
            ("Downtime", _table_of(report, "Downtime intervals")),
            ("Tickets", _tickets(report)),
        )
        if table is not None
    ]
    if not sheets:
        return None
    book = excel.Book(f"{report.title}, {report.subtitle}: lists", report.as_of)
    for section in sheets:
        _Sheet(book, report, section).write()
    return book.content()


def _table_of(report: Report, caption: str) -> Table | None:
    return next(
        (
            block
            for block in walk(report.sections)
            if isinstance(block, Table) and block.caption.startswith(caption)
        ),
        None,
    )


def _tickets(report: Report) -> Table | None:
    """The tickets with their times, where they count."""
    tickets, times = (_table_of(report, c) for c in ("Tickets received", "Times of each counted"))
    if tickets is None or times is None:
        return tickets
    # a ticket's id and severity are in both
    of = {row[0]: row[2:] for row in times.rows}
    none = (None,) * len(times.columns[2:])
    return Table(
        tickets.caption,
        tickets.columns + times.columns[2:],
        tuple(row + of.get(row[0], none) for row in tickets.rows),
    )


class _Sheet:
    """A sheet that is written from top to bottom."""

    def __init__(self, book: excel.Book, report: Report, section: Section) -> None:
        self.section = section
        self.sheet = book.sheet(section.sheet)
        self.row = 0
        self.colour = report.branding.colour
        if section.sheet == "Summary" and report.branding.logo:
            self.logo(report.branding.logo)
        self.sheet.raw.set_landscape()
        self.sheet.raw.set_paper(9)
        self.sheet.raw.fit_to_pages(1, 0)
        # a & would be a code of the footer
        foot = printable(footer(report))[:110].replace("&", "&&")
        self.sheet.raw.set_footer(f"&L{foot}&RPage &P of &N")

    def logo(self, logo: Logo) -> None:
        """The logo to the right of the summary."""
        picture = io.BytesIO(as_png(logo))
        options = {"image_data": picture, "x_scale": 0.5, "y_scale": 0.5, "description": "Logo"}
        self.sheet.raw.insert_image(0, 5, "logo.png", options)

    def write(self) -> None:
        self.text(0, self.section.title, bold=True, font_size=14, font_color=self.colour)
        self.row += 1
        if self.section.reference:
            self.text(0, self.section.reference, font_color="#5B6770")
            self.row += 1
        tables = [b for b in walk(self.section.blocks) if isinstance(b, Table)]
        self.blocks(self.section.blocks, frozen=tables[0] if len(tables) == 1 else None)
        self.sheet.fit()

    def blocks(self, blocks: tuple[Block, ...], frozen: Table | None) -> None:
        for block in blocks:
            match block:
                case str():
                    for part in excel.pieces(block):
                        self.text(0, part)
                        self.row += 1
                case Facts():
                    self.facts(block)
                case Table():
                    self.table(block, block is frozen)
                case Timeline():
                    pass  # the sheets list its intervals
                case Section():
                    self.row += 1
                    self.text(0, block.title, bold=True, font_size=12, font_color=self.colour)
                    self.text(3, block.reference, font_color="#5B6770")
                    self.row += 1
                    self.blocks(block.blocks, frozen)

    def facts(self, block: Facts) -> None:
        self.row += 1
        self.text(0, block.caption, bold=True)
        self.row += 1
        self.header(("Item", "Value", "Unit", "Note"))
        for fact in block.facts:
            self.text(0, fact.name, measured=True)
            self.value(1, fact.value, fact.kind, align="left")
            self.text(2, _unit(fact), measured=True)
            self.text(3, fact.note)
            self.row += 1

    def table(self, block: Table, is_only: bool) -> None:
        self.row += 1
        self.text(0, block.caption, bold=True)
        self.row += 1
        parts = [part for column in block.columns for part in _parts(column)]
        self.header(
            [part.title for part in parts],
            {n for n, part in enumerate(parts) if part.kind in NUMBERS},
        )
        top = self.row
        if is_only:
            self.sheet.raw.freeze_panes(top, 0)
            last = top - 1 + len(block.rows)
            self.sheet.raw.autofilter(top - 1, 0, last, len(parts) - 1)
        for row in block.rows:
            values = [
                (value, part)
                for value, column in zip(row, block.columns, strict=True)
                for part in _parts(column)
            ]
            for column, (value, part) in enumerate(values):
                align = "right" if part.kind in NUMBERS else "left"
                if part.is_length and isinstance(value, int):
                    self.sheet.write(self.row, column, excel.duration(value), align=align)
                else:
                    self.value(column, value, part.kind, align=align)
            self.row += 1

    def header(self, titles: Sequence[str], right: Set[int] = frozenset()) -> None:
        for column, title in enumerate(titles):
            self.text(
                column,
                title,
                measured=True,
                bold=True,
                bg_color="#E6ECF1",
                bottom=1,
                align="right" if column in right else "left",
            )
        self.row += 1

    def value(self, column: int, value: Value, kind: Kind, **look: Any) -> None:
        """A number or a date as such if the sheet can hold it to the last digit, else as text."""
        if value is None:
            return
        if kind in (Kind.TEXT, Kind.VERDICT):
            self.text(column, str(value), measured=True, **look)
        elif isinstance(value, Money):
            shape = excel.money_shape(value.amount, value.currency)
            cell = excel.cell(value.amount, shape, shown(value, kind))
            self.sheet.write(self.row, column, cell, **look)
        elif isinstance(value, str):
            self.text(column, value, measured=True, **look)
        else:
            cell = excel.cell(value, _SHAPES.get(kind), shown(value, kind))
            self.sheet.write(self.row, column, cell, **look)

    def text(self, column: int, text: str, measured: bool = False, **look: Any) -> None:
        if measured:
            self.sheet.measure(column, len(text))
        if text:
            self.sheet.text(self.row, column, excel.shortened(text), **look)


def _unit(fact: Fact) -> str:
    if isinstance(fact.value, Money):
        return fact.value.currency or ""
    # an instant's name says that it is in UTC
    return "" if fact.kind is Kind.INSTANT or fact.value is None else _UNITS.get(fact.kind, "")


@dataclass(frozen=True)
class _Part:
    """A column of a sheet. `is_length`: of seconds, as a duration of Excel."""

    title: str
    kind: Kind
    is_length: bool = False


def _parts(column: Column) -> tuple[_Part, ...]:
    """The columns of a sheet for a column: seconds have their duration beside them."""
    own = _Part(_titled(column), column.kind)
    if column.kind in (Kind.SECONDS, Kind.CLOCK):
        return _Part(column.title, column.kind, is_length=True), own
    return (own,)


def _titled(column: Column) -> str:
    unit = _UNITS.get(column.kind)
    return (
        column.title
        if unit is None or column.title.endswith(f"({unit})")
        else f"{column.title} ({unit})"
    )
