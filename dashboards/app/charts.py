"""Charts: safe for colour-blind readers, legible on light and dark, and always backed by words."""

from collections.abc import Hashable, Sequence
from datetime import datetime
from typing import Any

import altair as alt
import pandas as pd

from makegood.dashboards.access.reader import Row
from makegood.dashboards.figures.evidence import (
    MISSES,
    THIN_BUDGET,
    Evidence,
    Verdict,
    availability_words,
    budget_words,
    coverage_words,
    downtime_words,
    evidence_of,
    evidence_words,
    is_incomplete,
    is_unseen,
    verdict_of,
    verdict_words,
)
from makegood.dashboards.figures.queries import period, service_and_region
from makegood.dashboards.figures.style import agreed_pct

# use of the error budget -> colours of tile and label (after Okabe and Ito): blue if kept, orange
# if missed, darker the more of the budget is used; other colours with too little data
BUDGET_USE = {
    "no downtime": ("#9ecae1", "#10212b"),
    "within budget": ("#4f9fd0", "#0b1a24"),
    "over half of budget": ("#1f6aa5", "#ffffff"),
    "missed": ("#d97706", "#1c1000"),
    "missed by far": ("#8a3b00", "#ffffff"),
    "kept, on thin evidence": ("#ddd6bd", "#1f1f1f"),
    "no data": ("#e9e9e9", "#3d3d3d"),
    "no commitment": ("#b8b8b8", "#1f1f1f"),
}
# so many periods have level labels, and so many tiles are wide
_MOST_LEVEL, _MOST_WIDE = 12, 4
# pixels between the stripes of a hatched tile, and their colour: unseen time, and thin evidence,
# which is hatched more lightly
HATCHES = {"no data": (8, "#a5a5a5"), "thin": (18, "#a99c6c")}
EXPOSURES = {
    "payable": "#0072b2",
    "claimable": "#56b4e9",
    "lapsing": "#e69f00",
    "at stake": "#009e73",
}
DOWN, UNKNOWN, EXCLUDED = "#c44e00", "#8c8c8c", "#56b4e9"
BUDGET_STATUSES = {
    "on track": "#1f78b4",
    THIN_BUDGET: "#b3a878",
    "no data": "#8c8c8c",
    "at risk": "#e69f00",
    "exhausted": "#c44e00",
}


def budget_use(row: Row) -> str:
    """How much of a period's error budget is used, as a key of BUDGET_USE (A8, M6).

    `row`: one of FIGURES."""
    verdict = verdict_of(row)
    if verdict in MISSES:
        return "missed by far" if row["downtime_seconds"] > 3 * row["budget_seconds"] else "missed"
    if verdict is Verdict.NO_COMMITMENT and is_unseen(row):
        return str(Verdict.NO_DATA)
    if verdict is not Verdict.KEPT:
        return str(verdict)
    if row["downtime_seconds"] == 0:
        return "no downtime"
    return (
        "over half of budget"
        if row["downtime_seconds"] * 2 > row["budget_seconds"]
        else "within budget"
    )


def hatch(figure: Row) -> str:
    """How a tile is hatched, as a key of HATCHES; empty with sufficient data (M6)."""
    if is_unseen(figure):
        return str(Evidence.NONE)
    is_thin = figure["availability_pct"] is not None and evidence_of(figure) is Evidence.THIN
    return str(Evidence.THIN) if is_thin else ""


def _label(figure: Row) -> str:
    """A figure that fits on a tile, with a star if its data is incomplete."""
    pct = figure["availability_pct"]
    star = "*" if is_incomplete(figure) else ""
    if pct is None:
        return "–" + star
    if is_unseen(figure):
        return "no\ndata" + star
    return availability_words(figure).removesuffix(" %") + star


def _with_commitment(figure: Row) -> str:
    commitment = figure["commitment_pct"]
    return service_and_region(figure) + (
        "" if commitment is None else f" · {agreed_pct(commitment)}"
    )


def tiles(figures: Sequence[Row]) -> pd.DataFrame:
    """Figures of availability as tiles of a heat map. `figures`: rows of FIGURES."""
    return pd.DataFrame(
        {
            "service_and_region": _with_commitment(f),
            "period": period(f),
            "budget_use": budget_use(f),
            "fill": BUDGET_USE[budget_use(f)][0],
            "ink": BUDGET_USE[budget_use(f)][1],
            "hatch": hatch(f),
            "shown": "fully excluded" if f["availability_pct"] is None else availability_words(f),
            "label": _label(f),
            "verdict": verdict_words(f),
            "commitment": agreed_pct(f["commitment_pct"]),
            "downtime": downtime_words(f, is_exact=True),
            "budget": budget_words(f, is_exact=True),
            "coverage": coverage_words(f),
            "evidence": evidence_words(f),
            "status": f["status"].replace("_", " "),
        }
        for f in figures
    )


