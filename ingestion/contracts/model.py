"""What a contract may say: its terms key by key, its versions and its amendments (T5, T6).

Each key has its form and its default here, and nowhere else. Does not belong here: reading files
(`loader`), and which terms are in force for whom (`amendments`).
"""

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal
from typing import Annotated, Any, Literal

import holidays
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    model_validator,
)

from makegood.ingestion.strict_yaml import Location
from makegood.ingestion.values import DecimalValue, Names, Percentage, Zone, distinct, of_known_year

# T6: highest first
RANKS = (
    "executed_agreement",
    "order_form",
    "service_schedule",
    "sla",
    "data_processing_addendum",
    "toms",
    "terms_of_service",
    "privacy_policy",
    "price_list",
    "trust_center",
)
CLOCKS = ("24x7", "business_hours", "business_days")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "bd": 86_400}


@dataclass(frozen=True)
class Duration:
    """A whole number of seconds; `is_business_days` where it was written in `bd`."""

    seconds: int
    is_business_days: bool = False


def duration(value: object) -> Duration:
    match = re.fullmatch(r"([0-9]{1,9})(s|m|h|d|bd)", value) if isinstance(value, str) else None
    if not match:
        raise ValueError(
            f"{value!r} is no duration: an integer and one of s, m, h, d, bd, as in 15m or 3bd"
        )
    return Duration(int(match[1]) * _UNITS[match[2]], match[2] == "bd")


def _time_of_day(value: object) -> time:
    if not isinstance(value, str) or not re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]", value):
        raise ValueError(f"{value!r} is no time of day, as in 08:30")
    return time.fromisoformat(value)


def _closing_time(value: object) -> time:
    """24:00 is the midnight that ends the day, kept as 00:00."""
    if value == "00:00":
        raise ValueError("a day that closes at midnight closes at 24:00")
    return time() if value == "24:00" else _time_of_day(value)


def _holiday_country(value: str) -> str:
    if value != "none" and value not in holidays.list_supported_countries():
        raise ValueError(f"{value!r} is neither none nor an ISO country whose holidays are known")
    return value


DurationValue = Annotated[Duration, BeforeValidator(duration)]
Clock = Literal["24x7", "business_hours", "business_days"]
# far beyond any promise, and far below what 64 bits hold
Whole = Annotated[int, Field(strict=True, ge=0, le=10**10)]
Environment = Literal["production", "staging", "test", "development"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Monitoring(_Strict):
    stale_after_s: Annotated[int, Field(strict=True, gt=0, le=10**10)] = 600
    quorum: Literal["majority", "any", "all"] = "majority"
    without_checks: Literal["unknown", "up"] = "unknown"


class Availability(_Strict):
    period: Literal["month", "quarter"]
    commitment_pct: Percentage | dict[str, Percentage] | None = None
    excluded_time: Literal["windows", "unavailable_only", "ignored"] = "windows"
    total: Literal["calendar", "covered"] = "calendar"
    unavailable_states: Annotated[list[Literal["down", "degraded"]], AfterValidator(distinct)] = [
        "down"
    ]
    unknown_counts_as: Literal["available", "unavailable"] = "available"
    min_coverage_pct: Percentage = Decimal("99.0")

    @model_validator(mode="after")
    def _down_is_unavailable(self) -> "Availability":
        if "down" not in self.unavailable_states:
            raise ValueError("unavailable_states must hold down")
        return self


class Downtime(_Strict):
    min_consecutive_s: Whole = 0
    exclusions_apply: Literal["before_threshold", "after_threshold"] = "before_threshold"


class Exclusions(_Strict):
    kinds: Names = []


class BusinessHours(_Strict):
    time_zone: Zone
    days: Annotated[
        list[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]], AfterValidator(distinct)
    ]
    opens: Annotated[time, BeforeValidator(_time_of_day)]
    closes: Annotated[time, BeforeValidator(_closing_time)]
    holidays: Annotated[str, AfterValidator(_holiday_country)] = "none"
    add: list[date] = []
    remove: list[date] = []

    @model_validator(mode="after")
    def _opens_first(self) -> "BusinessHours":
        if self.closes != time() and self.opens >= self.closes:
            raise ValueError("opens must be before closes")
        return self


