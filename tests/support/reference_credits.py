"""A slow, plain reading of rules T5, T6, K, R, E, C (without C7), Z1, Z3 and of the mart `what_if`,
written from the rules alone.

It shares no code with the project. Instants are epoch seconds, money whole minor units, percentages
fractions; each function cites the rules it reads. Rows have the columns of the interface, without
`statement_version`.
"""

import copy
import itertools
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import cache, cached_property
from typing import Any
from zoneinfo import ZoneInfo

import yaml

from tests.support.reference import Interval, World, duration, inside, joined, seconds, shown

Row = dict[str, Any]
Rows = list[Row]
RANKS = [
    "executed_agreement",
    "order_form",
    "service_schedule",
    "sla",
    "data_processing_addendum",
    "toms",
    "terms_of_service",
    "privacy_policy",
]
RANKS += ["price_list", "trust_center"]
MINOR = {"EUR": 2, "USD": 2, "GBP": 2, "PLN": 2, "JPY": 0, "KWD": 3}
DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]

# what_if: each key's values and what a contract means that leaves it out
CHOICES: dict[str, tuple[Any, list[Any]]] = {
    "downtime.exclusions_apply": ("before_threshold", ["before_threshold", "after_threshold"]),
    "availability.unavailable_states": (["down"], [["down"], ["down", "degraded"]]),
    "availability.unknown_counts_as": ("available", ["available", "unavailable"]),
    "availability.total": ("calendar", ["calendar", "covered"]),
    "monitoring.quorum": ("majority", ["majority", "any", "all"]),
    "severity.basis": ("at_stop", ["at_stop", "initial", "highest"]),
    "resolution.pause_counts": (False, [False, True]),
    "resolution_credit.mean_over": ("missed", ["missed", "population"]),
    "resolution_credit.tier_rounding": ("none", ["none", "whole_percent"]),
    "maintenance.notice_required": (False, [False, True]),
}

# ---------------------------------------------------------------- numbers, dates, clocks


def exact(number: Any) -> Fraction:
    """A number of a contract is the decimal that is written."""
    return Fraction(Decimal(str(number)))


def shown_pct(value: Fraction | None) -> Decimal | None:
    """A6, for a figure in per cent."""
    return None if value is None else Decimal(shown(value / 100))


def nearest_rank(values: list[int], share: int) -> int | None:
    """The least of sorted values that at least `share` per cent of them don't exceed."""
    return next(
        (
            value
            for place, value in enumerate(values, 1)
            if Fraction(place, len(values)) >= Fraction(share, 100)
        ),
        None,
    )


def half_away(value: Fraction) -> int:
    size = int(abs(value) + Fraction(1, 2))
    return size if value >= 0 else -size


def money(minor: int, currency: str | None) -> Decimal:
    return Decimal(minor).scaleb(-MINOR[currency]) if currency else Decimal(minor)


def day_of(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def next_month(month: date) -> date:
    return (month.replace(day=28) + timedelta(days=4)).replace(day=1)


def months(first: date, last: date) -> Iterator[date]:
    month = first.replace(day=1)
    while month <= last:
        yield month
        month = next_month(month)


def overlap(a: Interval, b: Interval) -> Interval | None:
    start, end = max(a[0], b[0]), min(a[1], b[1])
    return (start, end) if start < end else None


def common(these: Iterable[Interval], those: Iterable[Interval]) -> list[Interval]:
    those = list(those)
    return joined([both for a in these for b in those if (both := overlap(a, b))])


def without(these: Iterable[Interval], taken: Iterable[Interval]) -> list[Interval]:
    left = list(these)
    for start, end in taken:
        left = [
            piece
            for a, b in left
            for piece in ((a, min(b, start)), (max(a, end), b))
            if piece[0] < piece[1]
        ]
    return left


def length(intervals: Iterable[Interval]) -> int:
    return sum(e - s for s, e in intervals)


@cache
def midnight(day: date, zone: str) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)).timestamp())


def local_date(at: int, zone: str) -> date:
    return datetime.fromtimestamp(at, ZoneInfo(zone)).date()


@cache
def open_hours(calendar_json: str, clock: str, day: date) -> tuple[Interval, ...]:
    """T4: the open time of one local day, found by walking its minutes."""
    calendar = json.loads(calendar_json)
    assert calendar.get("holidays", "none") == "none", "holidays of a country are not known here"
    days = calendar["days"] if clock == "business_hours" else DAYS[:5]
    added = str(day) in calendar.get("add", [])
    if DAYS[day.weekday()] not in days or added:
        return ()
    start, end = (midnight(d, calendar["time_zone"]) for d in (day, day + timedelta(days=1)))
    if clock == "business_days":
        return ((start, end),)
    zone = ZoneInfo(calendar["time_zone"])
    walked = (
        (at, datetime.fromtimestamp(at, zone).strftime("%H:%M")) for at in range(start, end, 60)
    )
    return tuple(
        joined(
            [(at, at + 60) for at, wall in walked if calendar["opens"] <= wall < calendar["closes"]]
        )
    )


# ---------------------------------------------------------------- terms


@dataclass
class Terms:
    """Values by key, and the document that set each (T6)."""

    values: Row
    documents: Row

    def get(self, key: str, default: Any = None) -> Any:
        return self.values.get(key, default)

    @cached_property
    def nested(self) -> Row:
        result: Row = {}
        for key, value in self.values.items():
            *groups, name = key.split(".")
            at = result
            for group in groups:
                at = at.setdefault(group, {})
            at[name] = value
        return result

    @property
    def has_credits(self) -> bool:
        return any(key.startswith("credits.") for key in self.values)

    def seconds(self, clock: str, intervals: Iterable[Interval]) -> int:
        """T4: the length of intervals on a clock."""
        if clock == "24x7":
            return length(intervals)
        calendar = self.nested["calendars"][clock]
        text = json.dumps(calendar, default=str, sort_keys=True)
        total = 0
        for start, end in intervals:
            day = local_date(start, calendar["time_zone"])
            while midnight(day, calendar["time_zone"]) < end:
                total += inside(list(open_hours(text, clock, day)), start, end)
                day += timedelta(days=1)
        return total


