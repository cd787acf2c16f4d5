"""Claims of our own against providers, and what incidents cost with them."""

from decimal import Decimal
from itertools import groupby

import streamlit as st

from makegood.dashboards.access.reader import Row
from makegood.dashboards.app import components
from makegood.dashboards.app.published import rows, rows_of_newer
from makegood.dashboards.figures import periods
from makegood.dashboards.figures.evidence import evidence_words
from makegood.dashboards.figures.own_claims import BEHIND, MOST_URGENT, OWN_CLAIMS
from makegood.dashboards.figures.queries import LAPSING_DAYS, service_and_region
from makegood.dashboards.figures.style import counted, instant, money
from makegood.dashboards.figures.words import plain

components.head(
    "Claims of our own", "What do providers owe us, until when, and what do incidents cost with it?"
)

options = rows_of_newer(
    "marts.own_claims",
    """select distinct c.contract_id, k.contract_name, c.exposure
       from marts.own_claims as c inner join marts.contracts as k using (contract_id)
       where c.credit_amount > 0""",
)
if not options:
    components.nothing(
        "There are no claims of our own: no agreement in which we are the customer "
        "(`party: customer`) owes us a credit."
    )
    st.stop()
names = {o["contract_id"]: o["contract_name"] for o in options}
first, second = components.filters(2)
with first:
    contracts = components.choice("Agreements", sorted(names), "contracts", components.named(names))
with second:
    exposures = components.choice(
        "Status",
        components.distinct(options, "exposure"),
        "status",
        lambda e: e.replace("_", " "),
    )
FILTERED = f"""
    from ({OWN_CLAIMS}) as c
    where credit_amount > 0 and list_contains(?, contract_id) and list_contains(?, exposure)
"""
claims = rows(
    f"select * {FILTERED} order by {MOST_URGENT}",
    contracts,
    exposures,
)
if not claims:
    components.nothing("No claim matches the filters.")
    st.stop()
heading = periods.heading(claims)
soon = [c for c in claims if c["exposure"] == "claimable" and c["days_left"] <= LAPSING_DAYS]


def due(claim: Row) -> tuple[int, str, str]:
    """What is claimed together: days left, agreement and currency."""
    return claim["days_left"], claim["contract_id"], claim["currency"]


for (days_left, contract, currency), together in groupby(sorted(soon, key=due), due):
    own = list(together)
    st.warning(
        f"{money(sum((c['credit_amount'] for c in own), Decimal()), currency)} "
        f"({counted(len(own), 'claim')}) from **{plain(names[contract])}** can be claimed until "
        f"{own[0]['claim_deadline']}: {counted(days_left, 'day')} left.",
        icon=":material/schedule:",
    )
picked = components.table(
    claims,
    {
        "Agreement": lambda c: names[c["contract_id"]],
        "Service and region": service_and_region,
        heading: periods.credited,
        "Claim": components.money("credit_amount"),
        "Currency": "currency",
        "Status": lambda c: c["exposure"].replace("_", " "),
        "Deadline": "claim_deadline",
        "Days left": "days_left",
        "Requested on": "requested_on",
        "Availability": components.AVAILABILITY,
        "Credit, %": components.agreed_share("credit_pct"),
        "Fee": components.money("monthly_fee"),
        "Evidence": evidence_words,
        "Reasons against payment": lambda c: (
            c["reasons"].replace(",", ", ").replace("_", " ") or "–"
        ),
    },
    name="Claims of our own",
    key="claims",
    height=420 if len(claims) > 11 else "auto",
)
st.caption("Select a row for the exclusions and records behind the claim, and its proof.")
if picked:
    with st.container(border=True):
        name = f"{plain(service_and_region(picked))}, {periods.credited(picked)}"
        st.markdown(f"**Evidence of {name}**")
        behind = rows(BEHIND, picked["subscription_id"], picked["month"])
        if behind:
            components.table(
                behind,
                {
                    "Evidence": lambda b: b["exclusion_id"] or b["outage_id"] or b["location"],
                    "Kind": lambda b: b["kind"] or b["feed"],
                    "From (UTC)": lambda b: instant(b["source_from"]),
                    "Until (UTC)": lambda b: instant(b["source_until"]),
                    "Counted": components.length("counted_seconds"),
                    "Incident": "incident_id",
                    "File": "file",
                    "Line": "line",
                },
                name=f"Evidence of {name}",
                height=320 if len(behind) > 8 else "auto",
            )
        else:
            components.nothing("No downtime is behind this claim.")
        components.link(
            "proof",
            f"Proof of {name}, step by step",
            subscription=picked["subscription_id"],
            month=f"{picked['month']:%Y-%m}",
        )
components.downloads(
    f"select * {FILTERED} order by all", contracts, exposures, name="own_claims", mart="own_claims"
)

st.subheader("What incidents cost", anchor=False)
balance = rows(
    """select * from marts.incident_balance
       order by abs(net_amount) desc, owed_amount desc, incident_id, currency limit 1000"""
)
components.table(
    balance,
    {
        "Incident": lambda b: b["incident_id"] or "none",
        "We owe": components.money("owed_amount"),
        "We can claim": components.money("claimable_amount"),
        "Net": components.money("net_amount"),
        "Lost": components.money("lost_amount"),
        "Currency": "currency",
    },
    name="What we owe and can claim, by incident",
    height=420 if len(balance) > 11 else "auto",
)
st.caption(
    "All agreements and periods. Owed: credits to customers for the incident, also those that "
    "nobody has requested. Net: what we owe less what we can still claim. Lost: claims that "
    "lapsed, or with reasons against payment."
)
components.downloads(
    "select * from marts.incident_balance order by all",
    name="incident_balance",
    mart="incident_balance",
    is_all=True,
)
