"""Files that people export by hand: what is read, what is left by line, what is refused whole."""

import gzip
import os
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from makegood.ingestion.connect import exports
from makegood.ingestion.connect.dialect import Dialect
from makegood.ingestion.connect.exports import ExportsRead, read
from makegood.ingestion.connect.names import Strict
from makegood.ingestion.connect.system import Export, System, Unreadable, Value


class _Names(Strict):
    pass


def _system(*known: Export) -> System[_Names]:
    return System(
        "desk",
        "Desk",
        ("tickets",),
        _Names,
        {"tickets": ("id",)},
        lambda *_: None,
        "",
        exports=known,
    )


TICKETS = Export(
    "tickets",
    "tickets (CSV)",
    ("ID", "Opened"),
    lambda row: {
        "id": row["ID"],
        "at": row["Opened"],
        "fee": row.get("Fee"),
        "note": row.get("Note"),
    },
    times=("Opened",),
    amounts=("Fee",),
)
EVENTS = Export("events", "events (JSON)", ("ticket", "event.at"), times=("event.at",))
NESTED = Export(
    "invoices", "invoices (JSON)", ("number",), amounts=("total",), path="data.invoices"
)
DESK = _system(TICKETS, EVENTS, NESTED)


def _read(
    tmp_path: Path,
    content: bytes | str,
    name: str = "tickets.csv",
    system: System[Any] = DESK,
    **dialect: object,
) -> ExportsRead:
    (tmp_path / name).write_bytes(content.encode() if isinstance(content, str) else content)
    return read(system, Dialect.model_validate(dialect), [name], tmp_path)


def _data(result: ExportsRead, resource: str = "tickets") -> list[Mapping[str, Value]]:
    return [record.data for record in result.records[resource]]


def test_rows_become_records_with_the_line_that_they_begin_in(tmp_path: Path) -> None:
    text = (
        'ID,Opened,Note\n1,2026-06-01T08:30:00Z,"two\r\nlines, ""quoted"""\n\n2,2026-06-02 09:00,\n'
    )

    result = _read(tmp_path, text)

    assert result.left == []
    assert [(record.where, record.data["id"]) for record in result.records["tickets"]] == [
        ("tickets.csv:2", "1"),
        ("tickets.csv:5", "2"),
    ]
    assert [row["note"] for row in _data(result)] == ['two\r\nlines, "quoted"', None]
    assert result.files == [("tickets.csv", "tickets", 2)]


def test_an_export_in_the_form_of_another_country(tmp_path: Path) -> None:
    text = (
        "Rapport van juni\r\n\r\nID;Geöffnet;Fee;Note\r\n"
        "1;01/06/2026 08:30;1.234,50;Zoë\r\n2;31/12/2026 08:30;-7;N/A\r\n3;;12,5-;?\r\n"
    )

    result = _read(
        tmp_path,
        text.encode("cp1252"),
        separator=";",
        encoding="cp1252",
        time_form="%d/%m/%Y %H:%M",
        time_zone="Europe/Amsterdam",
        decimal=",",
        thousands=".",
        empty=["N/A", "?"],
        skip_lines=2,
        columns={"Geöffnet": "Opened"},
    )

    assert result.left == []
    assert _data(result) == [
        {"id": "1", "at": "2026-06-01T08:30:00+02:00", "fee": "1234.50", "note": "Zoë"},
        {"id": "2", "at": "2026-12-31T08:30:00+01:00", "fee": "-7", "note": None},
        {"id": "3", "at": None, "fee": "-12.5", "note": None},
    ]
    assert result.records["tickets"][0].where == "tickets.csv:4"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-8"])
def test_marks_of_encodings_are_not_part_of_the_header(tmp_path: Path, encoding: str) -> None:
    declared = encoding.removesuffix("-sig")

    result = _read(tmp_path, "ID,Opened\nŁ,2026-06-01\n".encode(encoding), encoding=declared)

    assert _data(result)[0]["id"] == "Ł"


