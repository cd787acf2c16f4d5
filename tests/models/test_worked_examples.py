"""Each rule by examples worked out by hand: one run over services that each show one thing.

A service is watched by an open record `up` from the first day on, so that whatever else is said of
it stands out.
"""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests import conftest
from tests.conftest import CONTRACTS, Published, contract

AS_OF = "2027-04-10T12:00:00Z"
# of a whole month of 30 days in which a component is checked; used for quorum and staleness
JUNE = datetime(2026, 6, 10, tzinfo=UTC)


class Worlds:
    """Feeds that grow by one service at a time."""

    def __init__(self) -> None:
        self.feeds: dict[str, list[dict[str, Any]]] = {
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
        self.feeds["customers"].append({"customer_id": "c", "name": "Customer"})
        self.service("none", "trueengage", watched=False)

    def service(
        self,
        name: str,
        contract_id: str,
        watched: bool = True,
        category: str = "",
        lifecycle: str = "ga",
        **component: Any,
    ) -> "Worlds":
        self.feeds["services"].append(
            {
                "service_id": name,
                "name": name,
                "contract_id": contract_id,
                "product_category": category,
                "lifecycle": lifecycle,
            }
        )
        self.name = name
        self.component(name, watched, **component)
        return self

    def component(self, component_id: str, watched: bool = True, **values: Any) -> "Worlds":
        self.feeds["components"].append(
            {
                "component_id": component_id,
                "service_id": self.name,
                "region": "eu",
                "environment": "production",
                **values,
            }
        )
        if watched:
            self.outage("2026-06-01T00:00:00Z", None, "up", component_id)
        return self

    def outage(
        self,
        start: str,
        end: str | None,
        state: str = "down",
        component: str | None = None,
        incident: str = "",
    ) -> "Worlds":
        number = len(self.feeds["outages"])
        row = {
            "outage_id": f"o{number:03d}",
            "component_id": component or self.name,
            "state": state,
            "started_at": start,
            "ended_at": end,
            "incident_id": incident,
        }
        self.feeds["outages"].append(row)
        return self

    def exclusion(
        self, kind: str, start: str, end: str, announced: str = "", **scope: str
    ) -> "Worlds":
        number = len(self.feeds["exclusions"])
        row = {
            "exclusion_id": f"{self.name}-{number}",
            "kind": kind,
            "starts_at": start,
            "ends_at": end,
            "announced_at": announced,
            "service_id": self.name,
            **scope,
        }
        self.feeds["exclusions"].append(row)
        return self

    def checks(
        self, location: str, *states: str, every: int = 300, component: str | None = None
    ) -> "Worlds":
        for n, state in enumerate(states):
            at = JUNE + timedelta(seconds=n * every)
            self.feeds["checks"].append(
                {
                    "component_id": component or self.name,
                    "location": location,
                    "checked_at": at.isoformat(),
                    "status": state,
                }
            )
        return self


def made() -> Worlds:
    w = Worlds()
    # ---- A2: fifteen minutes
    w.service("d899", "trueengage").outage("2026-06-10T00:00:00Z", "2026-06-10T00:14:59Z")
    w.service("d900", "trueengage").outage(
        "2026-06-10T00:00:00Z", "2026-06-10T00:15:00Z", incident="i-900"
    )
    # ---- A1: records that touch are one interval; a second between them makes two
    w.service("touch", "trueengage").outage("2026-06-10T00:00:00Z", "2026-06-10T00:07:30Z").outage(
        "2026-06-10T00:07:30Z", "2026-06-10T00:15:00Z"
    )
    w.service("apart", "trueengage").outage("2026-06-10T00:00:00Z", "2026-06-10T00:07:30Z").outage(
        "2026-06-10T00:07:31Z", "2026-06-10T00:15:01Z"
    )
    # ---- A6: exactly 99.9 % of June is met, a second more is not; months of 28 and 31 days
    w.service("exact", "trueengage").outage("2026-06-10T00:00:00Z", "2026-06-10T00:43:12Z")
    w.service("over", "trueengage").outage("2026-06-10T00:00:00Z", "2026-06-10T00:43:13Z")
    w.service("short", "trueengage").outage("2027-02-10T00:00:00Z", "2027-02-10T00:40:20Z")
    # ---- A3: cut at the month's end only after the fifteen minutes
    w.service("midnight", "trueengage").outage("2026-06-30T23:50:00Z", "2026-07-01T00:10:00Z")
    # ---- M3: an open outage ends at as_of; the worst of overlapping records wins; degraded is
    # not down
    w.service("open", "trueengage").outage("2027-04-10T11:00:00Z", None, incident="i-open")
    w.service("worst", "trueengage").outage(
        "2026-06-10T00:00:00Z", "2026-06-10T01:00:00Z", "degraded"
    ).outage("2026-06-10T00:10:00Z", "2026-06-10T00:40:00Z")
    # ---- X4 and A2: exclusions that overlap count once; cut before or after the threshold
    w.service("overlap", "trueengage").outage("2026-06-10T00:00:00Z", "2026-06-10T02:00:00Z")
    w.exclusion("third_party", "2026-06-10T00:30:00Z", "2026-06-10T01:00:00Z").exclusion(
        "beta", "2026-06-10T00:50:00Z", "2026-06-10T01:20:00Z"
    )
    for name in ("before", "after"):
        w.service(name, name).outage("2026-06-10T00:00:00Z", "2026-06-10T00:20:00Z").exclusion(
            "third_party", "2026-06-10T00:05:00Z", "2026-06-10T00:15:00Z"
        )
    # ---- X1, X3: what is not listed, not announced before it began, or of one customer excludes
    # nothing
    for name, kind, announced, scope in (
        ("unlisted", "sunspots", "", {}),
        ("unannounced", "scheduled_maintenance", "", {}),
        ("too_late", "scheduled_maintenance", "2026-06-10T00:00:00Z", {}),
        ("in_time", "scheduled_maintenance", "2026-06-09T23:59:59Z", {}),
        ("emergency", "emergency_maintenance", "", {}),
        ("one_customer", "third_party", "", {"customer_id": "c"}),
        ("elsewhere", "third_party", "", {"region": "us"}),
    ):
        w.service(name, "trueengage").outage(
            "2026-06-10T00:00:00Z", "2026-06-10T01:00:00Z"
        ).exclusion(kind, "2026-06-10T00:00:00Z", "2026-06-10T01:00:00Z", announced, **scope)
    # ---- X2: a component's exclusion is taken out before the groups, and is no part of X
    w.service("trunks", "connect_engage", category="voice", redundancy_group="t").component(
        "trunks-b", redundancy_group="t"
    )
    w.outage("2026-07-10T00:00:00Z", "2026-07-10T01:00:00Z").outage(
        "2026-07-10T00:30:00Z", "2026-07-10T02:00:00Z", component="trunks-b"
    )
    w.service("scoped", "connect_engage", category="voice", redundancy_group="t").component(
        "scoped-b", redundancy_group="t"
    )
    w.outage("2026-07-10T00:00:00Z", "2026-07-10T01:00:00Z").outage(
        "2026-07-10T00:30:00Z", "2026-07-10T02:00:00Z", component="scoped-b"
    )
    w.exclusion(
        "third_party", "2026-07-10T00:40:00Z", "2026-07-10T03:00:00Z", component_id="scoped-b"
    )
    # ---- T2: quarters of Amsterdam: Q4 2026 is an hour longer, Q1 2027 an hour shorter
    w.service("clocks", "connect_engage", category="service_cloud").outage(
        "2026-10-24T23:30:00Z", "2026-10-25T02:30:00Z"
    )
    w.outage("2027-03-28T00:30:00Z", "2027-03-28T01:30:00Z").outage(
        "2026-12-31T22:30:00Z", "2026-12-31T23:30:00Z"
    )
    # ---- A4: a quarter that is all excluded has no figure
    w.service("gone", "connect_engage", category="marketing_cloud").exclusion(
        "force_majeure", "2026-09-30T22:00:00Z", "2026-12-31T23:00:00Z"
    )
    # ---- A4: the worst of a category by the exact figure; equal ones by id
    for name in ("cat_b", "cat_a"):
        w.service(name, "connect_engage", category="conversational_ai_cloud").outage(
            "2026-07-10T00:00:00Z", "2026-07-10T00:01:40Z"
        )
    w.service("cat_c", "connect_engage", category="conversational_ai_cloud").outage(
        "2026-07-10T00:00:00Z", "2026-07-10T00:01:39Z"
    )
    # ---- A7: no commitment outside GA, and none for a category that the map lacks
    w.service("early", "trueengage", lifecycle="early_access").outage(
        "2026-06-10T00:00:00Z", "2026-06-12T00:00:00Z"
    )
    w.service("unmapped", "connect_engage", category="telepathy")
    # ---- M4: only production, each component over its active time
    w.service("staging", "trueengage", environment="staging").outage(
        "2026-06-10T00:00:00Z", "2026-06-12T00:00:00Z"
    )
    w.service(
        "late", "trueengage", active_from="2026-08-15T00:00:00Z", active_to="2026-09-10T00:00:00Z"
    ).outage("2026-08-14T00:00:00Z", "2026-08-16T00:00:00Z")
    w.service("lonely", "majority", watched=False, category="voice")
    # ---- T5, A9: nothing before the first version; what begins before it is cut at its first day
    w.service("before_all", "trueengage").outage("2026-05-31T23:00:00Z", "2026-06-01T01:00:00Z")
    # ---- M1, M2: two locations of which one is down are a tie; staleness; the worst of an instant
    for quorum in ("majority", "any", "all"):
        w.service(f"q_{quorum}", quorum, watched=False).checks("a", *["down"] * 4).checks(
            "b", *["up"] * 4
        )
    w.service("stale", "majority", watched=False).checks("a", "down", "up", every=3600)
    w.service("slow", "majority", watched=False).checks("a", *["up"] * 4, every=900)
    w.service("same_instant", "majority", watched=False).checks("a", "up", "up").checks(
        "a", "down", "unknown"
    )
    w.service("mute", "majority", watched=False).checks("a", "down", "down", "down").checks(
        "b", "unknown", "unknown", "unknown"
    )
    # ---- M3: operations overrule a monitor
    w.service("false_alarm", "majority", watched=False).checks("a", *["down"] * 6).outage(
        "2026-06-10T00:05:00Z", "2026-06-10T00:20:00Z", "up"
    )
    # ---- M5: degraded counts where the policy says so
    w.service("degraded", "any", watched=False).checks("a", *["degraded"] * 4)
    w.service("degraded_counts", "strict", watched=False).checks("a", *["degraded"] * 4)
    # ---- M6: unknown counts as unavailable where the policy says so, from the first check on
    w.service("unknown_counts", "strict", watched=False).checks("a", "up", "up", every=7200)
    return w


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Published:
    folder = tmp_path_factory.mktemp("examples")
    kinds = {"exclusions": {"kinds": ["third_party"]}}
    own = {
        "before": contract("before", downtime={"min_consecutive_s": 900}, **kinds),
        "after": contract(
            "after",
            downtime={"min_consecutive_s": 900, "exclusions_apply": "after_threshold"},
            **kinds,
        ),
        **{q: contract(q, monitoring={"quorum": q}) for q in ("majority", "any", "all")},
        "strict": contract(
            "strict",
            availability={
                "unavailable_states": ["down", "degraded"],
                "unknown_counts_as": "unavailable",
            },
        ),
    }
    contracts = conftest.write_contracts(folder / "contracts", own)
    for path in CONTRACTS.glob("*.yaml"):
        (contracts / path.name).write_text(path.read_text())
    return conftest.published_once(
        conftest.write_landing(folder / "landing", made().feeds),
        folder / "warehouse",
        AS_OF,
        contracts,
    )


def figure(published: Published, service: str, period: str) -> dict[str, Any]:
    rows = [
        r
        for r in published.mart("availability")
        if r["service_id"] == service and r["period_start"] == date.fromisoformat(period)
    ]
    assert len(rows) == 1, rows
    return rows[0]


def intervals(published: Published, service: str) -> list[tuple[str, str]]:
    return [
        (f"{r['started_at']:%m-%dT%H:%M:%S}", f"{r['ended_at']:%m-%dT%H:%M:%S}")
        for r in published.mart("downtime")
        if r["service_id"] == service
    ]


@pytest.mark.parametrize(
    ("service", "period", "expected"),
    [
        (
            "d899",
            "2026-06-01",
            {
                "unavailable_seconds": 899,
                "downtime_seconds": 0,
                "availability_pct": Decimal(100),
                "budget_remaining_seconds": 2592,
            },
        ),
        (
            "d900",
            "2026-06-01",
            {"unavailable_seconds": 900, "downtime_seconds": 900, "budget_remaining_seconds": 1692},
        ),
        ("touch", "2026-06-01", {"downtime_seconds": 900}),
        ("apart", "2026-06-01", {"unavailable_seconds": 900, "downtime_seconds": 0}),
        (
            "exact",
            "2026-06-01",
            {
                "total_seconds": 2_592_000,
                "downtime_seconds": 2592,
                "availability_pct": Decimal("99.9"),
                "is_met": True,
                "budget_remaining_seconds": 0,
            },
        ),
        (
            "over",
            "2026-06-01",
            {
                "downtime_seconds": 2593,
                "availability_pct": Decimal("99.899961"),
                "is_met": False,
                "budget_remaining_seconds": -1,
            },
        ),
        (
            "exact",
            "2026-07-01",
            {
                "total_seconds": 2_678_400,
                "budget_seconds": 2678,
                "downtime_seconds": 0,
                "status": "final",
            },
        ),
        # 2,419,200 s allow 2,419.2 s: 2,420 s are too many, the budget is floored
        (
            "short",
            "2027-02-01",
            {
                "total_seconds": 2_419_200,
                "budget_seconds": 2419,
                "downtime_seconds": 2420,
                "is_met": False,
                "budget_remaining_seconds": -1,
            },
        ),
        ("midnight", "2026-06-01", {"downtime_seconds": 600}),
        ("midnight", "2026-07-01", {"downtime_seconds": 600}),
        (
            "open",
            "2027-04-01",
            {"downtime_seconds": 3600, "status": "provisional", "total_seconds": 2_592_000},
        ),
        ("worst", "2026-06-01", {"unavailable_seconds": 1800, "downtime_seconds": 1800}),
        (
            "overlap",
            "2026-06-01",
            {"unavailable_seconds": 7200, "downtime_seconds": 4200, "excluded_seconds": 0},
        ),
        ("before", "2026-06-01", {"downtime_seconds": 0, "excluded_seconds": 600}),
        ("after", "2026-06-01", {"downtime_seconds": 600, "excluded_seconds": 600}),
        ("unlisted", "2026-06-01", {"downtime_seconds": 3600}),
        ("unannounced", "2026-06-01", {"downtime_seconds": 3600}),
        ("too_late", "2026-06-01", {"downtime_seconds": 3600}),
        ("in_time", "2026-06-01", {"downtime_seconds": 0, "unavailable_seconds": 3600}),
        ("emergency", "2026-06-01", {"downtime_seconds": 0}),
        ("one_customer", "2026-06-01", {"downtime_seconds": 3600}),
        ("elsewhere", "2026-06-01", {"downtime_seconds": 3600}),
        # both trunks are down for the half hour that the two outages share
        (
            "trunks",
            "2026-07-01",
            {"unavailable_seconds": 1800, "downtime_seconds": 1800, "excluded_seconds": 0},
        ),
        (
            "scoped",
            "2026-07-01",
            {"unavailable_seconds": 600, "downtime_seconds": 600, "excluded_seconds": 0},
        ),
        (
            "clocks",
            "2026-10-01",
            {"total_seconds": 92 * 86_400 + 3600, "downtime_seconds": 3 * 3600 + 1800},
        ),
        (
            "clocks",
            "2027-01-01",
            {"total_seconds": 90 * 86_400 - 3600, "downtime_seconds": 3600 + 1800},
        ),
        (
            "gone",
            "2026-10-01",
            {
                "excluded_seconds": 92 * 86_400 + 3600,
                "availability_pct": None,
                "is_met": True,
                "budget_seconds": 0,
                "status": "fully_excluded",
            },
        ),
        (
            "gone",
            "2027-01-01",
            {"excluded_seconds": 0, "availability_pct": Decimal(100), "status": "final"},
        ),
        (
            "early",
            "2026-06-01",
            {
                "downtime_seconds": 172_800,
                "commitment_pct": None,
                "is_met": None,
                "budget_seconds": None,
                "budget_remaining_seconds": None,
            },
        ),
        ("unmapped", "2026-07-01", {"commitment_pct": None, "is_met": None}),
        (
            "late",
            "2026-08-01",
            {"downtime_seconds": 86_400, "unknown_seconds": 0, "coverage_pct": Decimal(100)},
        ),
        ("late", "2026-09-01", {"downtime_seconds": 0}),
        ("before_all", "2026-06-01", {"downtime_seconds": 3600, "unavailable_seconds": 3600}),
        (
            "q_majority",
            "2026-06-01",
            {"unavailable_seconds": 0, "unknown_seconds": 2_592_000 - 1500},
        ),
        # each check holds until the next, the last for 600 s
        ("q_any", "2026-06-01", {"unavailable_seconds": 1500}),
        ("q_all", "2026-06-01", {"unavailable_seconds": 0}),
        ("stale", "2026-06-01", {"unavailable_seconds": 600, "unknown_seconds": 2_592_000 - 1200}),
        # every 900 s, each holding for 600 s
        ("slow", "2026-06-01", {"unavailable_seconds": 0, "unknown_seconds": 2_592_000 - 2400}),
        (
            "same_instant",
            "2026-06-01",
            {"unavailable_seconds": 300, "unknown_seconds": 2_592_000 - 900},
        ),
        # a location that does not know is no part of the quorum
        ("mute", "2026-06-01", {"unavailable_seconds": 1200}),
        ("false_alarm", "2026-06-01", {"unavailable_seconds": 2100 - 900}),
        ("degraded", "2026-06-01", {"unavailable_seconds": 0, "unknown_seconds": 2_592_000 - 1500}),
        ("degraded_counts", "2026-06-01", {"unavailable_seconds": 20 * 86_400 + 86_400}),
        # from the first check on 600 s are up, 6600 s unknown, 600 s up, the rest of the month
        # unknown
        (
            "unknown_counts",
            "2026-06-01",
            {"unavailable_seconds": 21 * 86_400 - 1200, "unknown_seconds": 2_592_000 - 1200},
        ),
    ],
)
def test_figures(published: Published, service: str, period: str, expected: dict[str, Any]) -> None:
    row = figure(published, service, period)
    assert {k: row[k] for k in expected} == expected


@pytest.mark.parametrize(
    ("service", "expected"),
    [
        ("d899", []),
        ("d900", [("06-10T00:00:00", "06-10T00:15:00")]),
        ("touch", [("06-10T00:00:00", "06-10T00:15:00")]),
        ("midnight", [("06-30T23:50:00", "07-01T00:10:00")]),
        ("overlap", [("06-10T00:00:00", "06-10T00:30:00"), ("06-10T01:20:00", "06-10T02:00:00")]),
        ("after", [("06-10T00:00:00", "06-10T00:05:00"), ("06-10T00:15:00", "06-10T00:20:00")]),
        ("before_all", [("05-31T23:00:00", "06-01T01:00:00")]),
        (
            "clocks",
            [
                ("10-24T23:30:00", "10-25T02:30:00"),
                ("12-31T22:30:00", "12-31T23:30:00"),
                ("03-28T00:30:00", "03-28T01:30:00"),
            ],
        ),
    ],
)
def test_intervals_are_whole(
    published: Published, service: str, expected: list[tuple[str, str]]
) -> None:
    assert intervals(published, service) == expected


def test_open_interval_names_its_incident(published: Published) -> None:
    rows = {r["service_id"]: r for r in published.mart("downtime")}
    assert (rows["open"]["is_open"], rows["open"]["incident_id"]) == (True, "i-open")
    assert (rows["d900"]["is_open"], rows["d900"]["incident_id"]) == (False, "i-900")


def test_service_without_evidence_or_production_has_no_row(published: Published) -> None:
    services = {r["service_id"] for r in published.mart("availability")}
    assert {"none", "staging"} & services == set()


def test_rows_begin_with_the_first_version_and_with_active_components(published: Published) -> None:
    months = [
        str(r["period_start"]) for r in published.mart("availability") if r["service_id"] == "late"
    ]
    assert months == ["2026-08-01", "2026-09-01"]
    assert (
        min(
            str(r["period_start"])
            for r in published.mart("availability")
            if r["service_id"] == "before_all"
        )
        == "2026-06-01"
    )
    # the quarter of June has begun before the first record, and still is its period
    assert (
        min(
            str(r["period_start"])
            for r in published.mart("availability")
            if r["service_id"] == "clocks"
        )
        == "2026-04-01"
    )


def test_category_is_its_worst_by_the_exact_figure(published: Published) -> None:
    rows = {
        (r["product_category"], str(r["period_start"])): r
        for r in published.mart("availability_by_category")
    }
    assert rows["conversational_ai_cloud", "2026-07-01"]["worst_service_id"] == "cat_a"
    assert rows["voice", "2026-07-01"]["worst_service_id"] == "trunks"
    excluded = rows["marketing_cloud", "2026-10-01"]
    assert (excluded["status"], excluded["is_met"]) == ("fully_excluded", True), (
        "a category of which all is excluded"
    )
    assert {
        excluded[name] for name in ("availability_pct", "worst_service_id", "worst_region")
    } == {None}
    assert rows["telepathy", "2026-07-01"]["commitment_pct"] is None


def test_thin_evidence_is_warned_of(published: Published) -> None:
    """M1: a monitor slower than half of stale_after_s; M3: an overruling record left open; M4:
    voice without a backup."""
    warnings = [w["warning"] for w in published.query("select warning from quality.warnings")]
    assert any(w.startswith("slow from a is checked every 900 s") for w in warnings)
    assert not any(w.startswith("q_any from a") for w in warnings), (
        "every 300 s is half of 600 s, not over it"
    )
    assert any("has called d899 up for over a day and is still open" in w for w in warnings)
    assert [w for w in warnings if "(voice)" in w] == [
        "lonely of lonely (voice) has no redundancy group: one trunk down is an outage (M4)"
    ]


def test_coverage_is_of_the_time_up_to_as_of(published: Published) -> None:
    row = figure(published, "open", "2027-04-01")
    assert (row["coverage_pct"], row["low_coverage"]) == (Decimal(100), False)
    low = figure(published, "stale", "2026-06-01")
    assert (low["coverage_pct"], low["low_coverage"]) == (Decimal("0.046296"), True)
    assert low["availability_pct"] == Decimal("99.976852"), "unknown time is no downtime"
