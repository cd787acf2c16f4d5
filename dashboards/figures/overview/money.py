"""What misses cost: amounts by currency, which are never added across currencies (C5-C7)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from makegood.dashboards.access.reader import Row
from makegood.dashboards.figures import periods
from makegood.dashboards.figures.evidence import is_incomplete, is_thin
from makegood.dashboards.figures.overview.lines import Link
from makegood.dashboards.figures.queries import CREDITS, LAPSING_DAYS
from makegood.dashboards.figures.style import counted, thousands

# what is due and issued, each with its contract
SETTLED = """
    select s.contract_id, r.month, r.currency, r.difference
    from marts.credit_reconciliation as r
    inner join marts.subscriptions as s using (subscription_id)
"""

# lapsed credits are those of so many months, the current one included
LAPSED_MONTHS = 12

# credits of periods from the first one of their contract on, and older ones that may still be paid;
# those alike in all that is asked of them are a row, with their sum and their number as `credits`.
# The parameters are the contracts' ids and those first days; publications of older versions lack a
# column
RECENT = f"""
    select columns('^(contract_id|month|currency|exposure|status|claim_deadline|days_left|reasons|'
                   || 'availability_pct|coverage_pct|min_coverage_pct|low_coverage|'
                   || 'downtime_seconds|is_incomplete)$'),
           sum(credit_amount) as credit_amount, count(*) as credits
    from (
        select c.* from ({CREDITS}) as c
        inner join (
            select unnest(?::varchar[]) as contract_id, unnest(?::date[]) as earliest
        ) as since using (contract_id)
        where c.month >= since.earliest or c.exposure in ('payable', 'claimable', 'at_stake')
    )
    group by all
"""


@dataclass(frozen=True)
class Change:
    """Credits of the last finished period beside those of the one before.

    `reason`: why they can't be compared; both amounts are None then."""

    kind: str
    last: date
    amount: Decimal | None
    before: Decimal | None
    reason: str = ""


@dataclass(frozen=True)
class Cost:
    """The amounts of a currency, as exact as the marts have them. `owed`: due and not issued yet;
    `unclaimed`: eligible, and nobody has asked for it; `expiring`: of it, in LAPSING_DAYS at the
    latest; `at_stake`: of periods in progress; `lapsed`: of LAPSED_MONTHS. `months`: those of
    `lapsed`, as filters have them."""

    currency: str
    owed: Decimal
    unclaimed: Decimal
    expiring: Decimal
    at_stake: Decimal
    lapsed: Decimal
    changes: Sequence[Change]
    months: Sequence[str]
    contracts: Sequence[str]

    @property
    def links(self) -> dict[str, Link]:
        """The list behind each amount."""
        where: dict[str, str | Sequence[str]] = {
            "currencies": self.currency,
            "contracts": self.contracts,
        }
        return {
            "owed": Link("reconciliation", where),
            "unclaimed": Link("credits", where | {"exposures": "claimable"}),
            "expiring": Link("claims", where | {"claims": "claimable"}),
            "at_stake": Link("credits", where | {"exposures": "at_stake"}),
            "lapsed": Link("credits", where | {"exposures": "lapsed", "months": self.months}),
            "change": Link("credits", where | {"exposures": ["claimable", "lapsed", "payable"]}),
        }


def first_month(today: date) -> date:
    """The first of the LAPSED_MONTHS."""
    months = today.year * 12 + today.month - LAPSED_MONTHS
    return date(months // 12, months % 12 + 1, 1)


def earliest(kind: str, today: date) -> date:
    """The first day of the first period whose credits are shown: it ends in the LAPSED_MONTHS, or
    is one of the last two that are over, which are compared."""
    last = periods.before(kind, periods.start(kind, today))
    return min(periods.start(kind, first_month(today)), periods.before(kind, last))


def costs(
    credits: Sequence[Row], settled: Sequence[Row], contracts: Sequence[str], today: date
) -> list[Cost]:
    """The amounts by currency, those with an expiring claim first.

    `credits`: of RECENT with `period_kind`; `settled`: of SETTLED; `contracts`: to which links are
    limited, empty for all; `today`: the date of the figures."""
    first = first_month(today)
    found = []
    for currency in sorted({r["currency"] for r in [*credits, *settled] if r["currency"]}):
        own = [c for c in credits if c["currency"] == currency]
        # a period is among those months if it ends in them
        lapsed = [
            c
            for c in own
            if c["exposure"] == "lapsed" and periods.closing(c["period_kind"], c["month"]) >= first
        ]
        found.append(
            Cost(
                currency,
                _sum(max(s["difference"], Decimal()) for s in settled if s["currency"] == currency),
                _sum(c["credit_amount"] for c in own if c["exposure"] == "claimable"),
                _sum(
                    c["credit_amount"]
                    for c in own
                    if c["exposure"] == "claimable" and c["days_left"] <= LAPSING_DAYS
                ),
                _sum(c["credit_amount"] for c in own if c["exposure"] == "at_stake"),
                _sum(c["credit_amount"] for c in lapsed),
                changes(own),
                sorted({f"{c['month']:%Y-%m}" for c in lapsed}),
                contracts,
            )
        )
    return sorted(filter(_says_something, found), key=lambda c: (not c.expiring, c.currency))


def _says_something(cost: Cost) -> bool:
    amounts = (cost.owed, cost.unclaimed, cost.at_stake, cost.lapsed)
    return any(amounts) or any(c.reason or c.amount or c.before for c in cost.changes)


def remark(credits: Sequence[Row]) -> str:
    """How many credits rest on too little: without data there is none. Empty if none does.

    `credits`: of RECENT."""
    own = [c for c in credits if c["currency"] and not c["reasons"]]
    weak = _number(filter(is_thin, own))
    lacking = _number(filter(is_incomplete, own))
    parts = [
        f"{thousands(number)} of {counted(_number(own), 'credit')} "
        f"{'rests' if number == 1 else 'rest'} on {words}"
        for number, words in ((weak, "thin or no evidence"), (lacking, "incomplete data"))
        if number
    ]
    return f"{', '.join(parts)}." if parts else ""


def _number(credits: Iterable[Row]) -> int:
    return sum(c["credits"] for c in credits)


def _sum(amounts: Iterable[Decimal]) -> Decimal:
    return sum(amounts, Decimal())


def changes(credits: Sequence[Row]) -> list[Change]:
    """For each kind of period, the last finished one against the one before it.

    Only if there is sufficient data on both sides: without data there is no credit, and the sum
    would fall. `credits`: of one currency."""
    found = []
    for kind in [k for k in periods.MONTHS_IN if k in {c["period_kind"] for c in credits}]:
        own = [
            c
            for c in credits
            if c["period_kind"] == kind and c["status"] != "provisional" and not c["reasons"]
        ]
        if not own:
            continue
        last = max(c["month"] for c in own)
        sides = [
            [c for c in own if c["month"] == last],
            [c for c in own if periods.following(kind, c["month"]) == last],
        ]
        lacking = sum(_number(filter(is_thin, side)) for side in sides)
        if not sides[1]:
            reason = f"no {kind} before"
        elif lacking:
            reason = f"too little data for {lacking} of {sum(map(_number, sides))}"
        else:
            amount, before = (_sum(c["credit_amount"] for c in side) for side in sides)
            found.append(Change(kind, last, amount, before))
            continue
        found.append(Change(kind, last, None, None, reason))
    return found
