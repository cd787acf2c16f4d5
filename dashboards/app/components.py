"""What pages share: heading, filters, tables, downloads, and links between pages."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd
import streamlit as st

from makegood.dashboards.access.reader import Row
from makegood.dashboards.app import charts, navigation, published
from makegood.dashboards.exports import excel, files
from makegood.dashboards.figures import periods, style
from makegood.dashboards.figures import totals as figures_totals
from makegood.dashboards.figures.contract import as_customer
from makegood.dashboards.figures.evidence import (
    MISSES,
    Evidence,
    Verdict,
    availability_words,
    budget_words,
    coverage_words,
    downtime_words,
    is_incomplete,
    is_thin,
    is_unseen,
    verdict_of,
)
from makegood.dashboards.figures.queries import GAPS_OF_TICKET
from makegood.dashboards.figures.style import counted, instant, thousands
from makegood.dashboards.figures.words import plain

if TYPE_CHECKING:
    import polars as pl

Shown = Callable[[Row], Any]


@dataclass(frozen=True)
class Figure:
    """A column of figures: sorted, and copied, by the exact `value`; shown as `text`.

    A value of None is shown as a dash."""

    value: Shown
    text: Callable[[Row], str]


# heading -> column, a function of the row, or a figure
Columns = Mapping[str, str | Shown | Figure]

# a table shows so many rows; its download has all
MOST_ROWS = 2000


def head(title: str, question: str) -> None:
    """The title of a page, the question it answers, and the instant of its figures.

    Comes first on each page: filters belong to the page."""
    st.session_state["page"] = title
    st.title(title, anchor=False)
    st.caption(question)
    st.caption(f"Figures as of **{instant(published.reader().run['as_of'])} UTC**")


def publication() -> None:
    """The age of the figures, and the run that they come from."""
    run = published.reader().run
    st.caption(
        f"Published {published.age(run['finished_at'])} by run {run['run_number']}",
        help=f"{instant(run['finished_at'])} UTC",
    )


def commitments(figures: Sequence[Row]) -> None:
    """How many commitments of finished periods were kept, missed, or lack evidence (M6).

    `figures`: rows of FIGURES."""
    finished = [f for f in figures if f["status"] != "provisional" and f["is_met"] is not None]
    verdicts = Counter(verdict_of(f) for f in finished)
    counts = {
        "Commitments kept": (
            verdicts[Verdict.KEPT],
            "Finished periods with sufficient monitoring data",
        ),
        "Kept, on thin evidence": (
            verdicts[Verdict.KEPT_ON_THIN],
            "Too little monitoring data for the period (M6)",
        ),
        "Commitments missed": (
            sum(verdicts[v] for v in MISSES),
            "Including those on thin evidence",
        ),
        "No data": (verdicts[Verdict.NO_DATA], "No monitoring data for the period"),
        "On incomplete data": (
            sum(map(is_incomplete, finished)),
            "Rows were rejected, or are waiting for other rows",
        ),
    }
    for column, (label, (count, means)) in zip(
        st.columns(len(counts)), counts.items(), strict=True
    ):
        column.metric(label, f"{count} of {len(finished)}", help=means, border=True)


def evidence(rows: Sequence[Row], what: str) -> None:
    """How many of the figures on a page rest on thin evidence or incomplete data, if any.

    `rows`: of FIGURES or CREDITS, or several of these in one with their number as `credits`;
    `what`: their name in the singular."""

    def number(of: Iterable[Row]) -> int:
        return sum(row.get("credits", 1) for row in of)

    thin = number(filter(is_thin, rows))
    incomplete = number(filter(is_incomplete, rows))
    weak = [
        f"{thousands(count)} {'rests' if count == 1 else 'rest'} on {basis}"
        for count, basis in ((thin, "thin or no evidence"), (incomplete, "incomplete data"))
        if count
    ]
    if weak:
        st.caption(f"Of {counted(number(rows), what)}, {' and '.join(weak)}.")


# at most so many missing rows are listed
MOST_GAPS = 1000


def missing(gaps: Sequence[Row]) -> None:
    """The rows missing from a figure, with file and line, if any. `gaps`: rows of GAPS."""
    if not gaps:
        return
    st.markdown(
        f"**Incomplete:** {counted(len(gaps), 'row')} {'is' if len(gaps) == 1 else 'are'} missing "
        "(rejected, or waiting for another row)."
    )
    columns: Columns = {
        "Missing": "sentence",
        "File": "file",
        "Line": "line",
        "Reason": "reason",
        "Column": lambda g: g["column_name"] or "–",
    }
    table(
        gaps[:MOST_GAPS],
        columns,
        name="Rows missing from the figure",
        height=320 if len(gaps) > 8 else "auto",
    )
    if len(gaps) > MOST_GAPS:
        st.caption(f"These are the first {thousands(MOST_GAPS)} of {thousands(len(gaps))} rows.")


def timeline(ticket_id: str) -> None:
    """The rows missing from a ticket, if any, and its events with file and line (K1, K5)."""
    missing(published.rows_of_newer("marts.evidence_gaps", GAPS_OF_TICKET, ticket_id))
    st.markdown(f"**Timeline of {plain(ticket_id)}**")
    events = published.rows_of_newer(
        "marts.ticket_events",
        "select * from marts.ticket_events where ticket_id = ? order by sequence",
        ticket_id,
    )
    if not events:
        nothing("An older version published these figures, without the events of open tickets.")
        return
    columns: Columns = {
        "At (UTC)": lambda e: instant(e["occurred_at"]),
        "Event": "event",
        "Severity": "severity",
        "Resolution clock": lambda e: "runs" if e["is_on_clock"] else "off",
        "Counted": length("clock_seconds", in_hours=True),
        "File": "file",
        "Line": "line",
    }
    table(events, columns, name="Events of the ticket")


def tile_legend(figures: Sequence[Row]) -> None:
    """What the tiles of heat maps mean: one legend for a page. `figures`: rows of FIGURES."""
    used = set(map(charts.budget_use, figures))
    thin = str(Verdict.KEPT_ON_THIN)
    entries = {
        word: _swatch(colour, word if word == Evidence.NONE else "")
        for word, (colour, _) in charts.BUDGET_USE.items()
        if word in used and word != thin
    }
    if any(charts.hatch(f) == Evidence.THIN for f in figures):
        entries["thin evidence"] = _swatch(charts.BUDGET_USE[thin][0], "thin")
    if any(f["status"] == "provisional" for f in figures):
        entries["outlined: still in progress"] = "border: 3px solid #7a7a7a"
    if any(map(is_incomplete, figures)):
        entries["* on incomplete data"] = ""
    legend(entries)


def _swatch(colour: str, hatch: str = "") -> str:
    """The look of a tile as CSS. `hatch`: a key of `charts.HATCHES`, or empty."""
    if not hatch:
        return f"background: {colour}"
    apart, stripe = charts.HATCHES[hatch]
    # slanted, stripes are closer than along the edge
    apart = round(apart * 0.7)
    return (
        f"background: repeating-linear-gradient(-70deg, {colour} 0 {apart}px, "
        f"{stripe} {apart}px {apart + 1.5}px)"
    )


def legend(entries: Mapping[str, str]) -> None:
    """What colours mean, in one line if there is room: words and the look of each as CSS, empty for
    none."""
    parts = [
        '<span style="display: inline-flex; align-items: center; gap: .4rem">'
        + (
            '<span style="display: inline-block; box-sizing: border-box; width: 1.6rem; '
            f'height: .95rem; {look}"></span>'
            if look
            else ""
        )
        + f"{words}</span>"
        for words, look in entries.items()
    ]
    st.html(
        '<div role="note" aria-label="Legend" style="display: flex; flex-wrap: wrap; '
        f'gap: .25rem 1.1rem; font-size: .85rem">{"".join(parts)}</div>'
    )


def _filter(key: str) -> str:
    # by page, so that a filter does not carry over from the previous page
    return f"{st.session_state['page']}: {key}"


def choice(
    label: str,
    options: Sequence[str],
    key: str,
    shown: Callable[[str], str] = str,
    *,
    aside: Collection[str] = (),
) -> list[str]:
    """A filter of several values; an empty one means all that are not `aside`, if there are any.

    The address of the page has the values as they are, not as `shown`."""
    name = _filter(key)
    asked = st.query_params.get_all(key)
    is_unknown = bool(asked) and not set(asked) & set(options) and not st.session_state.get(name)
    before = st.session_state.get(name, asked)
    st.session_state[name] = [value for value in before if value in options]
    chosen = st.multiselect(label, options, key=name, format_func=shown, placeholder="all")
    if is_unknown:
        _unknown(f"{label}: there is nothing here for {plain(', '.join(asked))}.", "Show all", key)
    if asked != chosen:
        st.query_params[key] = chosen
    return list(chosen) or [o for o in options if o not in aside] or list(options)


def contracts(options: Sequence[str], shown: Callable[[str], str] = str) -> list[str]:
    """The filter of contracts. Those in which we are the customer are no commitment of ours, and
    left out until they are chosen (C8)."""
    aside = as_customer(published.reader())
    chosen = choice("Contracts", options, "contracts", shown, aside=aside)
    left_out = [plain(shown(o)) for o in options if o in aside and o not in chosen]
    if left_out:
        st.caption(f"Without {', '.join(left_out)}, unless chosen: we are the customer there.")
    return chosen


def months(options: Sequence[Row]) -> list[str]:
    """The filter of the periods of credits, the latest first; those that begin with the same month
    are one choice. `options`: with `month` and `period_kind`.

    Returns first months, as 2026-07, which is also how the address has them."""
    begun: dict[str, set[str]] = {}
    for row in options:
        begun.setdefault(f"{row['month']:%Y-%m}", set()).add(periods.credited(row))
    return choice(
        f"{periods.heading(options)}s",
        sorted(begun, reverse=True),
        "months",
        lambda month: " · ".join(sorted(begun[month])),
    )


def pick(
    label: str,
    options: Sequence[str],
    key: str,
    *,
    start: str | None = None,
    shown: Callable[[str], str] = str,
    value: str | None = None,
) -> str:
    """A filter of one value, in the address of the page. `value`: sets it now, unless None.

    For an address with an unknown value the page says so, and shows the filter alone."""
    name = _filter(key)
    asked = st.query_params.get(key)
    before = value or st.session_state.get(name) or asked
    if asked is not None and asked not in options and before == asked:
        st.session_state[name] = None
        st.selectbox(label, options, None, key=name, format_func=shown, placeholder="Choose one")
        found_none = f"There is no {label.lower()} {plain(asked)} here."
        _unknown(found_none, f"Show another {label.lower()}", key)
    st.session_state[name] = (
        before if before in options else start if start in options else options[0]
    )
    chosen = str(st.selectbox(label, options, key=name, format_func=shown))
    if asked != chosen:
        st.query_params[key] = chosen
    return chosen


def _unknown(sentence: str, back: str, key: str) -> None:
    """Below a filter whose value in the address is unknown: that it is, and the way back."""
    nothing(sentence)
    st.button(back, key=f"{_filter(key)}, back", on_click=_forget, args=(key,))
    st.stop()


def _forget(key: str) -> None:
    """Takes a filter out of the address."""
    del st.query_params[key]
    st.session_state.pop(_filter(key), None)


def picked_anew(row: str | None, key: str) -> str | None:
    """A picked row, if it was picked just now: a later choice in the filter overrides it."""
    before, st.session_state[f"{_filter(key)}, picked"] = (
        st.session_state.get(f"{_filter(key)}, picked"),
        row,
    )
    return row if row != before else None


def named(names: Mapping[str, str]) -> Callable[[str], str]:
    """How an id with a name is shown: both, or one if they are equal."""
    return lambda key: f"{names[key]} ({key})" if names[key] != key else key


def filters(count: int) -> list[Any]:
    """Columns for filters, side by side if there is room."""
    return list(st.columns(count))


def distinct(rows: Iterable[Row], column: str) -> list[str]:
    """The values of a column in order, without nulls."""
    return sorted({row[column] for row in rows if row[column] is not None})


def table(
    rows: Sequence[Row],
    columns: Columns,
    *,
    name: str,
    key: str | None = None,
    **more: Any,
) -> Any:
    """Rows as a table, the first MOST_ROWS of them. `key`: a row can be picked.

    Returns the picked row or None."""
    shown = rows[:MOST_ROWS]
    look = {"hide_index": True, "width": "stretch", "alt": name, "placeholder": style.NONE, **more}
    frame = _frame(shown, columns)
    if key is None:
        st.dataframe(frame, **look)
        picked = []
    else:
        # a click on any cell picks its row
        look["selection_mode"] = "single-cell"
        event = st.dataframe(frame, key=key, on_select="rerun", **look)
        picked = [row for row, _ in event["selection"]["cells"]]
    if len(rows) > len(shown):
        st.caption(f"These are the first {thousands(len(shown))} of {thousands(len(rows))} rows.")
    return shown[picked[0]] if picked and picked[0] < len(shown) else None


def _frame(rows: Sequence[Row], columns: Columns) -> Any:
    """Values by heading, with the texts of figures where there are any."""
    frame = pd.DataFrame({heading: _values(rows, of) for heading, of in columns.items()})
    figures = [(n, of) for n, of in enumerate(columns.values()) if isinstance(of, Figure)]
    if not figures or not rows:
        return frame
    styler = frame.style
    for place, of in figures:
        for line, row in enumerate(rows):
            text = style.NONE if of.value(row) is None else of.text(row)
            # the text of a cell depends on its row, which no public formatter is given
            styler._display_funcs[line, place] = _constant(text)  # type: ignore[attr-defined]
    return styler


def _values(rows: Sequence[Row], of: str | Shown | Figure) -> Any:
    if isinstance(of, str):
        return [row[of] for row in rows]
    values = [(of.value if isinstance(of, Figure) else of)(row) for row in rows]
    # integers stay integers where some are missing
    is_whole = {type(value) for value in values} <= {int, type(None)}
    return pd.array(values, dtype="Int64") if isinstance(of, Figure) and is_whole else values


def _constant(text: str) -> Callable[[object], str]:
    return lambda _: text


def totals(
    rows: Sequence[Row], amounts: Mapping[str, str], what: str, *, of_one_month: bool = False
) -> None:
    """Sums by period, by customer and by currency, each in a tab of its own.

    `rows`: with currency, customer and period; `amounts`: heading -> column; `what`: their name in
    the plural, in sentences; `of_one_month`: sums by period would say nothing."""
    heading = periods.heading(rows)
    keyed = [row | {"period": periods.credited(row)} for row in rows]
    sums: Columns = {"Rows": number("rows"), **{h: money(c) for h, c in amounts.items()}}
    kinds: dict[str, dict[str, str]] = {
        heading.lower(): {heading: "period"},
        "customer": {"Customer": "customer_name", "Id": "customer_id"},
        "currency": {},
    }
    if of_one_month:
        del kinds[heading.lower()]
    for tab, names in zip(st.tabs([f"By {kind}" for kind in kinds]), kinds.values(), strict=True):
        by = list(names.values())
        summed = figures_totals.totals(keyed, list(amounts.values()), by)
        # the latest period first, as in all tables
        summed.sort(key=lambda row: str(row.get("period", "")), reverse=True)
        with tab:
            table(
                summed,
                {**names, "Currency": "currency", **sums},
                name=f"{what} by {' and '.join([*list(names)[:1], 'currency']).lower()}",
                height=420 if len(summed) > 11 else "auto",
            )


def of_money(
    rows: Sequence[Row], has_money: Callable[[Row], bool], what: str
) -> tuple[list[Row], bool]:
    """The rows that are about money, with the others if the reader wants them, and whether any are
    hidden. `what`: their name in the plural."""
    without = sum(not has_money(row) for row in rows)
    if not without:
        return list(rows), False
    is_all = st.toggle(
        f"Also show the {thousands(without)} {what} of zero", key="zero", bind="query-params"
    )
    return [row for row in rows if is_all or has_money(row)], not is_all


def sums(rows: Sequence[Row], amount: str) -> str:
    """The sums of an amount by currency, in bold, a line each; a dash without any."""
    summed = figures_totals.totals(rows, [amount])
    lines = [f"**{style.money(row[amount], row['currency'])}**" for row in summed if row[amount]]
    return "  \n".join(lines) or "–"


def length(column: str, *bounds: str, in_hours: bool = False) -> Figure:
    """A column of seconds. `bounds`: columns with what it is compared with; `in_hours`: it is on a
    clock that stops."""
    return Figure(
        lambda row: row[column],
        lambda row: style.duration(row[column], *(row[b] for b in bounds), in_hours=in_hours),
    )


def money(column: str) -> Figure:
    """A column of amounts in the currency of their row, which another column shows."""
    return Figure(
        lambda row: row[column], lambda row: style.money(row[column], row["currency"], code=False)
    )


def number(column: str) -> Figure:
    """A column of counts."""
    return Figure(lambda row: row[column], lambda row: thousands(row[column]))


def agreed_share(column: str) -> Figure:
    """A column of percentages that a contract sets."""
    return Figure(lambda row: row[column], lambda row: style.agreed_pct(row[column]))


def seen(column: str, text: Callable[[Row], str]) -> Figure:
    """A column of figures that without any data are none. Rows: of FIGURES or CREDITS."""
    return Figure(lambda row: None if is_unseen(row) else row[column], text)


AVAILABILITY = seen("availability_pct", availability_words)
DOWNTIME = seen("downtime_seconds", downtime_words)
BUDGET_LEFT = seen("budget_remaining_seconds", budget_words)
COVERAGE = Figure(lambda row: row["coverage_pct"], coverage_words)


def downloads(
    sql: str,
    *parameters: Any,
    name: str,
    mart: str | None = None,
    notes: Mapping[str, str] | None = None,
    is_all: bool = False,
) -> None:
    """Downloads of the rows of a query; a file is made when it is requested.

    `name`: of the file, and the title in it; `mart`: describes the columns; `is_all`: the download
    ignores the filters of the page, and its label says so."""
    reader = published.reader()
    count = published.rows(
        f"select count(*) as rows from ({sql.removesuffix('order by all')})", *parameters
    )[0]["rows"]
    about = files.about(reader, name.replace("_", " "), mart, notes)
    all_rows = " (all rows)" if is_all else ""
    offer(name, about, count, lambda: reader.table(sql, *parameters), all_rows)


def offer(
    name: str, about: files.About, count: int, rows: Callable[[], "pl.DataFrame"], which: str = ""
) -> None:
    """Downloads of a number of rows in each kind of file; one is made when it is requested."""

    def file(kind: files.Kind) -> Callable[[], bytes]:
        return lambda: kind.make(rows(), about)

    with st.popover(f"Download {plain(name.replace('_', ' '))}{which}"):
        st.caption(
            f"{counted(count, 'row')} with exact values. "
            "Parquet is for programs, Excel and CSV are for people."
        )
        for label, kind in files.KINDS.items():
            if label == "Excel" and count >= excel.MOST_ROWS:
                st.caption(
                    f"An Excel sheet holds at most {thousands(excel.MOST_ROWS - 1)} rows: "
                    "choose fewer rows, or download Parquet."
                )
                continue
            st.download_button(
                label,
                file(kind),
                file_name=kind.file_name(about),
                mime=kind.media_type,
                key=f"{name} {label}",
                on_click="ignore",
                width="stretch",
            )


def link(page: str, label: str, **query: str | Sequence[str] | None) -> None:
    """A link to another page with its filters; nothing if the viewer may not open it."""
    if page in {listed.name for listed in navigation.pages_of(published.granted().roles)}:
        st.page_link(
            f"app_pages/{page}.py",
            label=f":primary[{label}]",
            query_params={
                k: v if isinstance(v, str) else list(v) for k, v in query.items() if v is not None
            },
        )


def nothing(sentence: str) -> None:
    """A sentence where there is nothing to show."""
    st.info(sentence)
