"""Contracts and calendars as tables that the models join (T2, T4, T5, T6).

Each distinct set of terms has a `terms_id`, and in it an `availability_policy_id` (how availability
is measured) and a `support_policy_id` (how tickets are timed), so that terms of a version, of an
amendment and of an alternative scenario are evaluated side by side by the same models, and what
they share is evaluated once.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import iso4217

from makegood.ingestion.contracts import calendars
from makegood.ingestion.contracts.amendments import (
    COMMITMENT,
    Resolved,
    amendments_in_force,
    resolve,
)
from makegood.ingestion.contracts.delays import delay_denominator
from makegood.ingestion.contracts.model import Calendar, Contract, Credits, Duration, Terms
from makegood.ingestion.contracts.scenarios import Scenarios, alternatives, has_credits
from makegood.ingestion.limits import YEARS
from makegood.ingestion.values import of_known_year
from makegood.ingestion.zones import zone as named_zone

Rows = list[dict[str, Any]]

# name -> column -> type, in SQL that every engine has; sources of the models
TABLES: dict[str, dict[str, str]] = {
    "run": {"as_of_s": "bigint"},
    "contracts": {
        "contract_id": "varchar",
        "contract_name": "varchar",
        "time_zone": "varchar",
        # who we are in it: provider or customer (C8)
        "party": "varchar",
        "as_of_day": "date",
        "first_day": "date",
        "last_day": "date",
        "delay_denominator": "bigint",
        # of its credits; without any, calendar months
        "credit_period_kind": "varchar",
    },
    # of contracts in which we are the customer: the exclusions that are their provider's downtime
    "covers": {"contract_id": "varchar", "kind": "varchar", "region": "varchar"},
    # scenario 0 is the contract as it is
    "scenarios": {
        "contract_id": "varchar",
        "scenario_id": "bigint",
        "policy_key": "varchar",
        "value": "varchar",
    },
    "terms": {
        "terms_id": "bigint",
        "contract_id": "varchar",
        "contract_version": "date",
        "availability_policy_id": "bigint",
        "support_policy_id": "bigint",
        "period_kind": "varchar",
        "min_coverage_numerator": "bigint",
        "min_coverage_denominator": "bigint",
        "excluded_time": "varchar",
        "total_time": "varchar",
        "has_category_commitments": "boolean",
        "service_hours_calendar": "varchar",
        "has_credits": "boolean",
        "cap_pct": "decimal(18,9)",
        "is_minimum_raised": "boolean",
        "claim_months": "bigint",
        "claim_days": "bigint",
        "is_claim_required": "boolean",
        "is_commitment_first_bound": "boolean",
        # a figure at the commitment earns a credit, too
        "is_first_tier_inclusive": "boolean",
        # the availability credit: tiers, steps_of_pct, steps_of_downtime, refund; null without one
        "credit_form": "varchar",
        "step_numerator": "bigint",
        "step_denominator": "bigint",
        "step_s": "bigint",
        "is_begun_step_counted": "boolean",
        # credit of a step in per cent or in days, or the multiple that is refunded
        "credit_factor": "decimal(18,9)",
        "is_credit_in_days": "boolean",
        "is_due_date_mean": "boolean",
        "max_missed_numerator": "bigint",
        "max_missed_denominator": "bigint",
        "is_mean_over_population": "boolean",
        "is_whole_percent": "boolean",
        "link_within_s": "bigint",
        "included_minutes": "bigint",
    },
    # observed_as: the first policy that differs in nothing but the threshold, so that states and
    # exclusions are the same by both
    "availability_policies": {
        "availability_policy_id": "bigint",
        "observed_as": "bigint",
        "contract_id": "varchar",
        "stale_after_s": "bigint",
        "quorum": "varchar",
        "without_checks": "varchar",
        "is_degraded_unavailable": "boolean",
        "is_unknown_unavailable": "boolean",
        "min_consecutive_s": "bigint",
        "is_threshold_first": "boolean",
    },
    "availability_policy_kinds": {"availability_policy_id": "bigint", "kind": "varchar"},
    # maintenance is judged by what was agreed on the day it began, whichever period is judged
    "availability_policy_maintenance": {
        "availability_policy_id": "bigint",
        "valid_from_s": "bigint",
        "valid_until_s": "bigint",
        "maintenance_id": "bigint",
    },
    "maintenance": {
        "maintenance_id": "bigint",
        "takes_scheduled": "boolean",
        "takes_emergency": "boolean",
        "is_notice_required": "boolean",
        "scheduled_notice_s": "bigint",
        "change_notice_s": "bigint",
        "emergency_notice_s": "bigint",
        "max_length_s": "bigint",
        "business_hours_calendar": "varchar",
    },
    "commitments": {
        "terms_id": "bigint",
        "product_category": "varchar",
        "commitment_pct": "decimal(18,9)",
        "commitment_numerator": "bigint",
        "commitment_denominator": "bigint",
    },
    "availability_tiers": {
        "terms_id": "bigint",
        "tier": "bigint",
        "below_pct": "decimal(18,9)",
        "below_numerator": "bigint",
        "below_denominator": "bigint",
        "is_inclusive": "boolean",
        "credit_pct": "decimal(18,9)",
    },
    # the most and the least that a credit may be, in the currency's minor units
    "credit_amounts": {
        "terms_id": "bigint",
        "currency": "varchar",
        "cap_minor": "bigint",
        "minimum_minor": "bigint",
    },
    "resolution_tiers": {
        "terms_id": "bigint",
        "tier": "bigint",
        "up_to_pct": "decimal(18,9)",
        "up_to_numerator": "bigint",
        "up_to_denominator": "bigint",
        "credit_pct": "decimal(18,9)",
    },
    # the lists among the terms, by their policy key
    "term_lists": {
        "terms_id": "bigint",
        "policy_key": "varchar",
        "sequence": "bigint",
        "value": "varchar",
    },
    "term_values": {
        "terms_id": "bigint",
        "policy_key": "varchar",
        "value": "varchar",
        "document": "varchar",
    },
    "term_spans": {
        "contract_id": "varchar",
        "scenario_id": "bigint",
        "customer_id": "varchar",
        "subscription_id": "varchar",
        "valid_from": "date",
        "valid_until": "date",
        "valid_from_s": "bigint",
        "valid_until_s": "bigint",
        "terms_id": "bigint",
    },
    "support_policies": {
        "support_policy_id": "bigint",
        "contract_id": "varchar",
        "basis": "varchar",
        "non_production_max": "varchar",
        "pause_counts": "boolean",
        "is_due_date_target": "boolean",
    },
    "support_policy_severities": {
        "support_policy_id": "bigint",
        "severity": "varchar",
        "severity_rank": "bigint",
    },
    # what is promised at a severity; without a calendar the clock is 24x7
    "targets": {
        "support_policy_id": "bigint",
        "target_kind": "varchar",
        "severity": "varchar",
        "target_s": "bigint",
        "calendar_id": "varchar",
    },
    "severities": {"contract_id": "varchar", "severity": "varchar"},
    "periods": {
        "contract_id": "varchar",
        "period_kind": "varchar",
        "period_start": "date",
        "start_s": "bigint",
        "end_s": "bigint",
        "is_final": "boolean",
        "terms_id": "bigint",
    },
    # also those that have not begun, since invoices reach into them
    "months": {
        "contract_id": "varchar",
        "month": "date",
        "last_day": "date",
        "start_s": "bigint",
        "end_s": "bigint",
        "has_begun": "boolean",
        "is_final": "boolean",
        # for resolutions in time (Z6)
        "goal_pct": "decimal(18,9)",
        "goal_numerator": "bigint",
        "goal_denominator": "bigint",
    },
    # the months, quarters or years for which credits are given; `month` is the first day (T5)
    "credit_periods": {
        "contract_id": "varchar",
        "period_kind": "varchar",
        "month": "date",
        "last_day": "date",
        "start_s": "bigint",
        "end_s": "bigint",
        "has_begun": "boolean",
        "is_final": "boolean",
    },
    "local_days": {"contract_id": "varchar", "local_day": "date", "start_s": "bigint"},
    # parts of UTC days in which a calendar opens at most once
    "calendar_parts": {
        "calendar_id": "varchar",
        "utc_day": "bigint",
        "part_from_s": "bigint",
        "part_until_s": "bigint",
        "opens_s": "bigint",
        "closes_s": "bigint",
        "open_seconds_before": "bigint",
    },
    "currencies": {"currency": "varchar", "minor_digits": "bigint"},
    # the statements that were published before (C7)
    "statements_before": {
        "subscription_id": "varchar",
        "month": "date",
        "currency": "varchar",
        "statement_version": "bigint",
        "monthly_fee": "decimal(18,3)",
        "availability_pct": "decimal(18,6)",
        "availability_credit_pct": "decimal(18,6)",
        "resolution_credit_pct": "decimal(18,6)",
        "combined_pct": "decimal(18,6)",
        "combination": "varchar",
        "credit_pct": "decimal(18,6)",
        "credit_amount": "decimal(18,3)",
        "issued_at": "timestamp with time zone",
        "changed": "varchar",
    },
    # those that a rollback took back: their numbers are not used again (C7)
    "withdrawn_statements": {
        "subscription_id": "varchar",
        "month": "date",
        "currency": "varchar",
        "statement_version": "bigint",
    },
}

FOREVER = date(9999, 1, 1)
# how far ahead of as_of an invoice line is followed
_YEARS_AHEAD = 10


@dataclass(frozen=True)
class Party:
    """A subscription under a contract, as the feeds know it."""

    contract_id: str
    customer_id: str
    subscription_id: str


# terms from one local date until another
Spans = list[tuple[date, date, Resolved]]


@dataclass
class _Builder:
    years: tuple[int, int]
    tables: dict[str, Rows] = field(default_factory=lambda: {name: [] for name in TABLES})
    ids: dict[tuple[str, str], int] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    known: dict[Any, Resolved | None] = field(default_factory=dict)

    def numbered(self, table: str, *values: Any) -> tuple[int, bool]:
        """The id of equal values in a table, and whether they are new."""
        key = (table, json.dumps(values, default=str, sort_keys=True))
        is_new = key not in self.ids
        if is_new:
            self.counts[table] = self.ids[key] = self.counts.get(table, 0) + 1
        return self.ids[key], is_new

    def resolved(
        self,
        contract: Contract,
        day: date,
        amended_by: tuple[int, ...],
        scenario: tuple[str, Any] | None,
    ) -> Resolved | None:
        version = contract.version_on(day)
        key = (contract.contract_id, version and version.effective_from, amended_by, repr(scenario))
        if key not in self.known:
            self.known[key] = resolve(contract, day, amended_by, scenario)
        return self.known[key]

    def spans(
        self, contract: Contract, party: Party | None, scenario: tuple[str, Any] | None
    ) -> Spans:
        """The terms of a party, or of the contract itself, by local date, from the first version
        on."""
        amendments = contract.amendments or []
        days = {v.effective_from for v in contract.versions}
        for amendment in amendments if party else []:
            days.add(amendment.effective_from)
            if amendment.effective_to and amendment.effective_to < FOREVER:
                days.add(amendment.effective_to + timedelta(days=1))
        ordered, result = sorted(days), []
        for day, until in zip(ordered, [*ordered[1:], FOREVER], strict=True):
            amended_by = (
                amendments_in_force(contract, day, party.customer_id, party.subscription_id)
                if party
                else ()
            )
            found = self.resolved(contract, day, amended_by, scenario)
            if found:
                result.append((day, until, found))
        return result

    def add_agreement(
        self,
        contract: Contract,
        scenario_id: int,
        party: Party | None,
        scenario: tuple[str, Any] | None,
    ) -> None:
        """The terms that a party, or the contract itself, has from day to day, read in one way."""
        zone = named_zone(contract.time_zone)
        spans = self.spans(contract, party, scenario)
        maintenance: list[tuple[int, int, int]] = []
        for day, until, found in spans:
            number, until_s = self.maintenance_id(found.terms), calendars.start_of_day(until, zone)
            if maintenance and maintenance[-1][2] == number:
                # the same history is the same policy, wherever other terms change
                maintenance[-1] = (maintenance[-1][0], until_s, number)
            else:
                maintenance.append((calendars.start_of_day(day, zone), until_s, number))
        for day, until, found in spans:
            self.tables["term_spans"].append(
                {
                    "contract_id": contract.contract_id,
                    "scenario_id": scenario_id,
                    "customer_id": party.customer_id if party else None,
                    "subscription_id": party.subscription_id if party else None,
                    "valid_from": day,
                    "valid_until": until,
                    "valid_from_s": calendars.start_of_day(day, zone),
                    "valid_until_s": calendars.start_of_day(until, zone),
                    "terms_id": self.terms_id(contract, found, maintenance),
                }
            )

    def maintenance_id(self, terms: Terms) -> int:
        row = {
            "takes_scheduled": "scheduled_maintenance" in terms.exclusions.kinds,
            "takes_emergency": "emergency_maintenance" in terms.exclusions.kinds,
            "is_notice_required": terms.maintenance.notice_required,
            "scheduled_notice_s": _seconds(terms.maintenance.scheduled_notice),
            "change_notice_s": _seconds(terms.maintenance.change_notice),
            "emergency_notice_s": _seconds(terms.maintenance.emergency_notice),
            "max_length_s": _seconds(terms.maintenance.max_length),
            "business_hours_calendar": self.calendar_id(terms.calendars.get("business_hours")),
        }
        return self._row("maintenance", "maintenance_id", row)

    def _row(self, table: str, id_column: str, row: dict[str, Any], *more: Any) -> int:
        """The id of a row of a table, which is added if there is none like it."""
        number, is_new = self.numbered(table, row, *more)
        if is_new:
            self.tables[table].append({id_column: number, **row})
        return number

    def availability_policy_id(
        self, contract: Contract, terms: Terms, maintenance: list[tuple[int, int, int]]
    ) -> int:
        observed = {
            "contract_id": contract.contract_id,
            "stale_after_s": terms.monitoring.stale_after_s,
            "quorum": terms.monitoring.quorum,
            "without_checks": terms.monitoring.without_checks,
            "is_degraded_unavailable": "degraded" in terms.availability.unavailable_states,
            "is_unknown_unavailable": terms.availability.unknown_counts_as == "unavailable",
        }
        threshold = {
            "min_consecutive_s": terms.downtime.min_consecutive_s,
            "is_threshold_first": terms.downtime.exclusions_apply == "after_threshold",
        }
        excluding = (sorted(terms.exclusions.kinds), maintenance)
        availability_policy_id, is_new = self.numbered(
            "availability_policies", observed, threshold, *excluding
        )
        if is_new:
            alike = ("observed", json.dumps((observed, *excluding), default=str, sort_keys=True))
            self.tables["availability_policies"].append(
                {
                    "availability_policy_id": availability_policy_id,
                    "observed_as": self.ids.setdefault(alike, availability_policy_id),
                    **observed,
                    **threshold,
                }
            )
            self.tables["availability_policy_kinds"] += [
                {"availability_policy_id": availability_policy_id, "kind": kind}
                for kind in terms.exclusions.kinds
            ]
            self.tables["availability_policy_maintenance"] += [
                {
                    "availability_policy_id": availability_policy_id,
                    "valid_from_s": since,
                    "valid_until_s": until,
                    "maintenance_id": number,
                }
                for since, until, number in maintenance
            ]
        return availability_policy_id

    def support_policy_id(self, contract: Contract, terms: Terms) -> int:
        promises: list[tuple[str, str, Duration | None, str]] = []
        for promise, targets in (
            ("response", terms.response),
            ("resolution", terms.resolution.targets),
            ("updates", terms.updates),
        ):
            promises += [
                (promise, severity, target.duration, target.clock)
                for severity, target in targets.items()
            ]
        promises += [
            ("escalation", severity, None, clock)
            for severity, clock in terms.escalation.items()
            if isinstance(clock, str)
        ]
        kept = [
            {
                "target_kind": promise,
                "severity": severity,
                "target_s": duration and duration.seconds_on(terms.calendars.get(clock)),
                "calendar_id": self.calendar_id(terms.calendars.get(clock)),
            }
            for promise, severity, duration, clock in promises
        ]
        row = {
            "contract_id": contract.contract_id,
            "basis": terms.severity.basis,
            "non_production_max": terms.severity.non_production_max,
            "pause_counts": terms.resolution.pause_counts,
            "is_due_date_target": terms.tickets.due_dates == "override",
        }
        levels = _levels(terms)
        before = len(self.tables["support_policies"])
        support_policy_id = self._row("support_policies", "support_policy_id", row, levels, kept)
        if len(self.tables["support_policies"]) > before:
            self.tables["support_policy_severities"] += [
                {"support_policy_id": support_policy_id, "severity": level, "severity_rank": rank}
                for rank, level in enumerate(levels)
            ]
            self.tables["targets"] += [
                {"support_policy_id": support_policy_id, **target} for target in kept
            ]
        return support_policy_id

    def terms_id(
        self, contract: Contract, resolved: Resolved, maintenance: list[tuple[int, int, int]]
    ) -> int:
        # equal values are one set of terms, whoever they are for
        availability_policy_id, support_policy_id = (
            self.availability_policy_id(contract, resolved.terms, maintenance),
            self.support_policy_id(contract, resolved.terms),
        )
        terms_id, is_new = self.numbered(
            "terms",
            contract.contract_id,
            resolved.version,
            resolved.values,
            resolved.documents,
            availability_policy_id,
            support_policy_id,
        )
        if is_new:
            self._describe(terms_id, contract, resolved, availability_policy_id, support_policy_id)
        return terms_id

    def _describe(
        self,
        terms_id: int,
        contract: Contract,
        resolved: Resolved,
        availability_policy_id: int,
        support_policy_id: int,
    ) -> None:
        terms = resolved.terms
        covered = _ratio(terms.availability.min_coverage_pct)
        population = terms.resolution_credit
        missed = _ratio(population.max_missed_pct) if population else (None, None)
        credits = terms.credits
        self.tables["terms"].append(
            {
                "terms_id": terms_id,
                "contract_id": contract.contract_id,
                "contract_version": resolved.version,
                "availability_policy_id": availability_policy_id,
                "support_policy_id": support_policy_id,
                "period_kind": terms.availability.period,
                "min_coverage_numerator": covered[0],
                "min_coverage_denominator": covered[1],
                "excluded_time": terms.availability.excluded_time,
                "total_time": terms.availability.total,
                "has_category_commitments": isinstance(terms.availability.commitment_pct, dict),
                "service_hours_calendar": self.calendar_id(
                    terms.calendars.get(terms.availability.service_hours or "")
                ),
                "has_credits": credits is not None,
                "cap_pct": credits.cap_pct if credits else None,
                "is_minimum_raised": credits is not None and credits.below_minimum == "raised",
                "claim_months": credits.claim_months if credits else None,
                "claim_days": credits.claim_days if credits else None,
                "is_claim_required": credits.claim_required if credits else None,
                "is_commitment_first_bound": _document(resolved, COMMITMENT)
                != _document(resolved, "credits.availability_tiers"),
                **_credit_form(credits),
                "is_due_date_mean": terms.tickets.due_dates == "override",
                "max_missed_numerator": missed[0],
                "max_missed_denominator": missed[1],
                "is_mean_over_population": population is not None
                and population.mean_over == "population",
                "is_whole_percent": population is not None
                and population.tier_rounding == "whole_percent",
                "link_within_s": terms.events.link_within_s,
                "included_minutes": terms.configuration_assistance.included.seconds // 60
                if terms.configuration_assistance
                else None,
            }
        )
        self._add_commitments(terms_id, terms)
        for tier, below in enumerate(credits.availability_tiers if credits else [], 1):
            numerator, denominator = _ratio(below.bound_pct)
            row = {
                "terms_id": terms_id,
                "tier": tier,
                "below_pct": below.bound_pct,
                "below_numerator": numerator,
                "below_denominator": denominator,
                "is_inclusive": below.below_pct is None,
            }
            self.tables["availability_tiers"].append({**row, "credit_pct": below.credit_pct})
        caps, minima = (credits.cap_amount, credits.minimum_amount) if credits else ({}, {})
        self.tables["credit_amounts"] += [
            {
                "terms_id": terms_id,
                "currency": code,
                "cap_minor": _minor(caps.get(code), code),
                "minimum_minor": _minor(minima.get(code), code),
            }
            for code in sorted(caps.keys() | minima.keys())
        ]
        for tier, late in enumerate(credits.resolution_tiers if credits else [], 1):
            bound = _ratio(late.up_to_pct) if late.up_to_pct is not None else (None, None)
            row = {
                "terms_id": terms_id,
                "tier": tier,
                "up_to_pct": late.up_to_pct,
                "up_to_numerator": bound[0],
                "up_to_denominator": bound[1],
            }
            self.tables["resolution_tiers"].append({**row, "credit_pct": late.credit_pct})
        path = terms.escalation.get("path", [])
        lists: dict[str, Sequence[str]] = {
            "exclusions.kinds": terms.exclusions.kinds,
            "tickets.kinds": terms.tickets.kinds,
            "tickets.statuses": terms.tickets.statuses,
            "tickets.environments": terms.tickets.environments,
            "resolution_credit.severities": population.severities if population else [],
            "credits.support_plans": credits.support_plans if credits else [],
            "credits.fee_kinds": credits.fee_kinds if credits else [],
            "status_page.severities": terms.status_page.severities if terms.status_page else [],
            "escalation.path": path if isinstance(path, list) else [],
        }
        self.tables["term_lists"] += [
            {"terms_id": terms_id, "policy_key": key, "sequence": sequence, "value": value}
            for key, values in lists.items()
            for sequence, value in enumerate(values, 1)
        ]
        self.tables["term_values"] += [
            {
                "terms_id": terms_id,
                "policy_key": key,
                "value": as_text(value),
                "document": resolved.documents[key],
            }
            for key, value in resolved.values.items()
        ]

    def _add_commitments(self, terms_id: int, terms: Terms) -> None:
        commitment = terms.availability.commitment_pct
        by_category: dict[str | None, Decimal] = {}
        if isinstance(commitment, dict):
            by_category.update(commitment)
        elif commitment is not None:
            by_category[None] = commitment
        for category, percentage in by_category.items():
            numerator, denominator = _ratio(percentage)
            self.tables["commitments"].append(
                {
                    "terms_id": terms_id,
                    "product_category": category,
                    "commitment_pct": percentage,
                    "commitment_numerator": numerator,
                    "commitment_denominator": denominator,
                }
            )

    def calendar_id(self, calendar: Calendar | None) -> str | None:
        if calendar is None:
            return None
        calendar_id = calendar.model_dump_json()
        if self.numbered("calendar_parts", calendar_id)[1]:
            self.tables["calendar_parts"] += [
                {"calendar_id": calendar_id, **part._asdict()}
                for part in calendars.calendar_parts(calendar, *self.years)
            ]
        return calendar_id

    def add_days(self, contract: Contract, as_of_s: int) -> None:
        """The months that are judged, and the instants at which local days begin."""
        zone = named_zone(contract.time_zone)
        starts = min(v.effective_from for v in contract.versions)
        first, today = starts.replace(day=1), calendars.local_date(as_of_s, zone)
        ahead = max(first, today).replace(year=max(first, today).year + _YEARS_AHEAD, day=1)
        kind = period_kind(contract)
        last = first
        for table, of_kind, since in (
            ("months", "month", first),
            ("credit_periods", kind, calendars.period_start(kind, first)),
        ):
            for period in calendars.periods(of_kind, contract.time_zone, since, ahead):
                row: dict[str, Any] = {
                    "contract_id": contract.contract_id,
                    "month": period.start,
                    "last_day": period.end - timedelta(days=1),
                    "has_begun": period.start_s <= as_of_s,
                    **_limits(period, as_of_s),
                }
                if table == "credit_periods":
                    row["period_kind"] = kind
                else:
                    own = self.resolved(contract, max(period.start, starts), (), None)
                    assert own
                    row |= _goal(own.terms)
                self.tables[table].append(row)
                last = max(last, period.end) if row["has_begun"] else last
        for ordinal in range(first.toordinal(), last.toordinal() + 1):
            day = date.fromordinal(ordinal)
            self.tables["local_days"].append(
                {
                    "contract_id": contract.contract_id,
                    "local_day": day,
                    "start_s": calendars.start_of_day(day, zone),
                }
            )
        self.tables["contracts"].append(
            {
                "contract_id": contract.contract_id,
                "contract_name": contract.name,
                "time_zone": contract.time_zone,
                "party": contract.party,
                "as_of_day": today,
                "first_day": first,
                "last_day": last,
                "delay_denominator": delay_denominator(contract),
                "credit_period_kind": kind if has_credits(contract) else "month",
            }
        )


def tables(
    contracts: list[Contract],
    as_of: datetime,
    parties: Iterable[Party] = (),
    scenarios: Callable[[Contract], Scenarios] = alternatives,
    last_due_year: int = 0,
) -> dict[str, Rows]:
    """The rows of TABLES for a run at `as_of` (aware, whole seconds). `parties`: subscriptions that
    amendments may name. `scenarios`: the other values, one at a time, with which a contract is
    evaluated for the mart what_if, each under its dotted key. `last_due_year`: of the due dates of
    tickets, which calendars have to reach (K7), within the years that agreements may have.

    Raises InvalidDocument where terms in force contradict each other.
    """
    as_of_s = int(as_of.timestamp())
    first = min(v.effective_from for c in contracts for v in c.versions)
    # a year on either side: local days reach over the year's end
    last_year = max(as_of.year + 1, min(last_due_year, YEARS.stop - 1))
    builder = _Builder((min(first.year, as_of.year) - 1, last_year))
    builder.tables["run"].append({"as_of_s": as_of_s})
    builder.tables["currencies"] = [
        {"currency": c.code, "minor_digits": c.exponent}
        for c in iso4217.Currency
        if c.exponent is not None
    ]
    known = list(parties)
    for contract in contracts:
        own = [p for p in known if p.contract_id == contract.contract_id]
        named = [
            p
            for p in own
            if any(
                p.customer_id == a.customer_id or p.subscription_id == a.subscription_id
                for a in contract.amendments or []
            )
        ]
        agreed = [None, *sorted(set(named), key=lambda p: (p.subscription_id, p.customer_id))]
        for scenario_id, scenario in enumerate([None, *scenarios(contract)]):
            key, value = scenario or (None, None)
            builder.tables["scenarios"].append(
                {
                    "contract_id": contract.contract_id,
                    "scenario_id": scenario_id,
                    "policy_key": key,
                    "value": None if key is None else as_text(value),
                }
            )
            for party in agreed:
                builder.add_agreement(contract, scenario_id, party, scenario)
        levels = {
            level for v in contract.versions for level in _levels(Terms.model_validate(v.terms))
        }
        builder.tables["covers"] += [
            {"contract_id": contract.contract_id, "kind": kind, "region": region}
            for kind, regions in contract.covers.items()
            for region in regions
        ]
        builder.tables["severities"] += [
            {"contract_id": contract.contract_id, "severity": level} for level in sorted(levels)
        ]
        _add_periods(builder, contract, as_of_s)
        builder.add_days(contract, as_of_s)
    return builder.tables


def period_kind(contract: Contract) -> str:
    """The period of its figures and credits, the same in all versions (T2)."""
    return Terms.model_validate(contract.versions[0].terms).availability.period


def _levels(terms: Terms) -> list[str]:
    """All severities, the highest first."""
    return list(dict.fromkeys([*terms.severity.levels, *terms.severity.request_levels]))


def _add_periods(builder: _Builder, contract: Contract, as_of_s: int) -> None:
    """The periods of the regional figures, by the contract's own terms at their start (T2, T5)."""
    kind = period_kind(contract)
    first, today = (
        min(v.effective_from for v in contract.versions),
        calendars.local_date(as_of_s, named_zone(contract.time_zone)),
    )
    own = [
        s
        for s in builder.tables["term_spans"]
        if s["contract_id"] == contract.contract_id
        and s["scenario_id"] == 0
        and s["subscription_id"] is None
    ]
    for period in calendars.periods(kind, contract.time_zone, first, today):
        terms_id = next(
            s["terms_id"] for s in own if s["valid_from"] <= period.start < s["valid_until"]
        )
        row = {
            "period_kind": kind,
            "period_start": period.start,
            **_limits(period, as_of_s),
            "terms_id": terms_id,
        }
        builder.tables["periods"].append({"contract_id": contract.contract_id, **row})


