"""The process that reads Parquet files, so that none of them can end the run or use up its memory.

`parquet` starts it by the path of this file, which imports nothing of the project so that it starts
quickly. Its arguments are the fields of `Limits`. Each line of its input is a request for a file,
`{"path": ..., "types": {column: its type in the feed}}`. It answers with lines of JSON:

    {"columns": [...]}             the names of the file's columns, in order
    {"size": ...}                  rows: this many bytes of an Arrow stream follow
    {"end": true}                  all rows have been sent
    {"refused": ..., "line": ...}  the file is rejected whole: the reason, and the row if known
    {"memory": true}               there was not enough memory; the process ends
"""

import json
import os
import resource
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

_MIB = 1 << 20
# rows that are decoded at once, where they are short
_STEP = 8_192


class Limits(NamedTuple):
    """Bytes of memory; rows of a file; rows and bytes of an answer; bytes of a row of odd types."""

    memory: int
    file_rows: int
    answer_rows: int
    answer_bytes: int
    odd_row_bytes: int


class _Refused(ValueError):
    def __init__(self, reason: str, line: int | None = None) -> None:
        super().__init__(reason)
        self.line = line


def main() -> None:
    limits = Limits(*map(int, sys.argv[1:]))
    # anything else that is printed must not end up between the answers
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    # Ctrl-C reaches all processes of a terminal; it is for the run to end this one
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _limit_memory(limits.memory)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            for names, rows in _answers(Path(request["path"]), request["types"], limits):
                _answer(out, {"columns": names} if rows is None else {"size": rows.size}, rows)
            _answer(out, {"end": True})
        except _Refused as error:
            _answer(out, {"refused": str(error), "line": error.line})
        except MemoryError:
            _answer(out, {"memory": True})
            return
        except (pa.ArrowException, OSError, EOFError, ValueError, LookupError, TypeError) as error:
            why = " ".join(str(error).split())
            _answer(out, {"refused": f"can't be read as Parquet: {why}", "line": None})
        pa.default_memory_pool().release_unused()


def _limit_memory(size: int) -> None:
    """Limits the memory that can be written to, since libraries reserve far more addresses than
    they use."""
    pa.set_memory_pool(pa.system_memory_pool())
    _, most = resource.getrlimit(resource.RLIMIT_DATA)
    limit = size if most == resource.RLIM_INFINITY else min(size, most)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


def _answer(out: BinaryIO, message: dict[str, Any], rows: pa.Buffer | None = None) -> None:
    out.write(json.dumps(message).encode() + b"\n")
    if rows is not None:
        out.write(rows)
    out.flush()


def _answers(
    path: Path, types: dict[str, str], limits: Limits
) -> Iterator[tuple[list[str], pa.Buffer | None]]:
    """The names of the columns, first by themselves, then with the rows of each answer."""
    with pq.ParquetFile(path, pre_buffer=False, buffer_size=_MIB) as file:
        names = file.schema_arrow.names
        yield names, None
        if file.metadata.num_rows > limits.file_rows:
            raise _Refused(f"claims to hold over {limits.file_rows} rows")
        row = 1
        for number in range(file.num_row_groups):
            until = row + file.metadata.row_group(number).num_rows
            for rows in _gathered(_decoded(file, number, limits), limits):
                if rows.nbytes > limits.answer_bytes:
                    raise _Refused(f"has a row of over {limits.answer_bytes // _MIB} MiB", row)
                columns = [
                    _plain(column, name, types.get(name), row, limits.odd_row_bytes)
                    for name, column in zip(names, rows.columns, strict=True)
                ]
                yield names, _as_stream(pa.record_batch(columns, names))
                row += rows.num_rows
            if row != until:
                # pages hold fewer rows than the footer claims: Arrow stops without an error
                raise _Refused(f"can't be read as Parquet: of {until - 1} rows {row - 1} come out")


