"""Readers of formats: what is read, what is refused, and on which line."""

import gzip
import json
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from makegood.ingestion.feeds.specs import feeds
from makegood.ingestion.readers import LINE, UnreadableFile, readers, suffix

CUSTOMERS = feeds()["customers"]


def read(path: Path, feed: str = "customers") -> tuple[list[dict[str, Any]], list[tuple[int, str]]]:
    batches = list(readers()[suffix(path.name) or ""](path, feeds()[feed]))
    rows = [row for b in batches for row in b.rows.to_dicts()]
    return rows, sorted((r.line, r.reason) for b in batches for r in b.refused)


def written(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    if name.endswith(".gz"):
        content = gzip.compress(content)
    elif name.endswith(".zst"):
        content = pa.Codec("zstd").compress(content, asbytes=True)
    path.write_bytes(content)
    return path


def test_every_suffix_of_the_interface_has_a_reader() -> None:
    assert set(readers()) == {
        ".csv",
        ".csv.gz",
        ".csv.zst",
        ".jsonl",
        ".jsonl.gz",
        ".jsonl.zst",
        ".parquet",
    }
    assert suffix("a.csv.gz") == ".csv.gz"
    assert suffix("a.CSV.Gz") == ".csv.gz"
    assert suffix("a.csv.bz2") is None


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz", "a.csv.zst"])
def test_csv_lines_are_those_of_the_file(tmp_path: Path, name: str) -> None:
    text = (
        b'customer_id,name,note\n1,a,x\n\n2,"b\nc",y\n3\n4,d,z\n5,\xff,z\n6,f,g,h\n,,\n7,"q""uo",\n'
    )
    rows, refused = read(written(tmp_path, name, text))
    assert [(r[LINE], r["customer_id"], r["name"]) for r in rows] == [
        (2, "1", "a"),
        (4, "2", "b\nc"),
        (7, "4", "d"),
        (10, None, None),
        (11, "7", 'q"uo'),
    ]
    assert refused == [
        (6, "has 1 field, the header has 3: write all of them, empty ones too"),
        (8, "is not UTF-8: export the file as UTF-8"),
        (9, "has 4 fields, the header has 3: put a field that holds commas in double quotes"),
    ]
    assert rows[0]["_extra"] == '{"note":"x"}'


def test_csv_lines_hold_over_many_blocks(tmp_path: Path) -> None:
    # several blocks of 4 MB, with line ends inside quotes and odd rows on the way
    lines, expected = ["customer_id,name"], []
    line = 2
    for n in range(60_000):
        if n % 20_000 == 7:
            lines.append("odd")
            line += 1
        expected.append((line, str(n)))
        text = f'{n},"{"x" * 180}{chr(10) if n % 5000 == 0 else ""}"'
        lines.append(text)
        line += 1 + text.count("\n")
    rows, refused = read(written(tmp_path, "a.csv", "\n".join(lines).encode()))
    assert [(r[LINE], r["customer_id"]) for r in rows] == expected
    assert len(refused) == 3


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_csv_line_ends_and_byte_order_mark(tmp_path: Path, ends: str) -> None:
    text = ends.join(["customer_id,name", "1,a", "2,b"]).encode("utf-8-sig")
    rows, refused = read(written(tmp_path, "a.csv", text))
    assert [(r["customer_id"], r["name"], r[LINE]) for r in rows] == [("1", "a", 2), ("2", "b", 3)]
    assert refused == []


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.csv", b"", "has no header"),
        ("a.csv", b"1,a\n2,b\n", "lacks the required column customer_id, name"),
        (
            "a.csv",
            b"customer_id,customer_id,name\n1,2,a\n",
            "has the column customer_id more than once",
        ),
        ("a.csv.gz", b"", "has no header"),
        ("a.parquet", b"PAR1", "can't be read as Parquet"),
        # what follows an open quote could be anything: rows would be swallowed
        ("a.csv", b'customer_id,name\n1,a\n2,"x\n3,y\n4,z\n', "quote that is not closed"),
        ("a.csv.gz", b'customer_id,name\n1,"x"y\n', "quote that is not closed"),
        ("a.csv", b"customer_id,name,Gr\xf6\xdfe\n1,x,3\n", "its header is not UTF-8"),
        ("a.csv", b"customer_id,Gr\xf6\xdfe,name\n1,3,x\n", "its header is not UTF-8"),
    ],
)
def test_files_that_are_rejected_whole(
    tmp_path: Path, name: str, content: bytes, said: str
) -> None:
    with pytest.raises(UnreadableFile, match=said):
        read(written(tmp_path, name, content))


