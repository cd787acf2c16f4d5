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
            f"{value!r} is not a duration: write an integer and one of s, m, h, d, bd, as in 15m "
            "or 3bd"
        )
    return Duration(int(match[1]) * _UNITS[match[2]], match[2] == "bd")


def _time_of_day(value: object) -> time:
    if not isinstance(value, str) or not re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]", value):
        raise ValueError(f"{value!r} is not a time of day (example: 08:30)")
    return time.fromisoformat(value)


def _closing_time(value: object) -> time:
    """24:00 is the midnight that ends the day, kept as 00:00."""
    if value == "00:00":
        raise ValueError("'00:00' is the start of a day: write '24:00' for its end")
    return time() if value == "24:00" else _time_of_day(value)


def _holiday_country(value: str) -> str:
    if value != "none" and value not in holidays.list_supported_countries():
        raise ValueError(
            f"{value!r} is not an ISO country with known holidays; for no holidays, write none"
        )
    return value


Distinct = AfterValidator(distinct)
# titles are the names of types in docs/contracts.md
DurationValue = Annotated[Duration, BeforeValidator(duration), Field(title="duration")]
Clock = Literal["24x7", "business_hours", "business_days"]
# far beyond any promise, and far below what 64 bits hold
Whole = Annotated[int, Field(strict=True, ge=0, le=10**10, title="whole number")]
PositiveWhole = Annotated[int, Field(strict=True, gt=0, le=10**10, title="whole number")]
Holidays = Annotated[str, AfterValidator(_holiday_country), Field(title="country")]
Environment = Literal["production", "staging", "test", "development"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Monitoring(_Strict):
    """How the state of a component follows from probes and operational records."""

    stale_after_s: PositiveWhole = Field(
        default=600,
        description="Longest time, in seconds, for which the result of a probe holds; after it the "
        "state is unknown. (M1)",
    )
    quorum: Literal["majority", "any", "all"] = Field(
        default="majority",
        description="How many of the locations whose state is known must report a component down "
        "before it is down: more than half, at least one, or all of them. (M2)",
    )
    without_checks: Literal["unknown", "up"] = Field(
        default="unknown",
        description="State of a component that is not probed at all, outside its operational "
        "records. `up` suits a status that is kept by hand. (M3)",
    )


class Availability(_Strict):
    """What is measured, over which period, and what is committed."""

    period: Literal["month", "quarter"] = Field(
        description="Calendar period of every availability figure. The same in all versions; an "
        "amendment may not change it. (T2, T5)",
    )
    commitment_pct: Percentage | dict[str, Percentage] | None = Field(
        default=None,
        description="Committed availability: one percentage, or a map from product category to "
        "percentage. Left out: no commitment. (A4, A7)",
    )
    excluded_time: Literal["windows", "unavailable_only", "ignored"] = Field(
        default="windows",
        description="What is taken off the total: all excluded time, only the part of it in which "
        "the service was unavailable, or nothing. (A4)",
    )
    total: Literal["calendar", "covered"] = Field(
        default="calendar",
        description="What a subscription's own figure is divided by: the calendar period, or the "
        "covered time in it. (A5)",
    )
    unavailable_states: Annotated[list[Literal["down", "degraded"]], Distinct] = Field(
        default=["down"],
        description="States that count as unavailable; must contain `down`. (M5)",
    )
    unknown_counts_as: Literal["available", "unavailable"] = Field(
        default="available",
        description="Whether time of which nothing is known counts as available. (M6)",
    )
    min_coverage_pct: Percentage = Field(
        default=Decimal("99.0"),
        description="A final period with less coverage is flagged `low_coverage`. (M6)",
    )

    @model_validator(mode="after")
    def _down_is_unavailable(self) -> "Availability":
        if "down" not in self.unavailable_states:
            raise ValueError("unavailable_states must include down, as in [down, degraded]")
        return self


class Downtime(_Strict):
    """From which length on unavailability is downtime."""

    min_consecutive_s: Whole = Field(
        default=0,
        description="Shortest unavailability, in seconds, that is downtime. (A2)",
    )
    exclusions_apply: Literal["before_threshold", "after_threshold"] = Field(
        default="before_threshold",
        description="Whether exclusions are cut out before or after the length is compared with "
        "`downtime.min_consecutive_s`. (A2)",
    )


class Exclusions(_Strict):
    """Which exclusions the contract recognises."""

    kinds: Names = Field(
        default=[],
        description="Kinds of exclusion that apply; all others are ignored. (X1)",
    )


class BusinessHours(_Strict):
    """A clock that runs in the weekly opening hours, except on holidays."""

    time_zone: Zone = Field(description="Time zone of the opening hours. (T4)")
    days: Annotated[list[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]], Distinct] = (
        Field(description="Weekdays that are open. (T4)")
    )
    opens: Annotated[time, BeforeValidator(_time_of_day), Field(title="time of day")] = Field(
        description="Opening time on each of the days, in quotes. (T4)",
    )
    closes: Annotated[time, BeforeValidator(_closing_time), Field(title="time of day")] = Field(
        description="Closing time, in quotes, after `opens`; `24:00` is the end of the day. (T4)",
    )
    holidays: Holidays = Field(
        default="none",
        description="Country whose general public holidays are closed, or `none`. (T4)",
    )
    add: list[date] = Field(default=[], description="Further dates that are holidays. (T4)")
    remove: list[date] = Field(
        default=[], description="Dates of that country's list that are not holidays here. (T4)"
    )

    @model_validator(mode="after")
    def _opens_first(self) -> "BusinessHours":
        if self.closes != time() and self.opens >= self.closes:
            raise ValueError("opens must be before closes")
        return self