def test_fields_may_be_separated_by_tabs_and_have_no_header(tmp_path: Path) -> None:
    result = _read(
        tmp_path, "1\t2026-06-01\n2\t2026-06-02\n", separator="tab", header=["ID", "Opened"]
    )

    assert [(r.where, r.data["id"]) for r in result.records["tickets"]] == [
        ("tickets.csv:1", "1"),
        ("tickets.csv:2", "2"),
    ]


def test_spreadsheets_name_their_separator_in_a_line_of_its_own(tmp_path: Path) -> None:
    text = "sep=;\r\nID;Opened\r\n1;2026-06-01\r\n"

    result = _read(tmp_path, text, separator=";")

    assert result.records["tickets"][0].where == "tickets.csv:3"
    with pytest.raises(Unreadable, match=r"tickets.csv:1: .*write `separator: ';'`"):
        _read(tmp_path, text)


def test_packed_files_are_read_and_broken_ones_refused(tmp_path: Path) -> None:
    text = "ID,Opened\n" + "".join(f"{n},2026-06-01T00:00:00Z\n" for n in range(5_000))
    packed = gzip.compress(text.encode())

    whole = _read(tmp_path, packed, "tickets.csv.gz")

    assert whole.records["tickets"][-1].where == "tickets.csv.gz:5001"
    for size in (len(packed) - 1, len(packed) - 8, len(packed) - 9, len(packed) // 2, 12):
        with pytest.raises(Unreadable, match=r"^tickets\.csv\.gz: "):
            _read(tmp_path, packed[:size], "tickets.csv.gz")


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (b"2,2026-06-01,x,y", "has 4 fields, and the header 3"),
        (b"2,2026-06-01", "has 2 fields, and the header 3"),
        (b"2,2026-06-01,Zo\xeb", "the byte 0xeb, which is not utf-8"),
        (b"2,2026-06-01,\0", "NUL"),
        (b"2,01/06/2026,x", "Opened: '01/06/2026' is not a time"),
        (b"2,2026-13-01T10:00:00Z,x", "Opened: '2026-13-01T10:00:00Z' is not"),
    ],
)
def test_a_row_that_cannot_be_read_is_left_by_line(tmp_path: Path, row: bytes, why: str) -> None:
    text = b'ID,Opened,Note\n1,2026-06-01,"a\nb"\n' + row + b"\n3,2026-06-01,\n"

    result = _read(tmp_path, text, time_zone="UTC")

    assert [row["id"] for row in _data(result)] == ["1", "3"]
    (left,) = result.left
    assert (left.what, left.where) == ("tickets", "tickets.csv:4")
    assert why in left.why
    # a row that was left is counted
    assert result.files[0].rows == 3


