"""Tables of amounts for a terminal."""

from collections.abc import Mapping, Sequence

from makegood.dashboards.access.reader import Row
from makegood.dashboards.figures.style import money


def table(
    title: str, names: Mapping[str, str], amounts: Mapping[str, str], rows: Sequence[Row]
) -> list[str]:
    """A titled table: names on the left, amounts on the right, and remarks where there are any."""
    lines = ["", title]
    if not rows:
        return [*lines, "  none"]
    cells = [
        [
            *(row[column] for column in names.values()),
            # a dash where a side has no such period
            *(money(row[column], row["currency"], code=False) for column in amounts.values()),
        ]
        for row in rows
    ]
    both = zip(*(_in_two(heading) for heading in (*names, *amounts)), strict=True)
    headings = [list(line) for line in both if any(line)]
    widths = [max(map(len, column)) for column in zip(*headings, *cells, strict=True)]
    remarks = [*("" for _ in headings), *(row.get("remarks", "") for row in rows)]
    for line, remark in zip([*headings, *cells], remarks, strict=True):
        padded = [
            cell.ljust(width) if place < len(names) else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        lines.append("  ".join(["", *padded, remark]).rstrip())
    return lines


def _in_two(heading: str) -> tuple[str, str]:
    """A heading as two lines, the first of which may be empty."""
    first, _, second = heading.rpartition("\n")
    return first, second
