"""Credits by period, customer and currency: finance's page."""

import streamlit as st

from makegood.dashboards.app import components
from makegood.dashboards.app.published import rows, rows_of_newer
from makegood.dashboards.figures import periods
from makegood.dashboards.figures.evidence import evidence_words, is_sure
from makegood.dashboards.figures.queries import (
    CREDITS,
    GAPS_OF_CREDIT,
    OF_CREDIT,
    ORDER,
    service_and_region,
)
from makegood.dashboards.figures.words import plain

components.head("Credits", "Which credits are due, why, and what is their status?")

options = rows(
    # older versions did not publish the kind of period
    """select distinct columns('^(month|period_kind)$'), c.contract_id, c.customer_id,
              s.customer_name, c.service_id, c.region, c.exposure,
              coalesce(c.currency, 'no fee') as currency
       from marts.credits as c inner join marts.subscriptions as s using (subscription_id)"""
)
if not options:
    components.nothing(
        "There are no credits: no subscription under a contract with credits has begun."
    )
    st.stop()
heading = periods.heading(options)
names = {o["customer_id"]: o["customer_name"] for o in options}
first, second, third = components.filters(3)
with first:
    months = components.months(options)
    contracts = components.choice(
        "Contracts", components.distinct(options, "contract_id"), "contracts"
    )
with second:
    customers = components.choice("Customers", sorted(names), "customers", components.named(names))
    services = components.choice("Services", components.distinct(options, "service_id"), "services")
    regions = components.choice("Regions", components.distinct(options, "region"), "regions")
with third:
    currencies = components.choice(
        "Currencies", components.distinct(options, "currency"), "currencies"
    )
    exposures = components.choice(
        "Exposure",
        components.distinct(options, "exposure"),
        "exposures",
        lambda e: e.replace("_", " "),
    )

# the parts that a credit is made of, by its exposure
PARTS = {
    "Claimable": "claimable",
    "At stake": "at_stake",
    "Lapsed": "lapsed",
    "Not eligible": "not_eligible",
}
FILTERED = f"""
    from ({CREDITS}) as c
    where list_contains(?, strftime(month, '%Y-%m')) and list_contains(?, contract_id)
      and list_contains(?, customer_id)
      and list_contains(?, service_id) and list_contains(?, region)
      and list_contains(?, coalesce(currency, 'no fee')) and list_contains(?, exposure)
"""
filters = (months, contracts, customers, services, regions, currencies, exposures)
parts = ", ".join(f"if(exposure = '{part}', credit_amount, 0) as {part}" for part in PARTS.values())
credits = rows(
    f"""select *, {parts}
        from (select c.*, s.customer_name
              from (select * {FILTERED}) as c
              inner join marts.subscriptions as s using (subscription_id))
        order by {ORDER}""",
    *filters,
)
# what decides how many decimals of a figure are shown
bounds = {
    (s["subscription_id"], s["month"]): s
    for s in rows(
        """select subscription_id, month, commitment_pct, is_below_commitment,
                  availability_tier_below_pct
           from marts.credit_steps"""
    )
}
credits = [c | bounds.get((c["subscription_id"], c["month"]), {}) for c in credits]
if not credits:
    components.nothing("No credit matches the filters.")
    st.stop()

st.subheader("Totals", anchor=False)
components.totals(
    credits,
    {"Fees": "monthly_fee", "Credits": "credit_amount", "Payable": "payable_amount", **PARTS},
    "Credits",
)
st.caption(
    "Amounts are in the currency of their row. "
    "Credits = payable + claimable + at stake + lapsed + not eligible."
)
components.evidence(credits, "credit")

st.subheader("By subscription", anchor=False)
shown, is_hidden = components.of_money(
    credits, lambda c: bool(c["credit_amount"]) or not is_sure(c), "credits"
)
picked = components.table(
    shown,
    {
        heading: periods.credited,
        "Customer": "customer_name",
        "Subscription": "subscription_id",
        "Service and region": service_and_region,
        "Fee": components.money("monthly_fee"),
        "Availability": components.AVAILABILITY,
        "Evidence": evidence_words,
        "Credit, %": components.agreed_share("credit_pct"),
        "Credit": components.money("credit_amount"),
        "Payable": components.money("payable_amount"),
        "Currency": lambda c: c["currency"] or "–",
        "Exposure": lambda c: c["exposure"].replace("_", " "),
        "Claim status": "claim_status",
        "Claim until": "claim_deadline",
        "Reasons": lambda c: c["reasons"].replace(",", ", ").replace("_", " ") or "–",
        "Version": "statement_version",
    },
    name=f"Credits by subscription, {heading.lower()} and currency",
    key="credits",
    height=420 if len(shown) > 11 else "auto",
)
st.caption("Select a row for its proof and report.")
if picked:
    with st.container(border=True):
        where = {"subscription": picked["subscription_id"], "month": f"{picked['month']:%Y-%m}"}
        name = f"{plain(picked['subscription_id'])}, {periods.credited(picked)}"
        components.link("proof", f"Proof of {name}, step by step", **where)
        components.link("report", f"SLA report of {name}", **where)
        components.link(
            "statements", f"Statements of {name}", subscription=picked["subscription_id"]
        )
        components.missing(
            rows_of_newer("marts.evidence_gaps", GAPS_OF_CREDIT, *(picked[k] for k in OF_CREDIT))
        )
notes = {
    "months": ", ".join(months),
    "currencies": ", ".join(currencies),
    "exposure": ", ".join(exposures),
}
components.downloads(
    f"select * {FILTERED} order by all",
    *filters,
    name="credits",
    mart="credits",
    notes=notes,
    is_all=is_hidden,
)
