"""Queries for figures of availability and credits, and the names of their rows."""

from makegood.dashboards.access.reader import Row
from makegood.dashboards.figures import periods

# a credit that nobody has requested is called lapsing from so many days before its deadline
LAPSING_DAYS = 14

# the order of finance's pages: of rows with a period, a customer, a subscription and a currency
ORDER = "month desc, customer_name, customer_id, subscription_id, currency"

# the figures of all periods, each with its contract's name and minimum coverage
FIGURES = """
    select a.*, c.contract_name, t.value as min_coverage_pct
    from marts.availability as a
    inner join marts.contracts as c using (contract_id)
    left join marts.contract_terms as t
        on a.contract_id = t.contract_id and a.contract_version = t.contract_version
        and t.policy_key = 'availability.min_coverage_pct'
    order by a.contract_id, service_id, region, period_start
"""

# all credits, each with the coverage of its region (M6) and the downtime in its covered time (A5)
CREDITS = """
    select c.*, a.coverage_pct, t.value as min_coverage_pct, s.downtime_seconds
    from marts.credits as c
    left join marts.credit_steps as s using (subscription_id, month)
    left join marts.availability as a
        on c.contract_id = a.contract_id and c.service_id = a.service_id
        and c.region = a.region and c.month = a.period_start
    left join marts.contract_terms as t
        on a.contract_id = t.contract_id and a.contract_version = t.contract_version
        and t.policy_key = 'availability.min_coverage_pct'
"""


# the evidence of each credit, to join to other rows; publications of older versions lack some of it
CREDIT_EVIDENCE = f"""
    select subscription_id, month, currency,
           columns('^(low_coverage|(min_)?coverage_pct|is_incomplete|incomplete_rows)$')
    from ({CREDITS})
"""

# when the latest data under each contract is from; not in publications of older versions
LAST_SEEN = (
    "select contract_id, max(last_seen_at) as last_seen_at from marts.last_seen group by all"
)

# rejected or waiting rows that figures lack; not in publications of older versions
GAPS = """
    select distinct sentence, reason, feed, file, line, status, rule, column_name
    from marts.evidence_gaps
"""

# the gaps of a credit and of the availability of its region; OF_CREDIT are its parameters
GAPS_OF_CREDIT = f"""
    {GAPS}
    where (figure = 'credits' and subscription_id = ? and period_start = ?)
       or (figure = 'availability' and contract_id = ? and service_id = ? and region = ?
           and period_start = ?)
    order by feed, file, line
"""
OF_CREDIT = ("subscription_id", "month", "contract_id", "service_id", "region", "month")
GAPS_OF_FIGURE = f"""
    {GAPS}
    where figure = 'availability' and contract_id = ? and service_id = ? and region = ?
        and period_start = ?
    order by feed, file, line
"""
GAPS_OF_TICKET = f"{GAPS} where figure = 'ticket_sla' and ticket_id = ? order by feed, file, line"

# the columns of these queries that no mart of credits has
DESCRIPTIONS = {
    "coverage_pct": "Share of active time up to as_of that is not unknown, per cent (M6).",
    "min_coverage_pct": "Minimum coverage under the contract, per cent (M6).",
    "downtime_seconds": "Seconds of downtime in covered time (A5).",
    "low_coverage": "The period is final and coverage is below the policy (M6).",
    "is_incomplete": "Whether rejected or waiting rows are missing from it.",
    "incomplete_rows": "How many such rows.",
}


def service_and_region(row: Row) -> str:
    """Service and region."""
    return f"{row['service_id']} · {row['region']}"


def key_of(row: Row) -> tuple[object, ...]:
    """The figure of availability that a row is, or belongs to."""
    return tuple(row[k] for k in ("contract_id", "service_id", "region", "period_start"))


def credit_key(row: Row) -> tuple[object, ...]:
    """The credit that a row is, or belongs to."""
    return tuple(row[k] for k in ("subscription_id", "month", "currency"))


def period(row: Row) -> str:
    """The period of a figure, in tables: 2026-06, 2026 Q2, 2026."""
    return periods.code(row["period_kind"], row["period_start"])


# days since a credit fell due; publications of older versions don't say
AGES = ("0 to 30 days", "31 to 60 days", "over 60 days", "age unknown")


def age_of(row: Row) -> str:
    """How long a credit has been due, as one of AGES. `row`: of credit_reconciliation."""
    days = row.get("days_due")
    return AGES[3] if days is None else AGES[0 if days <= 30 else 1 if days <= 60 else 2]