class BusinessDays(_Strict):
    """A clock that runs on whole working days: Monday to Friday, except on holidays."""

    time_zone: Zone = Field(description="Time zone of the days. (T4)")
    holidays: Holidays = Field(
        default="none",
        description="Country whose general public holidays are not working days, or `none`. (T4)",
    )
    add: list[date] = Field(default=[], description="Further dates that are holidays. (T4)")
    remove: list[date] = Field(
        default=[], description="Dates of that country's list that are not holidays here. (T4)"
    )


class Calendars(_Strict):
    """The clocks other than `24x7` by which targets may be measured."""

    business_hours: BusinessHours | None = None
    business_days: BusinessDays | None = None


class Tickets(_Strict):
    """Which tickets count."""

    kinds: Annotated[list[Literal["paid", "trial", "evaluation"]], Distinct] = Field(
        default=["paid"],
        description="Kinds of subscription whose tickets count. (K8)",
    )
    statuses: Annotated[list[Literal["active", "suspended"]], Distinct] = Field(
        default=["active"],
        description="Statuses of subscription whose tickets count. (K8)",
    )
    environments: Annotated[list[Environment], Distinct] = Field(
        default=["production", "staging", "test", "development"],
        description="Environments whose tickets count. (K8)",
    )


class Severity(_Strict):
    """The severities that a ticket can have, and which one sets its targets."""

    levels: Names = Field(
        default=[], description="Severities of incidents, the highest first. (K1, K3)"
    )
    request_levels: Names = Field(
        default=[], description="Severities of requests, the highest first. (K1)"
    )
    basis: Literal["at_stop", "initial", "highest"] = Field(
        default="at_stop",
        description="The severity that sets a target: the one in force when the clock stops, the "
        "one at its start, or the highest between the two. (K3)",
    )
    non_production_max: str | None = Field(
        default=None,
        description="Highest severity outside production. Left out: no limit. (K3)",
    )


class Target(_Strict):
    """A time within which something is to happen."""

    target: DurationValue = Field(description="Longest time that meets the target. (K7)")
    clock: Clock = Field(description="Clock that measures it. (T4)")

    @property
    def duration(self) -> Duration:
        return self.target


class Cadence(_Strict):
    """How often something is to happen."""

    every: DurationValue = Field(description="Longest time between two status updates. (K6)")
    clock: Clock = Field(description="Clock that measures it. (T4)")

    @property
    def duration(self) -> Duration:
        return self.every


