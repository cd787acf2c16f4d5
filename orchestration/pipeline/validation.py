"""Has the expectations evaluated beside the run: the worker starts with the run, and is ready when
there is something to evaluate."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

import duckdb
import polars as pl

from makegood.expectations.protocol import (
    HISTORY,
    VOLUME,
    ExpectationResult,
    Expected,
    Suite,
)
from makegood.ingestion.feeds.specs import feeds
from makegood.ingestion.landing.land import FeedSettings
from makegood.ingestion.landing.profiles import in_force
from makegood.ingestion.sql import quoted
from makegood.orchestration.pipeline.thresholds import Threshold, in_words, judged
from makegood.orchestration.settings import PROJECT, quiet_environment


class ValidationFailed(RuntimeError):
    """The expectations could not be evaluated."""


class Validation:
    """The worker of a run. Suites are handed over as soon as their frames are there; their results
    come in the same order."""

    def __init__(self) -> None:
        self._worker: subprocess.Popen[str] | None = None
        self._errors: IO[str] | None = None
        self._begun = 0

    def start(self) -> None:
        # a file: a pipe that nobody reads until the end would fill up; `stop` closes it
        self._errors = TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115
        self._worker = subprocess.Popen(
            [sys.executable, "-m", "makegood.expectations.worker"],
            cwd=PROJECT,
            env=quiet_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
        )

    def begin(self, suites: list[Suite]) -> None:
        """Hands over suites; they are evaluated while the run goes on."""
        assert self._worker is not None
        assert self._worker.stdin is not None
        self._begun += 1
        try:
            self._worker.stdin.write(json.dumps([asdict(s) for s in suites]) + "\n")
            self._worker.stdin.flush()
        except BrokenPipeError:
            pass  # `results` says why the worker ended

    def results(self) -> list[ExpectationResult]:
        """The results of all suites that were begun; waits for them. Raises ValidationFailed."""
        assert self._worker is not None
        assert self._worker.stdout is not None
        found: list[ExpectationResult] = []
        for _ in range(self._begun):
            line = self._worker.stdout.readline()
            if not line:
                raise ValidationFailed(f"the expectations could not be evaluated: {self._why()}")
            found += [ExpectationResult(**r) for r in json.loads(line)]
        self._begun = 0
        return found

    def _why(self) -> str:
        """The last line that the worker wrote before it ended."""
        assert self._errors is not None
        self._errors.seek(0)
        return (self._errors.read().strip().splitlines() or ["no answer"])[-1]

    def stop(self) -> None:
        if self._worker is not None:
            self._worker.kill()
            self._worker.communicate()
        if self._errors is not None:
            self._errors.close()


def feed_suites(
    work: Path, folder: Path, settings: dict[str, FeedSettings], compared: pl.DataFrame
) -> list[Suite]:
    """The suites over what was landed in `work`, and over what it looks like beside its past
    (`profiles.compared`); their frames are written to `folder`."""
    return [*_volumes(work, folder), *_histories(folder, settings, compared)]


EMPTY = Expected(
    name="empty",
    expect="ExpectTableRowCountToBeBetween",
    arguments={"min_value": 1},
    severity="warn",
    says="nothing of this feed is in force",
    means="It counts as empty: what rests on it has no figures, or none of it in them.",
    action="Deliver it; where there is nothing to deliver, nothing has to be done.",
)


def _volumes(work: Path, folder: Path) -> Iterator[Suite]:
    """A suite per feed over whether it has any row at all; one row is as good as all of them."""
    with duckdb.connect(str(work), read_only=True) as con:
        for feed in feeds().values():
            path = folder / f"volume-{feed.feed}.parquet"
            rows = f"select 1 as row from landed.{feed.feed} where {in_force(feed)} limit 1"
            con.execute(f"copy ({rows}) to '{quoted(path)}' (format parquet)")
            yield Suite(VOLUME, feed.feed, str(path), [EMPTY])


def _histories(
    folder: Path, settings: dict[str, FeedSettings], compared: pl.DataFrame
) -> Iterator[Suite]:
    """A suite per feed and set of bounds: each measure beside the least and the most it may be."""
    for number, (threshold, judged_rows) in enumerate(judged(compared, settings)):
        for (feed,), rows in judged_rows.group_by("feed", maintain_order=True):
            path = folder / f"history-{number}-{feed}.parquet"
            said = [in_words(threshold, row) for row in rows.iter_rows(named=True)]
            # a column says what it holds: `rows` beside the least and the most of them
            frame = rows.select(
                "subject", pl.col("value").alias(threshold.measure), "least", "most"
            )
            frame.with_columns(pl.Series("said", said, pl.String)).write_parquet(path)
            yield Suite(HISTORY, str(feed), str(path), _bounds(threshold), has_subjects=True)


def _bounds(threshold: Threshold) -> list[Expected]:
    """What is expected of a measure beside its `least` and `most`, as far as it is bounded."""
    assert threshold.severity != "off"
    pairs = [
        (threshold.measure, "least", threshold.at_least),
        ("most", threshold.measure, threshold.at_most),
    ]
    return [
        Expected(
            name=threshold.name,
            expect="ExpectColumnPairValuesAToBeGreaterThanB",
            arguments={"column_A": greater, "column_B": lesser, "or_equal": True},
            severity=threshold.severity,
            says="{said}",
            means=threshold.means,
            action=threshold.action,
        )
        for greater, lesser, bound in pairs
        if bound is not None
    ]
