"""The last periods of a subscription: availability beside its commitment, as a strip and as a table
(A4-A6, M6)."""

from makegood.dashboards.access.reader import Row
from makegood.dashboards.figures import periods
from makegood.dashboards.figures.evidence import (
    Verdict,
    availability_words,
    evidence_of,
    is_unseen,
    verdict_of,
)
from makegood.dashboards.proof.outcome import verdict_of_steps
from makegood.dashboards.reports.document import Cell, Column, Kind, Strip, Table, Value
from makegood.dashboards.reports.figures import Figures
from makegood.dashboards.reports.phrases import met

_STATES = {
    Verdict.KEPT: "met",
    Verdict.KEPT_ON_THIN: "thin",
    Verdict.MISSED: "missed",
    Verdict.MISSED_ON_THIN: "missed",
    Verdict.NO_DATA: "unseen",
    Verdict.NO_COMMITMENT: "none",
}


def strip(figures: Figures) -> Strip | None:
    """The periods side by side; None where there is no other one to compare with."""
    if not _is_told(figures):
        return None
    cells = tuple(_cell(figures, row) for row in figures.history)
    described = [f"{cell.name}: {cell.words}, {cell.figure}" for cell in cells]
    return Strip(_caption(figures), f"{_caption(figures)}. {'; '.join(described)}.", cells)


def table(figures: Figures) -> Table | None:
    """The same with exact figures."""
    if not _is_told(figures):
        return None
    columns = (
        Column(_kind(figures).capitalize()),
        Column("Commitment", Kind.AGREED),
        Column("Availability", Kind.PERCENTAGE),
        Column("Downtime", Kind.SECONDS),
        Column("Result", Kind.VERDICT),
    )
    return Table(_caption(figures), columns, tuple(_row(figures, row) for row in figures.history))


def _is_told(figures: Figures) -> bool:
    return len([row for row in figures.history if _is_covered(row)]) > 1


def _kind(figures: Figures) -> str:
    """Month, quarter or year: that of the figures."""
    is_own = figures.steps is not None or figures.period is None
    return figures.kind if is_own else str(figures.period["period_kind"])  # type: ignore[index]


def _caption(figures: Figures) -> str:
    number = len(figures.history)
    return f"The last {number} {_kind(figures)}s, each with its commitment"


def _is_covered(row: Row) -> bool:
    """Whether a figure is about covered time (E1); a region's always is."""
    return row.get("covered_seconds") != 0


def _is_over(row: Row) -> bool:
    return row["status"] != "provisional"


def _verdict(row: Row) -> Verdict:
    # a row of credit_steps, else one of FIGURES
    return verdict_of_steps(row, evidence_of(row)) if "terms_id" in row else verdict_of(row)


def _name(figures: Figures, row: Row) -> str:
    first = row["month"] if "terms_id" in row else row["period_start"]
    return periods.code(_kind(figures), first)


def _cell(figures: Figures, row: Row) -> Cell:
    name, is_over = _name(figures, row), _is_over(row)
    if not _is_covered(row):
        return Cell(name, "–", "not covered", "none", is_over)
    verdict = _verdict(row)
    figure = "no figure" if row["availability_pct"] is None else availability_words(row)
    if verdict is Verdict.NO_DATA:
        return Cell(name, "–", met(verdict, is_over), _STATES[verdict], is_over)
    return Cell(name, figure, met(verdict, is_over), _STATES[verdict], is_over)


def _row(figures: Figures, row: Row) -> tuple[Value, ...]:
    name = _name(figures, row)
    if not _is_covered(row):
        return name, None, None, None, "not covered"
    words = met(_verdict(row), _is_over(row))
    if row["availability_pct"] is not None and is_unseen(row):
        return name, row["commitment_pct"], None, None, words
    return name, row["commitment_pct"], row["availability_pct"], row["downtime_seconds"], words
