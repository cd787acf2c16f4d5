"""A slow, plain reading of rules M, X and A, written from the rules alone, sharing no code with the
project.

Every instant at which anything can change is listed; between two neighbours nothing changes, so
each rule is asked once per gap, in the words of the rule. Instants are epoch seconds, figures
fractions.
"""

import itertools
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

Interval = tuple[int, int]
WORST = ("down", "degraded", "up", "unknown")


@cache
def seconds(stamp: str | None) -> int | None:
    return None if stamp is None else int(datetime.fromisoformat(stamp).timestamp() // 1)


def duration(text: str) -> int:
    """An integer and a unit, in seconds."""
    number = text.rstrip("smhbd")
    return (
        int(number)
        * {"s": 1, "m": 60, "h": 3600, "d": 86_400, "bd": 86_400}[text.removeprefix(number)]
    )


@dataclass
class World:
    """Feeds as they were written, and one contract's terms: those of its first version, or those
    given.

    With a customer, its own exclusions count too (A5). `terms_on` gives the terms that judge
    maintenance which starts on a date (T5).
    """

    feeds: dict[str, list[dict[str, Any]]]
    contract: dict[str, Any]
    as_of: int
    terms: dict[str, Any] | None = None
    customer: str | None = None
    terms_on: Callable[[date], dict[str, Any] | None] | None = None

    def __post_init__(self) -> None:
        self.terms = self.contract["versions"][0]["terms"] if self.terms is None else self.terms
        self.zone = ZoneInfo(self.contract["time_zone"])
        services = [
            s for s in self.feeds["services"] if s["contract_id"] == self.contract["contract_id"]
        ]
        self.services = {s["service_id"]: s for s in services}
        self.components = [
            c
            for c in self.feeds["components"]
            if c["service_id"] in self.services and c["environment"] == "production"
        ]
        self.checks = [c for c in self.feeds["checks"] if seconds(c["checked_at"]) <= self.as_of]
        # the seconds of a component and location in order, and what counts of each: the states at
        # its last microsecond
        self.seen: dict[tuple[str, str], tuple[list[int], list[list[str]]]] = {}
        self.locations: dict[str, set[str]] = {}
        latest: dict[tuple[str, str], datetime] = {}
        for check in sorted(self.checks, key=lambda c: datetime.fromisoformat(c["checked_at"])):
            place = (check["component_id"], check["location"])
            at, exactly = seconds(check["checked_at"]), datetime.fromisoformat(check["checked_at"])
            instants, states = self.seen.setdefault(place, ([], []))
            if instants[-1:] != [at]:
                instants.append(at)
                states.append([])
            elif latest[place] < exactly:
                states[-1] = []
            latest[place] = exactly
            states[-1].append(check["status"])
            self.locations.setdefault(check["component_id"], set()).add(check["location"])
        self.records = [o for o in self.feeds["outages"] if seconds(o["started_at"]) <= self.as_of]
        self.exclusions = [
            x for x in self.feeds["exclusions"] if seconds(x["starts_at"]) <= self.as_of
        ]

    def term(self, key: str, default: Any) -> Any:
        group, name = key.split(".")
        return self.terms.get(group, {}).get(name, default)

    def version_on(self, day: date) -> dict[str, Any] | None:
        """T5: the contract's own terms on a local date."""
        in_force = [v for v in self.contract["versions"] if v["effective_from"] <= day]
        return max(in_force, key=lambda v: v["effective_from"])["terms"] if in_force else None

    # ------------------------------------------------------------ intervals of feeds

    def record_span(self, record: dict[str, Any]) -> Interval:
        end = seconds(record["ended_at"])
        return seconds(record["started_at"]), self.as_of if end is None else min(end, self.as_of)

    def exclusion_span(self, exclusion: dict[str, Any]) -> Interval:
        end = seconds(exclusion["ends_at"])
        return seconds(exclusion["starts_at"]), self.as_of if end is None else min(end, self.as_of)

    def excludes(self, exclusion: dict[str, Any]) -> bool:
        """X1, X3 and, for maintenance, T5."""
        if exclusion["customer_id"] and exclusion["customer_id"] != self.customer:
            return False
        start, announced = seconds(exclusion["starts_at"]), seconds(exclusion["announced_at"])
        terms, policy = self.terms, self.terms.get("maintenance", {}) if self.terms else {}
        if exclusion["kind"] in ("scheduled_maintenance", "emergency_maintenance"):
            that_day = (self.terms_on or self.version_on)(
                datetime.fromtimestamp(start, self.zone).date()
            )
            # before the first version no notice was promised, and the period's terms list the kinds
            terms, policy = (that_day, that_day.get("maintenance", {})) if that_day else (terms, {})
        if terms is None or exclusion["kind"] not in terms.get("exclusions", {}).get("kinds", []):
            return False
        if exclusion["kind"] != "scheduled_maintenance":
            return True
        if announced is None or announced > self.as_of or announced >= start:
            return False
        changes = exclusion.get("change_type") in ("api", "authentication", "integration")
        promise = (
            policy.get("change_notice")
            if changes and policy.get("change_notice")
            else policy.get("scheduled_notice")
        )
        return (
            not policy.get("notice_required", False)
            or promise is None
            or start - announced >= duration(promise)
        )

    # ------------------------------------------------------------ states at an instant

    def location_state(self, component: str, location: str, at: int) -> str:
        """M1."""
        instants, states = self.seen.get((component, location), ([], []))
        last = bisect_right(instants, at) - 1
        if last < 0 or at >= instants[last] + self.term("monitoring.stale_after_s", 600):
            return "unknown"
        return min(states[last], key=WORST.index)

    def component_state(self, component: dict[str, Any], at: int) -> str:
        """M2 and M3."""
        name = component["component_id"]
        speaking = [
            r["state"]
            for r in self.records
            if r["component_id"] == name and self.record_span(r)[0] <= at < self.record_span(r)[1]
        ]
        if speaking:
            return min(speaking, key=WORST.index)
        locations = self.locations.get(name, set())
        if not locations:
            first = [seconds(r["started_at"]) for r in self.records if r["component_id"] == name]
            is_up = (
                self.term("monitoring.without_checks", "unknown") == "up"
                and first
                and min(first) <= at
            )
            return "up" if is_up else "unknown"
        known = [
            s
            for s in (self.location_state(name, where, at) for where in locations)
            if s != "unknown"
        ]
        if not known:
            return "unknown"
        down = known.count("down")
        quorum = {"majority": down * 2 > len(known), "any": down > 0, "all": down == len(known)}
        if quorum[self.term("monitoring.quorum", "majority")]:
            return "down"
        return "degraded" if "degraded" in known else "up"

    def is_active(self, component: dict[str, Any], at: int) -> bool:
        since, until = seconds(component["active_from"]), seconds(component["active_to"])
        return (since is None or since <= at) and (until is None or at < until)

    def group_view(self, component: dict[str, Any], at: int) -> str:
        """M5's degraded, and X2."""
        state = self.component_state(component, at)
        if state == "degraded":
            state = (
                "down"
                if "degraded" in self.term("availability.unavailable_states", ["down"])
                else "up"
            )
        scoped = [
            x
            for x in self.exclusions
            if x["component_id"] == component["component_id"]
            and (x["service_id"] or component["service_id"]) == component["service_id"]
            and (x["region"] or component["region"]) == component["region"]
            and self.excludes(x)
            and self.exclusion_span(x)[0] <= at < self.exclusion_span(x)[1]
        ]
        reads_up = (
            ("down", "unknown")
            if self.term("availability.unknown_counts_as", "available") == "unavailable"
            else ("down",)
        )
        return "up" if scoped and state in reads_up else state

    def service_state(self, service: str, region: str, at: int) -> tuple[str, bool]:
        """M4 and M5: (state, whether any group is active)."""
        groups: dict[Any, list[str]] = {}
        for component in self.components:
            if (component["service_id"], component["region"]) == (
                service,
                region,
            ) and self.is_active(component, at):
                group = component["redundancy_group"] or ("alone", component["component_id"])
                groups.setdefault(group, []).append(self.group_view(component, at))
        states = [
            "up" if "up" in g else "unknown" if "unknown" in g else "down" for g in groups.values()
        ]
        if "down" in states:
            return "down", True
        return ("unknown", bool(states)) if "unknown" in states or not states else ("up", True)

    # ------------------------------------------------------------ figures

    def instants(self, service: str, region: str) -> list[int]:
        """Every instant at which a state of the service and region can change."""
        names = {
            c["component_id"]
            for c in self.components
            if (c["service_id"], c["region"]) == (service, region)
        }
        found = {self.as_of, *(p[1] for p in self.periods()), *(p[2] for p in self.periods())}
        for check in self.checks:
            if check["component_id"] in names:
                at = seconds(check["checked_at"])
                found |= {at, at + self.term("monitoring.stale_after_s", 600)}
        for record in self.records:
            if record["component_id"] in names:
                found |= set(self.record_span(record))
        for exclusion in self.exclusions:
            found |= set(self.exclusion_span(exclusion))
        for component in self.components:
            found |= {
                s
                for s in (seconds(component["active_from"]), seconds(component["active_to"]))
                if s is not None
            }
        return sorted(t for t in found if t <= self.as_of)

    def periods(self) -> list[tuple[date, int, int]]:
        first = self.contract["versions"][0]["effective_from"]
        step = 1 if self.term("availability.period", "month") == "month" else 3
        result, month = [], (first.year * 12 + first.month - 1) // step * step
        while True:
            start, end = (date(m // 12, m % 12 + 1, 1) for m in (month, month + step))
            bounds = [
                int(datetime(d.year, d.month, d.day, tzinfo=self.zone).timestamp())
                for d in (start, end)
            ]
            if bounds[0] > self.as_of:
                return result
            if start >= first:
                result.append((start, bounds[0], bounds[1]))
            month += step

    def first_seen(self, service: str, region: str) -> int | None:
        names = {
            c["component_id"]
            for c in self.components
            if (c["service_id"], c["region"]) == (service, region)
        }
        found = [seconds(c["checked_at"]) for c in self.checks if c["component_id"] in names]
        found += [seconds(r["started_at"]) for r in self.records if r["component_id"] in names]
        return min(found, default=None)

    def downtime(
        self, service: str, region: str
    ) -> tuple[list[Interval], list[Interval], list[Interval], list[tuple[int, int, str]]]:
        """A1 and A2: U, X, downtime, and (start, end, state) wherever a group is active."""
        edges, seen = self.instants(service, region), self.first_seen(service, region)
        unknown_counts = self.term("availability.unknown_counts_as", "available") == "unavailable"
        u: list[Interval] = []
        x: list[Interval] = []
        piece_of: list[tuple[Interval, bool]] = []
        active = []
        windows = [
            self.exclusion_span(e)
            for e in self.exclusions
            if self.excludes(e)
            and not e["component_id"]
            and (e["service_id"] or service) == service
            and (e["region"] or region) == region
        ]
        for a, b in itertools.pairwise(edges):
            state, is_active = self.service_state(service, region, a)
            if is_active:
                active.append((a, b, state))
            unavailable = state == "down" or (
                unknown_counts
                and state == "unknown"
                and is_active
                and seen is not None
                and seen <= a
            )
            excluded = any(s <= a < e for s, e in windows)
            if unavailable:
                u.append((a, b))
                piece_of.append(((a, b), excluded))
            if excluded:
                x.append((a, b))
        u, x = joined(u), joined(x)
        shortest = self.term("downtime.min_consecutive_s", 0)
        if self.term("downtime.exclusions_apply", "before_threshold") == "before_threshold":
            pieces = [
                p
                for p in joined([i for i, excluded in piece_of if not excluded])
                if p[1] - p[0] >= shortest
            ]
        else:
            long_enough = [i for i in u if i[1] - i[0] >= shortest]
            pieces = joined(
                [
                    i
                    for i, excluded in piece_of
                    if not excluded and any(s <= i[0] and i[1] <= e for s, e in long_enough)
                ]
            )
        return u, x, pieces, active

    def figures(self) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """The rows of `availability` and of `downtime` that the rules give."""
        rows, intervals = [], []
        for service, region in sorted({(c["service_id"], c["region"]) for c in self.components}):
            seen = self.first_seen(service, region)
            if seen is None:
                continue
            u, x, pieces, active = self.downtime(service, region)
            periods = self.periods()
            if periods:
                intervals += [
                    {"service_id": service, "region": region, "start": s, "end": e}
                    for s, e in pieces
                    if e > periods[0][1]
                ]
            for period in periods:
                if self.has_row(service, region, period):
                    rows.append(self.figure(service, region, period, u, x, pieces, active))
        return rows, intervals

    def has_row(self, service: str, region: str, period: tuple[date, int, int]) -> bool:
        """A9."""
        own = [c for c in self.components if (c["service_id"], c["region"]) == (service, region)]
        _, since, until = period
        seen = self.first_seen(service, region)
        touches = any(
            (seconds(c["active_from"]) or since) < until
            and (seconds(c["active_to"]) or until) > since
            for c in own
        )
        return seen is not None and until > seen and touches

    def figure(
        self,
        service: str,
        region: str,
        period: tuple[date, int, int],
        u: Any,
        x: Any,
        pieces: Any,
        active: Any,
    ) -> dict[str, Any]:
        start, since, until = period
        kind = self.term("availability.excluded_time", "windows")
        both = [(max(a, c), min(b, d)) for a, b in u for c, d in x if max(a, c) < min(b, d)]
        excluded = {
            "windows": inside(x, since, until),
            "unavailable_only": inside(both, since, until),
            "ignored": 0,
        }[kind]
        down, total = inside(pieces, since, until), until - since
        watched = inside([(a, b) for a, b, _ in active], since, until)
        unknown = inside([(a, b) for a, b, s in active if s == "unknown"], since, until)
        is_ga = self.services[service]["lifecycle"] == "ga"
        promised = self.term("availability.commitment_pct", None)
        if isinstance(promised, dict):
            promised = promised.get(self.services[service]["product_category"])
        promise = Fraction(str(promised)) / 100 if is_ga and promised is not None else None
        base = total - excluded
        value = Fraction(base - down, base) if base else None
        budget = None if promise is None else int((1 - promise) * base)
        final = until <= self.as_of
        coverage = Fraction(watched - unknown, watched) if watched else None
        least = Fraction(str(self.term("availability.min_coverage_pct", 99.0))) / 100
        return {
            "service_id": service,
            "region": region,
            "period_start": start,
            "total_seconds": total,
            "excluded_seconds": excluded,
            "unavailable_seconds": inside(u, since, until),
            "downtime_seconds": down,
            "unknown_seconds": unknown,
            "low_coverage": final and coverage is not None and coverage < least,
            "availability_pct": shown(value),
            "coverage_pct": shown(coverage),
            "is_met": None if promise is None else value is None or value >= promise,
            "budget_seconds": budget,
            "budget_remaining_seconds": None if budget is None else budget - down,
            "status": "fully_excluded" if not base else "final" if final else "provisional",
        }


def joined(intervals: list[Interval]) -> list[Interval]:
    result: list[Interval] = []
    for start, end in sorted(intervals):
        if result and result[-1][1] >= start:
            result[-1] = (result[-1][0], max(end, result[-1][1]))
        else:
            result.append((start, end))
    return [i for i in result if i[0] < i[1]]


def inside(intervals: list[Interval], since: int, until: int) -> int:
    return sum(max(0, min(e, until) - max(s, since)) for s, e in intervals)


def shown(value: Fraction | None) -> str | None:
    """Per cent with six decimals, half away from zero."""
    if value is None:
        return None
    millionths = (value * 100_000_000 * 2 + 1) // 2
    return f"{millionths // 1_000_000}.{millionths % 1_000_000:06d}"
