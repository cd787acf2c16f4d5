"""Files that can't or may not be read: what becomes of each, in which words, and that none of them
takes memory or time (interfaces, Bad input)."""

import gzip
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from makegood.ingestion.feeds.specs import feeds
from makegood.ingestion.landing import discovery, land
from makegood.ingestion.landing.land import Landed, Reading, feed_settings
from makegood.ingestion.readers import UnreadableFile, csv, readers
from makegood.ingestion.strict_yaml import Document, InvalidDocument

HEADER = b"customer_id,name\n"
GOOD = HEADER + b"1,a\n2,b\n"


def read(folder: Path, before: Landed | None = None) -> Reading:
    """What landing makes of a folder."""
    return land.read(
        folder,
        folder.parent / "store",
        folder.parent / "work",
        "r",
        before or Landed(),
        feed_settings(folder),
    )


def delivered(tmp_path: Path, name: str = "a.csv", content: bytes = GOOD) -> Path:
    """A landing folder with one file of customers."""
    path = tmp_path / "landing" / "customers" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return tmp_path / "landing"


def outcome(folder: Path) -> tuple[list[tuple[str, str]], int, list[tuple[int, str]]]:
    """Files rejected whole, rows landed, and rejected rows with line and reason."""
    reading = read(folder)
    customers = reading.feeds["customers"]
    rows = (
        reading.rejected.filter(reading.rejected["rule"] != "file").select("line", "reason").rows()
    )
    if customers.files_refused:
        assert any(
            "is rejected whole" in reason for reason in reading.blocked_by(feed_settings(folder))
        ), "it blocks the run"
        assert reading.rejected.filter(reading.rejected["rule"] == "file")["path"].to_list() == [
            path for path, _ in customers.files_refused
        ]
    return (
        customers.files_refused,
        int(reading.landed.deliveries["rows_landed"].sum()),
        sorted(rows),
    )


def zst(content: bytes) -> bytes:
    return pa.Codec("zstd").compress(content, asbytes=True)


def gz(content: bytes) -> bytes:
    """Without the time of day: what is packed here names tests, which must be the same in every
    process."""
    return gzip.compress(content, mtime=0)


def parquet(table: pa.Table, **options: object) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, **options)
    return sink.getvalue().to_pybytes()


