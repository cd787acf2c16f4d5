"""Leadership's page: commitments kept and missed, error budgets, costs and trends."""

import itertools
from collections import Counter, defaultdict
from datetime import datetime, timedelta
from decimal import Decimal

import pandas as pd
import streamlit as st

from makegood.dashboards.access.reader import Row
from makegood.dashboards.app import charts, components
from makegood.dashboards.app.components import length
from makegood.dashboards.app.published import reader, rows, rows_of_newer, with_period_kind
from makegood.dashboards.figures import periods
from makegood.dashboards.figures.contract import as_customer
from makegood.dashboards.figures.evidence import (
    MISSES,
    THIN_BUDGET,
    Evidence,
    Verdict,
    availability_words,
    budget_status_of,
    downtime_words,
    evidence_of,
    evidence_words,
    is_incomplete,
    is_unseen,
    kept_words,
    last_seen_words,
    verdict_of,
    verdict_words,
)
from makegood.dashboards.figures.queries import (
    CREDITS,
    FIGURES,
    LAPSING_DAYS,
    LAST_SEEN,
    credit_key,
    key_of,
    period,
    service_and_region,
)
from makegood.dashboards.figures.style import (
    agreed_pct,
    counted,
    duration,
    exact_duration,
    instant,
    money,
    ratio,
)
from makegood.dashboards.figures.words import plain

components.head(
    "SLA overview",
    "Are we meeting our commitments, what do misses cost, and what is getting worse?",
)

# what providers owe us is no commitment of ours (C8)
ours_to_claim = as_customer(reader())
names = {
    c["contract_id"]: c["contract_name"]
    for c in rows("select contract_id, contract_name from marts.contracts")
    if c["contract_id"] not in ours_to_claim
}
contracts = components.choice("Contracts", sorted(names), "contracts", lambda c: names[c])
figures = [f for f in rows(FIGURES) if f["contract_id"] in contracts]
by_period = {key_of(f): f for f in figures}
last_seen = {
    row["contract_id"]: last_seen_words(row) for row in rows_of_newer("marts.last_seen", LAST_SEEN)
}


def verdict(running: list[Row]) -> None:
    """The last finished period of each contract and the current one, in sentences."""
    for contract in contracts:
        finished = [
            f
            for f in figures
            if f["contract_id"] == contract
            and f["status"] != "provisional"
            and f["is_met"] is not None
        ]
        last = [
            f for f in finished if f["period_start"] == max(f["period_start"] for f in finished)
        ]
        missed = [f for f in last if verdict_of(f) in MISSES]
        budgets = [b for b in running if b["contract_id"] == contract]
        statuses = Counter(map(budget_status_of, budgets))
        sentences = [f"**{plain(names[contract])}** –"]
        if last:
            where = ", ".join(f"{plain(service_and_region(f))} ({_missed(f)})" for f in missed)
            sentences.append(
                f"{period(last[0])}: {kept_words(last)}"
                + (f", missed in {where}." if missed else ".")
            )
        if budgets:
            words = {
                "exhausted": "exhausted",
                "at risk": "at risk",
                THIN_BUDGET: THIN_BUDGET,
                "no data": "without data",
            }
            odd = [f"{statuses[s]} {word}" for s, word in words.items() if statuses[s]]
            sentences.append(
                f"{period(budgets[0])} so far: "
                + (
                    f"of {counted(len(budgets), 'error budget')}, {', '.join(odd)}."
                    if odd
                    else "all error budgets on track."
                )
            )
        incomplete = sum(map(is_incomplete, [*last, *(b["figure"] for b in budgets)]))
        if incomplete:
            rest = "rests" if incomplete == 1 else "rest"
            sentences.append(f"{incomplete} of these figures {rest} on incomplete data.")
        if contract in last_seen:
            sentences.append(f"Latest data: {last_seen[contract]}.")
        if missed or statuses["exhausted"]:
            st.error(" ".join(sentences), icon=":material/error:")
        elif (
            statuses.total() > statuses["on track"]
            or any(verdict_of(f) is not Verdict.KEPT for f in last)
            or incomplete
        ):
            st.warning(" ".join(sentences), icon=":material/warning:")
        elif last or budgets:
            st.success(" ".join(sentences), icon=":material/check_circle:")
        elif contract in last_seen:
            st.info(" ".join(sentences))


