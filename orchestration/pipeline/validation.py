"""Has the expectations evaluated beside the run: the worker starts with the run and is ready when there is something to validate."""

import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import duckdb
import polars as pl

from makegood.expectations.protocol import (
    CheckResult,
    ColumnExpected,
    FeedExpected,
    HistoryExpected,
    Job,
)
from makegood.ingestion.feeds.specs import feeds
from makegood.ingestion.feeds.typing import DELETED
from makegood.ingestion.landing.land import CHECKS, FeedSettings, Reading
from makegood.ingestion.landing.probes import STATES
from makegood.ingestion.sql import quoted
from makegood.orchestration.pipeline.thresholds import in_words, judged
from makegood.orchestration.settings import PROJECT, quiet_environment

# beyond this, a feed is validated by its profile: rows cost Great Expectations more than the rest of the run
MOST_ROWS = 50_000


class ValidationFailed(RuntimeError):
    """The expectations could not be evaluated."""


class Validation:
    """The worker of a run."""

    def __init__(self) -> None:
        self._worker: subprocess.Popen[str] | None = None

    def start(self) -> None:
        command = [sys.executable, "-P", "-m", "makegood.expectations.worker"]
        pipe = subprocess.PIPE
        self._worker = subprocess.Popen(
            command,
            cwd=PROJECT,
            env=quiet_environment(),
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
            text=True,
        )

    def begin(
        self,
        work: Path,
        folder: Path,
        reading: Reading | None,
        settings: dict[str, FeedSettings],
        compared: pl.DataFrame,
    ) -> None:
        """Hands over what was landed, and what it looks like beside its past (`profiles.compared`)."""
        assert self._worker is not None
        assert self._worker.stdin is not None
        job = job_of(work, folder, reading, settings, compared)
        try:
            self._worker.stdin.write(json.dumps(asdict(job)) + "\n")
            self._worker.stdin.flush()
        except BrokenPipeError:
            pass  # `results` says why the worker ended

    def results(self) -> list[CheckResult]:
        """The results; waits for them. Raises ValidationFailed."""
        assert self._worker is not None
        out, err = self._worker.communicate()
        if self._worker.returncode or not out.strip():
            raise ValidationFailed(
                "the expectations could not be evaluated: "
                + (err.strip().splitlines() or ["no answer"])[-1]
            )
        return [CheckResult(**r) for r in json.loads(out)]

    def stop(self) -> None:
        if self._worker is not None and self._worker.poll() is None:
            self._worker.kill()
            self._worker.communicate()


def job_of(
    work: Path,
    folder: Path,
    reading: Reading | None,
    settings: dict[str, FeedSettings],
    compared: pl.DataFrame,
) -> Job:
    """What is to be validated; the rows and measures themselves are files below `folder`."""
    return Job(_expected(work, folder, reading, settings), _history(folder, settings, compared))


def _history(
    folder: Path, settings: dict[str, FeedSettings], compared: pl.DataFrame
) -> list[HistoryExpected]:
    described = []
    for number, (threshold, rows) in enumerate(judged(compared, settings)):
        path = folder / f"history-{number}.parquet"
        said = [in_words(threshold, row) for row in rows.iter_rows(named=True)]
        rows.select("feed", "subject", "deviation").with_columns(
            pl.Series("said", said, pl.String)
        ).write_parquet(path)
        at_least, at_most = (
            None if bound is None else float(bound)
            for bound in (threshold.at_least, threshold.at_most)
        )
        assert threshold.severity != "off"
        described.append(
            HistoryExpected(
                threshold.name,
                str(path),
                at_least,
                at_most,
                threshold.severity,
                threshold.means,
                threshold.action,
            )
        )
    return described


def _expected(
    work: Path, folder: Path, reading: Reading | None, settings: dict[str, FeedSettings]
) -> list[FeedExpected]:
    described = []
    with duckdb.connect(str(work), read_only=True) as con:
        for feed in feeds().values():
            if feed.feed == CHECKS:
                columns = [
                    ColumnExpected("series_id", True),
                    ColumnExpected("checked_at_s", True),
                    ColumnExpected("state", True, values=sorted(STATES.values())),
                    ColumnExpected("latency_ms", False, minimum=0),
                ]
                living = "landed.checks"
            else:
                columns = [
                    ColumnExpected(c.landed, c.required, c.values, c.minimum) for c in feed.columns
                ]
                living = f"(select * from landed.{feed.feed} where not {DELETED})"
            found = reading.feeds[feed.feed] if reading else None
            read, rejected = (found.rows_read, found.rows_rejected) if found else (0, 0)
            measures = [
                "count(*) as rows_landed",
                f"{read} as rows_read",
                f"{rejected} as rows_rejected",
                f"{100 * rejected / read if read else 0.0} as rejected_pct",
            ]
            for c in columns:
                measures.append(f"count(*) filter (where {c.name} is null) as nulls_{c.name}")
                outside = (
                    [f"{c.name} not in ({', '.join(map(repr, c.values))})"] if c.values else []
                )
                outside += [f"{c.name} < {c.minimum}"] if c.minimum is not None else []
                if outside:
                    measures.append(
                        f"count(*) filter (where {' or '.join(outside)}) as outside_{c.name}"
                    )
            profile = folder / f"profile-{feed.feed}.parquet"
            con.execute(
                f"copy (select {', '.join(measures)} from {living} as living) to '{quoted(profile)}' (format parquet)"
            )
            row = con.execute(
                f"select rows_landed from read_parquet('{quoted(profile)}')"
            ).fetchall()[0]
            rows = None
            if row[0] <= MOST_ROWS:
                rows = folder / f"rows-{feed.feed}.parquet"
                con.execute(
                    f"copy (select {', '.join(c.name for c in columns)} from {living} as living) to '{quoted(rows)}' (format parquet)"
                )
            limit = float(settings[feed.feed].max_rejected_pct)
            described.append(
                FeedExpected(feed.feed, columns, str(rows) if rows else None, str(profile), limit)
            )
    return described
