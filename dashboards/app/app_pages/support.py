"""Tickets in time beside the goal, how long they take, where targets are missed; the backlog."""

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

import pandas as pd
import streamlit as st

from makegood.dashboards.access.reader import Row
from makegood.dashboards.app import charts, components
from makegood.dashboards.app.components import length
from makegood.dashboards.app.published import reader, rows, rows_of_newer
from makegood.dashboards.figures import periods
from makegood.dashboards.figures.evidence import incomplete_words
from makegood.dashboards.figures.queries import service_and_region
from makegood.dashboards.figures.style import (
    agreed_pct,
    counted,
    duration,
    instant,
    share_of,
    thousands,
)
from makegood.dashboards.figures.support import (
    LOST,
    OF_TARGETS,
    TARGETS,
    Goals,
    InTime,
    attained,
    backlog,
    in_time,
    lost_by_month,
    mean_seconds,
    times,
)
from makegood.dashboards.figures.words import plain

components.head(
    "Support performance",
    "Are tickets resolved in time, how long do they take, and where are targets missed?",
)

if not reader().has("marts.support_times"):
    components.nothing(
        "An older version published these figures, without the times of tickets: the next run adds "
        "them."
    )
    st.stop()
options = rows(
    f"""select distinct contract_id, service_id, region, month, target_severity
        from ({OF_TARGETS})"""
)
if not options:
    components.nothing("No ticket counts yet: none was received under a contract in force.")
    st.stop()
now = periods.days(reader())
names = {
    c["contract_id"]: c["contract_name"]
    for c in rows("select contract_id, contract_name from marts.contracts")
}


def months_of(contract: str) -> list[date]:
    """The calendar months of a contract from its first ticket on to the current one."""
    month = min(o["month"] for o in options if o["contract_id"] == contract)
    found = [month]
    while (month := periods.following("month", month)) <= now[contract]:
        found.append(month)
    return found


months_by_contract = {c: months_of(c) for c in components.distinct(options, "contract_id")}
first, second, third = components.filters(3)
with first:
    target = components.pick("Target", list(TARGETS), "target", shown=str.capitalize)
with second:
    contracts = components.contracts(list(months_by_contract), lambda c: names[c])
with third:
    severities = components.choice(
        "Severities", components.distinct(options, "target_severity"), "severities"
    )
first, second, third = components.filters(3)
with first:
    services = components.choice("Services", components.distinct(options, "service_id"), "services")
with second:
    regions = components.choice("Regions", components.distinct(options, "region"), "regions")
every_month = sorted({f"{m:%Y-%m}" for c in contracts for m in months_by_contract[c]})
with third:
    months = components.choice("Months", every_month[::-1], "months")

WHERE = """list_contains(?, contract_id) and list_contains(?, target_severity)
    and list_contains(?, service_id) and list_contains(?, region)
    and list_contains(?, strftime(month, '%Y-%m'))"""
chosen = (contracts, severities, services, regions, months)
in_words = TARGETS[target]
goals = Goals(reader()) if target == "resolution" else None
counts = rows(
    attained("contract_id, target_severity, month", f"{WHERE} and target = ?"),
    *chosen[:-1],
    every_month,
    target,
)
kinds = periods.kinds(reader())
lost = lost_by_month(
    (
        gap
        for gap in rows_of_newer("marts.evidence_gaps", LOST)
        if gap["service_id"] in services and gap["region"] in regions
    ),
    kinds,
)


def is_over(contract: str, month: date) -> bool:
    return periods.has_ended("month", month, now[contract])


def figure(month: date, of: Sequence[str], severity: str | None = None) -> InTime:
    """All that is chosen of these contracts in a month. `severity`: None for all."""
    return in_time(
        [c for c in counts if c["contract_id"] in of and severity in (None, c["target_severity"])],
        goals,
        month,
        is_over=all(is_over(c, month) for c in of),
        more=sum(lost[c, month] for c in of),
    )


def sentence(found: InTime) -> str:
    """A month against the goal, in words."""
    name = periods.name("month", found.month) + ("" if found.is_over else " so far")
    if not found.cases:
        pending = f" ({thousands(found.pending)} pending)" if found.pending else ""
        return f"**{name}:** no cases{pending}{', incomplete data' * (found.incomplete > 0)}."
    parts = [
        f"{found.share} {in_words}, {thousands(found.met)} of {thousands(found.cases)} tickets"
    ]
    if found.goal_pct is not None:
        parts.append(f"goal of {agreed_pct(found.goal_pct)} {found.result.removeprefix('goal ')}")
    elif found.incomplete:
        parts.append("incomplete data")
    if found.pending:
        parts.append(f"{thousands(found.pending)} pending")
    return f"**{name}:** {'; '.join(parts)}."


