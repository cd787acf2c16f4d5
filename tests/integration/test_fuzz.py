"""Hostile input for every parser: what it reads is what an independent reading finds, and all that
it raises is a refusal.

A short, reproducible run is part of `make test`; `--hypothesis-profile explore` looks further, with
another `--hypothesis-seed` elsewhere.
"""

import csv
import gzip
import io
import json
import math
import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from unittest.mock import patch

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st
from iso4217 import Currency

from makegood.ingestion.contracts.loader import load
from makegood.ingestion.contracts.tables import Party, tables
from makegood.ingestion.feeds.specs import Feed, FirstDay, Money, Order, RequiredWhen, feeds
from makegood.ingestion.feeds.typing import typed
from makegood.ingestion.landing.land import feed_settings
from makegood.ingestion.readers import EXTRA, LINE, Batch, UnreadableFile, readers, streams
from makegood.ingestion.readers import csv as csv_reader
from makegood.ingestion.strict_yaml import InvalidDocument
from makegood.ingestion.zones import zone
from tests.conftest import CONTRACTS

hostile = settings(suppress_health_check=list(HealthCheck))
costly = settings(hostile, max_examples=settings().max_examples // 2)
CUSTOMERS = feeds()["customers"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


def read(
    folder: Path, name: str, content: bytes, feed: Feed = CUSTOMERS
) -> list[Batch] | UnreadableFile:
    """What the reader of that suffix makes of the bytes."""
    path = folder / f"a{name}"
    path.write_bytes(content)
    try:
        return list(readers()[name](path, feed))
    except UnreadableFile as error:
        return error


def rows_of(batches: list[Batch]) -> list[dict[str, Any]]:
    return [row for batch in batches for row in batch.rows.to_dicts()]


def refused_lines(batches: list[Batch]) -> list[int]:
    return sorted(r.line for batch in batches for r in batch.refused)


# ---------------------------------------------------------------- CSV


def independent_csv(
    content: bytes, longest: int
) -> tuple[list[str], list[tuple[int, list[bytes]]]] | None:
    """Header and records with their first lines by Python's own reader; None where it can't read
    the file, or a row is too long."""
    text = content.removeprefix(b"\xef\xbb\xbf").decode("latin-1")
    lengths: list[int] = []

    def lines() -> Iterator[str]:
        for line in io.StringIO(text, newline=""):
            lengths.append(len(line))
            yield line

    records, line = [], 1
    reader = csv.reader(lines(), strict=True)
    try:
        for fields in reader:
            if sum(lengths) > longest:
                return None
            lengths.clear()
            records.append((line, [field.encode("latin-1") for field in fields]))
            line = reader.line_num + 1
    except csv.Error:
        return None
    if not records:
        return [], []
    try:
        return [name.decode() for name in records[0][1]], records[1:]
    except UnicodeDecodeError:
        return None


def utf8(value: bytes) -> str | None:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return None


headers = st.permutations(["customer_id", "name", "more"]).map(",".join).map(
    str.encode
) | st.sampled_from(
    [b"customer_id,name", b'"customer_id","na""me",name', b'"customer_id",name,"two\nlines"']
)
crumbs = st.lists(
    st.sampled_from(
        [
            b"a",
            b"bc",
            b",",
            b",",
            b"\n",
            b"\n",
            b"\r\n",
            b"\r",
            b'"',
            b'""',
            b'"x,\ny"',
            b'"z\r"',
            b"\x00",
            b"\xff",
            "é".encode(),
            b" ",
            b"\xef\xbb\xbf",
            b"'",
            b"\\",
            b";",
            b"\x1a",
            b"\xe2\x80\xa8",
        ]
    ),
    max_size=60,
).map(b"".join)
fields = st.text(st.sampled_from("ab,\"\n\r é'\\\0"), max_size=6)


def written_csv(rows: list[list[str]], end: str, quoting: Any = csv.QUOTE_MINIMAL) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator=end, quoting=quoting).writerows(rows)
    return out.getvalue().encode()


@hostile
@given(
    st.builds(
        lambda bom, header, end, body: bom + header + end + body,
        st.sampled_from([b"", b"\xef\xbb\xbf"]),
        headers,
        st.sampled_from([b"\n", b"\r\n", b"\r"]),
        crumbs,
    )
    | st.builds(
        lambda rows, end: written_csv([["customer_id", "name", "more"], *rows], end),
        st.lists(st.lists(fields, min_size=2, max_size=4), max_size=12),
        st.sampled_from(["\n", "\r\n", "\r"]),
    )
    | st.binary(max_size=200)
    | crumbs,
    st.sampled_from([16, 64, 1 << 22]),
    st.sampled_from([".csv", ".csv.gz", ".csv.zst"]),
)
@example(
    b"customer_id,name,more\n"
    + b"\0" * 63
    + b"\n"
    + b"\0" * 28
    + b',"'
    + b"\0" * 9
    + b'""""\n"\n,,',
    64,
    ".csv",
)
@example(b"customer_id,name\n1,a\n2,b,\xc3", 64, ".csv")
def test_csv_is_what_an_independent_reader_finds(
    folder: Path, content: bytes, longest: int, name: str
) -> None:
    packed = (
        gzip.compress(content, mtime=0)
        if name.endswith("gz")
        else pa.Codec("zstd").compress(content, asbytes=True)
        if name.endswith("zst")
        else content
    )
    with patch.object(csv_reader, "LONGEST_ROW", longest):
        found = read(folder, name, packed)
    expected = independent_csv(content, longest)
    if isinstance(found, UnreadableFile):
        header = expected[0] if expected else []
        reads = (
            expected is not None
            and all(header.count(c) == 1 for c in ("customer_id", "name"))
            and header.count("deleted") < 2
        )
        assert not reads or any("\0" in c for c in header), f"refused, but readable: {found}"
        return
    assert expected is not None, "read, but not readable"
    header, records = expected
    good, bad = [], []
    for line, values in records:
        texts = [utf8(value) for value in values]
        if not values:
            continue
        if len(values) != len(header) or None in texts:
            bad.append(line)
        else:
            row = dict(zip(header, texts, strict=True))
            good.append(
                (
                    line,
                    row["customer_id"] or None,
                    row["name"] or None,
                    sorted(
                        t
                        for c, t in zip(header, texts, strict=True)
                        if t and c not in ("customer_id", "name", "deleted")
                    ),
                )
            )
    rows = rows_of(found)
    assert [
        (
            r[LINE],
            r["customer_id"],
            r["name"],
            sorted(v for v in json.loads(r[EXTRA] or "{}").values() if v is not None),
        )
        for r in rows
    ] == good
    assert refused_lines(found) == bad


# ---------------------------------------------------------------- JSON lines


class Twice(Exception):
    """A key stands twice."""


def independent_json(line: bytes) -> dict[str, str | None] | None:
    """The known fields of a line by Python's own parser, None where it is no row."""

    def distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len({key for key, _ in pairs}) < len(pairs):
            raise Twice
        return dict(pairs)

    def refuse(constant: str) -> None:
        raise Twice

    try:
        found = json.loads(
            line.decode(),
            object_pairs_hook=distinct,
            parse_constant=refuse,
            parse_float=str,
            parse_int=str,
        )
        if not isinstance(found, dict):
            return None
        json.dumps(found, ensure_ascii=False).encode()
    except (ValueError, RecursionError, Twice):
        return None
    row: dict[str, str | None] = {}
    for name in ("customer_id", "name", "deleted"):
        value = found.get(name)
        if isinstance(value, dict | list):
            return None
        row[name] = (
            {True: "true", False: "false"}[value] if isinstance(value, bool) else value or None
        )
    return row


scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5)
)
objects = st.dictionaries(
    st.sampled_from(["customer_id", "name", "deleted", "more", "_line", "_extra", ""]),
    scalars
    | st.lists(scalars, max_size=2)
    | st.dictionaries(st.text(max_size=2), scalars, max_size=2),
)
json_lines = (
    st.builds(
        lambda found, ascii: json.dumps(found, ensure_ascii=ascii).encode("utf-8", "surrogatepass"),
        objects,
        st.booleans(),
    )
    | st.binary(max_size=20)
    | st.sampled_from(
        [
            b"",
            b"  ",
            b"[]",
            b"{}",
            b"null",
            b'{"name": 1e999}',
            b'{"name": -0}',
            b'{"name": 1.}',
            b'{"name": NaN}',
            b'{"name": "a", "name": "b"}',
            b'{"name": "\\ud800"}',
            b'{"na\\u006de": 1}',
            b"\xef\xbb\xbf{}",
            b"{}\r",
            b"{}{}",
            b'{"more": {"a": 1, "a": 2}}',
            b'{"name": "\\uD83D\\uDE00"}',
            b'{"name": "\t"}',
            b'{"\\udc00": 1}',
        ]
    )
)


