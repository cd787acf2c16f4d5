"""Random small worlds for the line: a few services around the ends of months and quarters and both
changes of clocks."""

from datetime import UTC, date, datetime
from typing import Any

from hypothesis import strategies as st

# two hours around what is hard: month and quarter ends in three zones, the nights in which clocks
# change
MOMENTS = [
    datetime(2026, 6, 30, 23, 0, tzinfo=UTC),
    datetime(2026, 9, 30, 21, 0, tzinfo=UTC),
    datetime(2026, 10, 25, 0, 0, tzinfo=UTC),
    datetime(2026, 10, 31, 18, 0, tzinfo=UTC),
    datetime(2027, 2, 28, 23, 0, tzinfo=UTC),
    datetime(2027, 3, 28, 0, 0, tzinfo=UTC),
]
KINDS = ["scheduled_maintenance", "emergency_maintenance", "third_party", "sunspots"]


def stamp(moment: datetime, after: int) -> str:
    return datetime.fromtimestamp(int(moment.timestamp()) + after, UTC).strftime(
        "%Y-%m-%dT%H:%M:%SZ"
    )


# times that meet each other: multiples of five minutes, and a second beside them
times = st.builds(
    lambda n, off: n * 300 + off, st.integers(0, 24), st.sampled_from([0, 0, 0, -1, 1, 17])
)


@st.composite
def contracts(draw: st.DrawFn, contract_id: str) -> dict[str, Any]:
    commitment = draw(st.sampled_from([99.9, 99.99, 100, 0, {"voice": 99.95}]))
    terms = {
        "monitoring": {
            "stale_after_s": draw(st.sampled_from([120, 300, 600, 1800])),
            "quorum": draw(st.sampled_from(["majority", "any", "all"])),
            "without_checks": draw(st.sampled_from(["unknown", "up"])),
        },
        "availability": {
            "period": draw(st.sampled_from(["month", "quarter"])),
            "commitment_pct": commitment,
            "excluded_time": draw(st.sampled_from(["windows", "unavailable_only", "ignored"])),
            "unavailable_states": draw(st.sampled_from([["down"], ["down", "degraded"]])),
            "unknown_counts_as": draw(st.sampled_from(["available", "unavailable"])),
        },
        "downtime": {
            "min_consecutive_s": draw(st.sampled_from([0, 300, 900])),
            "exclusions_apply": draw(st.sampled_from(["before_threshold", "after_threshold"])),
        },
        "exclusions": {"kinds": KINDS[:3]},
    }
    version = {"effective_from": date(2026, draw(st.sampled_from([6, 7])), 1), "terms": terms}
    zone = draw(st.sampled_from(["UTC", "Europe/Amsterdam", "Asia/Kolkata"]))
    return {
        "contract_id": contract_id,
        "name": contract_id,
        "time_zone": zone,
        "versions": [version],
        "amendments": [],
    }


@st.composite
def worlds(draw: st.DrawFn, services: int = 5) -> tuple[dict[str, Any], dict[str, Any], datetime]:
    """(feeds, contracts by id, as_of): each service has its own contract, so that one run tries
    several policies."""
    moment = draw(st.sampled_from(MOMENTS))
    feeds: dict[str, list[dict[str, Any]]] = {
        n: []
        for n in (
            "services",
            "components",
            "checks",
            "outages",
            "exclusions",
            "customers",
            "subscriptions",
        )
    }
    feeds["customers"].append({"customer_id": "c", "name": "Customer"})
    agreed = {}
    for n in range(services):
        service, contract_id = f"s{n}", f"k{n}"
        agreed[contract_id] = draw(contracts(contract_id))
        lifecycle = draw(st.sampled_from(["ga", "ga", "ga", "beta"]))
        feeds["services"].append(
            {
                "service_id": service,
                "name": service,
                "contract_id": contract_id,
                "product_category": draw(st.sampled_from(["voice", "other", None])),
                "lifecycle": lifecycle,
            }
        )
        for c in range(draw(st.integers(1, 3))):
            _component(draw, feeds, moment, service, f"{service}-{c}")
        for x in range(draw(st.integers(0, 3))):
            _exclusion(draw, feeds, moment, service, f"x{n}-{x}")
    as_of = datetime.fromtimestamp(
        int(moment.timestamp()) + draw(st.sampled_from([3600, 5400, 7200, 9000, 40 * 86_400])), UTC
    )
    return feeds, agreed, as_of


def _component(
    draw: st.DrawFn, feeds: dict[str, Any], moment: datetime, service: str, name: str
) -> None:
    since, until = draw(
        st.sampled_from([(None, None), (None, None), (1800, None), (None, 5400), (1800, 5400)])
    )
    feeds["components"].append(
        {
            "component_id": name,
            "service_id": service,
            "region": draw(st.sampled_from(["eu", "eu", "us"])),
            "redundancy_group": draw(st.sampled_from([None, "g"])),
            "environment": draw(
                st.sampled_from(["production", "production", "production", "staging"])
            ),
            "active_from": None if since is None else stamp(moment, since),
            "active_to": None if until is None else stamp(moment, until),
        }
    )
    states = st.sampled_from(["up", "up", "up", "down", "down", "degraded", "unknown"])
    for location in ("a", "b", "c")[: draw(st.integers(0, 3))]:
        for at in draw(st.lists(times, max_size=9)):
            check = {
                "component_id": name,
                "location": location,
                "checked_at": stamp(moment, at),
                "status": draw(states),
                "latency_ms": None,
            }
            feeds["checks"].append(check)
    for start in draw(st.lists(times, max_size=3)):
        length = draw(st.sampled_from([None, 0, 299, 300, 899, 900, 901, 3600]))
        feeds["outages"].append(
            {
                "outage_id": f"{name}-{len(feeds['outages'])}",
                "component_id": name,
                "state": draw(st.sampled_from(["down", "down", "degraded", "up"])),
                "started_at": stamp(moment, start),
                "ended_at": None if length is None else stamp(moment, start + length),
                "incident_id": draw(st.sampled_from([None, f"i-{name}"])),
            }
        )


def _exclusion(
    draw: st.DrawFn, feeds: dict[str, Any], moment: datetime, service: str, name: str
) -> None:
    start, length = draw(times), draw(st.sampled_from([None, 0, 60, 900, 3600]))
    notice = draw(st.sampled_from([None, -60, 0, 1, 86_400]))
    components = [c["component_id"] for c in feeds["components"] if c["service_id"] == service]
    feeds["exclusions"].append(
        {
            "exclusion_id": name,
            "kind": draw(st.sampled_from(KINDS)),
            "service_id": service,
            "region": draw(st.sampled_from([None, None, "eu"])),
            "component_id": draw(st.sampled_from([None, None, *components])),
            "customer_id": draw(st.sampled_from([None, None, None, "c"])),
            "starts_at": stamp(moment, start),
            "ends_at": None if length is None else stamp(moment, start + length),
            "announced_at": None if notice is None else stamp(moment, start - notice),
        }
    )
