"""Files equal what was read, whatever opens them, and no text in them is run as a formula."""

import csv
import io
import re
import subprocess
import sys
import zipfile
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import duckdb
import openpyxl
import polars as pl
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from makegood.dashboards.access.reader import EVERYTHING, Viewer, opened
from makegood.dashboards.exports import excel
from makegood.dashboards.exports import files as exports
from makegood.dashboards.exports.excel import TooLarge
from makegood.dashboards.exports.files import KINDS, About, without_formulas
from tests.conftest import Published

AS_OF = datetime(2026, 8, 15, tzinfo=UTC)
ABOUT = About("Credits of July", AS_OF, notes={"Filters": "=1+1"})

SCHEMA: dict[str, Any] = {
    "id": pl.String,
    "name": pl.String,
    "seconds": pl.Int64,
    "amount": pl.Decimal(18, 3),
    "currency": pl.String,
    "share_pct": pl.Decimal(18, 6),
    "day": pl.Date,
    "at": pl.Datetime("us", "UTC"),
    "is_met": pl.Boolean,
}
TYPES = {
    "id": "VARCHAR",
    "name": "VARCHAR",
    "seconds": "BIGINT",
    "amount": "DECIMAL(18,3)",
    "currency": "VARCHAR",
    "share_pct": "DECIMAL(18,6)",
    "day": "DATE",
    "at": "TIMESTAMPTZ",
    "is_met": "BOOLEAN",
}

