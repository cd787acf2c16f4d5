"""Whether figures are those of a mart, cell by cell."""

from dataclasses import dataclass
from pathlib import Path

import duckdb

SHOWN = 10
Figures = dict[tuple[object, ...], dict[str, object]]


@dataclass(frozen=True)
class Question:
    """What competitors answer: a row a key. `mart`: the same figures of the published database."""

    keys: tuple[str, ...]
    mart: str


# percentages as millionths of a percent
AVAILABILITY = Question(
    ("contract_id", "service_id", "region", "period_start"),
    "select contract_id, service_id, region, period_start, total_seconds, excluded_seconds, "
    "unavailable_seconds, downtime_seconds, unknown_seconds, "
    "cast(availability_pct * 1000000 as bigint) as availability, "
    "cast(coverage_pct * 1000000 as bigint) as coverage from marts.availability",
)
TICKETS = Question(
    ("ticket_id",),
    "select ticket_id, severity, epoch(clock_started_at)::bigint as clock_start_s, "
    "epoch(resolved_at)::bigint as stopped_s, resolution_target_s as target_s, "
    "resolution_elapsed_s as elapsed_s, resolution_outcome as outcome from marts.ticket_sla",
)


def published(question: Question, warehouse: Path) -> Figures:
    """The figures of a mart, by key; raises ValueError where a key has two rows."""
    database = (warehouse / "published" / "makegood.duckdb").resolve()
    with duckdb.connect(str(database), read_only=True) as con:
        return _figures(question, con.execute(question.mart))


def answered(question: Question, answer: Path) -> Figures:
    """The figures of a competitor's Parquet file, as `published`."""
    with duckdb.connect() as con:
        return _figures(question, con.execute("from read_parquet(?)", [str(answer)]))


def _figures(question: Question, cursor: duckdb.DuckDBPyConnection) -> Figures:
    names = [name for name, *_ in cursor.description]
    rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    figures = {tuple(row[key] for key in question.keys): row for row in rows}
    if len(figures) != len(rows):
        raise ValueError(f"{len(rows)} rows have {len(figures)} different keys {question.keys}")
    return figures


def differences(answer: Figures, expected: Figures) -> list[str]:
    """The cells that differ, and the rows that only one has, a line each; empty if none does."""
    found = []
    for key in sorted({*answer, *expected}, key=str):
        name = ", ".join(map(str, key))
        if key not in answer:
            found.append(f"{name}: is missing")
        elif key not in expected:
            found.append(f"{name}: is not in the mart")
        else:
            cells, wanted = answer[key], expected[key]
            found += [
                f"{name}: {column} is {cells.get(column)}, {wanted.get(column)} in the mart"
                for column in {**wanted, **cells}
                if cells.get(column, ...) != wanted.get(column, ...)
            ]
    return found


def require_equal(answer: Figures, expected: Figures, work: str) -> None:
    """Raises SystemExit with the first cells that differ."""
    if found := differences(answer, expected):
        more = f"\n… and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
        raise SystemExit(f"{work} differs from the mart:\n" + "\n".join(found[:SHOWN]) + more)
