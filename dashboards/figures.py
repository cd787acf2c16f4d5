"""How figures of availability are named on pages."""

from dashboards.gate import Row

# so many days before its deadline a claim that nobody has asked for is called lapsing
LAPSING_DAYS = 14

# the figures of all periods, each with the name of its contract
FIGURES = """
    select a.*, c.contract_name
    from marts.availability as a inner join marts.contracts as c using (contract_id)
    order by contract_id, service_id, region, period_start
"""


def place(row: Row) -> str:
    """Service and region."""
    return f"{row['service_id']} · {row['region']}"


def period(row: Row) -> str:
    """The period of a figure: 2026-06, or 2026 Q2 for a quarter."""
    first = row["period_start"]
    return f"{first:%Y-%m}" if row["period_kind"] == "month" else f"{first:%Y} Q{(first.month + 2) // 3}"
