"""Sums of amounts by currency, and by what else tells rows apart."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from makegood.dashboards.access.reader import Row


def totals(rows: Iterable[Row], amounts: Sequence[str], by: Sequence[str] = ()) -> list[Row]:
    """The sums of amounts for each currency and values of `by`, in their order, and how many
    `rows` they are of. Rows without a currency have no amount."""
    found: dict[tuple[Any, ...], Row] = {}
    for row in rows:
        if row["currency"] is None:
            continue
        key = (*(row[name] for name in by), row["currency"])
        start = dict(zip([*by, "currency"], key, strict=True)) | {"rows": 0}
        summed = found.setdefault(key, start | dict.fromkeys(amounts, Decimal()))
        summed["rows"] += 1
        for amount in amounts:
            summed[amount] += row[amount]
    return [found[key] for key in sorted(found)]
