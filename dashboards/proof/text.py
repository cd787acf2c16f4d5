"""A proof as lines of text for a terminal."""

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from makegood.dashboards.access.reader import Row
from makegood.dashboards.figures import periods
from makegood.dashboards.figures.style import exact_duration, exact_pct, money, timestamp
from makegood.dashboards.figures.words import printable

if TYPE_CHECKING:
    from makegood.dashboards.proof.model import Proof

# the file and line of a row's first and last source
_PLACES = (("file", "line"), ("last_file", "last_line"))


def of(proof: "Proof") -> str:
    """The result and its five lines, then the steps in order, each with its clause and rules, its
    sentences, and its rows."""
    period = periods.name(proof.period_kind, proof.month)
    lines = [
        f"Credit of subscription {proof.subscription_id} for {period}",
        f"under {proof.contract_id}, version of {proof.contract_version}, "
        f"as of {timestamp(proof.as_of)}",
        "",
        *proof.result,
        "",
    ]
    width = max(len(line.title) for line in proof.derivation)
    for line in proof.derivation:
        lines += [f"{line.title:{width}}   {' '.join(line.sentences)}   [{line.basis}]"]
    for number, step in enumerate(proof.steps, 1):
        lines += ["", f"{number}. {step.title}   [{step.basis}]"]
        lines += [f"   {sentence}" for sentence in step.sentences]
        for row in step.rows:
            first, *rest = _in_words(row)
            lines += [f"     - {first}", *rest]
    return "\n".join(map(printable, lines))


def _in_words(row: Row, depth: int = 1) -> list[str]:
    """Names, values and sources of a row; the rows nested in it follow on lines of their own."""
    if row.keys() == {"policy_key", "value", "document"}:
        return [f"{row['policy_key']}: {row['value']}  [{row['document']}]"]
    places = [f"{row[file]}:{row[line]}" for file, line in _PLACES if row.get(file) is not None]
    source = f"  [{' to '.join(places)}]" if places else ""
    if "sentence" in row:
        return [row["sentence"] + (f": {row['reason']}" if row["reason"] else "") + source]
    nested = {k: v for k, v in row.items() if isinstance(v, list)}
    passed_over = {*nested, *(name for place in _PLACES for name in place)}
    own = [
        f"{label(k)} {value_of(k, v, row)}"
        for k, v in row.items()
        if k not in passed_over and v is not None
    ]
    lines = [", ".join(own) + source]
    for rows in nested.values():
        for r in rows:
            first, *rest = _in_words(r, depth + 1)
            lines += [f"{'  ' * depth}     - {first}", *rest]
    return lines


# time on the clock of a ticket, which may stop outside business hours
_ON_CLOCKS = frozenset({"target_s", "elapsed_s", "clock_seconds"})
_UNITS = ("_seconds", "_s", "_pct")


def label(column: str) -> str:
    """The name of a column without its unit, which its value has: downtime_seconds is downtime."""
    unit = next((unit for unit in _UNITS if column.endswith(unit)), "")
    return column.removesuffix(unit)


def value_of(column: str, value: Any, row: Row) -> str:
    """A value behind a step, exactly: seconds as a duration, amounts in the row's currency."""
    match value:
        case bool():
            return "yes" if value else "no"
        case int() if column.endswith(_UNITS[:2]):
            return exact_duration(value, in_hours=column in _ON_CLOCKS)
        case Decimal() if column.endswith("_pct"):
            return exact_pct(value)
        case Decimal():
            return money(value, row.get("currency"), code=False)
        case datetime():
            return timestamp(value)
        case _:
            return str(value)