def _stripes(apart: int) -> str:
    """An expression for the slanted stripes of a tile, since charts have no patterns: a path of as
    many as fit on its width, so many pixels apart, closer on a narrow one. Points have a size at
    which a unit of the path is a pixel."""
    width = "bandwidth('x')"
    pitch = f"min({apart}, max(7, {width} / 4))"
    fit = f"max(0, floor(({width} - 12) / {pitch}) + 1)"
    return (
        f"'M' + (2 - {width} / 2) + ',14' + "
        f"replace(pad('', {fit}, 'x'), regexp('x', 'g'), 'l8,-28m' + ({pitch} - 8) + ',28')"
    )


def heat_map(tiles: pd.DataFrame, kind: str) -> alt.LayerChart:
    """Availability by service, region and period, with tiles to pick; misses come first.

    `kind`: month, quarter, year or period. `components.tile_legend` says what tiles mean."""
    count = tiles["period"].nunique()
    if count <= _MOST_WIDE:
        tiles = tiles.assign(label=tiles["label"].str.replace("\n", " "))
    misses = tiles["budget_use"].str.startswith("missed")
    # most misses first, then the latest
    order = (
        tiles.assign(misses=misses, last=tiles["period"].where(misses, ""))
        .groupby("service_and_region", as_index=False)
        .agg(misses=("misses", "sum"), last=("last", "max"))
        .sort_values(["last", "misses", "service_and_region"], ascending=[False, False, True])[
            "service_and_region"
        ]
        .tolist()
    )
    base = alt.Chart(tiles).encode(
        x=alt.X(
            "period:O",
            title=None,
            scale=alt.Scale(type="band", paddingInner=0.04),
            # every period is labelled: upright where they are many
            axis=alt.Axis(
                labelAngle=0 if count <= _MOST_LEVEL else -90, orient="top", labelOverlap=False
            ),
        ),
        y=alt.Y(
            "service_and_region:N",
            title=None,
            sort=order,
            scale=alt.Scale(type="band", paddingInner=0.08),
            axis=alt.Axis(labelLimit=260, labelOverlap=False),
        ),
        tooltip=[
            alt.Tooltip("service_and_region:N", title="service and region"),
            alt.Tooltip("period:O", title=kind),
            alt.Tooltip("shown:N", title="availability"),
            alt.Tooltip("commitment:N", title="commitment"),
            alt.Tooltip("verdict:N", title="verdict"),
            alt.Tooltip("downtime:N", title="downtime"),
            alt.Tooltip("budget:N", title="budget left"),
            alt.Tooltip("coverage:N", title="coverage"),
            alt.Tooltip("evidence:N", title="evidence"),
            alt.Tooltip("status:N"),
        ],
    )
    rectangles = base.mark_rect(strokeWidth=3).encode(
        color=alt.Color("fill:N", scale=None),
        # periods in progress are outlined
        stroke=alt.condition(
            "datum.status == 'provisional'", alt.value("#7a7a7a"), alt.value("transparent")
        ),
    )
    hatches = [
        base.mark_point(
            shape=alt.ExprRef(_stripes(apart)),
            size=4,
            strokeWidth=1.5,
            stroke=colour,
            fill="transparent",
        ).transform_filter(f"datum.hatch == '{key}'")
        for key, (apart, colour) in HATCHES.items()
        if (tiles["hatch"] == key).any()
    ]
    # as large as the width of a tile allows, and hidden where it would be illegible
    fits = f"width / {count} / 3.8"
    # two lines are moved up a little
    higher = alt.ExprRef("indexof(datum.label, '\\n') < 0 ? 0 : -6")
    size = alt.ExprRef(f"{fits} < 7 ? 0 : min(12, {fits})")
    look = {"fontSize": size, "fontWeight": 600, "lineBreak": "\n", "dy": higher}
    # a rim of the tile's colour keeps figures legible on a hatch
    rims = (
        base.mark_text(strokeWidth=5, **look)
        .encode(text="label:N", stroke=alt.Stroke("fill:N", scale=None))
        .transform_filter("datum.hatch != ''")
    )
    labels = base.mark_text(**look).encode(text="label:N", color=alt.Color("ink:N", scale=None))
    picked = alt.selection_point(
        name="tile", fields=["service_and_region", "period"], on="click", empty=False
    )
    return (
        alt.layer(rectangles.add_params(picked), *hatches, rims, labels)
        .properties(height=alt.Step(34))
        .resolve_scale(color="independent", stroke="independent")
    )


