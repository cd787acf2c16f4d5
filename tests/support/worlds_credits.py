"""Random small worlds for tickets, fees and credits: what is hard lies close together around one
end of a month.

A world is made of a seed by one dice: a run takes seconds, so that few are tried, and each must be
another one (what Hypothesis draws it varies step by step).
"""

import copy
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

from hypothesis import strategies as st

from tests.support.worlds import stamp

# the ends of months in three zones, and the nights in which clocks change
MOMENTS = [
    datetime(2026, 8, 31, 20, tzinfo=UTC),
    datetime(2026, 9, 30, 20, tzinfo=UTC),
    datetime(2026, 10, 25, tzinfo=UTC),
    datetime(2027, 3, 28, tzinfo=UTC),
]
HOUR, DAY = 3600, 86_400
KINDS = ["scheduled_maintenance", "emergency_maintenance", "third_party", "customer_caused"]
CLOCKS = ["24x7", "24x7", "business_hours", "business_days"]
PLANS = ["premium"] * 7 + ["standard"]
# how long things last, and what lies between the events of a ticket: at what is promised, and a
# second beside it
LENGTHS = [0, 299, 899, 900, 901, 1300, 1800, 2000, HOUR, 3 * HOUR, 8 * HOUR, 15 * HOUR, 20 * HOUR]
STEPS = [
    0,
    0,
    1,
    60,
    900,
    901,
    HOUR,
    HOUR + 1,
    2 * HOUR,
    4 * HOUR,
    4 * HOUR + 1,
    5 * HOUR,
    6 * HOUR,
    12 * HOUR,
    30 * HOUR,
]

TIERS = [
    {"below_pct": 99.9, "credit_pct": 10},
    {"below_pct": 99.0, "credit_pct": 15},
    {"below_pct": 98.0, "credit_pct": 25},
]
AMENDMENTS: list[dict[str, Any]] = [
    {"availability": {"commitment_pct": 99.5}},
    {"availability": {"commitment_pct": 100}},
    {
        "availability": {"commitment_pct": 99.99},
        "credits": {"availability_tiers": [{"below_pct": 99.95, "credit_pct": 12.5}]},
    },
    {
        "credits": {
            "availability_tiers": [
                {"below_pct": 99.95, "credit_pct": 20},
                {"below_pct": 99.5, "credit_pct": 33.3},
            ]
        }
    },
    {"credits": {"cap_pct": 10, "claim_days": 45}},
    {"credits": {"cap_pct": 60}},
    {"credits": {"claim_days": 0}},
    {"credits": {"support_plans": ["premium", "standard"]}},
    {"credits": {"fee_kinds": ["recurring"]}},
    {"resolution": {"P1": {"target": "2h"}}, "severity": {"basis": "highest"}},
    {"resolution": {"pause_counts": True}, "resolution_credit": {"max_missed_pct": 50}},
    {"severity": {"basis": "initial"}},
    {"downtime": {"min_consecutive_s": 300}},
    {"downtime": {"exclusions_apply": "after_threshold"}},
    {"availability": {"unavailable_states": ["down", "degraded"], "total": "covered"}},
    {"exclusions": {"kinds": ["third_party"]}},
    {"maintenance": {"notice_required": True}},
    {"events": {"link_within_s": 0}},
    {"resolution_credit": {"severities": ["P1", "P3"], "mean_over": "population"}},
    {"tickets": {"kinds": ["paid", "trial"], "environments": ["production"]}},
    {"configuration_assistance": {"included": "5h"}},
    {"updates": {"P1": {"every": "2h"}}},
]
# of a contract without credits
OTHER_AMENDMENTS = [
    a
    for a in AMENDMENTS
    if not a.keys() & {"credits", "resolution_credit", "resolution", "configuration_assistance"}
]
# values of one key that beat each other
RIVALS: list[list[dict[str, Any]]] = [
    [
        {"availability": {"commitment_pct": 99.5}},
        {"availability": {"commitment_pct": 100}},
        {"availability": {"commitment_pct": 99.99}},
    ],
    [{"credits": {"cap_pct": 5}}, {"credits": {"cap_pct": 20}}, {"credits": {"cap_pct": 60}}],
]
RANKS = ["executed_agreement", "order_form", "order_form", "sla", "price_list"]


