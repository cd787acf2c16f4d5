"""The statements of finished periods, version by version, and why they changed."""

from decimal import Decimal
from itertools import pairwise

import streamlit as st

from makegood.dashboards.access.reader import Row
from makegood.dashboards.app import components
from makegood.dashboards.app.published import rows, with_period_kind
from makegood.dashboards.figures import periods
from makegood.dashboards.figures.evidence import evidence_words, is_sure
from makegood.dashboards.figures.queries import CREDIT_EVIDENCE, CREDITS, ORDER, credit_key
from makegood.dashboards.figures.style import exact_pct, instant, money
from makegood.dashboards.figures.words import plain

components.head(
    "Statements", "What have we stated for each period, what has changed since, and why?"
)

# why a column of a statement changes (C7), and the feeds that can change it
CAUSES = {
    "monthly_fee": ("invoice lines were added, changed or removed", ("invoices", "invoice_lines")),
    "availability_pct": (
        "data on outages or exclusions changed",
        ("checks", "outages", "exclusions", "components", "services", "subscriptions"),
    ),
    "availability_credit_pct": (
        "the availability or the downtime crossed a tier or a step",
        ("checks", "outages", "exclusions", "components", "services", "subscriptions"),
    ),
    "resolution_credit_pct": (
        "the timelines of tickets changed",
        ("tickets", "ticket_events", "subscriptions", "services"),
    ),
    "combined_pct": (
        "one of the two credits, or the events they share, changed",
        ("checks", "outages", "exclusions", "tickets", "ticket_events"),
    ),
    "combination": (
        "the events shared by tickets and downtime changed",
        ("outages", "tickets", "ticket_events"),
    ),
    "credit_pct": (
        "one of the two credits changed",
        ("checks", "outages", "exclusions", "tickets", "ticket_events"),
    ),
    "credit_amount": ("the fee or the percentage changed", ("invoices", "invoice_lines")),
}

options = with_period_kind(
    rows(
        """select distinct month, contract_id, subscription_id, customer_id, customer_name,
                  coalesce(currency, 'no fee') as currency
           from marts.credit_statements inner join marts.subscriptions using (subscription_id)"""
    )
)
if not options:
    components.nothing(
        "There are no statements yet: no period under a contract with credits has ended."
    )
    st.stop()
names = {o["customer_id"]: o["customer_name"] for o in options}
first, second, third = components.filters(3)
with first:
    months = components.months(options)
    currencies = components.choice(
        "Currencies", components.distinct(options, "currency"), "currencies"
    )
with second:
    customers = components.choice("Customers", sorted(names), "customers", components.named(names))
with third:
    chosen = components.choice(
        "Subscriptions", components.distinct(options, "subscription_id"), "subscription"
    )
    only = st.toggle("Only changed statements", key="changed", bind="query-params")
FILTERED = """
    from marts.credit_statements as s
    inner join marts.subscriptions as subscriptions using (subscription_id)
    where list_contains(?, strftime(month, '%Y-%m'))
      and list_contains(?, coalesce(currency, 'no fee'))
      and list_contains(?, subscriptions.customer_id) and list_contains(?, s.subscription_id)
"""
filters = (months, currencies, customers, chosen)
of_statement = "partition by s.subscription_id, month, currency"
statements = with_period_kind(
    rows(
        f"""select s.*, subscriptions.contract_id, subscriptions.customer_id,
                   subscriptions.customer_name,
                   count(*) over ({of_statement}) as versions,
                   max(abs(credit_amount)) over ({of_statement}) as most
            {FILTERED} order by {ORDER}, statement_version""",
        *filters,
    )
)
if not statements:
    components.nothing("No statement matches the filters.")
    st.stop()
credits = {credit_key(c): c for c in rows(CREDITS)}


def evidence(statement: Row) -> str:
    """The evidence of the credit in force; a dash for earlier versions."""
    return evidence_words(credits[credit_key(statement)]) if statement["is_current"] else "–"


in_force = [s for s in statements if s["is_current"]]
changed = [s for s in statements if s["changed"]]
columns = st.columns(3)
columns[0].metric("Statements in force", len(in_force), border=True)
columns[1].metric("Versions issued", len(statements), border=True)
columns[2].metric("Corrections", len(changed), help="Versions after the first", border=True)
st.subheader("Totals of the statements in force", anchor=False)
components.totals(in_force, {"Fees": "monthly_fee", "Credits": "credit_amount"}, "Statements")
st.subheader("Version by version", anchor=False)
asked = [s for s in statements if s["versions"] > 1 or not only]
# what was of money once stays in sight, and what may only be zero for want of data
shown, is_hidden = components.of_money(
    asked, lambda s: bool(s["most"]) or not is_sure(credits[credit_key(s)]), "statements"
)
picked = None
if not shown:
    components.nothing("No statement is of money." if asked else "No statements have changed.")