this = min(periods.start("month", now[c]) for c in contracts)
last, so_far = (figure(month, contracts) for month in (periods.before("month", this), this))
said = f"{sentence(last)} {sentence(so_far)}"
if last.is_reached is False:
    st.error(said, icon=":material/error:")
elif (
    last.is_reached
    and so_far.is_reached is not False
    and not (last.incomplete or so_far.incomplete)
):
    st.success(said, icon=":material/check_circle:")
elif last.is_reached:
    st.warning(said, icon=":material/warning:")
else:
    st.info(said)

shown: list[Row] = [
    {
        "contract_id": contract,
        "severity": severity,
        "found": figure(month, [contract], severity),
    }
    for contract in contracts
    for severity in severities
    # not severities that only another contract has, or that have no such target
    if any((c["contract_id"], c["target_severity"]) == (contract, severity) for c in counts)
    for month in months_by_contract[contract]
    if f"{month:%Y-%m}" in months
]
judged = [r["found"] for r in shown if r["found"].is_over and r["found"].is_reached is not None]
reopened = rows(
    f"""select coalesce(sum(reopened), 0) as reopened, coalesce(sum(resolved), 0) as resolved
        from (select *, severity as target_severity from marts.support_times)
        where target = 'resolution' and {WHERE}""",
    *chosen,
)[0]
waiting = rows(
    backlog(
        """list_contains(?, contract_id) and list_contains(?, severity)
           and list_contains(?, service_id) and list_contains(?, region)"""
    ),
    reader().as_of,
    *chosen[:-1],
)
columns = st.columns(4)
columns[0].metric(
    "Goals missed",
    f"{sum(not f.is_reached for f in judged)} of {len(judged)}" if judged else "–",
    help="Severities and finished months with a goal and cases (Z6)",
    border=True,
)
columns[1].metric(
    "Reopened",
    share_of(int(reopened["reopened"]), int(reopened["resolved"])) if reopened["resolved"] else "–",
    help=f"{thousands(reopened['reopened'])} of {counted(reopened['resolved'], 'ticket')} ever "
    "resolved: reopened after that (K5)",
    border=True,
)
columns[2].metric(
    "Open now",
    f"{thousands(sum(w['tickets'] for w in waiting))}",
    help="Counted tickets without a resolution, whenever they were received",
    border=True,
)
columns[3].metric(
    "On incomplete data",
    f"{sum(r['found'].incomplete > 0 for r in shown)} of {len(shown)}",
    help="Severities and months of which rows were rejected, or are waiting for other rows",
    border=True,
)


def behind(name: str, key: str, condition: str, *values: Any) -> None:
    """The tickets of a picked row, the misses first, and the proof of one of them."""
    found = rows(
        f"""select * from ({OF_TARGETS})
            where {WHERE} and target = ? and outcome is not null and {condition}
            order by outcome <> 'missed', outcome <> 'pending',
                     coalesce(elapsed_s - target_s, updates_missed) desc nulls last, ticket_id
            limit {components.MOST_GAPS}""",
        *chosen,
        target,
        *values,
    )
    if not found:
        components.nothing(f"No ticket is behind {plain(name)}.")
        return
    st.markdown(f"**Tickets behind {plain(name)}**")
    picked = components.table(
        found,
        {
            "Ticket": "ticket_id",
            "Outcome": "outcome",
            "Severity": "target_severity",
            **(
                {"Updates missed": "updates_missed"}
                if target == "updates"
                else {
                    "Time": length("elapsed_s", "target_s", in_hours=True),
                    "Target": length("target_s", in_hours=True),
                }
            ),
            "Received (UTC)": lambda t: instant(t["received_at"]),
            "Customer": "customer_name",
            "Service and region": lambda t: f"{t['service_id']} · {t['region']}",
            "Data": lambda t: incomplete_words(t) or "–",
        },
        name=f"Tickets behind {name}",
        # another row has other tickets: a pick of before would be a ticket of this one
        key=f"behind {key} {name}",
        height=320 if len(found) > 8 else "auto",
    )
    if len(found) == components.MOST_GAPS:
        st.caption(f"The first {thousands(components.MOST_GAPS)} of them, the misses first.")
    if picked:
        proof(picked)
    else:
        st.caption("Select a ticket for its timeline, with file and line of each event.")