CUSTOMERS = pa.table({"customer_id": ["1", "2"], "name": ["a", "b"]})
LINES = b'{"customer_id": "1", "name": "a"}\n{"customer_id": "2", "name": "b"}\n'


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        # what is empty or breaks off
        ("a.csv", b"", "has no header: the first line names the columns, as in customer_id,name"),
        (
            "a.csv",
            b"\xef\xbb\xbf",
            "has no header: the first line names the columns, as in customer_id,name",
        ),
        (
            "a.csv",
            b"\n" + GOOD,
            "has no header: the first line names the columns, as in customer_id,name",
        ),
        ("a.csv.gz", b"", "it is empty, which a gzip file never is"),
        ("a.jsonl.zst", b"", "it is empty, which a zstd file never is"),
        (
            "a.csv.gz",
            gz(b""),
            "has no header: the first line names the columns, as in customer_id,name",
        ),
        ("a.csv.gz", gz(GOOD)[:-1], "can't be read as CSV"),
        ("a.csv.gz", gz(GOOD)[:-9], "can't be read as CSV"),
        ("a.csv.gz", gz(GOOD)[:5], "can't be read as CSV"),
        ("a.csv.zst", zst(GOOD)[:-1], "can't be read as CSV"),
        ("a.jsonl.gz", gz(LINES)[:-1], "can't be read"),
        ("a.jsonl.zst", zst(LINES)[:-3], "can't be read"),
        ("a.parquet", b"", "can't be read as Parquet"),
        ("a.parquet", b"PAR1PAR1", "can't be read as Parquet"),
        ("a.parquet", parquet(CUSTOMERS)[:-1], "can't be read as Parquet"),
        ("a.parquet", parquet(CUSTOMERS)[4:], "can't be read as Parquet"),
        ("a.parquet", parquet(CUSTOMERS)[:4] + parquet(CUSTOMERS)[40:], "can't be read as Parquet"),
        (
            "a.parquet",
            parquet(
                pa.table({"customer_id": ["1"], "name": ["a"], "more": [[None]]}), data_page_size=1
            ),
            "of 1 rows 0 come out",
        ),
        # what is not what its name says
        ("a.csv.gz", GOOD, "can't be read as CSV"),
        ("a.csv.zst", gz(GOOD), "can't be read as CSV"),
        ("a.csv", gz(GOOD), "its header"),
        ("a.csv", parquet(CUSTOMERS), "its header"),
        ("a.csv", LINES, "lacks the required column customer_id, name"),
        ("a.parquet", GOOD, "can't be read as Parquet"),
        ("a.csv.gz", gz(GOOD) + b"rubbish", "can't be read as CSV"),
        # headers
        ("a.csv", b"1,a\n2,b\n", "lacks the required column customer_id, name; it has 1, a"),
        (
            "a.csv",
            b"Customer_Id,NAME\n1,a\n",
            (
                "lacks the required column customer_id, name; 'Customer_Id' looks like "
                "customer_id: "
                "name it so; 'NAME' looks like name: name it so; it has"
            ),
        ),
        (
            "a.csv",
            b"account,name\n1,a\n",
            (
                "lacks the required column customer_id; 'account' looks like customer_id: name it "
                "so; "
                "it has account, name"
            ),
        ),
        ("a.csv", b"customer_ids,name\n1,a\n", "'customer_ids' looks like customer_id: name it so"),
        (
            "a.csv",
            b"customer_kind,name\n1,a\n",
            "lacks the required column customer_id; it has customer_kind, name",
        ),
        (
            "a.csv",
            b"customer_id;name\n1;a\n",
            (
                "lacks the required column customer_id, name; its fields seem to be separated by "
                "';': "
                "separate them by commas; it has customer_id;name"
            ),
        ),
        (
            "a.csv",
            b"customer_id\tname\n1\ta\n",
            "its fields seem to be separated by '\\t': separate them by commas",
        ),
        (
            "a.csv",
            b"customer_id,name,name\n1,a,b\n",
            "has the column name more than once in its header",
        ),
        (
            "a.csv",
            b"customer_id,name,deleted,deleted\n1,a,,true\n",
            "has the column deleted more than once in its header",
        ),
        (
            "a.parquet",
            parquet(pa.table([["1"], ["a"], ["b"]], names=["customer_id", "name", "name"])),
            "has the column name more than once",
        ),
        ("a.parquet", parquet(pa.table({"customer_id": ["1"]})), "lacks the required column name"),
        (
            "a.csv",
            b",".join(b"c%d" % n for n in range(100_000)) + b"\n",
            "has 100000 columns; 2000 are the most that are read",
        ),
        ("a.csv", b"customer_id,name" + b"," * 1_000_000 + b"\n", "has 1000002 columns"),
        (
            "a.csv",
            b"customer_id,name," + b"x" * (1 << 20) + b"\n1,a,b\n",
            "has a header of over 1 MiB",
        ),
        # encodings
        ("a.csv", GOOD.decode().encode("utf-16"), "its header is not UTF-8"),
        ("a.csv", GOOD.decode().encode("utf-16-le"), "its header holds NUL bytes"),
        ("a.csv", GOOD.decode().encode("utf-32"), "its header is not UTF-8"),
        ("a.csv", "customer_id,name,größe\n1,a,2\n".encode("latin-1"), "its header is not UTF-8"),
        ("a.csv", GOOD.decode().encode("cp500"), "its header is not UTF-8"),
        (
            "a.parquet",
            parquet(
                pa.table({"customer_id": ["1"], "name": pa.array([b"\xff"]).view(pa.string())})
            ),
            "Invalid UTF8",
        ),
        # quotes
        (
            "a.csv",
            HEADER + b'1,"a\n2,b\n',
            "has a quote that is not closed as it must be, in the row of this line",
        ),
        ("a.csv", HEADER + b'1,"a"b\n2,b\n', "has a quote that is not closed"),
        ("a.csv", b'customer_id,"name\n1,a\n', "has a quote that is not closed"),
        # rows without end
        ("a.csv", HEADER + b"1," + b"x" * (5 << 20) + b"\n", "has a row of over 4 MiB"),
        ("a.csv", HEADER + b'1,"' + b"x\n" * (3 << 20) + b'"\n', "has a row of over 4 MiB"),
        ("a.csv", HEADER + b'1,"' + b"x" * (5 << 20), "has a row of over 4 MiB"),
        ("a.csv", HEADER + b'"\n",' * (2 << 20), "has a row of over 4 MiB"),
        (
            "a.jsonl",
            LINES + b'{"customer_id": "' + b"x" * (5 << 20) + b'", "name": "a"}\n' + LINES,
            "has a line of over 4 MiB",
        ),
        (
            "a.parquet",
            parquet(pa.table({"customer_id": ["1"], "name": ["x" * (5 << 20)], "e": [["x"]]})),
            None,
        ),
        (
            "a.parquet",
            parquet(
                pa.table({"customer_id": ["1"], "name": ["x"], "e": [[["x" * (5 << 20)] * 5]]})
            ),
            "has a row of over 4 MiB",
        ),
        # types that hold no value of the feed
        (
            "a.parquet",
            parquet(pa.table({"customer_id": [["1"]], "name": ["a"]})),
            "its column customer_id holds list",
        ),
        (
            "a.parquet",
            parquet(pa.table({"customer_id": [b"1"], "name": ["a"]})),
            "its column customer_id holds binary",
        ),
    ],
)
def test_files_that_are_rejected_whole(
    tmp_path: Path, name: str, content: bytes, why: str | None
) -> None:
    refused, _, _ = outcome(delivered(tmp_path, name, content))
    assert [path for path, _ in refused] == ([f"customers/{name}"] if why else [])
    assert not why or why in refused[0][1]


