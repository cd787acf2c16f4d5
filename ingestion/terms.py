"""Contracts and calendars as tables that the models join (T2, T4, T5, T6).

Each distinct set of terms has a `terms_id`; everything a rule needs hangs on it, so that terms of a version, of an
amendment or of an alternative reading are evaluated side by side by the same models.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from ingestion import calendars
from ingestion.contracts import Contract, Duration, Resolved, flat, resolve
from ingestion.zones import zone as named_zone

Rows = list[dict[str, Any]]

# name -> column -> type, in SQL that every engine has; sources of the models
TABLES: dict[str, dict[str, str]] = {
    "run": {"as_of_s": "bigint"},
    "contracts": {"contract_id": "varchar", "contract_name": "varchar", "time_zone": "varchar"},
    "terms": {
        "terms_id": "bigint",
        "contract_id": "varchar",
        "contract_version": "date",
        "is_contract": "boolean",
        "period_kind": "varchar",
        "stale_after_s": "bigint",
        "quorum": "varchar",
        "without_checks": "varchar",
        "is_degraded_unavailable": "boolean",
        "is_unknown_unavailable": "boolean",
        "min_coverage_numerator": "bigint",
        "min_coverage_denominator": "bigint",
        "min_consecutive_s": "bigint",
        "is_threshold_first": "boolean",
        "excluded_time": "varchar",
        "total_time": "varchar",
        "has_category_commitments": "boolean",
        "is_notice_required": "boolean",
        "scheduled_notice_s": "bigint",
        "change_notice_s": "bigint",
        "emergency_notice_s": "bigint",
        "max_length_s": "bigint",
        "business_hours_calendar": "varchar",
        "business_days_calendar": "varchar",
    },
    "commitments": {
        "terms_id": "bigint",
        "product_category": "varchar",
        "commitment_pct": "decimal(18,9)",
        "commitment_numerator": "bigint",
        "commitment_denominator": "bigint",
    },
    "exclusion_kinds": {"terms_id": "bigint", "kind": "varchar"},
    "term_values": {"terms_id": "bigint", "policy_key": "varchar", "value": "varchar", "document": "varchar"},
    "term_spans": {
        "contract_id": "varchar",
        "customer_id": "varchar",
        "subscription_id": "varchar",
        "valid_from": "date",
        "valid_until": "date",
        "valid_from_s": "bigint",
        "valid_until_s": "bigint",
        "terms_id": "bigint",
    },
    "periods": {
        "contract_id": "varchar",
        "period_kind": "varchar",
        "period_start": "date",
        "start_s": "bigint",
        "end_s": "bigint",
        "terms_id": "bigint",
    },
    "calendar_days": {
        "calendar_id": "varchar",
        "utc_day": "bigint",
        "open_seconds_before": "bigint",
        "from_1_s": "bigint",
        "until_1_s": "bigint",
        "from_2_s": "bigint",
        "until_2_s": "bigint",
    },
}

FOREVER = date(9999, 1, 1)


@dataclass(frozen=True)
class Party:
    """A subscription under a contract, as the feeds know it."""

    contract_id: str
    customer_id: str
    subscription_id: str


@dataclass
class _Builder:
    years: tuple[int, int]
    tables: dict[str, Rows] = field(default_factory=lambda: {name: [] for name in TABLES})
    ids: dict[str, int] = field(default_factory=dict)

    def terms_id(self, contract: Contract, resolved: Resolved, is_contract: bool) -> int:
        # equal values of one version are one set of terms, whoever they are for
        key = json.dumps([contract.contract_id, is_contract, resolved.version, resolved.values, resolved.documents], default=str, sort_keys=True)
        if key not in self.ids:
            self.ids[key] = len(self.ids) + 1
            self._describe(self.ids[key], contract, resolved, is_contract)
        return self.ids[key]

    def _describe(self, terms_id: int, contract: Contract, resolved: Resolved, is_contract: bool) -> None:
        terms = resolved.terms
        covered = _ratio(terms.availability.min_coverage_pct)
        self.tables["terms"].append(
            {
                "terms_id": terms_id,
                "contract_id": contract.contract_id,
                "contract_version": resolved.version,
                "is_contract": is_contract,
                "period_kind": terms.availability.period,
                "stale_after_s": terms.monitoring.stale_after_s,
                "quorum": terms.monitoring.quorum,
                "without_checks": terms.monitoring.without_checks,
                "is_degraded_unavailable": "degraded" in terms.availability.unavailable_states,
                "is_unknown_unavailable": terms.availability.unknown_counts_as == "unavailable",
                "min_coverage_numerator": covered[0],
                "min_coverage_denominator": covered[1],
                "min_consecutive_s": terms.downtime.min_consecutive_s,
                "is_threshold_first": terms.downtime.exclusions_apply == "after_threshold",
                "excluded_time": terms.availability.excluded_time,
                "total_time": terms.availability.total,
                "has_category_commitments": isinstance(terms.availability.commitment_pct, dict),
                "is_notice_required": terms.maintenance.notice_required,
                "scheduled_notice_s": _seconds(terms.maintenance.scheduled_notice),
                "change_notice_s": _seconds(terms.maintenance.change_notice),
                "emergency_notice_s": _seconds(terms.maintenance.emergency_notice),
                "max_length_s": _seconds(terms.maintenance.max_length),
                "business_hours_calendar": self._calendar_id(terms.calendars.business_hours),
                "business_days_calendar": self._calendar_id(terms.calendars.business_days),
            }
        )
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
        self.tables["exclusion_kinds"] += [{"terms_id": terms_id, "kind": kind} for kind in terms.exclusions.kinds]
        self.tables["term_values"] += [
            {"terms_id": terms_id, "policy_key": key, "value": _text(value), "document": resolved.documents[key]} for key, value in resolved.values.items()
        ]

    def _calendar_id(self, calendar: calendars.Calendar | None) -> str | None:
        if calendar is None:
            return None
        calendar_id = calendar.model_dump_json()
        if not any(row["calendar_id"] == calendar_id for row in self.tables["calendar_days"]):
            days = calendars.calendar_days(calendar, *self.years)
            self.tables["calendar_days"] += [{"calendar_id": calendar_id, **day._asdict()} for day in days]
        return calendar_id


def tables(contracts: list[Contract], as_of: datetime, parties: Iterable[Party] = ()) -> dict[str, Rows]:
    """The rows of TABLES for a run at `as_of` (aware, whole seconds). `parties`: subscriptions that amendments may name."""
    as_of_s = int(as_of.timestamp())
    first = min(v.effective_from for c in contracts for v in c.versions)
    # a year on either side: local days reach over the year's end, deadlines lie after as_of
    builder = _Builder((min(first.year, as_of.year) - 1, as_of.year + 1))
    builder.tables["run"].append({"as_of_s": as_of_s})
    known = list(parties)
    for contract in contracts:
        zone = named_zone(contract.time_zone)
        today = calendars.local_date(as_of_s, zone)
        builder.tables["contracts"].append({"contract_id": contract.contract_id, "contract_name": contract.name, "time_zone": contract.time_zone})
        _add_spans(builder, contract, [p for p in known if p.contract_id == contract.contract_id])
        kind = flat(contract.versions[0].terms)["availability.period"]
        for period in calendars.periods(kind, contract.time_zone, min(v.effective_from for v in contract.versions), today):
            resolved = resolve(contract, period.start)
            if resolved and period.start_s <= as_of_s:
                builder.tables["periods"].append(
                    {
                        "contract_id": contract.contract_id,
                        "period_kind": kind,
                        "period_start": period.start,
                        "start_s": period.start_s,
                        "end_s": period.end_s,
                        "terms_id": builder.terms_id(contract, resolved, is_contract=True),
                    }
                )
    return builder.tables


def _add_spans(builder: _Builder, contract: Contract, parties: list[Party]) -> None:
    """The terms in force by local date: the contract's own (no party), and those of each party that an amendment names."""
    amendments = contract.amendments or []
    zone = named_zone(contract.time_zone)
    named = [p for p in parties if any(p.customer_id == a.customer_id or p.subscription_id == a.subscription_id for a in amendments)]
    for party in [None, *sorted(set(named), key=lambda p: (p.subscription_id, p.customer_id))]:
        days = {v.effective_from for v in contract.versions}
        for amendment in amendments if party else []:
            days.add(amendment.effective_from)
            if amendment.effective_to and amendment.effective_to < FOREVER:
                days.add(amendment.effective_to + timedelta(days=1))
        ordered = sorted(days)
        for day, until in zip(ordered, [*ordered[1:], FOREVER], strict=True):
            resolved = resolve(contract, day, party.customer_id, party.subscription_id) if party else resolve(contract, day)
            if resolved:
                builder.tables["term_spans"].append(
                    {
                        "contract_id": contract.contract_id,
                        "customer_id": party.customer_id if party else None,
                        "subscription_id": party.subscription_id if party else None,
                        "valid_from": day,
                        "valid_until": until,
                        "valid_from_s": calendars.start_of_day(day, zone),
                        "valid_until_s": calendars.start_of_day(until, zone),
                        "terms_id": builder.terms_id(contract, resolved, is_contract=party is None),
                    }
                )


def _ratio(percentage: Decimal) -> tuple[int, int]:
    """A percentage as an exact ratio in lowest terms: 99.9 is 999/1000."""
    return (percentage / 100).as_integer_ratio()


def _seconds(duration: Duration | None) -> int | None:
    return duration.seconds if duration else None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)


def instant(text: str) -> datetime:
    """An ISO 8601 instant with offset or Z, in UTC, fractions dropped (T1); ValueError if it is none."""
    parsed = datetime.fromisoformat(text)
    if parsed.tzinfo is None:
        raise ValueError(f"{text!r} has no offset: write it as in 2026-08-21T00:00:00Z")
    return parsed.astimezone(UTC).replace(microsecond=0)
