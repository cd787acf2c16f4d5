"""The SLA report of a subscription and period (Z4), to read here or as a file to send."""

import base64
from datetime import date

import streamlit as st

from makegood.dashboards.access.reader import Reader
from makegood.dashboards.app import components, published
from makegood.dashboards.exports.files import KINDS
from makegood.dashboards.figures import periods
from makegood.dashboards.figures.contract import as_customer
from makegood.dashboards.figures.words import plain
from makegood.dashboards.proof import NotFound
from makegood.dashboards.reports import FORMATS, Format, lists, render
from makegood.dashboards.reports.branding import LONGEST_REFERENCE
from makegood.dashboards.reports.content import report_of
from makegood.dashboards.reports.document import Report
from makegood.dashboards.reports.figures import last_final, periods_of
from makegood.dashboards.reports.names import file_name, lists_name

components.head("SLA report", "How did the service perform in a period, and which credit is due?")

NAMES = {"pdf": "PDF", "html": "HTML", "xlsx": "Excel"}
MEDIA_TYPES = {"pdf": "application/pdf", "html": "text/html", "xlsx": KINDS["Excel"].media_type}
# browsers allow addresses of two million characters
LONGEST_ADDRESS = 1_900_000

reader = published.reader()
# providers of ours report to us (C8)
ours_to_claim = as_customer(reader)
subscriptions = {
    s["subscription_id"]: s
    for s in published.rows("select * from marts.subscriptions order by subscription_id")
    if s["contract_id"] not in ours_to_claim
}
if not subscriptions:
    components.nothing("There are no subscriptions to report on.")
    st.stop()
first, second, third = components.filters(3)
with first:
    subscription = components.pick(
        "Subscription",
        list(subscriptions),
        "subscription",
        shown=lambda s: (
            f"{s} · {subscriptions[s]['customer_name']}" if subscriptions[s]["customer_name"] else s
        ),
    )
there = periods_of(reader, subscription)[::-1]
if not there:
    components.nothing(f"There is no period to report on for {plain(subscription)} yet.")
    st.stop()
# the address has the first month of the period
codes = {f"{first:%Y-%m}": periods.code(kind, first) for kind, first in there}
last = last_final(reader, there)
with second:
    month = components.pick(
        there[0][0].capitalize(),
        list(codes),
        "month",
        start=f"{last[1]:%Y-%m}" if last else None,
        shown=lambda first: codes[first],
    )


with third:
    reference = st.text_input(
        "Customer's reference",
        max_chars=LONGEST_REFERENCE,
        key="report reference",
        placeholder="none",
        help="Printed in the head of the report and its files; kept nowhere.",
    ).strip()


@st.cache_data(max_entries=50, show_spinner="Preparing the report")
def written(key: str, _reader: Reader, _report: Report) -> str:
    return render(_report, "html").decode()


try:
    report = report_of(
        reader, subscription, date.fromisoformat(f"{month}-01"), published.branding(), reference
    )
except NotFound as error:
    components.nothing(plain(str(error)))
    st.stop()


def file(kind: Format) -> object:
    return lambda: render(report, kind)


def name(kind: str) -> str:
    return file_name(list(subscriptions), subscription, report.period, kind)


columns = st.columns([1, 1, 1, 1, 2])
for column, kind in zip(columns, FORMATS, strict=False):
    column.download_button(
        NAMES[kind],
        file(kind),
        file_name=name(kind),
        mime=MEDIA_TYPES[kind],
        key=f"report {kind}",
        on_click="ignore",
        icon=":material/download:",
        width="stretch",
    )
# to send with it
if attached := lists(report):
    columns[3].download_button(
        "Lists",
        attached,
        file_name=lists_name(name("xlsx")),
        mime=MEDIA_TYPES["xlsx"],
        key="report lists",
        on_click="ignore",
        icon=":material/table:",
        width="stretch",
        help="Downtime intervals and tickets as an Excel workbook",
    )
text = written(
    published.key_of(reader.database, reader.viewer, subscription, month, reference),
    reader,
    report,
)
# a separate address, so that nothing in the report can reach this page
address = "data:text/html;charset=utf-8;base64," + base64.b64encode(text.encode()).decode()
if len(address) < LONGEST_ADDRESS:
    st.iframe(address, height=1400, alt=f"SLA report of {subscription}, {codes[month]}")
else:
    components.nothing("This report is too long to be shown here. Please download it.")
