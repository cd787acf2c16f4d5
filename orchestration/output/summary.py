"""What `makegood run` and `makegood migrate` print when they have published."""

import sys

from makegood.dashboards.figures.style import counted, thousands, timestamp
from makegood.dashboards.figures.words import printable
from makegood.orchestration.output.reports import suggested_month
from makegood.orchestration.pipeline.findings import Group, grouped
from makegood.orchestration.pipeline.run import Run


def _label(group: Group) -> str:
    return "finding" if group.severity == "warning" else "notice"


def summary(run: Run) -> str:
    """What a run has read, what it found, and where its results are; a line each."""
    assert run.reading is not None
    read = run.reading.feeds.values()
    waiting, rejected = run.new_rows_set_aside()
    rejected += sum(r.rows_rejected for r in read)
    in_all = sum(r.rows_read for r in read)
    published = run.warehouse.link
    month = suggested_month(run.warehouse.root, run.request.as_of)
    lines = [
        f"published as of {timestamp(run.request.as_of)}: "
        f"{counted(sum(r.files_read for r in read), 'new file')}; read {thousands(in_all)}, "
        f"landed {thousands(in_all - rejected - waiting)}, rejected {thousands(rejected)}, "
        f"waiting {thousands(waiting)}",
        *(f"{_label(group):<10}  {printable(group.in_words())}" for group in grouped(run.findings)),
        f"marts       {published / 'makegood.duckdb'} (schema marts), {published / 'parquet'}",
        f"dashboards  {sys.argv[0]} dashboards --warehouse {run.warehouse.root}",
        f"reports     {sys.argv[0]} report --warehouse {run.warehouse.root} "
        f"--all --month {month:%Y-%m} --out reports",
    ]
    return "\n".join(lines)