def flat(terms: Row, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """T6: a key is the dotted path to a value that is not a map; the commitment is one key with or
    without its map."""
    for name, value in terms.items():
        key = f"{prefix}{name}"
        if isinstance(value, dict) and key != "availability.commitment_pct":
            yield from flat(value, f"{key}.")
        else:
            yield key, value


def terms_for(
    contract: Row, day: date, customer: str | None = None, subscription: str | None = None
) -> Terms | None:
    """T5 and T6: the terms in force on a day, for everyone or for a subscription; None before the
    first version."""
    versions = [v for v in contract["versions"] if v["effective_from"] <= day]
    if not versions:
        return None
    version = max(versions, key=lambda v: v["effective_from"])
    # weakest first: rank, breadth of scope (0 everyone, 1 customer, 2 subscription), start, place
    # in the file
    layers: list[tuple[tuple[Any, ...], str, Row]] = [
        ((-RANKS.index("sla"), 0, date.min, -1), "own", version["terms"])
    ]
    for place, amendment in enumerate(contract.get("amendments") or []):
        if not amendment["effective_from"] <= day <= (amendment.get("effective_to") or date.max):
            continue
        by_subscription = amendment.get("subscription_id") is not None
        names = subscription if by_subscription else customer
        if (
            names is None
            or names != amendment["subscription_id" if by_subscription else "customer_id"]
        ):
            continue
        strength = (
            -RANKS.index(amendment["rank"]),
            2 if by_subscription else 1,
            amendment["effective_from"],
            place,
        )
        layers.append((strength, f"amendment {place}", amendment["terms"]))
    values: Row = {}
    documents: Row = {}
    for _, document, terms in sorted(layers, key=lambda layer: layer[0]):
        for key, value in flat(terms):
            values[key], documents[key] = value, document
    return Terms(values, documents)


# ---------------------------------------------------------------- tickets


@dataclass
class Life:
    """K1-K6: one ticket's events up to `as_of`, and the terms that judge it."""

    events: list[tuple[int, str, str, str | None]]
    terms: Terms
    environment: str
    as_of: int

    @property
    def received(self) -> int:
        return next(at for at, _, event, _ in self.events if event == "received")

    def names(self, *events: str) -> list[tuple[int, int]]:
        """(place, instant) of events."""
        return [
            (place, at) for place, (at, _, event, _) in enumerate(self.events) if event in events
        ]

    @property
    def clock_start(self) -> int | None:
        """K2."""
        classified = self.names("classified")
        return max(self.received, classified[0][1]) if classified else None

    @property
    def order(self) -> list[str]:
        return [
            *self.terms.get("severity.levels", []),
            *self.terms.get("severity.request_levels", []),
        ]

    def severity_at(self, at: int) -> str | None:
        """K3."""
        said = [
            severity
            for when, _, event, severity in self.events
            if event in ("classified", "severity_changed") and when <= at
        ]
        limit, levels = (
            self.terms.get("severity.non_production_max"),
            self.terms.get("severity.levels", []),
        )
        if not said:
            return None
        if (
            self.environment != "production"
            and limit
            and said[-1] in levels
            and levels.index(said[-1]) < levels.index(limit)
        ):
            return limit
        return said[-1]

    def highest(self, stop: int | None) -> str | None:
        """K3, `highest`: from clock start to the stop, both included."""
        start = self.clock_start
        assert start is not None
        until = max(start, self.as_of if stop is None else stop)
        instants = [
            start,
            *(at for at, _, _, severity in self.events if severity and start < at <= until),
        ]
        return min(
            (s for s in map(self.severity_at, instants) if s),
            key=lambda s: self.order.index(s) if s in self.order else len(self.order),
        )

    def severity(self, stop: int | None) -> str | None:
        """K3: the severity that sets the target of a clock."""
        start, basis = self.clock_start, self.terms.get("severity.basis", "at_stop")
        assert start is not None
        if basis == "highest":
            return self.highest(stop)
        return self.severity_at(
            start if basis == "initial" else max(start, self.as_of if stop is None else stop)
        )

    @property
    def responded(self) -> int | None:
        """K4."""
        return min((at for _, at in self.names("responded", "resolved", "closed")), default=None)

    @cached_property
    def resolutions(self) -> list[tuple[int, int]]:
        """K5: (place, instant) of each `resolved`, and of each `closed` of a ticket that is not
        resolved at that moment."""
        result, is_resolved = [], False
        for place, (at, _, event, _) in enumerate(self.events):
            if event == "resolved" or (event == "closed" and not is_resolved):
                result.append((place, at))
                is_resolved = True
            elif event == "reopened":
                is_resolved = False
        return result

    @property
    def stop(self) -> int | None:
        """K5: the first `resolved` of those that no `reopened` follows."""
        last_reopened = max((place for place, _ in self.names("reopened")), default=-1)
        return next((at for place, at in self.resolutions if place > last_reopened), None)

    @cached_property
    def off_the_clock(self) -> list[Interval]:
        """K5: from each `resolved` to the `reopened` that follows, and pauses."""
        far = max(self.as_of, self.events[-1][0]) + 1
        result = []
        for place, at in self.resolutions:
            result += [(at, again) for after, again in self.names("reopened") if after > place][:1]
        if not self.terms.get("resolution.pause_counts", False):
            paused = None
            for at, _, event, _ in self.events:
                if event == "paused" and paused is None:
                    paused = at
                elif event in ("resumed", "reopened") and paused is not None:
                    result.append((paused, at))
                    paused = None
            if paused is not None:
                result.append((paused, far))
        return joined(result)

    def running(self, start: int, end: int) -> list[Interval]:
        return without([(start, end)], self.off_the_clock) if start < end else []

    def judged(
        self, group: str, severity: str | None, intervals: list[Interval], stop: int | None
    ) -> tuple[int | None, int | None, str | None]:
        """K7: target, elapsed and outcome of a clock."""
        target, clock = (
            self.terms.get(f"{group}.{severity}.target"),
            self.terms.get(f"{group}.{severity}.clock"),
        )
        if target is None:
            return None, None, None
        elapsed = self.terms.seconds(clock, intervals)
        late = elapsed > duration(target)
        return duration(target), elapsed, "missed" if late else "pending" if stop is None else "met"

    def response(self) -> tuple[int | None, int | None, str | None]:
        """K4: not paused by anything."""
        start, stop = self.clock_start, self.responded
        assert start is not None
        end = max(start, self.as_of if stop is None else stop)
        return self.judged(
            "response", self.severity(stop), [(start, end)] if start < end else [], stop
        )

    def resolution(self) -> tuple[int | None, int | None, str | None]:
        """K5."""
        start, stop = self.clock_start, self.stop
        assert start is not None
        return self.judged(
            "resolution",
            self.severity(stop),
            self.running(start, self.as_of if stop is None else stop),
            stop,
        )

    def updates(self) -> tuple[int | None, str | None]:
        """K6."""
        start, stop = self.clock_start, self.stop
        assert start is not None
        end = max(start, self.as_of if stop is None else stop)
        between = {
            at
            for _, at in self.names("responded", "status_updated", "resolved", "closed", "reopened")
        }
        between |= {
            at
            for at, _, _, severity in self.events
            if severity and self.severity_at(at) != self.severity_at(at - 1)
        }
        instants = [start, *sorted(at for at in between if start < at < end), end]
        missed, has_cadence = 0, False
        for since, until in itertools.pairwise(instants):
            severity = self.severity_at(since)
            every, clock = (
                self.terms.get(f"updates.{severity}.every"),
                self.terms.get(f"updates.{severity}.clock"),
            )
            if every is not None:
                has_cadence = True
                gap = self.terms.seconds(clock, self.running(since, until))
                missed += max(0, -(-gap // duration(every)) - 1)
        if not has_cadence:
            return None, None
        return missed, "missed" if missed else "pending" if stop is None else "met"


# ---------------------------------------------------------------- all figures


@dataclass
class Availability:
    """A5: what is left when intervals of downtime are left out."""

    pieces: list[Interval]
    covered: list[Interval]
    total: int
    excluded: int

    def figure(self, left_out: Iterable[Interval] = ()) -> Fraction | None:
        left_out = list(left_out)
        down = length(common([p for p in self.pieces if p not in left_out], self.covered))
        base = self.total - self.excluded
        return Fraction(100 * (base - down), base) if self.covered and base else None


class Reference:
    """The rows of each mart for feeds as written (texts), contracts by id and an instant."""

    def __init__(
        self, feeds: dict[str, Rows], contracts: dict[str, Row], as_of: int, memo: Row | None = None
    ) -> None:
        names = (
            "services",
            "components",
            "checks",
            "outages",
            "exclusions",
            "customers",
            "subscriptions",
            "tickets",
            "ticket_events",
            "support_hours",
        )
        names += ("invoices", "invoice_lines", "credit_requests")
        self.feeds = {
            name: [
                {k: v if v != "" else None for k, v in row.items()} for row in feeds.get(name, [])
            ]
            for name in names
        }
        self.contracts, self.as_of = contracts, as_of
        self.memo: Row = {} if memo is None else memo
        self.services = {s["service_id"]: s for s in self.feeds["services"]}
        self.spans: dict[str, Rows] = {}
        for span in sorted(self.feeds["subscriptions"], key=lambda s: s["valid_from"]):
            own = self.spans.setdefault(span["subscription_id"], [])
            # E1: customer, service and region are those of the earliest span
            if not own or all(
                own[0][c] == span[c] for c in ("customer_id", "service_id", "region")
            ):
                own.append(span)

    # ------------------------------------------------------------ subscriptions

    def contract_of(self, subscription: str) -> Row:
        return self.contracts[
            self.services[self.spans[subscription][0]["service_id"]]["contract_id"]
        ]

    def zone_of(self, subscription: str) -> str:
        return self.contract_of(subscription)["time_zone"]

    def today(self, subscription: str) -> date:
        return local_date(self.as_of, self.zone_of(subscription))

    def service_of(self, subscription: str) -> Row:
        return self.services[self.spans[subscription][0]["service_id"]]

    def terms(self, subscription: str, day: date) -> Terms | None:
        return terms_for(
            self.contract_of(subscription),
            day,
            self.spans[subscription][0]["customer_id"],
            subscription,
        )

    def month_end(self, subscription: str, month: date) -> int:
        return midnight(next_month(month), self.zone_of(subscription))

    def spans_of(self, subscription: str) -> list[tuple[date, date, Row]]:
        """E1 and T3: first and last date of each span that exists."""
        known = [
            s
            for s in self.spans[subscription]
            if day_of(s["valid_from"]) <= self.today(subscription)
        ]
        result = []
        for n, span in enumerate(known):
            last = day_of(span["valid_to"]) or date(9998, 12, 31)
            if n + 1 < len(known):
                last = min(last, day_of(known[n + 1]["valid_from"]) - timedelta(days=1))
            result.append((day_of(span["valid_from"]), last, span))
        return result

    def spans_in(self, subscription: str, month: date) -> list[tuple[date, date, Row]]:
        last = next_month(month) - timedelta(days=1)
        return [
            (max(a, month), min(b, last), span)
            for a, b, span in self.spans_of(subscription)
            if max(a, month) <= min(b, last)
        ]

    def covered(self, subscription: str, month: date, terms: Terms) -> list[Interval]:
        """E1: the covered time of a month."""
        plans, zone = terms.get("credits.support_plans", []), self.zone_of(subscription)
        return joined(
            [
                (midnight(a, zone), midnight(b + timedelta(days=1), zone))
                for a, b, span in self.spans_in(subscription, month)
                if span["kind"] == "paid"
                and span["status"] == "active"
                and span["support_plan"] in plans
            ]
        )

    # ------------------------------------------------------------ tickets

    @cached_property
    def lives(self) -> dict[str, tuple[Row, Life]]:
        """T3 and K1: each ticket that has been received, with its life."""
        result = {}
        events: dict[str, Rows] = {}
        for event in self.feeds["ticket_events"]:
            if seconds(event["occurred_at"]) <= self.as_of:
                events.setdefault(event["ticket_id"], []).append(event)
        for ticket in self.feeds["tickets"]:
            if ticket["subscription_id"] not in self.spans:
                continue
            versions = [
                dict(flat(v["terms"]))
                for v in self.contract_of(ticket["subscription_id"])["versions"]
            ]
            allowed = {
                s
                for v in versions
                for s in (*v.get("severity.levels", []), *v.get("severity.request_levels", []))
            }
            own = [
                (
                    seconds(e["occurred_at"]),
                    e["event_id"],
                    e["event"],
                    e["severity"] if e["event"] in ("classified", "severity_changed") else None,
                )
                # with fractions, then the shorter id, then by code point
                for e in sorted(
                    events.get(ticket["ticket_id"], []),
                    key=lambda e: (
                        datetime.fromisoformat(e["occurred_at"]),
                        len(e["event_id"]),
                        e["event_id"],
                    ),
                )
                if e["event"] not in ("classified", "severity_changed") or e["severity"] in allowed
            ]
            received = [at for at, _, event, _ in own if event == "received"]
            if len(received) != 1:
                continue
            terms = self.terms(
                ticket["subscription_id"],
                local_date(received[0], self.zone_of(ticket["subscription_id"])),
            )
            if terms is not None:
                result[ticket["ticket_id"]] = (
                    ticket,
                    Life(own, terms, ticket["environment"], self.as_of),
                )
        return result

    def exclusion_reason(self, ticket: Row, life: Life) -> str | None:
        """K8: the first reason that holds."""
        terms, subscription = life.terms, ticket["subscription_id"]
        if ticket["exclusion_kind"] and ticket["exclusion_kind"] in terms.get(
            "exclusions.kinds", []
        ):
            return ticket["exclusion_kind"]
        day = local_date(life.received, self.zone_of(subscription))
        spans = [span for a, b, span in self.spans_of(subscription) if a <= day <= b]
        if not spans:
            return "not_subscribed"
        if spans[0]["kind"] not in terms.get("tickets.kinds", ["paid"]):
            return "not_paid"
        if spans[0]["status"] not in terms.get("tickets.statuses", ["active"]):
            return "suspended"
        if self.service_of(subscription)["lifecycle"] != "ga":
            return "not_ga"
        return (
            None
            if ticket["environment"] in terms.get("tickets.environments", [ticket["environment"]])
            else "environment"
        )

    @cached_property
    def tickets(self) -> dict[str, Row]:
        """K1-K9, with the exact delay beside the columns."""
        return {name: self.ticket(ticket, life) for name, (ticket, life) in self.lives.items()}

    def ticket(self, ticket: Row, life: Life) -> Row:
        subscription = ticket["subscription_id"]
        columns = (
            "severity clock_started_at responded_at resolved_at response_severity "
            "response_target_s response_elapsed_s response_outcome updates_missed update_outcome"
        )
        columns += " resolution_target_s resolution_elapsed_s resolution_outcome delay_pct"
        row: Row = {c: ticket[c] for c in ("ticket_id", "subscription_id", "ticket_type")}
        row |= {
            "contract_id": self.contract_of(subscription)["contract_id"],
            "month": local_date(life.received, self.zone_of(subscription)).replace(day=1),
            "received_at": life.received,
            **dict.fromkeys(columns.split()),
            "reason": None,
            "delay": None,
        }
        excluded = self.exclusion_reason(ticket, life)
        if life.names("cancelled"):
            return row | {"status": "cancelled"}
        if excluded:
            row["reason"] = excluded
        if life.clock_start is None:
            return row | {"status": "excluded" if excluded else "unclassified"}
        row |= {
            "severity": life.severity(life.stop),
            "clock_started_at": life.clock_start,
            "responded_at": life.responded,
            "resolved_at": life.stop,
            "response_severity": life.severity(life.responded),
        }
        row["response_target_s"], row["response_elapsed_s"], row["response_outcome"] = (
            life.response()
        )
        target, elapsed, outcome = life.resolution()
        row |= {
            "resolution_target_s": target,
            "resolution_elapsed_s": elapsed,
            "resolution_outcome": outcome,
        }
        row["updates_missed"], row["update_outcome"] = life.updates()
        if target is not None:
            row["delay"] = (
                Fraction(100 * (elapsed - target), target) if outcome == "missed" else Fraction(0)
            )
            row["delay_pct"] = shown_pct(row["delay"])
        if excluded:
            row |= dict.fromkeys(
                (
                    "response_outcome",
                    "update_outcome",
                    "resolution_outcome",
                    "updates_missed",
                    "delay_pct",
                    "delay",
                )
            )
        return row | {"status": "excluded" if excluded else "counted"}

    def ticket_sla(self) -> Rows:
        return [{k: v for k, v in row.items() if k != "delay"} for row in self.tickets.values()]

    def support_times(self) -> Rows:
        """Z6: times of counted tickets by nearest rank, and how many were reopened (K4, K5)."""
        groups: dict[tuple[Any, ...], Rows] = {}
        for row in self.tickets.values():
            if row["status"] == "counted":
                service = self.service_of(row["subscription_id"])["service_id"]
                region = self.spans[row["subscription_id"]][0]["region"]
                place = row["contract_id"], service, region, row["month"]
                groups.setdefault((*place, row["severity"], "resolution"), []).append(row)
                if row["response_target_s"] is not None:
                    key = (*place, row["response_severity"], "response")
                    groups.setdefault(key, []).append(row)
        rows = []
        names = ("contract_id", "service_id", "region", "month", "severity", "target")
        for key, group in groups.items():
            of, stop = key[-1], "responded_at" if key[-1] == "response" else "resolved_at"
            timed = [row for row in group if row[f"{of}_target_s"] is not None]
            done = sorted(row[f"{of}_elapsed_s"] for row in timed if row[stop] is not None)
            rows.append(
                dict(zip(names, key, strict=True))
                | {
                    "stopped": len(done),
                    "still_open": len(timed) - len(done),
                    "total_seconds": sum(done),
                    "median_seconds": nearest_rank(done, 50),
                    "p90_seconds": nearest_rank(done, 90),
                    "p95_seconds": nearest_rank(done, 95),
                    "mean_seconds": shown_pct(Fraction(sum(done), len(done))) if done else None,
                    **self.reopenings(group if of == "resolution" else None),
                }
            )
        return rows

    def reopenings(self, tickets: Rows | None) -> Row:
        """Those ever resolved, and those of them that were reopened after that."""
        if tickets is None:
            return dict.fromkeys(("resolved", "reopened", "reopened_pct"))
        lives = [self.lives[row["ticket_id"]][1] for row in tickets]
        resolved = [life for life in lives if life.resolutions]
        again = [
            life
            for life in resolved
            if any(place > life.resolutions[0][0] for place, _ in life.names("reopened"))
        ]
        share = Fraction(100 * len(again), len(resolved)) if resolved else None
        return {
            "resolved": len(resolved),
            "reopened": len(again),
            "reopened_pct": shown_pct(share),
        }

    def status_page_publication(self) -> Rows:
        """Z3."""
        rows = []
        for name, (ticket, life) in self.lives.items():
            if (
                self.tickets[name]["status"] != "counted"
                or ticket["ticket_type"] != "incident"
                or ticket["environment"] != "production"
            ):
                continue
            severity = life.highest(life.stop)
            if severity in life.terms.get("status_page.severities", []):
                published = seconds(ticket["published_at"])
                published = None if published is None or published > self.as_of else published
                lag = None if published is None else published - life.received
                rows.append(
                    {
                        "ticket_id": name,
                        "severity": severity,
                        "published_at": published,
                        "seconds_to_publish": lag,
                        "is_published": lag is not None,
                    }
                )
        return rows

    # ------------------------------------------------------------ R

    def population(self, subscription: str, month: date, terms: Terms) -> Rows:
        """R1."""
        covered = self.covered(subscription, month, terms)
        return [
            row
            for name, row in self.tickets.items()
            if row["subscription_id"] == subscription
            and row["month"] == month
            and row["status"] == "counted"
            and row["ticket_type"] == "incident"
            and self.lives[name][0]["environment"] == "production"
            and row["severity"] in terms.get("resolution_credit.severities", [])
            and any(a <= row["received_at"] < b for a, b in covered)
            and row["resolution_outcome"] in ("met", "missed")
        ]

    @staticmethod
    def resolution_credit(population: Rows, terms: Terms) -> tuple[bool, Fraction | None, Fraction]:
        """R2 and R3: triggered, average delay, credit."""
        missed = [row for row in population if row["resolution_outcome"] == "missed"]
        over = (
            missed if terms.get("resolution_credit.mean_over", "missed") == "missed" else population
        )
        mean = Fraction(sum(row["delay"] for row in over)) / len(over) if missed else None
        triggered = len(missed) * 100 > exact(
            terms.get("resolution_credit.max_missed_pct", 0)
        ) * len(population)
        if not triggered or mean is None:
            return triggered, mean, Fraction(0)
        looked_up = (
            mean
            if terms.get("resolution_credit.tier_rounding", "none") == "none"
            else Fraction(half_away(mean))
        )
        for tier in terms.get("credits.resolution_tiers", []):
            if tier.get("up_to_pct") is None or looked_up <= exact(tier["up_to_pct"]):
                return triggered, mean, exact(tier["credit_pct"])
        return triggered, mean, Fraction(0)

    def resolution_performance(self) -> Rows:
        rows = []
        for subscription, month in sorted(
            {(r["subscription_id"], r["month"]) for r in self.tickets.values()}
        ):
            terms = self.terms(subscription, month)
            if terms is None or not terms.has_credits:
                continue
            population = self.population(subscription, month, terms)
            if population:
                missed = sum(row["resolution_outcome"] == "missed" for row in population)
                triggered, mean, credit = self.resolution_credit(population, terms)
                rows.append(
                    {
                        "subscription_id": subscription,
                        "month": month,
                        "incidents": len(population),
                        "missed": missed,
                        "missed_pct": shown_pct(Fraction(100 * missed, len(population))),
                        "average_delay_pct": shown_pct(mean),
                        "is_triggered": triggered,
                        "credit_pct": shown_pct(credit),
                    }
                )
        return rows

    # ------------------------------------------------------------ A5, C1, C3

    def world(
        self,
        contract: Row,
        terms: Terms,
        customer: str | None = None,
        subscription: str | None = None,
    ) -> World:
        def terms_on(day: date) -> Row | None:
            found = terms_for(contract, day, customer, subscription)
            return found.nested if found else None

        return World(self.feeds, contract, self.as_of, terms.nested, customer, terms_on)

    def downtime(
        self, world: World, service: str, region: str
    ) -> tuple[list[Interval], list[Interval], list[Interval], Any]:
        """A1 and A2; kept by what it depends on, since what_if asks for the same again and
        again."""
        groups = {
            g: {k: v for k, v in (world.terms or {}).get(g, {}).items() if k != "commitment_pct"}
            for g in ("monitoring", "availability", "downtime")
        }
        applied = [x["exclusion_id"] for x in world.exclusions if world.excludes(x)]
        key = json.dumps(
            [world.contract["contract_id"], service, region, groups, applied],
            default=str,
            sort_keys=True,
        )
        if key not in self.memo:
            self.memo[key] = world.downtime(service, region)
        return self.memo[key]

    def availability(self, subscription: str, month: date, terms: Terms) -> Availability:
        """A5."""
        span = self.spans[subscription][0]
        world = self.world(self.contract_of(subscription), terms, span["customer_id"], subscription)
        u, x, pieces, _ = self.downtime(world, span["service_id"], span["region"])
        covered = self.covered(subscription, month, terms)
        period = [
            (midnight(month, self.zone_of(subscription)), self.month_end(subscription, month))
        ]
        judged = covered if terms.get("availability.total", "calendar") == "covered" else period
        excluded = {"windows": x, "unavailable_only": common(u, x), "ignored": []}[
            terms.get("availability.excluded_time", "windows")
        ]
        return Availability(
            [p for p in pieces if common([p], covered)],
            covered,
            length(judged),
            length(common(excluded, judged)),
        )

    def commitment(self, subscription: str, terms: Terms) -> Fraction | None:
        """A7."""
        service, promised = self.service_of(subscription), terms.get("availability.commitment_pct")
        if isinstance(promised, dict):
            promised = promised.get(service["product_category"])
        return None if promised is None or service["lifecycle"] != "ga" else exact(promised)

    def availability_credit(
        self, subscription: str, terms: Terms, figure: Fraction | None
    ) -> Fraction:
        """C1."""
        commitment = self.commitment(subscription, terms)
        if commitment is None or figure is None or figure >= commitment:
            return Fraction(0)
        one_document = (
            terms.documents.get("credits.availability_tiers")
            == terms.documents["availability.commitment_pct"]
        )
        credit = Fraction(0)
        for n, tier in enumerate(terms.get("credits.availability_tiers", [])):
            bound = exact(tier["below_pct"])
            if n == 0 and not one_document:
                bound = max(bound, commitment)
            if figure < bound:
                credit = exact(tier["credit_pct"])
        return credit

    def same_event(self, ticket: Row, received: int, interval: Interval, terms: Terms) -> bool:
        """C3."""
        span = self.spans[ticket["subscription_id"]][0]
        if not ticket["incident_id"] and not ticket["outage_id"]:
            return interval[0] <= received < interval[1] or 0 <= received - interval[
                1
            ] <= terms.get("events.link_within_s", 900)
        where = (span["service_id"], span["region"], "production")
        components = {
            c["component_id"]
            for c in self.feeds["components"]
            if (c["service_id"], c["region"], c["environment"]) == where
        }
        for record in self.feeds["outages"]:
            start, end = seconds(record["started_at"]), seconds(record["ended_at"])
            cut = (start, self.as_of if end is None else min(end, self.as_of))
            named = record["outage_id"] == ticket["outage_id"] or (
                record["incident_id"] and record["incident_id"] == ticket["incident_id"]
            )
            counts = record["state"] == "down" or record["state"] in terms.get(
                "availability.unavailable_states", ["down"]
            )
            if named and counts and record["component_id"] in components and overlap(cut, interval):
                return True
        return False

    def combined(
        self, subscription: str, month: date, terms: Terms
    ) -> tuple[Fraction | None, Fraction, Fraction, Fraction, str]:
        """C1-C3: availability, A, R, combined and how."""
        availability, population = (
            self.availability(subscription, month, terms),
            self.population(subscription, month, terms),
        )
        figure = availability.figure()
        a = self.availability_credit(subscription, terms, figure)
        _, _, r = self.resolution_credit(population, terms)
        missed = [row for row in population if row["resolution_outcome"] == "missed"]
        pairs = [
            (row["ticket_id"], piece)
            for row in missed
            for piece in availability.pieces
            if self.same_event(self.lives[row["ticket_id"]][0], row["received_at"], piece, terms)
        ]
        if not pairs:
            return figure, a, r, a + r, "sum"
        shared_tickets, shared_intervals = {t for t, _ in pairs}, [p for _, p in pairs]
        a_less = self.availability_credit(
            subscription, terms, availability.figure(shared_intervals)
        )
        r_less = min(
            r,
            self.resolution_credit(
                [row for row in population if row["ticket_id"] not in shared_tickets], terms
            )[2],
        )
        if a + r_less >= a_less + r:
            return figure, a, r, a + r_less, "availability_first"
        return figure, a, r, a_less + r, "resolution_first"

    # ------------------------------------------------------------ E

    def invoices(self, today: date) -> dict[str, Row]:
        """T3: the invoices `issued` or `paid` that exist."""
        return {
            i["invoice_id"]: i
            for i in self.feeds["invoices"]
            if i["status"] in ("issued", "paid")
            and not (i["issued_on"] and day_of(i["issued_on"]) > today)
        }

    @staticmethod
    def minor(line: Row) -> int:
        amount = Decimal(line["amount"]).scaleb(MINOR[line["currency"]])
        assert amount == int(amount)
        return int(amount)

    @cache  # noqa: B019 - a reference lives as long as its world
    def fees(self, subscription: str) -> dict[tuple[date, str], list[tuple[str, int]]]:
        """E3: (kind, part) of each line by month and currency."""
        result: dict[tuple[date, str], list[tuple[str, int]]] = {}
        invoices = self.invoices(self.today(subscription))
        for line in self.feeds["invoice_lines"]:
            if (
                line["subscription_id"] != subscription
                or line["invoice_id"] not in invoices
                or line["line_kind"] not in ("recurring", "usage")
            ):
                continue
            start, end, amount = (
                day_of(line["period_start"]),
                day_of(line["period_end"]),
                self.minor(line),
            )
            days = (end - start).days + 1

            def share(
                last: date, first: date = start, days: int = days, amount: int = amount
            ) -> int:
                n = min(max((last - first).days + 1, 0), days)
                return (1 if amount >= 0 else -1) * int(
                    Fraction(abs(amount) * n, days) + Fraction(1, 2)
                )

            for month in months(start, end):
                part = share(next_month(month) - timedelta(days=1)) - share(
                    month - timedelta(days=1)
                )
                result.setdefault((month, line["currency"]), []).append((line["line_kind"], part))
        return result

    def fee(self, subscription: str, month: date, currency: str, terms: Terms) -> int | None:
        """E3: null without a line of a kind that is a fee."""
        kinds = terms.get("credits.fee_kinds", ["recurring", "usage"])
        parts = [
            part
            for kind, part in self.fees(subscription).get((month, currency), [])
            if kind in kinds
        ]
        return sum(parts) if parts else None

    def request_of(self, subscription: str, month: date) -> date | None:
        """C5 and T3: the earliest request."""
        dated = [
            day_of(r["requested_on"])
            for r in self.feeds["credit_requests"]
            if r["subscription_id"] == subscription and day_of(r["month"]) == month
        ]
        return min((d for d in dated if d <= self.today(subscription)), default=None)

    def is_overdue(self, subscription: str, on: date) -> bool:
        """E2."""
        today = self.today(subscription)
        for invoice in self.invoices(today).values():
            if (
                invoice["customer_id"] != self.spans[subscription][0]["customer_id"]
                or not invoice["due_on"]
            ):
                continue
            sums: dict[str, int] = {}
            for line in self.feeds["invoice_lines"]:
                if line["invoice_id"] == invoice["invoice_id"]:
                    sums[line["currency"]] = sums.get(line["currency"], 0) + self.minor(line)
            paid = day_of(invoice["paid_on"])
            paid = None if paid is None or paid > today else paid
            if (
                any(s > 0 for s in sums.values())
                and day_of(invoice["due_on"]) < on
                and (paid is None or paid > on)
            ):
                return True
        return False

    def reasons(
        self, subscription: str, month: date, terms: Terms, fee: int, overdue: bool
    ) -> list[str]:
        """E1, E2 and E4."""
        found = set()
        if not self.covered(subscription, month, terms):
            spans = self.spans_in(subscription, month)
            for _, _, span in spans:
                found |= {"not_paid"} if span["kind"] != "paid" else set()
                found |= {"suspended"} if span["status"] != "active" else set()
                found |= (
                    {"plan_without_credits"}
                    if span["support_plan"] not in terms.get("credits.support_plans", [])
                    else set()
                )
            found |= {"not_subscribed"} if not spans else set()
        found |= {"overdue"} if overdue else set()
        found |= {"no_fee"} if fee <= 0 else set()
        found |= {"not_ga"} if self.service_of(subscription)["lifecycle"] != "ga" else set()
        return sorted(found)

    # ------------------------------------------------------------ C4-C6

    def low_coverage(self, subscription: str, month: date) -> bool:
        """M6, of the regional row; true if there is none."""
        contract, span = self.contract_of(subscription), self.spans[subscription][0]
        terms = terms_for(contract, month)
        assert terms is not None
        world = self.world(contract, terms)
        period = (
            month,
            midnight(month, contract["time_zone"]),
            self.month_end(subscription, month),
        )
        if not world.has_row(span["service_id"], span["region"], period):
            return True
        return world.figure(
            span["service_id"],
            span["region"],
            period,
            *self.downtime(world, span["service_id"], span["region"]),
        )["low_coverage"]

    def claim(self, subscription: str, month: date, terms: Terms) -> tuple[str, date, date | None]:
        """C5: status, deadline and earliest request."""
        deadline = (
            next_month(month)
            - timedelta(days=1)
            + timedelta(days=terms.get("credits.claim_days", 30))
        )
        requested = self.request_of(subscription, month)
        if self.month_end(subscription, month) > self.as_of:
            return "accruing", deadline, requested
        if requested:
            return "requested" if requested <= deadline else "late", deadline, requested
        return "claimable" if self.today(subscription) <= deadline else "waived", deadline, None

    @cached_property
    def credit_rows(self) -> Rows:
        """C1-C5, with money in minor units as `fee`, `amount` and `payable`."""
        rows = []
        for subscription in sorted(self.spans):
            contract, today = self.contract_of(subscription), self.today(subscription)
            starts = [a for a, _, _ in self.spans_of(subscription)] + [
                m for m, _ in self.fees(subscription)
            ]
            for month in months(min(starts, default=today + timedelta(days=40)), today):
                terms = self.terms(subscription, month)
                if terms is None or not terms.has_credits:
                    continue
                fees = {c: self.fee(subscription, month, c, terms) for c in sorted(MINOR)}
                fees = {c: f for c, f in fees.items() if f is not None}
                if not fees and not self.spans_in(subscription, month):
                    continue
                status, deadline, requested = self.claim(subscription, month, terms)
                overdue = self.is_overdue(subscription, requested or min(today, deadline))
                figure, a, r, both, how = self.combined(subscription, month, terms)
                pct = min(both, exact(terms.get("credits.cap_pct", 100)))
                for currency, fee in fees.items() or [(None, 0)]:
                    reasons = self.reasons(subscription, month, terms, fee, overdue)
                    amount = half_away(fee * pct / 100) if fee > 0 else 0
                    payable = amount if status == "requested" and not reasons else 0
                    rows.append(
                        {
                            "subscription_id": subscription,
                            "customer_id": self.spans[subscription][0]["customer_id"],
                            "contract_id": contract["contract_id"],
                            "service_id": self.spans[subscription][0]["service_id"],
                            "region": self.spans[subscription][0]["region"],
                            "month": month,
                            "currency": currency,
                            "monthly_fee": money(fee, currency),
                            "availability_pct": shown_pct(figure),
                            "availability_credit_pct": shown_pct(a),
                            "resolution_credit_pct": shown_pct(r),
                            "combined_pct": shown_pct(both),
                            "combination": how,
                            "credit_pct": shown_pct(pct),
                            "credit_amount": money(amount, currency),
                            "reasons": ",".join(reasons),
                            "claim_status": status,
                            "claim_deadline": deadline,
                            "requested_on": requested,
                            "payable_amount": money(payable, currency),
                            "low_coverage": self.low_coverage(subscription, month),
                            "status": "final"
                            if self.month_end(subscription, month) <= self.as_of
                            else "provisional",
                        }
                    )
        return rows

    def credits(self) -> Rows:
        return self.credit_rows

    def credit_reconciliation(self) -> Rows:
        """C6."""
        due = {
            (r["subscription_id"], r["month"], r["currency"]): r["payable_amount"]
            for r in self.credit_rows
            if r["payable_amount"]
        }
        issued: dict[tuple[str, date, str], int] = {}
        not_future = set()
        for line in self.feeds["invoice_lines"]:
            subscription = line["subscription_id"]
            if line["line_kind"] != "credit" or subscription not in self.spans:
                continue
            invoice = self.invoices(self.today(subscription)).get(line["invoice_id"])
            if invoice is None:
                continue
            key = (subscription, day_of(line["period_start"]).replace(day=1), line["currency"])
            issued[key] = issued.get(key, 0) - self.minor(line)
            if invoice["issued_on"] and day_of(invoice["issued_on"]) < next_month(key[1]):
                not_future.add(key)
        rows = []
        for key in sorted(due.keys() | issued.keys()):
            subscription, month, currency = key
            amount, owed = issued.get(key, 0), due.get(key, Decimal(0))
            terms = self.terms(subscription, month)
            # before the first version, and without credits, there is no fee that a credit could
            # rest on
            fee = (
                max(0, self.fee(subscription, month, currency, terms) or 0)
                if terms is not None and terms.has_credits
                else 0
            )
            cap = exact(terms.get("credits.cap_pct", 100)) if terms is not None else Fraction(0)
            flags = {"not_future"} if key in not_future else set()
            flags |= {"not_due"} if amount > 0 and not owed else set()
            flags |= {"above_cap"} if amount > half_away(fee * cap / 100) else set()
            rows.append(
                {
                    "subscription_id": subscription,
                    "month": month,
                    "currency": currency,
                    "due_amount": owed,
                    "issued_amount": money(amount, currency),
                    "difference": owed - money(amount, currency),
                    "flags": ",".join(sorted(flags)),
                }
            )
        return rows

    # ------------------------------------------------------------ Z1, what_if

    def configuration_hours(self) -> Rows:
        """Z1."""
        rows = []
        for subscription in sorted(self.spans):
            today = self.today(subscription)
            worked = [
                (day_of(h["worked_on"]), int(h["minutes"]))
                for h in self.feeds["support_hours"]
                if h["subscription_id"] == subscription
            ]
            worked = [(day, minutes) for day, minutes in worked if day <= today]
            starts = [a for a, _, _ in self.spans_of(subscription)] + [day for day, _ in worked]
            for month in months(min(starts, default=today + timedelta(days=40)), today):
                terms = self.terms(subscription, month)
                if terms is None:
                    continue
                used = sum(minutes for day, minutes in worked if day.replace(day=1) == month)
                covered = self.covered(subscription, month, terms)
                hours = terms.get("configuration_assistance.included")
                if hours is None:
                    continue
                included = duration(hours) // 60 if covered else 0
                if covered or used:
                    row = {
                        "subscription_id": subscription,
                        "month": month,
                        "included_minutes": included,
                        "used_minutes": used,
                    }
                    rows.append(
                        row
                        | {
                            "remaining_minutes": max(0, included - used),
                            "over_minutes": max(0, used - included),
                        }
                    )
        return rows

    def sums(self, contract_id: str) -> dict[tuple[date, str], tuple[Decimal, Decimal]]:
        result: dict[tuple[date, str], tuple[Decimal, Decimal]] = {}
        for row in self.credit_rows:
            if row["contract_id"] == contract_id and row["currency"]:
                key = (row["month"], row["currency"])
                credit, payable = result.get(key, (Decimal(0), Decimal(0)))
                result[key] = (credit + row["credit_amount"], payable + row["payable_amount"])
        return result

    def what_if(self) -> Rows:
        """One other value of one key at a time, set in every version of the contract."""
        rows = []
        for contract_id, contract in self.contracts.items():
            versions = [dict(flat(v["terms"])) for v in contract["versions"]]
            if not any(key.startswith("credits.") for v in versions for key in v):
                continue
            now = self.sums(contract_id)
            for key, (default, values) in CHOICES.items():
                for value in values:
                    if not self.is_alternative(value, [v.get(key, default) for v in versions]):
                        continue
                    other = copy.deepcopy(contract)
                    group, name = key.split(".")
                    for version in other["versions"]:
                        version["terms"].setdefault(group, {})[name] = value
                    sums = Reference(
                        self.feeds, {**self.contracts, contract_id: other}, self.as_of, self.memo
                    ).sums(contract_id)
                    for month, currency in sorted(now):
                        credit, payable = sums[month, currency]
                        rows.append(
                            {
                                "contract_id": contract_id,
                                "policy_key": key,
                                "value": yaml.safe_dump(value, default_flow_style=True).split("\n")[
                                    0
                                ],
                                "month": month,
                                "currency": currency,
                                "credit_amount": credit,
                                "payable_amount": payable,
                                "credit_difference": credit - now[month, currency][0],
                                "payable_difference": payable - now[month, currency][1],
                            }
                        )
        return rows

    @staticmethod
    def is_alternative(value: Any, written: list[Any]) -> bool:
        """A value that at least one version does not have."""
        return any(set(value) != set(w) if isinstance(value, list) else value != w for w in written)

    def marts(self) -> dict[str, Rows]:
        names = (
            "ticket_sla",
            "support_times",
            "resolution_performance",
            "credits",
            "credit_reconciliation",
            "configuration_hours",
            "status_page_publication",
            "what_if",
        )
        return {name: getattr(self, name)() for name in names}
