"""What rows become below the landing folder: files that are whole, and never change.

Of a keyed feed the rows that changed are written, and those are taken back (`deleted`) that a
record had and has no longer. What was delivered is kept in a small database beside the records;
should it be lost, everything is delivered once more, which changes nothing; so it is where the
landing folder is another one, or lacks a file that has not landed. Where the names in connect.yaml
have changed, one file with everything takes the place of all earlier ones, and with every change
one takes the place of those that have not landed: a mistake that keeps a run from landing them does
not lie in the landing folder for good.

Of checks, which have no key, each load of records becomes one file, once. Those that are made of
records that may change (the unknown time of monitors that log changes) are written once each, and
never taken back: such a check is a line of a log.
"""

import gzip
import hashlib
import io
import json
import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from makegood.ingestion.connect.system import Row, Rows, Unreadable
from makegood.ingestion.feeds.specs import feeds
from makegood.ingestion.files import DRAFTS, write_whole

# below the folder of a feed, beside what others deliver there
FOLDER = "connect"
# where a source keeps what it has delivered
KEPT = "delivered.sqlite"
# so many files of a feed become one
_MOST_FILES = 200
# in place of the digest of a row that is no longer there
_TAKEN_BACK = b"taken back"


@dataclass(frozen=True)
class Runs:
    """Runs that read the landing folder. `landed`: the files that were landed, as paths below it;
    `are_at_work`: whether one reads it now, in which case no file may be taken from under it."""

    landed: Collection[str] = ()
    are_at_work: Callable[[], bool] = lambda: False