def _missed(figure: Row) -> str:
    thin = ", on thin evidence" if verdict_of(figure) is Verdict.MISSED_ON_THIN else ""
    return f"{availability_words(figure)} of {agreed_pct(figure['commitment_pct'])}{thin}"


def glance(budgets: list[Row]) -> None:
    """The key figures."""
    components.commitments(figures)
    over = [b for b in budgets if b["budget_status"] == "exhausted"]
    unseen = sum(budget_status_of(b) == Evidence.NONE for b in budgets)
    late = rows(
        """select month, count(*) filter (resolution_outcome = 'missed') as missed,
                  count(*) as judged
           from marts.ticket_sla
           where status = 'counted' and resolution_outcome in ('met', 'missed')
             and list_contains(?, contract_id)
           group by month order by month desc limit 1""",
        contracts,
    )
    open_tickets = rows(
        """select target_status, count(*) as tickets from marts.open_tickets
           where list_contains(?, contract_id) group by target_status""",
        contracts,
    )
    by_status = {p["target_status"]: p["tickets"] for p in open_tickets}
    columns = st.columns(3)
    columns[0].metric(
        "Budgets exhausted now",
        f"{len(over)} of {len(budgets)}" + (f", {unseen} without data" if unseen else ""),
        help="Error budgets of the current periods",
        border=True,
    )
    columns[1].metric(
        f"Late resolutions, {late[0]['month']:%Y-%m}" if late else "Late resolutions",
        f"{late[0]['missed']} of {late[0]['judged']}" if late else "none",
        help="Of the tickets received in the month with a met or missed resolution target",
        border=True,
    )
    columns[2].metric(
        "Open tickets past a target",
        f"{by_status.get('breached', 0)} of {sum(by_status.values())}",
        help="Open tickets with an overdue update or resolution",
        border=True,
    )
    incomplete = rows_of_newer(
        "marts.evidence_gaps",
        """select count(distinct g.ticket_id) as tickets from marts.evidence_gaps as g
           where g.figure = 'ticket_sla' and list_contains(?, g.contract_id)
             and (g.period_start = ?
                  or g.ticket_id in (select ticket_id from marts.open_tickets))""",
        contracts,
        late[0]["month"] if late else None,
    )
    if incomplete and (tickets := incomplete[0]["tickets"]):
        st.caption(
            f"{counted(tickets, 'ticket')} behind these figures "
            f"{'rests' if tickets == 1 else 'rest'} on incomplete data."
        )


def heat_maps() -> None:
    st.subheader("Availability against commitment", anchor=False)
    if not figures:
        components.nothing(
            "There are no figures yet: no production component has a check or an outage record "
            "under a contract in force."
        )
    for contract in contracts:
        own = [f for f in figures if f["contract_id"] == contract]
        if not own:
            continue
        tiles = charts.tiles(own)
        signs = components.signs(own)
        st.caption(
            f"{plain(names[contract])}, per cent by {own[0]['period_kind']}. {signs} "
            "Click a tile for details."
        )
        event = st.altair_chart(
            charts.heat_map(tiles, own[0]["period_kind"]),
            width="stretch",
            on_select="rerun",
            key=f"tiles {contract}",
        )
        for tile in event["selection"].get("tile", []):
            found = [
                f
                for f, t in zip(own, tiles.to_dict("records"), strict=True)
                if (t["service_and_region"], t["period"])
                == (tile["service_and_region"], tile["period"])
            ]
            for f in found[:1]:
                behind(f)


def behind(figure: Row) -> None:
    """The details of a tile, with links to more."""
    with st.container(border=True):
        st.markdown(
            f"**{plain(service_and_region(figure))}, {period(figure)}**: "
            f"{availability_words(figure)}, {verdict_words(figure)}; "
            f"downtime {downtime_words(figure)}"
        )
        components.link(
            "availability",
            "Intervals, method and evidence of this figure",
            contract=figure["contract_id"],
            figure=f"{service_and_region(figure)} · {period(figure)}",
        )
        months = rows(
            """select distinct strftime(month, '%Y-%m') as month from marts.credits
               where contract_id = ? and service_id = ? and region = ?
                 and month >= ? and month < ? + to_months(?)
               order by 1""",
            *(
                figure[k]
                for k in ("contract_id", "service_id", "region", "period_start", "period_start")
            ),
            periods.MONTHS_IN[figure["period_kind"]],
        )
        if months:
            where = {
                "contracts": figure["contract_id"],
                "services": figure["service_id"],
                "regions": figure["region"],
            }
            components.link(
                "credits",
                "Credits of these subscriptions",
                months=[m["month"] for m in months],
                **where,
            )
        if is_incomplete(figure):
            st.caption(evidence_words(figure))


