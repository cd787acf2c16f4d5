"""The ticket system's verdicts beside ours: how many differ, why, and what to do about it."""

from collections import Counter

import streamlit as st

from makegood.dashboards.access.reader import Row
from makegood.dashboards.app import components
from makegood.dashboards.app.components import length, number
from makegood.dashboards.app.published import reader, rows
from makegood.dashboards.figures.opinions import (
    APART,
    REASONS,
    SILENT,
    Reason,
    target,
    title,
    titles,
    variant,
)
from makegood.dashboards.figures.style import counted, share_of, thousands

components.head(
    "Second opinions", "Where does the ticket system judge tickets differently from us, and why?"
)

if not reader().has("marts.second_opinions"):
    components.nothing(
        "An older version published these figures, without the verdicts of ticket systems: the "
        "next run adds them."
    )
    st.stop()
months = rows("select * from marts.second_opinion_months order by contract_id, month desc")
if not months:
    components.nothing(
        "No ticket system's verdicts have been delivered: tickets have source_response_met and "
        "source_resolution_met for them."
    )
    st.stop()
first, second, third = components.filters(3)
with first:
    # what differs most is what people come for
    by_promise = Counter({m["promise"]: 0 for m in months})
    for month in months:
        by_promise[month["promise"]] += month["differing"]
    promises = [name for name, _ in by_promise.most_common()]
    promise = components.pick("Promise", promises, "promise", shown=str.capitalize)
with second:
    contracts = components.contracts(components.distinct(months, "contract_id"))
with third:
    chosen = components.choice(
        "Months", sorted({f"{m['month']:%Y-%m}" for m in months}, reverse=True), "months"
    )
own = [
    m
    for m in months
    if m["promise"] == promise and m["contract_id"] in contracts and f"{m['month']:%Y-%m}" in chosen
]
if not own:
    components.nothing("No verdicts of the ticket system match the filters.")
    st.stop()


def total(column: str) -> int:
    return sum(m[column] for m in own)


def share(part: int, whole: int) -> str:
    return share_of(part, whole) if whole else "–"


differing, compared = total("differing"), total("compared")
columns = st.columns(4)
columns[0].metric(
    "Verdicts that differ",
    share(differing, compared),
    help=f"{thousands(differing)} of {counted(compared, 'ticket')} that both judge",
    border=True,
)
for column, (label, name, means) in zip(
    columns[1:],
    (
        ("Explained", "explained", "Changing one thing alone makes both verdicts the same"),
        ("Target unknown", "source_target_unknown", APART["source_target_unknown"].means),
        ("Unexplained", "unexplained", APART["unexplained"].means),
    ),
    strict=True,
):
    found = f"{thousands(total(name))} of {thousands(differing)}"
    column.metric(label, found, help=means, border=True)
unheard = [f"{thousands(total(name))} {words}" for name, words in SILENT.items() if total(name)]
if unheard:
    st.caption(f"Not compared: {', '.join(unheard)}.")

components.table(
    own,
    {
        "Contract": "contract_id",
        "Month": lambda m: f"{m['month']:%Y-%m}",
        "Differ": components.Figure(
            lambda m: m["differing_pct"], lambda m: share(m["differing"], m["compared"])
        ),
        "Differing": number("differing"),
        "Compared": number("compared"),
        "Explained": number("explained"),
        "Target unknown": number("source_target_unknown"),
        "Unexplained": number("unexplained"),
    },
    name="Verdicts by contract and month of receipt",
    height=320 if len(own) > 8 else "auto",
)

FILTERED = """from marts.second_opinions
    where promise = ? and list_contains(?, contract_id)
        and list_contains(?, strftime(month, '%Y-%m'))"""
filters = (promise, contracts, chosen)
differ = rows(f"select * {FILTERED} and not is_agreed order by month desc, ticket_id", *filters)


def held(opinion: Row) -> list[str]:
    """The codes of a difference, or what it is without one."""
    codes = opinion["reason_codes"]
    return codes.split(",") if codes else [opinion["comparison"]]


def foremost(opinion: Row) -> str:
    return str(opinion["reason_code"] or opinion["comparison"])


variants = [
    r
    for r in rows(
        """select r.*, ours.agreed as agreed_as_ours
           from marts.second_opinion_variants as r
           inner join marts.second_opinion_variants as ours
               using (contract_id, promise, severity)
           where r.promise = ? and ours.variant = 'as_ours'
           order by r.contract_id, r.severity, r.place""",
        promise,
    )
    if r["contract_id"] in contracts
]


def unsettles(code: str) -> int | None:
    """The verdicts that agree today and would differ if this were changed for every ticket: of a
    code's variants the one that fits best. None for what is no code."""
    best: dict[tuple[str, str], int] = {}
    for r in variants:
        if r["reason_code"] == code:
            best.setdefault((r["contract_id"], r["severity"]), r["unsettled"])
    return sum(best.values()) if best else None


