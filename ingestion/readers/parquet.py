"""Parquet: values in the file's own types, rows numbered from 1.

Arrow aborts on some broken files and allocates whatever others ask for, so files are read in a
separate process (`parquet_child`) with a limit on its memory. It is started for the first file of
a run and reads all of them; if a file ends it, that file is rejected and the next starts another.
"""

import atexit
import json
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa

from makegood.ingestion import limits
from makegood.ingestion.feeds.messages import shown
from makegood.ingestion.feeds.specs import Feed
from makegood.ingestion.readers import (
    BATCH_ROWS,
    LINE,
    Batch,
    UnreadableFile,
    column_names,
    known_columns,
    parquet_child,
    streams,
    with_extra,
)

SUFFIXES = (".parquet",)

# processes waiting for a file: at most one, unless files are read side by side
_idle: list["_Child"] = []


def batches(path: Path, feed: Feed) -> Iterator[Batch]:
    """The rows in batches of at most 65,536."""
    child = _ready()
    try:
        yield from _rows(child, path, feed)
    finally:
        if child.is_idle:
            _idle.append(child)
        else:
            # it failed, or is busy with a file that nobody reads on
            child.end()


def finish() -> None:
    """Ends the process if there is one. A later file starts another."""
    while _idle:
        _idle.pop().end()


atexit.register(finish)


def _ready() -> "_Child":
    while _idle:
        child = _idle.pop()
        if child.is_alive():
            return child
        child.end()
    return _Child()


def _rows(child: "_Child", path: Path, feed: Feed) -> Iterator[Batch]:
    types = dict.fromkeys(known_columns(feed), "text") | {c.name: c.type for c in feed.columns}
    names: list[str] = []
    allowance = streams.Allowance(path)
    row = 1
    for answer, content in child.answers(path, types):
        if "columns" in answer:
            names = column_names(feed, answer["columns"], line=None)
            continue
        table = pa.ipc.open_stream(content).read_all().rename_columns(names)
        allowance.take(max(0, table.nbytes - limits.SHORT_ROW * table.num_rows))
        rows = pl.DataFrame(pl.from_arrow(table))
        numbered = rows.with_columns(pl.int_range(row, row + rows.height).alias(LINE))
        yield Batch(with_extra(numbered, feed))
        row += rows.height


class _Child:
    """A process that reads Parquet files, one at a time. `is_idle`: it waits for the next one."""

    def __init__(self) -> None:
        most = parquet_child.Limits(
            memory=limits.PARQUET_MEMORY,
            file_rows=limits.MOST_ROWS,
            answer_rows=BATCH_ROWS,
            answer_bytes=limits.WIDEST_BATCH,
            odd_row_bytes=limits.LONGEST_ROW,
        )
        # -P: the folder of the child has a module named csv, which would shadow Python's own
        command = [sys.executable, "-P", parquet_child.__file__, *map(str, most)]
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 (it is closed by `end`)
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=self._errors)
        assert self._process.stdin
        assert self._process.stdout
        self._requests, self._answers = self._process.stdin, self._process.stdout
        self._is_late = False
        self.is_idle = True

    def is_alive(self) -> bool:
        return self._process.poll() is None

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
        for stream in (self._requests, self._answers, self._errors):
            # a request that could not be sent is no longer needed
            with suppress(OSError):
                stream.close()

    def answers(self, path: Path, types: dict[str, str]) -> Iterator[tuple[dict[str, Any], bytes]]:
        """Its answers about a file, each with the bytes that follow it. Raises UnreadableFile if it
        refuses the file, ends, or gives no answer for too long."""
        self.is_idle = False
        request = json.dumps({"path": str(path.absolute()), "types": types})
        try:
            self._requests.write(request.encode() + b"\n")
            self._requests.flush()
        except OSError as error:
            raise self._ended() from error
        while True:
            answer, content = self._answer()
            if "memory" in answer:
                raise _out_of_memory()
            self.is_idle = "end" in answer or "refused" in answer
            if "refused" in answer:
                raise UnreadableFile(answer["refused"], answer["line"])
            if self.is_idle:
                return
            yield answer, content

    def _answer(self) -> tuple[dict[str, Any], bytes]:
        watch = threading.Timer(limits.PARQUET_SECONDS, self._stop)
        watch.start()
        try:
            line = self._answers.readline()
            answer = json.loads(line) if line.endswith(b"\n") else None
            content = self._answers.read(answer.get("size", 0)) if answer else b""
        finally:
            watch.cancel()
        if answer is None or len(content) < answer.get("size", 0):
            raise self._ended()
        return answer, content

    def _stop(self) -> None:
        self._is_late = True
        self._process.kill()

    def _ended(self) -> UnreadableFile:
        """Why the process has ended, and what to do about it."""
        code = self._process.wait()
        self._errors.seek(0)
        said = self._errors.read().decode(errors="backslashreplace").strip()
        if self._is_late:
            why = f"no rows could be read from it for {limits.PARQUET_SECONDS} seconds"
            remedy = "check that its disk responds, or write the file again"
        elif "bad_alloc" in said:
            return _out_of_memory()
        elif code == -signal.SIGKILL:
            why = "the process reading it was killed, as happens when a machine runs out of memory"
            remedy = "free some memory and run again"
        else:
            how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
            last = said.rpartition("\n")[2]
            why = f"the process reading it crashed ({how}{f', {shown(last)}' if last else ''})"
            remedy = "the file is probably damaged; write it again"
        return UnreadableFile(f"can't be read as Parquet: {why}: {remedy}")


def _out_of_memory() -> UnreadableFile:
    most = limits.PARQUET_MEMORY // limits.MIB
    return UnreadableFile(
        f"needs over {most} MiB of memory to be read: "
        "write it with smaller pages, row groups and values, or as CSV"
    )
