"""The rows that a report on a subscription and month needs, as they are in the published marts."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from makegood.dashboards.access.reader import Reader, Row
from makegood.dashboards.figures import contract, periods
from makegood.dashboards.figures.evidence import Evidence, evidence_of, is_unseen
from makegood.dashboards.figures.periods import is_over, midnight
from makegood.dashboards.figures.queries import CREDITS, FIGURES
from makegood.dashboards.figures.support import times
from makegood.dashboards.proof import NotFound, Step, prove
from makegood.dashboards.proof.outcome import Outcome

# the periods in which a subscription has a span or a credit, from the first version of its contract
# (T5) up to that of as_of (T3)
_PERIODS = """
    with first_versions as (
        select contract_id, min(contract_version) as first_version
        from marts.contract_terms
        group by contract_id
    ),
    days as (
        select unnest(?::varchar[]) as contract_id, unnest(?::date[]) as as_of_day,
               unnest(?::varchar[]) as kind
    ),
    spans as (
        select subscriptions.subscription_id, spans.valid_from, spans.last_day,
               first_versions.first_version, days.as_of_day, days.kind
        from marts.subscription_spans as spans
        inner join marts.subscriptions as subscriptions
            on spans.subscription_id = subscriptions.subscription_id
        inner join first_versions on subscriptions.contract_id = first_versions.contract_id
        inner join days on subscriptions.contract_id = days.contract_id
    ),
    touched as (
        select subscription_id, first_version, kind, unnest(generate_series(
            date_trunc(kind, greatest(valid_from, first_version)),
            least(coalesce(last_day, as_of_day), as_of_day),
            cast('1 ' || kind as interval)
        ))::date as month
        from spans
    )
    select subscription_id, kind, month from touched where month >= first_version
    union
    select credits.subscription_id, days.kind, credits.month
    from marts.credits as credits
    inner join marts.subscriptions as subscriptions
        on credits.subscription_id = subscriptions.subscription_id
    inner join days on subscriptions.contract_id = days.contract_id