def budgets_left(budgets: list[Row]) -> None:
    st.subheader("Error budget of the current period", anchor=False)
    if not budgets:
        components.nothing("No period with a commitment is in progress.")
        return
    drops = rows(
        """select d.contract_id, d.service_id, d.region,
                  greatest(d.started_at, b.starts_at) as started_at, d.downtime_seconds
           from marts.downtime_by_period as d
           inner join marts.error_budgets as b
               using (contract_id, service_id, region, period_start)
           where d.downtime_seconds > 0 order by d.started_at"""
    )
    for contract in contracts:
        points = [
            point
            for b in budgets
            if b["contract_id"] == contract and b["budget_seconds"]
            for point in burn_down_of(b, drops, reader().as_of)
        ]
        if points:
            st.caption(
                f"{plain(names[contract])}, "
                f"{next(period(b) for b in budgets if b['contract_id'] == contract)}"
            )
            st.altair_chart(charts.burn_down(pd.DataFrame(points)), width="stretch")
    st.caption(
        "Share of the allowed downtime that is left. "
        "Dashed: projected to the end of the period at the rate so far."
    )


def burn_down_of(budget: Row, drops: list[Row], as_of: datetime) -> list[Row]:
    """The points of a budget's line: what is left up to `as_of`, then the projection."""
    left = budget["budget_seconds"]
    path = [(budget["starts_at"], left)]
    for drop in (
        d for d in drops if all(d[k] == budget[k] for k in ("contract_id", "service_id", "region"))
    ):
        before, left = left, left - drop["downtime_seconds"]
        path += [
            (drop["started_at"], before),
            (drop["started_at"] + timedelta(seconds=drop["downtime_seconds"]), left),
        ]
    path.append((as_of, left))
    # without data there is no rate
    is_projectable = (
        budget["projected_remaining_seconds"] is not None
        and budget_status_of(budget) != Evidence.NONE
    )
    ahead = (
        [(as_of, left), (budget["ends_at"], budget["projected_remaining_seconds"])]
        if is_projectable
        else []
    )
    return [
        {
            "service_and_region": service_and_region(budget),
            "at": at,
            "left_pct": float(100 * Decimal(rest) / budget["budget_seconds"]),
            "left": exact_duration(rest)
            + (" (projected)" if is_projected and at == budget["ends_at"] else ""),
            "is_projected": is_projected,
            # lines on track overlap: the table names them instead
            "is_end": is_projected
            and at == budget["ends_at"]
            and budget["budget_status"] != "on_track",
            "status": budget_status_of(budget),
        }
        for is_projected, part in ((False, path), (True, ahead))
        for at, rest in part
    ]


def budget_table(budgets: list[Row]) -> None:
    components.table(
        sorted(
            budgets, key=lambda b: (b["budget_remaining_seconds"], b["service_id"], b["region"])
        ),
        {
            "Service and region": service_and_region,
            "Period": period,
            "Status": budget_status_of,
            "Evidence": lambda b: evidence_words(b["figure"]),
            "Budget": length("budget_seconds"),
            "Left": components.Figure(
                lambda b: components.BUDGET_LEFT.value(b["figure"]),
                lambda b: components.BUDGET_LEFT.text(b["figure"]),
            ),
            # older versions published none
            "Burn rate": components.Figure(
                lambda b: None if budget_status_of(b) == Evidence.NONE else b.get("burn_rate"),
                lambda b: ratio(b.get("burn_rate"), Decimal(1)),
            ),
            "Projected at the end": components.Figure(
                lambda b: (
                    None
                    if budget_status_of(b) == Evidence.NONE
                    else b["projected_remaining_seconds"]
                ),
                lambda b: duration(b["projected_remaining_seconds"]),
            ),
        },
        name="Error budgets of the current periods",
    )
    st.caption(
        "Burn rate: the share of the budget that is used, divided by the share of the period that "
        "has passed. Above 1, the budget runs out before the period ends."
    )