else:
    picked = components.table(
        shown,
        {
            periods.heading(statements): periods.credited,
            "Customer": "customer_name",
            "Subscription": "subscription_id",
            "Currency": lambda s: s["currency"] or "–",
            "Version": "statement_version",
            "Issued (UTC)": lambda s: instant(s["issued_at"]),
            "In force": lambda s: "yes" if s["is_current"] else "no",
            "Fee": components.money("monthly_fee"),
            "Credit, %": components.agreed_share("credit_pct"),
            "Credit": components.money("credit_amount"),
            "Evidence": evidence,
            "Changed": lambda s: (
                s["changed"].replace(",", ", ").replace("_", " ") if s["changed"] else "–"
            ),
        },
        name="Statements, version by version",
        key="statements",
        height=420 if len(shown) > 11 else "auto",
    )
    st.caption(
        "A statement is never rewritten: other values make a new version (C7). "
        "Select a row for its history."
    )
of = picked or next((s for s in shown if s["changed"]), None)


def history(of: Row) -> None:
    """The changes from version to version, and the files delivered in between."""
    st.subheader(
        f"History of {plain(of['subscription_id'])} ({plain(of['customer_name'])}), "
        f"{periods.credited(of)}, "
        f"{of['currency'] or 'without fee'}",
        anchor=False,
    )
    versions = [
        s
        for s in statements
        if all(s[k] == of[k] for k in ("subscription_id", "month", "currency"))
    ]
    if len(versions) == 1:
        components.nothing("There is one version: nothing has changed since it was issued.")
    for before, after in pairwise(versions):
        names = [c for c in (after["changed"] or "").split(",") if c]
        st.markdown(
            f"**Version {after['statement_version']}**, "
            f"issued as of {instant(after['issued_at'])} UTC:"
        )
        components.table(
            [{"name": n, "before": before[n], "after": after[n]} for n in names],
            {
                "Value": lambda c: c["name"].replace("_", " "),
                "Before": lambda c: _value(c["name"], c["before"], of["currency"]),
                "After": lambda c: _value(c["name"], c["after"], of["currency"]),
                "Why": lambda c: CAUSES[c["name"]][0] if c["name"] in CAUSES else "–",
            },
            name=f"Changes of version {after['statement_version']}",
        )
        feeds = sorted({feed for n in names for feed in CAUSES.get(n, ("", ()))[1]})
        files = rows(
            """select d.feed, d.path, d.rows_read
               from state.deliveries as d inner join quality.runs as r using (run_id)
               where r.run_number > (select min(run_number) from quality.runs where as_of = ?)
                 and r.run_number <= (select max(run_number) from quality.runs where as_of = ?)
                 and list_contains(?, d.feed) order by d.feed, d.path""",
            before["issued_at"],
            after["issued_at"],
            feeds,
        )
        if files:
            st.caption(
                "Delivered between the two versions, in the feeds that can cause this change:"
            )
            components.table(
                files,
                {"Feed": "feed", "File": "path", "Rows": components.number("rows_read")},
                name="Files delivered between two versions",
            )
        else:
            st.caption(
                "No file was delivered between the two versions in the feeds that can cause this "
                "change: time has passed, or a contract was changed."
            )
    components.link(
        "proof",
        "Proof of the version in force",
        subscription=of["subscription_id"],
        month=f"{of['month']:%Y-%m}",
    )


def _value(name: str, value: object, currency: str | None) -> str:
    """A value of a statement; percentages with all decimals, since they may differ in the last."""
    if isinstance(value, Decimal):
        return exact_pct(value) if name.endswith("_pct") else money(value, currency)
    return "–" if value is None else str(value).replace("_", " ")


if of:
    history(of)
components.downloads(
    f"""select s.*, subscriptions.customer_id, subscriptions.customer_name,
               e.* exclude (subscription_id, month, currency)
        from (select s.* {FILTERED}) as s
        inner join marts.subscriptions as subscriptions using (subscription_id)
        left join ({CREDIT_EVIDENCE}) as e
            on s.is_current and s.subscription_id = e.subscription_id and s.month = e.month
            and s.currency is not distinct from e.currency
        order by all""",
    *filters,
    name="credit_statements",
    mart="credit_statements",
    is_all=only or is_hidden,
)