"""


# a strip has no more periods than this
LONGEST_HISTORY = 12


@dataclass(frozen=True)
class Figures:
    """Rows of the marts on a subscription and a period of its contract.

    `kind`: month, quarter or year. `month`: the period's first day. `starts_at`, `ends_at`: of the
    period, by the contract's clock (T2)."""

    kind: str
    month: date
    starts_at: datetime
    ends_at: datetime
    as_of: datetime
    subscription: Row
    contract: Row
    contract_version: date
    spans: list[Row]
    # under a contract with credits: the steps from downtime to credit, and a row a currency
    steps: Row | None
    credits: list[Row]
    statements: list[Row]
    calculation: list[Step]
    overdue: list[Row]
    issued: list[Row]
    own_downtime: list[Row]
    own_exclusions: list[Row]
    # of the region: the period, or the longer one around it; None where nothing was measured
    period: Row | None
    regional_downtime: list[Row]
    regional_exclusions: list[Row]
    gaps: list[Row]
    # what reported the intervals of own_downtime
    sources: list[Row]
    # the last periods of the figure that is shown, oldest first, this one included
    history: list[Row]
    maintenance: list[Row]
    tickets: list[Row]
    ticket_counts: list[Row]
    outcomes: list[Row]
    performance: Row | None
    # a row for each calendar month
    configuration: list[Row]
    attainment: list[Row]
    # of the subscription's own tickets: rows of `times` by target and severity
    times: list[Row]
    # None without any data, and in publications of older versions
    last_seen_at: datetime | None
    # the terms of the subscription (T6), and those of its region: the contract's own
    terms: dict[str, Row]
    regional_terms: dict[str, Row]

    @property
    def outcome(self) -> Outcome | None:
        """What comes out of the period; None under a contract without credits."""
        if self.steps is None:
            return None
        days = (periods.following(self.kind, self.month) - self.month).days
        return Outcome(self.name, self.kind, days, self.steps, self.credits, self.terms)

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.contract["time_zone"])

    @property
    def name(self) -> str:
        """The period in a sentence: July 2026."""
        return periods.name(self.kind, self.month)

    @property
    def is_final(self) -> bool:
        """Whether the period is over (T3)."""
        return is_over(self.ends_at, self.as_of)

    @property
    def has_cover(self) -> bool:
        """Whether any of the period is covered time (E1): then the subscription has a figure of its
        own (A5)."""
        return self.steps is not None and self.steps["covered_seconds"] > 0

    @property
    def evidence(self) -> Evidence:
        """The evidence of the figure that is shown: the subscription's own or the region's."""
        if self.has_cover:
            return evidence_of(self.credits[0])
        return Evidence.NONE if self.period is None else evidence_of(self.period)

    @property
    def is_unseen(self) -> bool:
        """Whether the figure that is shown has no data behind it."""
        return (
            is_unseen(self.credits[0])
            if self.has_cover
            else self.period is not None and is_unseen(self.period)
        )

    @property
    def shown_time(self) -> tuple[datetime, datetime]:
        """The time whose downtime, exclusions and maintenance are shown: the report's
        period, if the subscription has a figure of its own, else that of the region's."""
        if self.period is None or self.has_cover:
            return self.starts_at, self.ends_at
        return self.period["starts_at"], self.period["ends_at"]

    @property
    def is_part(self) -> bool:
        """Whether availability is measured over a longer period than the report's."""
        return self.period is not None and self.period["period_kind"] != self.kind

    @property
    def is_period_over(self) -> bool:
        """Whether the period of the region's figure is over (T3); without one, the report's."""
        return self.is_final if self.period is None else is_over(self.period["ends_at"], self.as_of)

    @property
    def is_settled(self) -> bool:
        """Whether both the report's period and the one of its availability are over (T3)."""
        return self.is_final and self.is_period_over

    @property
    def has_begun(self) -> bool:
        """Whether the subscription has had a day by the end of the period (E1)."""
        return self.subscription["first_day"] < periods.following(self.kind, self.month)

    def clause(self, rules: str) -> str:
        """The clauses of the contract for rules such as `A1-A3, A5`; empty if it gives none."""
        return contract.clause(self.terms, rules) or ""

    def term(self, key: str) -> str | None:
        """The value of a key for the subscription."""
        return _value(self.terms, key)

    def regional_term(self, key: str) -> str | None:
        """The value of a key for the region."""
        return _value(self.regional_terms, key)

    @property
    def common_reasons(self) -> str:
        """The reasons against a credit (E1, E2, E4) that hold in every currency, comma-joined."""
        return (
            ",".join(sorted(set.intersection(*(codes(row) for row in self.credits))))
            if self.credits
            else ""
        )


def codes(row: Row) -> set[str]:
    """The reasons against a credit in its currency."""
    return set(filter(None, row["reasons"].split(",")))


def _value(terms: dict[str, Row], key: str) -> str | None:
    return terms[key]["value"] if key in terms else None


def periods_of(reader: Reader, subscription_id: str) -> list[tuple[str, date]]:
    """The periods for which there can be a report on a subscription, each its kind and first day,
    in order."""
    rows = reader.rows(
        f"select kind, month from ({_PERIODS}) where subscription_id = ? order by month",
        *_days(reader),
        subscription_id,
    )
    return [(row["kind"], row["month"]) for row in rows]


def subscriptions_of(reader: Reader, month: date) -> dict[str, str]:
    """The subscriptions with a report for the period that holds a month, each with the code of
    that period, in order. `month`: its first day."""
    rows = reader.rows(
        f"""select subscription_id, kind, month from ({_PERIODS})
            where month = date_trunc(kind, ?::date) order by subscription_id""",
        *_days(reader),
        month,
    )
    return {row["subscription_id"]: periods.code(row["kind"], row["month"]) for row in rows}