def exposure() -> None:
    st.subheader("Cost of missed commitments", anchor=False)
    credits = rows(
        # older versions did not publish the kind of period
        """select columns('^(month|period_kind)$'), currency,
                  case
                      when exposure = 'claimable' and days_left <= ? then 'lapsing'
                      else replace(exposure, '_', ' ')
                  end as exposure,
                  sum(credit_amount) as amount
           from marts.credits
           where list_contains(?, contract_id)
             and exposure in ('payable', 'claimable', 'at_stake')
           group by all order by month, currency""",
        LAPSING_DAYS,
        contracts,
    )
    if not credits:
        components.nothing("No credit is payable, claimable or at stake.")
        return
    currencies = components.distinct(credits, "currency")
    totals: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for c in credits:
        totals[c["exposure"], c["currency"]] += c["amount"]
    columns = st.columns(len(charts.EXPOSURES))
    means = {
        "payable": "requested in time or automatic, and eligible",
        "claimable": f"not requested, more than {LAPSING_DAYS} days left",
        "lapsing": f"not requested, {LAPSING_DAYS} days left or fewer",
        "at stake": f"for {periods.heading(credits).lower()}s in progress",
    }
    for column, word in zip(columns, charts.EXPOSURES, strict=True):
        with column.container(border=True):
            amounts = [money(totals[word, c], c) for c in currencies if totals[word, c]]
            st.markdown(
                "  \n".join(
                    [
                        f":small[{word.capitalize()}: {means[word]}]",
                        *(f"**{a}**" for a in amounts or ["–"]),
                    ]
                )
            )
    for place_, currency in zip(itertools.cycle(st.columns(3)), currencies, strict=False):
        own = [c for c in credits if c["currency"] == currency]
        frame = pd.DataFrame(
            {
                "period": periods.credited(c),
                "exposure": c["exposure"],
                "amount": float(c["amount"]),
                "shown": money(c["amount"], currency),
                "order": list(charts.EXPOSURES).index(c["exposure"]),
            }
            for c in own
        )
        with place_:
            st.caption(f"{currency} by {periods.heading(own).lower()}")
            st.altair_chart(charts.exposure(frame), width="stretch")
    components.evidence(open_credits(), "credit")
    components.link("credits", "All credits, by period, customer and currency")


def open_credits() -> list[Row]:
    """The credits that may still be paid."""
    return rows(
        f"""select * from ({CREDITS}) where list_contains(?, contract_id)
            and exposure in ('payable', 'claimable', 'at_stake')""",
        contracts,
    )


# the incident of a cause, else the ticket or the downtime itself
INCIDENT = """coalesce(
    c.incident_id, c.ticket_id,
    concat_ws(' ', c.service_id, c.region, strftime(c.started_at, '%Y-%m-%d %H:%M'))
)"""
INTERVAL = "case when c.cause = 'downtime' then (c.service_id, c.region, c.started_at) end"
ATTRIBUTION = """
    from marts.credit_attribution as c
    inner join marts.credits as r using (subscription_id, month, currency)
    where list_contains(?, c.contract_id) and r.exposure in ('payable', 'claimable', 'at_stake')
"""


def incidents() -> None:
    st.subheader("Most expensive incidents", anchor=False)
    found = rows(
        f"""select {INCIDENT} as name, c.currency, sum(c.amount) as amount,
                   count(distinct c.subscription_id) as subscriptions,
                   count(distinct c.ticket_id) as tickets,
                   count(distinct {INTERVAL}) as intervals, min(c.started_at) as started_at
            {ATTRIBUTION} group by all order by c.currency, amount desc, name""",
        contracts,
    )
    if not found:
        components.nothing("No incident has caused a credit that may still be paid.")
        return
    # amounts in different currencies can't be ranked together
    currency = st.segmented_control(
        "Currency",
        components.distinct(found, "currency"),
        key="currency",
        default=found[0]["currency"],
        bind="query-params",
        required=True,
    )
    ranked = [f for f in found if f["currency"] == currency]
    picked = components.table(
        ranked,
        {
            "Incident": "name",
            "Cost": components.money("amount"),
            "Currency": "currency",
            "Subscriptions": components.number("subscriptions"),
            "Downtime intervals": components.number("intervals"),
            "Late tickets": components.number("tickets"),
            "First seen (UTC)": lambda f: instant(f["started_at"]),
        },
        name="Incidents by what each cost",
        key="incidents",
        height=320 if len(ranked) > 8 else "auto",
    )
    st.caption(
        "What each incident adds to credits that are payable, claimable or at stake; "
        "its shares add up to the credits. Select a row for details."
    )
    if picked:
        attribution(picked)