@hostile
@given(st.lists(json_lines, max_size=8), st.data())
def test_json_lines_are_what_an_independent_reader_finds(
    folder: Path, lines: list[bytes], data: st.DataObject
) -> None:
    content = b"\n".join(lines)
    if content and data.draw(st.booleans()):
        content = mutated(content, data)
    found = read(folder, ".jsonl", content)
    assert not isinstance(found, UnreadableFile)
    good, bad = [], []
    for number, line in enumerate(content.split(b"\n"), 1):
        stripped = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
        if stripped.strip():
            row = independent_json(stripped)
            if row is None:
                bad.append(number)
            else:
                good.append((number, row))
    assert [
        (r[LINE], {c: r[c] for c in ("customer_id", "name", "deleted")}) for r in rows_of(found)
    ] == good
    assert refused_lines(found) == bad


# ---------------------------------------------------------------- bytes that went wrong


def mutated(content: bytes, data: st.DataObject) -> bytes:
    """The bytes with a few of them changed, cut out, doubled, or the rest cut off."""
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, max(0, len(content) - 1)))
        match data.draw(st.sampled_from(["flip", "set", "cut", "insert", "double", "drop"])):
            case "flip":
                content = (
                    content[:at]
                    + bytes([content[at] ^ (1 << data.draw(st.integers(0, 7)))])
                    + content[at + 1 :]
                    if content
                    else content
                )
            case "set":
                content = (
                    content[:at]
                    + data.draw(
                        st.sampled_from(
                            [b"\x00", b"\xff", b"\x7f", b"\x80", b"\xff\xff\xff\xff\x0f"]
                        )
                    )
                    + content[at + 1 :]
                )
            case "cut":
                content = content[:at]
            case "insert":
                content = content[:at] + data.draw(st.binary(min_size=1, max_size=8)) + content[at:]
            case "double":
                until = data.draw(st.integers(at, min(len(content), at + 64)))
                content = content[:until] + content[at:until] + content[until:]
            case "drop":
                content = content[:at] + content[at + data.draw(st.integers(1, 16)) :]
    return content


