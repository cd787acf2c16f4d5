"""The month's credit notes: what is due and not issued, and the batches that have been made."""

import shlex
from functools import partial

import streamlit as st

from makegood.dashboards.access.reader import Row
from makegood.dashboards.app import components
from makegood.dashboards.app.published import reader, rows, warehouse
from makegood.dashboards.exports import credit_notes as exports
from makegood.dashboards.figures import credit_notes as notes
from makegood.dashboards.figures import periods
from makegood.dashboards.figures.credit_notes import Batch, Credit
from makegood.dashboards.figures.style import counted, instant, money
from makegood.dashboards.figures.totals import totals
from makegood.dashboards.figures.words import plain

components.head(
    "Credit notes", "Which credits still have to go onto an invoice, and which batches hold them?"
)

batches, wrong = notes.kept(warehouse())
issued = rows("select line_id from marts.credit_issued_lines")
wrong += notes.not_kept((row["line_id"] for row in issued), batches)
for sentence in wrong:
    st.error(f"{plain(sentence)}: restore it from a backup.", icon=":material/error:")
published = reader()
months = sorted({*notes.months(published), *(b.month for b in batches)}, reverse=True)
if not months:
    components.nothing("No credits are due, and none were issued.")
    st.stop()
first, _ = components.filters(2)
with first:
    chosen = components.pick("Month", [f"{month:%Y-%m}" for month in months], "month")
month = next(m for m in months if f"{m:%Y-%m}" == chosen)
proposal = notes.proposed(published, month, batches)
made = [batch for batch in batches if batch.month == month]

COLUMNS: components.Columns = {
    "Customer": "customer_name",
    "Subscription": "subscription_id",
    "Period": "period",
    "Due": components.money("due"),
    "Issued": components.money("issued"),
    "In batches": components.money("in_batches"),
}


def row_of(credit: Credit) -> Row:
    return credit.model_dump() | {"period": credit.period}


def statement(row: Row) -> str:
    """The version of the statement, and what has changed since an earlier batch."""
    before, now = row["version_before"], row["statement_version"]
    if before is None or before == now:
        return str(now)
    changed = ", ".join(name.replace("_", " ") for name in row["changed"])
    return f"{before} → {now}: {changed}"


def contents(credits: list[Row], name: str, approval: components.Columns) -> None:
    """Credits with their sums by customer and by currency. `approval`: a column of its own."""
    components.table(
        credits,
        {
            **COLUMNS,
            "To issue": components.money("amount"),
            "Currency": "currency",
            "Statement": statement,
            "Evidence": "evidence",
            **approval,
        },
        name=name,
        height=420 if len(credits) > 11 else "auto",
    )
    components.totals(credits, {"To issue": "amount"}, name, of_one_month=True)


st.subheader(f"To be issued for {chosen}", anchor=False)
if proposal.credits:
    contents(
        [row_of(credit) for credit in proposal.credits],
        "Credits to be issued",
        {"Needs approval": lambda row: "yes" if row["doubts"] else "–"},
    )
    if any(credit.doubts for credit in proposal.credits):
        st.caption(
            "On incomplete data or without sufficient evidence, a credit needs approval: it is in "
            "no batch until you add --approve with its subscription."
        )
    st.caption("To issue = due − issued − in batches. The next batch, whose file goes to billing:")
    command = ["makegood", "credit-notes", "--month", chosen, "--warehouse", str(warehouse())]
    command += ["--out", exports.file_name(month, notes.next_number(batches), "csv")]
    # with the limits of the last batch, so that none is forgotten
    for currency, limit in (batches[-1].limits if batches else {}).items():
        command += ["--limit", f"{currency}={limit}"]
    st.code(shlex.join(command), language="sh")
elif not proposal.is_over:
    components.nothing("No period that ends in this month is over.")
else:
    components.nothing("All that is due is issued, or in a batch.")

if proposal.corrections:
    st.subheader("To be corrected in billing", anchor=False)
    components.table(
        [
            {
                **e.row,
                "period": periods.credited(e.row),
                "due": e.due,
                "issued": e.issued,
                "in_batches": e.in_batches,
                "difference": e.difference,
            }
            for e in proposal.corrections
        ],
        {**COLUMNS, "Difference": components.money("difference"), "Currency": "currency"},
        name="To be corrected in billing",
    )
    st.caption(
        "More is issued or in batches than is due, or invoices took back more than they credited: "
        "no batch can put that right."
    )
if proposal.waiting:
    st.subheader("In a batch, on no issued invoice yet", anchor=False)
    components.table(
        [row_of(w.line) | {"batch": w.batch.number} for w in proposal.waiting],
        {
            "Batch": "batch",
            "Line": "line_id",
            "Customer": "customer_name",
            "Subscription": "subscription_id",
            "Period": "period",
            "Amount": components.money("amount"),
            "Currency": "currency",
        },
        name="Lines of batches that no issued invoice has yet",
    )
    st.caption("A line that no invoice will ever have is closed with --close and its id.")


def sums(batch: Batch) -> str:
    summed = totals(map(row_of, batch.lines), ["amount"])
    return ", ".join(money(row["amount"], row["currency"]) for row in summed)


st.subheader("Batches so far", anchor=False)
if not made:
    components.nothing(f"No batch of {chosen} has been made yet.")
    st.stop()
picked = components.table(
    [
        {
            "number": batch.number,
            "made": instant(batch.made_at),
            "as_of": instant(batch.as_of),
            "lines": len(batch.lines),
            "sums": sums(batch),
            "limits": ", ".join(money(a, c) for c, a in batch.limits.items()) or "–",
        }
        for batch in reversed(made)
    ],
    {
        "Batch": "number",
        "Made (UTC)": "made",
        "Figures as of (UTC)": "as_of",
        "Lines": "lines",
        "Amount": "sums",
        "Approval above": "limits",
    },
    name="Batches of the month",
    key="batches",
)
batch = next(b for b in made if b.number == (picked["number"] if picked else made[-1].number))
st.markdown(
    f"**Batch {batch.number}**, {counted(len(batch.lines), 'line')}, from run {plain(batch.run_id)}"
)
contents(
    [row_of(line) for line in batch.lines],
    f"Batch {batch.number}",
    {"Approved": lambda row: "; ".join(row["approved"]) or "–"},
)
with st.popover(f"Download batch {batch.number}"):
    st.caption(
        "Lines in the form of the feed invoice_lines, for billing: fill in invoice_id. "
        "Excel has customers and statements beside them."
    )
    for label, kind in (("CSV", "csv"), ("Excel", "xlsx"), ("JSON lines", "jsonl")):
        st.download_button(
            label,
            partial(exports.FORMATS[kind], batch),
            file_name=exports.file_name(batch.month, batch.number, kind),
            mime=exports.MEDIA_TYPES[kind],
            key=f"batch {kind}",
            on_click="ignore",
            width="stretch",
        )
