"""Sample feeds of a chosen size, to measure with: seeded, of fixed dates, in Parquet.

Chat in 20 regions of three components, each probed from three places (a quorum decides), and voice
on 35 pairs of trunks that back each other up: 250 series with a probe every 75 seconds, of which
0.4 % are not up. 100 M probes are a year of them; fewer are fewer days.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from makegood.ingestion.sample import LOCATIONS, START

SECONDS_BETWEEN = 75
CHAT_REGIONS = [f"chat-{n:02d}" for n in range(20)]
VOICE_REGIONS = [f"voice-{n:02d}" for n in range(35)]
SERIES = 3 * 3 * len(CHAT_REGIONS) + 2 * len(VOICE_REGIONS)
EVENTS_A_TICKET = 10
DAY = 86_400
ALWAYS = "2026-01-01"


@dataclass(frozen=True)
class Scale:
    """How much to write: rows of checks, tickets (with ten events each) and invoice lines."""

    checks: int
    tickets: int = 0
    invoice_lines: int = 0

    @property
    def days(self) -> int:
        """The days that the checks fill; a year where there are none to fill."""
        if not self.checks:
            return 365
        return max(1, round(self.checks * SECONDS_BETWEEN / SERIES / DAY))

    @property
    def as_of(self) -> datetime:
        """The instant at which the sample ends."""
        return START + timedelta(days=self.days)


def write(
    out: Path, scale: Scale, seed: int, progress: Callable[[str], None] = lambda message: None
) -> list[str]:
    """Writes the feeds below `out`; says in lines what was written."""
    dice = np.random.default_rng(seed)
    written = 0

    def put(feed: str, frame: pl.DataFrame, name: str | None = None) -> None:
        nonlocal written
        written += frame.height
        (out / feed).mkdir(parents=True, exist_ok=True)
        frame.write_parquet(out / feed / f"{name or feed}.parquet", compression="zstd")

    put("services", _services())
    components = _components()
    put("components", components)
    months = _months(scale.days)
    subscriptions = _subscriptions(max(120, scale.invoice_lines // len(months)))
    put(
        "customers",
        subscriptions.select("customer_id")
        .unique(maintain_order=True)
        .with_columns(pl.col("customer_id").alias("name")),
    )
    put("subscriptions", subscriptions)
    trouble = _trouble(components, scale.days * DAY, dice)
    put("outages", _outages(trouble))
    put("exclusions", _exclusions(scale.days))
    progress("writing invoices")
    for feed, frame in _invoices(subscriptions, months).items():
        put(feed, frame)
    progress("writing tickets")
    for feed, frame in _tickets(subscriptions, scale, dice).items():
        put(feed, frame)
    checks = 0
    if scale.checks:
        for month, since, until in months:
            progress(f"writing checks of {month:%Y-%m}")
            frame = _checks(components, trouble, since, until, dice)
            put("checks", frame, f"{month:%Y-%m}")
            checks += frame.height
    return [
        f"{out}: {checks} checks and {written - checks} other rows, {START:%Y-%m-%d} to "
        f"{scale.as_of - timedelta(days=1):%Y-%m-%d}, seed {seed}"
    ]


def _services() -> pl.DataFrame:
    return pl.DataFrame(
        {
            "service_id": ["chat", "voice"],
            "name": ["Chat", "Voice"],
            "contract_id": ["trueengage", "connect_engage"],
            "product_category": [None, "voice"],
            "lifecycle": ["ga", "ga"],
        }
    )


def _components() -> pl.DataFrame:
    rows = [
        (f"{region}-{part}", "chat", region, group)
        for region in CHAT_REGIONS
        for part, group in (("web", None), ("api-a", "api"), ("api-b", "api"))
    ]
    rows += [
        (f"{region}-trunk-{part}", "voice", region, "trunk")
        for region in VOICE_REGIONS
        for part in "ab"
    ]
    names = ["component_id", "service_id", "region", "redundancy_group"]
    return pl.DataFrame(rows, schema=names, orient="row").with_columns(
        pl.lit("production").alias("environment")
    )


def _months(days: int) -> list[tuple[date, int, int]]:
    """First day, and the seconds from START between which it lies."""
    starts = [d for d in range(days) if d == 0 or (START + timedelta(days=d)).day == 1]
    return [
        ((START + timedelta(days=d)).date().replace(day=1), d * DAY, until * DAY)
        for d, until in zip(starts, [*starts[1:], days], strict=True)
    ]


def _subscriptions(count: int) -> pl.DataFrame:
    places = [("chat", r) for r in CHAT_REGIONS] + [("voice", r) for r in VOICE_REGIONS]
    return pl.DataFrame(
        {
            "subscription_id": [f"S{n:07d}" for n in range(count)],
            # four subscriptions a customer
            "customer_id": [f"C{n // 4:06d}" for n in range(count)],
            "service_id": [places[n % len(places)][0] for n in range(count)],
            "region": [places[n % len(places)][1] for n in range(count)],
            "support_plan": ["standard" if n % 4 == 3 else "premium" for n in range(count)],
            "kind": ["paid"] * count,
            "status": ["active"] * count,
            "valid_from": [ALWAYS] * count,
        }
    )


def _trouble(components: pl.DataFrame, seconds: int, dice: np.random.Generator) -> pl.DataFrame:
    """Times in which a component is not up: about 0.35 % of all time, half an hour each."""
    names = components["component_id"].to_list()
    a_component = max(1, round(seconds * 0.0035 / 1800))
    count = a_component * len(names)
    starts = dice.integers(0, max(1, seconds - 7200), count)
    return pl.DataFrame(
        {
            "component_id": np.repeat(names, a_component),
            "since": starts,
            "until": starts + np.clip(dice.lognormal(7.2, 0.8, count), 60, 7200).astype(np.int64),
            "state": np.where(dice.random(count) < 0.2, "degraded", "down"),
        }
    )


def _outages(trouble: pl.DataFrame) -> pl.DataFrame:
    """The worst of it as operational records, each an incident of its own."""
    worst = trouble.filter(pl.col("until") - pl.col("since") > 5400).with_row_index("number")
    return worst.select(
        ("O" + pl.col("number").cast(pl.String)).alias("outage_id"),
        "component_id",
        "state",
        _at("since").alias("started_at"),
        _at("until").alias("ended_at"),
        ("INC" + pl.col("number").cast(pl.String)).alias("incident_id"),
    )


def _exclusions(days: int) -> pl.DataFrame:
    """A maintenance a region and month."""
    frame = pl.DataFrame(
        [
            (f"X-{region}-{day}", service, region, day * DAY + 7200 + 60 * n)
            for service, regions in (("chat", CHAT_REGIONS), ("voice", VOICE_REGIONS))
            for n, region in enumerate(regions)
            for day in range(12, max(days, 13), 30)
        ],
        schema=["exclusion_id", "service_id", "region", "since"],
        orient="row",
    )
    return frame.select(
        "exclusion_id",
        pl.lit("scheduled_maintenance").alias("kind"),
        "service_id",
        "region",
        _at("since").alias("starts_at"),
        _at(pl.col("since") + 3600).alias("ends_at"),
        _at(pl.col("since") - 5 * DAY).alias("announced_at"),
        pl.lit("other").alias("change_type"),
    )


def _invoices(
    subscriptions: pl.DataFrame, months: list[tuple[date, int, int]]
) -> dict[str, pl.DataFrame]:
    """An invoice a customer and month, with a line a subscription."""
    firsts = pl.DataFrame({"first": [month for month, _, _ in months]})
    name = pl.concat_str(
        pl.lit("I-"), pl.col("first").dt.strftime("%Y-%m"), pl.lit("-"), pl.col("customer_id")
    )
    lines = subscriptions.select("customer_id", "subscription_id").join(firsts, how="cross")
    last = pl.col("first").dt.month_end()
    return {
        "invoices": subscriptions.select("customer_id")
        .unique(maintain_order=True)
        .join(firsts, how="cross")
        .select(
            name.alias("invoice_id"),
            "customer_id",
            pl.lit("paid").alias("status"),
            pl.col("first").alias("issued_on"),
            pl.col("first").dt.offset_by("30d").alias("due_on"),
            pl.col("first").dt.offset_by("20d").alias("paid_on"),
        ),
        "invoice_lines": lines.select(
            pl.concat_str(name, pl.lit("-"), "subscription_id").alias("line_id"),
            name.alias("invoice_id"),
            "subscription_id",
            pl.lit("recurring").alias("line_kind"),
            pl.col("first").alias("period_start"),
            last.alias("period_end"),
            pl.lit("1250.00").alias("amount"),
            pl.lit("EUR").alias("currency"),
        ),
    }


def _tickets(
    subscriptions: pl.DataFrame, scale: Scale, dice: np.random.Generator
) -> dict[str, pl.DataFrame]:
    """Tickets at random times, with ten events each; one in a hundred names an incident."""
    count, end = scale.tickets, scale.days * DAY
    received = np.sort(dice.integers(0, end, count))
    names = np.array([f"T{n:08d}" for n in range(count)], dtype=object)
    tickets = pl.DataFrame(
        {
            "ticket_id": names,
            "subscription_id": subscriptions["subscription_id"].to_numpy()[
                dice.integers(0, subscriptions.height, count)
            ],
            "incident_id": [f"INC{n % 97}" if n % 100 == 0 else None for n in range(count)],
        },
        schema=dict.fromkeys(("ticket_id", "subscription_id", "incident_id"), pl.String),
    ).select(
        "ticket_id",
        "subscription_id",
        pl.lit("incident").alias("ticket_type"),
        pl.lit("production").alias("environment"),
        pl.lit("slow answers").alias("subject"),
        "incident_id",
    )
    severities = np.array(["P1", "P2", "P3", "P4"])[dice.integers(0, 4, count)]
    # seconds after the receipt, in order; the last solves it within one to 40 hours
    solved = dice.integers(3600, 40 * 3600, count)
    shares = (0, 0.01, 0.03, 0.1, 0.25, 0.4, 0.5, 0.6, 0.8, 1)
    kinds = (
        "received", "classified", "responded", "status_updated", "paused",
        "status_updated", "resumed", "status_updated", "status_updated", "resolved",
    )  # fmt: skip
    events = [
        pl.DataFrame(
            {
                "ticket_id": names,
                "at": received + (solved * share).astype(np.int64),
                "severity": severities if kind == "classified" else [None] * count,
            },
            schema={"ticket_id": pl.String, "at": pl.Int64, "severity": pl.String},
        ).select(
            pl.concat_str("ticket_id", pl.lit(f"-{place}")).alias("event_id"),
            "ticket_id",
            _at("at").alias("occurred_at"),
            pl.lit(kind).alias("event"),
            "severity",
            pl.lit("restored" if kind == "resolved" else None, pl.String).alias("resolution_kind"),
        )
        for place, (share, kind) in enumerate(zip(shares, kinds, strict=True))
    ]
    # those received last are still open
    happened = pl.concat(events).filter(pl.col("occurred_at") < scale.as_of)
    return {"tickets": tickets, "ticket_events": happened.sort("occurred_at", "event_id")}


def _checks(
    components: pl.DataFrame,
    trouble: pl.DataFrame,
    since: int,
    until: int,
    dice: np.random.Generator,
) -> pl.DataFrame:
    """The checks of some seconds, in the order in which they were made."""
    of: dict[str, list[tuple[int, int, str]]] = {
        name: [] for name in components["component_id"]
    } | {
        str(key[0]): list(rows.select("since", "until", "state").iter_rows())
        for key, rows in trouble.group_by("component_id")
    }
    series = pl.Enum(sorted(of))
    places, states = pl.Enum(LOCATIONS), pl.Enum(["up", "degraded", "down"])
    frames = []
    for number, (component, at, place) in enumerate(_ticks(components, since, until)):
        seen = np.zeros(len(at), np.uint8)
        # a probe that fails alone
        seen[dice.random(len(at)) < 0.0005] = 2
        for start, end, state in of[component]:
            if dice.random() < 0.93:
                seen[(at >= start) & (at < end)] = 1 if state == "degraded" else 2
        if number % 50 == 0:
            # the monitor itself is away for two hours a month
            kept = (at < since + 3 * DAY) | (at >= since + 3 * DAY + 7200)
            at, seen = at[kept], seen[kept]
        frames.append(
            pl.DataFrame(
                {
                    "component_id": pl.repeat(component, len(at), dtype=series, eager=True),
                    "location": pl.repeat(LOCATIONS[place], len(at), dtype=places, eager=True),
                    "checked_at": pl.Series(at + int(START.timestamp())),
                    "status": pl.Series(seen).cat.to(states),
                    "latency_ms": np.round(dice.gamma(4.0, 22.0 + 30 * place, len(at)), 1),
                }
            )
        )
    in_order = pl.concat(frames).sort("checked_at", "component_id", "location")
    return in_order.with_columns(
        (pl.col("checked_at") * 1_000_000).cast(pl.Datetime("us", "UTC")),
        pl.col("component_id", "location", "status").cast(pl.String),
    )


def _ticks(
    components: pl.DataFrame, since: int, until: int
) -> Iterator[tuple[str, np.ndarray[tuple[int], np.dtype[np.int64]], int]]:
    """Component, the seconds of its checks and the number of its place, of each series."""
    for n, (component, service) in enumerate(
        components.select("component_id", "service_id").iter_rows()
    ):
        for place in range(3 if service == "chat" else 1):
            yield component, np.arange(since + (7 * n + 25 * place) % 75, until, 75), place


def _at(seconds: str | pl.Expr) -> pl.Expr:
    column = pl.col(seconds) if isinstance(seconds, str) else seconds
    instant = pl.lit(START.astimezone(UTC)).dt.epoch("us") + column * 1_000_000
    return instant.cast(pl.Datetime("us", "UTC"))