def burn_down(points: pd.DataFrame) -> alt.LayerChart:
    """Error budgets over time.

    `points`: service_and_region, at, left_pct (of the budget), left (in words), is_projected,
    is_end, status."""
    y = alt.Y("left_pct:Q", title="error budget left, %", scale=alt.Scale(zero=True))
    color = alt.Color(
        "status:N",
        scale=alt.Scale(domain=list(BUDGET_STATUSES), range=list(BUDGET_STATUSES.values())),
        # the page has one for all contracts
        legend=None,
    )
    x = alt.X(
        "at:T",
        title=None,
        scale=alt.Scale(type="utc"),
        axis=alt.Axis(format="%d %b", labelOverlap=True),
    )
    tooltip = [
        alt.Tooltip("service_and_region:N", title="service and region"),
        alt.Tooltip("at:T", title="at (UTC)", format="%Y-%m-%d %H:%M"),
        alt.Tooltip("left:N", title="budget left"),
    ]
    lines = (
        alt.Chart(points)
        .mark_line(strokeWidth=2)
        .encode(x=x, y=y, color=color, detail="service_and_region:N", tooltip=tooltip)
    )
    so_far = lines.transform_filter("!datum.is_projected")
    ahead = lines.mark_line(strokeWidth=2, strokeDash=[4, 4]).transform_filter("datum.is_projected")
    ends = (
        alt.Chart(_named_ends(points))
        .mark_text(align="left", dx=5, fontSize=11, limit=140)
        .encode(x=x, y=y, text="service_and_region:N", color=color)
    )
    none_left = (
        alt.Chart(pd.DataFrame({"left_pct": [0]}))
        .mark_rule(strokeDash=[2, 2], color="#8c8c8c")
        .encode(y="left_pct:Q")
    )
    return (none_left + so_far + ahead + ends).properties(height=250)


def _named_ends(points: pd.DataFrame) -> pd.DataFrame:
    """The ends of lines with their names; of ends too close to be read, the first says how many."""
    ends = points[points["is_end"]].sort_values("left_pct", ascending=False)
    # about the height of a line of text
    apart = (points["left_pct"].max() - min(points["left_pct"].min(), 0)) / 10
    named: list[dict[Hashable, Any]] = []
    for end in ends.to_dict("records"):
        if named and named[-1]["left_pct"] - end["left_pct"] < apart:
            named[-1]["more"] += 1
        else:
            named.append(end | {"more": 0})
    for end in named:
        if end["more"]:
            end["service_and_region"] += f", {end['more']} more"
    return pd.DataFrame(named, columns=[*points.columns, "more"])


def exposure(amounts: pd.DataFrame, currency: str) -> alt.Chart:
    """Credits by period. `amounts`: period, exposure, amount, shown (in words), order."""
    words = list(EXPOSURES)
    return (
        alt.Chart(amounts)
        .mark_bar(size=26)
        .encode(
            x=alt.X(
                "period:O",
                title=None,
                axis=alt.Axis(
                    labelAngle=0 if amounts["period"].nunique() <= _MOST_LEVEL // 3 else -90,
                    labelOverlap=False,
                ),
            ),
            y=alt.Y("amount:Q", title=currency, axis=alt.Axis(tickCount=4, format="~s")),
            color=alt.Color(
                "exposure:N",
                scale=alt.Scale(domain=words, range=list(EXPOSURES.values())),
                # the page has one for all currencies
                legend=None,
            ),
            order=alt.Order("order:Q"),
            tooltip=[
                alt.Tooltip("period:O"),
                alt.Tooltip("exposure:N"),
                alt.Tooltip("shown:N", title="amount"),
            ],
        )
        .properties(height=200)
    )


