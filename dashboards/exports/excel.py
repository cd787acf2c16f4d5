"""The one writer of Excel workbooks: the limits of a sheet, and how a value becomes a cell.

Numbers, dates and booleans are written as such; texts stay texts, never formulas or links. What
Excel can't hold to the last digit is written as text.
"""

import io
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import accumulate, takewhile
from typing import Any

import xlsxwriter

from makegood.dashboards.figures.style import decimals

# what a sheet can hold, its header included; texts are counted in UTF-16 units
MOST_ROWS = 1_048_576
MOST_COLUMNS = 16_384
LONGEST_TEXT = 32_767
# the digits that Excel keeps of a number
DIGITS = 15
# Excel counts a 29 February 1900, which never was: earlier dates would be off by a day
FIRST_DATE = date(1900, 3, 1)
# columns no wider than this, in characters
WIDEST = 60

DAY, INSTANT, TEXT = "yyyy-mm-dd", "yyyy-mm-dd hh:mm:ss", "@"
DURATION = "[h]:mm:ss"

Value = str | bool | int | float | Decimal | date | datetime


class TooLarge(ValueError):
    """A sheet of Excel can't hold the data; the message says what to do instead."""


@dataclass(frozen=True)
class Cell:
    """A value as a cell. `content`: what is written; `shape`: its number format; `shown`: about
    how it looks, for the width of its column."""

    content: Value
    shape: str
    shown: str


def cell(value: Value, shape: str | None = None, shown: str | None = None) -> Cell:
    """A value as the cell that keeps it exactly, else as text. `shape`: the number format of a
    number. Raises TypeError for a value that no cell can hold."""
    match value:
        case bool():
            return Cell(value, "General", str(value).upper())
        case int() | Decimal() if _fits(value):
            return Cell(value, shape or "General", shown or f"{value:,}")
        case float() if float(f"{value:.{DIGITS}g}") == value:
            return Cell(value, shape or "General", str(value))
        case datetime():
            if value.tzinfo is not None:
                value = value.astimezone(UTC)
            if value.date() >= FIRST_DATE and not value.microsecond:
                return Cell(value.replace(tzinfo=None), INSTANT, INSTANT)
            text = value.isoformat().replace("+00:00", "Z")
        case date() if value >= FIRST_DATE:
            return Cell(value, DAY, DAY)
        case str() | int() | float() | Decimal() | date():
            text = str(value)
        case _:
            raise TypeError(f"a {type(value).__name__} can't be written to a cell of Excel")
    return Cell(text, TEXT, max(text.splitlines() or [""], key=len))


def duration(seconds: int) -> Cell:
    """A length of time as Excel's own: a fraction of days, of which it shows the exact second.

    Excel keeps fifteen digits: of lengths up to 31,000 years that is a microsecond or less."""
    days = float(f"{seconds / 86_400:.{DIGITS}g}")
    return Cell(days, DURATION, f"{seconds // 3_600}:00:00")


def _fits(value: int | Decimal) -> bool:
    """Whether Excel keeps every digit; integers have to be exact as doubles too."""
    digits = "".join(map(str, Decimal(value).as_tuple().digits)).strip("0")
    return len(digits) <= DIGITS and (isinstance(value, Decimal) or int(float(value)) == value)


def is_too_long(text: str) -> bool:
    """Whether a text is longer than a cell can hold."""
    return _units(text) > LONGEST_TEXT


def pieces(text: str) -> list[str]:
    """A text in parts that a cell can hold; nothing of it is lost."""
    parts = []
    while is_too_long(text):
        part = _start(text, LONGEST_TEXT)
        parts.append(part)
        text = text[len(part) :]
    return [*parts, text]


def shortened(text: str) -> str:
    """A text, or as much of it as a cell can hold."""
    return f"{_start(text, LONGEST_TEXT - 1)}…" if is_too_long(text) else text


def _start(text: str, most: int) -> str:
    units = accumulate(1 + (ord(character) > 0xFFFF) for character in text)
    return text[: sum(1 for _ in takewhile(lambda so_far: so_far <= most, units))]


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def amount_shape(least: int, amount: Decimal | None = None, currency: str | None = None) -> str:
    """The number format of an amount with `least` decimals, or as many more as the amount has.

    `currency`: written behind the amount, for columns that may hold several."""
    needed = 0 if amount is None else -int(amount.normalize().as_tuple().exponent)
    scale = max(least, needed)
    return f"#,##0{'.' + '0' * scale if scale else ''}" + (f' "{currency}"' if currency else "")


def money_shape(amount: Decimal, currency: str | None) -> str:
    """The number format of an amount in a currency, followed by its code."""
    return amount_shape(decimals(currency) if currency else 0, amount, currency)


class Book:
    """A workbook in memory. `as_of` (aware) is its time of creation, so that the same data makes
    the same bytes."""

    def __init__(self, title: str, as_of: datetime) -> None:
        self._out = io.BytesIO()
        self._book = xlsxwriter.Workbook(self._out, {"in_memory": True})
        created = as_of.astimezone(UTC).replace(tzinfo=None)
        self._book.set_properties({"title": title[:255], "created": created})
        self._formats: dict[tuple[tuple[str, Any], ...], Any] = {}

    def sheet(self, name: str) -> "Sheet":
        return Sheet(self, self._book.add_worksheet(name))

    def format(self, **look: Any) -> Any:
        """A format of the workbook, made once."""
        key = tuple(sorted(look.items()))
        if key not in self._formats:
            self._formats[key] = self._book.add_format(look)
        return self._formats[key]

    def content(self) -> bytes:
        """The finished file."""
        self._book.close()
        return self._out.getvalue()


class Sheet:
    """A sheet; its columns are as wide as what was measured in them. `raw`: that of xlsxwriter."""

    def __init__(self, book: Book, raw: Any) -> None:
        self.book, self.raw = book, raw
        self._widths: dict[int, int] = {}

    def write(self, row: int, column: int, cell: Cell, **look: Any) -> None:
        """Writes a cell; a text must fit into it."""
        self.measure(column, len(cell.shown))
        look = ({} if cell.shape == "General" else {"num_format": cell.shape}) | look
        match cell.content:
            case str(text):
                self.text(row, column, text, **look)
            case bool(value):
                self.raw.write_boolean(row, column, value, self.book.format(**look))
            case date() as value:
                self.raw.write_datetime(row, column, value, self.book.format(**look))
            case number:
                self.raw.write_number(row, column, number, self.book.format(**look))

    def text(self, row: int, column: int, text: str, **look: Any) -> None:
        """Writes a text, which must fit, without making its column wider."""
        assert not is_too_long(text)
        self.raw.write_string(row, column, text, self.book.format(**look))

    def measure(self, column: int, width: int) -> None:
        """Makes a column at least so many characters wide."""
        self._widths[column] = max(self._widths.get(column, 0), width)

    def fit(self) -> None:
        """Sets the widths of the columns."""
        for column, width in self._widths.items():
            self.raw.set_column(column, column, min(max(width + 2, 9), WIDEST))