class Delivered:
    """What a source has delivered: `folder` is where it is kept, `landing` where it goes; `runs`:
    what is known of those that read it."""

    def __init__(self, folder: Path, landing: Path, source: str, runs: Runs | None = None) -> None:
        self._file = folder / KEPT
        self._landing, self._source = landing, source
        self._runs = runs or Runs()
        # of a pull that was killed while it wrote
        for draft in landing.glob(f"*/{FOLDER}/{source}/**/{DRAFTS}"):
            draft.unlink()
        self._look_where()

    def deliver(self, made: Rows, names: str) -> dict[str, int]:
        """Writes what changed, and returns how many rows by feed. `names`: what identifies the
        names that the rows were made with."""
        written: dict[str, int] = {}
        with self._opened() as db:
            known = {str(row[0]) for row in db.execute("select distinct feed from rows")}
            is_anew = self._meta(db, "names") != names
            # what others refer to is delivered first
            for feed in feeds():
                if not feeds()[feed].key or feed not in made.feeds.keys() | known:
                    continue
                is_whole = is_anew or len(self._files(feed)) >= _MOST_FILES
                rows = self._changes(db, feed, made, is_whole)
                if rows:
                    written[feed] = len(rows)
                    waiting = self._files(feed) if is_whole else self._waiting(feed)
                    if not is_whole:
                        rows += self._waiting_rows(feed, made, rows, waiting)
                    self._write(db, feed, rows, waiting)
            for feed, found in made.feeds.items():
                if not feeds()[feed].key and (number := self._once(db, feed, found, is_anew)):
                    written[feed] = number
            if is_anew:
                db.execute("insert or replace into meta values ('names', ?)", [names])
            db.commit()
        return written

    def deliver_facts(self, feed: str, load: str, rows: Sequence[Row], names: str) -> int:
        """Writes the rows of a load of records, unless that was done with these names; how many
        were written."""
        path = self._folder(feed) / f"{load}-{names[:8]}.jsonl.gz"
        if path.exists() or not rows:
            return 0
        with self._opened() as db:
            # those of the load were made with other names
            self._replace(db, path, rows, list(path.parent.glob(f"{load}-*.jsonl.gz")))
            db.commit()
        return len(rows)

    def loads(self, names: str) -> set[str]:
        """The loads whose facts were mapped with these names, and delivered."""
        with self._opened() as db:
            found = db.execute("select load from loads where names = ?", [names])
            return {str(row[0]) for row in found}

    def keep_facts(self, load: str, names: str) -> None:
        """Notes that the load was mapped with these names, and delivered."""
        with self._opened() as db:
            db.execute("insert or replace into loads values (?, ?)", [load, names])
            db.commit()

    def _look_where(self) -> None:
        """A landing folder that is another one, or lacks what has not landed yet, gets everything
        anew."""
        here = str(self._landing.resolve())
        with self._opened() as db:
            before = self._meta(db, "landing")
            files = [str(path) for (path,) in db.execute("select path from files")]
            is_lost = any(
                path not in self._runs.landed and not (self._landing / path).exists()
                for path in files
            )
            if is_lost or before not in (None, here):
                db.execute("delete from meta where name = 'names'")
                db.execute("delete from loads")
                db.execute("delete from files")
            if before != here:
                db.execute("insert or replace into meta values ('landing', ?)", [here])
            db.commit()

    def _path(self, file: Path) -> str:
        return file.relative_to(self._landing).as_posix()

    def _waiting(self, feed: str) -> list[Path]:
        """The files that no run has landed."""
        return [file for file in self._files(feed) if self._path(file) not in self._runs.landed]

    @staticmethod
    def _waiting_rows(
        feed: str, made: Rows, rows: Sequence[Row], waiting: Sequence[Path]
    ) -> list[Row]:
        """What files that are about to be replaced hold beside the rows that replace them, as it
        is now."""
        key = feeds()[feed].key
        replaced = {_key(row, key) for row in rows}
        wanted = {_key(row, key): row for row in made.feeds.get(feed, ())}
        found: dict[str, Row] = {}
        for line in _lines(waiting):
            row = _row(line)
            identity = _key(row, key)
            if identity not in replaced:
                found[identity] = wanted.get(identity) or row
        return list(found.values())

    def _folder(self, feed: str) -> Path:
        return self._landing / feed / FOLDER / self._source

    def _files(self, feed: str) -> list[Path]:
        return sorted(self._folder(feed).glob("[0-9]*.jsonl.gz"))

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with _database(self._file) as db:
            db.executescript(
                "create table if not exists rows (feed text, key text, owner text, digest blob,"
                " line text, primary key (feed, key));"
                "create table if not exists loads (load text primary key, names text);"
                "create table if not exists files (path text primary key);"
                "create table if not exists meta (name text primary key, value text);"
            )
            yield db

    @staticmethod
    def _meta(db: sqlite3.Connection, name: str) -> str | None:
        found = db.execute("select value from meta where name = ?", [name]).fetchone()
        return None if found is None else str(found[0])

    def _changes(self, db: sqlite3.Connection, feed: str, made: Rows, is_whole: bool) -> list[Row]:
        """The rows to write, in the order in which they were made, and what is taken back."""
        key = feeds()[feed].key
        known = {
            row[0]: (str(row[1]), bytes(row[2]))
            for row in db.execute("select key, owner, digest from rows where feed = ?", [feed])
        }
        # of rows of one key the last one counts
        wanted = {
            _key(row, key): (row, owner)
            for row, owner in zip(made.feeds.get(feed, ()), made.owners.get(feed, ()), strict=True)
        }
        rows: list[Row] = []
        for identity, (row, owner) in wanted.items():
            digest = _digest(row)
            if is_whole or known.get(identity, ("", b""))[1] != digest:
                rows.append(row)
            if known.get(identity) != (owner, digest):
                db.execute(
                    "insert or replace into rows values (?, ?, ?, ?, ?)",
                    [feed, identity, owner, digest, _line(row).decode()],
                )
        missing = {identity: value for identity, value in known.items() if identity not in wanted}
        # taken back only where its record was read, and made no such row
        gone = {
            identity
            for identity, (owner, digest) in missing.items()
            if digest == _TAKEN_BACK or owner == "" or owner in made.mapped
        }
        anew = {i for i in gone if is_whole or missing[i][1] != _TAKEN_BACK}
        of_others = self._of_others(feed, anew)
        for identity in missing:
            if identity in anew:
                taken_back = dict(zip(key, json.loads(identity), strict=True)) | {"deleted": True}
                # another source's row of that key is in force again
                rows.append(of_others.get(identity) or taken_back)
            elif is_whole:
                # it stays in force, and the file that has it goes
                rows.append(self._kept(db, feed, identity))
        db.executemany(
            "update rows set digest = ? where feed = ? and key = ?",
            [[_TAKEN_BACK, feed, identity] for identity in gone],
        )
        return rows

    @staticmethod
    def _kept(db: sqlite3.Connection, feed: str, identity: str) -> Row:
        """A row as it was delivered last."""
        found = db.execute(
            "select line from rows where feed = ? and key = ?", [feed, identity]
        ).fetchone()
        return _row(found[0])

    def _once(self, db: sqlite3.Connection, feed: str, found: Sequence[Row], is_anew: bool) -> int:
        """Writes the rows, of a feed without a key, that were not written yet; how many."""
        folder = self._folder(feed) / "once"
        if is_anew:
            db.execute("delete from rows where feed = ?", [feed])
        known = {row[0] for row in db.execute("select key from rows where feed = ?", [feed])}
        by_digest = {_digest(row).hex(): row for row in found}
        rows = {digest: row for digest, row in by_digest.items() if digest not in known}
        if rows:
            earlier = sorted(folder.glob("*.jsonl.gz"))
            number = int(earlier[-1].name.split(".")[0]) + 1 if earlier else 1
            waiting = earlier if is_anew else self._withdrawn(folder, by_digest.keys())
            path = folder / f"{number:08}.jsonl.gz"
            written = dict(rows)
            for line in () if is_anew else _lines(waiting):
                digest = _digest_of(line).hex()
                # what is still so stays, and what is not was never landed
                if digest in by_digest:
                    written[digest] = by_digest[digest]
                else:
                    db.execute("delete from rows where feed = ? and key = ?", [feed, digest])
            self._replace(db, path, list(written.values()), waiting)
            values = [[feed, digest, "", b"", ""] for digest in rows]
            db.executemany("insert into rows values (?, ?, ?, ?, ?)", values)
        return len(rows)

    def _withdrawn(self, folder: Path, wanted: Collection[str]) -> list[Path]:
        """Files of rows without a key that hold some that are no longer so, and have not landed."""
        return [
            file
            for file in sorted(folder.glob("*.jsonl.gz"))
            if self._path(file) not in self._runs.landed
            and not all(_digest_of(line).hex() in wanted for line in _lines([file]))
        ]

    def _of_others(self, feed: str, wanted: Collection[str]) -> dict[str, Row]:
        """The rows of these keys that other sources deliver; the last by path counts."""
        found: dict[str, Row] = {}
        # each is looked through once, if at all
        others = sorted(self._file.parent.parent.glob(f"*/{self._file.name}")) if wanted else []
        for file in others:
            if file == self._file:
                continue
            with _database(file) as db:
                rows = db.execute(
                    "select key, line from rows where feed = ? and digest != ?",
                    [feed, _TAKEN_BACK],
                )
                found |= {key: _row(line) for key, line in rows if key in wanted}
        return found

    def _write(
        self, db: sqlite3.Connection, feed: str, rows: Sequence[Row], earlier: Sequence[Path]
    ) -> None:
        """Writes rows in place of earlier files."""
        files = self._files(feed)
        number = int(files[-1].name.split(".")[0]) + 1 if files else self._next(db, feed)
        self._replace(db, self._folder(feed) / f"{number:08}.jsonl.gz", rows, earlier)

    def _next(self, db: sqlite3.Connection, feed: str) -> int:
        """A number that no file of the feed had, so that a later one also counts later."""
        paths = db.execute(
            "select path from files where path like ?", [f"{self._path(self._folder(feed))}/%"]
        )
        numbers = [int(name) for (path,) in paths if (name := Path(path).name[:8]).isdecimal()]
        return max(numbers, default=0) + 1

    def _replace(
        self, db: sqlite3.Connection, path: Path, rows: Sequence[Row], earlier: Sequence[Path]
    ) -> None:
        write_rows(path, rows)
        db.execute("insert or replace into files values (?)", [self._path(path)])
        if earlier and self._runs.are_at_work():
            # the next change takes their place
            return
        for file in earlier:
            file.unlink()
            db.execute("delete from files where path = ?", [self._path(file)])


