"""The first screen as HTML: four blocks that fit on a small laptop without scrolling.

Streamlit's own elements are too tall for that. Every text is escaped; colours are told apart by
signs and words, too, and are legible on light and dark.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from html import escape
from urllib.parse import quote

from makegood.dashboards.figures import periods, style
from makegood.dashboards.figures.overview import money, worse
from makegood.dashboards.figures.overview.commitments import Standing
from makegood.dashboards.figures.overview.lines import Line, Link, Tone
from makegood.dashboards.figures.overview.money import LAPSED_MONTHS, Cost
from makegood.dashboards.figures.overview.screen import Screen
from makegood.dashboards.figures.queries import LAPSING_DAYS
from makegood.dashboards.figures.style import NONE

# whether the viewer may open a page
MayOpen = Callable[[str], bool]

# so many lines are in sight; the others open
MOST_CONTRACTS, MOST_CURRENCIES, MOST_WORSE, MOST_STEPS = 2, 5, 3, 5
TRENDS = "trends"

_SIGNS = {
    Tone.MISSED: "✕",
    Tone.AT_RISK: "!",
    Tone.THIN: "?",
    Tone.NO_DATA: "–",
    Tone.KEPT: "✓",
    Tone.NEUTRAL: "·",
}
_LAYOUT = """
.mg {font-size: .9rem; line-height: 1.38; display: flex; flex-direction: column; gap: .7rem;}
.mg > div {display: contents;}
.mg .first {order: 1;} .mg .second {order: 2;}
.mg section {border: 1px solid rgba(128,128,128,.35); border-radius: .4rem; min-width: 0;
  padding: .5rem .8rem .6rem;}
.mg h2 {font-size: 1rem; font-weight: 600; margin: 0 0 .25rem; padding: 0;}
.mg h2 > span, .mg h3 > span {font-weight: 400; opacity: .75; font-size: .8rem; margin-left: .5em;}
.mg h3 {font-size: .9rem; font-weight: 600; margin: .3rem 0 .1rem; padding: 0;}
.mg ul {list-style: none; margin: 0; padding: 0;}
.mg li {display: flex; gap: .5rem; margin: .15rem 0; overflow-wrap: anywhere;}
.mg a {color: inherit; text-decoration: underline; text-decoration-thickness: 1px;
  text-decoration-color: rgba(128,128,128,.65); text-underline-offset: .18em;}
