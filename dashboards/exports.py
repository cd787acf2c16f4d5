"""What leaves the warehouse as files: CSV, Excel and Parquet that equal what was read.

Frames come from `Reader.table`: decimals, dates and instants as in the marts. Equal frames give equal bytes.
"""

import io
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import polars as pl
from iso4217 import Currency

from makegood.dashboards.figures.queries import DESCRIPTIONS

if TYPE_CHECKING:
    from makegood.dashboards.access.reader import Reader

# what makes a spreadsheet take a text for a formula; an apostrophe that was there before gets another, so that one can be dropped again
_FORMULA = r"^'*[=+\-@\t\r\n＝＋－＠]"

# what a sheet of Excel can hold, header included
MOST_ROWS = 1_048_576
MOST_COLUMNS = 16_384
LONGEST_TEXT = 32_767
# digits of a number that Excel keeps
DIGITS = 15
# before, Excel counts a day that there never was
_FIRST_DATE = date(1900, 3, 1)


class TooLarge(ValueError):
    """A sheet of Excel can't hold the frame; the message says what can be done."""


@dataclass(frozen=True)
class About:
    """What a file says of itself. `as_of`, `published_at`: aware; `notes`: such as filters; `columns`: descriptions by name."""

    title: str
    as_of: datetime
    published_at: datetime | None = None
    notes: Mapping[str, str] = field(default_factory=dict)
    columns: Mapping[str, str] = field(default_factory=dict)


def about(
    reader: "Reader", title: str, mart: str | None = None, notes: Mapping[str, str] | None = None
) -> About:
    """What an export of what the reader sees says of itself; `mart`: whose descriptions of columns it takes."""
    described = reader.rows(
        "select column_name, comment from duckdb_columns() where schema_name = 'marts' and table_name = ? and comment is not null order by column_index",
        mart,
    )
    columns = DESCRIPTIONS | {row["column_name"]: row["comment"] for row in described}
    return About(title, reader.as_of, reader.run["finished_at"], notes or {}, columns)