@pytest.mark.parametrize("name", ["a.csv.gz", "a.jsonl.gz", "a.csv.zst"])
def test_truncated_files_are_rejected_whole(tmp_path: Path, name: str) -> None:
    rows = "".join(
        f"{n * 7919},name {n}\n"
        if "csv" in name
        else f'{{"customer_id": "{n * 7919}", "name": "name {n}"}}\n'
        for n in range(5000)
    )
    path = written(
        tmp_path, name, (("customer_id,name\n" if "csv" in name else "") + rows).encode()
    )
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(UnreadableFile):
        read(path)


def test_deleted_needs_only_the_key(tmp_path: Path) -> None:
    rows, _ = read(written(tmp_path, "a.csv", b"customer_id,deleted\n1,true\n"))
    assert rows[0]["deleted"] == "true"


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz", "a.jsonl.zst"])
def test_json_lines(tmp_path: Path, name: str) -> None:
    text = (
        b'{"customer_id": "1", "name": "a", "more": [1]}\n\n  \n[1]\n{"customer_id": '
        b'2}\n{"customer_id": "3",}\n{"name": {"a": 1}}\n{"customer_id": NaN}\n{"name": "\xff"}'
    )
    rows, refused = read(written(tmp_path, name, text))
    assert [(r[LINE], r["customer_id"], r["name"], r["_extra"]) for r in rows] == [
        (1, "1", "a", '{"more": ["1"]}'),
        (5, "2", None, None),
    ]
    assert [line for line, _ in refused] == [4, 6, 7, 8, 9]
    assert all("is not a JSON object" in reason for _, reason in refused)


def test_json_numbers_are_what_is_written(tmp_path: Path) -> None:
    rows, _ = read(
        written(tmp_path, "a.jsonl", b'{"amount": 12.300000000000000001, "line_id": "l"}\n'),
        "invoice_lines",
    )
    assert rows[0]["amount"] == "12.300000000000000001"


@pytest.mark.parametrize(
    "text", [b"customer_id,name", b"customer_id,name\n", b"customer_id,name\r\n"]
)
def test_a_header_alone_is_no_row(tmp_path: Path, text: bytes) -> None:
    assert read(written(tmp_path, "a.csv", text)) == ([], [])


def test_extra_columns_may_have_any_name(tmp_path: Path) -> None:
    rows, _ = read(
        written(tmp_path, "a.csv", b"customer_id,name,_line,_extra,,,note,note\n1,x,2,3,4,5,6,7\n")
    )
    assert (rows[0]["customer_id"], rows[0]["name"], rows[0][LINE]) == ("1", "x", 2)
    assert sorted(json.loads(rows[0]["_extra"]).values()) == ["2", "3", "4", "5", "6", "7"]


def test_half_a_character_costs_its_line(tmp_path: Path) -> None:
    rows, refused = read(
        written(
            tmp_path,
            "a.jsonl",
            (
                b'{"customer_id": "1", "name": "x\\ud83d"}\n{"customer_id": "2", "name": '
                b'"\\ud83d\\ude00"}\n'
            ),
        )
    )
    assert [r["name"] for r in rows] == ["\U0001f600"]
    assert [line for line, _ in refused] == [1]


def test_parquet_columns_of_odd_types_are_kept_aside(tmp_path: Path) -> None:
    odd = {
        "list": pa.array([[1, 2], None]),
        "binary": pa.array([b"\xff", None]),
        "duration": pa.array([1, None], pa.duration("s")),
        "big": pa.array([1, None], pa.decimal256(50, 2)),
        "map": pa.array([[("a", 1)], None], pa.map_(pa.string(), pa.int64())),
    }
    table = pa.table(
        {
            "customer_id": pa.array(["1", "2"], pa.large_string()),
            "name": pa.array(["a", "b"]).dictionary_encode(),
            **odd,
        }
    )
    pq.write_table(table, tmp_path / "a.parquet")
    rows, _ = read(tmp_path / "a.parquet")
    assert [(r["customer_id"], r["name"]) for r in rows] == [("1", "a"), ("2", "b")]
    assert json.loads(rows[0]["_extra"])["list"] == "[1, 2]"
    pq.write_table(
        pa.table({"customer_id": pa.array([["1"]]), "name": ["a"]}), tmp_path / "b.parquet"
    )
    with pytest.raises(UnreadableFile, match="its column customer_id holds list"):
        read(tmp_path / "b.parquet")


def test_parquet_rows_are_numbered(tmp_path: Path) -> None:
    frame = pl.DataFrame({"customer_id": ["1", "2"], "name": ["a", None], "n": [1, 2]})
    frame.with_columns(pl.col("customer_id").cast(pl.Categorical)).write_parquet(
        tmp_path / "a.parquet"
    )
    rows, _ = read(tmp_path / "a.parquet")
    assert [(r[LINE], r["customer_id"], r["_extra"]) for r in rows] == [
        (1, "1", '{"n":"1"}'),
        (2, "2", '{"n":"2"}'),
    ]
