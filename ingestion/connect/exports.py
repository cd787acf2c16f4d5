"""Files that people export by hand: CSV and JSON to records, or a clear error.

A row that can't be read is left, by file and line. A file that ends in the middle is refused
whole, since nobody knows what is missing: it may still be written.

Does not belong here: which exports there are, and what their columns mean (`systems/`), and how
files are written (`dialect`).
"""

import codecs
import glob
import json
import os
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import pyarrow as pa

from makegood.ingestion.connect.dialect import Dialect, several
from makegood.ingestion.connect.export_text import (
    BAD,
    BAD_BYTE,
    Broken,
    Line,
    Lines,
    after_blanks,
    bad_byte,
    csv_records,
    found_list,
    is_one,
    items,
    json_lines,
)
from makegood.ingestion.connect.system import (
    Export,
    Left,
    Record,
    System,
    Unmapped,
    Unreadable,
    Value,
)
from makegood.ingestion.limits import MOST_COLUMNS
from makegood.ingestion.nearest import nearest
from makegood.ingestion.readers import UnreadableFile, streams

_PACKED = (".gz", ".zst")
_SPREADSHEETS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
_MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def bad_bytes(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)
    bad = error.object[error.start : error.end]
    return "".join(chr(BAD + byte) for byte in bad), error.end


codecs.register_error("makegood.bad", bad_bytes)


class FileRead(NamedTuple):
    """A file that was read: its path below connect.yaml, what it holds, and its rows."""

    path: str
    resource: str
    rows: int


@dataclass
class ExportsRead:
    """Records by resource, in the order of paths and lines; rows that were left; all files."""

    records: dict[str, list[Record]] = field(default_factory=dict)
    left: list[Left] = field(default_factory=list)
    files: list[FileRead] = field(default_factory=list)


def read(system: System[Any], dialect: Dialect, patterns: Sequence[str], base: Path) -> ExportsRead:
    """Reads the files that match `patterns`, and those that the exports name themselves, below
    `base`, the folder of connect.yaml. Raises Unreadable if a pattern matches no file, or if a file
    can't be used; nothing is read by halves then."""
    result = ExportsRead()
    named: dict[str, list[Export]] = {}
    paths = {name for pattern in patterns for name in _matching(pattern, base, ())}
    for export in system.exports:
        for pattern in export.files:
            for name in _matching(pattern, base, export.places.get("", ())):
                named.setdefault(name, []).append(export)
    if not paths and not named:
        raise Unreadable("no files are named: write them as patterns, as in exports/*.csv")
    # an export that names its files is only for them
    others = [export for export in system.exports if not export.files]
    if others and named and not paths:
        at = others[0].places.get("", ())
        raise Unreadable(f"{others[0].title}: no files are named that it could be in", at)
    renamed: set[str] = set()
    for name in sorted(paths | named.keys()):
        file = _File(base / name, name, system, named.get(name, others), dialect, result)
        file.read()
        renamed |= file.renamed
    if unused := [column for column in dialect.columns if column not in renamed]:
        raise Unreadable(f"`columns` names {several(map(repr, unused))}, and no file has it")
    return result


def _matching(pattern: str, base: Path, at: tuple[str | int, ...]) -> Iterator[str]:
    """The paths of the files that match, below `base`."""
    found = [base / name for name in glob.glob(pattern, root_dir=base, recursive=True)]
    if not any(path.is_file() for path in found):
        raise Unreadable(_no_file(pattern, base), at)
    yield from (_name(path, base) for path in found if path.is_file())


def _name(path: Path, base: Path) -> str:
    return Path(os.path.relpath(path, base)).as_posix()


def _no_file(pattern: str, base: Path) -> str:
    why = f"no file matches {pattern}, below {base}"
    folder = (base / pattern).parent
    if folder.is_dir():
        there = sorted(path.name for path in folder.iterdir())
        return f"{why}; {_name(folder, base)} holds {several(there)}"
    if glob.has_magic(os.path.dirname(pattern)):
        return why
    return f"{why}: there is no folder {_name(folder, base)}"


