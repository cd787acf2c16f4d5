"""The whole line on random worlds against the plain reference: every figure of `availability`,
every interval of `downtime` (M1-M6, X1-X4, A1-A9)."""

from datetime import UTC, datetime
from typing import Any

from hypothesis import HealthCheck, given, settings

from tests.conftest import Runner, examples
from tests.support import reference
from tests.support.worlds import worlds


def expected(
    feeds: dict[str, Any], contracts: dict[str, Any], as_of: datetime
) -> tuple[list[Any], list[Any]]:
    figures, intervals = [], []
    for contract_id, contract in contracts.items():
        rows, pieces = reference.World(feeds, contract, int(as_of.timestamp())).figures()
        figures += [{"contract_id": contract_id, **row} for row in rows]
        intervals += [
            (
                contract_id,
                p["service_id"],
                p["region"],
                p["start"],
                p["end"],
                p["end"] == int(as_of.timestamp()),
            )
            for p in pieces
        ]
    return sorted(figures, key=str), sorted(intervals)


@settings(
    max_examples=examples(quick=3, ci=8, explore=300),
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
    ],
)
@given(worlds())
def test_figures_and_intervals_are_those_of_the_rules(
    publish: Runner, tmp_path_factory: Any, world: tuple[dict[str, Any], dict[str, Any], datetime]
) -> None:
    feeds, contracts, as_of = world
    published = publish(feeds, as_of, contracts, warehouse=tmp_path_factory.mktemp("warehouse"))
    figures, intervals = expected(feeds, contracts, as_of)
    columns = list(figures[0]) if figures else []
    got = [
        {c: str(row[c]) if c.endswith("_pct") and row[c] is not None else row[c] for c in columns}
        for row in published.mart("availability")
    ]
    assert sorted(got, key=str) == figures
    spans = [
        (
            r["contract_id"],
            r["service_id"],
            r["region"],
            int(r["started_at"].timestamp()),
            int(r["ended_at"].timestamp()),
            r["is_open"],
        )
        for r in published.mart("downtime")
    ]
    assert sorted(spans) == intervals
    assert all(
        r["started_at"].astimezone(UTC) < r["ended_at"].astimezone(UTC)
        for r in published.mart("downtime")
    )
