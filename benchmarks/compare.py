"""Whether a competitor's figures are those of a mart, cell by cell."""

from dataclasses import dataclass
from pathlib import Path

import duckdb

SHOWN = 10


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


def differences(question: Question, answer: Path, published: Path) -> list[str]:
    """The cells in which a Parquet file differs from the published database, and the rows that only
    one of them has, a line each; empty if they are equal."""
    with duckdb.connect(str(published), read_only=True) as con:
        cursor = con.execute(question.mart)
        columns = [name for name, *_ in cursor.description]
        expected = _by_key(question, columns, cursor.fetchall())
        selected = ", ".join(columns)
        rows = con.execute(f"select {selected} from read_parquet(?)", [str(answer)]).fetchall()
        answered = _by_key(question, columns, rows)
    found = []
    if len(answered) != len(rows):
        found.append(f"{len(rows)} rows for {len(answered)} keys")
    for key in sorted({*expected, *answered}, key=str):
        if key not in answered:
            found.append(f"{_text(key)}: not answered")
        elif key not in expected:
            found.append(f"{_text(key)}: not in the mart")
        else:
            found += [
                f"{_text(key)}: {name} is {answered[key][name]}, {value} in the mart"
                for name, value in expected[key].items()
                if answered[key][name] != value
            ]
    return found


def require_equal(question: Question, answer: Path, published: Path, work: str) -> None:
    """Raises SystemExit with the first cells that differ."""
    if found := differences(question, answer, published):
        more = f"\n… and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
        raise SystemExit(f"{work}: not the mart's figures\n" + "\n".join(found[:SHOWN]) + more)


def _by_key(
    question: Question, columns: list[str], rows: list[tuple[object, ...]]
) -> dict[tuple[object, ...], dict[str, object]]:
    named = [dict(zip(columns, row, strict=True)) for row in rows]
    return {tuple(row[key] for key in question.keys): row for row in named}


def _text(key: tuple[object, ...]) -> str:
    return ", ".join(map(str, key))