class BusinessDays(_Strict):
    time_zone: Zone
    holidays: Annotated[str, AfterValidator(_holiday_country)] = "none"
    add: list[date] = []
    remove: list[date] = []


class Calendars(_Strict):
    business_hours: BusinessHours | None = None
    business_days: BusinessDays | None = None


class Tickets(_Strict):
    kinds: Annotated[list[Literal["paid", "trial", "evaluation"]], AfterValidator(distinct)] = [
        "paid"
    ]
    statuses: Annotated[list[Literal["active", "suspended"]], AfterValidator(distinct)] = ["active"]
    environments: Annotated[list[Environment], AfterValidator(distinct)] = [
        "production",
        "staging",
        "test",
        "development",
    ]


class Severity(_Strict):
    levels: Names = []
    request_levels: Names = []
    basis: Literal["at_stop", "initial", "highest"] = "at_stop"
    non_production_max: str | None = None


class Target(_Strict):
    target: DurationValue
    clock: Clock

    @property
    def duration(self) -> Duration:
        return self.target


class Cadence(_Strict):
    every: DurationValue
    clock: Clock

    @property
    def duration(self) -> Duration:
        return self.every


class Resolution(_Strict):
    pause_counts: StrictBool = False
    targets: dict[str, Target] = {}

    @model_validator(mode="before")
    @classmethod
    def _severities(cls, value: object) -> object:
        # the severities stand beside pause_counts in the file
        if not isinstance(value, dict) or "targets" in value:
            return value
        rest = {k: v for k, v in value.items() if k != "pause_counts"}
        return {k: v for k, v in value.items() if k == "pause_counts"} | {"targets": rest}


class ResolutionCredit(_Strict):
    severities: Names
    max_missed_pct: Percentage
    mean_over: Literal["missed", "population"] = "missed"
    tier_rounding: Literal["none", "whole_percent"] = "none"


class AvailabilityTier(_Strict):
    below_pct: Percentage
    credit_pct: Percentage


class ResolutionTier(_Strict):
    up_to_pct: Annotated[DecimalValue, Field(ge=0, lt=10**9)] | None = None
    credit_pct: Percentage


class Credits(_Strict):
    support_plans: Names
    fee_kinds: Annotated[list[Literal["recurring", "usage"]], AfterValidator(distinct)] = [
        "recurring",
        "usage",
    ]
    cap_pct: Percentage = Decimal(100)
    availability_tiers: list[AvailabilityTier] = []
    resolution_tiers: list[ResolutionTier] = []
    claim_days: Annotated[int, Field(strict=True, ge=0, le=36_500)] = 30

    @model_validator(mode="after")
    def _tiers_in_order(self) -> "Credits":
        below = [t.below_pct for t in self.availability_tiers]
        if any(a <= b for a, b in itertools.pairwise(below)):
            raise ValueError(
                "availability_tiers are out of order: below_pct must fall from tier to tier"
            )
        up_to = [t.up_to_pct for t in self.resolution_tiers]
        if any(t is None for t in up_to[:-1]) or (up_to and up_to[-1] is not None):
            raise ValueError(
                "resolution_tiers are out of order: the last one, and no other, has no up_to_pct"
            )
        bounds = [t for t in up_to if t is not None]
        if any(a >= b for a, b in itertools.pairwise(bounds)):
            raise ValueError(
                "resolution_tiers are out of order: up_to_pct must rise from tier to tier"
            )
        for tiers in (self.availability_tiers, self.resolution_tiers):
            credits = [t.credit_pct for t in tiers]
            if any(a > b for a, b in itertools.pairwise(credits)):
                raise ValueError(
                    "tiers are out of order: credit_pct must not fall from tier to tier"
                )
        return self


class Events(_Strict):
    link_within_s: Whole = 900


class Maintenance(_Strict):
    notice_required: StrictBool = False
    scheduled_notice: DurationValue | None = None
    change_notice: DurationValue | None = None
    emergency_notice: DurationValue | None = None
    max_length: DurationValue | None = None


class ConfigurationAssistance(_Strict):
    included: DurationValue


class StatusPage(_Strict):
    severities: Names