class Resolution(_Strict):
    """Targets for resolution."""

    pause_counts: StrictBool = Field(
        default=False,
        description="Whether time in which a ticket is paused counts against its target. (K5)",
    )
    targets: dict[str, Target] = {}

    @model_validator(mode="before")
    @classmethod
    def _severities(cls, value: object) -> object:
        # in the file, severities are keys beside pause_counts
        if not isinstance(value, dict) or "targets" in value:
            return value
        rest = {k: v for k, v in value.items() if k != "pause_counts"}
        return {k: v for k, v in value.items() if k == "pause_counts"} | {"targets": rest}


class ResolutionCredit(_Strict):
    """The credit for late resolutions. Needs `credits`."""

    severities: Names = Field(
        description="Severities of `severity.levels` whose incidents are counted, together. (R1)"
    )
    max_missed_pct: Percentage = Field(
        description="A credit is due when more than this share of them is missed. (R2)"
    )
    mean_over: Literal["missed", "population"] = Field(
        default="missed",
        description="Whether the delay is averaged over the missed incidents or over all that are "
        "counted. (R3)",
    )
    tier_rounding: Literal["none", "whole_percent"] = Field(
        default="none",
        description="Whether the average delay is rounded, half up, to a whole percentage before "
        "its tier is looked up. (R3)",
    )


class AvailabilityTier(_Strict):
    """A tier of the availability credit."""

    below_pct: Percentage = Field(
        description="Availability below this earns the tier's credit. Falls from tier to tier. (C1)"
    )
    credit_pct: Percentage = Field(
        description="Credit, in percent of the monthly fee. Must not fall from tier to tier. (C1)"
    )


class ResolutionTier(_Strict):
    """A tier of the resolution credit."""

    up_to_pct: Annotated[DecimalValue, Field(ge=0, lt=10**9)] | None = Field(
        default=None,
        description="Average delay up to this earns the tier's credit. Rises from tier to tier; "
        "the last tier, and no other, leaves it out. (R3)",
    )
    credit_pct: Percentage = Field(
        description="Credit, in percent of the monthly fee. Must not fall from tier to tier. (R3)"
    )


class Credits(_Strict):
    """Service credits. Left out: the contract gives none. Needs `availability.period: month`."""

    support_plans: Names = Field(description="Support plans whose subscriptions earn credits. (E1)")
    fee_kinds: Annotated[list[Literal["recurring", "usage"]], Distinct] = Field(
        default=["recurring", "usage"],
        description="Kinds of invoice line that make up the monthly fee. (E3)",
    )
    cap_pct: Percentage = Field(
        default=Decimal(100),
        description="Highest credit, in percent of the monthly fee. (C4)",
    )
    availability_tiers: list[AvailabilityTier] = Field(
        default=[], description="Tiers of the availability credit, the mildest first. (C1)"
    )
    resolution_tiers: list[ResolutionTier] = Field(
        default=[], description="Tiers of the resolution credit, the mildest first. (R3, C2)"
    )
    claim_days: Annotated[int, Field(strict=True, ge=0, le=36_500, title="whole number")] = Field(
        default=30,
        description="Days after the month's last day within which a credit must be requested. (C5)",
    )

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
    """When a late ticket and a downtime interval are one event."""

    link_within_s: Whole = Field(
        default=900,
        description="A ticket that names no record is linked to a downtime interval if it is "
        "received within it, or at most this many seconds after its end. (C3)",
    )


class Maintenance(_Strict):
    """Notice and length of maintenance."""

    notice_required: StrictBool = Field(
        default=False,
        description="Whether scheduled maintenance is excluded only if the promised notice was "
        "given. (X3)",
    )
    scheduled_notice: DurationValue | None = Field(
        default=None, description="Notice promised for scheduled maintenance. (Z2)"
    )
    change_notice: DurationValue | None = Field(
        default=None,
        description="Notice promised for scheduled changes of APIs, authentication and "
        "integrations; left out: `maintenance.scheduled_notice`. (Z2)",
    )
    emergency_notice: DurationValue | None = Field(
        default=None, description="Notice promised for emergency maintenance. (Z2)"
    )
    max_length: DurationValue | None = Field(
        default=None, description="Longest scheduled maintenance. (Z2)"
    )


