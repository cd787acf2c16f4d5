"""How figures of availability and credits are read and named on pages and in reports."""

from makegood.dashboards.access.reader import Row

# so many days before its deadline a claim that nobody has asked for is called lapsing
LAPSING_DAYS = 14

# the figures of all periods, each with the name of its contract and the coverage that it asks for
FIGURES = """
    select a.*, c.contract_name, t.value as min_coverage_pct
    from marts.availability as a
    inner join marts.contracts as c using (contract_id)
    left join marts.contract_terms as t
        on a.contract_id = t.contract_id and a.contract_version = t.contract_version and t.policy_key = 'availability.min_coverage_pct'
    order by a.contract_id, service_id, region, period_start
"""

# all credits, each with the coverage of its region (M6) and the downtime in its covered time (A5)
CREDITS = """
    select c.*, a.coverage_pct, t.value as min_coverage_pct, s.downtime_seconds
    from marts.credits as c
    left join marts.credit_steps as s using (subscription_id, month)
    left join marts.availability as a
        on c.contract_id = a.contract_id and c.service_id = a.service_id and c.region = a.region and c.month = a.period_start
    left join marts.contract_terms as t
        on a.contract_id = t.contract_id and a.contract_version = t.contract_version and t.policy_key = 'availability.min_coverage_pct'
"""


# what a credit rests on, to go with rows about it; publications of older versions lack some of it
CREDIT_EVIDENCE = f"""
    select subscription_id, month, currency, columns('^(low_coverage|(min_)?coverage_pct|is_incomplete|incomplete_rows)$')
    from ({CREDITS})
"""

# when each contract was last seen; not in publications of older versions
LAST_SEEN = (
    "select contract_id, max(last_seen_at) as last_seen_at from marts.last_seen group by all"
)

# rows that were rejected or wait and that figures lack; not in publications of older versions
GAPS = """
    select distinct sentence, reason, feed, file, line, status, rule, column_name
    from marts.evidence_gaps
"""

# those of a credit, and of the availability of its region; its parameters are columns of CREDITS
GAPS_OF_CREDIT = f"""
    {GAPS}
    where (figure = 'credits' and subscription_id = ? and period_start = ?)
       or (figure = 'availability' and contract_id = ? and service_id = ? and region = ? and period_start = ?)
    order by feed, file, line
"""
OF_CREDIT = ("subscription_id", "month", "contract_id", "service_id", "region", "month")
GAPS_OF_FIGURE = f"""
    {GAPS}
    where figure = 'availability' and contract_id = ? and service_id = ? and region = ? and period_start = ?
    order by feed, file, line
"""
GAPS_OF_TICKET = f"{GAPS} where figure = 'ticket_sla' and ticket_id = ? order by feed, file, line"

# columns of these that are of no mart of credits
DESCRIPTIONS = {
    "coverage_pct": "Share of active time up to as_of that is not unknown, per cent (M6).",
    "min_coverage_pct": "Coverage that the contract asks for at least, per cent (M6).",
    "downtime_seconds": "Seconds of downtime in covered time (A5).",
    "low_coverage": "The period is final and coverage is below the policy (M6).",
    "is_incomplete": "Whether a rejected or waiting row is missing in it.",
    "incomplete_rows": "How many such rows.",
}


def service_and_region(row: Row) -> str:
    """Service and region."""
    return f"{row['service_id']} · {row['region']}"


def key_of(row: Row) -> tuple[object, ...]:
    """Which figure of availability a row is, or is about."""
    return tuple(row[k] for k in ("contract_id", "service_id", "region", "period_start"))


def credit_key(row: Row) -> tuple[object, ...]:
    """Which credit a row is, or is about."""
    return tuple(row[k] for k in ("subscription_id", "month", "currency"))


def period(row: Row) -> str:
    """The period of a figure: 2026-06, or 2026 Q2 for a quarter."""
    first = row["period_start"]
    return (
        f"{first:%Y-%m}"
        if row["period_kind"] == "month"
        else f"{first:%Y} Q{(first.month + 2) // 3}"
    )