@contextmanager
def _database(file: Path) -> Iterator[sqlite3.Connection]:
    """What a source keeps. Raises Unreadable where it is damaged."""
    with closing(sqlite3.connect(file)) as db:
        try:
            db.execute("select count(*) from sqlite_master")
        except sqlite3.DatabaseError as error:
            raise Unreadable(
                f"{file} is damaged: delete it, and all is delivered once more"
            ) from error
        yield db


def disagreements(folder: Path, sources: Sequence[str]) -> list[str]:
    """What several sources deliver differently, in words: the last by path counts, and whichever
    that is, one of them is not what was meant. `folder`: where sources keep what they need."""
    last: dict[tuple[str, str], tuple[str, bytes]] = {}
    found: dict[tuple[str, str, str], list[str]] = {}
    # by path, as files count
    for source in sorted(sources):
        with _database(folder / source / KEPT) as db:
            rows = db.execute("select feed, key, digest from rows where digest != ?", [_TAKEN_BACK])
            for feed, key, digest in rows:
                if feeds()[feed].key:
                    earlier, other = last.get((feed, key), (source, digest))
                    if other != digest:
                        found.setdefault((feed, earlier, source), []).append(key)
                    last[feed, key] = source, digest
    return [
        f"{feed} {', '.join(json.loads(keys[0]))}"
        + (f" and {len(keys) - 1} more" if len(keys) > 1 else "")
        + f": {first} and {second} deliver other rows, and that of {second} counts"
        for (feed, first, second), keys in found.items()
    ]


