"""The four blocks of the first screen, read from a publication."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from makegood.dashboards.access.reader import Row
from makegood.dashboards.figures import periods
from makegood.dashboards.figures.contract import is_as_customer
from makegood.dashboards.figures.overview import commitments, money, next_steps, worse
from makegood.dashboards.figures.overview.commitments import Standing
from makegood.dashboards.figures.overview.money import Cost
from makegood.dashboards.figures.overview.next_steps import Step
from makegood.dashboards.figures.overview.worse import Compared
from makegood.dashboards.figures.queries import FIGURES, LAST_SEEN, key_of
from makegood.dashboards.figures.support import LOST, lost_by_month

# runs a query: `published.rows` or `Reader.rows`
Query = Callable[..., list[Row]]


@dataclass(frozen=True)
class Screen:
    """What is on the first screen, and the rows that sections below it share. `budgets`: each with
    its row of FIGURES as `figure`; `credits`: of RECENT, with `period_kind`."""

    as_of: datetime
    standings: Sequence[Standing]
    costs: Sequence[Cost]
    compared: Sequence[Compared]
    steps: Sequence[Step]
    figures: Sequence[Row]
    budgets: Sequence[Row]
    credits: Sequence[Row]


def read(
    query: Query, has: Callable[[str], bool], as_of: datetime, only: Sequence[str] = ()
) -> Screen:
    """The first screen of a publication. `has`: whether it has a table, which older versions may
    lack; `only`: ids of contracts, none for all."""

    every = query("from marts.contracts")
    # what providers owe us is no commitment of ours (C8)
    ours_to_claim = {row["contract_id"] for row in every if is_as_customer(row)}

    def of(found: list[Row]) -> list[Row]:
        return [
            row
            for row in found
            if row["contract_id"] not in ours_to_claim and (not only or row["contract_id"] in only)
        ]

    def newer(table: str, sql: str) -> list[Row]:
        return of(query(sql)) if has(table) else []

    contracts = of(query(commitments.CONTRACTS))
    kinds = {row["contract_id"]: periods.kind_of(row) for row in every}
    zones = {c["contract_id"]: ZoneInfo(c["time_zone"]) for c in contracts}
    today = {key: as_of.astimezone(zone).date() for key, zone in zones.items()}
    figures = of(query(FIGURES))
    by_key = {key_of(f): f for f in figures}
    budgets = [
        budget | {"figure": by_key[key_of(budget)]}
        for budget in of(query("from marts.error_budgets order by all"))
    ]
    since = {key: money.earliest(kind, as_of.date()) for key, kind in kinds.items()}
    recent = query(money.RECENT, list(since), list(since.values()))
    credits = [c | {"period_kind": kinds[c["contract_id"]]} for c in of(recent)]
    resolutions = newer("marts.attainment", commitments.SUPPORT)
    last_seen = {
        row["contract_id"]: row["last_seen_at"] for row in newer("marts.last_seen", LAST_SEEN)
    }
    names = {c["contract_id"]: c["contract_name"] for c in contracts}
    return Screen(
        as_of,
        commitments.standings(
            contracts,
            figures,
            budgets,
            resolutions,
            newer("marts.evidence_gaps", commitments.INCOMPLETE),
            lost_by_month(newer("marts.evidence_gaps", LOST), kinds),
            last_seen,
            as_of,
        ),
        money.costs(credits, of(query(money.SETTLED)), only, as_of.date()),
        [
            *worse.running(budgets, figures, of(query(worse.INTERVALS))),
            *worse.finished(figures, as_of),
            *worse.support(resolutions, names, today),
        ],
        next_steps.steps(credits, of(query(next_steps.PRESSED)), budgets, zones, as_of),
        figures,
        budgets,
        credits,
    )