@hostile
@given(
    st.binary(max_size=300) | st.binary(min_size=1, max_size=4).map(lambda piece: piece * 5000),
    st.integers(0, 3),
    st.data(),
)
def test_gzip_is_what_an_independent_reader_finds(
    folder: Path, content: bytes, cuts: int, data: st.DataObject
) -> None:
    at = sorted(data.draw(st.integers(0, len(content))) for _ in range(cuts))
    packed = b"".join(
        gzip.compress(content[a:b], data.draw(st.integers(0, 9)), mtime=0)
        for a, b in zip([0, *at], [*at, len(content)], strict=True)
    )
    is_whole = not data.draw(st.booleans())
    if not is_whole:
        packed = mutated(packed, data)
    path = folder / "a.csv.gz"
    path.write_bytes(packed)
    try:
        with streams.counted(path) as stream:
            found: bytes | None = stream.read()
    except (OSError, UnreadableFile):
        found = None
    try:
        expected: bytes | None = gzip.decompress(packed) if packed else None
    except Exception:
        expected = None
    if is_whole:
        assert found == expected == content
    else:
        # refusing what a more patient reader reads is right; reading what is broken is not
        assert found is None or found == expected


@hostile
@given(
    st.binary(max_size=300) | st.binary(min_size=1, max_size=4).map(lambda piece: piece * 5000),
    st.data(),
)
def test_zstandard_reads_whole_files_and_refuses_broken_ones(
    folder: Path, content: bytes, data: st.DataObject
) -> None:
    packed = pa.Codec("zstd").compress(content, asbytes=True)
    path = folder / "a.csv.zst"
    at = data.draw(st.integers(0, len(packed)))
    damaged = data.draw(
        st.sampled_from([packed, packed + packed, packed[:at], mutated(packed, data)])
    )
    path.write_bytes(damaged)
    try:
        with streams.counted(path) as stream:
            found: bytes | None = stream.read()
    except (OSError, UnreadableFile):
        found = None
    if damaged == packed:
        assert found == content
    elif damaged == packed + packed:
        assert found == content + content
    elif damaged == packed[:at]:
        assert found is None


@hostile
@given(st.sampled_from(["csv", "jsonl"]), st.sampled_from([".gz", ".zst"]), st.data())
def test_broken_packing_raises_nothing_but_a_refusal(
    folder: Path, name: str, packing: str, data: st.DataObject
) -> None:
    content = (
        b"customer_id,name\n1,a\n" if name == "csv" else b'{"customer_id": "1", "name": "a"}\n'
    )
    packed = (
        gzip.compress(content * 9, mtime=0)
        if packing == ".gz"
        else pa.Codec("zstd").compress(content * 9, asbytes=True)
    )
    found = read(folder, f".{name}{packing}", mutated(packed, data))
    if not isinstance(found, UnreadableFile):
        typed_rows(found, CUSTOMERS)


# ---------------------------------------------------------------- Parquet

