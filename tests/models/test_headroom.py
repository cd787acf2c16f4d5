"""What `credit_headroom` foretells is what comes: with so many further seconds of downtime the
credit is what it said, with one fewer it is what it was (A5, A6, C1, C3, C4)."""

import pytest

from tests.conftest import Published, Runner
from tests.models.test_credit_examples import DAY, Examples, H

AS_OF = "2026-06-20T00:00:00Z"


def world(further: dict[str, int]) -> Examples:
    """Subscriptions in the middle of June; `further`: seconds of downtime that come on top, far
    from all tickets."""
    e = Examples()

    def subscription(name: str) -> Examples:
        e.subscription(name, fee=None)
        e.line("1000.00", invoice=e.invoice(issued="2026-06-01"))
        if further.get(name):
            e.outage(-8 * DAY, -8 * DAY + further[name])
        return e

    subscription("untouched")
    subscription("at_the_commitment").outage(0, 2592)
    subscription("in_the_first_tier").outage(0, 2593)
    subscription("in_the_second_tier").outage(0, 25_921)
    subscription("in_the_last_tier").outage(0, 51_841)
    subscription("late").resolved(5 * H)
    subscription("late_and_capped").resolved(13 * H)
    subscription("both").outage(0, 3600).resolved(5 * H, start=DAY)
    # the same event: downtime of its own makes both kinds count
    subscription("shared").outage(0, 3600, incident="i1").ticket(
        (0, "classified", "P1"), (5 * H, "resolved"), incident_id="i1"
    )
    subscription("shared_and_long").outage(0, 26_000, incident="i2").ticket(
        (0, "classified", "P1"), (13 * H, "resolved"), incident_id="i2"
    )
    subscription("shared_in_part").outage(0, 3600, incident="i3").outage(
        2 * DAY, 2 * DAY + 3600
    ).ticket((0, "classified", "P1"), (5 * H, "resolved"), incident_id="i3")
    return e


def credits(published: Published) -> dict[str, tuple[object, object]]:
    return {
        r["subscription_id"]: (r["credit_pct"], r["credit_amount"])
        for r in published.mart("credits")
    }


@pytest.mark.long
def test_so_much_more_downtime_raises_the_credit_and_a_second_less_does_not(
    publish: Runner,
) -> None:
    now = publish(world({}).feeds, AS_OF)
    ahead = {r["subscription_id"]: r for r in now.mart("credit_headroom")}
    before = credits(now)
    assert set(ahead) == set(before)
    assert {name: (r["credit_pct"], r["credit_amount"]) for name, r in ahead.items()} == before
    rising = {name: r for name, r in ahead.items() if r["seconds_left"] is not None}
    assert set(ahead) - set(rising) == {"in_the_last_tier", "late_and_capped", "shared_and_long"}
    assert all(r["is_within_reach"] and r["additional_amount"] > 0 for r in rising.values())
    # by hand: 2,592 s are allowed; without what is shared the month is untouched
    assert {
        name: rising[name]["seconds_left"]
        for name in ("untouched", "at_the_commitment", "in_the_first_tier", "shared")
    } == {
        "untouched": 2593,
        "at_the_commitment": 1,
        "in_the_first_tier": 25_921 - 2593,
        "shared": 2593,
    }
    # what is shorter than 900 s is no downtime by itself (A2)
    whole = {name: r["seconds_left"] for name, r in rising.items() if r["seconds_left"] > 900}
    assert len(whole) > 5
    root = now.warehouse.parent
    crossed = credits(publish(world(whole).feeds, AS_OF, warehouse=root / "crossed"))
    assert {name: crossed[name] for name in whole} == {
        name: (r["next_credit_pct"], r["next_credit_amount"])
        for name, r in rising.items()
        if name in whole
    }
    short = credits(
        publish(
            world({name: seconds - 1 for name, seconds in whole.items()}).feeds,
            AS_OF,
            warehouse=root / "short",
        )
    )
    assert {name: short[name] for name in whole} == {name: before[name] for name in whole}