def all_periods(reader: Reader) -> list[tuple[str, date]]:
    """All periods for which there can be a report, each its kind and first day, in order."""
    rows = reader.rows(
        f"select distinct kind, month from ({_PERIODS}) order by month, kind", *_days(reader)
    )
    return [(row["kind"], row["month"]) for row in rows]


def named(there: list[tuple[str, date]]) -> str:
    """Periods in words: each of up to twelve, else how many, the first and the last."""
    codes = [periods.code(*period) for period in there]
    if len(codes) <= 12:
        return ", ".join(codes)
    kinds = {kind for kind, _ in there}
    what = f"{kinds.pop()}s" if len(kinds) == 1 else "periods"
    return f"{len(codes)} {what} from {codes[0]} to {codes[-1]}"


def last_final(reader: Reader, there: list[tuple[str, date]]) -> tuple[str, date] | None:
    """The period that ends last of those that are over under every contract (T3), or None."""
    zones = [
        ZoneInfo(row["time_zone"])
        for row in reader.rows("select distinct time_zone from marts.contracts")
    ]
    over = [
        period
        for period in there
        if all(is_over(midnight(periods.following(*period), zone), reader.as_of) for zone in zones)
    ]
    return max(over, key=lambda period: periods.following(*period), default=None)


def last_final_month(reader: Reader) -> date | None:
    """The first day of the last month of the latest reports that are final; None without any."""
    last = last_final(reader, all_periods(reader))
    return last and periods.start("month", periods.following(*last) - timedelta(days=1))


def _days(reader: Reader) -> tuple[list[str], list[date], list[str]]:
    """The contracts under which we report, the local date of as_of under each, and the kind of its
    periods."""
    kinds, ours = periods.kinds(reader), contract.as_customer(reader)
    by_contract = {c: day for c, day in periods.days(reader).items() if c not in ours}
    return list(by_contract), list(by_contract.values()), [kinds[c] for c in by_contract]


def read(reader: Reader, subscription_id: str, month: date) -> Figures:
    """The rows on a subscription and the period that holds a month. `month`: its first day.

    Raises NotFound, whose message names the reports that there are."""
    there = periods_of(reader, subscription_id)
    kind = there[0][0] if there else "month"
    period = kind, periods.start(kind, month)
    if period not in there:
        raise NotFound(_what_there_is(reader, subscription_id, period, there))
    return _Marts(reader, subscription_id, period[1]).figures()


def _what_there_is(
    reader: Reader,
    subscription_id: str,
    period: tuple[str, date],
    there: list[tuple[str, date]],
) -> str:
    if there:
        return (
            f"no report on {subscription_id!r} for {periods.code(*period)}; "
            f"there is one for {named(there)}"
        )
    if known := reader.rows(
        "select first_day, contract_id from marts.subscriptions where subscription_id = ?",
        subscription_id,
    ):
        if known[0]["contract_id"] in contract.as_customer(reader):
            return (
                f"no report on {subscription_id!r}: we are the customer under its contract; "
                "`makegood explain` derives our claims"
            )
        if not reader.rows(
            "select 1 from marts.subscription_spans where subscription_id = ?", subscription_id
        ):
            return (
                f"no report on {subscription_id!r}: it has not begun, "
                f"its first day is {known[0]['first_day']}"
            )
        return (
            f"no report on {subscription_id!r}: no version of its contract was in force "
            "while it was subscribed"
        )
    some = [
        row["subscription_id"]
        for row in reader.rows("select subscription_id from marts.subscriptions order by 1 limit 6")
    ]
    if not some:
        return "no subscription is published"
    others = " and others" if len(some) > 5 else ""
    return f"no subscription {subscription_id!r}; there are {', '.join(some[:5])}{others}"