NASTY = [
    "",
    "007",
    "1e5",
    "2026-06-01",
    "TRUE",
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "'=1",
    "''",
    "＝1+1",
    "\t=1",
    "\r",
    "\n",
    "a\r\nb",
    'a"b',
    "a,b",
    " a ",
    "https://example.com",
    "_x0041_",
    "\x01\x1f",
    "\ufeff",
    "é😀",
    "null",
    "NaN",
    "00123456789012345678",
    "1/2",
    "{=1}",
]
texts = st.one_of(
    st.sampled_from(NASTY),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20),
)
instants = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC))
values = st.fixed_dictionaries(
    {
        "id": texts,
        "name": st.none() | texts,
        "seconds": st.none() | st.integers(-(2**63), 2**63 - 1) | st.integers(-(10**6), 10**6),
        "amount": st.none() | st.decimals(-(10**15) + 1, 10**15 - 1, places=3),
        "currency": st.none() | st.sampled_from(["EUR", "JPY", "KWD", "?"]),
        "share_pct": st.none()
        | st.decimals(-(10**12) + 1, 10**12 - 1, places=6)
        | st.decimals(0, 100, places=6),
        "day": st.none() | st.dates(),
        "at": st.none() | instants | instants.map(lambda t: t.replace(microsecond=0)),
        "is_met": st.none() | st.booleans(),
    }
)
frames = st.lists(values, max_size=6).map(
    lambda rows: pl.DataFrame(rows, schema=SCHEMA, orient="row")
)
tried = settings(
    max_examples=settings().max_examples * 3 // 5,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def rows_of(frame: pl.DataFrame) -> list[tuple[Any, ...]]:
    return frame.rows()


@tried
@given(frames)
def test_parquet_is_read_as_it_was(frame: pl.DataFrame) -> None:
    made = KINDS["Parquet"].make(frame, ABOUT)
    assert pl.read_parquet(made).equals(frame, null_equal=True)
    table = pq.read_table(io.BytesIO(made))
    assert {
        f.name: str(f.type)
        for f in table.schema
        if f.name in ("seconds", "amount", "share_pct", "day", "at", "is_met")
    } == {
        "seconds": "int64",
        "amount": "decimal128(18, 3)",
        "share_pct": "decimal128(18, 6)",
        "day": "date32[day]",
        "at": "timestamp[us, tz=UTC]",
        "is_met": "bool",
    }
    assert [tuple(row.values()) for row in table.to_pylist()] == rows_of(frame)
    said = pq.read_metadata(io.BytesIO(made)).metadata
    assert (said[b"title"], said[b"as_of"], said[b"Filters"]) == (
        b"Credits of July",
        b"2026-08-15T00:00:00Z",
        b"=1+1",
    )


@tried
@given(frame=frames)
def test_csv_is_read_as_it_was_and_holds_no_formula(
    frame: pl.DataFrame, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path_factory.mktemp("csv") / "export.csv"
    made = KINDS["CSV"].make(frame, ABOUT)
    file.write_bytes(made)
    with duckdb.connect() as con:
        con.execute("set TimeZone = 'UTC'")
        found = con.execute(
            """from read_csv($file, header = true, delim = ',', quote = '"', escape = '"',
                             columns = $types, allow_quoted_nulls = false, auto_detect = false)""",
            {"file": str(file), "types": TYPES},
        ).fetchall()
    assert [tuple(map(undefused, row)) for row in found] == rows_of(frame)
    # what a program reads that knows no more than the standard
    header, *lines = csv.reader(io.StringIO(made.decode("utf-8-sig"), newline=""))
    assert header == list(SCHEMA)
    assert [[undefused(cell) for cell in line] for line in lines] == [
        list(map(written, row)) for row in rows_of(frame)
    ]
    for line in lines:
        assert not [
            cell for cell in (line[0], line[1]) if cell[:1] in tuple("=+-@\t\r\n＝＋－＠") and cell
        ]


def undefused(value: Any) -> Any:
    """A text as it was: one apostrophe is dropped where it keeps a formula from being one."""
    return (
        value[1:]
        if isinstance(value, str) and re.match(r"'+[=+\-@\t\r\n＝＋－＠]", value)
        else value
    )


def written(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        digits = (
            "seconds"
            if not value.microsecond
            else "milliseconds"
            if value.microsecond % 1000 == 0
            else "microseconds"
        )
        return value.isoformat(timespec=digits).replace("+00:00", "Z")
    return str(value) if not isinstance(value, Decimal) else f"{value:f}"


@tried
@given(frames)
def test_a_workbook_is_read_as_it_was(frame: pl.DataFrame) -> None:
    made = KINDS["Excel"].make(frame, ABOUT)
    assert cells(made) == [[cell_of(v) for v in row] for row in rows_of(frame)]


def cell_of(value: Any) -> tuple[str, Any] | None:
    """What a cell has to be: its type in the file, and its value to the last digit."""
    if value is None:
        return None
    if isinstance(value, bool):
        return ("b", value)
    if isinstance(value, int | Decimal):
        digits = (
            str(abs(value)).replace(".", "").strip("0")
            if not isinstance(value, Decimal)
            else f"{abs(value):f}".replace(".", "").strip("0")
        )
        is_exact = len(digits) <= 15 and (isinstance(value, Decimal) or int(float(value)) == value)
        return (
            ("n", Decimal(value).normalize())
            if is_exact
            else ("s", f"{value:f}" if isinstance(value, Decimal) else str(value))
        )
    if isinstance(value, datetime):
        is_exact = value >= datetime(1900, 3, 1, tzinfo=UTC) and not value.microsecond
        return (
            ("n", (value - datetime(1899, 12, 30, tzinfo=UTC)) // timedelta(seconds=1))
            if is_exact
            else ("s", written(value))
        )
    if isinstance(value, date):
        return (
            ("n", (value - date(1899, 12, 30)).days * 86400)
            if value >= date(1900, 3, 1)
            else ("s", value.isoformat())
        )
    return ("s", value)


SPREADSHEET = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


def cells(made: bytes) -> list[list[tuple[str, Any] | None]]:
    """The cells of the sheet Data below its header, from its XML, not as a library reads it."""
    with zipfile.ZipFile(io.BytesIO(made)) as parts:
        strings = ElementTree.fromstring(parts.read("xl/sharedStrings.xml"))
        shared = ["".join(t.text or "" for t in s.iter(f"{SPREADSHEET}t")) for s in strings]
        sheet = ElementTree.fromstring(parts.read("xl/worksheets/sheet1.xml"))
        styles = ElementTree.fromstring(parts.read("xl/styles.xml"))
        assert not [p for p in parts.namelist() if "rels" in p and b"hyperlink" in parts.read(p)]
    assert sheet.findall(f".//{SPREADSHEET}f") == []
    shapes = {
        f.get("numFmtId"): f.get("formatCode") or "" for f in styles.iter(f"{SPREADSHEET}numFmt")
    }
    formats = [
        shapes.get(x.get("numFmtId"), "") for x in styles.find(f"{SPREADSHEET}cellXfs") or []
    ]
    found = []
    for row in list(sheet.iter(f"{SPREADSHEET}row"))[1:]:
        line: list[tuple[str, Any] | None] = [None] * len(SCHEMA)
        for cell in row:
            kind, value = cell.get("t", "n"), cell.findtext(f"{SPREADSHEET}v") or ""
            shape = formats[int(cell.get("s", "0"))]
            content: Any = value == "1"
            if kind == "s":
                content = re.sub(
                    r"_x([0-9A-Fa-f]{4})_", lambda m: chr(int(m[1], 16)), shared[int(value)]
                )
            elif kind == "n":
                # a day or an instant to the second; else the decimal
                content = (
                    round(Decimal(value) * 86400)
                    if shape.startswith("yyyy")
                    else Decimal(repr(float(value))).normalize()
                )
            line[
                openpyxl.utils.column_index_from_string(re.sub(r"\d", "", cell.get("r", ""))) - 1
            ] = (kind, content)
        found.append(line)
    return found


def test_every_mart_leaves_as_it_is(sample: Published) -> None:
    """Cell by cell, by all three kinds, read by other libraries than those that wrote them."""
    marts = set(sample.all_marts())
    assert {"credits", "availability", "downtime", "ticket_sla", "what_if"} <= marts
    with opened(sample.database, EVERYTHING) as reader, duckdb.connect() as con:
        con.execute("set TimeZone = 'UTC'")
        for mart in sorted(marts):
            frame = reader.table(f"from marts.{mart} order by all")
            rows = sample.query(f"from marts.{mart} order by all")
            types = {
                r["column_name"]: r["data_type"]
                for r in reader.rows(
                    "select column_name, data_type from duckdb_columns() where table_name = ?", mart
                )
            }
            about = exports.about(reader, mart, mart)
            files = {
                name: sample.warehouse.parent / f"{mart}.{kind.suffix}"
                for name, kind in KINDS.items()
            }
            for name, kind in KINDS.items():
                files[name].write_bytes(kind.make(frame, about))
            con.execute("create or replace table expected as from frame")
            for read in (
                f"read_parquet('{files['Parquet']}')",
                f"""read_csv('{files["CSV"]}', header = true, columns = {types},
                             allow_quoted_nulls = false)""",
            ):
                found = con.execute(f"from {read}").fetchall()
                assert [tuple(map(undefused, row)) for row in found] == [
                    tuple(row.values()) for row in rows
                ], (mart, read)
            parquet_types = dict(
                con.execute(
                    f"""select column_name, column_type
                        from (describe from read_parquet('{files["Parquet"]}'))"""
                ).fetchall()
            )
            assert parquet_types == types, mart
            sheet = openpyxl.load_workbook(files["Excel"], read_only=False)["Data"]
            header, *lines = sheet.iter_rows()
            assert [c.value for c in header] == [
                f"{n} (UTC)" if t.startswith("TIMESTAMP") else n for n, t in types.items()
            ]
            assert [[seen(c) for c in line] for line in lines] == [
                [as_seen(v) for v in row.values()] for row in rows
            ], mart


def seen(cell: Any) -> Any:
    return (
        (cell.data_type, Decimal(repr(cell.value)).normalize())
        if cell.data_type == "n" and cell.value is not None
        else (cell.data_type, cell.value)
    )


def as_seen(value: Any) -> Any:
    if value is None:
        return ("n", None)
    if isinstance(value, bool):
        return ("b", value)
    if isinstance(value, int | Decimal):
        return ("n", Decimal(value).normalize())
    if isinstance(value, datetime):
        return ("d", value.replace(tzinfo=None))
    if isinstance(value, date):
        return ("d", datetime(value.year, value.month, value.day))
    return ("s", value)


def test_a_workbook_says_what_it_is(sample: Published) -> None:
    with opened(sample.database, EVERYTHING) as reader:
        about = exports.about(reader, "Credits", "credits", {"Filters": "month = 2026-07"})
        frame = reader.table("from marts.credits where month = ?", "2026-07-01")
    assert (
        frame.height
        == sample.query("select count(*) as n from marts.credits where month = '2026-07-01'")[0][
            "n"
        ]
        > 0
    )
    book = openpyxl.load_workbook(io.BytesIO(KINDS["Excel"].make(frame, about)))
    assert book.sheetnames == ["Data", "About"]
    said = {row[0]: row[1] for row in book["About"].iter_rows(values_only=True) if row[0]}
    (run,) = sample.query(
        "select as_of, finished_at from quality.runs order by run_number desc limit 1"
    )
    assert said["Figures as of"] == run["as_of"].isoformat().replace("+00:00", "Z")
    assert said["Published"] == f"{run['finished_at']:%Y-%m-%dT%H:%M:%SZ}"
    assert said["Filters"] == "month = 2026-07"
    assert said["Rows"] == str(frame.height)
    described = sample.query(
        """select column_name, comment from duckdb_columns()
           where schema_name = 'marts' and table_name = 'credits'"""
    )
    assert {name: said[name] for name in frame.columns} == {
        r["column_name"]: r["comment"] for r in described
    }
    data = book["Data"]
    assert data.freeze_panes == "A2"
    assert (
        data.auto_filter.ref
        == f"A1:{openpyxl.utils.get_column_letter(frame.width)}{frame.height + 1}"
    )
    assert KINDS["Excel"].file_name(about) == "credits-as-of-2026-08-15T0000Z.xlsx"


def test_amounts_have_the_decimals_of_their_currency_and_never_fewer_than_they_need() -> None:
    amounts = [
        ("12.500", "EUR"),
        ("1500.000", "JPY"),
        ("1.125", "KWD"),
        ("0.125", "EUR"),
        ("2.000", None),
        ("2.000", "?"),
    ]
    frame = pl.DataFrame(
        [(Decimal(a), c) for a, c in amounts],
        schema={"amount": pl.Decimal(18, 3), "currency": pl.String},
        orient="row",
    )
    sheet = openpyxl.load_workbook(io.BytesIO(exports.xlsx(frame, ABOUT)))["Data"]
    assert [sheet.cell(row, 1).number_format for row in range(2, 8)] == [
        "#,##0.00",
        "#,##0",
        "#,##0.000",
        "#,##0.000",
        "#,##0.000",
        "#,##0.000",
    ]


@pytest.mark.parametrize("values", [["x", None, "y"], [1, None, 2]])
def test_a_row_of_one_column_without_a_value_stays_a_row(values: list[Any], tmp_path: Path) -> None:
    file = tmp_path / "one.csv"
    file.write_bytes(exports.csv(pl.DataFrame({"a": values}), ABOUT))
    assert duckdb.execute(
        "from read_csv($file, header = true)", {"file": str(file)}
    ).fetchall() == [(v,) for v in values]


def test_what_a_customer_may_see_is_exported_like_the_rest(sample: Published) -> None:
    customer = sample.mart("credits")[0]["customer_id"]
    with opened(sample.database, Viewer(frozenset({customer}))) as reader:
        frame, about = (
            reader.table("from marts.credits order by all"),
            exports.about(reader, "Credits", "credits"),
        )
    for kind in KINDS.values():
        kind.make(frame, about)
    assert about.as_of == AS_OF
    assert frame.rows(named=True) == [
        r for r in sample.mart("credits") if r["customer_id"] == customer
    ]


def test_a_time_of_another_zone_leaves_as_utc() -> None:
    at = pl.Series("at", [datetime(2026, 7, 1, 12, tzinfo=UTC)]).dt.convert_time_zone(
        "Europe/Warsaw"
    )
    frame = pl.DataFrame({"at": at, "naive": [datetime(2026, 7, 1, 12)]})
    assert b'"2026-07-01T12:00:00Z"' in exports.csv(frame.select("at"), ABOUT)
    assert b'"2026-07-01T12:00:00"' in exports.csv(frame.select("naive"), ABOUT)
    sheet = openpyxl.load_workbook(io.BytesIO(exports.xlsx(frame, ABOUT)))["Data"]
    assert [[c.value for c in row] for row in sheet.iter_rows()] == [
        ["at (UTC)", "naive"],
        [datetime(2026, 7, 1, 12)] * 2,
    ]
    assert (
        str(pq.read_table(io.BytesIO(exports.parquet(frame, ABOUT))).schema.field("at").type)
        == "timestamp[us, tz=UTC]"
    )


def test_what_no_sheet_can_hold_is_refused_with_what_to_do() -> None:
    with pytest.raises(TooLarge, match=r"1,048,576 rows.*1,048,575.*CSV or Parquet"):
        exports.xlsx(pl.DataFrame({"a": pl.repeat(1, 1_048_576, eager=True)}), ABOUT)
    # as Excel counts, some characters are two
    held = pl.DataFrame({"raw": ["x", "😀" * 16_383]})
    assert (
        openpyxl.load_workbook(io.BytesIO(exports.xlsx(held, ABOUT)))["Data"]["A3"].value
        == "😀" * 16_383
    )
    with pytest.raises(TooLarge, match=r"column raw, row 3.*32,767"):
        exports.xlsx(pl.DataFrame({"raw": ["x", "😀" * 16_384]}), ABOUT)
    with pytest.raises(TypeError, match="column a is List"):
        exports.xlsx(pl.DataFrame({"a": [[1]]}), ABOUT)


MAKE = """
import sys, hashlib, polars as pl
from datetime import UTC, datetime
from makegood.dashboards.exports.files import KINDS, About
frame = pl.read_parquet(sys.argv[1])
about = About("x", datetime(2026, 8, 15, tzinfo=UTC), columns={"id": "d"})
print(*[hashlib.sha256(kind.make(frame, about)).hexdigest() for kind in KINDS.values()])
"""


def test_the_same_frame_is_the_same_bytes_at_another_time_and_place(tmp_path: Path) -> None:
    rows = [
        {
            "id": text,
            "name": None,
            "amount": Decimal("1.5"),
            "currency": "EUR",
            "at": AS_OF,
            "day": AS_OF.date(),
        }
        for text in NASTY
    ]
    file = tmp_path / "frame.parquet"
    pl.DataFrame(rows, schema={name: SCHEMA[name] for name in rows[0]}, orient="row").write_parquet(
        file
    )
    said = [
        subprocess.run(
            [sys.executable, "-c", MAKE, str(file)],
            capture_output=True,
            text=True,
            check=True,
            cwd=Path(__file__).parents[2],
            env={"PYTHONHASHSEED": seed, "TZ": zone, "PATH": "/usr/bin:/bin"},
        ).stdout
        for seed, zone in (("1", "UTC"), ("2", "Asia/Tokyo"))
    ]
    assert said[0] == said[1]
    assert len(set(said[0].split())) == len(KINDS)


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", '=HYPERLINK("x")', "'=1", "＝1"],
)
def test_a_text_that_a_spreadsheet_would_evaluate_is_text(text: str) -> None:
    assert without_formulas(pl.DataFrame({"a": [text, None, "x=1", "", "'x"]}))["a"].to_list() == [
        "'" + text,
        None,
        "x=1",
        "",
        "'x",
    ]


def test_numbers_stay_numbers() -> None:
    frame = pl.DataFrame({"amount": [-1, None], "name": ["-", "x"]})
    assert without_formulas(frame).to_dict(as_series=False) == {
        "amount": [-1, None],
        "name": ["'-", "x"],
    }


def test_a_text_is_cut_or_divided_at_what_a_cell_can_hold() -> None:
    """Excel counts some characters twice; none is lost or broken apart."""
    text = "ab" + "😀" * 20_000 + "c"
    parts = excel.pieces(text)
    assert "".join(parts) == text
    assert len(parts) == 2
    assert not any(map(excel.is_too_long, parts))
    assert excel.is_too_long(parts[0] + "😀")
    assert excel.pieces("short") == ["short"]
    assert [len(p) for p in excel.pieces("😀" * 33_000)] == [16_383, 16_383, 234]
    cut = excel.shortened(text)
    assert text.startswith(cut[:-1])
    assert cut.endswith("😀…")
    assert not excel.is_too_long(cut)
    assert excel.shortened("x" * 32_767) == "x" * 32_767


def test_a_day_before_the_leap_day_that_excel_invents_is_text() -> None:
    assert excel.cell(date(1900, 2, 28)).content == "1900-02-28"
    assert excel.cell(date(1900, 3, 1)).content == date(1900, 3, 1)
    early = datetime(1900, 2, 28, 12, tzinfo=UTC)
    assert excel.cell(early).content == "1900-02-28T12:00:00Z"