def test_numbers_of_another_form_are_left(tmp_path: Path) -> None:
    result = _read(tmp_path, 'ID,Opened,Fee\n1,2026-06-01,"1,234.50"\n2,2026-06-01,7.5\n')

    assert [row["fee"] for row in _data(result)] == ["7.5"]
    assert "Fee: '1,234.50' is not a number of the form 1234.50" in result.left[0].why


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (b"\xef\xbb\xbf", "has no header"),
        (
            b"ID,Opened,Note\n1,2026-06-01,x\n2,2026-0",
            r"tickets.csv:3: ends in the middle of a row",
        ),
        (
            b'ID,Opened,Note\n1,2026-06-01,x\n2,2026-06-01,"half\nof',
            "tickets.csv:3: .*never closed",
        ),
        (b'ID,Opened,Note\n1,2026-06-01,"a"b\n', "tickets.csv:2: .*not closed as it must be"),
        (b"ID,Zo\xeb\n", "tickets.csv:1: its header has the byte 0xeb"),
        ("ID,Opened\n1,2026-06-01\n".encode("utf-16-le"), "NUL bytes: write `encoding: utf-16`"),
        ("ID,Opened\n".encode("utf-16"), "write `encoding: utf-16`"),
        (b"ID;Opened\n", r"write `separator: ';'`"),
        (b"ID\tOpened\n", r"write `separator: tab`"),
        (b"ID,Opend,Fee\n", "nearest is 'tickets .CSV.', .*lacks its 'Opened'; .* may be 'Opend'"),
        (b"ID,Opened,Opened\n", "has the column 'Opened' more than once"),
        (b"PK\x03\x04\x14", "is a spreadsheet"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_whole(
    tmp_path: Path, content: bytes, why: str
) -> None:
    with pytest.raises(Unreadable, match=why):
        _read(tmp_path, content)


def test_a_last_line_without_its_end_is_a_row(tmp_path: Path) -> None:
    assert len(_data(_read(tmp_path, "ID,Opened\n1,2026-06-01\n2,2026-06-02"))) == 2


def test_columns_of_one_name_are_numbered_where_nobody_needs_them(tmp_path: Path) -> None:
    all_of = _system(Export("tickets", "tickets", ("ID",)))

    result = _read(tmp_path, "ID,Label,Label,Label\n1,a,b,c\n", system=all_of)

    assert _data(result) == [{"ID": "1", "Label": "a", "Label#2": "b", "Label#3": "c"}]


def test_a_file_that_changes_while_it_is_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    csv_records = exports.csv_records

    def appended(*args: Any) -> Any:
        yield from csv_records(*args)
        with (tmp_path / "tickets.csv").open("a") as file:
            file.write("2,2026-06-02\n")

    monkeypatch.setattr(exports, "csv_records", appended)

    with pytest.raises(Unreadable, match="is being written while it is read"):
        _read(tmp_path, "ID,Opened\n1,2026-06-01\n")


def test_patterns_find_files_in_the_order_of_their_paths(tmp_path: Path) -> None:
    for name, ticket in (("b/2.csv", "2"), ("a/1.csv", "1"), ("a/deep/3.csv", "3")):
        path = tmp_path / "export[s]" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"ID,Opened\n{ticket},2026-06-01\n")

    result = read(DESK, Dialect(), ["**/*.csv", "a/1.csv"], tmp_path / "export[s]")

    assert [f.path for f in result.files] == ["a/1.csv", "a/deep/3.csv", "b/2.csv"]
    with pytest.raises(
        Unreadable, match=r"no file matches a/\*.json, below .*; a holds 1.csv, deep"
    ):
        read(DESK, Dialect(), ["**/*.csv", "a/*.json"], tmp_path / "export[s]")
    with pytest.raises(Unreadable, match=r"there is no folder c$"):
        read(DESK, Dialect(), ["c/*.csv"], tmp_path / "export[s]")


def test_a_column_that_no_file_has_cannot_be_renamed(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="`columns` names 'Gefluxt', and no file has it"):
        _read(tmp_path, "ID,Opened\n1,2026-06-01\n", columns={"Gefluxt": "Note"})


# ---------------------------------------------------------------- JSON


def test_a_list_of_objects_is_read_with_exact_numbers_and_lines(tmp_path: Path) -> None:
    text = (
        '[\n {"ID": 1, "Opened": "2026-06-01",\n  "Fee": 0.10},\n'
        ' {"ID": 2, "Opened": "2026-06-02"}]\n'
    )

    result = _read(tmp_path, text, "tickets.json")

    assert _data(result)[0] == {"id": 1, "at": "2026-06-01", "fee": Decimal("0.10"), "note": None}
    assert [record.where for record in result.records["tickets"]] == [
        "tickets.json:2",
        "tickets.json:4",
    ]


@pytest.mark.parametrize("name", ["events.jsonl", "events.ndjson", "events.json"])
def test_lines_of_objects_are_read(tmp_path: Path, name: str) -> None:
    text = (
        '{"ticket": 1, "event": {"at": "01.06.2026 10:00"}}\n\n'
        '{"ticket": 2\n{"ticket": 3}\n[4]\n{"ticket": 5, "ticket": 6}\n'
    )

    result = _read(tmp_path, text, name, time_form="%d.%m.%Y %H:%M", time_zone="UTC")

    first, second = _data(result, "events")
    assert first["event.at"] == "2026-06-01T10:00:00+00:00"
    assert second == {"ticket": 3}
    assert [left.where for left in result.left] == [f"{name}:{n}" for n in (3, 5, 6)]
    assert "has the field 'ticket' twice" in result.left[2].why


