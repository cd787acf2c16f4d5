"""Open tickets by the time left until a target is missed, and whom to escalate to."""

import streamlit as st

from makegood.dashboards.access.reader import Row
from makegood.dashboards.app import components
from makegood.dashboards.app.published import rows
from makegood.dashboards.figures.evidence import incomplete_words, is_incomplete
from makegood.dashboards.figures.style import duration, instant

components.head("Open tickets", "Which target will be missed next, and who needs to know?")

# of updates and resolution (Z5); a late response is added in words
TARGET_STATUSES = {
    "breached": "update or resolution overdue",
    "at_risk": "update or resolution at risk",
    "on_track": "on track",
}
tickets = rows(
    """select o.*, s.customer_id, s.customer_name, s.service_id, s.region,
              list_min([response_remaining_s, resolution_remaining_s, update_remaining_s])
                  as least_s
       from marts.open_tickets as o inner join marts.subscriptions as s using (subscription_id)
       order by least_s nulls last, ticket_id"""
)
if not tickets:
    components.nothing("No tickets are open.")
    st.stop()
# a query of its own: publications of older versions don't say what is incomplete
complete = {
    t["ticket_id"]: t
    for t in rows(
        """select * from marts.ticket_sla
           where ticket_id in (select ticket_id from marts.open_tickets)"""
    )
}
first, second, third = components.filters(3)
with first:
    statuses = components.choice(
        "Target status",
        [p for p in TARGET_STATUSES if any(t["target_status"] == p for t in tickets)],
        "target_status",
        lambda p: TARGET_STATUSES[p],
    )
with second:
    severities = components.choice(
        "Severities", components.distinct(tickets, "severity"), "severities"
    )
with third:
    contracts = components.contracts(components.distinct(tickets, "contract_id"))
own = [
    t
    for t in tickets
    if (t["severity"] is None or t["severity"] in severities) and t["contract_id"] in contracts
]
shown = [t for t in own if t["target_status"] in statuses]

columns = st.columns(4)
incomplete = sum(is_incomplete(complete[t["ticket_id"]]) for t in own)
columns[3].metric(
    "On incomplete data",
    f"{incomplete} of {len(own)}",
    help="Rows of the ticket were rejected, or are waiting for other rows",
    border=True,
)
for column, (status, words) in zip(columns, TARGET_STATUSES.items(), strict=False):
    column.metric(
        words.capitalize(),
        f"{sum(t['target_status'] == status for t in own)} of {len(own)}",
        border=True,
    )


def left(of: str) -> components.Figure:
    """The time left until a target, on its own clock; a dash once it is met, or without one."""

    def shown(ticket: Row) -> str:
        seconds = ticket[of]
        if seconds is None or seconds >= 0:
            return duration(seconds, in_hours=True)
        return f"{duration(-seconds, in_hours=True)} late"

    return components.Figure(lambda ticket: ticket[of], shown)


def target_status_of(ticket: Row) -> str:
    is_late = ticket["response_remaining_s"] is not None and ticket["response_remaining_s"] < 0
    return ", ".join(
        [
            TARGET_STATUSES[ticket["target_status"]],
            *(["response late"] if is_late else []),
            *(["paused"] if ticket["is_paused"] else []),
        ]
    )


def escalate(ticket: Row) -> str:
    if ticket["escalate_to"] is not None:
        return f"{ticket['escalate_to']} (step {ticket['escalation_step']})"
    if ticket["is_escalation_open"] is None:
        return "–"
    return "at once" if ticket["is_escalation_open"] else "in business hours (closed now)"


if not shown:
    components.nothing("No open ticket matches the filters.")
else:
    picked = components.table(
        shown,
        {
            "Ticket": "ticket_id",
            "Customer": "customer_name",
            "Severity": "severity",
            "Target status": target_status_of,
            "Next update due in": left("update_remaining_s"),
            "Resolution due in": left("resolution_remaining_s"),
            "Response due in": left("response_remaining_s"),
            "Escalate to": escalate,
            "Data": lambda t: incomplete_words(complete[t["ticket_id"]]) or "–",
            "Received (UTC)": lambda t: instant(t["received_at"]),
            "Last update (UTC)": lambda t: instant(t["last_update_at"]),
            "Subscription": "subscription_id",
            "Contract": "contract_id",
        },
        name="Open tickets, the most urgent first",
        key="tickets",
        height=420 if len(shown) > 11 else "auto",
    )
    st.caption(
        "The time left runs on the clock of each target, as of the instant of the figures (K4–K6): "
        "closed hours and pauses don't use it up. A dash: met, or without a target. "
        "At risk: three quarters are used (Z5). "
        "Select a row for the ticket's timeline."
    )
    if picked:
        components.timeline(picked["ticket_id"])
EVIDENCE = "select columns('^(ticket_id|is_incomplete|incomplete_rows)$') from marts.ticket_sla"
components.downloads(
    f"select * from marts.open_tickets inner join ({EVIDENCE}) using (ticket_id) order by all",
    name="open_tickets",
    mart="open_tickets",
    is_all=True,
)