def attribution(incident: Row) -> None:
    """The intervals, tickets and credits of an incident."""
    parts = with_period_kind(
        rows(
            f"""select c.* {ATTRIBUTION} and {INCIDENT} = ? and c.currency = ?
                order by c.amount desc, c.subscription_id, c.month, c.started_at""",
            contracts,
            incident["name"],
            incident["currency"],
        )
    )
    credits = {credit_key(c): c for c in open_credits()}
    st.markdown(
        f"**{plain(incident['name'])}**: {money(incident['amount'], incident['currency'])} "
        f"in {counted(incident['subscriptions'], 'subscription')}"
    )
    part = components.table(
        parts,
        {
            "Subscription": "subscription_id",
            periods.heading(parts): periods.credited,
            "Cause": lambda c: c["cause"].replace("_", " "),
            "Ticket": lambda c: c["ticket_id"] or "–",
            "Service and region": service_and_region,
            "Started or received (UTC)": lambda c: instant(c["started_at"]),
            "Ended (UTC)": lambda c: instant(c["ended_at"]),
            "Downtime or delay": length("seconds"),
            "Cost": components.money("amount"),
            "Evidence of the credit": lambda c: evidence_words(credits[credit_key(c)]),
        },
        name="Attribution of credits",
        key="attribution",
    )
    shown = part or parts[0]
    components.link(
        "proof",
        f"Proof of {plain(shown['subscription_id'])}, {periods.credited(shown)}",
        subscription=shown["subscription_id"],
        month=f"{shown['month']:%Y-%m}",
    )


def headroom() -> None:
    st.subheader("Headroom to the next rise of a credit", anchor=False)
    left = rows(
        # older versions published neither the kind of period nor the form of credit
        """select columns('^(period_kind|credit_form|service_id|region|month)$'),
                  h.contract_id, h.currency, next_below_pct, min(seconds_left) as seconds_left,
                  bool_or(is_within_reach) as is_within_reach,
                  sum(additional_amount) as additional_amount, count(*) as subscriptions
           from marts.credit_headroom as h
           inner join (select * exclude (contract_id) from marts.credit_steps) as s
               using (subscription_id, month)
           where reasons = '' and seconds_left is not null and list_contains(?, h.contract_id)
           group by all
           order by seconds_left, additional_amount desc, service_id, region, currency""",
        contracts,
    )
    if not left:
        components.nothing("No credit of an eligible subscription can rise any more.")
        return
    left = [row | {"period_start": row["month"]} for row in left]
    components.table(
        left,
        {
            "Service and region": service_and_region,
            periods.heading(left): periods.credited,
            "Downtime left": length("seconds_left"),
            "Additional credit": components.money("additional_amount"),
            "Currency": "currency",
            "Subscriptions": components.number("subscriptions"),
            "Until": _next_rise,
            "Within reach": lambda r: (
                "yes"
                if r["is_within_reach"]
                else f"no, the {r.get('period_kind', 'month')} ends first"
            ),
            "Evidence": lambda r: (
                evidence_words(found) if (found := by_period.get(key_of(r))) else str(Evidence.NONE)
            ),
        },
        name="Downtime left until a credit rises",
        height="auto" if len(left) < 9 else 320,
    )
    st.caption(
        "Additional downtime with which the credit of the first subscription of the group rises, "
        "and the additional credit for all of them, everything else unchanged."
    )


def _next_rise(row: Row) -> str:
    """What raises a credit next, by the form of the credit (C1)."""
    form, bound = row.get("credit_form", "tiers"), agreed_pct(row["next_below_pct"])
    if form == "tiers":
        return f"the tier of {bound}"
    if form == "steps_of_pct":
        return f"the step at {bound}"
    # downtime counts once the commitment is missed
    if row["next_below_pct"] is not None:
        return f"the commitment of {bound}"
    return "each further second" if form == "refund" else "the next step"