def proof(ticket: Row) -> None:
    """The events of a ticket, and the credit that it may count for."""
    with st.container(border=True):
        components.timeline(ticket["ticket_id"])
        month = periods.start(kinds[ticket["contract_id"]], ticket["month"])
        credit = rows(
            "select 1 from marts.credits where subscription_id = ? and month = ? limit 1",
            ticket["subscription_id"],
            month,
        )
        if credit:
            components.link(
                "proof",
                f"Proof of the credit of {plain(ticket['subscription_id'])}, "
                f"{periods.code(kinds[ticket['contract_id']], month)}, step by step",
                subscription=ticket["subscription_id"],
                month=f"{month:%Y-%m}",
            )


several: components.Columns = (
    {"Contract": lambda r: names[r["contract_id"]]} if len(contracts) > 1 else {}
)
st.subheader(f"{in_words.capitalize()}, by severity and month", anchor=False)
by_severity = []
for contract, severity in dict.fromkeys((r["contract_id"], r["severity"]) for r in shown):
    own = [r["found"] for r in shown if (r["contract_id"], r["severity"]) == (contract, severity)]
    with_goal = {f.goal_pct for f in own if f.goal_pct is not None}
    by_severity.append(
        {
            "contract_id": contract,
            "severity": severity,
            "months": own,
            "met": sum(f.met for f in own),
            "cases": sum(f.cases for f in own),
            "pending": sum(f.pending for f in own),
            "goal_pct": with_goal.pop() if len(with_goal) == 1 else None,
        }
    )


def goals_missed(row: Row) -> str:
    over = [f for f in row["months"] if f.is_over and f.is_reached is not None]
    return f"{sum(not f.is_reached for f in over)} of {len(over)}" if over else "–"


picked = components.table(
    by_severity,
    {
        "Severity": "severity",
        "In time": lambda r: (
            share_of(r["met"], r["cases"], r["goal_pct"]) if r["cases"] else "no cases"
        ),
        "Goal": lambda r: agreed_pct(r["goal_pct"]),
        "Goals missed": goals_missed,
        "Tickets": "cases",
        "Missed": lambda r: r["cases"] - r["met"],
        "Pending": "pending",
        **several,
    },
    name=f"{in_words.capitalize()} by severity",
    key=f"severities {target}",
)
if picked:
    behind(
        picked["severity"],
        "severities",
        "target_severity = ? and contract_id = ?",
        picked["severity"],
        picked["contract_id"],
    )
points = [
    (severity, figure(date.fromisoformat(f"{month}-01"), contracts, severity))
    for severity in dict.fromkeys(r["severity"] for r in by_severity)
    for month in every_month
    if month in months
]
if any(found.cases for _, found in points):
    st.altair_chart(
        charts.in_time(
            pd.DataFrame(
                {
                    "month": f"{found.month:%Y-%m}",
                    "severity": severity,
                    "pct": 100 * found.met / found.cases if found.cases else None,
                    "shown": f"{found.share} ({thousands(found.met)} of {thousands(found.cases)})",
                    "result": found.result,
                    "is_over": found.is_over,
                }
                for severity, found in points
            ),
            pd.DataFrame(
                [
                    {"goal_pct": float(goal), "name": f"goal {agreed_pct(goal)}"}
                    for goal in sorted({f.goal_pct for _, f in points if f.goal_pct is not None})
                ],
                columns=["goal_pct", "name"],
            ),
        ),
        width="stretch",
    )
    st.caption("A hollow point is a month in progress; a month without cases has no point.")
picked = components.table(
    sorted(
        sorted(shown, key=lambda r: r["found"].month, reverse=True),
        key=lambda r: (r["found"].is_reached is not False, not r["found"].cases),
    ),
    {
        "Severity": "severity",
        "Month": lambda r: f"{r['found'].month:%Y-%m}",
        "In time": lambda r: r["found"].share,
        "Goal": lambda r: agreed_pct(r["found"].goal_pct),
        "Result": lambda r: r["found"].result,
        "Tickets": lambda r: r["found"].cases,
        "Missed": lambda r: r["found"].cases - r["found"].met,
        "Pending": lambda r: r["found"].pending,
        **several,
    },
    name=f"{in_words.capitalize()} by severity and month, missed goals first",
    key=f"attained {target}",
    height=420 if len(shown) > 11 else "auto",
)
st.caption(
    "Tickets are those received in the month whose target was met or missed; pending ones are open "
    "and not past it, and count as neither (K7). Select a row for its tickets."
)
if picked:
    behind(
        f"{picked['severity']}, {picked['found'].month:%Y-%m}",
        "attained",
        "target_severity = ? and month = ? and contract_id = ?",
        picked["severity"],
        picked["found"].month,
        picked["contract_id"],
    )

