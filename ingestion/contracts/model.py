"""What a contract may say: its terms key by key, its versions and its amendments (T5, T6).

Each key has its form and its default here, and nowhere else. Does not belong here: reading files
(`loader`), and which terms are in force for whom (`amendments`).
"""

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal

import holidays
import iso4217
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    model_validator,
)

from makegood.ingestion.nearest import nearest
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
_DAY = 86_400
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": _DAY, "bd": _DAY}
_JOINED = re.compile(r"(?=[0-9])([0-9]{1,9}h)?([0-9]{1,9}m)?([0-9]{1,9}s)?")
_OF_DAYS = re.compile(r"([0-9]{1,9})(d|bd)")
_WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_SPAN = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])-(?:([01][0-9]|2[0-3]):([0-5][0-9])|(24):(00))")


@dataclass(frozen=True)
class Duration:
    """A whole number of seconds; of business days, 86,400 each, where it was written in `bd`."""

    seconds: int
    is_business_days: bool = False

    def seconds_on(self, calendar: "Calendar | None") -> int:
        """Its seconds on the clock of a calendar (T4)."""
        if self.is_business_days and calendar and calendar.business_day:
            return self.seconds // _DAY * calendar.business_day.seconds
        return self.seconds


def duration(value: object) -> Duration:
    text = value if isinstance(value, str) else ""
    days = _OF_DAYS.fullmatch(text)
    if days:
        return Duration(int(days[1]) * _UNITS[days[2]], days[2] == "bd")
    joined = _JOINED.fullmatch(text)
    if not joined:
        raise ValueError(
            f"{value!r} is not a duration: write an integer and one of s, m, h, d, bd, as in 15m "
            "or 3bd; h, m and s may be joined, as in 8h30m"
        )
    parts = [part for part in joined.groups() if part]
    return Duration(sum(int(part[:-1]) * _UNITS[part[-1]] for part in parts))


def _minute_of_day(value: object) -> int:
    if not isinstance(value, str) or not re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]", value):
        raise ValueError(f"{value!r} is not a time of day (example: 08:30)")
    return int(value[:2]) * 60 + int(value[3:])


def _closing_minute(value: object) -> int:
    """24:00 is the midnight that ends the day."""
    return 24 * 60 if value == "24:00" else _minute_of_day(value)


def _until(opens: int, closes: int) -> tuple[int, int]:
    """The minutes of the day `[opens, closes)`; one that closes at or before its start runs into
    the next day, past minute 1440 (T4)."""
    return (opens, closes) if closes > opens else (opens, closes + 24 * 60)


def _span(value: object) -> tuple[int, int]:
    match = _SPAN.fullmatch(value) if isinstance(value, str) else None
    if not match:
        raise ValueError(
            f'{value!r} is not a span of opening hours: write it in quotes, as in "08:30-12:00"'
        )
    hour, minute, *end = (int(part) for part in match.groups() if part is not None)
    return _until(hour * 60 + minute, end[0] * 60 + end[1])


def _holiday_list(value: str) -> str:
    country, _, subdivision = value.partition("-")
    known = holidays.list_supported_countries()
    if value != "none" and country not in known:
        raise ValueError(
            f"{value!r} is not an ISO country with known holidays; for no holidays, write none"
        )
    if "-" in value and subdivision not in known.get(country, []):
        near = nearest(subdivision, known[country])
        raise ValueError(
            f"{subdivision!r} is not a subdivision of {country} with holidays of its own"
            + (f"; did you mean {country}-{near}?" if near else "")
        )
    return value


def _currency_amounts(values: dict[str, Decimal]) -> dict[str, Decimal]:
    digits = {c.code: c.exponent for c in iso4217.Currency if c.exponent is not None}
    for code, amount in values.items():
        if digits.get(code, 4) > 3:
            raise ValueError(f"{code!r} is not a currency of ISO 4217 in use (example: EUR)")
        if amount < 0:
            raise ValueError(f"{amount} {code} is below 0")
        if amount != round(amount, digits[code]):
            raise ValueError(
                f"{amount} {code} is finer than the currency, which has {digits[code]} decimals"
            )
    return values


Distinct = AfterValidator(distinct)
# titles are the names of types in docs/contracts.md
DurationValue = Annotated[Duration, BeforeValidator(duration), Field(title="duration")]
ROUND_THE_CLOCK = "24x7"
Clock = Annotated[str, Field(title="clock")]
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Span = Annotated[tuple[int, int], BeforeValidator(_span), Field(title="span")]
Amounts = Annotated[
    dict[str, DecimalValue], AfterValidator(_currency_amounts), Field(title="amounts by currency")
]
Period = Literal["month", "quarter", "year"]
# far beyond any promise, and far below what 64 bits hold
Whole = Annotated[int, Field(strict=True, ge=0, le=10**10, title="whole number")]
PositiveWhole = Annotated[int, Field(strict=True, gt=0, le=10**10, title="whole number")]
Holidays = Annotated[str, AfterValidator(_holiday_list), Field(title="country or subdivision")]
Environment = Literal["production", "staging", "test", "development"]