@pytest.mark.parametrize(
    ("name", "content", "landed", "rejected"),
    [
        # line ends and byte order mark
        ("a.csv", GOOD.replace(b"\n", b"\r\n"), 2, []),
        ("a.csv", GOOD.replace(b"\n", b"\r"), 2, []),
        (
            "a.csv",
            HEADER + b"1,a\r\n2,b\r3,\n4,d\n",
            3,
            [(4, "name is missing: every row needs a text")],
        ),
        (
            "a.csv",
            b"customer_id,name\r1,a\r\r,\r2,b\rodd\r",
            2,
            [
                (
                    4,
                    (
                        "customer_id is missing: every row needs a text; name is missing: every "
                        "row needs a "
                        "text"
                    ),
                ),
                (6, "the row has 1 field, the header has 2: write all of them, empty ones too"),
            ],
        ),
        (
            "a.csv",
            HEADER + b'1,"a\rb"\r\n2,"a\r\nb"\n3,"a\n\nb"\n4,\n',
            3,
            [(9, "name is missing: every row needs a text")],
        ),
        (
            "a.csv",
            HEADER + b"\n\n\n1,a\n\n\n2\n",
            1,
            [(8, "the row has 1 field, the header has 2: write all of them, empty ones too")],
        ),
        ("a.csv", b"\xef\xbb\xbf" + GOOD, 2, []),
        (
            "a.csv",
            b'\xef\xbb\xbf"customer_id","na\nme",name\n1,x,a\n2,x,\n',
            1,
            [(4, "name is missing: every row needs a text")],
        ),
        ("a.csv", GOOD[:-1], 2, []),
        ("a.jsonl", b"\xef\xbb\xbf" + LINES.replace(b"\n", b"\r\n"), 2, []),
        ("a.jsonl", b"", 0, []),
        ("a.jsonl.gz", gz(b""), 0, []),
        ("a.csv.gz", gz(GOOD[:22]) + gz(GOOD[22:]), 2, []),
        ("a.csv.zst", zst(GOOD[:22]) + zst(GOOD[22:]), 2, []),
        # values
        ("a.csv", HEADER + b"1\x00,a\n1,b\x00c\n", 2, []),
        (
            "a.csv",
            HEADER + "1,größe\n".encode("latin-1") + b"2,b\n",
            1,
            [(2, "the row is not UTF-8: export the file as UTF-8")],
        ),
        (
            "a.csv",
            HEADER + b"1,\xed\xa0\x80\n2,b\n",
            1,
            [(2, "the row is not UTF-8: export the file as UTF-8")],
        ),
        (
            "a.csv",
            HEADER + b"1,a,\xff\n2,b\n3\n,\n4,d\n",
            2,
            [
                (
                    2,
                    (
                        "the row has 3 fields, the header has 2: put a field that holds commas in "
                        "double "
                        "quotes"
                    ),
                ),
                (4, "the row has 1 field, the header has 2: write all of them, empty ones too"),
                (
                    5,
                    (
                        "customer_id is missing: every row needs a text; name is missing: every "
                        "row needs a "
                        "text"
                    ),
                ),
            ],
        ),
        ("a.csv", HEADER + b"1," + b"x" * (3 << 20) + b"\n", 1, []),
        ("a.csv", HEADER + (b"1," + b"x" * ((4 << 20) - 10) + b"\n") * 3, 3, []),
        (
            "a.csv",
            HEADER + b"1,a" + b",b" * 500_000 + b"\n2,b\n",
            1,
            [
                (
                    2,
                    (
                        "the row has 500002 fields, the header has 2: put a field that holds "
                        "commas in double "
                        "quotes"
                    ),
                )
            ],
        ),
        (
            "a.jsonl",
            LINES + b'{"customer_id": "3", "customer_id": "4", "name": "a"}\n',
            2,
            [(3, "the row is not a JSON object: a key is in it twice")],
        ),
        (
            "a.jsonl",
            b"[" * 100_000 + b"\n" + LINES,
            2,
            [(1, "the row is not a JSON object: it is nested too deeply")],
        ),
        (
            "a.jsonl",
            LINES + b'{"customer_id": "3", "name": "a", "n": ' + b"9" * 100_000 + b"}\n",
            3,
            [],
        ),
        (
            "a.jsonl",
            b"\xff\xfe\n" + LINES,
            2,
            [
                (
                    1,
                    (
                        "the row is not a JSON object: 'utf-8' codec can't decode byte 0xff in "
                        "position 0: "
                        "invalid start byte"
                    ),
                )
            ],
        ),
        ("a.parquet", parquet(CUSTOMERS, data_page_version="2.0", compression="zstd"), 2, []),
        ("a.parquet", parquet(CUSTOMERS.slice(0, 0)), 0, []),
        # suffixes in capitals
        ("a.CSV", GOOD, 2, []),
        ("a.CSV.GZ", gz(GOOD), 2, []),
        ("a.Csv.Zst", zst(GOOD), 2, []),
        ("a.JSONL", LINES, 2, []),
        ("a.JSONL.GZ", gz(LINES), 2, []),
        ("a.Parquet", parquet(CUSTOMERS), 2, []),
        (
            "a.parquet",
            parquet(
                pa.table(
                    {"customer_id": pa.array([], pa.string()), "name": pa.array([], pa.string())}
                )
            ),
            0,
            [],
        ),
        (
            "a.parquet",
            parquet(CUSTOMERS, row_group_size=1, use_dictionary=False, compression="none"),
            2,
            [],
        ),
    ],
)
def test_files_of_which_rows_are_read(
    tmp_path: Path, name: str, content: bytes, landed: int, rejected: list[tuple[int, str]]
) -> None:
    assert outcome(delivered(tmp_path, name, content)) == ([], landed, rejected)