st.subheader("Where targets are missed", anchor=False)
# how tickets are grouped: columns, and the name of a group
BY: dict[str, tuple[tuple[str, ...], Callable[[Row], str]]] = {
    "customer": (("customer_id", "customer_name"), lambda r: r["customer_name"]),
    "service and region": (("service_id", "region"), service_and_region),
    "hour of receipt": (("hour",), lambda r: f"{r['hour']:02d}:00–{r['hour']:02d}:59"),
}
by = components.pick("By", list(BY), "by", shown=str.capitalize)
group, named = BY[by]
found = rows(attained(", ".join(group), f"{WHERE} and target = ?"), *chosen, target)
where = [w for w in found if w["cases"]]
if not where:
    components.nothing("No target was met or missed in these months.")
else:
    if by == "hour of receipt":
        by_hour = {w["hour"]: w for w in where}
        st.altair_chart(
            charts.by_hour(
                pd.DataFrame(
                    {"hour": f"{hour:02d}", "what": what, "tickets": tickets}
                    for hour in range(24)
                    for w in [by_hour.get(hour, {"met": 0, "cases": 0})]
                    for what, tickets in (("missed", w["cases"] - w["met"]), ("in time", w["met"]))
                )
            ),
            width="stretch",
        )
    else:
        where.sort(key=lambda w: (w["met"] - w["cases"], named(w)))
    picked = components.table(
        where,
        {
            by.capitalize(): named,
            "Missed": lambda w: w["cases"] - w["met"],
            "Tickets": "cases",
            "In time": lambda w: share_of(w["met"], w["cases"]),
            "Pending": "pending",
        },
        name=f"Missed targets by {by}",
        key=f"where {target} {by}",
        height=320 if len(where) > 8 else "auto",
    )
    if by == "hour of receipt":
        st.caption("Hours are those of the contract's time zone.")
    if picked:
        condition = " and ".join(f"{column} = ?" for column in group)
        behind(named(picked), by, condition, *(picked[column] for column in group))

st.subheader("Times", anchor=False)
taken = rows(times("contract_id, target, target_severity", WHERE), *chosen)
again = {
    (r["contract_id"], r["severity"]): r
    for r in rows(
        f"""select contract_id, severity, sum(reopened) as reopened, sum(resolved) as resolved
            from (select *, severity as target_severity from marts.support_times)
            where target = 'resolution' and {WHERE} group by all""",
        *chosen,
    )
}


def reopened_words(row: Row) -> str:
    found = again.get((row["contract_id"], row["target_severity"]))
    if row["target"] != "resolution" or not found or not found["resolved"]:
        return "–"
    share = share_of(int(found["reopened"]), int(found["resolved"]))
    return f"{share} of {thousands(found['resolved'])}"


if not taken:
    components.nothing("No ticket of these months has a target for response or resolution.")
else:
    components.table(
        taken,
        {
            "Time to": "target",
            "Severity": "target_severity",
            "Median": length("median_seconds", in_hours=True),
            "90 % within": length("p90_seconds", in_hours=True),
            "95 % within": length("p95_seconds", in_hours=True),
            "Mean": lambda r: duration(mean_seconds(r), in_hours=True),
            "Tickets": "stopped",
            "Still open": "still_open",
            "Reopened": reopened_words,
            **several,
        },
        name="Time to response and resolution by severity",
    )
    st.caption(
        "Times run on the clock of each target, without closed hours and pauses, of tickets that "
        "have a response or a resolution (K4, K5). Those still open are counted beside them, not "
        "in them. 90 % within: nine of ten tickets took no longer."
    )

st.subheader("Backlog", anchor=False)
if not waiting:
    components.nothing("No tickets are open.")
else:
    components.table(
        waiting,
        {
            "Severity": "severity",
            "Open": "tickets",
            "Median age": length("median_s"),
            "Oldest": length("oldest_s"),
            "Oldest ticket": "oldest_id",
            **several,
        },
        name="Open tickets by severity and age",
    )
    st.caption(
        "All open tickets as of the instant of the figures, whenever they were received, by the "
        "severity in force. Age is the time since the clock started, nights and pauses included."
    )
    components.link("tickets", "Open tickets, the most urgent first", contracts=contracts)
for mart in ("support_times", "attainment"):
    components.downloads(
        f"""select * from marts.{mart}
            where list_contains(?, contract_id) and list_contains(?, severity)
              and list_contains(?, service_id) and list_contains(?, region)
              and list_contains(?, strftime(month, '%Y-%m'))
            order by all""",
        *chosen,
        name=mart,
        mart=mart,
    )
