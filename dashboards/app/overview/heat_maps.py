"""Availability against commitment: a heat map for each contract, and the details of a tile."""

from collections.abc import Sequence

import streamlit as st

from makegood.dashboards.access.reader import Row
from makegood.dashboards.app import charts, components
from makegood.dashboards.app.published import rows
from makegood.dashboards.figures import periods
from makegood.dashboards.figures.evidence import (
    availability_words,
    downtime_words,
    evidence_words,
    is_incomplete,
    verdict_words,
)
from makegood.dashboards.figures.overview.commitments import Standing
from makegood.dashboards.figures.queries import period, service_and_region
from makegood.dashboards.figures.words import plain


def show(standings: Sequence[Standing], figures: Sequence[Row]) -> None:
    """A heat map for each contract, those with a miss first, below one legend.

    `figures`: of FIGURES."""
    st.subheader("Availability against commitment", anchor=False)
    if not figures:
        components.nothing(
            "There are no figures yet: no production component has a check or an outage record "
            "under a contract in force."
        )
        return
    st.caption("Availability in per cent, by service, region and period. Click a tile for details.")
    components.tile_legend(figures)
    for standing in standings:
        own = [f for f in figures if f["contract_id"] == standing.contract_id]
        if not own:
            continue
        st.markdown(f"**{plain(standing.name)}**")
        tiles = charts.tiles(own)
        event = st.altair_chart(
            charts.heat_map(tiles, own[0]["period_kind"]),
            width="stretch",
            on_select="rerun",
            key=f"tiles {standing.contract_id}",
        )
        for tile in event["selection"].get("tile", []):
            found = [
                f
                for f, t in zip(own, tiles.to_dict("records"), strict=True)
                if (t["service_and_region"], t["period"])
                == (tile["service_and_region"], tile["period"])
            ]
            for f in found[:1]:
                behind(f)


def behind(figure: Row) -> None:
    """The details of a tile, with links to more."""
    with st.container(border=True):
        st.markdown(
            f"**{plain(service_and_region(figure))}, {period(figure)}**: "
            f"{availability_words(figure)}, {verdict_words(figure)}; "
            f"downtime {downtime_words(figure)}"
        )
        components.link(
            "availability",
            "Intervals, method and evidence of this figure",
            contract=figure["contract_id"],
            figure=f"{service_and_region(figure)} · {period(figure)}",
        )
        months = rows(
            """select distinct strftime(month, '%Y-%m') as month from marts.credits
               where contract_id = ? and service_id = ? and region = ?
                 and month >= ? and month < ? + to_months(?)
               order by 1""",
            *(
                figure[k]
                for k in ("contract_id", "service_id", "region", "period_start", "period_start")
            ),
            periods.MONTHS_IN[figure["period_kind"]],
        )
        if months:
            components.link(
                "credits",
                "Credits of these subscriptions",
                months=[m["month"] for m in months],
                contracts=figure["contract_id"],
                services=figure["service_id"],
                regions=figure["region"],
            )
        if is_incomplete(figure):
            st.caption(evidence_words(figure))