PARQUET_TYPES: list[tuple[pa.DataType, st.SearchStrategy[Any]]] = [
    (pa.string(), st.text(max_size=4)),
    (pa.large_string(), st.text(max_size=4)),
    (pa.string_view(), st.text(max_size=4)),
    (pa.binary(), st.binary(max_size=4)),
    (pa.bool_(), st.booleans()),
    (pa.int8(), st.integers(-128, 127)),
    (pa.uint64(), st.integers(0, 2**64 - 1)),
    (pa.int64(), st.integers(-(2**63), 2**63 - 1)),
    (pa.float16(), st.floats(width=16)),
    (pa.float32(), st.floats(width=32)),
    (pa.float64(), st.floats()),
    (pa.decimal128(18, 3), st.decimals(-(10**14), 10**14, places=3)),
    (pa.decimal256(50, 3), st.decimals(-(10**40), 10**40, places=3)),
    (pa.decimal32(5, 2), st.decimals(-999, 999, places=2)),
    (pa.decimal64(15, 2), st.decimals(-(10**12), 10**12, places=2)),
    (pa.date32(), st.integers(-(2**31), 2**31 - 1)),
    (pa.date64(), st.integers(-30_000, 60_000).map(lambda d: d * 86_400_000)),
    (pa.timestamp("ms"), st.integers(-(2**63), 2**63 - 1)),
    (pa.timestamp("us", "Europe/Warsaw"), st.integers(-(2**63), 2**63 - 1)),
    (pa.timestamp("ns", "UTC"), st.integers(-(2**63), 2**63 - 1)),
    (pa.timestamp("s"), st.integers(-(10**11), 10**12)),
    (pa.time32("s"), st.integers(0, 86_399)),
    (pa.time64("ns"), st.integers(0, 86_400 * 10**9 - 1)),
    (pa.duration("ns"), st.integers(-(2**63), 2**63 - 1)),
    (pa.null(), st.none()),
    (pa.list_(pa.int64()), st.lists(st.integers(0, 9), max_size=3)),
    (pa.list_(pa.timestamp("us")), st.lists(st.integers(-(2**63), 2**63 - 1), max_size=2)),
    (
        pa.struct([("a", pa.string()), ("b", pa.date32())]),
        st.fixed_dictionaries({"a": st.text(max_size=2), "b": st.integers(-(2**31), 2**31 - 1)}),
    ),
    (
        pa.map_(pa.string(), pa.int8()),
        st.dictionaries(st.text(max_size=2), st.integers(0, 9), max_size=2).map(
            lambda d: list(d.items())
        ),
    ),
    (pa.binary(4), st.binary(min_size=4, max_size=4)),
]


@st.composite
def parquet_files(draw: st.DrawFn, feed: Feed) -> tuple[bytes, int]:
    """A file of a feed whose columns are of any type, and the number of its rows."""
    count = draw(st.integers(0, 6))
    columns: dict[str, pa.Array] = {}
    for name in [c.name for c in feed.columns] + draw(
        st.lists(st.sampled_from(["more", "deleted", "_line", "1"]), max_size=2, unique=True)
    ):
        kind, values = draw(st.sampled_from(PARQUET_TYPES) | st.just(PARQUET_TYPES[0]))
        found = draw(st.lists(st.none() | values, min_size=count, max_size=count))
        columns[name] = pa.array(found, kind)
    out = io.BytesIO()
    try:
        pq.write_table(
            pa.table(columns),
            out,
            compression=draw(st.sampled_from(["none", "snappy", "zstd", "gzip", "lz4", "brotli"])),
            use_dictionary=draw(st.booleans()),
            data_page_version=draw(st.sampled_from(["1.0", "2.0"])),
            row_group_size=draw(st.sampled_from([1, 2, 100])),
            store_schema=draw(st.booleans()),
            data_page_size=draw(st.sampled_from([1, 1 << 20])),
        )
    except (pa.ArrowException, ValueError):
        assume(False)
    return out.getvalue(), count


@costly
@given(
    st.sampled_from(sorted(feeds())).flatmap(
        lambda name: st.tuples(st.just(name), parquet_files(feeds()[name]))
    ),
    st.sampled_from([None, "Europe/Warsaw"]),
)
def test_parquet_of_any_types_is_typed_or_rejected(
    folder: Path, file: tuple[str, tuple[bytes, int]], declared: str | None
) -> None:
    name, (content, count) = file
    found = read(folder, ".parquet", content, feeds()[name])
    if isinstance(found, UnreadableFile):
        # Arrow writes pages without values that it can't read itself
        assert "which is neither text nor a number, date or time" in str(found) or re.search(
            r"of \d+ rows \d+ come out", str(found)
        ), found
        return
    assert [r[LINE] for r in rows_of(found)] == list(range(1, count + 1))
    typed_rows(found, feeds()[name], declared)


@costly
@given(
    st.sampled_from(sorted(feeds())).flatmap(
        lambda name: st.tuples(st.just(name), parquet_files(feeds()[name]))
    ),
    st.data(),
)
def test_broken_parquet_raises_nothing_but_a_refusal(
    folder: Path, file: tuple[str, tuple[bytes, int]], data: st.DataObject
) -> None:
    name, (content, _) = file
    if data.draw(st.booleans()):
        # the footer, where most of what can go wrong is
        size = int.from_bytes(content[-8:-4], "little")
        footer = mutated(content[-8 - size : -8], data)
        content = content[: -8 - size] + footer + len(footer).to_bytes(4, "little") + b"PAR1"
    else:
        content = mutated(content, data)
    found = read(folder, ".parquet", content, feeds()[name])
    if not isinstance(found, UnreadableFile):
        typed_rows(found, feeds()[name])


# ---------------------------------------------------------------- typing


