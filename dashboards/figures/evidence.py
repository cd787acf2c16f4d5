"""How much data is behind a figure, and the verdict that it supports (A6, M6).

Pages, charts, reports and proofs all judge here; no figure changes by it.
"""

from collections.abc import Iterable
from decimal import Decimal
from enum import StrEnum

from makegood.dashboards.access.reader import Row
from makegood.dashboards.figures.style import (
    counted,
    duration,
    exact_duration,
    instant,
    percentage,
)


class Evidence(StrEnum):
    """How much of the time behind a figure has data."""

    SUFFICIENT = "sufficient"
    THIN = "thin"
    NONE = "no data"


class Verdict(StrEnum):
    """The verdict on a commitment. Missed on thin evidence is missed: there was downtime."""

    KEPT = "kept"
    KEPT_ON_THIN = "kept, on thin evidence"
    MISSED = "missed"
    MISSED_ON_THIN = "missed, on thin evidence"
    NO_DATA = "no data"
    NO_COMMITMENT = "no commitment"


MISSES = (Verdict.MISSED, Verdict.MISSED_ON_THIN)


def evidence_of(row: Row) -> Evidence:
    """The evidence of a figure, so far if its period is still in progress (M6).

    `row`: one of FIGURES or CREDITS."""
    coverage, least = row["coverage_pct"], row["min_coverage_pct"]
    if not coverage and not row["downtime_seconds"]:
        return Evidence.NONE
    # publications of an earlier version don't have the contract's minimum coverage
    if row["status"] == "provisional" and least is not None:
        return (
            Evidence.THIN if coverage is None or coverage < Decimal(least) else Evidence.SUFFICIENT
        )
    return Evidence.THIN if row["low_coverage"] else Evidence.SUFFICIENT


def together(parts: Iterable[Evidence]) -> Evidence:
    """The evidence of a figure that rests on several: thin if theirs differ."""
    found = set(parts)
    return found.pop() if len(found) == 1 else Evidence.THIN if found else Evidence.NONE


def judged(is_met: bool | None, evidence: Evidence) -> Verdict:
    """The verdict on a commitment. `is_met`: by the exact figure (A6), None without one."""
    if is_met is None:
        return Verdict.NO_COMMITMENT
    if not is_met:
        return Verdict.MISSED if evidence is Evidence.SUFFICIENT else Verdict.MISSED_ON_THIN
    return {
        Evidence.SUFFICIENT: Verdict.KEPT,
        Evidence.THIN: Verdict.KEPT_ON_THIN,
        Evidence.NONE: Verdict.NO_DATA,
    }[evidence]


def verdict_of(figure: Row) -> Verdict:
    """The verdict on a figure's commitment. `figure`: one of FIGURES."""
    # a fully excluded period needs no data, and its commitment is kept (A4)
    is_excluded = figure["status"] == "fully_excluded"
    return judged(figure["is_met"], Evidence.SUFFICIENT if is_excluded else evidence_of(figure))


def so_far(verdict: Verdict, is_over: bool) -> str:
    """A verdict in words, with `so far` while its period is still in progress."""
    if is_over or verdict is Verdict.NO_COMMITMENT:
        return str(verdict)
    word, comma, thin = verdict.partition(",")
    return f"{word} so far{comma}{thin}"


def verdict_words(figure: Row) -> str:
    """The verdict on a figure as tables show it."""
    verdict = so_far(verdict_of(figure), figure["status"] != "provisional")
    return verdict + (", incomplete data" if is_incomplete(figure) else "")


def availability_words(row: Row) -> str:
    """A figure as it may be shown, on its side of the commitment and of the tier that it reaches,
    as far as the row has them; without data there is no percentage.

    `row`: one of FIGURES, CREDITS or credit_steps."""
    if is_unseen(row):
        return str(Evidence.NONE)
    is_met = row.get("is_met")
    return percentage(
        row["availability_pct"],
        row.get("commitment_pct"),
        row.get("availability_tier_below_pct"),
        is_below=row.get("is_below_commitment", None if is_met is None else not is_met),
    )


def coverage_words(row: Row) -> str:
    """The coverage of a figure, on its side of the minimum that the contract requires (M6)."""
    least = row["min_coverage_pct"]
    return percentage(row["coverage_pct"], None if least is None else Decimal(least))


def downtime_words(row: Row, *, is_exact: bool = False) -> str:
    """The downtime of a figure as it may be shown, on its side of the error budget; without data
    it is not 0. `is_exact`: to the second."""
    if is_unseen(row):
        return str(Evidence.NONE)
    downtime = row["downtime_seconds"]
    return exact_duration(downtime) if is_exact else duration(downtime, row.get("budget_seconds"))


def budget_words(row: Row, *, is_exact: bool = False) -> str:
    """The rest of an error budget as it may be shown: without data it is not a time. `is_exact`: to
    the second."""
    if is_unseen(row):
        return str(Evidence.NONE)
    return (exact_duration if is_exact else duration)(row["budget_remaining_seconds"])


def is_unseen(row: Row) -> bool:
    """Whether a figure has no data behind it. `row`: one of FIGURES or CREDITS."""
    return row["availability_pct"] is not None and evidence_of(row) is Evidence.NONE


def last_seen_words(row: Row) -> str:
    """When the latest data under a contract is from. `row`: one of LAST_SEEN."""
    return f"{instant(row['last_seen_at'])} UTC" if row["last_seen_at"] else "never"


def is_incomplete(row: Row) -> bool:
    """Whether rejected or waiting rows are missing from a figure.

    Publications of an older version don't say."""
    return bool(row.get("is_incomplete"))


def incomplete_words(row: Row) -> str:
    """How many such rows there are, in words; empty without any."""
    if not is_incomplete(row):
        return ""
    rows = row["incomplete_rows"]
    return f"incomplete: {counted(rows, 'row')} {'was' if rows == 1 else 'were'} not used"


def evidence_words(row: Row) -> str:
    """The evidence of a figure as tables show it, and how many rows are missing.

    `row`: one of FIGURES or CREDITS."""
    evidence = (
        ""
        if row["availability_pct"] is None
        else evidence_of(row) + (" so far" if row["status"] == "provisional" else "")
    )
    return "; ".join(filter(None, [evidence, incomplete_words(row)])) or "–"


def is_thin(row: Row) -> bool:
    """Whether there was time to be seen, and too little of it was. `row`: one of FIGURES or
    CREDITS."""
    return row["availability_pct"] is not None and evidence_of(row) is not Evidence.SUFFICIENT


def is_sure(row: Row) -> bool:
    """Whether all data that a credit may rest on is there: then a credit of zero is known to be
    zero. `row`: one of CREDITS."""
    return not is_thin(row) and not is_incomplete(row)


THIN_BUDGET = "on thin evidence"


def budget_status_of(budget: Row) -> str:
    """The status of an error budget, as far as its period has data.

    `budget`: one of error_budgets, with its row of FIGURES as `figure`."""
    if budget["budget_status"] != "on_track":
        return budget["budget_status"].replace("_", " ")
    evidence = evidence_of(budget["figure"])
    return {
        Evidence.SUFFICIENT: "on track",
        Evidence.THIN: THIN_BUDGET,
        Evidence.NONE: "no data",
    }[evidence]