def identity_of(*parts: Any) -> str:
    """What identifies settings: 16 hexadecimal digits that change with them."""
    text = json.dumps(parts, default=str, sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def _key(row: Mapping[str, Any], key: Sequence[str]) -> str:
    return json.dumps([None if row.get(name) is None else str(row[name]) for name in key])


def _line(row: Row) -> bytes:
    return json.dumps(row, default=_exact, ensure_ascii=False).encode() + b"\n"


def _digest(row: Row) -> bytes:
    return _digest_of(_line(row))


def _digest_of(line: bytes) -> bytes:
    return hashlib.blake2b(line, digest_size=16).digest()


def _lines(files: Iterable[Path]) -> Iterator[bytes]:
    """The rows in files, as they are written."""
    for file in files:
        yield from gzip.decompress(file.read_bytes()).splitlines(keepends=True)


def _row(line: bytes | str) -> Row:
    row: Row = json.loads(line, parse_float=Decimal)
    return row


def _exact(value: object) -> str:
    """A Decimal as text: feeds take amounts so."""
    if isinstance(value, Decimal):
        return format(value, "f")
    raise TypeError(f"{value!r} is not a value of a row")


def write_rows(path: Path, rows: Sequence[Row]) -> None:
    """One file, whole or not there. Its name is in it, so that no two files have the same content:
    one that only repeated another would not be read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = io.BytesIO()
    with gzip.GzipFile(path.name, "wb", fileobj=content, mtime=0) as stream:
        for row in rows:
            stream.write(_line(row))
    write_whole(path, content.getvalue())
