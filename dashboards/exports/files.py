"""Frames as files: CSV, Excel and Parquet that hold exactly what was read.

Frames come from `Reader.table`: decimals, dates and instants as in the marts. Equal frames give
equal bytes.
"""

import io
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import polars as pl

from makegood.dashboards.exports import excel
from makegood.dashboards.exports.excel import TooLarge
from makegood.dashboards.figures.queries import DESCRIPTIONS
from makegood.dashboards.figures.style import counted, decimals, thousands, timestamp

if TYPE_CHECKING:
    from makegood.dashboards.access.reader import Reader

# texts that a spreadsheet would evaluate; one that already begins with an apostrophe gets another,
# so that dropping one apostrophe always gives the text as it was
_FORMULA = r"^'*[=+\-@\t\r\n＝＋－＠]"


@dataclass(frozen=True)
class About:
    """What a file says about itself.

    `as_of`, `published_at`: aware; `notes`: such as filters; `columns`: descriptions by name."""

    title: str
    as_of: datetime
    published_at: datetime | None = None
    notes: Mapping[str, str] = field(default_factory=dict)
    columns: Mapping[str, str] = field(default_factory=dict)


def about(
    reader: "Reader", title: str, mart: str | None = None, notes: Mapping[str, str] | None = None
) -> About:
    """What an export of the reader's tables says about itself.

    `mart`: the mart that describes the columns."""
    described = reader.rows(
        """select column_name, comment from duckdb_columns()
           where schema_name = 'marts' and table_name = ? and comment is not null
           order by column_index""",
        mart,
    )
    columns = DESCRIPTIONS | {row["column_name"]: row["comment"] for row in described}
    return About(title, reader.as_of, reader.run["finished_at"], notes or {}, columns)