class Terms(_Strict):
    """The terms in force under a contract; every key the rules name, with its default where it has one."""

    monitoring: Monitoring = Monitoring()
    availability: Availability
    downtime: Downtime = Downtime()
    exclusions: Exclusions = Exclusions()
    calendars: Calendars = Calendars()
    tickets: Tickets = Tickets()
    severity: Severity = Severity()
    response: dict[str, Target] = {}
    updates: dict[str, Cadence] = {}
    resolution: Resolution = Resolution()
    resolution_credit: ResolutionCredit | None = None
    credits: Credits | None = None
    events: Events = Events()
    maintenance: Maintenance = Maintenance()
    configuration_assistance: ConfigurationAssistance | None = None
    status_page: StatusPage | None = None
    escalation: dict[str, Clock | Names] = {}

    def contradictions(self) -> Iterator[tuple[Location, str]]:
        """What each key alone can't show: (where, what)."""
        known = {*self.severity.levels, *self.severity.request_levels}
        clocked: list[tuple[Location, Duration, str]] = []
        for where, targets in (
            ("response", self.response),
            ("resolution", self.resolution.targets),
        ):
            for level, target in targets.items():
                clocked.append(((where, level, "target"), target.target, target.clock))
        for level, cadence in self.updates.items():
            clocked.append((("updates", level, "every"), cadence.every, cadence.clock))
        for place, duration, clock in clocked:
            if duration.seconds == 0:
                yield place, "must be longer than nothing"
            if duration.is_business_days and clock != "business_days":
                yield place, f"is in business days, but its clock is {clock}"
            if clock != "24x7" and getattr(self.calendars, clock) is None:
                yield (*place[:-1], "clock"), f"is {clock}, but calendars.{clock} is missing"
            if place[1] not in known:
                yield (
                    place[:-1],
                    f"{place[1]!r} is in neither severity.levels nor severity.request_levels",
                )
        for key in ("scheduled_notice", "change_notice", "emergency_notice", "max_length"):
            notice = getattr(self.maintenance, key)
            if notice and notice.is_business_days:
                yield ("maintenance", key), "can't be in business days: it has no clock"
        if (
            self.configuration_assistance
            and self.configuration_assistance.included.is_business_days
        ):
            yield ("configuration_assistance", "included"), "can't be in business days"
        lists: list[tuple[Location, list[str]]] = []
        if self.resolution_credit:
            lists.append((("resolution_credit", "severities"), self.resolution_credit.severities))
        if self.status_page:
            lists.append((("status_page", "severities"), self.status_page.severities))
        if self.severity.non_production_max:
            lists.append((("severity", "non_production_max"), [self.severity.non_production_max]))
        for place, levels in lists:
            for level in levels:
                if level not in self.severity.levels:
                    yield place, f"{level!r} is not in severity.levels"
        for level, value in self.escalation.items():
            if (level == "path") != isinstance(value, list):
                yield (
                    ("escalation", level),
                    "escalation.path is a list of people; a severity has a clock",
                )
        if self.credits and self.availability.period != "month":
            yield ("credits",), "credits need availability.period month: a credit is of a month"
        if self.resolution_credit and not self.credits:
            yield ("resolution_credit",), "needs credits"


class Version(_Strict):
    effective_from: Annotated[date, AfterValidator(of_known_year)]
    terms: dict[str, Any]


class Amendment(_Strict):
    """Terms of a document of a named rank for one customer or one subscription (T6)."""

    rank: Literal[RANKS]  # type: ignore[valid-type]
    customer_id: str | None = None
    subscription_id: str | None = None
    effective_from: date
    effective_to: date | None = None
    terms: dict[str, Any]

    @model_validator(mode="after")
    def _one_scope(self) -> "Amendment":
        if (self.customer_id is None) == (self.subscription_id is None):
            raise ValueError("must name either customer_id or subscription_id")
        if self.effective_to and self.effective_to < self.effective_from:
            raise ValueError("effective_to is before effective_from")
        return self

    def in_force(self, day: date) -> bool:
        return self.effective_from <= day and (
            self.effective_to is None or day <= self.effective_to
        )


class Contract(_Strict):
    contract_id: Annotated[str, Field(min_length=1)]
    name: str
    time_zone: Zone
    versions: Annotated[list[Version], Field(min_length=1)]
    amendments: list[Amendment] | None = None

    def version_on(self, day: date) -> Version | None:
        """The version in force on a local date (T5); None before the first."""
        return max(
            (v for v in self.versions if v.effective_from <= day),
            key=lambda v: v.effective_from,
            default=None,
        )