def typed_rows(
    batches: list[Batch], feed: Feed, declared: str | None = None
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Landed and rejected rows; together they are the rows that were read."""
    rows: list[dict[str, Any]] = []
    rejected: list[dict[str, Any]] = []
    for batch in batches:
        result = typed(batch, feed, declared)
        assert result.rows.height + result.rejected.height == batch.rows.height + len(batch.refused)
        rows += result.rows.to_dicts()
        rejected += result.rejected.to_dicts()
    lines = [r["_line"] for r in rows] + [r["line"] for r in rejected]
    assert len(set(lines)) == len(lines)
    for row in rejected:
        assert row["rule"]
        assert row["reason"]
    return rows, rejected


EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LOWEST, HIGHEST = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)


def seconds(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(seconds=1)


def microseconds(text: str) -> int:
    """Of an instant that is one: the first six digits behind its seconds (T1)."""
    found = re.search(r"[.,](\d+)", text)
    return int(found[1][:6].ljust(6, "0")) if found else 0


def an_instant(text: str, declared: str | None) -> int | None:
    found = re.fullmatch(
        (
            r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d)(?::(\d\d)(?:[.,]\d+)?)?( ?[Zz]| UTC| "
            r"?[+-]\d\d(?::?\d\d)?)?"
        ),
        text,
        re.ASCII,
    )
    if not found:
        return None
    try:
        local = datetime(*(int(part or 0) for part in found.groups()[:6]))
    except ValueError:
        return None
    offset = found[7] and found[7].strip().replace("UTC", "Z")
    if offset is None:
        if declared is None or not datetime(1, 1, 2) <= local <= datetime(9999, 12, 30, 23, 59, 59):
            return None
        named = zone(declared)
        possible = {local.replace(tzinfo=named, fold=fold).astimezone(UTC) for fold in (0, 1)}
        real = [
            moment for moment in possible if moment.astimezone(named).replace(tzinfo=None) == local
        ]
        return seconds(real[0]) if len(real) == 1 else None
    shift = timedelta()
    if offset not in "Zz":
        digits = offset[1:].replace(":", "").ljust(4, "0")
        if int(digits[:2]) > 23 or int(digits[2:]) > 59:
            return None
        shift = timedelta(hours=int(digits[:2]), minutes=int(digits[2:])) * (
            -1 if offset[0] == "-" else 1
        )
    at = seconds(local.replace(tzinfo=UTC)) - shift // timedelta(seconds=1)
    return at if seconds(LOWEST) <= at <= seconds(HIGHEST) else None


def a_date(text: str) -> date | None:
    found = re.fullmatch(r"(\d{4})-(\d\d)-(\d\d)", text, re.ASCII)
    try:
        return date(*map(int, found.groups())) if found else None
    except ValueError:
        return None


def a_double(text: str) -> float | None:
    if not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", text, re.ASCII):
        return None
    return float(text) if math.isfinite(float(text)) else None


def an_int(text: str) -> int | None:
    return int(text) if re.fullmatch(r"[+-]?\d+", text, re.ASCII) else None


def is_placeholder(text: str, value: Any) -> bool:
    """Of a date or an instant (interfaces, Bad input)."""
    placeholders = [date(1, 1, 1), date(1900, 1, 1), date(1970, 1, 1)]
    if isinstance(value, int):
        value = EPOCH + timedelta(seconds=value)
    if isinstance(value, datetime):
        if value.date() in placeholders and (value.hour, value.minute, value.second) == (0, 0, 0):
            return True
    elif value is not None:
        return value in placeholders
    # as it is written, whatever its offset makes of it
    found = re.fullmatch(
        (
            r"(\d{4}-\d\d-\d\d)[Tt ]00:00(?::00(?:[.,]\d+)?)?( ?[Zz]| UTC| "
            r"?[+-]([01]\d|2[0-3])(:?[0-5]\d)?)?"
        ),
        text,
        re.ASCII,
    )
    return bool(found) and found[1] in map(str, placeholders)


def a_decimal(text: str) -> Decimal | None:
    return Decimal(text) if re.fullmatch(r"[+-]?\d{1,15}(\.\d+)?", text, re.ASCII) else None


DIGITS = {c.code: c.exponent for c in Currency}


def judged(
    feed: Feed, row: dict[str, str | None], declared: str | None
) -> tuple[dict[str, Any], set[str]]:
    """A plain reading of the rules: the values of a row, and the columns that are at fault."""
    parsers: dict[str, Callable[[str], Any]] = {
        "text": str,
        "ts": lambda t: an_instant(t, declared),
        "date": a_date,
        "double": a_double,
        "int": an_int,
        "decimal": a_decimal,
        "boolean": lambda t: {"true": True, "false": False}.get(t.lower()),
    }
    values: dict[str, Any] = {}
    faults: set[str] = set()
    flag = (row.get("deleted") or "false").lower() if feed.key else "false"
    if flag not in ("true", "false"):
        faults.add("deleted")
    is_deleted = flag == "true"
    for column in feed.columns:
        text = row.get(column.name)
        value = values[column.name] = None if text is None else parsers[column.type](text)
        at_fault = column.required if text is None else value is None
        at_fault |= value is not None and (
            (column.values is not None and value not in column.values)
            or (column.minimum is not None and value < column.minimum)
            or (column.maximum is not None and value > column.maximum)
        )
        if (
            text
            and column.type in ("date", "ts")
            and not column.required
            and column.name != "active_from"
            and is_placeholder(text, value)
        ):
            at_fault, values[column.name] = True, None
        if at_fault and (not is_deleted or column.name in feed.key):
            faults.add(column.name)
    for rule in feed.rules if not is_deleted else []:
        match rule:
            case Order(start=start, end=end):
                if None not in (values[start], values[end]) and values[end] < values[start]:
                    faults.add(end)
            case RequiredWhen(column=name, when=when, values=those):
                if values[when] in those and row.get(name) is None:
                    faults.add(name)
            case FirstDay(column=name):
                if values[name] and values[name].day != 1:
                    faults.add(name)
            case Money(amount=amount, currency=currency):
                code = values[currency]
                digits = DIGITS.get(code)
                if code is not None and (digits is None or digits > 3):
                    faults.add(currency)
                elif (
                    code is not None
                    and values[amount] is not None
                    and values[amount] != round(values[amount], digits)
                ):
                    faults.add(amount)
                elif code is not None and values[amount] is not None:
                    values[amount] = int(values[amount].scaleb(digits))
    return {"is_deleted": is_deleted, **values}, faults


def texts_like(kind: str, values: list[str] | None) -> st.SearchStrategy[str | None]:
    """Texts that are a value of that type, or nearly one."""
    two = st.integers(0, 99).map("{:02d}".format) | st.sampled_from(
        ["01", "02", "03", "10", "12", "29", "30", "31", "00"]
    )
    years = st.sampled_from(
        ["2026", "2024", "2025", "1970", "0001", "0000", "9999", "1900"]
    ) | st.integers(0, 9999).map("{:04d}".format)
    days = st.dates().map(str) | st.builds(
        "{}-{}-{}".format, years, st.sampled_from(["01", "02", "03", "10", "12", "00", "13"]), two
    )
    times = (
        st.sampled_from(["00:00:00", "00:00", "00:00:00.9"])
        | st.times().map(lambda t: t.strftime("%H:%M:%S"))
        | st.builds("{}:{}".format, two, two)
        | st.sampled_from(
            [
                "02:30:00",
                "02:00:00",
                "03:00:00",
                "24:00:00",
                "23:59:60",
                "00:00:00.999999999",
                "23:59:59,9",
                "00:00:00.0000019",
            ]
        )
    )
    offsets = st.sampled_from(
        [
            "Z",
            "z",
            "",
            "",
            "+02:00",
            "-0330",
            "+14",
            "-23:59",
            "+24:00",
            "+01:60",
            " Z",
            " UTC",
            "UTC",
            " +0530",
            " -03",
            "  Z",
            " EST",
            "+1",
        ]
    )
    clocks = st.sampled_from(["2026-03-29", "2026-10-25", "2026-06-01"])
    digits = st.text(st.sampled_from("0123456789"), max_size=20)
    numbers = st.builds(
        "{}{}{}{}".format,
        st.sampled_from(["", "-", "+", "--"]),
        digits,
        st.sampled_from(["", ".", ",", ".0", ".5", ".00100", "e3", "E-2", ".1234"]),
        st.sampled_from(["", "0", "00", "x"]),
    )
    near = {
        "text": st.text(max_size=5),
        "ts": st.builds(
            "{}{}{}{}".format, days | clocks, st.sampled_from(["T", " ", "t", ""]), times, offsets
        ),
        "date": days,
        "double": numbers | st.floats().map(str),
        "int": numbers | st.integers().map(str),
        "decimal": numbers | st.decimals(allow_nan=False, allow_infinity=False).map(str),
        "boolean": st.sampled_from(["true", "false", "True", "FALSE", "yes", "1"]),
    }[kind]
    chosen: st.SearchStrategy[str | None] = st.sampled_from(values) if values else near
    return (
        chosen
        | near
        | st.none()
        | st.sampled_from(["", "0", "x", "NaN", "true", "2026-06-01", "٣", "EUR", "JPY"])
    )


@st.composite
def text_rows(draw: st.DrawFn, feed: Feed) -> list[dict[str, str | None]]:
    by_column = {c.name: texts_like(c.type, c.values) for c in feed.columns}
    for rule in feed.rules:
        if isinstance(rule, Money):
            by_column[rule.currency] = st.sampled_from(
                ["EUR", "JPY", "KWD", "XXX", "CLF", "eur", None]
            )
    if feed.key:
        by_column["deleted"] = st.sampled_from(
            [None, None, "", "false", "true", "TRUE", "True", "1", "yes"]
        )
    rows = draw(st.lists(st.fixed_dictionaries(by_column), min_size=1, max_size=4))
    return [{name: value or None for name, value in row.items()} for row in rows]


@costly
@given(
    st.sampled_from(sorted(feeds())).flatmap(
        lambda name: st.tuples(st.just(name), text_rows(feeds()[name]))
    ),
    st.sampled_from([None, "Europe/Warsaw", "America/New_York", "Australia/Lord_Howe"]),
)
def test_rows_are_typed_as_a_plain_reading_of_the_rules_types_them(
    case: tuple[str, list[dict[str, str | None]]], declared: str | None
) -> None:
    feed, rows = feeds()[case[0]], case[1]
    names = list(rows[0])
    frame = pl.DataFrame(
        {n: [r[n] for r in rows] for n in names}, schema=dict.fromkeys(names, pl.String)
    )
    frame = frame.with_columns(
        pl.Series(LINE, range(1, len(rows) + 1), pl.Int64), pl.lit(None, pl.String).alias(EXTRA)
    )
    landed, rejected = typed_rows([Batch(frame)], feed, declared)
    expected = {line: judged(feed, row, declared) for line, row in enumerate(rows, 1)}
    assert {r["line"]: set(r["column_name"].split(", ")) for r in rejected} == {
        line: faults for line, (_, faults) in expected.items() if faults
    }
    for row in landed:
        values, _ = expected[row["_line"]]
        for column in feed.columns:
            # a row that is deleted keeps nothing but its key
            wanted = (
                values[column.name] if not values["is_deleted"] or column.name in feed.key else None
            )
            assert row[column.landed] == wanted, column.name
            if column.landed_fraction:
                text = rows[row["_line"] - 1][column.name]
                assert row[column.landed_fraction] == (
                    None if wanted is None else microseconds(str(text))
                ), column.name
        assert row.get("is_deleted", False) == values["is_deleted"]


@costly
@given(
    st.sampled_from(sorted(feeds())).flatmap(
        lambda name: st.tuples(st.just(name), text_rows(feeds()[name]))
    )
)
def test_the_format_changes_nothing(
    folder: Path, case: tuple[str, list[dict[str, str | None]]]
) -> None:
    feed, rows = feeds()[case[0]], case[1]
    names = list(rows[0])
    parquet = io.BytesIO()
    pl.DataFrame(
        {n: [r[n] for r in rows] for n in names}, schema=dict.fromkeys(names, pl.String)
    ).write_parquet(parquet)
    contents = {
        ".csv": written_csv(
            [names, *([r[n] or "" for n in names] for r in rows)], "\n", csv.QUOTE_ALL
        ),
        ".jsonl": "".join(
            json.dumps({k: v for k, v in r.items() if v is not None}) + "\n" for r in rows
        ).encode(),
        ".parquet": parquet.getvalue(),
    }
    landed = []
    for name, content in contents.items():
        found = read(folder, name, content, feed)
        assert not isinstance(found, UnreadableFile), found
        good, rejected = typed_rows(found, feed)
        landed.append(
            (
                [{k: v for k, v in r.items() if k != "_line"} for r in good],
                [(r["rule"], r["column_name"], r["reason"]) for r in rejected],
            )
        )
    assert landed[0] == landed[1] == landed[2]


# ---------------------------------------------------------------- contracts and settings

DOCUMENTS = {path.stem: path.read_text() for path in sorted(CONTRACTS.glob("*.yaml"))}
PARTIES = [Party(name, "c", "s") for name in DOCUMENTS]
odd_values: st.SearchStrategy[Any] = st.sampled_from(
    [
        None,
        True,
        False,
        0,
        -1,
        1,
        10**9,
        10**10,
        10**30,
        "",
        "x",
        "0",
        "P1",
        "P9",
        "15m",
        "0s",
        "999999999d",
        "3bd",
        "24x7",
        "business_hours",
        "business_days",
        [],
        {},
        ["P1"],
        ["P1", "P1"],
        [None],
        {"x": 1},
        {"P1": None},
        "1e3",
        0.5,
        99.999999999,
        100.0,
        100.000000001,
        date(1, 1, 1),
        date(9999, 12, 31),
        date(2026, 6, 15),
        "Europe/Warsaw",
        "Pacific/Apia",
        "NL",
        "none",
        "08:30",
        "24:00",
        "quarter",
        "month",
        "down",
        ["down", "degraded"],
        "a.b",
        "\x00",
        "😀",
        "customer_id",
    ]
)


def paths(data: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    for key, value in (
        data.items()
        if isinstance(data, dict)
        else enumerate(data)
        if isinstance(data, list)
        else ()
    ):
        yield from paths(value, (*path, key))


def place(data: Any, path: tuple[Any, ...]) -> tuple[Any, Any]:
    for key in path[:-1]:
        data = data[key]
    return data, path[-1]


@st.composite
def contract_texts(draw: st.DrawFn) -> str:
    """A real contract with a few things changed in its structure, or in its text."""
    text = DOCUMENTS[draw(st.sampled_from(sorted(DOCUMENTS)))]
    if draw(st.booleans()):
        document = yaml.safe_load(text)
        terms = document["versions"][0]["terms"]
        for _ in range(draw(st.integers(0, 2))):
            group = draw(st.sampled_from(sorted(terms)))
            scope = draw(st.sampled_from(["customer_id", "subscription_id"]))
            since = draw(st.dates(date(2024, 1, 1), date(2028, 1, 1)))
            changed = draw(
                st.sampled_from(
                    [
                        {group: terms[group]},
                        {group: None},
                        {group: draw(odd_values)},
                        {},
                        {"credits": {"cap_pct": 50}},
                        {"severity": {"basis": "highest"}},
                    ]
                )
            )
            document["amendments"].append(
                {
                    "rank": draw(st.sampled_from(["order_form", "price_list", "sla"])),
                    scope: scope[0],
                    "effective_from": since,
                    "terms": changed,
                }
            )
        if draw(st.booleans()):
            document["versions"].append(
                {
                    "effective_from": draw(st.dates(date(2020, 1, 1), date(2030, 1, 1))),
                    "terms": json.loads(json.dumps(terms, default=str)),
                }
            )
        for _ in range(draw(st.integers(1, 3))):
            holder, key = place(document, draw(st.sampled_from(list(paths(document)))))
            match draw(st.sampled_from(["set", "set", "remove", "swap", "rename", "day"])):
                case "day":
                    holder, key = place(
                        document,
                        draw(
                            st.sampled_from(
                                [p for p in paths(document) if "effective" in str(p[-1])]
                                or [("versions",)]
                            )
                        ),
                    )
                    holder[key] = draw(
                        st.dates()
                        | st.sampled_from([date(1900, 1, 1), date(2199, 12, 31), date(2026, 8, 15)])
                    )
                case "set":
                    holder[key] = draw(odd_values)
                case "remove":
                    del holder[key]
                case "swap":
                    other, at = place(document, draw(st.sampled_from(list(paths(document)))))
                    if not isinstance(holder[key], dict | list):
                        other[at] = holder[key]
                case "rename" if isinstance(holder, dict):
                    holder[
                        draw(st.sampled_from(["x", "P1", "high", "", "a.b", "targets", "1"]))
                    ] = holder.pop(key)
        return yaml.safe_dump(document, sort_keys=False, allow_unicode=True)
    lines = text.split("\n")
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(lines) - 1))
        match draw(st.sampled_from(["cut", "insert", "drop", "double", "indent", "word"])):
            case "cut":
                lines[at] = lines[at][: draw(st.integers(0, len(lines[at])))]
            case "insert":
                where = draw(st.integers(0, len(lines[at])))
                crumb = draw(
                    st.sampled_from(
                        [
                            *":,{}[]&*!|>'\"#%@`-? \t\n~0",
                            "<<: ",
                            "\x00",
                            "\ufeff",
                            "&a",
                            "*a",
                            "!!int",
                            "---\n",
                            "...",
                            "\u2028",
                            "9" * 50,
                        ]
                    )
                    | st.text(max_size=3)
                )
                lines[at] = lines[at][:where] + crumb + lines[at][where:]
            case "drop":
                del lines[at]
                lines = lines or [""]
            case "double":
                lines.insert(at, lines[at])
            case "indent":
                lines[at] = draw(st.sampled_from(["  ", "    ", "\t", " "])) + lines[at]
            case "word":
                words = re.findall(r"[\w.]+", lines[at])
                if words:
                    lines[at] = lines[at].replace(
                        draw(st.sampled_from(words)), str(draw(odd_values)), 1
                    )
    return "\n".join(lines)


@costly
@given(contract_texts())
@example(
    DOCUMENTS["trueengage"].replace("effective_from: 2026-06-01", "effective_from: 0001-01-01")
)
@example(
    DOCUMENTS["connect_engage"].replace("effective_from: 2024-07-01", "effective_from: 9999-12-31")
)
@example(
    DOCUMENTS["connect_engage"].replace("effective_from: 2024-07-01", "effective_from: 2199-12-31")
)
@example(DOCUMENTS["trueengage"].replace("period: month", "period: []"))
def test_a_contract_is_refused_or_resolves(folder: Path, text: str) -> None:
    path = folder / "contract.yaml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    try:
        contract = load(path)
        found = tables(
            [contract], datetime(2026, 8, 15, tzinfo=UTC), [Party(contract.contract_id, "c", "s")]
        )
    except InvalidDocument:
        return
    assert len(found["contracts"]) == 1
    spans = [
        s for s in found["term_spans"] if s["scenario_id"] == 0 and s["subscription_id"] is None
    ]
    assert [s["valid_from"] for s in spans] == sorted(v.effective_from for v in contract.versions)
    assert {s["terms_id"] for s in found["term_spans"]} <= {t["terms_id"] for t in found["terms"]}


@hostile
@given(
    st.binary(max_size=60)
    | st.text(max_size=60).map(lambda t: t.encode("utf-8", "surrogatepass"))
    | st.dictionaries(
        st.sampled_from([*feeds(), "x"]),
        st.dictionaries(
            st.sampled_from(["time_zone", "max_rejected_pct", "x"]), odd_values, max_size=2
        )
        | odd_values,
        max_size=3,
    ).map(lambda d: yaml.safe_dump(d, allow_unicode=True).encode())
)
@example(b"checks: {max_rejected_pct: " + b"9" * 5000 + b"}")
def test_settings_are_refused_or_hold(folder: Path, content: bytes) -> None:
    (folder / "feeds.yaml").write_bytes(content)
    try:
        found = feed_settings(folder)
    except InvalidDocument:
        return
    assert set(found) == set(feeds())
    assert all(0 <= s.max_rejected_pct <= 100 for s in found.values())