.mg li a {text-decoration: none;}
.mg li a::after {content: "\\00a0›"; opacity: .7;}
.mg a:hover, .mg a:focus-visible {text-decoration: underline;}
.mg small {font-size: .8rem; opacity: .8; display: block; margin-top: .25rem;}
.mg .sign {flex: none; width: 1.15rem; height: 1.15rem; margin-top: .06rem; border-radius: .25rem;
  display: inline-flex; align-items: center; justify-content: center; font-size: .78rem;
  font-weight: 700; color: #fff;}
.mg [data-tone="missed"] > .sign {background: #c44e00;}
.mg [data-tone="at risk"] > .sign {background: #e69f00; color: #1c1000;}
.mg [data-tone="kept"] > .sign {background: #00795a;}
.mg [data-tone="thin evidence"] > .sign {color: #1f1f1f; background: repeating-linear-gradient(
  -45deg, #ddd6bd 0 4px, #b9ad80 4px 5.5px);}
.mg [data-tone="no data"] > .sign {color: #1f1f1f; background: repeating-linear-gradient(
  -45deg, #e9e9e9 0 2.5px, #a5a5a5 2.5px 4px);}
.mg [data-tone="neutral"] > .sign {color: inherit; border: 1px solid rgba(128,128,128,.6);}
.mg table {border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums;}
.mg .wide {overflow-x: auto;}
.mg th, .mg td {text-align: right; padding: .16rem 0 .16rem .7rem; vertical-align: top;
  border: 0; border-top: 1px solid rgba(128,128,128,.25); white-space: nowrap;}
.mg thead th {border-top: 0; font-weight: 400; font-size: .8rem; opacity: .8; line-height: 1.2;
  vertical-align: bottom; white-space: normal;}
.mg th:first-child, .mg td:first-child {text-align: left; padding-left: 0;}
.mg tbody th {font-weight: 600;}
.mg td.zero {opacity: .55;}
.mg td span {display: block; font-size: .8rem; opacity: .85;}
.mg td[data-of="change"] span {white-space: normal; max-width: 9rem; margin-left: auto;}
.mg p {margin: 0;}
.mg details {margin-top: .2rem;}
.mg summary {cursor: pointer; font-size: .85rem; opacity: .85;}
.mg .whole {white-space: nowrap;}
@media (max-width: 500px) {
  .mg section {padding: .5rem .6rem;}
  .mg table {font-size: .76rem;}
  .mg th, .mg td {padding-left: .4rem;}
  .mg thead th, .mg td span {font-size: .7rem;}
}
@media (min-width: 1000px) {
  .mg {display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 1fr);
    gap: .7rem .9rem; align-items: start;}
  .mg > div {display: flex; flex-direction: column; gap: .7rem; min-width: 0;}
  .mg > .banner {grid-column: 1 / -1;}
}
"""


def html(screen: Screen, may_open: MayOpen) -> str:
    """The first screen. A line leads to the list behind it where the viewer may open that page."""
    commitments = _block("Commitments", "first", _commitments(screen.standings, may_open))
    note = "by currency; amounts are never added across currencies"
    cost = _block("Cost", "first", _costs(screen, may_open), note)
    note = "against the like period before"
    got_worse = _block("Got worse", "second", _worse(screen, may_open), note)
    do_next = _block("Do next", "second", _steps(screen, may_open), "in order of deadline")
    # in two columns, or below each other: commitments, cost, what got worse, what to do
    return (
        f'<style>{_LAYOUT}</style><div class="mg">{_banner(screen.standings)}'
        f"<div>{commitments}{got_worse}</div><div>{cost}{do_next}</div></div>"
    )


def _block(title: str, order: str, body: str, note: str = "") -> str:
    more = f"<span>{_text(note)}</span>" if note else ""
    return (
        f'<section class="{order}" aria-label="{_text(title)}"><h2>{_text(title)}{more}</h2>'
        f"{body}</section>"
    )


# dates, and numbers with their per cent, are not broken over lines
_WHOLE = re.compile(r"\d{4}-\d\d-\d\d|[\d.,]+ %")


def _text(text: str) -> str:
    """Text as HTML, in which no name of a feed is markup."""
    return _WHOLE.sub(lambda found: f'<span class="whole">{found[0]}</span>', escape(text))


def address(link: Link) -> str:
    """The address of a list, relative to the start page."""
    pairs = [
        (key, one)
        for key, value in link.query.items()
        for one in ([value] if isinstance(value, str) else value)
    ]
    query = "&".join(f"{quote(key)}={quote(one, safe='')}" for key, one in pairs)
    return f"{link.page}?{query}" if query else link.page


def _linked(text: str, link: Link | None, may_open: MayOpen) -> str:
    """Text, escaped, as a link to the list behind it if there is one that the viewer may open."""
    if link is None or not may_open(link.page):
        return _text(text)
    return f'<a href="{escape(address(link))}">{_text(text)}</a>'


def _item(line: Line, may_open: MayOpen) -> str:
    return (
        f'<li data-tone="{line.tone}"><span class="sign" role="img" aria-label="{line.tone}">'
        f"{_SIGNS[line.tone]}</span><span>{_linked(line.text, line.link, may_open)}</span></li>"
    )


def _list(lines: Iterable[Line], may_open: MayOpen) -> str:
    return f"<ul>{''.join(_item(line, may_open) for line in lines)}</ul>"


def _folded(title: str, body: str) -> str:
    return f"<details><summary>{_text(title)}</summary>{body}</details>"


def _banner(standings: Sequence[Standing]) -> str:
    """What current periods lack, contract by contract; nothing where all have their data."""
    lacking = [s.banner for s in standings if s.banner]
    if not lacking:
        return ""
    lines = [Line(text, Tone.NO_DATA) for text in lacking]
    return (
        f'<section class="banner" aria-label="Missing data">{_list(lines, lambda page: False)}'
        "<small>Time without data counts neither for a commitment nor against it.</small></section>"
    )


def _commitments(standings: Sequence[Standing], may_open: MayOpen) -> str:
    shown = [_standing(s, may_open) for s in standings]
    rest = standings[MOST_CONTRACTS:]
    if not rest:
        return "".join(shown) or "<p>There is no contract.</p>"
    missed = sum(any(line.tone is Tone.MISSED for line in s.lines) for s in rest)
    title = f"{len(rest)} more, {missed or 'none'} of them with a miss"
    return "".join(shown[:MOST_CONTRACTS]) + _folded(title, "".join(shown[MOST_CONTRACTS:]))


def _standing(standing: Standing, may_open: MayOpen) -> str:
    data = f"<span>{_text(standing.data)}</span>" if standing.data else ""
    nothing = Line("No figures yet: no component has a check or an outage record.")
    return f"<h3>{_text(standing.name)}{data}</h3>" + _list(standing.lines or [nothing], may_open)


# ---------------------------------------------------------------- cost

_HEADINGS = {
    "owed": "owed, not issued yet",
    "unclaimed": "not claimed yet",
    "expiring": f"of it, expires in {LAPSING_DAYS} days",
    "at_stake": "at stake so far",
    "lapsed": f"lapsed, {LAPSED_MONTHS} months",
}


def _costs(screen: Screen, may_open: MayOpen) -> str:
    weak = money.remark(screen.credits)
    remark = f"<small>{_text(weak)}</small>" if weak else ""
    if not screen.costs:
        return f"<p>Nothing is owed, claimable or at stake, and nothing has lapsed.</p>{remark}"
    shown = screen.costs[:MOST_CURRENCIES]
    rest = screen.costs[MOST_CURRENCIES:]
    more = _folded(f"{len(rest)} more currencies", _table(rest, may_open)) if rest else ""
    return _table(shown, may_open) + more + remark


def _table(costs: Sequence[Cost], may_open: MayOpen) -> str:
    ends = {(change.kind, change.last) for cost in costs for change in cost.changes}
    last = "all of the last period, change"
    if len(ends) == 1:
        kind, first = ends.pop()
        before = periods.before(kind, first)
        last = f"{periods.code(kind, first)}, change on {periods.code(kind, before)}"
    headings = ["", *_HEADINGS.values(), last]
    head = "".join(f'<th scope="col">{_text(h)}</th>' for h in headings)
    rows = "".join(_row(cost, may_open) for cost in costs)
    return (
        '<div class="wide"><table aria-label="Cost by currency">'
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _row(cost: Cost, may_open: MayOpen) -> str:
    links: Mapping[str, Link] = cost.links
    cells = []
    for key in _HEADINGS:
        value: Decimal = getattr(cost, key)
        text = style.money(value, cost.currency, code=False)
        cells.append(
            f'<td data-of="{key}">{_linked(text, links[key], may_open)}</td>'
            if value
            else f'<td data-of="{key}" class="zero">{_text(text)}</td>'
        )
    changes = "".join(_change(change, cost, may_open) for change in cost.changes) or NONE
    return (
        f'<tr><th scope="row">{_text(cost.currency)}</th>{"".join(cells)}'
        f'<td data-of="change">{changes}</td></tr>'
    )


def _change(change: money.Change, cost: Cost, may_open: MayOpen) -> str:
    if change.amount is None or change.before is None:
        return f"{NONE}<span>{_text(change.reason)}</span>"
    link = Link("credits", {**cost.links["change"].query, "months": f"{change.last:%Y-%m}"})
    text = _linked(
        style.money(change.amount, cost.currency, code=False),
        link if change.amount else None,
        may_open,
    )
    more = change.amount - change.before
    sign = "+" if more > 0 else ""
    words = f"{sign}{style.money(more, cost.currency, code=False)}" if more else "as before"
    return f"{text}<span>{_text(words)}</span>"


# ---------------------------------------------------------------- got worse, do next


def _worse(screen: Screen, may_open: MayOpen) -> str:
    lines = worse.lines(screen.compared)
    remark = worse.remark(screen.compared)
    if not lines:
        is_any = any(not c.reason for c in screen.compared)
        lines = [
            Line("Nothing that can be compared got worse.", Tone.NEUTRAL)
            if is_any
            else Line("There is nothing to compare yet.", Tone.NEUTRAL)
        ]
    rest = len(lines) - MOST_WORSE
    words = [f"{rest} more got worse."] if rest > 0 else []
    words += [remark] if remark else []
    link = f' <a href="#{TRENDS}">All comparisons</a>' if screen.compared else ""
    return _list(lines[:MOST_WORSE], may_open) + f"<small>{_text(' '.join(words))}{link}</small>"


def _steps(screen: Screen, may_open: MayOpen) -> str:
    lines = [step.line for step in screen.steps]
    if not lines:
        return "<p>No claim expires, no ticket is about to miss a target, no budget runs out.</p>"
    rest = lines[MOST_STEPS:]
    more = _folded(f"{len(rest)} more", _list(rest, may_open)) if rest else ""
    return _list(lines[:MOST_STEPS], may_open) + more
