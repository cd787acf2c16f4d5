"""What `makegood status` says."""

from pathlib import Path

from orchestration.warehouse import Publication, Warehouse

# a claim is about to lapse when its window ends within so many days of as_of
LAPSING_DAYS = 14


def describe(root: Path) -> str:
    """What is published, since when, from which files, what waits, which claims lapse soon, and how the last runs ended."""
    warehouse = Warehouse(root)
    publication = warehouse.current()
    lines = _published(publication) if publication else ["nothing is published yet"]
    runs = warehouse.recorded()
    lines.append("")
    lines += [f"run {r['run_id']}: {r['status']}, as of {r['as_of']}" for r in runs[-5:]] or ["no run yet"]
    if runs and runs[-1]["status"] != "published":
        lines += ["", "the last run published nothing:"]
        lines += [f"  {reason}" for reason in runs[-1]["reasons"]]  # type: ignore[attr-defined]
        if "rejected_rows" in runs[-1]:
            lines.append(f"  rejected rows: {runs[-1]['rejected_rows']}")
    return "\n".join(lines)


def _published(publication: Publication) -> list[str]:
    run = publication.run()
    with publication.connect() as con:
        deliveries = con.execute(
            "select feed, count(*), sum(rows_read), max_by(path, delivery_id) from state.deliveries group by feed order by feed"
        ).fetchall()
        kept = con.execute("select feed, status, count(*) from quality.rejected_rows group by all order by all").fetchall()
        warnings = con.execute("select about, warning from quality.warnings order by all").fetchall()
        lapsing = con.execute(
            """select subscription_id, strftime(month, '%Y-%m'), credit_amount, currency, claim_deadline
               from marts.credits
               where claim_status = 'claimable' and reasons = '' and credit_amount > 0 and claim_deadline <= ?::date + ?
               order by claim_deadline, credit_amount desc, subscription_id""",
            [run["as_of"].date(), LAPSING_DAYS],  # type: ignore[attr-defined]
        ).fetchall()
    lines = [
        f"published     {publication.database}",
        f"as of         {run['as_of']:%Y-%m-%dT%H:%M:%SZ}",
        f"since         {run['finished_at']:%Y-%m-%dT%H:%M:%SZ}, run {run['run_id']}",
        "",
        "from files",
    ]
    lines += [f"  {feed:<16} {files:>6} files {rows:>12} rows, the last {path}" for feed, files, rows, path in deliveries]
    lines += ["", "not in the marts"] + ([f"  {feed:<16} {rows:>6} {status}" for feed, status, rows in kept] or ["  no row"])
    claims = [f"  {subscription:<16} {month} {amount:>14} {currency}, until {deadline}" for subscription, month, amount, currency, deadline in lapsing]
    lines += ["", f"claims about to lapse (within {LAPSING_DAYS} days, not requested)"] + (claims or ["  none"])
    lines += ["", "warnings"] + ([f"  {about}: {warning}" for about, warning in warnings] or ["  none"])
    return lines
