"""How much was seen of what is behind a figure, and what the figure may be called (A6, M6).

Pages, charts, reports and the proof all judge here; no figure changes by it.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from enum import StrEnum

from makegood.dashboards.access.reader import Row
from makegood.dashboards.figures.words import duration, instant, percentage


class Evidence(StrEnum):
    """How much was seen of the time behind a figure."""

    SUFFICIENT = "sufficient"
    THIN = "thin"
    NONE = "not seen"


class Verdict(StrEnum):
    """What can be said of a commitment. Missed on thin evidence is missed: downtime was seen."""

    KEPT = "kept"
    KEPT_ON_THIN = "kept, on thin evidence"
    MISSED = "missed"
    MISSED_ON_THIN = "missed, on thin evidence"
    NOT_SEEN = "not seen"
    NO_COMMITMENT = "no commitment"


MISSES = (Verdict.MISSED, Verdict.MISSED_ON_THIN)


def evidence_of(row: Row) -> Evidence:
    """How much was seen of a figure's time, so far where it is not over (M6).

    `row`: one of FIGURES or CREDITS."""
    coverage, least = row["coverage_pct"], row["min_coverage_pct"]
    if not coverage and not row["downtime_seconds"]:
        return Evidence.NONE
    # an earlier version published no terms: there the contract's least coverage isn't known
    if row["status"] == "provisional" and least is not None:
        return (
            Evidence.THIN if coverage is None or coverage < Decimal(least) else Evidence.SUFFICIENT
        )
    return Evidence.THIN if row["low_coverage"] else Evidence.SUFFICIENT


def together(parts: Iterable[Evidence]) -> Evidence:
    """The evidence of a figure that rests on several: thin where they differ."""
    found = set(parts)
    return found.pop() if len(found) == 1 else Evidence.THIN if found else Evidence.NONE


def judged(is_met: bool | None, evidence: Evidence) -> Verdict:
    """What can be said of a commitment. `is_met`: by the exact figure (A6), None without one."""
    if is_met is None:
        return Verdict.NO_COMMITMENT
    if not is_met:
        return Verdict.MISSED if evidence is Evidence.SUFFICIENT else Verdict.MISSED_ON_THIN
    return {
        Evidence.SUFFICIENT: Verdict.KEPT,
        Evidence.THIN: Verdict.KEPT_ON_THIN,
        Evidence.NONE: Verdict.NOT_SEEN,
    }[evidence]


def verdict_of(figure: Row) -> Verdict:
    """What can be said of a figure's commitment. `figure`: one of FIGURES."""
    # where all is excluded there is nothing to see, and it is kept (A4)
    is_excluded = figure["status"] == "fully_excluded"
    return judged(figure["is_met"], Evidence.SUFFICIENT if is_excluded else evidence_of(figure))


def so_far(verdict: Verdict, is_over: bool) -> str:
    """A verdict in words; of a period that is not over it holds so far."""
    if is_over or verdict is Verdict.NO_COMMITMENT:
        return str(verdict)
    word, comma, thin = verdict.partition(",")
    return f"{word} so far{comma}{thin}"


def verdict_words(figure: Row) -> str:
    """The verdict on a figure as tables show it."""
    said = so_far(verdict_of(figure), figure["status"] != "provisional")
    return said + (", incomplete data" if is_incomplete(figure) else "")


def availability_words(row: Row) -> str:
    """A figure as it may be shown: no percentage of what was not seen.

    `row`: one of FIGURES or CREDITS."""
    return str(Evidence.NONE) if is_unseen(row) else percentage(row["availability_pct"])


def downtime_words(row: Row) -> str:
    """The downtime of a figure as it may be shown: not 0 where nothing was seen."""
    return str(Evidence.NONE) if is_unseen(row) else duration(row["downtime_seconds"])


def budget_words(row: Row) -> str:
    """What is left of an error budget as it may be shown: no time where nothing was seen."""
    return str(Evidence.NONE) if is_unseen(row) else duration(row["budget_remaining_seconds"])


def is_unseen(row: Row) -> bool:
    """Whether there is a figure of which nothing was seen. `row`: one of FIGURES or CREDITS."""
    return row["availability_pct"] is not None and evidence_of(row) is Evidence.NONE


def last_seen_words(row: Row) -> str:
    """When a contract was last seen. `row`: one of LAST_SEEN."""
    return f"{instant(row['last_seen_at'])} UTC" if row["last_seen_at"] else "never"


def is_incomplete(row: Row) -> bool:
    """Whether rows that were rejected or wait name what a figure is about.

    A publication of an older version does not say."""
    return bool(row.get("is_incomplete"))


def incomplete_words(row: Row) -> str:
    """How many such rows there are; empty without any."""
    if not is_incomplete(row):
        return ""
    rows = row["incomplete_rows"]
    return f"incomplete: {rows:,} {'row was' if rows == 1 else 'rows were'} not used"


def evidence_words(row: Row) -> str:
    """What a figure rests on, as tables show it: how much was seen, and what is missing.

    `row`: one of FIGURES or CREDITS."""
    seen = (
        ""
        if row["availability_pct"] is None
        else evidence_of(row) + (" so far" if row["status"] == "provisional" else "")
    )
    return "; ".join(filter(None, [seen, incomplete_words(row)])) or "–"


def kept_words(figures: Sequence[Row]) -> str:
    """How many commitments were kept, and of how many that can't be said.

    1 of 3 commitments kept, 1 kept on thin evidence, 1 not seen."""
    verdicts = [verdict_of(f) for f in figures]
    said = [f"{verdicts.count(Verdict.KEPT)} of {len(verdicts)} commitments kept"]
    said += [
        f"{verdicts.count(v)} {v.replace(',', '')}"
        for v in (Verdict.KEPT_ON_THIN, Verdict.NOT_SEEN)
        if v in verdicts
    ]
    return ", ".join(said)


THIN_COURSE = "on thin evidence"


def budget_status_of(budget: Row) -> str:
    """Where an error budget is heading, as far as its period was seen.

    `budget`: one of error_budgets, with its row of FIGURES as `figure`."""
    if budget["budget_status"] != "on_track":
        return budget["budget_status"].replace("_", " ")
    evidence = evidence_of(budget["figure"])
    return {
        Evidence.SUFFICIENT: "on track",
        Evidence.THIN: THIN_COURSE,
        Evidence.NONE: "not seen",
    }[evidence]
