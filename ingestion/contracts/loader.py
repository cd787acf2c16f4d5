"""Contracts: YAML, one file a contract, loaded strictly (T5, T6).

A contract is refused, with file and line, for an unknown key, a target without a clock, tiers out of order, credits on
quarters and whatever else could not mean anything. Terms are validated as they would be in force: each version, and
each version with each span of amendments on top.
"""

import itertools
import math
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

import holidays
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    ValidationError,
    model_validator,
)

from makegood.ingestion.limits import YEARS
from makegood.ingestion.strict_yaml import Document, InvalidDocument, Location, in_words
from makegood.ingestion.zones import zone

FOLDER = Path(__file__).parent / "library"

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
# delays are added up over the common multiple of targets; sums of them stay far below 38 digits (R3)
LARGEST_DENOMINATOR = 10**18
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "bd": 86_400}
_PER_VERSION = re.compile(r"availability\.period|monitoring(\..*)?")

# ---------------------------------------------------------------- values


@dataclass(frozen=True)
class Duration:
    """A whole number of seconds; `is_business_days` where it was written in `bd`."""

    seconds: int
    is_business_days: bool = False


def _duration(value: object) -> Duration:
    match = re.fullmatch(r"([0-9]{1,9})(s|m|h|d|bd)", value) if isinstance(value, str) else None
    if not match:
        raise ValueError(
            f"{value!r} is no duration: an integer and one of s, m, h, d, bd, as in 15m or 3bd"
        )
    return Duration(int(match[1]) * _UNITS[match[2]], match[2] == "bd")