def without_formulas(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with an apostrophe before each text that a spreadsheet would evaluate."""
    texts = [name for name, dtype in frame.schema.items() if dtype == pl.String]
    return frame.with_columns(
        pl.when(pl.col(t).str.contains(_FORMULA))
        .then(pl.concat_str(pl.lit("'"), t))
        .otherwise(pl.col(t))
        .alias(t)
        for t in texts
    )


def csv(frame: pl.DataFrame, about: About) -> bytes:
    """CSV as in RFC 4180, in UTF-8 with the byte-order mark that Excel needs.

    Instants are in UTC (`2026-06-01T00:00:00Z`), a null is an empty field and an empty text `""`;
    a text that a spreadsheet would evaluate has an apostrophe before it."""
    text = without_formulas(_in_utc(frame)).write_csv(
        include_bom=True,
        line_terminator="\r\n",
        quote_style="non_numeric",
        datetime_format=_instants(frame),
        date_format="%Y-%m-%d",
        # a null in a single column would make an empty line, which readers skip
        null_value='""' if frame.width == 1 else None,
    )
    return text.encode()


def parquet(frame: pl.DataFrame, about: About) -> bytes:
    """Parquet with the types of the marts; title, as_of and notes are in its metadata."""
    metadata = {"title": about.title, "as_of": timestamp(about.as_of), **about.notes}
    if about.published_at:
        metadata["published_at"] = timestamp(about.published_at)
    out = io.BytesIO()
    _in_utc(frame).write_parquet(out, compression="zstd", metadata=metadata)
    return out.getvalue()


def xlsx(frame: pl.DataFrame, about: About) -> bytes:
    """A workbook of two sheets: Data, and About, which says what the data is. Raises TooLarge."""
    if frame.height >= excel.MOST_ROWS or frame.width > excel.MOST_COLUMNS:
        raise TooLarge(
            f"{counted(frame.height, 'row')} of {counted(frame.width, 'column')}: a sheet of Excel "
            f"holds {thousands(excel.MOST_ROWS - 1)} rows of {thousands(excel.MOST_COLUMNS)} "
            "columns; choose fewer, or download CSV or Parquet"
        )
    frame = _in_utc(frame)
    book = excel.Book(about.title, about.as_of)
    _data(book.sheet("Data"), frame)
    _about(book.sheet("About"), frame, about)
    return book.content()


@dataclass(frozen=True)
class Kind:
    """A kind of file: how it is made, and its type for a browser."""

    suffix: str
    media_type: str
    make: Callable[[pl.DataFrame, About], bytes]

    def file_name(self, about: About) -> str:
        """A name with the title and the instant of the figures."""
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
    # a time without a zone may not claim to be in UTC
    is_naive = any(
        isinstance(dtype, pl.Datetime) and dtype.time_zone is None for dtype in frame.dtypes
    )
    return "%Y-%m-%dT%H:%M:%S%.f" + ("" if is_naive else "Z")


_HEADER = {"bold": True, "bg_color": "#E8EEF4", "bottom": 1, "valign": "top"}
_BOLD = {"bold": True, "valign": "top"}
_PROSE = {"num_format": "@", "text_wrap": True, "valign": "top"}


def _data(sheet: excel.Sheet, frame: pl.DataFrame) -> None:
    sheet.raw.freeze_panes(1, 0)
    if frame.width:
        sheet.raw.autofilter(0, 0, frame.height, frame.width - 1)
        # ids that look like numbers are meant to be texts
        sheet.raw.ignore_errors({"number_stored_as_text": f"A1:XFD{excel.MOST_ROWS}"})
    exponents = _exponents(frame)
    for column, (name, dtype) in enumerate(frame.schema.items()):
        header = f"{name} (UTC)" if isinstance(dtype, pl.Datetime) and dtype.time_zone else name
        sheet.text(0, column, header, **_HEADER)
        sheet.measure(column, len(header) + 1)
        for row, value in enumerate(frame[name].to_list(), 1):
            if value is None:
                continue
            try:
                cell = excel.cell(value, _shape(value, dtype, exponents[row - 1]))
            except TypeError:
                raise TypeError(f"column {name} is {dtype}: no cell of Excel can hold it") from None
            if isinstance(cell.content, str) and excel.is_too_long(cell.content):
                raise TooLarge(
                    f"column {name}, row {row + 1}: a text of {thousands(len(cell.content))} "
                    f"characters; a cell of Excel holds {thousands(excel.LONGEST_TEXT)}: "
                    "download CSV or Parquet"
                )
            # a text that is edited in Excel stays a text
            look = {"align": "left", "indent": 1} if cell.shape == excel.TEXT else {}
            sheet.write(row, column, cell, **look)
    sheet.fit()


def _exponents(frame: pl.DataFrame) -> list[int | None]:
    """The decimals of each row's currency; None where it has none that is known."""
    if frame.schema.get("currency") != pl.String:
        return [None] * frame.height
    known = {code: _exponent(code) for code in frame["currency"].unique().drop_nulls()}
    return [known.get(code) for code in frame["currency"].to_list()]


def _exponent(code: str) -> int | None:
    try:
        return decimals(code)
    except ValueError:
        return None


# amounts are DECIMAL(18,3) in every mart, percentages DECIMAL(18,6)
_MONEY_SCALE = 3


def _shape(value: Any, dtype: pl.DataType, exponent: int | None) -> str | None:
    """The number format: never fewer decimals than the value has; amounts have those of the
    row's currency."""
    if not isinstance(value, Decimal):
        return "0" if isinstance(value, int) else None
    scale = (dtype.scale if isinstance(dtype, pl.Decimal) else 0) or 0
    if scale != _MONEY_SCALE:
        return "0." + "0" * scale if scale else "0"
    return excel.amount_shape(scale if exponent is None else exponent, value)


def _about(sheet: excel.Sheet, frame: pl.DataFrame, about: About) -> None:
    sheet.raw.set_column(0, 0, 34)
    sheet.raw.set_column(1, 1, 100)
    sheet.text(0, 0, about.title, bold=True, font_size=14)
    facts = {"Figures as of": timestamp(about.as_of)}
    if about.published_at:
        facts["Published"] = timestamp(about.published_at)
    facts |= {"Rows": thousands(frame.height), **about.notes}
    facts["How to read it"] = (
        "Times are UTC, durations are whole seconds, percentages are of a hundred (99.9 is "
        "99.9 %), and amounts are in the currency of their row. An empty cell has no value. What "
        f"Excel can't hold exactly is text: numbers of more than {excel.DIGITS} digits, fractions "
        "of a second, and dates before March 1900."
    )
    row = 2
    for label, text in facts.items():
        sheet.text(row, 0, label, **_BOLD)
        sheet.text(row, 1, excel.shortened(text), **_PROSE)
        row += 1
    sheet.text(row + 1, 0, "Column", **_HEADER)
    sheet.text(row + 1, 1, "Meaning", **_HEADER)
    for line, name in enumerate(frame.columns, row + 2):
        sheet.text(line, 0, name, **_BOLD)
        sheet.text(line, 1, about.columns.get(name, ""), **_PROSE)