def _decoded(file: pq.ParquetFile, group: int, limits: Limits) -> Iterator[pa.RecordBatch]:
    """The rows of a row group as they are decoded; fewer at once if the footer says that they are
    long."""
    about = file.metadata.row_group(group)
    row_bytes = about.total_byte_size // max(about.num_rows, 1)
    step = max(1, min(_STEP, limits.answer_bytes // max(row_bytes, 1)))
    for rows in file.iter_batches(step, row_groups=[group], use_threads=False):
        yield pa.record_batch([_sound(column) for column in rows.columns], rows.schema.names)


def _sound(column: pa.Array) -> pa.Array:
    """The column without its dictionary. Raises ArrowInvalid if it is broken, as by text that is
    not UTF-8."""
    column.validate(full=True)
    return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column


def _gathered(decoded: Iterator[pa.RecordBatch], limits: Limits) -> Iterator[pa.RecordBatch]:
    """The same rows, as many at once as fit into an answer."""
    waiting: list[pa.RecordBatch] = []
    count = size = 0
    for rows in decoded:
        waiting.append(rows)
        count, size = count + rows.num_rows, size + rows.nbytes
        if count >= limits.answer_rows or size >= limits.answer_bytes:
            yield from _halved(pa.concat_batches(waiting), limits.answer_bytes)
            waiting, count, size = [], 0, 0
    if waiting:
        yield from _halved(pa.concat_batches(waiting), limits.answer_bytes)


def _halved(rows: pa.RecordBatch, most_bytes: int) -> Iterator[pa.RecordBatch]:
    """The rows, halved until they are small enough; a single row is never cut."""
    if rows.nbytes <= most_bytes or rows.num_rows == 1:
        yield rows
    else:
        middle = rows.num_rows // 2
        yield from _halved(rows.slice(0, middle), most_bytes)
        yield from _halved(rows.slice(middle), most_bytes)


def _as_stream(rows: pa.RecordBatch) -> pa.Buffer:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema) as writer:
        writer.write_batch(rows)
    return sink.getvalue()


def _plain(column: pa.Array, name: str, known_as: str | None, row: int, odd_bytes: int) -> pa.Array:
    """The column as one of the types that rows are typed from; what an extra column holds becomes
    text. `known_as`: its type in the feed; `row`: the number of its first row."""
    kind = column.type
    far = _far(column)
    if far is not None:
        if known_as == "date" and pa.types.is_timestamp(kind) and kind.tz is None:
            return _dates(column, far)
        return pc.if_else(far, _numbers(column).cast(pa.string()), column.cast(pa.string()))
    if pa.types.is_timestamp(kind):
        # the instants are the same in every zone
        return column.cast(pa.timestamp(kind.unit, "UTC")) if kind.tz else column
    if pa.types.is_decimal(kind) and not pa.types.is_decimal128(kind):
        return column.cast(pa.string())
    if any(is_kind(kind) for is_kind in _PLAIN):
        return column
    if known_as:
        raise _Refused(
            f"its column {name} holds {kind}, which is neither text nor a number, date or time"
        )
    values: list[object] = []
    pieces = (
        [column]
        if column.nbytes <= odd_bytes
        else [column.slice(place, 1) for place in range(len(column))]
    )
    for piece in pieces:
        if piece.nbytes > odd_bytes:
            raise _Refused(f"has a row of over {odd_bytes // _MIB} MiB", row + len(values))
        try:
            values += piece.to_pylist()
        except (ValueError, OverflowError):
            # beyond what Python's own types hold
            values += [str(piece.slice(place, 1)) for place in range(len(piece))]
    return pa.array([None if value is None else str(value) for value in values], pa.string())


# the years 1 to 9999, which nanoseconds never leave
_FIRST_DAY, _LAST_DAY = -719_162, 2_932_896
_PER_DAY = {"s": 86_400, "ms": 86_400 * 10**3, "us": 86_400 * 10**6}


def _far(column: pa.Array) -> pa.Array | None:
    """Which values are days outside the years 1 to 9999, if any: they stay the numbers that they
    are, since Polars panics when it has to spell them out."""
    kind = column.type
    per_day = 1 if pa.types.is_date32(kind) else None
    if pa.types.is_timestamp(kind):
        per_day = _PER_DAY.get(kind.unit)
    if per_day is None:
        return None
    numbers = _numbers(column)
    first, end = _FIRST_DAY * per_day, (_LAST_DAY + 1) * per_day
    far = pc.or_(pc.less(numbers, first), pc.greater_equal(numbers, end))
    return far if pc.any(far).as_py() else None


def _dates(column: pa.Array, far: pa.Array) -> pa.Array:
    """Times without zone as text, at midnight as the date that they are; far ones as numbers."""
    day = column.cast(pa.date32(), safe=False)
    is_midnight = pc.equal(day.cast(column.type), column)
    spelt = pc.if_else(is_midnight, day.cast(pa.string()), column.cast(pa.string()))
    return pc.if_else(far, _numbers(column).cast(pa.string()), spelt)


def _numbers(column: pa.Array) -> pa.Array:
    return column.cast(pa.int64() if pa.types.is_timestamp(column.type) else pa.int32())


_PLAIN = (
    pa.types.is_null,
    pa.types.is_boolean,
    pa.types.is_integer,
    pa.types.is_floating,
    pa.types.is_decimal128,
    pa.types.is_string,
    pa.types.is_large_string,
    pa.types.is_string_view,
    pa.types.is_date,
)

if __name__ == "__main__":
    main()
