"""The claim calendar: until when which credits can be asked for, and what came of those that were."""

from decimal import Decimal
from itertools import groupby

import streamlit as st

from makegood.dashboards.access.reader import Row
from makegood.dashboards.app import components
from makegood.dashboards.app.published import rows
from makegood.dashboards.figures.evidence import evidence_words
from makegood.dashboards.figures.queries import CREDITS, LAPSING_DAYS, service_and_region
from makegood.dashboards.figures.words import money, plain

components.head("Claim calendar", "Which credits lapse when, if nobody asks for them?")

options = rows(
    """select distinct c.customer_id, s.customer_name, c.claim_status from marts.credits as c inner join marts.subscriptions as s using (subscription_id)
       where c.credit_amount > 0"""
)
if not options:
    components.nothing("There is no credit to claim.")
    st.stop()
names = {o["customer_id"]: o["customer_name"] for o in options}
first, second = components.filters(2)
with first:
    customers = components.choice("Customers", sorted(names), "customers", components.named(names))
with second:
    statuses = components.choice("Claims", components.distinct(options, "claim_status"), "claims")
CLAIMS = f"""
    from ({CREDITS}) as c inner join marts.subscriptions as s using (subscription_id)
    where c.credit_amount > 0 and list_contains(?, c.customer_id) and list_contains(?, c.claim_status)
"""
claims = rows(
    f"select c.*, s.customer_name {CLAIMS} order by c.claim_deadline, c.credit_amount desc, c.subscription_id",
    customers,
    statuses,
)
if not claims:
    components.nothing("No claim matches the filters.")
    st.stop()


def table(own: list[Row], name: str, key: str) -> None:
    picked = components.table(
        own,
        {
            "Subscription": "subscription_id",
            "Customer": "customer_name",
            "Service and region": service_and_region,
            "Month": lambda c: f"{c['month']:%Y-%m}",
            "Credit": "credit_amount",
            "Currency": "currency",
            "Claim": "claim_status",
            "Requested on": "requested_on",
            "Deadline": "claim_deadline",
            "Days left": "days_left",
            "Evidence": evidence_words,
            "Reasons against it": lambda c: (
                c["reasons"].replace(",", ", ").replace("_", " ") or "–"
            ),
        },
        name=name,
        key=key,
        money=["Credit"],
        height=320 if len(own) > 8 else "auto",
    )
    if picked:
        where = {
            "subscription": str(picked["subscription_id"]),
            "month": f"{picked['month']:%Y-%m}",
        }
        components.link(
            "proof", f"Proof of {plain(where['subscription'])}, {where['month']}", **where
        )
        components.link("report", "SLA report to send", **where)


def total(own: list[Row]) -> str:
    """Amounts by currency: sums over different ones would mean nothing."""
    by_currency = groupby(sorted(own, key=lambda c: c["currency"]), lambda c: c["currency"])
    return ", ".join(
        money(sum((c["credit_amount"] for c in group), Decimal()), currency)
        for currency, group in by_currency
    )


open_claims = [c for c in claims if c["exposure"] == "claimable"]
st.subheader("Can still be claimed", anchor=False)
# what a filter leaves out is not nothing
is_filtered = (
    len(claims)
    < rows("select count(*) as claims from marts.credits where credit_amount > 0")[0]["claims"]
)
if not open_claims:
    components.nothing(
        "No eligible credit that matches the filters waits to be claimed."
        if is_filtered
        else "No eligible credit waits to be claimed."
    )
for deadline, group in groupby(open_claims, lambda c: c["claim_deadline"]):
    due = list(group)
    soon = due[0]["days_left"] <= LAPSING_DAYS
    left = f"{due[0]['days_left']} day{'' if due[0]['days_left'] == 1 else 's'} left"
    st.markdown(
        f"**{deadline:%A, %Y-%m-%d}** · {left}{' · lapsing' if soon else ''} · {len(due)} credits: {total(due)}"
    )
    table(due, f"Credits claimable until {deadline}", f"claims {deadline}")
for heading, exposure, empty in (
    ("Of months that are not over", "at_stake", "Nothing is accruing."),
    ("Requested in time", "payable", "Nothing was requested."),
    ("Lapsed", "lapsed", "Nothing has lapsed."),
    ("Not eligible", "not_eligible", "Every credit is eligible."),
):
    own = [c for c in claims if c["exposure"] == exposure]
    if is_filtered and not own:
        continue
    st.subheader(f"{heading}: {total(own)}" if own else heading, anchor=False)
    if own:
        table(
            sorted(own, key=lambda c: (-c["month"].toordinal(), c["subscription_id"])),
            heading,
            f"claims {exposure}",
        )
    else:
        components.nothing(empty)
st.caption(
    "Deadlines are local dates of the contract, inclusive (C5). Amounts in the currency of their row."
)
components.downloads(
    f"select c.* {CLAIMS} order by all", customers, statuses, name="claims", mart="credits"
)