if differ:
    st.subheader("Why they differ", anchor=False)
    firsts, holding = Counter(map(foremost, differ)), Counter(c for o in differ for c in held(o))
    known: dict[str, Reason] = REASONS | APART
    components.table(
        [
            {
                "code": code,
                "first": firsts[code],
                "holds": holding[code],
                "unsettles": unsettles(code),
            }
            for code in sorted(holding, key=lambda c: (c in APART, -firsts[c], -holding[c], c))
        ],
        {
            "Reason": lambda r: title(r["code"]),
            "First": number("first"),
            "Holds": number("holds"),
            "Unsettles": number("unsettles"),
            "Means": lambda r: known[r["code"]].means,
            "What to do": lambda r: known[r["code"]].action,
        },
        name="Reasons of differing verdicts",
        # whole sentences, over three lines
        row_height=68,
        height="content",
        column_config={
            heading: st.column_config.Column(width=290) for heading in ("Means", "What to do")
        },
    )
    st.caption(
        "A reason holds if changing that one thing makes both verdicts the same. Of several, the "
        "first is the one that fits the ticket system's verdicts best. Unsettles: how many "
        "verdicts of all months agree today, and would differ if this were changed for every "
        "ticket. Where they are many, the reason is only part of the cause."
    )

likely = [r for r in variants if r["is_likely"]]
st.subheader("What the ticket system probably goes by", anchor=False)
if likely:
    components.table(
        likely,
        {
            "Contract": "contract_id",
            "Severity": "severity",
            "Clock": lambda r: variant(r["variant"]),
            "Target": components.Figure(
                lambda r: r["fits_from_seconds"],
                lambda r: target(r["fits_from_seconds"], r["fits_below_seconds"]),
            ),
            "Verdicts that fit": components.Figure(
                lambda r: r["fitted"],
                lambda r: f"{thousands(r['fitted'])} of {thousands(r['verdicts'])}",
            ),
            "By our clock and target": components.Figure(
                lambda r: r["agreed_as_ours"],
                lambda r: f"{thousands(r['agreed_as_ours'])} of {thousands(r['verdicts'])}",
            ),
        },
        name="Likely clocks and targets of the ticket system, from its verdicts of all months",
    )
else:
    components.nothing("Its verdicts fit no clock and target well enough to tell.")
with st.expander("All variants"):
    components.table(
        variants,
        {
            "Contract": "contract_id",
            "Severity": "severity",
            "Clock": lambda r: variant(r["variant"]),
            "Agree": number("agreed"),
            "Settled": number("settled"),
            "Unsettled": number("unsettled"),
            "Best target": components.Figure(
                lambda r: r["fits_from_seconds"],
                lambda r: target(r["fits_from_seconds"], r["fits_below_seconds"]),
            ),
            "Agree by it": number("fitted"),
            "Verdicts": number("verdicts"),
        },
        name="Every variant over all of the ticket system's verdicts",
        # the first rows may have none, and the others would be cut
        column_config={"Best target": st.column_config.Column(width=200)},
        height=420 if len(variants) > 11 else "auto",
    )
    st.caption(
        "By our target: verdicts that agree, of these those that differ from ours (settled), and "
        "those that agree with ours and would not any more (unsettled)."
    )

st.subheader("Tickets", anchor=False)
every = sorted({code for opinion in differ for code in held(opinion)})
reasons = components.choice("Reasons", every, "reasons", title)
shown = [o for o in differ if set(held(o)) & set(reasons)]
if not shown:
    components.nothing("Both judge alike.")
else:
    picked = components.table(
        shown,
        {
            "Ticket": "ticket_id",
            "Severity": "severity",
            "Ticket system": lambda o: "met" if o["source_met"] else "missed",
            "Ours": "outcome",
            "Reason": lambda o: title(foremost(o)),
            "All reasons": lambda o: titles(o["reason_codes"]),
            "Elapsed": length("elapsed_seconds", "target_seconds", in_hours=True),
            "Target": length("target_seconds", in_hours=True),
            "Month": lambda o: f"{o['month']:%Y-%m}",
            "Subscription": "subscription_id",
            "Contract": "contract_id",
        },
        name="Tickets on which verdicts differ",
        key="opinions",
        height=420 if len(shown) > 11 else "auto",
    )
    st.caption("Elapsed and target are ours. Select a row for the ticket's timeline.")
    if picked:
        components.timeline(picked["ticket_id"])
components.downloads(
    f"select * {FILTERED} order by all",
    *filters,
    name="second_opinions",
    mart="second_opinions",
)