def _decimal(value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise ValueError(f"{value!r} is no decimal number")
    number = Decimal(value)
    if -int(number.as_tuple().exponent) > 9:
        raise ValueError(f"{value} has more than nine decimals")
    return number


def _percentage(value: Decimal) -> Decimal:
    if not 0 <= value <= 100:
        raise ValueError(f"{value} is not between 0 and 100")
    return value


def of_known_year(day: date) -> date:
    """A day, or an instant, that agreements may have; raises ValueError."""
    if day.year not in YEARS:
        raise ValueError(f"{day} is not of the years {YEARS.start} to {YEARS.stop - 1}")
    return day


def _zone(value: str) -> str:
    zone(value)
    return value


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


def _distinct(values: list[str]) -> list[str]:
    if len(set(values)) < len(values):
        raise ValueError("a value stands twice")
    return values


DurationValue = Annotated[Duration, BeforeValidator(_duration)]
DecimalValue = Annotated[Decimal, BeforeValidator(_decimal)]
Percentage = Annotated[DecimalValue, AfterValidator(_percentage)]
Zone = Annotated[str, AfterValidator(_zone)]
Names = Annotated[list[str], AfterValidator(_distinct)]
Clock = Literal["24x7", "business_hours", "business_days"]
# far beyond any promise, and far below what 64 bits hold
Whole = Annotated[int, Field(strict=True, ge=0, le=10**10)]
Environment = Literal["production", "staging", "test", "development"]

# ---------------------------------------------------------------- terms


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
    unavailable_states: Annotated[list[Literal["down", "degraded"]], AfterValidator(_distinct)] = [
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
        list[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]], AfterValidator(_distinct)
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
    kinds: Annotated[list[Literal["paid", "trial", "evaluation"]], AfterValidator(_distinct)] = [
        "paid"
    ]
    statuses: Annotated[list[Literal["active", "suspended"]], AfterValidator(_distinct)] = [
        "active"
    ]
    environments: Annotated[list[Environment], AfterValidator(_distinct)] = [
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
    fee_kinds: Annotated[list[Literal["recurring", "usage"]], AfterValidator(_distinct)] = [
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


# ---------------------------------------------------------------- documents


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


def flat(terms: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Terms as dotted key -> value that is no map (T6); a list is one value, an empty map sets nothing."""
    result: dict[str, Any] = {}
    for key, value in terms.items():
        if isinstance(value, Mapping):
            result |= flat(value, f"{prefix}{key}.")
        else:
            result[prefix + key] = value
    return result


def nested(values: Mapping[str, Any]) -> dict[str, Any]:
    """The inverse of `flat`."""
    result: dict[str, Any] = {}
    for dotted, value in values.items():
        *parents, last = dotted.split(".")
        place = result
        for parent in parents:
            place = place.setdefault(parent, {})
        place[last] = value
    return result


COMMITMENT = "availability.commitment_pct"


def overlaid(values: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """`values` with those of `more` on top; the commitment is one key with or without its map (T6)."""
    result = dict(values)
    if any(_is_commitment(k) for k in more):
        result = {k: v for k, v in result.items() if not _is_commitment(k)}
    for key in more:
        # a null in place of a map gives way to what is set inside it, and the other way round
        for other in [k for k in result if k.startswith(key + ".") or key.startswith(k + ".")]:
            del result[other]
    return result | dict(more)


def _is_commitment(key: str) -> bool:
    return key == COMMITMENT or key.startswith(COMMITMENT + ".")


@dataclass(frozen=True)
class Resolved:
    """The terms in force, as they are valid, and the document that set each key."""

    terms: Terms
    values: dict[str, Any]
    documents: dict[str, str]
    version: date


def amendment_name(contract: Contract, number: int) -> str:
    """How evidence names an amendment: `order_form #2 of trueengage from 2026-07-01`."""
    amendment = (contract.amendments or [])[number]
    return (
        f"{amendment.rank} #{number + 1} of {contract.contract_id} from {amendment.effective_from}"
    )


def amendments_in_force(
    contract: Contract,
    day: date,
    customer_id: str | None = None,
    subscription_id: str | None = None,
) -> tuple[int, ...]:
    """The places in the file of the amendments that speak of a party on a local date (T6)."""
    return tuple(
        number
        for number, amendment in enumerate(contract.amendments or [])
        if amendment.in_force(day)
        and (
            (amendment.subscription_id is not None and amendment.subscription_id == subscription_id)
            or (amendment.customer_id is not None and amendment.customer_id == customer_id)
        )
    )


def resolve(
    contract: Contract,
    day: date,
    amended_by: tuple[int, ...] = (),
    scenario: tuple[str, Any] | None = None,
) -> Resolved | None:
    """The terms on a local date with `amendments_in_force` on top (T5, T6); None before the first version. `scenario`: a key and the value
    that each version is read with instead. Raises InvalidDocument where amendments that are sound one by one contradict each other."""
    version = contract.version_on(day)
    if version is None:
        return None
    sla = RANKS.index("sla")
    own = flat(version.terms)
    if scenario:
        own = overlaid(own, {scenario[0]: scenario[1]})
    # (rank, scope, effective_from, place in the file): the last to be laid on wins
    layers: list[tuple[tuple[int, int, date, int], str, dict[str, Any]]] = [
        (
            (-sla, 0, date.min, 0),
            f"sla of {contract.contract_id} from {version.effective_from}",
            own,
        )
    ]
    for number in amended_by:
        amendment = (contract.amendments or [])[number]
        order = (
            -RANKS.index(amendment.rank),
            2 if amendment.subscription_id else 1,
            amendment.effective_from,
            number,
        )
        layers.append((order, amendment_name(contract, number), flat(amendment.terms)))
    values: dict[str, Any] = {}
    documents: dict[str, str] = {}
    for _, document, layer in sorted(layers, key=lambda layer: layer[0]):
        values = overlaid(values, layer)
        documents = overlaid(documents, dict.fromkeys(layer, document))
    if (
        scenario
        and scenario[0].startswith("resolution_credit.")
        and "resolution_credit.severities" not in values
    ):
        # a way to read what nothing promises
        values.pop(scenario[0], None)
        documents.pop(scenario[0], None)
    try:
        terms = Terms.model_validate(nested(values))
        wrong = [".".join(map(str, where)) + ": " + what for where, what in terms.contradictions()]
    except ValidationError as error:
        wrong = [".".join(map(str, where)) + ": " + what for where, what in in_words(error)]
    if wrong:
        # each amendment is sound by itself, or it would have been refused when it was loaded
        by = " with ".join(
            document for _, document, _ in sorted(layers, key=lambda layer: layer[0])
        )
        raise InvalidDocument(
            [
                f"{contract.contract_id}: the terms in force on {day} by {by} contradict each other: {w}"
                for w in wrong
            ]
        )
    return Resolved(terms, values, documents, version.effective_from)


# what a sensible reader of a contract could read otherwise: key -> its scenarios, for the mart what_if
READINGS: dict[str, tuple[Any, ...]] = {
    "downtime.exclusions_apply": ("before_threshold", "after_threshold"),
    "availability.unavailable_states": (["down"], ["down", "degraded"]),
    "availability.unknown_counts_as": ("available", "unavailable"),
    "availability.total": ("calendar", "covered"),
    "monitoring.quorum": ("majority", "any", "all"),
    "severity.basis": ("at_stop", "initial", "highest"),
    "resolution.pause_counts": (False, True),
    "resolution_credit.mean_over": ("missed", "population"),
    "resolution_credit.tier_rounding": ("none", "whole_percent"),
    "maintenance.notice_required": (False, True),
}


def alternatives(contract: Contract) -> list[tuple[str, Any]]:
    """The other values of the keys of READINGS, of a contract with credits: those that at least one version does not have."""
    versions = [Terms.model_validate(v.terms) for v in contract.versions]
    if not any(v.credits for v in versions) and not any(
        a.terms.get("credits") for a in contract.amendments or []
    ):
        return []
    result = []
    for key, values in READINGS.items():
        group, name = key.split(".")
        own = [
            getattr(getattr(v, group) or ResolutionCredit.model_construct(), name) for v in versions
        ]
        result += [
            (key, value) for value in values if any(_as_set(value) != _as_set(o) for o in own)
        ]
    return result


def _as_set(value: Any) -> Any:
    return frozenset(value) if isinstance(value, list) else value


def load(path: Path) -> Contract:
    """The contract in a file; raises InvalidDocument."""
    document = Document(path)
    contract = document.validated(Contract)
    findings = [document.finding(where, what) for where, what in _findings(contract)]
    if findings:
        raise InvalidDocument(list(dict.fromkeys(findings)))
    return contract


def load_folder(folder: Path) -> list[Contract]:
    """All contracts of a folder (`*.yaml`, `*.yml`); raises InvalidDocument with the findings of all of them."""
    paths = sorted(
        p for p in folder.glob("*") if p.suffix in {".yaml", ".yml"} and not p.name.startswith(".")
    )
    if not paths:
        raise InvalidDocument([f"{folder}: holds no contract (*.yaml)"])
    contracts: dict[str, Contract] = {}
    findings: list[str] = []
    for path in paths:
        try:
            contract = load(path)
        except InvalidDocument as error:
            findings += error.findings
            continue
        if contract.contract_id in contracts:
            findings.append(
                f"{path}:1: contract_id: {contract.contract_id!r} is the id of another file too"
            )
        contracts[contract.contract_id] = contract
    if findings:
        raise InvalidDocument(findings)
    return list(contracts.values())


def _findings(contract: Contract) -> Iterator[tuple[Location, str]]:
    starts = [v.effective_from for v in contract.versions]
    if len(set(starts)) < len(starts):
        yield ("versions",), "two versions have the same effective_from"
    for i, version in enumerate(contract.versions):
        yield from _terms_findings(version.terms, ("versions", i, "terms"))
    for i, amendment in enumerate(contract.amendments or []):
        where: Location = ("amendments", i, "terms")
        for key in flat(amendment.terms):
            if _PER_VERSION.fullmatch(key):
                yield (
                    (*where, *key.split(".")),
                    "an amendment may not set this: it is the same for all",
                )
        own = set(_paths(amendment.terms))
        for version in contract.versions:
            if not _overlap(contract, version, amendment) or any(
                _terms_findings(version.terms, ())
            ):
                continue
            merged = nested(overlaid(flat(version.terms), flat(amendment.terms)))
            for path, what in _terms_findings(merged, ()):
                place = path if path in own else path[:1] if path[:1] in own else ()
                yield (
                    (*where, *place),
                    what if path in own else f"{'.'.join(map(str, path))}: {what}",
                )
    yield from _averaging_findings(contract)
    periods = [_period(v.terms) for v in contract.versions]
    if any(period != periods[0] for period in periods):
        yield ("versions",), "all versions must have the same availability.period"


def _averaged_targets(contract: Contract) -> Iterator[tuple[Location, int]]:
    """The resolution targets, in seconds, of the severities over which any document averages delays (R3), and where they are set."""
    documents: list[tuple[Location, dict[str, Any]]] = [
        *((("versions", i, "terms"), flat(v.terms)) for i, v in enumerate(contract.versions)),
        *(
            (("amendments", i, "terms"), flat(a.terms))
            for i, a in enumerate(contract.amendments or [])
        ),
    ]
    listed = [terms.get("resolution_credit.severities") for _, terms in documents]
    averaged = {
        f"resolution.{severity}.target"
        for severities in listed
        if isinstance(severities, list)
        for severity in severities
    }
    for where, terms in documents:
        for key in terms.keys() & averaged:
            with suppress(ValueError):  # a finding of its own
                yield (*where, *key.split(".")), _duration(terms[key]).seconds


def delay_denominator(contract: Contract) -> int:
    """The common multiple, in seconds, of the targets whose delays are averaged; 1 where none are (R3)."""
    return math.lcm(*(seconds for _, seconds in _averaged_targets(contract)))


def _averaging_findings(contract: Contract) -> Iterator[tuple[Location, str]]:
    multiple = 1
    for where, seconds in sorted(
        _averaged_targets(contract), key=lambda target: (target[1], str(target[0]))
    ):
        multiple = math.lcm(multiple, seconds)
        if multiple > LARGEST_DENOMINATOR:
            what = "with this target, the targets whose delays are averaged (resolution_credit.severities) have no common multiple below 10^18 seconds"
            yield (
                where,
                f"{what}, so that delays can't be averaged exactly (R3): choose rounder ones, as in 4h, 12h and 3d",
            )
            return


def _period(terms: Mapping[str, Any]) -> Any:
    availability = terms.get("availability")
    return availability.get("period") if isinstance(availability, Mapping) else None


def _overlap(contract: Contract, version: Version, amendment: Amendment) -> bool:
    following = min(
        (v.effective_from for v in contract.versions if v.effective_from > version.effective_from),
        default=date.max,
    )
    return (
        amendment.effective_from < following
        and (amendment.effective_to or date.max) >= version.effective_from
    )


def _paths(terms: Mapping[str, Any], prefix: Location = ()) -> Iterator[Location]:
    for key, value in terms.items():
        yield (*prefix, key)
        if isinstance(value, Mapping):
            yield from _paths(value, (*prefix, key))


def _terms_findings(terms: Mapping[str, Any], where: Location) -> Iterator[tuple[Location, str]]:
    for path in _paths(terms):
        if "." in str(path[-1]):
            yield (*where, *path), "a key may not hold a dot"
            return
    try:
        valid = Terms.model_validate(terms)
    except ValidationError as error:
        for place, what in in_words(error):
            yield (*where, *(p for p in place if p != "targets")), what
        return
    for place, what in valid.contradictions():
        yield (*where, *place), what