def without_formulas(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with an apostrophe before each text that a spreadsheet would evaluate; numbers and dates are no texts."""
    texts = [name for name, dtype in frame.schema.items() if dtype == pl.String]
    return frame.with_columns(
        pl.when(pl.col(t).str.contains(_FORMULA))
        .then(pl.concat_str(pl.lit("'"), t))
        .otherwise(pl.col(t))
        .alias(t)
        for t in texts
    )


def csv(frame: pl.DataFrame, about: About) -> bytes:
    """CSV as RFC 4180 has it, in UTF-8 with the mark by which Excel knows it. Instants in UTC (`2026-06-01T00:00:00Z`), a null as nothing, an empty
    text as `""`; a text that a spreadsheet would evaluate has an apostrophe before it."""
    text = without_formulas(_in_utc(frame)).write_csv(
        include_bom=True,
        line_terminator="\r\n",
        quote_style="non_numeric",
        datetime_format=_instants(frame),
        date_format="%Y-%m-%d",
        # of a single column a null would be an empty line, which readers pass over
        null_value='""' if frame.width == 1 else None,
    )
    return text.encode()


def parquet(frame: pl.DataFrame, about: About) -> bytes:
    """Parquet with the types of the marts; title, as_of and notes are in its metadata."""
    said = {"title": about.title, "as_of": _shown(about.as_of), **about.notes}
    if about.published_at:
        said["published_at"] = _shown(about.published_at)
    out = io.BytesIO()
    _in_utc(frame).write_parquet(out, compression="zstd", metadata=said)
    return out.getvalue()


def xlsx(frame: pl.DataFrame, about: About) -> bytes:
    """A workbook of two sheets: Data, and About, which says what it is. Texts stay texts; numbers, dates and booleans are such. What Excel can't hold
    exactly is text: numbers of more than 15 digits, dates before March 1900, parts of a second. Raises TooLarge."""
    import xlsxwriter

    if frame.height >= MOST_ROWS or frame.width > MOST_COLUMNS:
        most = f"a sheet of Excel holds {MOST_ROWS - 1:,} of {MOST_COLUMNS:,}"
        raise TooLarge(
            f"{frame.height:,} rows of {frame.width:,} columns: {most}; choose fewer, or take CSV or Parquet"
        )
    frame = _in_utc(frame)
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True})
    # the time of making would make equal files differ
    book.set_properties(
        {"title": about.title, "created": about.as_of.astimezone(UTC).replace(tzinfo=None)}
    )
    formats = _Formats(book)
    _data(book.add_worksheet("Data"), frame, formats)
    _about(book.add_worksheet("About"), frame, about, formats)
    book.close()
    return out.getvalue()


@dataclass(frozen=True)
class Kind:
    """A kind of file: how it is made, and how a browser is told what it is."""

    suffix: str
    media_type: str
    make: Callable[[pl.DataFrame, About], bytes]

    def file_name(self, about: About) -> str:
        """A name that says what is in the file and as of when."""
        title = re.sub(r"[^\w]+", "-", about.title.lower()).strip("-")[:80]
        return f"{title}-as-of-{about.as_of.astimezone(UTC):%Y-%m-%dT%H%MZ}.{self.suffix}"


KINDS = {
    "CSV": Kind("csv", "text/csv", csv),
    "Excel": Kind(
        "xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", xlsx
    ),
    "Parquet": Kind("parquet", "application/vnd.apache.parquet", parquet),
}


def _in_utc(frame: pl.DataFrame) -> pl.DataFrame:
    zoned = [
        name
        for name, dtype in frame.schema.items()
        if isinstance(dtype, pl.Datetime) and dtype.time_zone not in (None, "UTC")
    ]
    return frame.with_columns(pl.col(name).dt.convert_time_zone("UTC") for name in zoned)


def _instants(frame: pl.DataFrame) -> str:
    # Z would be untrue of times without a zone
    is_naive = any(
        isinstance(dtype, pl.Datetime) and dtype.time_zone is None for dtype in frame.dtypes
    )
    return "%Y-%m-%dT%H:%M:%S%.f" + ("" if is_naive else "Z")


def _shown(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


class _Formats:
    """The formats of a workbook, each made once."""

    def __init__(self, book: Any) -> None:
        self._book = book
        self._made: dict[str, Any] = {}
        self.header = book.add_format(
            {"bold": True, "bg_color": "#E8EEF4", "bottom": 1, "valign": "top"}
        )
        self.bold = book.add_format({"bold": True, "valign": "top"})
        self.title = book.add_format({"bold": True, "font_size": 14})
        self.prose = book.add_format({"num_format": "@", "text_wrap": True, "valign": "top"})

    def __call__(self, shape: str) -> Any:
        if shape not in self._made:
            # text that is typed anew stays text, too
            self._made[shape] = self._book.add_format(
                {"num_format": shape, "align": "left", "indent": 1}
                if shape == "@"
                else {"num_format": shape}
            )
        return self._made[shape]


def _data(sheet: Any, frame: pl.DataFrame, formats: _Formats) -> None:
    sheet.freeze_panes(1, 0)
    if frame.width:
        sheet.autofilter(0, 0, frame.height, frame.width - 1)
        # ids that look like numbers are meant to be texts
        sheet.ignore_errors({"number_stored_as_text": f"A1:XFD{MOST_ROWS}"})
    exponents = _exponents(frame)
    for column, (name, dtype) in enumerate(frame.schema.items()):
        header = f"{name} (UTC)" if isinstance(dtype, pl.Datetime) and dtype.time_zone else name
        sheet.write_string(0, column, header, formats.header)
        widest = len(header) + 3
        for row, value in enumerate(frame[name].to_list()):
            if value is not None:
                shown = _write(
                    sheet,
                    row + 1,
                    column,
                    value,
                    formats,
                    name,
                    dtype,
                    exponents[row] if exponents else None,
                )
                widest = max(widest, len(shown) + 2)
        sheet.set_column(column, column, min(widest, 60))


def _exponents(frame: pl.DataFrame) -> list[int | None] | None:
    """The decimals of each row's currency, where rows have one."""
    if frame.schema.get("currency") != pl.String:
        return None
    known = {code: _exponent(code) for code in frame["currency"].unique().drop_nulls()}
    return [known.get(code) for code in frame["currency"].to_list()]


def _exponent(code: str) -> int | None:
    try:
        return Currency(code).exponent
    except ValueError:
        return None


def _write(
    sheet: Any,
    row: int,
    column: int,
    value: Any,
    formats: _Formats,
    name: str,
    dtype: pl.DataType,
    exponent: int | None,
) -> str:
    """Writes a cell, and says about how it is shown."""
    if isinstance(value, bool):
        sheet.write_boolean(row, column, value)
        return "FALSE"
    if isinstance(value, int | Decimal) and _fits(value):
        sheet.write_number(row, column, value, formats(_shape(value, dtype, exponent)))
        return f"{value:,}"
    if isinstance(value, float) and float(f"{value:.{DIGITS}g}") == value:
        sheet.write_number(row, column, value)
        return f"{value}"
    if isinstance(value, datetime) and value.date() >= _FIRST_DATE and not value.microsecond:
        sheet.write_datetime(
            row, column, value.replace(tzinfo=None), formats("yyyy-mm-dd hh:mm:ss")
        )
        return "yyyy-mm-dd hh:mm:ss"
    if isinstance(value, date) and not isinstance(value, datetime) and value >= _FIRST_DATE:
        sheet.write_datetime(row, column, value, formats("yyyy-mm-dd"))
        return "yyyy-mm-dd"
    if not isinstance(value, str | int | float | Decimal | date):
        raise TypeError(f"column {name} is {dtype}: no cell of Excel is")
    text = value.isoformat().replace("+00:00", "Z") if isinstance(value, date) else str(value)
    if len(text.encode("utf-16-le")) > 2 * LONGEST_TEXT:
        raise TooLarge(
            f"column {name}, row {row + 1}: a text of {len(text):,} characters; a cell of Excel holds {LONGEST_TEXT:,}: take CSV or Parquet"
        )
    sheet.write_string(row, column, text, formats("@"))
    return max(text.splitlines() or [""], key=len)


def _fits(value: int | Decimal) -> bool:
    """Whether Excel keeps every digit: zeros at either end are none, and integers have to be exact as doubles too."""
    digits = "".join(map(str, Decimal(value).as_tuple().digits)).strip("0")
    return len(digits) <= DIGITS and (isinstance(value, Decimal) or int(float(value)) == value)


def _shape(value: int | Decimal, dtype: pl.DataType, exponent: int | None) -> str:
    """The number format: never fewer decimals than the value has; amounts of a row with a currency have those of the currency."""
    if not isinstance(value, Decimal):
        return "0"
    scale = (dtype.scale if isinstance(dtype, pl.Decimal) else 0) or 0
    if scale != MONEY_SCALE:
        return "0." + "0" * scale if scale else "0"
    if exponent is not None:
        needed = -int(value.normalize().as_tuple().exponent)
        scale = max(exponent, needed)
    return "#,##0." + "0" * scale if scale else "#,##0"


# amounts are DECIMAL(18,3) in every mart, percentages DECIMAL(18,6)
MONEY_SCALE = 3


def _about(sheet: Any, frame: pl.DataFrame, about: About, formats: _Formats) -> None:
    sheet.set_column(0, 0, 34)
    sheet.set_column(1, 1, 100)
    sheet.write_string(0, 0, about.title, formats.title)
    said = {"Figures as of": _shown(about.as_of)}
    if about.published_at:
        said["Published"] = _shown(about.published_at)
    said |= {"Rows": f"{frame.height:,}", **about.notes}
    said["Reading it"] = (
        "Times are UTC. Seconds are whole seconds, percentages are of a hundred (99.9 is 99.9 %), amounts are in the currency of their row. "
        "An empty cell is no value. What Excel can't hold exactly is text: numbers of more than 15 digits, parts of a second."
    )
    row = 2
    for label, text in said.items():
        sheet.write_string(row, 0, label, formats.bold)
        sheet.write_string(row, 1, text[:LONGEST_TEXT], formats.prose)
        row += 1
    sheet.write_string(row + 1, 0, "Column", formats.header)
    sheet.write_string(row + 1, 1, "Meaning", formats.header)
    for column, name in enumerate(frame.columns):
        sheet.write_string(row + 2 + column, 0, name, formats.bold)
        sheet.write_string(row + 2 + column, 1, about.columns.get(name, ""), formats.prose)