def quoted_line(n: int) -> bytes:
    if n % 7:
        return b'%d,"a%s"' % (n, b"\r\n" * (n % 5))
    return b"" if n % 2 else b"," if n % 3 else b"odd"


def plain_line(n: int) -> bytes:
    return b"odd" if n % 5 == 0 else b"%d," % n if n % 7 == 0 else b"%d,%s" % (n, b"a" * (n % 40))


@pytest.mark.parametrize("line", [quoted_line, plain_line])
@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"])
def test_blocks_do_not_change_what_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: Callable[[int], bytes], end: bytes
) -> None:
    """Rows, line ends and quotes that lie across the blocks in which a file is read."""
    content = HEADER.replace(b"\n", end) + end.join(map(line, range(500)))
    whole = outcome(delivered(tmp_path, content=content))
    monkeypatch.setattr(csv, "LONGEST_ROW", 64)
    assert outcome(delivered(tmp_path, content=content)) == whole
    refused, landed, rejected = whole
    assert refused == []
    assert landed + len(rejected) == sum(map(bool, map(line, range(500))))
    if line is plain_line:
        assert [n - 2 for n, _ in rejected] == [n for n in range(500) if n % 5 == 0 or n % 7 == 0]


def test_a_file_in_which_each_line_is_a_row_is_left_to_arrow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What Python reads takes several times longer."""
    monkeypatch.setattr(csv, "_by_record", None)
    assert outcome(delivered(tmp_path, content=GOOD + b"3,\xc3\xa9\n")) == ([], 3, [])


def test_a_rejected_row_is_kept_as_it_is_written(tmp_path: Path) -> None:
    content = HEADER + b'"1","a""b",\r\n"2","\xff\n"\n3,c\n'
    reading = read(delivered(tmp_path, content=content))
    assert reading.rejected["raw"].to_list() == ['"1","a""b",', '"2","\\xff\n"']
    assert reading.rejected["line"].to_list() == [2, 3]


# ---------------------------------------------------------------- things that are no files


def socket_at(path: Path) -> None:
    os.chdir(path.parent)  # the name of a socket is short
    with socket.socket(socket.AF_UNIX) as found:
        found.bind(path.name)


def link_to(target: str) -> Callable[[Path], None]:
    return lambda path: path.symlink_to(target)


@pytest.mark.parametrize(
    ("name", "make", "why"),
    [
        ("a.csv", os.mkfifo, "is neither file nor folder, and never opened"),
        ("pipe", os.mkfifo, "is neither file nor folder, and never opened"),
        ("a.jsonl", socket_at, "is neither file nor folder, and never opened"),
        ("a.csv", link_to("/dev/zero"), "is a link that leads out of the landing folder"),
        ("a.csv", link_to("/etc/hostname"), "is a link that leads out of the landing folder"),
        ("a.csv", link_to("../../outside.csv"), "is a link that leads out of the landing folder"),
        ("folder", link_to("/"), "is a link that leads out of the landing folder"),
        ("folder", link_to("../.."), "is a link that leads out of the landing folder"),
        ("a.csv", link_to("nowhere.csv"), "can't be followed: No such file or directory"),
        ("a.csv", link_to("a.csv"), "can't be followed: a link that leads back to itself"),
        ("a.parquet", Path.mkdir, "is a folder in which no file can be read"),
        (
            "a.csv",
            lambda path: (path / "deeper").mkdir(parents=True),
            "is a folder in which no file can be read",
        ),
        (b"caf\xe9.csv", lambda path: path.write_bytes(GOOD), "has a name that is not UTF-8"),
        (b"caf\xe9", Path.mkdir, "has a name that is not UTF-8"),
    ],
)
def test_things_that_are_rejected_whole_and_never_opened(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str | bytes,
    make: Callable[[Path], object],
    why: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = delivered(tmp_path, "good.csv")
    (tmp_path / "outside.csv").write_bytes(GOOD)
    make(folder / "customers" / os.fsdecode(name))
    shown = name if isinstance(name, str) else "caf\\xe9" + os.fsdecode(name[4:])
    refused, landed, _ = outcome(folder)
    assert refused == [(f"customers/{shown}", why)]
    assert landed == 2


def test_a_folder_of_a_feed_may_not_lead_out(tmp_path: Path) -> None:
    delivered(tmp_path / "other")
    folder = delivered(tmp_path, "a.csv").rename(tmp_path / "x").parent / "landing"
    folder.mkdir()
    (folder / "customers").symlink_to(tmp_path / "other" / "landing" / "customers")
    (folder / "weather").symlink_to("/")
    reading = read(folder)
    assert reading.feeds["customers"].files_refused == [
        ("customers", "is a link that leads out of the landing folder")
    ]
    assert "weather is not read: its folder is not that of a feed" in reading.warnings


def test_links_inside_the_landing_folder_are_followed_and_circles_are_not(tmp_path: Path) -> None:
    folder = (
        delivered(tmp_path, "real/a.csv.gz", gz(GOOD))
        if (tmp_path / "landing/customers/real").mkdir(parents=True) is None
        else tmp_path
    )
    customers = folder / "customers"
    (folder / "staging" / "deep").mkdir(parents=True)
    (folder / "staging" / "deep" / "b.csv").write_bytes(HEADER + b"3,c\n")
    (customers / "circle").symlink_to("..")
    (customers / "real" / "up").symlink_to(".")
    (customers / "staged").symlink_to(folder / "staging")
    (customers / "again").symlink_to("real")
    (customers / "c.csv").symlink_to("../staging/deep/b.csv")
    (folder / "staging" / "back").symlink_to("../customers")
    reading = read(folder)
    assert reading.feeds["customers"].files_refused == []
    assert reading.landed.deliveries["path"].to_list() == [
        "customers/c.csv",
        "customers/real/a.csv.gz",
    ], "the first path of equal content counts"
    assert int(reading.landed.deliveries["rows_landed"].sum()) == 3


def test_a_folder_named_as_a_file_is_read_as_any_folder(tmp_path: Path) -> None:
    (tmp_path / "landing/customers/2026.parquet").mkdir(parents=True)
    folder = delivered(tmp_path, "2026.parquet/part-0.snappy.parquet", parquet(CUSTOMERS))
    (folder / "customers/2026.parquet/_SUCCESS").touch()
    (folder / "customers/2026.parquet/.part-0.crc").touch()
    assert outcome(folder) == ([], 2, [])


def test_a_folder_that_may_not_be_entered_is_rejected_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = delivered(tmp_path)
    (folder / "customers" / "locked").mkdir()
    whole = Path.iterdir

    def iterdir(path: Path) -> object:
        if path.name == "locked":
            raise PermissionError(13, "Permission denied")
        return whole(path)

    monkeypatch.setattr(Path, "iterdir", iterdir)
    assert outcome(folder)[0] == [("customers/locked", "can't be read: Permission denied")]


def test_what_lies_beside_the_feeds_is_said(tmp_path: Path) -> None:
    folder = delivered(tmp_path)
    (folder / "customers.csv").write_bytes(GOOD)
    (folder / "subscriptions").write_bytes(GOOD)
    (folder / ".hidden").mkdir()
    (folder / ".hidden" / "a.csv").write_bytes(GOOD)
    assert [w for w in read(folder).warnings if "is not read" in w] == [
        "customers.csv is not read: its folder is not that of a feed",
        "subscriptions is not read: its folder is not that of a feed",
    ]


# ---------------------------------------------------------------- files that change


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can say who has a file open")
def test_a_file_that_is_still_written_comes_in_with_the_next_run(tmp_path: Path) -> None:
    folder = delivered(tmp_path)
    (folder / "customers" / "z.csv").write_bytes(HEADER)
    with (folder / "customers" / "z.csv").open("ab") as stream:
        stream.write(b"3,c\n")
        stream.flush()
        first = read(folder)
        stream.write(b"4,d\n")
    assert (first.feeds["customers"].files_read, first.feeds["customers"].files_refused) == (1, [])
    assert (
        "customers/z.csv is not read: it is still being written or moved; it comes in with "
        "the next run"
    ) in first.warnings
    second = read(folder, first.landed)
    assert (second.feeds["customers"].files_read, second.feeds["customers"].rows_read) == (1, 2)


def test_a_file_that_changes_while_it_is_hashed_comes_in_with_the_next_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = delivered(tmp_path)

    def written(descriptor: int) -> bool:
        with (folder / "customers" / "a.csv").open("ab") as stream:
            stream.write(b"3,c\n")
        return False

    monkeypatch.setattr(discovery, "_is_being_written", written)
    assert read(folder).feeds["customers"].files_read == 0


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_file_that_changes_while_it_is_read_is_rejected_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    folder = delivered(tmp_path)
    path, as_found = folder / "customers" / "a.csv", discovery.NewFile.is_as_found
    calls = []

    def changed(file: discovery.NewFile) -> bool:
        calls.append(file)
        if len(calls) == (1 if when == "before" else 2):
            path.write_bytes(GOOD + b"3,c\n")
        return as_found(file)

    monkeypatch.setattr(discovery.NewFile, "is_as_found", changed)
    assert outcome(folder)[0] == [("customers/a.csv", "changed while it was read")]


def test_where_files_have_no_leases_they_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*arguments: object) -> int:
        raise OSError(22, "Invalid argument")

    monkeypatch.setattr(discovery.fcntl, "fcntl", fails)
    assert outcome(delivered(tmp_path)) == ([], 2, [])
    monkeypatch.delattr(discovery.fcntl, "F_SETLEASE")
    assert outcome(delivered(tmp_path)) == ([], 2, [])


# ---------------------------------------------------------------- bombs

BOUNDED = """
import json, sys
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from makegood.ingestion.feeds.specs import feeds
from makegood.ingestion.feeds.typing import typed
from makegood.ingestion.readers import UnreadableFile, csv, finish, readers, streams, suffix
for path in map(Path, sys.argv[1:]):
    if path.name.startswith("sooner"):
        # the same, by smaller limits
        streams.UNPACKED_BYTES = 128 << 20
        csv.REJECTED_BYTES = 32 << 20
    said, rows = None, 0
    try:
        for batch in readers()[suffix(path.name)](path, feeds()["customers"]):
            rows += typed(batch, feeds()["customers"]).rows.height
    except UnreadableFile as error:
        said = str(error)
    # not ru_maxrss, in which the process that started this one counts
    most = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
    print(json.dumps([path.name, said, rows, int(most.split()[1]) >> 10]))