class ConfigurationAssistance(_Strict):
    """Configuration assistance that is included. Left out: none is."""

    included: DurationValue = Field(
        description="Time included in each calendar month, without carry-over. (Z1)"
    )


class StatusPage(_Strict):
    """Publication of incidents on the status page. Left out: none is promised."""

    severities: Names = Field(
        description="Severities of `severity.levels` that must be on the status page. (Z3)"
    )


# a rule's id, such as C4
Rule = Annotated[str, Field(pattern=r"^[A-Z][1-9]$")]


class Texts(_Strict):
    """Sentences of a contract that its reports quote; no figure depends on them."""

    claim: str | None = Field(default=None, description="How a credit is requested. (C5)")
    payable: str | None = Field(default=None, description="What a credit may be used for. (C6)")


class Terms(_Strict):
    """The terms in force under a contract; every key the rules name, with its default where it has
    one."""

    monitoring: Monitoring = Monitoring()
    availability: Availability
    downtime: Downtime = Downtime()
    exclusions: Exclusions = Exclusions()
    calendars: Calendars = Calendars()
    tickets: Tickets = Tickets()
    severity: Severity = Severity()
    response: dict[str, Target] = Field(
        default={}, description="Targets for the first response, by severity. (K4)"
    )
    updates: dict[str, Cadence] = Field(
        default={}, description="Cadence of status updates, by severity. (K6)"
    )
    resolution: Resolution = Field(
        default=Resolution(), description="Targets for resolution, by severity. (K5)"
    )
    resolution_credit: ResolutionCredit | None = None
    credits: Credits | None = None
    events: Events = Events()
    maintenance: Maintenance = Maintenance()
    configuration_assistance: ConfigurationAssistance | None = None
    status_page: StatusPage | None = None
    escalation: dict[str, Clock | Names] = Field(
        default={},
        description="Whom open tickets are escalated to, and on which clock. (Z5)",
    )
    clauses: dict[Rule, str] = Field(
        default={},
        description="The clause that a rule reads, by rule id. Reports and proofs cite it; no "
        "figure depends on it. (Z4)",
    )
    texts: Texts = Texts()

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
                yield place, "must be longer than 0, as in 15m"
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
    """The terms from one date on."""

    effective_from: Annotated[date, AfterValidator(of_known_year)] = Field(
        description="First local date on which the version is in force. (T5)"
    )
    terms: dict[str, Any] = Field(description="All terms of the version, as below. (T5)")


class Amendment(_Strict):
    """Terms of a document of a named rank for one customer or one subscription (T6)."""

    rank: Literal[RANKS] = Field(  # type: ignore[valid-type]
        title="rank",
        description="Rank of the document that sets the terms. (T6)",
    )
    customer_id: str | None = Field(
        default=None,
        description="Customer that it is for. Exactly one of this and `subscription_id`. (T6)",
    )
    subscription_id: str | None = Field(
        default=None, description="Subscription that it is for. (T6)"
    )
    effective_from: date = Field(description="First local date on which it is in force. (T6)")
    effective_to: date | None = Field(
        default=None, description="Last local date, inclusive. Left out: no end. (T6)"
    )
    terms: dict[str, Any] = Field(
        description="The keys that it sets; all others stay as they are. (T6)"
    )

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
    """One agreement: a file."""

    contract_id: Annotated[str, Field(min_length=1)] = Field(
        description="Id by which the feed `services` refers to the contract."
    )
    name: str = Field(description="Name of the agreement, as reports print it.")
    time_zone: Zone = Field(description="Time zone of all its periods and dates. (T2)")
    versions: Annotated[list[Version], Field(min_length=1)] = Field(
        description="Its versions, each with a different `effective_from`. (T5)"
    )
    amendments: list[Amendment] | None = Field(
        default=None, description="What other documents set for one customer or subscription. (T6)"
    )

    def version_on(self, day: date) -> Version | None:
        """The version in force on a local date (T5); None before the first."""
        return max(
            (v for v in self.versions if v.effective_from <= day),
            key=lambda v: v.effective_from,
            default=None,
        )