# of what can't be nothing, and stays far below what figures hold
Positive = Annotated[DecimalValue, Field(gt=0, lt=10**6), Field(title="number")]


def _some(values: list[str]) -> list[str]:
    if not values:
        raise ValueError("is empty: name at least one region, as in [eu]")
    return values


Regions = Annotated[Names, AfterValidator(_some)]


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

    period: Period = Field(
        default="month",
        description="Calendar period of availability figures and of credits. The same in all "
        "versions; an amendment may not change it. (T2, T5)",
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
    service_hours: str | None = Field(
        default=None,
        description="Calendar outside whose opening hours nothing counts. Left out: all time "
        "counts. (A3)",
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


class Calendar(_Strict):
    """A clock other than `24x7`, by any name: one of hours with `hours`, or with `days`, `opens`
    and `closes`; else one of whole days."""

    time_zone: Zone = Field(description="Time zone of the hours and days. (T4)")
    hours: dict[Weekday, list[Span]] | None = Field(
        default=None,
        title="map from weekday to spans",
        description='Opening hours by weekday, as in `mon: ["08:30-12:00", "13:00-17:00"]`. '
        "`24:00` ends a day; a span that ends at or before its start runs into the next day. (T4)",
    )
    days: Annotated[list[Weekday], Distinct] | None = Field(
        default=None,
        description="Weekdays that are open. Left out: Monday to Friday, on a clock of days. (T4)",
    )
    opens: Annotated[int, BeforeValidator(_minute_of_day), Field(title="time of day")] | None = (
        Field(
            default=None,
            title="time of day",
            description="Opening time on each of `days`, in quotes. (T4)",
        )
    )
    closes: Annotated[int, BeforeValidator(_closing_minute), Field(title="time of day")] | None = (
        Field(
            default=None,
            title="time of day",
            description="Closing time, in quotes; `24:00` is the end of the day, and a time at or "
            "before `opens` is of the next day. (T4)",
        )
    )
    holidays: Holidays = Field(
        default="none",
        description="Country, or subdivision of one, whose public holidays are closed, or `none`. "
        "(T4)",
    )
    add: list[date] = Field(default=[], description="Further dates that are holidays. (T4)")
    remove: list[date] = Field(
        default=[], description="Dates of that list that are not holidays here. (T4)"
    )
    business_day: DurationValue | None = Field(
        default=None,
        title="duration",
        description="What `1bd` is worth on this clock of hours. Left out: it takes no targets in "
        "`bd`. (T4)",
    )

    @property
    def has_hours(self) -> bool:
        """Whether it is a clock of hours, else of days."""
        return self.hours is not None or self.opens is not None or self.closes is not None

    def week(self) -> dict[int, list[tuple[int, int]]]:
        """The open spans that start on each weekday (Monday is 0), in minutes of that day, in
        order."""
        if self.hours is not None:
            return {_WEEK.index(day): sorted(spans) for day, spans in self.hours.items()}
        days = _WEEK[:5] if self.days is None else self.days
        span = _until(self.opens or 0, 24 * 60 if self.closes is None else self.closes)
        return {_WEEK.index(day): [span] for day in days}

    @model_validator(mode="after")
    def _one_form(self) -> "Calendar":
        short = [k for k in ("days", "opens", "closes") if getattr(self, k) is not None]
        if self.hours is not None and short:
            raise ValueError(f"hours and {short[0]} can't both be set: hours names the weekdays")
        if self.has_hours and self.hours is None:
            missing = [k for k in ("days", "opens", "closes") if k not in short]
            if missing:
                raise ValueError(f"{missing[0]} is missing: write days, opens and closes, or hours")
        if self.business_day and not self.has_hours:
            raise ValueError(
                "business_day is of a clock of hours; on one of days, 1bd is 86,400 seconds"
            )
        if self.business_day and (
            self.business_day.is_business_days or not self.business_day.seconds
        ):
            raise ValueError("business_day must be longer than 0, in h, m or s, as in 8h")
        self._refuse_overlap()
        return self

    def _refuse_overlap(self) -> None:
        spans = sorted(
            (day * 24 * 60 + opens, day * 24 * 60 + closes)
            for day, of_day in self.week().items()
            for opens, closes in of_day
        )
        if not spans:
            return
        # the week after begins like this one
        again = (spans[0][0] + 7 * 24 * 60, spans[0][1] + 7 * 24 * 60)
        for (opens, closes), (following, _) in itertools.pairwise([*spans, again]):
            if following < closes:
                one, other = (_WEEK[minute // (24 * 60) % 7] for minute in (opens, following))
                raise ValueError(f"a span of {one} overlaps one of {other}: spans may only touch")


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
    due_dates: Literal["ignore", "override"] = Field(
        default="ignore",
        description="Whether a ticket's own due dates take the place of its targets. (K7)",
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
    attainment_pct: Percentage | None = Field(
        default=None,
        description="Goal for the share of tickets that are resolved in time. Left out: none. (Z6)",
    )
    targets: dict[str, Target] = {}

    @model_validator(mode="before")
    @classmethod
    def _severities(cls, value: object) -> object:
        # in the file, severities are keys beside the reserved ones
        if not isinstance(value, dict) or "targets" in value:
            return value
        reserved = {"pause_counts", "attainment_pct"}
        targets = {k: v for k, v in value.items() if k not in reserved}
        return {k: v for k, v in value.items() if k in reserved} | {"targets": targets}


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

    below_pct: Percentage | None = Field(
        default=None,
        description="Availability below this earns the tier's credit. Falls from tier to tier. "
        "(C1)",
    )
    at_or_below_pct: Percentage | None = Field(
        default=None,
        description="In place of `below_pct`: the tier holds at its bound as well. (C1)",
    )
    credit_pct: Percentage = Field(
        description="Credit, in percent of the fee. Must not fall from tier to tier. (C1)"
    )

    @model_validator(mode="after")
    def _one_bound(self) -> "AvailabilityTier":
        if (self.below_pct is None) == (self.at_or_below_pct is None):
            raise ValueError("a tier has either below_pct or at_or_below_pct")
        return self

    @property
    def bound_pct(self) -> Decimal:
        found = self.at_or_below_pct if self.below_pct is None else self.below_pct
        assert found is not None
        return found


class AvailabilitySteps(_Strict):
    """A credit that grows with each step, in place of tiers."""

    per_pct: Positive | None = Field(
        default=None,
        description="Points of availability below the commitment that make a step. (C1)",
    )
    per_downtime: DurationValue | None = Field(
        default=None,
        title="duration",
        description="Downtime that makes a step. Exactly one of this and `per_pct`. (C1)",
    )
    credit_pct: Positive | None = Field(
        default=None, description="Credit of each step, in percent of the fee. (C1)"
    )
    credit_days: Positive | None = Field(
        default=None,
        description="Credit of each step, in days of the period's fee. Exactly one of this and "
        "`credit_pct`. (C1)",
    )
    begun: StrictBool = Field(
        default=True, description="Whether a step that has begun counts, or only whole ones. (C1)"
    )

    @model_validator(mode="after")
    def _one_measure_and_one_credit(self) -> "AvailabilitySteps":
        for one, other in (("per_pct", "per_downtime"), ("credit_pct", "credit_days")):
            if (getattr(self, one) is None) == (getattr(self, other) is None):
                raise ValueError(f"steps have either {one} or {other}")
        if self.per_downtime and (
            self.per_downtime.is_business_days or not self.per_downtime.seconds
        ):
            raise ValueError("per_downtime must be longer than 0, in d, h, m or s, as in 30m")
        # what a year that is all down could earn has to fit into a figure
        seconds = self.per_downtime.seconds if self.per_downtime else 1
        steps = 100 / self.per_pct if self.per_pct else Decimal(366 * _DAY) / seconds
        # a day of the shortest month
        each = self.credit_pct or (self.credit_days or Decimal()) * 100 / 28
        if steps * each > 10**9:
            raise ValueError("these steps could credit more than 10^9 per cent of the fee")
        return self


class AvailabilityRefund(_Strict):
    """The fee of the time that was down, times a multiple, in place of tiers."""

    multiple: Positive = Field(
        description="How many times the fee of the downtime is credited. (C1)"
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


# the forms of the availability credit; one document may set one (C1)
CREDIT_FORMS = ("availability_tiers", "availability_steps", "availability_refund")


class Credits(_Strict):
    """Service credits, for each of the contract's periods. Left out: the contract gives none.
    Availability earns them by tiers, by steps or as a refund: one document may set one form."""

    support_plans: Names = Field(description="Support plans whose subscriptions earn credits. (E1)")
    fee_kinds: Annotated[list[Literal["recurring", "usage"]], Distinct] = Field(
        default=["recurring", "usage"],
        description="Kinds of invoice line that make up the period's fee. (E3)",
    )
    cap_pct: Annotated[DecimalValue, Field(ge=0, lt=10**6)] = Field(
        default=Decimal(100),
        title="number",
        description="Highest credit, in percent of the period's fee. (C4)",
    )
    cap_amount: Amounts = Field(
        default={}, description="Highest credit by currency, as in `{EUR: 500}`. (C4)"
    )
    minimum_amount: Amounts = Field(
        default={},
        description="Lowest credit by currency; what is above 0 and below it is as "
        "`below_minimum` says. (C4)",
    )
    below_minimum: Literal["none", "raised"] = Field(
        default="none",
        description="Whether a credit below the minimum is none, or raised to it as far as the "
        "caps allow. (C4)",
    )
    availability_tiers: list[AvailabilityTier] = Field(
        default=[], description="Tiers of the availability credit, the mildest first. (C1)"
    )
    availability_steps: AvailabilitySteps | None = None
    availability_refund: AvailabilityRefund | None = None
    resolution_tiers: list[ResolutionTier] = Field(
        default=[], description="Tiers of the resolution credit, the mildest first. (R3, C2)"
    )
    claim_days: Annotated[int, Field(strict=True, ge=0, le=36_500, title="whole number")] = Field(
        default=30,
        description="Days after the period's last day, moved on by `claim_months`, within which a "
        "credit must be requested. (C5)",
    )
    claim_months: Annotated[int, Field(strict=True, ge=0, le=1200, title="whole number")] = Field(
        default=0,
        description="Months by which the deadline's last day of a month is moved on. (C5)",
    )
    claim_required: StrictBool = Field(
        default=True,
        description="Whether a credit must be requested, or is given without a request. (C5)",
    )

    @model_validator(mode="after")
    def _tiers_in_order(self) -> "Credits":
        below = [t.bound_pct for t in self.availability_tiers]
        if any(a <= b for a, b in itertools.pairwise(below)):
            raise ValueError(
                "availability_tiers are out of order: below_pct must fall from tier to tier, and "
                "so must at_or_below_pct"
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
        forms = [form for form in CREDIT_FORMS if getattr(self, form)]
        if len(forms) > 1:
            raise ValueError(f"{forms[0]} and {forms[1]} can't both be set: choose one form")
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
    availability: Availability = Availability()
    downtime: Downtime = Downtime()
    exclusions: Exclusions = Exclusions()
    calendars: dict[str, Calendar] = Field(
        default={}, description="The clocks other than `24x7`, by name. (T4)"
    )
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

    def _missing(self, clock: str) -> str:
        near = nearest(clock, [ROUND_THE_CLOCK, *self.calendars])
        meant = f"; did you mean {near}?" if near else ""
        return f"is {clock}, but calendars.{clock} is missing{meant}"

    def contradictions(self) -> Iterator[tuple[Location, str]]:
        """What each key alone can't show: (where, what)."""
        known = {*self.severity.levels, *self.severity.request_levels}
        for name, named in self.calendars.items():
            if name == ROUND_THE_CLOCK:
                yield ("calendars", name), "is the clock that always runs: choose another name"
            if name == "business_hours" and not named.has_hours:
                yield ("calendars", name), "must have hours, or days, opens and closes"
            if name == "business_days" and named.has_hours:
                yield ("calendars", name), "is a clock of whole days: it can't have hours"
        hours = self.availability.service_hours
        if hours is not None and hours not in self.calendars:
            yield ("availability", "service_hours"), self._missing(hours)
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
            calendar = self.calendars.get(clock)
            if calendar is None and clock != ROUND_THE_CLOCK:
                yield (*place[:-1], "clock"), self._missing(clock)
            elif duration.is_business_days and (
                calendar is None or (calendar.has_hours and not calendar.business_day)
            ):
                what = f"is in business days, but its clock is {clock}"
                yield (
                    place,
                    f"{what}, which has no business_day" if calendar else what,
                )
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
            elif (
                isinstance(value, str) and value != ROUND_THE_CLOCK and value not in self.calendars
            ):
                yield ("escalation", level), self._missing(value)
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
    party: Literal["provider", "customer"] = Field(
        default="provider",
        description="Who we are in it: its provider, who owes credits, or its customer, for whom "
        "they are claims of our own. (C8)",
    )
    covers: dict[str, Regions] = Field(
        default={},
        title="map to lists of regions",
        description="Only with `party: customer`: the kinds of exclusion that are downtime of this "
        "provider, each with the regions of its services that they concern, as in "
        "`{microsoft_azure: [eu]}`. (C8)",
    )
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