finish()
print(getrusage(RUSAGE_CHILDREN).ru_maxrss >> 10)
"""


def packed(folder: Path, name: str, pieces: list[tuple[bytes, int]]) -> Path:
    """A compressed file with each piece as often as it says."""
    path = folder / name
    with pa.CompressedOutputStream(str(path), "gzip" if name.endswith(".gz") else "zstd") as out:
        for piece, times in pieces:
            for _ in range(times):
                out.write(piece)
    return path


def bomb(folder: Path, kind: str) -> Path:
    mib = 1 << 20
    path = folder / kind
    match kind:
        case "rows.csv.zst":
            return packed(folder, kind, [(HEADER, 1), (b"1,a\n" * (mib // 4), 1100)])
        case "sooner_rows.csv.gz":
            return packed(folder, kind, [(HEADER, 1), (b"1,a\n" * (mib // 4), 140)])
        case "sooner_quoted.csv.zst":
            return packed(folder, kind, [(HEADER, 1), (b'1,"' + b"a" * (mib - 5) + b'"\n', 140)])
        case "sooner_one_row.csv.zst":
            return packed(folder, kind, [(HEADER, 1), (b"a" * mib, 100)])
        case "sooner_one_field.csv.zst":
            return packed(folder, kind, [(HEADER + b'1,"', 1), (b"\n" * mib, 100)])
        case "sooner_header.csv.zst":
            return packed(folder, kind, [(b"a" * mib, 100)])
        case "sooner_ragged.csv.zst":
            return packed(folder, kind, [(HEADER, 1), (b"1,a,b" * (mib // 5) + b"\n", 100)])
        case "sooner_one_line.jsonl.zst":
            return packed(folder, kind, [(b"[" * mib, 100)])
        case "sooner_numbers.jsonl.zst":
            return packed(folder, kind, [(b"[" + b"1," * (2 * mib - 100) + b"1]\n", 2)])
        case "sooner_refused.jsonl.zst":
            return packed(folder, kind, [(b"x" * (3 * mib) + b"\n", 30)])
        case "page.parquet":
            pq.write_table(
                pa.table({"customer_id": ["x" * (70 * mib)], "name": ["a"]}),
                path,
                compression="zstd",
                use_dictionary=False,
                write_statistics=False,
            )
        case "dictionary.parquet":
            once = pa.DictionaryArray.from_arrays(
                pa.array([0] * 65_536, pa.int32()), ["x" * (3 * mib)]
            )
            pq.write_table(
                pa.table({"customer_id": once, "name": ["a"] * 65_536}), path, compression="zstd"
            )
        case "list.parquet":
            values = pa.ListArray.from_arrays(
                pa.array([0, 20 * mib]),
                pa.Array.from_buffers(pa.uint8(), 20 * mib, [None, pa.py_buffer(bytes(20 * mib))]),
            )
            pq.write_table(
                pa.table({"customer_id": ["1"], "name": ["a"], "more": values}),
                path,
                compression="zstd",
            )
        case "sooner_texts.parquet":
            texts = pa.array(["x" * 4000] * 65_536)
            with pq.ParquetWriter(
                path,
                pa.schema({"customer_id": pa.string(), "name": pa.string()}),
                compression="zstd",
                use_dictionary=False,
            ) as writer:
                for _ in range(2):
                    writer.write_table(pa.table({"customer_id": texts, "name": texts}))
    return path


BOMBS: list[tuple[str, str | None, int | None]] = [
    ("page.parquet", "has a row of over 64 MiB", 0),
    ("dictionary.parquet", "needs over 1024 MiB of memory to be read", 0),
    ("list.parquet", "has a row of over 4 MiB", 0),
    ("rows.csv.zst", "unpacks to over 1024 MiB and 250 times its size", 0),
    ("sooner_rows.csv.gz", "unpacks to over 128 MiB and 250 times its size", 0),
    ("rows.csv.zst", "unpacks to over 128 MiB and 250 times its size", 0),
    ("sooner_quoted.csv.zst", "unpacks to over 128 MiB and 250 times its size", None),
    ("sooner_one_row.csv.zst", "has a row of over 4 MiB", 0),
    ("sooner_one_field.csv.zst", "has a row of over 4 MiB", 0),
    ("sooner_header.csv.zst", "has a row of over 4 MiB", 0),
    (
        "sooner_ragged.csv.zst",
        "has rows of another width than its header, over 32 MiB of them",
        None,
    ),
    ("sooner_one_line.jsonl.zst", "has a line of over 4 MiB", 0),
    ("sooner_numbers.jsonl.zst", None, 0),
    ("sooner_refused.jsonl.zst", None, 0),
    ("sooner_texts.parquet", "unpacks to over 128 MiB and 250 times its size", None),
]


@pytest.mark.long
def test_bombs_take_neither_memory_nor_time(tmp_path: Path) -> None:
    paths = [bomb(tmp_path, kind) for kind, _, _ in BOMBS]
    done = subprocess.run(
        [sys.executable, "-c", BOUNDED, *map(str, paths)],
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    *lines, of_child = done.stdout.splitlines()
    assert 0 < int(of_child) < 1200, "the process that reads Parquet is held to 1024 MiB"
    for line, (kind, said, rows) in zip(lines, BOMBS, strict=True):
        name, found, rows_read, mib = json.loads(line)
        assert name == kind
        assert found == said if said is None else said in found, kind
        assert rows is None or rows_read == rows, kind
        assert mib < 1024, kind


def test_rejected_rows_are_kept_up_to_a_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(land, "REJECTED_BYTES", 1 << 20)
    folder = delivered(tmp_path, "a.jsonl", (b"x" * 1000 + b"\n") * 2000)
    refused, _, rows = outcome(folder)
    assert refused == [("customers/a.jsonl", "brings the rejected rows of customers to over 1 MiB")]
    assert len(rows) == 2000, "what was read is listed"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"tickets: " + b"[" * 5000, "not YAML|nested"),
        (b"tickets: " + b"{a: " * 60 + b"1" + b"}" * 60, "is nested over 40 deep"),
        (b"tickets: {max_rejected_pct: " + b"9" * 5000 + b"}", "max_rejected_pct"),
        (b"x" * (5 << 20), "is over 4 MiB long"),
        (b"\xff\xfet", "not YAML"),
        (b"tickets: {max_rejected_pct: 1\x00}", "not YAML"),
        (b"a: &a [1]\nb: *a\n", "anchors and aliases are not allowed"),
    ],
)
def test_documents_without_measure_are_refused(tmp_path: Path, content: bytes, why: str) -> None:
    folder = delivered(tmp_path)
    (folder / "feeds.yaml").write_bytes(content)
    with pytest.raises(InvalidDocument, match=why):
        feed_settings(folder)


def test_a_document_is_a_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    for path in (tmp_path / "pipe.yaml", tmp_path, tmp_path / "missing.yaml", Path("/dev/zero")):
        with pytest.raises(InvalidDocument, match="is not a file"):
            Document(path)


def test_readers_raise_only_what_rejects_a_file(tmp_path: Path) -> None:
    """Whatever the suffix, whatever the bytes."""
    for suffix, reader in readers().items():
        for content in (
            b"",
            b"\x00",
            b"\xff" * 100,
            b"PAR1" * 10,
            gz(b"\x00"),
            zst(b"\x00"),
            GOOD,
            LINES,
            parquet(CUSTOMERS),
        ):
            path = tmp_path / f"a{suffix}"
            path.write_bytes(content)
            for feed in feeds().values():
                with suppress(UnreadableFile):
                    list(reader(path, feed))
