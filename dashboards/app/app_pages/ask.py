"""Where customers ask for their credits, and what has been asked for."""

from datetime import date
from itertools import groupby

import streamlit as st

from makegood.dashboards.access import credit_requests
from makegood.dashboards.access.credit_requests import CLAIMABLE, Refused
from makegood.dashboards.access.reader import Row
from makegood.dashboards.app import components, published
from makegood.dashboards.app.navigation import INTERNAL
from makegood.dashboards.figures import periods
from makegood.dashboards.figures.queries import service_and_region
from makegood.dashboards.figures.style import instant, money
from makegood.dashboards.figures.words import plain

components.head("Ask for a credit", "Which credits can be asked for, and until when?")

OPEN = "can be asked for"


def one(rows: list[Row]) -> Row:
    """The credits of a subscription and period, in one currency or several, as one row."""
    amounts = ", ".join(money(row["credit_amount"], row["currency"]) for row in rows)
    made = asked.get((rows[0]["subscription_id"], rows[0]["month"]))
    if made:
        state = f"asked for on {made.requested_on}; counts with the next run"
    elif published.today(rows[0]) > rows[0]["claim_deadline"]:
        state = "the deadline has passed"
    else:
        state = OPEN
    return rows[0] | {"amounts": amounts, "state": state}


def key(row: Row) -> tuple[date, str, date]:
    return row["claim_deadline"], row["subscription_id"], row["month"]


order = "order by c.claim_deadline, c.subscription_id, c.month, c.currency"
found = published.rows(f"{CLAIMABLE} {order}")
asked = published.asked(found)
credits = [one(list(group)) for _, group in groupby(found, key=key)]
heading = periods.heading(credits)
st.subheader("Credits that can be asked for", anchor=False)
if credits:
    components.table(
        credits,
        {
            heading: periods.credited,
            "Subscription": "subscription_id",
            "Credit": "amounts",
            "Until": "claim_deadline",
            "State": "state",
            "Customer": "customer_name",
            "Service and region": service_and_region,
        },
        name="Credits that can be asked for",
        height=420 if len(credits) > 11 else "auto",
    )
else:
    components.nothing("No credit can be asked for at present.")


def asks(row: Row) -> None:
    """Asks for a credit; what comes of it is shown when the page is drawn again."""
    try:
        is_new = published.ask(row["subscription_id"], row["month"])
        st.session_state["asked"] = "" if is_new else "It has been asked for already."
    except Refused as error:
        st.session_state["asked"] = f"Not asked for: {error}."
    except OSError:
        st.session_state["asked"] = (
            "It could not be written down. Try again, or ask the people who sent you here."
        )


if said := st.session_state.pop("asked", None):
    st.warning(said, icon=":material/info:")
if not credits:
    pass
elif not published.can_ask():
    st.caption(
        "Customers can ask here once they have signed in."
        if published.granted().roles & INTERNAL
        else "Requests can't be written down here: ask in the way that your agreement names."
    )
else:
    by_name = {f"{row['subscription_id']}, {periods.credited(row)}": row for row in credits}
    picked = by_name[
        components.pick(
            "Credit",
            list(by_name),
            "credit",
            shown=lambda name: f"{name}: {by_name[name]['amounts']}",
        )
    ]
    st.button(
        "Ask for this credit",
        type="primary",
        on_click=asks,
        args=(picked,),
        disabled=picked["state"] != OPEN,
        help=None if picked["state"] == OPEN else plain(picked["state"]),
    )
st.caption(
    "Dates are local dates of the contract. A request counts from the day on which it is made; the "
    "next run takes it in (C5)."
)

st.subheader("Asked for so far", anchor=False)
before = published.rows(
    """select c.*, s.customer_name from marts.credits as c
       inner join marts.subscriptions as s using (subscription_id)
       where c.requested_on is not null and c.credit_amount > 0
       order by c.requested_on desc, c.subscription_id, c.month, c.currency"""
)
if before:
    components.table(
        before,
        {
            periods.heading(before): periods.credited,
            "Customer": "customer_name",
            "Subscription": "subscription_id",
            "Credit": components.money("credit_amount"),
            "Currency": "currency",
            "Requested on": "requested_on",
            "Claim status": "claim_status",
            "Payable": components.money("payable_amount"),
            "Reasons against payment": lambda c: (
                c["reasons"].replace(",", ", ").replace("_", " ") or "–"
            ),
        },
        name="Credits that were asked for",
        height=420 if len(before) > 11 else "auto",
    )
else:
    components.nothing("No credit has been asked for yet.")

if published.granted().roles & INTERNAL:
    st.subheader("Inbox", anchor=False)
    made = credit_requests.inbox(published.warehouse())
    status: dict[tuple[str, date], Row] = {
        (row["subscription_id"], row["month"]): row
        for row in published.rows(
            """select distinct on (c.subscription_id, c.month) c.subscription_id, c.month,
                      columns('^period_kind$'), s.customer_name, c.claim_status
               from marts.credits as c
               inner join marts.subscriptions as s using (subscription_id)"""
        )
    }
    if made:
        components.table(
            [
                {"currency": None, "claim_status": "–", "customer_name": "–"}
                | status.get((request.subscription_id, request.month), {})
                | request.model_dump()
                | {"asked_at": instant(who.asked_at), "asked_by": who.name}
                for request, who in made
            ],
            {
                "Asked at (UTC)": "asked_at",
                "Asked by": "asked_by",
                "Customer": "customer_name",
                "Subscription": "subscription_id",
                "Period": periods.credited,
                "Requested on": "requested_on",
                "Claim status": "claim_status",
                "Request": "request_id",
            },
            name="Requests made on these pages",
            height=420 if len(made) > 11 else "auto",
        )
        st.caption("Until a run has taken a request in, its credit stays claimable.")
    else:
        components.nothing("No credit has been asked for on these pages yet.")
