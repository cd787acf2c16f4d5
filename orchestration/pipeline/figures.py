"""The expectations over marts after they are built: `expectations/marts.yaml`, and their frames."""

from functools import cache
from pathlib import Path
from typing import Any

import duckdb
from pydantic import BaseModel, ConfigDict

from makegood.expectations.protocol import FIGURES, Expected, Severity, Suite
from makegood.ingestion.sql import quoted
from makegood.ingestion.strict_yaml import Document
from makegood.orchestration.settings import PROJECT

FOLDER = PROJECT / "expectations"
# larger frames are looked at by the rows that are nearest to failing, so many for each expectation:
# rows cost Great Expectations a hundred times what they cost the engine
MOST_ROWS = 50_000
NEAREST = 1_000


class Figure(BaseModel):
    """An expectation over a frame; its fields are explained at the top of the file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    expect: str
    arguments: dict[str, Any]
    slack: str
    severity: Severity
    says: str
    means: str
    action: str | None = None


class Frame(BaseModel):
    """A frame, the mart that it is about, and what is expected of it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    frame: str
    mart: str
    expectations: list[Figure]

    @property
    def sql(self) -> str:
        return (FOLDER / "marts" / f"{self.frame}.sql").read_text()


class _Marts(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    action: str
    suites: list[Frame]


@cache
def marts() -> _Marts:
    """All of them, as the file has them."""
    return Document(FOLDER / "marts.yaml").validated(_Marts)


def figure_suites(work: Path, database: Path, folder: Path) -> list[Suite]:
    """The suites over what was built in `work` and `database`; their frames are written to
    `folder`."""
    suites = []
    with duckdb.connect(":memory:") as con:
        con.execute(f"attach '{quoted(work)}' as work (read_only)")
        con.execute(f"attach '{quoted(database)}' as makegood (read_only); use makegood")
        con.execute((FOLDER / "marts" / "macros.sql").read_text())
        for frame in marts().suites:
            path = folder / f"figures-{frame.frame}.parquet"
            con.execute(f"create temp table frame as {frame.sql}")
            (rows,) = con.execute("select count(*) from frame").fetchall()[0]
            chosen = _nearest(frame) if rows > MOST_ROWS else ""
            # in an order of its own: of several rows that fail, the first is named
            con.execute(
                f"copy (from frame {chosen} order by all) to '{quoted(path)}' (format parquet)"
            )
            con.execute("drop table frame")
            suites.append(Suite(FIGURES, frame.mart, str(path), _expected(frame)))
    return suites


def _nearest(frame: Frame) -> str:
    """The clause that leaves the rows that are nearest to failing an expectation."""
    ranks = (f"row_number() over (order by {f.slack})" for f in frame.expectations)
    return "qualify " + " or ".join(f"{rank} <= {NEAREST}" for rank in ranks)


def _expected(frame: Frame) -> list[Expected]:
    return [
        Expected(
            name=f.name,
            expect=f.expect,
            arguments=f.arguments,
            severity=f.severity,
            says=f.says,
            means=f.means,
            action=f.action or marts().action,
        )
        for f in frame.expectations
    ]