class _File:
    """A file that is read, with the exports that it may be."""

    def __init__(
        self,
        path: Path,
        name: str,
        system: System[Any],
        exports: list[Export],
        dialect: Dialect,
        result: ExportsRead,
    ) -> None:
        self.path, self.name, self.result = path, name, result
        self.exports, self.keys = exports, system.keys
        self.common = Dialect().over(dialect)
        self.renamed: set[str] = set()
        bare = name.lower()
        for suffix in _PACKED:
            bare = bare.removesuffix(suffix)
        self.is_lines = bare.endswith((".jsonl", ".ndjson"))
        self.is_json = self.is_lines or bare.endswith(".json")
        if not exports:
            named = (pattern for export in system.exports for pattern in export.files)
            raise Unreadable(f"{name}: is not of the files of any export: {several(named)}")

    def fail(self, why: str, line: int | None = None, at: Sequence[str | int] = ()) -> NoReturn:
        where = self.name if line is None else f"{self.name}:{line}"
        raise Unreadable(f"{where}: {why}", tuple(at))

    def dialect(self, export: Export) -> Dialect:
        return export.dialect.over(self.common) if export.dialect else self.common

    def read(self) -> None:
        before = self.path.stat()
        dialects = [self.dialect(export) for export in self.exports]
        if any(dialect != dialects[0] for dialect in dialects):
            self.fail(
                "is of one of several exports that are written in different ways: give each its "
                "`files`"
            )
        text = self.text(dialects[0])
        try:
            (self.of_json if self.is_json else self.of_csv)(text, dialects[0])
        except Broken as error:
            self.fail(str(error), error.line)
        after = self.path.stat()
        if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
            self.fail("is being written while it is read: read it again when it is whole")

    def text(self, dialect: Dialect) -> str:
        """The file as text, bytes that the encoding doesn't know as `BAD` ones."""
        try:
            with streams.counted(self.path) as stream:
                content = stream.read()
        except (pa.ArrowException, OSError, EOFError, zlib.error) as error:
            self.fail(
                f"can't be read: {error}; a copy that was broken off, or is still being written, "
                "looks so"
            )
        except UnreadableFile as error:
            self.fail(str(error))
        if content.startswith(_SPREADSHEETS):
            self.fail("is a spreadsheet, not text: save it as CSV")
        if not content.strip():
            self.fail("is empty: not even a header is in it; was it exported to its end?")
        encoding = codecs.lookup(dialect.encoding).name
        for mark, found in _MARKS.items():
            if content.startswith(mark) and not encoding.startswith((found, "utf-32")):
                self.fail(
                    f"begins with the mark of {found}, and is to be read as {encoding}: write "
                    f"`encoding: {found}`",
                    1,
                )
        return content.decode(encoding, errors="makegood.bad").removeprefix("\ufeff")

    # ------------------------------------------------------------ CSV

    def of_csv(self, text: str, dialect: Dialect) -> None:
        lines = Lines(text)
        for _ in range(dialect.skip_lines):
            next(lines, None)
        declared = re.match(r"sep=(.)\r?\n", text[lines.at :])
        if declared:
            if declared[1] != dialect.separator:
                self.fail(
                    f"says that its separator is {declared[1]!r}, and {dialect.separator!r} is "
                    f"to be read: write `separator: {declared[1]!r}`",
                    lines.line,
                )
            next(lines)
        records = csv_records(lines, dialect.separator)
        if dialect.header is not None:
            header, line = list(dialect.header), lines.line
        else:
            line, header = next(records, (lines.line, []))
            if bad := BAD_BYTE.search("".join(header)):
                self.fail(f"its header has {bad_byte(bad[0], dialect.encoding)}", line)
            if "\0" in "".join(header):
                self.fail("its header holds NUL bytes: write `encoding: utf-16`, if it is so", line)
            if not any(header):
                self.fail("has no header: the first line must name the columns", line)
        names = self.distinct([name.strip() for name in header], dialect, line)
        export = self.recognised(names, line, dialect.separator)
        self.add(export, dialect, self.csv_rows(records, names, dialect, lines))

    def distinct(self, header: list[str], dialect: Dialect, line: int) -> list[str]:
        """The names of the columns, others than the first of a name with a number, as in
        `Comment#2`."""
        if len(header) > MOST_COLUMNS:
            self.fail(f"has {len(header)} columns; {MOST_COLUMNS} are the most that are read", line)
        self.renamed |= dialect.columns.keys() & {*header}
        names: dict[str, None] = {}
        for theirs in header:
            name = dialect.columns.get(theirs, theirs)
            number, distinct = 1, name
            while distinct in names:
                number += 1
                distinct = f"{name}#{number}"
            names[distinct] = None
        return [*names]

    def csv_rows(
        self,
        records: Iterator[tuple[int, list[str]]],
        names: list[str],
        dialect: Dialect,
        lines: Lines,
    ) -> Iterator[Line]:
        for line, fields in records:
            if not any(fields):
                continue
            if len(fields) != len(names):
                why = f"has {len(fields)} fields, and the header {len(names)}"
                if lines.at == len(lines.text) and not lines.text.endswith(("\n", "\r")):
                    self.fail(f"ends in the middle of a row, which {why}: is it whole?", line)
                yield Line(line, None, why)
                continue
            whole = "".join(fields)
            if not whole.isascii() and (bad := BAD_BYTE.search(whole)):
                yield Line(line, None, f"has {bad_byte(bad[0], dialect.encoding)}")
            elif "\0" in whole:
                yield Line(line, None, "holds NUL bytes")
            else:
                values = map(dialect.value, fields)
                yield Line(line, dict(zip(names, values, strict=True)))

    # ------------------------------------------------------------ JSON

    def of_json(self, text: str, dialect: Dialect) -> None:
        try:
            rows, exports = self.json_rows(text)
        except json.JSONDecodeError as error:
            self.fail(
                f"is not JSON from here: {error.msg}; a file that is cut off, or is still being "
                "written, looks so",
                1 + text.count("\n", 0, error.pos),
            )
        except RecursionError:
            self.fail("can't be read as JSON: it is nested too deep")
        self.of_rows(rows, dialect, exports)

    def json_rows(self, text: str) -> tuple[list[Line], list[Export]]:
        """The rows, and the exports that they may be of."""
        start = after_blanks(text, 0)
        first = "" if self.is_lines else text[start : start + 1]
        if first == "[":
            if not is_one(text, start):
                raise Broken("holds more than one list", 1)
            return [*items(text, start)], self.exports
        if first == "{" and is_one(text, start):
            for path in sorted({e.path for e in self.exports if e.path}):
                if (at := found_list(text, start, path.split("."))) is not None:
                    return [*items(text, at)], [e for e in self.exports if e.path == path]
        exports = self.exports if self.is_lines else [e for e in self.exports if not e.path]
        return [*json_lines(text)], exports

    def of_rows(self, rows: list[Line], dialect: Dialect, exports: list[Export]) -> None:
        names = {name: None for row in rows for name in row.row or {}}
        self.renamed |= dialect.columns.keys() & names.keys()
        renamed = [
            row._replace(
                row={dialect.columns.get(name, name): value for name, value in row.row.items()}
            )
            if row.row is not None
            else row
            for row in rows
        ]
        if not any(row.row for row in renamed):
            if len(exports) == 1:
                self.add(exports[0], dialect, iter(renamed))
                return
            if not rows:
                self.result.files.append(FileRead(self.name, "", 0))
                return
            self.fail("holds no rows by which it could be known")
        known = [row.row for row in renamed if row.row]
        found = list(dict.fromkeys(name for row in known for name in row))
        found += [
            column
            for export in exports
            for column in export.columns
            if column not in found and any(Record(row).get(column) is not None for row in known)
        ]
        export = self.recognised(found, next(row.line for row in renamed if row.row), None, exports)
        self.add(export, dialect, iter(renamed))

    # ------------------------------------------------------------ both

    def recognised(
        self,
        names: list[str],
        line: int,
        separator: str | None,
        exports: Sequence[Export] | None = None,
    ) -> Export:
        """The export with all columns among these names, of several the one with the most."""
        candidates = self.exports if exports is None else exports
        if not candidates:
            self.fail("holds no list of rows where one is known", line)
        fitting = [e for e in candidates if {*e.columns} <= {*names}]
        if fitting:
            most = max(_known(e, names) for e in fitting)
            best = [e for e in fitting if _known(e, names) == most]
            if len({e.resource for e in best}) > 1:
                self.fail(
                    f"could be {' or '.join(e.title for e in best)}: say which files are which",
                    line,
                )
            self.check_doubled(best[0], names, line)
            return best[0]
        if separator and len(names) == 1:
            mark = next((m for m in ";,\t|" if m != separator and m in names[0]), None)
            if mark:
                self.fail(
                    f"its fields seem to be separated by {mark!r}, and {separator!r} is to be "
                    f"read: write `separator: {'tab' if mark == chr(9) else repr(mark)}`",
                    line,
                )
        near = max(candidates, key=lambda e: len({*e.columns} & {*names}) / len(e.columns or "1"))
        missing = [column for column in near.columns if column not in names]
        # rather a column that nothing names than one that is named already
        others = [name for name in names if name not in near.columns]
        likely = [
            f"{column!r} may be {like!r}"
            for column in missing
            if (like := nearest(column, others) or nearest(column, names))
        ]
        why = [
            f"is none of the exports that are known; the nearest is {near.title!r}, and this file "
            f"lacks its {several(map(repr, missing))}",
            *likely,
            f"it has {several(names)}",
        ]
        return self.fail("; ".join(why), line, near.places.get(missing[0], ()))

    def check_doubled(self, export: Export, names: list[str], line: int) -> None:
        used = {*export.columns, *export.times, *export.amounts}
        if doubled := [name for name in names if name in used and f"{name}#2" in names]:
            self.fail(
                f"has the column {several(map(repr, doubled))} more than once: which is meant is "
                "not known; leave one of them",
                line,
                export.places.get(doubled[0], ()),
            )

    def add(self, export: Export, dialect: Dialect, rows: Iterator[Line]) -> None:
        """Adds the records of rows, and those that were left."""
        records = self.result.records.setdefault(export.resource, [])
        key = self.keys.get(export.resource, ())
        seen: dict[tuple[Value, ...], tuple[int, Mapping[str, Value]]] = {}
        count = 0
        for line, row, reason in rows:
            count += 1
            where, why = f"{self.name}:{line}", reason
            data: Mapping[str, Value] = {}
            if row is not None:
                try:
                    data = export.record(_converted(row, export, dialect))
                except Unmapped as error:
                    why = str(error)
                except KeyError as error:
                    why = f"lacks {error.args[0]!r}"
            if not why and export.is_unique:
                found = tuple(data.get(name) for name in key)
                first, same = seen.setdefault(found, (line, data))
                if same != data:
                    why = (
                        f"has the same key as line {first}, and other values: it is not known "
                        "which of them holds"
                    )
            if why:
                self.result.left.append(Left(export.resource, where, why))
            else:
                records.append(Record(data, where))
        self.result.files.append(FileRead(self.name, export.resource, count))


def _known(export: Export, names: Sequence[str]) -> int:
    return len({*export.columns, *export.times, *export.amounts} & {*names})


def _converted(row: Mapping[str, Value], export: Export, dialect: Dialect) -> dict[str, Value]:
    """The row with its times and amounts in one form. A column of a path such as `customer.id` is
    added under that name."""
    made = dict(row)
    for columns, convert in ((export.times, dialect.time), (export.amounts, dialect.amount)):
        for column in columns:
            value = row[column] if column in row else Record(row).get(column)
            if value is None or value == "":
                continue
            try:
                made[column] = convert(value)
            except Unmapped as error:
                raise Unmapped(f"{column}: {error}") from error
    return made
