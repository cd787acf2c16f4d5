"""The next tiers: how much further downtime raises a credit, and by how much (C1, C4)."""

from collections.abc import Sequence

import streamlit as st

from makegood.dashboards.access.reader import Row
from makegood.dashboards.app import components
from makegood.dashboards.app.published import rows
from makegood.dashboards.figures import periods
from makegood.dashboards.figures.evidence import Evidence, evidence_words
from makegood.dashboards.figures.queries import key_of, service_and_region
from makegood.dashboards.figures.style import agreed_pct


def show(contracts: Sequence[str], figures: Sequence[Row]) -> None:
    """A table of the downtime left. `contracts`: ids; `figures`: of FIGURES."""
    st.subheader("Headroom to the next rise of a credit", anchor=False)
    left = rows(
        # older versions published neither the kind of period nor the form of credit
        """select columns('^(period_kind|credit_form|service_id|region|month)$'),
                  h.contract_id, h.currency, next_below_pct, min(seconds_left) as seconds_left,
                  bool_or(is_within_reach) as is_within_reach,
                  sum(additional_amount) as additional_amount, count(*) as subscriptions
           from marts.credit_headroom as h
           inner join (select * exclude (contract_id) from marts.credit_steps) as s
               using (subscription_id, month)
           where reasons = '' and seconds_left is not null and list_contains(?, h.contract_id)
           group by all
           order by seconds_left, additional_amount desc, service_id, region, currency""",
        contracts,
    )
    if not left:
        components.nothing("No credit of an eligible subscription can rise any more.")
        return
    by_period = {key_of(f): f for f in figures}
    left = [row | {"period_start": row["month"]} for row in left]
    components.table(
        left,
        {
            "Service and region": service_and_region,
            periods.heading(left): periods.credited,
            "Downtime left": components.length("seconds_left"),
            "Additional credit": components.money("additional_amount"),
            "Currency": "currency",
            "Subscriptions": "subscriptions",
            "Until": _next_rise,
            "Within reach": lambda r: (
                "yes"
                if r["is_within_reach"]
                else f"no, the {r.get('period_kind', 'month')} ends first"
            ),
            "Evidence": lambda r: (
                evidence_words(found) if (found := by_period.get(key_of(r))) else str(Evidence.NONE)
            ),
        },
        name="Downtime left until a credit rises",
        height="auto" if len(left) < 9 else 320,
    )
    st.caption(
        "Additional downtime with which the credit of the first subscription of the group rises, "
        "and the additional credit for all of them, everything else unchanged."
    )


def _next_rise(row: Row) -> str:
    """What raises a credit next, by the form of the credit (C1)."""
    form, bound = row.get("credit_form", "tiers"), agreed_pct(row["next_below_pct"])
    if form == "tiers":
        return f"the tier of {bound}"
    if form == "steps_of_pct":
        return f"the step at {bound}"
    # downtime counts once the commitment is missed
    if row["next_below_pct"] is not None:
        return f"the commitment of {bound}"
    return "each further second" if form == "refund" else "the next step"
