"""The claim calendar: which credits can be claimed until when, and the claims so far."""

from decimal import Decimal
from itertools import groupby

import streamlit as st

from makegood.dashboards.access.reader import Row
from makegood.dashboards.app import components
from makegood.dashboards.app.published import rows
from makegood.dashboards.figures import periods
from makegood.dashboards.figures.evidence import evidence_words
from makegood.dashboards.figures.queries import CREDITS, LAPSING_DAYS, service_and_region
from makegood.dashboards.figures.style import counted, day, money
from makegood.dashboards.figures.words import plain

components.head("Claim calendar", "When does each credit lapse if nobody claims it?")

options = rows(
    """select distinct c.customer_id, s.customer_name, c.claim_status, c.contract_id, c.currency
       from marts.credits as c inner join marts.subscriptions as s using (subscription_id)
       where c.credit_amount > 0"""
)
if not options:
    components.nothing("There are no credits to claim.")
    st.stop()
names = {o["customer_id"]: o["customer_name"] for o in options}
first, second, third, fourth = components.filters(4)
with first:
    customers = components.choice("Customers", sorted(names), "customers", components.named(names))
with second:
    statuses = components.choice(
        "Claim status", components.distinct(options, "claim_status"), "claims"
    )
with third:
    currencies = components.choice(
        "Currencies", components.distinct(options, "currency"), "currencies"
    )
with fourth:
    contracts = components.choice(
        "Contracts", components.distinct(options, "contract_id"), "contracts"
    )
filters = (customers, statuses, currencies, contracts)
CLAIMS = f"""
    from ({CREDITS}) as c inner join marts.subscriptions as s using (subscription_id)
    where c.credit_amount > 0
      and list_contains(?, c.customer_id) and list_contains(?, c.claim_status)
      and list_contains(?, c.currency) and list_contains(?, c.contract_id)
"""
claims = rows(
    f"""select c.*, s.customer_name {CLAIMS}
        order by c.claim_deadline, c.credit_amount desc, c.subscription_id""",
    *filters,
)
heading = periods.heading(claims)
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
            heading: periods.credited,
            "Credit": components.money("credit_amount"),
            "Currency": "currency",
            "Claim status": "claim_status",
            "Requested on": "requested_on",
            "Deadline": "claim_deadline",
            "Days left": "days_left",
            "Evidence": evidence_words,
            "Reasons against payment": lambda c: (
                c["reasons"].replace(",", ", ").replace("_", " ") or "–"
            ),
        },
        name=name,
        key=key,
        height=320 if len(own) > 8 else "auto",
    )
    if picked:
        where = {
            "subscription": str(picked["subscription_id"]),
            "month": f"{picked['month']:%Y-%m}",
        }
        components.link(
            "proof", f"Proof of {plain(where['subscription'])}, {periods.credited(picked)}", **where
        )
        components.link("report", "SLA report to send", **where)


def total(own: list[Row]) -> str:
    """The sums by currency."""
    by_currency = groupby(sorted(own, key=lambda c: c["currency"]), lambda c: c["currency"])
    return ", ".join(
        money(sum((c["credit_amount"] for c in group), Decimal()), currency)
        for currency, group in by_currency
    )


is_automatic = any(c["claim_status"] == "automatic" for c in claims)
requested = "Requested in time, or automatic" if is_automatic else "Requested in time"
open_claims = [c for c in claims if c["exposure"] == "claimable"]
st.subheader("Claimable", anchor=False)
# an empty list may only mean that the filters hide the credits
is_filtered = (
    len(claims)
    < rows("select count(*) as claims from marts.credits where credit_amount > 0")[0]["claims"]
)
if not open_claims:
    components.nothing(
        "No claimable credit matches the filters."
        if is_filtered
        else "There are no claimable credits."
    )
for deadline, group in groupby(open_claims, lambda c: c["claim_deadline"]):
    due = list(group)
    soon = due[0]["days_left"] <= LAPSING_DAYS
    st.markdown(
        f"**{day(deadline)}, a {deadline:%A}** · {counted(due[0]['days_left'], 'day')} left"
        f"{' · lapsing' if soon else ''} · {counted(len(due), 'credit')}: {total(due)}"
    )
    table(due, f"Credits claimable until {deadline}", f"claims {deadline}")
for title, exposure, empty in (
    (f"{heading}s in progress", "at_stake", "No credits are accruing."),
    (requested, "payable", "No credits have been requested."),
    ("Lapsed", "lapsed", "No credits have lapsed."),
    ("Not eligible", "not_eligible", "All credits are eligible."),
):
    own = [c for c in claims if c["exposure"] == exposure]
    if is_filtered and not own:
        continue
    st.subheader(f"{title}: {total(own)}" if own else title, anchor=False)
    if own:
        table(
            sorted(own, key=lambda c: (-c["month"].toordinal(), c["subscription_id"])),
            title,
            f"claims {exposure}",
        )
    else:
        components.nothing(empty)
st.caption(
    "A deadline is the last day for a claim, in the contract's time zone (C5). "
    "Amounts are in the currency of their row."
)
components.downloads(f"select c.* {CLAIMS} order by all", *filters, name="claims", mart="credits")
