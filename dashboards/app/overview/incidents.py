"""Incidents by what each cost: the credits that may still be paid, attributed to their causes."""

from collections.abc import Sequence

import streamlit as st

from makegood.dashboards.access.reader import Row
from makegood.dashboards.app import components
from makegood.dashboards.app.published import rows, with_period_kind
from makegood.dashboards.figures import periods
from makegood.dashboards.figures.evidence import evidence_words
from makegood.dashboards.figures.queries import CREDITS, credit_key, service_and_region
from makegood.dashboards.figures.style import NONE, counted, instant, money
from makegood.dashboards.figures.words import plain

# the incident of a cause, else the ticket or the downtime itself
INCIDENT = """coalesce(
    c.incident_id, c.ticket_id,
    concat_ws(' ', c.service_id, c.region, strftime(c.started_at, '%Y-%m-%d %H:%M'))
)"""
INTERVAL = "case when c.cause = 'downtime' then (c.service_id, c.region, c.started_at) end"
ATTRIBUTION = """
    from marts.credit_attribution as c
    inner join marts.credits as r using (subscription_id, month, currency)
    where list_contains(?, c.contract_id) and r.exposure in ('payable', 'claimable', 'at_stake')
"""


def show(contracts: Sequence[str]) -> None:
    """A table of incidents by cost, and the shares of the one that is picked. `contracts`: ids."""
    st.subheader("Most expensive incidents", anchor=False)
    found = rows(
        f"""select {INCIDENT} as name, c.currency, sum(c.amount) as amount,
                   count(distinct c.subscription_id) as subscriptions,
                   count(distinct c.ticket_id) as tickets,
                   count(distinct {INTERVAL}) as intervals, min(c.started_at) as started_at
            {ATTRIBUTION} group by all order by c.currency, amount desc, name""",
        contracts,
    )
    if not found:
        components.nothing("No incident has caused a credit that may still be paid.")
        return
    # amounts in different currencies can't be ranked together
    currency = st.segmented_control(
        "Currency",
        components.distinct(found, "currency"),
        key="currency",
        default=found[0]["currency"],
        bind="query-params",
        required=True,
    )
    ranked = [f for f in found if f["currency"] == currency]
    picked = components.table(
        ranked,
        {
            "Incident": "name",
            "Cost": components.money("amount"),
            "Currency": "currency",
            "Subscriptions": "subscriptions",
            "Downtime intervals": "intervals",
            "Late tickets": "tickets",
            "First seen (UTC)": lambda f: instant(f["started_at"]),
        },
        name="Incidents by what each cost",
        key="incidents",
        height=320 if len(ranked) > 8 else "auto",
    )
    st.caption(
        "What each incident adds to credits that are payable, claimable or at stake; "
        "its shares add up to the credits. Select a row for details."
    )
    if picked:
        attribution(picked, contracts)


def attribution(incident: Row, contracts: Sequence[str]) -> None:
    """The intervals, tickets and credits of an incident."""
    parts = with_period_kind(
        rows(
            f"""select c.* {ATTRIBUTION} and {INCIDENT} = ? and c.currency = ?
                order by c.amount desc, c.subscription_id, c.month, c.started_at""",
            contracts,
            incident["name"],
            incident["currency"],
        )
    )
    credits = {
        credit_key(c): c
        for c in rows(
            f"select * from ({CREDITS}) where list_contains(?, subscription_id)",
            components.distinct(parts, "subscription_id"),
        )
    }
    st.markdown(
        f"**{plain(incident['name'])}**: {money(incident['amount'], incident['currency'])} "
        f"in {counted(incident['subscriptions'], 'subscription')}"
    )
    part = components.table(
        parts,
        {
            "Subscription": "subscription_id",
            periods.heading(parts): periods.credited,
            "Cause": lambda c: c["cause"].replace("_", " "),
            "Ticket": lambda c: c["ticket_id"] or NONE,
            "Service and region": service_and_region,
            "Started or received (UTC)": lambda c: instant(c["started_at"]),
            "Ended (UTC)": lambda c: instant(c["ended_at"]),
            "Downtime or delay": components.length("seconds"),
            "Cost": components.money("amount"),
            "Evidence of the credit": lambda c: evidence_words(credits[credit_key(c)]),
        },
        name="Attribution of credits",
        key="attribution",
    )
    shown = part or parts[0]
    components.link(
        "proof",
        f"Proof of {plain(shown['subscription_id'])}, {periods.credited(shown)}",
        subscription=shown["subscription_id"],
        month=f"{shown['month']:%Y-%m}",
    )