def _start(dice: Random) -> int:
    """Seconds from the moment: quarters of an hour and a second beside them, so that things
    meet."""
    return dice.randint(-30, 40) * 900 + dice.choice([0, 0, 0, -1, 1])


def laid_over(terms: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    result = copy.deepcopy(terms)
    for key, value in change.items():
        is_map = isinstance(value, dict) and isinstance(result.get(key), dict)
        result[key] = laid_over(result[key], value) if is_map else copy.deepcopy(value)
    return result


def targets(dice: Random, word: str, levels: dict[str, list[str]]) -> dict[str, Any]:
    """A target or a cadence for each level; `bd` only on its own clock."""
    result = {}
    for level, durations in levels.items():
        clock = dice.choice(CLOCKS)
        text = dice.choice(durations)
        result[level] = {
            word: "1bd" if clock == "business_days" and dice.random() < 1 / 2 else text,
            "clock": clock,
        }
    return result


def terms(dice: Random, with_credits: bool) -> dict[str, Any]:
    zone = dice.choice(["UTC", "Europe/Amsterdam", "Asia/Kolkata"])
    result: dict[str, Any] = {
        "monitoring": {
            "stale_after_s": dice.choice([600, 1800]),
            "without_checks": dice.choice(["unknown", "up"]),
        },
        "availability": {
            "period": "month",
            "commitment_pct": dice.choice([99.9, 99.9, 99.95, 99.5, {"voice": 99.9}]),
            "excluded_time": dice.choice(["windows", "unavailable_only", "ignored"]),
        },
        "downtime": {"min_consecutive_s": dice.choice([0, 900, 900])},
        "exclusions": {"kinds": KINDS[: dice.choice([4, 4, 3])]},
        "calendars": {
            "business_hours": {
                "time_zone": zone,
                "days": dice.choice([["mon", "tue", "wed", "thu", "fri"], ["sun", "mon", "sat"]]),
                "opens": dice.choice(["08:30", "00:00", "01:30"]),
                "closes": dice.choice(["17:00", "23:45"]),
                "holidays": "none",
                "add": [date(2026, 9, 1)] if dice.random() < 1 / 2 else [],
                "remove": [],
            },
            "business_days": {
                "time_zone": dice.choice(["Europe/Warsaw", zone]),
                "holidays": "none",
                "add": [date(2026, 10, 1)],
                "remove": [],
            },
        },
        "severity": {
            "levels": ["P1", "P2", "P3", "P4"],
            "basis": dice.choice(["at_stop", "initial", "highest"]),
            "non_production_max": "P3",
        },
        "response": targets(dice, "target", {"P1": ["15m"], "P2": ["1h"], "P3": ["4h", "90m"]}),
        "updates": targets(dice, "every", {"P1": ["1h", "15m"], "P2": ["2h"], "P3": ["8h"]}),
        "maintenance": {
            "notice_required": dice.random() < 1 / 2,
            "scheduled_notice": "48h",
            "change_notice": "7d",
            "max_length": "2h",
        },
    }
    for group, key, values in (
        ("availability", "unavailable_states", [["down"], ["down", "degraded"]]),
        ("availability", "unknown_counts_as", ["available", "unavailable"]),
        ("availability", "total", ["calendar", "covered"]),
        ("monitoring", "quorum", ["any", "all"]),
        ("downtime", "exclusions_apply", ["before_threshold", "after_threshold"]),
    ):
        if dice.random() < 1 / 2:
            result[group][key] = dice.choice(values)
    if with_credits:
        result["configuration_assistance"] = {"included": "10h"}
    if dice.random() < 1 / 2:
        result["tickets"] = {"kinds": ["paid"], "statuses": ["active"]}
    if dice.random() < 1 / 2:
        result["status_page"] = {"severities": ["P1", "P2"]}
    if not with_credits:
        result["severity"]["request_levels"] = ["high", "normal"]
        result["response"] |= targets(dice, "target", {"high": ["1h"], "normal": ["8h"]})
        return result
    result["resolution"] = targets(
        dice, "target", {"P1": ["4h"], "P2": ["12h", "6h"], "P3": ["20h"]}
    )
    if dice.random() < 1 / 2:
        result["resolution"]["pause_counts"] = dice.random() < 1 / 2
    result["resolution_credit"] = {
        "severities": dice.choice([["P1", "P2"], ["P1", "P2", "P3"]]),
        "max_missed_pct": dice.choice([10, 10, 33.3, 50]),
        "mean_over": dice.choice(["missed", "population"]),
        "tier_rounding": dice.choice(["none", "whole_percent"]),
    }
    result["credits"] = {
        "support_plans": ["premium"],
        "availability_tiers": TIERS,
        "resolution_tiers": [
            {"up_to_pct": 25, "credit_pct": 10},
            {"up_to_pct": 50, "credit_pct": 15},
            {"credit_pct": 25},
        ],
    }
    if dice.random() < 1 / 2:
        result["credits"] |= {
            "cap_pct": dice.choice([25, 25, 100, 17.5]),
            "claim_days": 30,
            "fee_kinds": ["recurring", "usage"],
        }
    return result


def contracts(
    dice: Random,
    contract_id: str,
    with_credits: bool,
    moment: datetime,
    parties: list[dict[str, str]],
) -> dict[str, Any]:
    """One or two versions, and amendments of the parties that it has: its subscriptions and, in the
    same order, their customers."""
    changes = AMENDMENTS if with_credits else OTHER_AMENDMENTS
    first = terms(dice, with_credits)
    versions = [
        {
            "effective_from": dice.choice([date(2026, 6, 1)] * 4 + [date(2026, 8, 15)]),
            "terms": first,
        }
    ]
    near = [(moment + timedelta(days=d)).date() for d in (-25, -1, 0, 1)] + [
        moment.date().replace(day=1)
    ]
    if dice.random() < 1 / 2:
        later = laid_over(first, dice.choice(changes))
        versions.append(
            {
                "effective_from": max(
                    dice.choice(near), versions[0]["effective_from"] + timedelta(days=1)
                ),
                "terms": later,
            }
        )
    amendments = []
    for change in dice.choices(changes, k=dice.randint(0, 4)):
        since = dice.choice([date(2026, 6, 1), *near])
        # a date of its own, lest the file says it by an alias
        since += timedelta(days=0)
        amendment = {
            "rank": dice.choice(RANKS),
            "effective_from": since,
            "terms": copy.deepcopy(change),
            **dice.choice(parties),
        }
        if dice.random() < 1 / 4:
            amendment["effective_to"] = since + timedelta(days=dice.choice([0, 1, 31]))
        amendments.append(amendment)
    if dice.random() < 1 / 2:
        rank, rivals = dice.choice(RANKS), dice.choice(RIVALS if with_credits else RIVALS[:1])
        own = dice.randrange(len(parties) // 2)
        for n, (party, change) in enumerate(
            zip(
                [parties[own], parties[own + len(parties) // 2]],
                dice.sample(rivals, 2),
                strict=True,
            )
        ):
            amendments.append(
                {
                    "rank": rank,
                    "effective_from": date(2026, 6, 1 + n),
                    "terms": copy.deepcopy(change),
                    **party,
                }
            )
    zone = dice.choice(["UTC", "Europe/Amsterdam", "Asia/Kolkata"])
    return {
        "contract_id": contract_id,
        "name": contract_id,
        "time_zone": zone,
        "versions": versions,
        "amendments": amendments,
    }


def world(seed: int) -> tuple[dict[str, Any], dict[str, Any], datetime]:
    """(feeds, contracts by id, as_of): four contracts with credits and one without, each with a
    service of its own."""
    dice = Random(seed)
    moment = dice.choice(MOMENTS)
    names = (
        "services components checks outages exclusions customers subscriptions tickets "
        "ticket_events support_hours invoices invoice_lines credit_requests"
    )
    feeds: dict[str, list[dict[str, Any]]] = {n: [] for n in names.split()}
    feeds["customers"] = [{"customer_id": c, "name": c} for c in ("c0", "c1")]
    agreed = {}
    # several contracts, since a run takes about as long for one as for five
    parties = {
        "k0": [("u0", "c0"), ("u1", "c1")],
        "k1": [("u2", "c0")],
        "k2": [("u3", "c1")],
        "k3": [("u4", "c0"), ("u5", "c1")],
        "k4": [("u6", "c1")],
    }
    for n, (contract_id, subscriptions) in enumerate(parties.items()):
        scopes = [{"subscription_id": s} for s, _ in subscriptions] + [
            {"customer_id": c} for _, c in subscriptions
        ]
        agreed[contract_id] = contracts(dice, contract_id, contract_id != "k2", moment, scopes)
        _service(dice, feeds, moment, f"s{n}", contract_id)
        for subscription, customer in subscriptions:
            _subscription(dice, feeds, moment, subscription, customer, f"s{n}")
    for n in range(dice.randint(1, 8)):
        _exclusion(dice, feeds, moment, f"x{n}")
    for n in range(dice.randint(20, 35)):
        _ticket(dice, feeds, moment, f"t{n:02d}")
    until = dice.choice(
        [4 * HOUR + 1, DAY, 3 * DAY, 30 * DAY, 31 * DAY, 31 * DAY, 40 * DAY, 40 * DAY]
    )
    told = [e["occurred_at"] for e in feeds["ticket_events"]]
    if dice.random() < 1 / 6:
        return feeds, agreed, datetime.fromisoformat(dice.choice(told)).astimezone(UTC)
    return feeds, agreed, datetime.fromtimestamp(int(moment.timestamp()) + until, UTC)


def _service(
    dice: Random, feeds: dict[str, Any], moment: datetime, service: str, contract_id: str
) -> None:
    lifecycle = "beta" if dice.random() < 1 / 10 else "ga"
    category = dice.choice(["voice", "other"])
    feeds["services"].append(
        {
            "service_id": service,
            "name": service,
            "contract_id": contract_id,
            "product_category": category,
            "lifecycle": lifecycle,
        }
    )
    for n in range(dice.randint(1, 2)):
        component = f"{service}-{n}"
        since = dice.choice([None, None, None, stamp(moment, -10 * DAY)])
        environment = "staging" if n and dice.random() < 1 / 4 else "production"
        row = {
            "component_id": component,
            "service_id": service,
            "region": "eu",
            "redundancy_group": dice.choice([None, None, "g"]),
        }
        feeds["components"].append(
            {**row, "environment": environment, "active_from": since, "active_to": None}
        )
        for start in [_start(dice) for _ in range(dice.choice([0, 1, 1, 2, 3]))]:
            own = [o for o in feeds["outages"] if o["component_id"] == component and o["ended_at"]]
            if own and dice.random() < 1 / 3:
                # one that follows another without a gap
                start = int((datetime.fromisoformat(own[-1]["ended_at"]) - moment).total_seconds())
            length = None if dice.random() < 1 / 8 else dice.choice(LENGTHS)
            feeds["outages"].append(
                {
                    "outage_id": f"o{len(feeds['outages'])}",
                    "component_id": component,
                    "state": dice.choice(["down"] * 6 + ["degraded", "degraded", "up"]),
                    "started_at": stamp(moment, start),
                    "ended_at": None if length is None else stamp(moment, start + length),
                    "incident_id": dice.choice([None, "i0", "i1"]),
                }
            )
    if dice.random() < 1 / 4:
        start = _start(dice)
        for location in ("a", "b"):
            for n in range(dice.randint(0, 5)):
                status = dice.choice(["up", "down", "down", "degraded"])
                at = stamp(moment, start + n * 600)
                feeds["checks"].append(
                    {
                        "component_id": f"{service}-0",
                        "location": location,
                        "checked_at": at,
                        "status": status,
                        "latency_ms": None,
                    }
                )


def _subscription(
    dice: Random, feeds: dict[str, Any], moment: datetime, name: str, customer: str, service: str
) -> None:
    day = moment.date() + timedelta(days=dice.choice([-62, -62, -62, -62, -31, -5, 0]))
    for _ in range(dice.choice([1, 1, 2, 3])):
        last = day + timedelta(days=dice.choice([0, 14, 31, 60, 400, 400, 400, 400]))
        # most spans are as a credit needs them, so that there are credits
        kind = dice.choice(["paid"] * 9 + ["trial"])
        status = dice.choice(["active"] * 9 + ["suspended"])
        row = {
            "subscription_id": name,
            "customer_id": customer,
            "service_id": service,
            "region": "eu",
            "support_plan": dice.choice(PLANS),
        }
        is_open = dice.random() < 1 / 2
        feeds["subscriptions"].append(
            {
                **row,
                "kind": kind,
                "status": status,
                "valid_from": str(day),
                "valid_to": None if is_open else str(last),
            }
        )
        day = (day + timedelta(days=60) if is_open else last) + timedelta(
            days=dice.choice([1, 1, 3, 20])
        )
    _fees(dice, feeds, moment, name, customer)
    months = [
        (moment.date().replace(day=1) + timedelta(days=d)).replace(day=1) for d in (-1, 0, 0, 32)
    ]
    for n in range(dice.randint(0, 4)):
        month = dice.choice(months)
        last = (month + timedelta(days=32)).replace(day=1) - timedelta(days=1)
        asked = last + timedelta(days=dice.choice([-10, 0, 1, 1, 2, 2, 10, 10, 29, 30, 31, 45]))
        feeds["credit_requests"].append(
            {
                "request_id": f"q-{name}-{n}",
                "subscription_id": name,
                "month": str(month),
                "requested_on": str(asked),
            }
        )
    for n in range(dice.randint(0, 2)):
        worked = moment.date() + timedelta(days=dice.choice([-35, -1, 0, 1, 5]))
        minutes = str(dice.choice([0, 59, 300, 600, 601]))
        feeds["support_hours"].append(
            {
                "entry_id": f"h-{name}-{n}",
                "subscription_id": name,
                "ticket_id": None,
                "worked_on": str(worked),
                "minutes": minutes,
            }
        )


def _fees(dice: Random, feeds: dict[str, Any], moment: datetime, name: str, customer: str) -> None:
    amounts = {
        "EUR": [
            "0.01",
            "0.07",
            "333.33",
            "5000",
            "5000",
            "12500.50",
            "12500.50",
            "-0.05",
            "-200.00",
        ],
        "JPY": ["1", "7", "99999", "-3"],
        "KWD": ["0.005", "10.001", "-1.333"],
    }
    month = moment.date().replace(day=1)
    if dice.random() < 3 / 4:
        # what most have: a fee that is due to nobody's dispute
        invoice = {
            "invoice_id": f"v-{name}",
            "customer_id": customer,
            "status": "issued",
            "issued_on": None,
            "due_on": None,
            "paid_on": None,
        }
        line = {
            "line_id": f"v-{name}",
            "invoice_id": f"v-{name}",
            "subscription_id": name,
            "line_kind": "recurring",
            "amount": "30000.01",
            "currency": "EUR",
        }
        feeds["invoices"].append(invoice)
        feeds["invoice_lines"].append(
            {
                **line,
                "period_start": str(month - timedelta(days=62)),
                "period_end": str(month + timedelta(days=91)),
            }
        )
        if dice.random() < 1 / 2:
            asked = str(month + timedelta(days=dice.choice([32, 35])))
            feeds["credit_requests"].append(
                {
                    "request_id": f"q-{name}",
                    "subscription_id": name,
                    "month": str(month),
                    "requested_on": asked,
                }
            )
            row = {
                "line_id": f"v-{name}-c",
                "line_kind": "credit",
                "amount": dice.choice(["-1.00", "-1180.33", "-2950.82"]),
            }
            feeds["invoice_lines"].append(
                {
                    **line,
                    **row,
                    "period_start": str(month),
                    "period_end": str(month + timedelta(days=27)),
                }
            )
    for n in range(dice.randint(1, 3)):
        issued = moment.date() + timedelta(days=dice.choice([-40, -10, 0, 1, 10]))
        status = dice.choice(["issued"] * 4 + ["paid"] * 3 + ["draft", "void"])
        paid = str(issued + timedelta(days=dice.choice([0, 10, 60]))) if status == "paid" else None
        due = dice.choice(
            [None] * 4 + [str(issued + timedelta(days=d)) for d in (400, 400, 0, 14, 30)]
        )
        invoice = f"v-{name}-{n}"
        issued_on = None if dice.random() < 1 / 8 else str(issued)
        feeds["invoices"].append(
            {
                "invoice_id": invoice,
                "customer_id": customer,
                "status": status,
                "issued_on": issued_on,
                "due_on": due,
                "paid_on": paid,
            }
        )
        for line in range(dice.randint(1, 3)):
            kind = dice.choice(
                ["recurring", "recurring", "recurring", "usage", "one_off", "tax", "credit"]
            )
            start = month + timedelta(days=dice.choice([-40, -31, -3, 0, 0, 17, 30]))
            end = start + timedelta(days=dice.choice([0, 1, 29, 30, 60, 91]))
            currency = dice.choice(["EUR", "EUR", "EUR", "JPY", "KWD"])
            amount = dice.choice(amounts[currency])
            if kind == "credit":
                amount = f"-{amount.lstrip('-')}"
            row = {
                "line_id": f"{invoice}-{line}",
                "invoice_id": invoice,
                "subscription_id": None if dice.random() < 1 / 10 else name,
            }
            feeds["invoice_lines"].append(
                {
                    **row,
                    "line_kind": kind,
                    "period_start": str(start),
                    "period_end": str(end),
                    "amount": amount,
                    "currency": currency,
                }
            )


def _exclusion(dice: Random, feeds: dict[str, Any], moment: datetime, name: str) -> None:
    start, length = _start(dice), dice.choice(LENGTHS)
    ended = [o for o in feeds["outages"] if o["ended_at"]]
    if ended and dice.random() < 1 / 3:
        # all of an outage and nothing else
        edges = [
            int((datetime.fromisoformat(o[e]) - moment).total_seconds())
            for o in [dice.choice(ended)]
            for e in ("started_at", "ended_at")
        ]
        start, length = edges[0], edges[1] - edges[0]
    service = dice.choice([None, "s0", "s1", "s2", "s3", "s4"])
    components = [
        c["component_id"] for c in feeds["components"] if service in (None, c["service_id"])
    ]
    notice = dice.choice([None, -60, 0, 1, 2 * DAY, 7 * DAY - 1, 7 * DAY])
    feeds["exclusions"].append(
        {
            "exclusion_id": name,
            "kind": dice.choice([*KINDS, "sunspots"]),
            "service_id": service,
            "region": dice.choice([None, None, "eu"]),
            "component_id": dice.choice([None, None, *components]),
            "customer_id": dice.choice([None, "c0", "c1"]),
            "starts_at": stamp(moment, start),
            "ends_at": None if dice.random() < 1 / 10 else stamp(moment, start + length),
            "announced_at": None if notice is None else stamp(moment, start - notice),
            "change_type": dice.choice([None, "api", "other"]),
        }
    )


def _ticket(dice: Random, feeds: dict[str, Any], moment: datetime, name: str) -> None:
    subscription = dice.choice(["u0", "u1", "u2", "u2", "u3", "u4", "u5", "u6", "u6"])
    is_late = dice.random() < 1 / 2
    kind = (
        "incident"
        if is_late
        else dice.choice(["incident", "incident", "request", "configuration_assistance"])
    )
    severities = (
        ["high", "normal"]
        if subscription == "u3" and kind == "request"
        else ["P1"] * 6 + ["P2", "P2", "P3", "P4"]
    )
    start = dice.choice([_start(dice), _start(dice), -20 * DAY, -3 * DAY, 2 * DAY])
    service = next(
        s["service_id"] for s in feeds["subscriptions"] if s["subscription_id"] == subscription
    )
    near = [o for o in feeds["outages"] if o["component_id"].startswith(service)]
    outages = [o["outage_id"] for o in near or feeds["outages"]]
    if near and dice.random() < 2 / 3:
        # around the edges of an outage, and of the time after it in which a ticket is the same
        # event
        edge = dice.choice([o for o in near if o["state"] == "down"] or near)
        from_start = edge["ended_at"] is None or dice.random() < 1 / 3
        edge_at = datetime.fromisoformat(edge["started_at"] if from_start else edge["ended_at"])
        start = int((edge_at - moment).total_seconds()) + dice.choice(
            [-1, 0, 0, 60] if from_start else [-1, 0, 899, 900, 900, 901]
        )
    is_named = dice.random() < (1 / 4 if is_late else 1 / 2)
    feeds["tickets"].append(
        {
            "ticket_id": name,
            "subscription_id": subscription,
            "ticket_type": kind,
            "environment": "production"
            if is_late
            else dice.choice(["production"] * 4 + ["staging"]),
            "subject": None,
            "exclusion_kind": None
            if is_late
            else dice.choice([None] * 6 + ["third_party", "sunspots"]),
            "incident_id": dice.choice([None, None, "i0", "i1", "i9"]) if is_named else None,
            "outage_id": dice.choice([None, *outages, *outages, "o99"]) if is_named else None,
            "published_at": dice.choice(
                [
                    None,
                    stamp(moment, start - 60),
                    stamp(moment, start + 900),
                    stamp(moment, 35 * DAY),
                ]
            ),
        }
    )
    life: list[tuple[int, str, str | None]] = [(start, "received", None)]
    if is_late:
        # what earns a credit: a resolution around its target, or past it by what the tiers name
        late = dice.choice(
            [
                4 * HOUR,
                4 * HOUR + 1,
                5 * HOUR,
                5 * HOUR,
                5 * HOUR + 1,
                6 * HOUR,
                6 * HOUR + 60,
                8 * HOUR,
            ]
        )
        life += [(start, "classified", "P1"), (start + late, "resolved", None)]
        _tell(dice, feeds, moment, name, life)
        return
    if dice.random() < 11 / 12:
        life.append(
            (
                start + dice.choice([0, 0, 0, 60, 2 * HOUR, -60]),
                "classified",
                dice.choice(severities),
            )
        )
    more = [
        "responded",
        "status_updated",
        "paused",
        "resumed",
        "resolved",
        "reopened",
        "closed",
        "severity_changed",
        "classified",
    ]
    at = start
    for event in dice.choices(more, k=dice.randint(0, 6)):
        at += dice.choice(STEPS)
        life.append(
            (
                at,
                event,
                dice.choice(severities) if event in ("severity_changed", "classified") else None,
            )
        )
    if dice.random() < 1 / 2:
        life.append(
            (at + dice.choice(STEPS), dice.choice(["resolved", "resolved", "closed"]), None)
        )
    if dice.random() < 1 / 20:
        life.append((at, "cancelled", None))
    _tell(dice, feeds, moment, name, life)


def _tell(
    dice: Random,
    feeds: dict[str, Any],
    moment: datetime,
    name: str,
    life: list[tuple[int, str, str | None]],
) -> None:
    # events of one instant follow each other by id, which need not be the order in which they are
    # told
    ids = range(len(life)) if dice.random() < 1 / 2 else range(len(life), 0, -1)
    for n, (moment_of, event, severity) in zip(ids, life, strict=True):
        row = {
            "event_id": f"{name}-{n:02d}",
            "ticket_id": name,
            "occurred_at": stamp(moment, moment_of),
            "event": event,
            "severity": severity,
        }
        feeds["ticket_events"].append(
            {**row, "resolution_kind": "restored" if event == "resolved" else None}
        )


seeds = st.integers(0, 2**63)
