"""A report as a workbook: a sheet a section, numbers and dates as such with their unit beside them, and no formula."""

from collections.abc import Sequence, Set
from datetime import UTC, date, datetime
from decimal import Decimal
from io import BytesIO
from typing import Any

import xlsxwriter
from iso4217 import Currency

from makegood.dashboards.figures.words import printable
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
    shortened,
    shown,
    walk,
)

_UNITS = {Kind.SECONDS: "s", Kind.MINUTES: "min", Kind.PERCENTAGE: "%", Kind.INSTANT: "UTC"}
_FORMATS = {
    Kind.SECONDS: "#,##0",
    Kind.MINUTES: "#,##0",
    Kind.COUNT: "#,##0",
    Kind.PERCENTAGE: "0.00####",
    Kind.INSTANT: "yyyy-mm-dd hh:mm:ss",
    Kind.DAY: "yyyy-mm-dd",
}
# a text that a cell can hold, and the digits that a number has
_LONGEST, _DIGITS = 32_767, 15
_WIDEST = 60


def xlsx(report: Report) -> bytes:
    """The report as XLSX, the same bytes whenever it is made."""
    out = BytesIO()
    options = {
        "in_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
        "remove_timezone": False,
    }
    book = xlsxwriter.Workbook(out, options)
    created = report.as_of.astimezone(UTC).replace(tzinfo=None)
    book.set_properties(
        {"title": shortened(f"{report.title}, {report.subtitle}", 255), "created": created}
    )
    summary = Section(
        report.title,
        (report.subtitle, *report.notes, report.head, Facts("In short", report.highlights)),
        "Summary",
    )
    for section in (summary, *report.sections):
        _Sheet(book, report, section).write()
    book.close()
    return out.getvalue()


class _Sheet:
    """A sheet that is written from top to bottom."""

    def __init__(self, book: xlsxwriter.Workbook, report: Report, section: Section) -> None:
        self.book, self.section = book, section
        self.sheet = book.add_worksheet(section.sheet)
        self.row = 0
        self.widths: dict[int, int] = {}
        self.formats: dict[tuple[tuple[str, Any], ...], Any] = {}
        self.sheet.set_landscape()
        self.sheet.set_paper(9)
        self.sheet.fit_to_pages(1, 0)
        # a & would be a code of the footer
        foot = shortened(printable(footer(report)), 110).replace("&", "&&")
        self.sheet.set_footer(f"&L{foot}&RPage &P of &N")

    def write(self) -> None:
        self.text(0, self.section.title, bold=True, font_size=14)
        self.row += 1
        if self.section.reference:
            self.text(0, self.section.reference, font_color="#5B6770")
            self.row += 1
        tables = [b for b in walk(self.section.blocks) if isinstance(b, Table)]
        self.blocks(self.section.blocks, frozen=tables[0] if len(tables) == 1 else None)
        for column, width in self.widths.items():
            self.sheet.set_column(column, column, min(max(width + 2, 9), _WIDEST))

    def blocks(self, blocks: tuple[Block, ...], frozen: Table | None) -> None:
        for block in blocks:
            match block:
                case str():
                    # nothing of a sentence is lost: what a cell can't hold is in the next
                    for at in range(0, len(block), _LONGEST):
                        self.text(0, block[at : at + _LONGEST])
                        self.row += 1
                case Facts():
                    self.facts(block)
                case Table():
                    self.table(block, block is frozen)
                case Timeline():
                    pass  # the intervals are on the sheets as rows
                case Section():
                    self.row += 1
                    self.text(0, block.title, bold=True, font_size=12)
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
        self.header(
            [_titled(c) for c in block.columns],
            {n for n, c in enumerate(block.columns) if c.kind in NUMBERS},
        )
        top = self.row
        if is_only:
            self.sheet.freeze_panes(top, 0)
            self.sheet.autofilter(top - 1, 0, top - 1 + len(block.rows), len(block.columns) - 1)
        for row in block.rows:
            for column, (value, what) in enumerate(zip(row, block.columns, strict=True)):
                self.value(
                    column, value, what.kind, align="right" if what.kind in NUMBERS else "left"
                )
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
        match value:
            case None:
                return
            case Money(amount, currency):
                look["num_format"] = _money_format(currency)
                self.number(column, amount, shown(value, kind), **look)
            case int() | Decimal() if kind is not Kind.TEXT:
                self.number(column, value, shown(value, kind), num_format=_FORMATS[kind], **look)
            case datetime() if value.year >= 1900:
                self.measure(column, 19)
                self.sheet.write_datetime(
                    self.row,
                    column,
                    value.astimezone(UTC).replace(tzinfo=None),
                    self.format(num_format=_FORMATS[Kind.INSTANT], **look),
                )
            case date() if value.year >= 1900 and not isinstance(value, datetime):
                self.measure(column, 10)
                midnight = datetime(value.year, value.month, value.day)  # noqa: DTZ001
                look_of_day = self.format(num_format=_FORMATS[Kind.DAY], **look)
                self.sheet.write_datetime(self.row, column, midnight, look_of_day)
            case _:
                self.text(column, str(value), measured=True, **look)

    def number(self, column: int, value: int | Decimal, words: str, **look: Any) -> None:
        self.measure(column, len(words))
        if len(Decimal(value).normalize().as_tuple().digits) <= _DIGITS:
            self.sheet.write_number(self.row, column, value, self.format(**look))
        else:
            self.text(column, str(value), **look)

    def text(self, column: int, text: str, measured: bool = False, **look: Any) -> None:
        if measured:
            self.measure(column, len(text))
        if text:
            self.sheet.write_string(
                self.row, column, shortened(text, _LONGEST), self.format(**look)
            )

    def measure(self, column: int, width: int) -> None:
        self.widths[column] = max(self.widths.get(column, 0), width)

    def format(self, **look: Any) -> Any:
        key = tuple(sorted(look.items()))
        if key not in self.formats:
            self.formats[key] = self.book.add_format(look)
        return self.formats[key]


def _unit(fact: Fact) -> str:
    if isinstance(fact.value, Money):
        return fact.value.currency or ""
    # an instant's name says that it is in UTC
    return "" if fact.kind is Kind.INSTANT or fact.value is None else _UNITS.get(fact.kind, "")


def _titled(column: Column) -> str:
    unit = _UNITS.get(column.kind)
    return (
        column.title
        if unit is None or column.title.endswith(f"({unit})")
        else f"{column.title} ({unit})"
    )


def _money_format(currency: str | None) -> str:
    """With the currency in it, since a column may hold several."""
    if currency is None:
        return "#,##0.###"
    digits = Currency(currency).exponent or 0
    return f'#,##0{"." + "0" * digits if digits else ""} "{currency}"'
