"""Credits due against credits issued, the exceptions first."""

from decimal import Decimal

import streamlit as st

from makegood.dashboards.access.reader import Row
from makegood.dashboards.app import components
from makegood.dashboards.app.published import rows, with_period_kind
from makegood.dashboards.figures import periods
from makegood.dashboards.figures.evidence import Evidence, evidence_words
from makegood.dashboards.figures.queries import CREDIT_EVIDENCE, CREDITS, credit_key
from makegood.dashboards.figures.style import money
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
            order by abs(difference) desc, subscription_id, month, currency""",
        *filters,
    )
)
if not settled:
    components.nothing("No credits match the filters.")
    st.stop()


def finding(row: Row) -> str:
    """What is wrong with a row, in words; empty if due and issued agree without a flag."""
    findings = [WORDS.get(flag, flag) for flag in row["flags"].split(",") if flag]
    if row["difference"] > 0:
        findings.insert(0, "too little issued" if row["issued_amount"] else "not issued yet")
    elif row["difference"] < 0 and "not_due" not in row["flags"]:
        findings.insert(0, "too much issued")
    return ", ".join(findings)


credits = {credit_key(c): c for c in rows(CREDITS)}


def evidence(row: Row) -> str:
    """The evidence of the due amount; a dash if there is no credit."""
    return evidence_words(credits[credit_key(row)]) if credit_key(row) in credits else "–"


exceptions = [r for r in settled if finding(r)]
columns = st.columns(3)
columns[0].metric(
    "Exceptions",
    f"{len(exceptions)} of {len(settled)}",
    help="Rows whose due and issued amounts differ, or that have a flag",
    border=True,
)
for column, label, sign in (
    (columns[1], "Still to be issued", 1),
    (columns[2], "Issued in excess", -1),
):
    with column.container(border=True):
        st.caption(label)
        differences = [
            (r["currency"], sign * r["difference"]) for r in settled if sign * r["difference"] > 0
        ]
        sums = {
            c: sum((amount for of, amount in differences if of == c), Decimal())
            for c in components.distinct(settled, "currency")
        }
        st.markdown(
            "  \n".join(f"**{money(amount, c)}**" for c, amount in sums.items() if amount) or "–"
        )

COLUMNS: components.Columns = {
    "Subscription": "subscription_id",
    "Customer": "customer_name",
    periods.heading(settled): periods.credited,
    "Due": components.money("due_amount"),
    "Issued": components.money("issued_amount"),
    "Difference": components.money("difference"),
    "Currency": "currency",
    "Finding": finding,
    "Evidence": evidence,
}
st.subheader("Exceptions", anchor=False)
picked = None
if exceptions:
    picked = components.table(
        exceptions,
        COLUMNS,
        name="Exceptions between due and issued",
        key="exceptions",
    )
else:
    agreement = "Every credit that is due was issued, and nothing else."
    if all(evidence(row) in (Evidence.SUFFICIENT, "–") for row in settled):
        st.success(agreement, icon=":material/check_circle:")
    else:
        components.nothing(f"{agreement} Some amounts rest on too little evidence.")
agreed = [r for r in settled if not finding(r)]
if agreed:
    st.subheader("In agreement", anchor=False)
    as_due = components.table(
        agreed,
        {heading: of for heading, of in COLUMNS.items() if heading != "Finding"},
        name="Credits issued as due",
        key="agreed",
    )
    picked = picked or as_due
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
    "Issued: credit lines on issued or paid invoices (C6). Select a row for its invoice lines."
)
components.downloads(
    f"select r.*, e.* exclude (subscription_id, month, currency) {SETTLED} order by all",
    *filters,
    name="credit_reconciliation",
    mart="credit_reconciliation",
)