def test_rows_are_found_inside_an_object(tmp_path: Path) -> None:
    text = (
        '{"page": 1,\n "data": {"x": [1], "invoices": [\n'
        '{"number": "I-1", "total": "1,5"}]}, "more": {}}'
    )

    result = _read(tmp_path, text, "invoices.json", decimal=",")

    assert _data(result, "invoices") == [{"number": "I-1", "total": "1.5"}]
    assert result.records["invoices"][0].where == "invoices.json:3"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ('[{"ID": 1, "Opened": "2026-06-01"},\n{"ID": 2', "tickets.json:2: is not JSON"),
        ('[{"ID": 1, "Opened": "2026-06-01"},\n', "tickets.json:2: is not JSON"),
        ('[{"ID": 1, "Opened": "2026-06-01"}\n', "tickets.json:2: is not JSON"),
        ('[{"ID": 1, "Opened": "2026-06-01"}]\n[]', "holds more than one list"),
        ('{"data": {"invoices": [{"number": 1}]}, "count"', "tickets.json:1: is not JSON"),
        ('{"ID": 1, "Opened": "2026-06-01"}\n{"ID": 2,', "tickets.json:2: ends in the middle"),
        ('{"rows": [{"ID": 1}]}', "is none of the exports that are known"),
        ("[" * 100_000, "can't be read as JSON"),
        ("[1, 2]", "holds no rows by which it could be known"),
    ],
)
def test_json_that_ends_in_the_middle_is_refused_whole(
    tmp_path: Path, content: str, why: str
) -> None:
    with pytest.raises(Unreadable, match=why):
        _read(tmp_path, content, "tickets.json")


def test_a_bad_byte_of_json_leaves_its_row(tmp_path: Path) -> None:
    text = b'[{"ID": 1, "Opened": "2026-06-01"},\n{"ID": 2, "Opened": "\xeb"}]'

    result = _read(tmp_path, text, "tickets.json")

    assert [(left.where, "0xeb" in left.why) for left in result.left] == [("tickets.json:2", True)]


def test_a_list_without_rows_is_read(tmp_path: Path) -> None:
    assert _read(tmp_path, "[]", "tickets.json").files == [("tickets.json", "", 0)]


# ---------------------------------------------------------------- which export it is


def test_of_several_exports_that_fit_the_one_with_the_most_columns_counts(tmp_path: Path) -> None:
    short = Export("short", "short", ("ID",))
    long = Export("long", "long", ("ID", "Opened"))

    result = _read(tmp_path, "ID,Opened\n1,2026-06-01\n", system=_system(short, long))

    assert [*result.records] == ["long"]
    with pytest.raises(Unreadable, match="could be short or other"):
        _read(tmp_path, "ID\n1\n", system=_system(short, Export("other", "other", ("ID",))))


def test_an_export_that_names_its_files_has_its_own_dialect(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("ID;x\n1;2\n")
    (tmp_path / "b.csv").write_text("ID|x\n2|3\n")
    own = Dialect.model_validate({"separator": "|"})
    system = _system(
        Export("a", "a", ("ID",), files=("a.csv",)),
        Export("b", "b", ("ID",), files=("b.csv",), dialect=own, places={"": ("exports", 1)}),
    )

    result = read(system, Dialect.model_validate({"separator": ";"}), [], tmp_path)

    assert {name: [r.data for r in found] for name, found in result.records.items()} == {
        "a": [{"ID": "1", "x": "2"}],
        "b": [{"ID": "2", "x": "3"}],
    }
    os.remove(tmp_path / "b.csv")
    with pytest.raises(Unreadable, match=r"no file matches b\.csv") as found:
        read(system, Dialect(), [], tmp_path)
    assert found.value.at == ("exports", 1)


def test_rows_with_one_key_are_left_where_they_differ(tmp_path: Path) -> None:
    system = _system(Export("tickets", "tickets", ("id",), is_unique=True))

    result = _read(tmp_path, "id,x\n1,a\n2,b\n1,a\n1,c\n", system=system)

    assert [row["id"] for row in _data(result)] == ["1", "2", "1"]
    assert [(left.where, left.why[:30]) for left in result.left] == [
        ("tickets.csv:5", "has the same key as line 2, an")
    ]
