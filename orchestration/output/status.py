"""What `makegood status` shows: as data, and in words."""

import shlex
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
from pydantic import BaseModel

from makegood.dashboards.figures import periods
from makegood.dashboards.figures.operations import RunRecord
from makegood.dashboards.figures.queries import LAPSING_DAYS
from makegood.dashboards.figures.style import counted, money, thousands, timestamp
from makegood.dashboards.figures.words import printable
from makegood.orchestration.alerts.kinds import lapsing_claims
from makegood.orchestration.alerts.store import OpenAlert, listed, open_alerts
from makegood.orchestration.pipeline.findings import FINDINGS, Group, grouped
from makegood.orchestration.warehouse.publication import Publication
from makegood.orchestration.warehouse.store import ROLLED_BACK, Damaged, Warehouse

# of each kind of alert, and of runs
MOST_ALERTS, MOST_RUNS = 3, 5


class Delivered(BaseModel):
    """What a feed has delivered: files, their rows, and the path of the last one."""

    feed: str
    files: int
    rows: int
    last_path: str


class SetAside(BaseModel):
    """Rows of a feed that are in no mart. `status`: `rejected` or `waiting`."""

    feed: str
    status: str
    rows: int


class Claim(BaseModel):
    """A credit that nobody has requested, and that lapses soon (C5)."""

    subscription_id: str
    customer_id: str
    # publications of older versions know months alone
    period_kind: str = "month"
    month: date
    credit_amount: Decimal
    currency: str
    claim_deadline: date


class RunWarning(BaseModel):
    """A warning of the run that published. `about`: a feed, a monitor, a file or the warehouse."""

    about: str
    warning: str


class Published(BaseModel):
    database: Path
    as_of: datetime
    since: datetime
    run_id: str
    delivered: list[Delivered]
    set_aside: list[SetAside]
    lapsing_claims: list[Claim]
    lapsing_own_claims: list[Claim]
    findings: list[Group]
    warnings: list[RunWarning]


class Earlier(BaseModel):
    """A publication to which a rollback can go back."""

    run_id: str
    as_of: datetime


class Status(BaseModel):
    """`published`: None before the first publication, or if its database is damaged.

    `damage`: what is wrong with each damaged file of what is published, by its path. `layout`: if
    the warehouse is of another layout, what that means and what to do. `open_alerts`: None if they
    can't be read. `runs`: the last ones, the latest last.
    """

    warehouse: Path
    published: Published | None
    damage: dict[str, str]
    layout: list[str]
    open_alerts: list[OpenAlert] | None
    runs: list[RunRecord]
    earlier: list[Earlier]


def status_of(root: Path) -> Status:
    warehouse = Warehouse(root)
    publication = warehouse.current()
    other_layout = None
    if publication and publication.has_state:
        other_layout = warehouse.other_layout(publication)
    is_readable = publication is not None and publication.is_readable
    return Status(
        warehouse=warehouse.root,
        published=_published(publication) if publication and is_readable else None,
        damage={str(publication.folder / name): what for name, what in publication.damage.items()}
        if publication and not is_readable
        else {},
        layout=list(other_layout or []),
        open_alerts=open_alerts(root),
        runs=warehouse.recorded()[-MOST_RUNS:],
        earlier=_earlier(warehouse),
    )


def describe(root: Path) -> str:
    """The status of a warehouse in words, for a terminal."""
    status = status_of(root)
    lines = [*status.layout, ""] if status.layout else []
    if status.damage:
        lines.append("what is published is damaged: run again to build it from what has landed")
        lines += [f"  {path} {what}" for path, what in status.damage.items()]
    elif status.published:
        lines += _published_in_words(status.published)
    else:
        lines.append("nothing is published yet")
    lines += ["", "open alerts", *listed(root, MOST_ALERTS), ""]
    lines += [
        f"run {run.run_id}: {run.status}" + (f", as of {timestamp(run.as_of)}" if run.as_of else "")
        for run in status.runs
    ] or ["no run yet"]
    command = f"makegood rollback --warehouse {shlex.quote(str(status.warehouse))}"
    lines += ["", f"to go back to ({command})"]
    lines += [f"  run {e.run_id}, as of {timestamp(e.as_of)}" for e in status.earlier] or ["  none"]
    if status.runs:
        lines += _last_run_in_words(status.runs[-1])
    return "\n".join(map(printable, lines))