def _limits(period: calendars.Period, as_of_s: int) -> dict[str, int | bool]:
    """Where a period starts and ends, in epoch seconds, and whether it is over at `as_of_s`
    (T3)."""
    return {
        "start_s": period.start_s,
        "end_s": period.end_s,
        "is_final": period.end_s <= as_of_s,
    }


def _goal(terms: Terms) -> dict[str, Any]:
    """The goal for resolutions in time (Z6)."""
    goal = terms.resolution.attainment_pct
    numerator, denominator = (None, None) if goal is None else _ratio(goal)
    return {"goal_pct": goal, "goal_numerator": numerator, "goal_denominator": denominator}


def _credit_form(credits: Credits | None) -> dict[str, Any]:
    """How availability earns a credit (C1)."""
    tiers = credits.availability_tiers if credits else []
    steps = credits.availability_steps if credits else None
    refund = credits.availability_refund if credits else None
    form: dict[str, Any] = {
        "is_first_tier_inclusive": bool(tiers) and tiers[0].at_or_below_pct is not None,
        "credit_form": "tiers" if tiers else None,
        "step_numerator": None,
        "step_denominator": None,
        "step_s": None,
        "is_begun_step_counted": steps is not None and steps.begun,
        "credit_factor": None,
        "is_credit_in_days": steps is not None and steps.credit_days is not None,
    }
    if steps:
        form["credit_form"] = "steps_of_pct" if steps.per_pct else "steps_of_downtime"
        form["credit_factor"] = steps.credit_pct or steps.credit_days
        if steps.per_pct:
            form["step_numerator"], form["step_denominator"] = _ratio(steps.per_pct)
        form["step_s"] = _seconds(steps.per_downtime)
    if refund:
        form |= {"credit_form": "refund", "credit_factor": refund.multiple}
    return form


