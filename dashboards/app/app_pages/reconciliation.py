"""Credits due against credits issued: what is not issued by its age, and what was not due."""

from decimal import Decimal

import streamlit as st

from makegood.dashboards.access.reader import Row
from makegood.dashboards.app import components
from makegood.dashboards.app.published import rows, with_period_kind
from makegood.dashboards.figures import periods
from makegood.dashboards.figures.evidence import evidence_words
from makegood.dashboards.figures.queries import (
    AGES,
    CREDIT_EVIDENCE,
    CREDITS,
    ORDER,
    age_of,
    credit_key,
)
from makegood.dashboards.figures.style import thousands
from makegood.dashboards.figures.totals import totals
from makegood.dashboards.figures.words import plain

components.head("Due and issued", "Do the credits on invoices equal the credits that are due?")

WORDS = {
    "above_cap": "above the cap",
    "not_due": "not due",
    "not_future": "on an invoice of the credited period or earlier",
}
SETTLED = f"""
    from marts.credit_reconciliation as r
    inner join marts.subscriptions as s using (subscription_id)
    left join ({CREDIT_EVIDENCE}) as e using (subscription_id, month, currency)
    where list_contains(?, strftime(month, '%Y-%m')) and list_contains(?, s.customer_id)
      and list_contains(?, currency) and list_contains(?, s.contract_id)
"""

options = with_period_kind(
    rows(
        """select distinct month, contract_id, currency, customer_id, customer_name
           from marts.credit_reconciliation
           inner join marts.subscriptions using (subscription_id)"""
    )
)
if not options:
    components.nothing("No credits are due, and none were issued.")
    st.stop()
names = {o["customer_id"]: o["customer_name"] for o in options}
first, second, third, fourth = components.filters(4)
with first:
    months = components.months(options)
with second:
    customers = components.choice("Customers", sorted(names), "customers", components.named(names))
with third:
    currencies = components.choice(
        "Currencies", components.distinct(options, "currency"), "currencies"
    )
with fourth:
    contracts = components.choice(
        "Contracts", components.distinct(options, "contract_id"), "contracts"
    )
filters = (months, customers, currencies, contracts)
settled = with_period_kind(
    rows(
        f"""select r.*, s.contract_id, s.customer_id, s.customer_name {SETTLED}
            order by {ORDER}""",
        *filters,
    )
)
if not settled:
    components.nothing("No credits match the filters.")
    st.stop()


def fault(row: Row) -> str:
    """What is wrong with what was issued, in words; empty if nothing is."""
    findings = [WORDS.get(flag, flag) for flag in row["flags"].split(",") if flag]
    if row["difference"] < 0 and "not_due" not in row["flags"]:
        findings.insert(0, "too much issued")
    return ", ".join(findings)


credits = {credit_key(c): c for c in rows(CREDITS)}


def evidence(row: Row) -> str:
    """The evidence of the due amount; a dash if there is no credit."""
    return evidence_words(credits[credit_key(row)]) if credit_key(row) in credits else "–"


open_rows = [
    r | {"age": age_of(r), "missing": r["difference"]} for r in settled if r["difference"] > 0
]
faulty = [r | {"excess": max(-r["difference"], 0)} for r in settled if fault(r)]
agreed = [r for r in settled if not r["difference"] and not fault(r)]
columns = st.columns(3)
for column, label, own, amount in (
    (columns[0], "Not issued yet", open_rows, "missing"),
    (columns[1], "Issued in excess, or too early", faulty, "excess"),
    (columns[2], "Issued as due", agreed, "issued_amount"),
):
    with column.container(border=True):
        st.caption(f"{label}: {thousands(len(own))} of {thousands(len(settled))}")
        st.markdown(components.sums(own, amount))

COLUMNS: components.Columns = {
    periods.heading(settled): periods.credited,
    "Customer": "customer_name",
    "Subscription": "subscription_id",
    "Due": components.money("due_amount"),
    "Issued": components.money("issued_amount"),
    "Difference": components.money("difference"),
    "Currency": "currency",
}
st.subheader("Not issued yet, by age", anchor=False)
picked = None
if open_rows:
    aged = [
        row | {age: row["missing"] if row["age"] == age else Decimal() for age in AGES}
        for row in open_rows
    ]
    ages = [age for age in AGES if any(row["age"] == age for row in aged) or age != AGES[-1]]
    components.table(
        totals(aged, ["missing", *ages]),
        {
            "Currency": "currency",
            "Credits": components.number("rows"),
            **{age: components.money(age) for age in ages},
            "Total": components.money("missing"),
        },
        name="Credits not issued yet, by days since they fell due",
    )
    picked = components.table(
        open_rows,
        {
            **COLUMNS,
            "Due since": lambda r: r.get("due_since"),
            "Age": "age",
            "Evidence": evidence,
        },
        name="Credits not issued yet",
        key="open",
        height=420 if len(open_rows) > 11 else "auto",
    )
    components.link("credit_notes", "Credit notes: the batch that issues them")
else:
    components.nothing("Every credit that is due was issued.")
if faulty:
    st.subheader("To be corrected", anchor=False)
    at_fault = components.table(
        faulty,
        {**COLUMNS, "Finding": fault, "Evidence": evidence},
        name="Credits issued that were not due, or not like that",
        key="faulty",
        height=420 if len(faulty) > 11 else "auto",
    )
    picked = picked or at_fault
if agreed:
    st.subheader("Issued as due", anchor=False)
    as_due = components.table(
        agreed,
        {**COLUMNS, "Evidence": evidence},
        name="Credits issued as due",
        key="agreed",
        height=420 if len(agreed) > 11 else "auto",
    )
    picked = picked or as_due
st.subheader("Totals", anchor=False)
components.totals(
    settled,
    {"Due": "due_amount", "Issued": "issued_amount", "Difference": "difference"},
    "Due and issued",
)
if picked:
    st.markdown(
        f"**Invoice lines of {plain(picked['subscription_id'])}, {periods.credited(picked)}**"
    )
    lines = rows(
        """select * from marts.credit_issued_lines
           where subscription_id = ? and month = ? and currency = ? order by issued_on, line_id""",
        picked["subscription_id"],
        picked["month"],
        picked["currency"],
    )
    if lines:
        components.table(
            lines,
            {
                "Line": "line_id",
                "Invoice": "invoice_id",
                "Issued on": "issued_on",
                "Amount": components.money("amount"),
                "Currency": "currency",
                "File": "file",
                "Line in the file": "line",
            },
            name="Credit lines on invoices",
        )
    else:
        components.nothing("There are no credit lines on issued or paid invoices.")
    components.link(
        "proof",
        "Proof of the due amount",
        subscription=picked["subscription_id"],
        month=f"{picked['month']:%Y-%m}",
    )
st.caption(
    "Amounts are in the currency of their row. Due: payable credits (C5). "
    "Issued: credit lines on issued or paid invoices (C6). "
    "Age: days since the first on which a credit was payable. Select a row for its invoice lines."
)
components.downloads(
    f"select r.*, e.* exclude (subscription_id, month, currency) {SETTLED} order by all",
    *filters,
    name="credit_reconciliation",
    mart="credit_reconciliation",
)
