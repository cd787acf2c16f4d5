"""What `makegood status` says."""

import shlex
from pathlib import Path

import duckdb

from makegood.dashboards.figures.queries import LAPSING_DAYS
from makegood.dashboards.figures.words import printable
from makegood.orchestration.alerts.kinds import lapsing_claims
from makegood.orchestration.alerts.store import listed
from makegood.orchestration.pipeline.findings import FINDINGS, grouped
from makegood.orchestration.warehouse.publication import Publication
from makegood.orchestration.warehouse.store import ROLLED_BACK, Damaged, Warehouse

MOST_ALERTS = 3


def describe(root: Path) -> str:
    """What is published, since when, from which files, what waits, which claims lapse soon, which alerts are open, and how the last runs ended."""
    warehouse = Warehouse(root)
    publication = warehouse.current()
    if publication and not publication.is_readable:
        damage = [
            f"  {publication.folder / name} {what}" for name, what in publication.damage.items()
        ]
        lines = [
            "what is published is damaged: run again, it is built anew from what has landed",
            *damage,
        ]
    else:
        lines = _published(publication) if publication else ["nothing is published yet"]
    if publication and publication.has_state and (told := warehouse.other_layout(publication)):
        lines = [*told, "", *lines]
    runs = warehouse.recorded()
    lines += ["", "open alerts", *listed(warehouse.root, MOST_ALERTS), ""]
    lines += [
        f"run {r.run_id}: {r.status}" + (f", as of {r.as_of:%Y-%m-%dT%H:%M:%SZ}" if r.as_of else "")
        for r in runs[-5:]
    ] or ["no run yet"]
    lines += [
        "",
        f"to go back to (makegood rollback --warehouse {shlex.quote(str(warehouse.root))})",
        *_earlier(warehouse),
    ]
    if runs and runs[-1].status == ROLLED_BACK:
        lines += [
            "",
            "the last run was a rollback:",
            *(f"  {reason}" for reason in runs[-1].reasons),
        ]
    elif runs and runs[-1].status != "published":
        lines += ["", "the last run published nothing:"]
        lines += [f"  {line}" for reason in runs[-1].reasons for line in reason.split("\n")]
        if runs[-1].rejected_rows:
            lines.append(f"  rejected rows: {runs[-1].rejected_rows}")
        if runs[-1].data_docs:
            lines.append(f"  data docs: {runs[-1].data_docs}")
    return "\n".join(map(printable, lines))


def _earlier(warehouse: Warehouse) -> list[str]:
    try:
        earlier = [publication.run() for publication in warehouse.earlier()]
    except Damaged:
        earlier = []
    return [
        f"  run {run['run_id']}, as of {run['as_of']:%Y-%m-%dT%H:%M:%SZ}" for run in earlier
    ] or ["  none"]


def _has_findings(con: duckdb.DuckDBPyConnection) -> bool:
    """Whether what is published was written by a version that looks for findings."""
    return bool(
        con.execute(
            "select 1 from information_schema.tables where table_schema = 'quality' and table_name = 'findings'"
        ).fetchall()
    )


def _published(publication: Publication) -> list[str]:
    run = publication.run()
    with publication.connect() as con:
        deliveries = con.execute(
            "select feed, count(*), sum(rows_read), max_by(path, delivery_id) from state.deliveries group by feed order by feed"
        ).fetchall()
        kept = con.execute(
            "select feed, status, count(*) from quality.rejected_rows group by all order by all"
        ).fetchall()
        found = con.sql("select * from quality.findings").pl() if _has_findings(con) else None
        warnings = con.execute(
            "select about, warning from quality.warnings order by all"
        ).fetchall()
        lapsing = lapsing_claims(con, LAPSING_DAYS)
    lines = [
        f"published     {publication.database}",
        f"as of         {run['as_of']:%Y-%m-%dT%H:%M:%SZ}",
        f"since         {run['finished_at']:%Y-%m-%dT%H:%M:%SZ}, run {run['run_id']}",
        "",
        "from files",
    ]
    lines += [
        f"  {feed:<16} {files:>6} files {rows:>12} rows, the last {path}"
        for feed, files, rows, path in deliveries
    ]
    lines += ["", "not in the marts"] + (
        [f"  {feed:<16} {rows:>6} {status}" for feed, status, rows in kept] or ["  no row"]
    )
    claims = [
        f"  {c['subscription_id']:<16} {c['month']:%Y-%m} {c['credit_amount']:>14} {c['currency']}, until {c['claim_deadline']}"
        for c in lapsing
    ]
    lines += ["", f"claims about to lapse (within {LAPSING_DAYS} days, not requested)"] + (
        claims or ["  none"]
    )
    groups = [] if found is None else grouped(found.cast(FINDINGS))
    lines += ["", "findings"] + (
        [f"  {group.severity}: {group.in_words()}" for group in groups] or ["  none"]
    )
    lines += ["", "warnings"] + (
        [f"  {about}: {warning}" for about, warning in warnings] or ["  none"]
    )
    return lines