def _minor(amount: Decimal | None, currency: str) -> int | None:
    """An amount in minor units of its currency; it is exact in them."""
    digits = iso4217.Currency(currency).exponent or 0
    return None if amount is None else int(amount.scaleb(digits))


def _ratio(percentage: Decimal) -> tuple[int, int]:
    """A percentage as an exact ratio in lowest terms: 99.9 is 999/1000."""
    return (percentage / 100).as_integer_ratio()


def _seconds(duration: Duration | None) -> int | None:
    return duration.seconds if duration else None


def _document(resolved: Resolved, key: str) -> str | None:
    """The document that set a key, with or without a map below it."""
    return next(
        (
            document
            for name, document in resolved.documents.items()
            if name == key or name.startswith(key + ".")
        ),
        None,
    )


def as_text(value: Any) -> str:
    """A value of a contract as one line of YAML."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return f"[{', '.join(map(as_text, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{k}: {as_text(v)}' for k, v in value.items())}}}"
    return "null" if value is None else str(value)


def instant(text: str) -> datetime:
    """An ISO 8601 instant with offset or Z, in UTC, fractions dropped (T1); ValueError if
    its year is not one that contracts may have."""
    parsed = datetime.fromisoformat(text)
    if parsed.tzinfo is None:
        raise ValueError(f"{text!r} has no offset: write it as in 2026-08-21T00:00:00Z")
    of_known_year(parsed)
    return parsed.astimezone(UTC).replace(microsecond=0)