def trend() -> None:
    st.subheader("Trends", anchor=False)
    moved = []
    for _, group in itertools.groupby(
        sorted(
            figures,
            key=lambda f: (f["contract_id"], f["service_id"], f["region"], f["period_start"]),
        ),
        lambda f: (f["contract_id"], service_and_region(f)),
    ):
        finished = [f for f in group if f["status"] == "final"]
        if len(finished) >= 2:
            before, last = finished[-2:]
            history = [f["downtime_seconds"] / 60 for f in finished[-12:] if not is_unseen(f)]
            moved.append(
                last
                | {
                    "before": before,
                    "more_s": last["downtime_seconds"] - before["downtime_seconds"],
                    "history": history,
                }
            )
    if not moved:
        components.nothing("There are not yet two finished periods to compare.")
    else:
        st.caption(
            "Downtime of the last finished period and of the one before. "
            "Bars: minutes of downtime in each finished period with data"
        )
        moved.sort(key=lambda m: (-m["more_s"], service_and_region(m)))
        components.table(
            moved,
            {
                "Service and region": service_and_region,
                "Last finished period": period,
                "Downtime": components.DOWNTIME,
                "Period before": components.Figure(
                    lambda m: components.DOWNTIME.value(m["before"]),
                    lambda m: components.DOWNTIME.text(m["before"]),
                ),
                "Change": components.Figure(
                    lambda m: m["more_s"] if _is_comparable(m) else None,
                    lambda m: ("+" if m["more_s"] > 0 else "") + duration(m["more_s"]),
                ),
                "Verdict": _trend,
                "Minutes by period": "history",
            },
            name="Downtime of the last finished period against the one before",
            column_config={"Minutes by period": st.column_config.BarChartColumn(y_min=0)},
        )
    late = rows(
        # older versions did not publish whether the month is over
        """select columns('^(contract_id|severity|month|is_month_final)$'),
                  count(*) filter (resolution_outcome = 'missed') as missed, count(*) as judged
           from marts.ticket_sla
           where status = 'counted' and resolution_outcome in ('met', 'missed')
             and list_contains(?, contract_id)
           group by all order by contract_id, severity, month""",
        contracts,
    )
    by_severity = []
    for (contract, severity), group in itertools.groupby(
        (r for r in late if r.get("is_month_final")), lambda r: (r["contract_id"], r["severity"])
    ):
        months = list(group)
        if len(months) > 1:
            before, last = months[-2:]
            share = [100 * m["missed"] / m["judged"] for m in months[-12:]]
            by_severity.append(
                last
                | {
                    "before": before,
                    "share": share,
                    "name": f"{severity} · {names.get(contract, contract)}",
                }
            )
    if by_severity:
        st.caption("Late resolutions in the last finished month and in the one before")
        components.table(
            by_severity,
            {
                "Severity and contract": "name",
                "Month": lambda r: f"{r['month']:%Y-%m}",
                "Late resolutions": lambda r: f"{r['missed']} of {r['judged']}",
                "Month before": lambda r: (
                    f"{r['before']['missed']} of {r['before']['judged']} "
                    f"in {r['before']['month']:%Y-%m}"
                ),
                "Verdict": lambda r: _compared(
                    r["missed"] * r["before"]["judged"], r["before"]["missed"] * r["judged"]
                ),
                "Share late, %": "share",
            },
            name="Late resolutions by severity in finished months",
            column_config={"Share late, %": st.column_config.LineChartColumn(y_min=0, y_max=100)},
        )


def _is_comparable(moved: Row) -> bool:
    return not is_unseen(moved) and not is_unseen(moved["before"])


def _trend(moved: Row) -> str:
    """Whether downtime rose or fell, if both periods have data."""
    if not _is_comparable(moved):
        return str(Evidence.NONE)
    is_thin = any(evidence_of(f) is Evidence.THIN for f in (moved, moved["before"]))
    return _compared(moved["more_s"], 0) + (", on thin evidence" if is_thin else "")


def _compared(now: int, before: int) -> str:
    return "worse" if now > before else "better" if now < before else "as before"


# the error budgets of the current periods, each with its figure
running = [
    budget | {"figure": by_period[key_of(budget)]}
    for budget in rows(
        """select * from marts.error_budgets where list_contains(?, contract_id)
           order by contract_id, service_id, region""",
        contracts,
    )
]
verdict(running)
glance(running)
left, right = st.columns([3, 2], gap="large")
with left:
    heat_maps()
with right:
    budgets_left(running)
if running:
    budget_table(running)
exposure()
left, right = st.columns(2, gap="large")
with left:
    incidents()
with right:
    headroom()
trend()
