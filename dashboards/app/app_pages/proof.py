"""The proof of a credit, step by step, down to intervals, tickets, invoice lines and files."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import streamlit as st

from makegood.dashboards.access.reader import Row
from makegood.dashboards.app import components, published
from makegood.dashboards.app.published import rows, rows_of_newer
from makegood.dashboards.figures import periods
from makegood.dashboards.figures.style import counted, instant
from makegood.dashboards.figures.words import plain
from makegood.dashboards.proof import NotFound, prove, text

components.head(
    "Proof of a credit", "Why is a credit exactly this amount, from the contract to the number?"
)

months = rows(
    # older versions did not publish the kind of period
    """select columns('^(subscription_id|month|period_kind)$'), max(credit_amount) as amount
       from marts.credits group by all order by subscription_id, month"""
)
# claims of our own are derived alike (C8)
claims = rows_of_newer(
    "marts.own_claims",
    """select subscription_id, month, period_kind, max(credit_amount) as amount
       from marts.own_claims group by all order by subscription_id, month""",
)
if not months and not claims:
    components.nothing(
        "There are no credits: no subscription under a contract with credits has begun."
    )
    st.stop()
largest = max(months or claims, key=lambda m: (m["amount"], m["month"]))
months = months + claims
first, second = components.filters(2)
with first:
    subscription = components.pick(
        "Subscription",
        components.distinct(months, "subscription_id"),
        "subscription",
        start=largest["subscription_id"],
    )
own = [m for m in months if m["subscription_id"] == subscription][::-1]
# the address has the first month of the period
codes = {f"{m['month']:%Y-%m}": periods.credited(m) for m in own}
heading = periods.heading(own)
with second:
    month = components.pick(
        heading,
        list(codes),
        "month",
        start=f"{largest['month']:%Y-%m}",
        shown=lambda first: codes[first],
    )
# a choice in a table is that of one proof
address = f"{subscription} {month}"
try:
    proof = prove(published.reader(), subscription, date.fromisoformat(f"{month}-01"))
except NotFound as error:
    components.nothing(plain(str(error)))
    st.stop()
st.markdown(f"Under **{plain(proof.contract_id)}**, version of {proof.contract_version}.")
if subscription not in {c["subscription_id"] for c in claims}:
    components.link(
        "report",
        f"The SLA report of this {heading.lower()}",
        subscription=subscription,
        month=month,
    )


def column(name: str) -> components.Figure:
    """A column behind a step: figures stay figures, and everything else is text."""

    def shown_as(row: Row) -> str:
        value = row.get(name)
        return instant(value) if isinstance(value, datetime) else text.value_of(name, value, row)

    def of(row: Row) -> Any:
        value = row.get(name)
        is_figure = isinstance(value, int | Decimal) and not isinstance(value, bool)
        return value if value is None or is_figure else shown_as(row)

    return components.Figure(of, shown_as)


def shown(found: list[Row], name: str) -> None:
    """Rows as a table; what is behind the row that is picked, or the first, is below it."""
    there = dict.fromkeys(
        k for row in found for k, v in row.items() if v is not None and not isinstance(v, list)
    )
    columns = {text.label(k).replace("_", " "): column(k) for k in there}
    if not any(evidence(row) for row in found):
        components.table(found, columns, name=name)
        return
    if len(found) > 1:
        st.caption("Pick a row to see what is behind it.")
    picked = components.table(found, columns, name=name, key=f"{address}, {name}")
    row = picked or next(row for row in found if evidence(row))
    about = row.get("ticket_id") or instant(row.get("started_at"))
    if not evidence(row):
        st.caption(f"No other rows are behind {plain(str(about))}.")
    for kind, below in evidence(row).items():
        what = {"events": "Timeline of", "missing": "Missing from"}.get(kind, "Evidence of")
        st.markdown(f"**{what} {plain(str(about))}: {counted(len(below), 'row')}**")
        shown(below, f"Rows behind {about}, {kind}")


def evidence(row: Row) -> dict[str, list[Row]]:
    """The rows behind a row, by what they are."""
    return {k: v for k, v in row.items() if isinstance(v, list) and v}


with st.container(border=True):
    for sentence in proof.result:
        st.markdown(f"**{plain(sentence)}**")
    st.markdown(
        "\n".join(
            f"{n}. {plain(line.title)}: {plain(line.sentences[0])} :gray[\\[{plain(line.basis)}\\]]"
            for n, line in enumerate(proof.derivation, 1)
        )
    )
for number, step in enumerate(proof.steps, 1):
    st.subheader(f"{number}. {step.title}", anchor=False)
    st.caption(plain(step.basis))
    for sentence in step.sentences:
        st.markdown(plain(sentence[:1].upper() + sentence[1:]))
    if step.rows:
        if step.rule == "T5, T6":
            terms = counted(len(step.rows), "term")
            with st.expander(f"{terms}, each with the document that set it"):
                shown(step.rows, step.title)
        else:
            shown(step.rows, step.title)