def _last_run_in_words(run: RunRecord) -> list[str]:
    """Why the last run published nothing, or what a rollback did."""
    reasons = [f"  {line}" for reason in run.reasons for line in reason.split("\n")]
    if run.status == "published":
        return []
    if run.status == ROLLED_BACK:
        return ["", "the last run was a rollback:", *reasons]
    lines = ["", "the last run published nothing:", *reasons]
    if run.rejected_rows:
        lines.append(f"  rejected rows: {run.rejected_rows}")
    if run.data_docs:
        lines.append(f"  data docs: {run.data_docs}")
    return lines


def _earlier(warehouse: Warehouse) -> list[Earlier]:
    try:
        runs = [publication.run() for publication in warehouse.earlier()]
    except Damaged:
        return []
    return [Earlier(run_id=run["run_id"], as_of=run["as_of"]) for run in runs]


def _has_findings(con: duckdb.DuckDBPyConnection) -> bool:
    """Whether what is published was written by a version that looks for findings."""
    return bool(
        con.execute(
            "select 1 from information_schema.tables "
            "where table_schema = 'quality' and table_name = 'findings'"
        ).fetchall()
    )


def _published(publication: Publication) -> Published:
    run = publication.run()
    with publication.connect() as con:
        delivered = con.sql(
            "select feed, count(*) as files, cast(sum(rows_read) as bigint) as rows, "
            "max_by(path, delivery_id) as last_path "
            "from state.deliveries group by feed order by feed"
        ).pl()
        set_aside = con.sql(
            "select feed, status, count(*) as rows "
            "from quality.rejected_rows group by all order by all"
        ).pl()
        found = con.sql("select * from quality.findings").pl() if _has_findings(con) else None
        warnings = con.sql("select about, warning from quality.warnings order by all").pl()
        claims = lapsing_claims(con, LAPSING_DAYS)
        own_claims = lapsing_claims(con, LAPSING_DAYS, "own_claims")
    return Published(
        database=publication.database,
        as_of=run["as_of"],
        since=run["finished_at"],
        run_id=run["run_id"],
        delivered=[Delivered(**row) for row in delivered.to_dicts()],
        set_aside=[SetAside(**row) for row in set_aside.to_dicts()],
        lapsing_claims=[Claim(**row) for row in claims],
        lapsing_own_claims=[Claim(**row) for row in own_claims],
        findings=[] if found is None else grouped(found.cast(FINDINGS)),
        warnings=[RunWarning(**row) for row in warnings.to_dicts()],
    )


def _claims_in_words(claims: list[Claim]) -> list[str]:
    return [
        f"  {c.subscription_id:<16} {periods.code(c.period_kind, c.month):<7} "
        f"{money(c.credit_amount, c.currency):>18}, until {c.claim_deadline}"
        for c in claims
    ]


def _published_in_words(published: Published) -> list[str]:
    lines = [
        f"published     {published.database}",
        f"as of         {timestamp(published.as_of)}",
        f"since         {timestamp(published.since)}, run {published.run_id}",
        "",
        "from files",
    ]
    lines += [
        f"  {d.feed:<16} {counted(d.files, 'file'):>12} {counted(d.rows, 'row'):>16}, "
        f"the last {d.last_path}"
        for d in published.delivered
    ]
    lines += ["", "not in the marts"]
    lines += [f"  {s.feed:<16} {thousands(s.rows):>6} {s.status}" for s in published.set_aside] or [
        "  no row"
    ]
    lines += ["", f"claims about to lapse (within {LAPSING_DAYS} days, not requested)"]
    lines += _claims_in_words(published.lapsing_claims) or ["  none"]
    if published.lapsing_own_claims:
        lines += ["", f"claims of our own about to lapse (within {LAPSING_DAYS} days)"]
        lines += _claims_in_words(published.lapsing_own_claims)
    lines += ["", "findings"]
    lines += [f"  {group.severity}: {group.in_words()}" for group in published.findings] or [
        "  none"
    ]
    lines += ["", "warnings"]
    lines += [f"  {w.about}: {w.warning}" for w in published.warnings] or ["  none"]
    return lines