class _Marts:
    """The marts of one subscription and period."""

    def __init__(self, reader: Reader, subscription_id: str, month: date) -> None:
        self.reader = reader
        self.rows = reader.rows
        self.subscription_id = subscription_id
        self.month = month
        (self.subscription,) = self.rows(
            "select * from marts.subscriptions where subscription_id = ?", subscription_id
        )
        (self.contract,) = self.rows(
            "select * from marts.contracts where contract_id = ?", self.subscription["contract_id"]
        )
        self.kind = periods.kind_of(self.contract)
        self.next_month = periods.following(self.kind, month)
        zone = ZoneInfo(self.contract["time_zone"])
        self.starts_at, self.ends_at = midnight(month, zone), midnight(self.next_month, zone)
        self.place = (
            self.contract["contract_id"],
            self.subscription["service_id"],
            self.subscription["region"],
        )

    def of_month(self, sql: str) -> list[Row]:
        """The rows of a query by subscription and period."""
        return self.rows(sql, self.subscription_id, self.month)

    def of_months(self, sql: str) -> list[Row]:
        """The rows of a query by subscription and the calendar months of the period (K9, Z1)."""
        return self.rows(sql, self.subscription_id, self.month, self.next_month)

    def figures(self) -> Figures:
        version = self._version()
        steps = next(
            iter(
                self.of_month(
                    "select * from marts.credit_steps where subscription_id = ? and month = ?"
                )
            ),
            None,
        )
        period = next(
            iter(
                self.rows(
                    f"""select * from ({FIGURES})
                       where contract_id = ? and service_id = ? and region = ?
                           and starts_at <= ? and ends_at >= ?""",
                    *self.place,
                    self.starts_at,
                    self.ends_at,
                )
            ),
            None,
        )
        tickets = self.of_months(
            """select * from marts.ticket_sla where subscription_id = ? and month >= ?
                   and month < ? order by received_at, ticket_id"""
        )
        since, until = (
            (period["starts_at"], period["ends_at"]) if period else (self.starts_at, self.ends_at)
        )
        return Figures(
            kind=self.kind,
            month=self.month,
            starts_at=self.starts_at,
            ends_at=self.ends_at,
            as_of=self.reader.as_of,
            subscription=self.subscription,
            contract=self.contract,
            contract_version=version,
            spans=self._spans(),
            steps=steps,
            credits=self.of_month(
                f"""select * from ({CREDITS}) where subscription_id = ? and month = ?
                    order by currency"""
            ),
            statements=self.of_month(
                """select * from marts.credit_statements
                   where subscription_id = ? and month = ? and is_current order by currency""",
            ),
            calculation=prove(self.reader, self.subscription_id, self.month).steps if steps else [],
            overdue=self.of_month(
                """select * from marts.credit_overdue_invoices
                   where subscription_id = ? and month = ? order by due_on, invoice_id"""
            ),
            issued=self.of_month(
                """select * from marts.credit_reconciliation
                   where subscription_id = ? and month = ? order by currency"""
            ),
            own_downtime=self.of_month(
                """select * from marts.credit_downtime
                   where subscription_id = ? and month = ? order by started_at"""
            ),
            own_exclusions=self.of_month(
                """select * from marts.credit_exclusions
                   where subscription_id = ? and month = ? order by started_at, exclusion_id"""
            ),
            period=period,
            regional_downtime=self._regional_downtime(period) if period else [],
            regional_exclusions=self._regional_exclusions(period) if period else [],
            gaps=self._gaps(period) if period else [],
            sources=self._sources(steps) if steps and steps["covered_seconds"] else [],
            history=self._own_history() if steps else self._regional_history(period),
            maintenance=self._maintenance(since, until),
            tickets=tickets,
            ticket_counts=self._ticket_counts(),
            outcomes=self._outcomes(),
            performance=next(
                iter(
                    self.of_month(
                        """select * from marts.resolution_performance
                           where subscription_id = ? and month = ?"""
                    )
                ),
                None,
            ),
            configuration=self.of_months(
                """select * from marts.configuration_hours
                   where subscription_id = ? and month >= ? and month < ? order by month"""
            ),
            attainment=self._attainment(),
            times=self._times(),
            last_seen_at=self._last_seen(),
            terms=self._terms(steps, tickets, version),
            regional_terms=self._contract_terms(period["contract_version"] if period else version),
        )

    def _last_seen(self) -> datetime | None:
        if not self.reader.has("marts.last_seen"):
            return None
        sql = """select last_seen_at from marts.last_seen
                 where contract_id = ? and service_id = ? and region = ?"""
        return next((row["last_seen_at"] for row in self.rows(sql, *self.place)), None)

    def _attainment(self) -> list[Row]:
        """The resolutions of all of the region's tickets, by calendar month and severity (Z6);
        publications of older versions don't have them."""
        if not self.reader.has("marts.attainment"):
            return []
        return self.rows(
            """select * from marts.attainment
               where contract_id = ? and service_id = ? and region = ? and month >= ? and month < ?
                   and promise = 'resolution' and met_pct is not null
               order by month, severity""",
            *self.place,
            self.month,
            self.next_month,
        )

    def _times(self) -> list[Row]:
        """How long tickets received in the period took (K4, K5); publications of older versions
        don't have them."""
        if not self.reader.has("marts.support_times"):
            return []
        own = "subscription_id = ? and month >= ? and month < ?"
        return self.of_months(times("target, target_severity", own))

    def _version(self) -> date:
        """The version in force at the period's start (T5)."""
        (row,) = self.rows(
            """select max(contract_version) as version from marts.contract_terms
               where contract_id = ? and contract_version <= ?""",
            self.contract["contract_id"],
            self.month,
        )
        return row["version"]

    def _terms(self, steps: Row | None, tickets: list[Row], version: date) -> dict[str, Row]:
        """The amended terms, if a row of the subscription names them (T6), else the contract's."""
        of_tickets = {t["terms_id"] for t in tickets if t["terms_id"] is not None}
        terms_id = (
            steps["terms_id"] if steps else of_tickets.pop() if len(of_tickets) == 1 else None
        )
        if terms_id is None:
            return self._contract_terms(version)
        rows = self.rows(
            """select policy_key, value, document from marts.agreed_terms
               where terms_id = ? order by policy_key""",
            terms_id,
        )
        return {row["policy_key"]: row for row in rows}

    def _contract_terms(self, version: date) -> dict[str, Row]:
        """Those of a version of the contract, without amendments (T5)."""
        rows = self.rows(
            """select policy_key, value, document from marts.contract_terms
               where contract_id = ? and contract_version = ? order by policy_key""",
            self.contract["contract_id"],
            version,
        )
        return {row["policy_key"]: row for row in rows}

    def _spans(self) -> list[Row]:
        return self.rows(
            """select valid_from, last_day, support_plan, kind, status from marts.subscription_spans
               where subscription_id = ? and valid_from < ? and coalesce(last_day >= ?, true)
               order by valid_from""",
            self.subscription_id,
            self.next_month,
            self.month,
        )

    def _regional_downtime(self, period: Row) -> list[Row]:
        return self.rows(
            """select parts.started_at, parts.ended_at,
                      coalesce(whole.downtime_seconds, parts.downtime_seconds) as downtime_seconds,
                      parts.downtime_seconds as counted_seconds, false as is_shared,
                      whole.incident_id
               from marts.downtime_by_period as parts
               left join marts.downtime as whole
                   on parts.contract_id = whole.contract_id
                   and parts.service_id = whole.service_id and parts.region = whole.region
                   and parts.started_at = whole.started_at
               where parts.contract_id = ? and parts.service_id = ? and parts.region = ?
                   and parts.period_start = ?
               order by parts.started_at""",
            *self.place,
            period["period_start"],
        )

    def _regional_exclusions(self, period: Row) -> list[Row]:
        """The exclusions of the region's figure (X1): not those for one customer alone (A5)."""
        return self.rows(
            """select exclusion_id, kind, component_id, null as customer_id, started_at, ended_at
               from marts.exclusions
               where contract_id = ? and service_id = ? and region = ? and period_start = ?
               order by started_at, exclusion_id""",
            *self.place,
            period["period_start"],
        )

    def _gaps(self, period: Row) -> list[Row]:
        return self.rows(
            """select started_at, ended_at, unknown_seconds from marts.coverage_gaps
               where contract_id = ? and service_id = ? and region = ? and period_start = ?
               order by started_at""",
            *self.place,
            period["period_start"],
        )

    def _sources(self, steps: Row) -> list[Row]:
        return self.rows(
            """select distinct started_at, feed, component_id, state, incident_id
               from marts.downtime_sources
               where availability_policy_id = ? and customer_scope = ? and service_id = ?
                   and region = ?
               order by started_at, feed desc, component_id, state, incident_id""",
            steps["availability_policy_id"],
            steps["customer_scope"],
            *self.place[1:],
        )

    def _own_history(self) -> list[Row]:
        """The steps of this period and those before, each with its evidence (M6)."""
        found = self.rows(
            f"""select steps.*, credits.coverage_pct, credits.min_coverage_pct, credits.status,
                       credits.low_coverage
                from marts.credit_steps as steps
                inner join ({CREDITS}) as credits using (subscription_id, month)
                where subscription_id = ? and month <= ?
                order by month desc, credits.currency""",
            self.subscription_id,
            self.month,
        )
        # evidence is the same in all currencies
        by_month = {row["month"]: row for row in found}
        return list(by_month.values())[:LONGEST_HISTORY][::-1]

    def _regional_history(self, period: Row | None) -> list[Row]:
        if period is None:
            return []
        return self.rows(
            f"""select * from ({FIGURES})
                where contract_id = ? and service_id = ? and region = ? and period_kind = ?
                    and period_start <= ?
                order by period_start desc limit {LONGEST_HISTORY}""",
            *self.place,
            period["period_kind"],
            period["period_start"],
        )[::-1]

    def _maintenance(self, since: datetime, until: datetime) -> list[Row]:
        """Maintenance of this customer's service in this region (X1, Z2)."""
        return self.rows(
            """select * from marts.maintenance_notice
               where contract_id = ? and coalesce(service_id = ?, true)
                   and coalesce(region = ?, true) and coalesce(customer_id = ?, true)
                   and starts_at < ? and ends_at > ?
               order by starts_at, exclusion_id""",
            *self.place,
            self.subscription["customer_id"],
            until,
            since,
        )

    def _ticket_counts(self) -> list[Row]:
        return self.of_months(
            """select ticket_type, count(*) as received,
                      count(*) filter (where status = 'counted') as counted,
                      count(*) filter (where status = 'counted' and resolved_at is null)
                          as still_open,
                      count(*) filter (where resolution_outcome = 'missed') as resolved_late
               from marts.ticket_sla where subscription_id = ? and month >= ? and month < ?
               group by ticket_type order by ticket_type"""
        )

    def _outcomes(self) -> list[Row]:
        return self.of_months(
            """select ticket_type, severity, count(*) as tickets,
                      count(*) filter (where response_outcome = 'met') as response_met,
                      count(*) filter (where response_outcome = 'missed') as response_missed,
                      count(*) filter (where response_outcome = 'pending') as response_pending,
                      count(*) filter (where update_outcome = 'met') as updates_met,
                      count(*) filter (where update_outcome = 'missed') as updates_late,
                      count(*) filter (where update_outcome = 'pending') as updates_pending,
                      cast(sum(updates_missed) as bigint) as updates_missed,
                      count(*) filter (where resolution_outcome = 'met') as resolution_met,
                      count(*) filter (where resolution_outcome = 'missed') as resolution_missed,
                      count(*) filter (where resolution_outcome = 'pending') as resolution_pending
               from marts.ticket_sla
               where subscription_id = ? and month >= ? and month < ? and status = 'counted'
               group by ticket_type, severity order by ticket_type, severity"""
        )