def timeline(bars: pd.DataFrame, domain: Sequence[datetime], colours: dict[str, str]) -> alt.Chart:
    """Intervals over time.

    `bars`: service_and_region, started_at, ended_at, what (key of `colours`), length in words."""
    words = list(colours)
    return (
        alt.Chart(bars)
        .mark_bar(height=16, minBandSize=3, strokeWidth=2)
        .encode(
            x=alt.X(
                "started_at:T",
                title=None,
                scale=alt.Scale(type="utc", domain=[d.isoformat() for d in domain]),
                axis=alt.Axis(format="%d %b", labelOverlap=True),
            ),
            x2="ended_at:T",
            y=alt.Y("service_and_region:N", title=None, axis=alt.Axis(labelLimit=240)),
            color=alt.Color(
                "what:N",
                title=None,
                scale=alt.Scale(domain=words, range=list(colours.values())),
                legend=alt.Legend(orient="bottom"),
            ),
            # without an edge, minutes within months would be thinner than a pixel
            stroke=alt.Stroke(
                "what:N", scale=alt.Scale(domain=words, range=list(colours.values())), legend=None
            ),
            tooltip=[
                alt.Tooltip("service_and_region:N", title="service and region"),
                alt.Tooltip("what:N"),
                alt.Tooltip("started_at:T", title="started (UTC)", format="%Y-%m-%d %H:%M:%S"),
                alt.Tooltip("ended_at:T", title="ended (UTC)", format="%Y-%m-%d %H:%M:%S"),
                alt.Tooltip("length:N", title="length, exact"),
            ],
        )
        .properties(height=90 + 30 * bars["service_and_region"].nunique())
    )


# legible on light and dark (Okabe and Ito), by severity in order; beyond these they repeat
SEVERITIES = ("#d55e00", "#e69f00", "#0090d0", "#009e73", "#cc79a7", "#8c8c8c")


def in_time(points: pd.DataFrame, goals: pd.DataFrame) -> alt.LayerChart:
    """Shares in time by month, a line for each severity, and the goals; a month without cases is a
    gap in its line, and one in progress a hollow point.

    `points`: month, severity, pct (None without cases), shown and result in words, is_over;
    `goals`: goal_pct, name."""
    severities = sorted(points["severity"].unique())
    colours = alt.Scale(
        domain=severities, range=[SEVERITIES[n % len(SEVERITIES)] for n in range(len(severities))]
    )
    base = alt.Chart(points).encode(
        x=alt.X("month:O", title=None, axis=alt.Axis(labelAngle=0, labelOverlap=True)),
        y=alt.Y("pct:Q", title="in time, %", scale=alt.Scale(domain=[0, 100])),
        color=alt.Color(
            "severity:N",
            title=None,
            scale=colours,
            legend=alt.Legend(orient="bottom", columns=4, symbolType="stroke"),
        ),
        tooltip=[
            alt.Tooltip("severity:N"),
            alt.Tooltip("month:O"),
            alt.Tooltip("shown:N", title="in time"),
            alt.Tooltip("result:N"),
        ],
    )
    ends = base.mark_point(size=70, strokeWidth=2)
    over = ends.transform_filter("datum.is_over").encode(
        fill=alt.Fill("severity:N", scale=colours, legend=None)
    )
    in_progress = ends.transform_filter("!datum.is_over")
    rules = alt.Chart(goals).encode(y="goal_pct:Q")
    return (
        base.mark_line(strokeWidth=2)
        + over
        + in_progress
        + rules.mark_rule(strokeDash=[5, 4], strokeWidth=2, color="#8c8c8c")
        + rules.mark_text(align="left", dy=-7, dx=4, fontSize=11, color="#8c8c8c").encode(
            x=alt.value(0), text="name:N"
        )
    ).properties(height=260)


def by_hour(counts: pd.DataFrame) -> alt.Chart:
    """Tickets by the hour of their receipt. `counts`: hour, what (missed, in time), tickets."""
    words = ["missed", "in time"]
    return (
        alt.Chart(counts)
        .mark_bar()
        .encode(
            x=alt.X("hour:O", title="hour of receipt", axis=alt.Axis(labelAngle=0)),
            y=alt.Y("tickets:Q", title="tickets", axis=alt.Axis(tickCount=4)),
            color=alt.Color(
                "what:N",
                title=None,
                scale=alt.Scale(domain=words, range=[DOWN, EXCLUDED]),
                legend=alt.Legend(orient="bottom"),
            ),
            order=alt.Order("what:N", sort="descending"),
            tooltip=[alt.Tooltip("hour:O"), alt.Tooltip("what:N"), alt.Tooltip("tickets:Q")],
        )
        .properties(height=200)
    )
