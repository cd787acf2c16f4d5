"""What pages share: heading, filters, tables, downloads, and links between pages."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd
import streamlit as st

from makegood.dashboards.access.reader import Row
from makegood.dashboards.app import navigation, published
from makegood.dashboards.exports import excel, files
from makegood.dashboards.figures import periods
from makegood.dashboards.figures import totals as figures_totals
from makegood.dashboards.figures.evidence import (
    MISSES,
    Evidence,
    Verdict,
    evidence_of,
    is_incomplete,
    verdict_of,
)
from makegood.dashboards.figures.words import counted, decimals, duration, instant, money, plain

if TYPE_CHECKING:
    import polars as pl

Shown = Callable[[Row], Any]
# heading -> column, or a function of the row
Columns = Mapping[str, str | Shown]


def head(title: str, question: str) -> None:
    """The title of a page, the question it answers, and the age of its figures.

    Comes first on each page: filters belong to the page."""
    st.session_state["page"] = title
    st.title(title, anchor=False)
    st.caption(question)
    stamp()


def stamp() -> None:
    """The instant of the figures, and the publication they come from."""
    run = published.reader().run
    st.caption(
        f"Figures as of **{instant(run['as_of'])} UTC** · "
        f"published {instant(run['finished_at'])[:16]} UTC "
        f"({published.age(run['finished_at'])}) · run {run['run_number']}"
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

    `rows`: of FIGURES or CREDITS; `what`: their name in the plural."""
    thin = sum(
        row["availability_pct"] is not None and evidence_of(row) is not Evidence.SUFFICIENT
        for row in rows
    )
    incomplete = sum(map(is_incomplete, rows))
    weak = [
        f"{count:,} {'rests' if count == 1 else 'rest'} on {basis}"
        for count, basis in ((thin, "thin or no evidence"), (incomplete, "incomplete data"))
        if count
    ]
    if weak:
        st.caption(f"Of these {len(rows):,} {what}, {' and '.join(weak)}.")


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
        st.caption(f"These are the first {MOST_GAPS:,} of {len(gaps):,} rows.")


def signs(figures: Sequence[Row]) -> str:
    """The legend of a heat map, in sentences. `figures`: rows of FIGURES."""
    starred = " A star marks incomplete data." if any(map(is_incomplete, figures)) else ""
    return "Outlined periods are still in progress." + starred


def _filter(key: str) -> str:
    # by page, so that a filter does not carry over from the previous page
    return f"{st.session_state['page']}: {key}"


def choice(
    label: str, options: Sequence[str], key: str, shown: Callable[[str], str] = str
) -> list[str]:
    """A filter of several values; an empty one means all.

    The address of the page has the values as they are, not as `shown`."""
    name = _filter(key)
    asked = st.query_params.get_all(key)
    if name not in st.session_state and asked and not set(asked) & set(options):
        nothing(f"{label}: there is nothing here for {plain(', '.join(asked))}.")
        st.stop()
    before = st.session_state.get(name, asked)
    st.session_state[name] = [value for value in before if value in options]
    chosen = st.multiselect(label, options, key=name, format_func=shown, placeholder="all")
    if asked != chosen:
        st.query_params[key] = chosen
    return list(chosen) or list(options)


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

    For an address with an unknown value the page says so and shows nothing else."""
    name = _filter(key)
    asked = st.query_params.get(key)
    if name not in st.session_state and asked is not None and asked not in options:
        nothing(f"There is no {label.lower()} {plain(asked)} here.")
        st.stop()
    before = value or st.session_state.get(name, asked)
    st.session_state[name] = (
        before if before in options else start if start in options else options[0]
    )
    chosen = str(st.selectbox(label, options, key=name, format_func=shown))
    if asked != chosen:
        st.query_params[key] = chosen
    return chosen


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
    money: Sequence[str] = (),
    **more: Any,
) -> Any:
    """Rows as a table. `money`: headings of exact amounts; `key`: a row can be picked.

    Returns the picked row or None."""
    shown = [
        {heading: row[of] if isinstance(of, str) else of(row) for heading, of in columns.items()}
        for row in rows
    ]
    frame = pd.DataFrame(shown, columns=list(columns))
    config: dict[str, Any] = {
        heading: st.column_config.NumberColumn(format=_amounts(rows)) for heading in money
    } | more.pop("column_config", {})
    look = {
        "hide_index": True,
        "width": "stretch",
        "column_config": config,
        "alt": name,
        "placeholder": "–",
        **more,
    }
    if key is None:
        st.dataframe(frame, **look)
        return None
    event = st.dataframe(frame, key=key, on_select="rerun", selection_mode="single-row", **look)
    picked = event["selection"]["rows"]
    return rows[picked[0]] if picked and picked[0] < len(rows) else None


def totals(
    rows: Sequence[Row], amounts: Mapping[str, str], what: str, *, of_one_month: bool = False
) -> None:
    """Sums by period, by customer and by currency, each in a tab of its own.

    `rows`: with currency, customer and period; `amounts`: heading -> column; `what`: their name in
    the plural, in sentences; `of_one_month`: sums by period would say nothing."""
    heading = periods.heading(rows)
    keyed = [row | {"period": periods.credited(row)} for row in rows]
    sums: Columns = {"Rows": "rows", **amounts}
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
                money=list(amounts),
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
    is_all = st.toggle(f"Also show the {without:,} {what} of zero", key="zero", bind="query-params")
    return [row for row in rows if is_all or has_money(row)], not is_all


def sums(rows: Sequence[Row], amount: str) -> str:
    """The sums of an amount by currency, in bold, a line each; a dash without any."""
    summed = figures_totals.totals(rows, [amount])
    lines = [f"**{money(row[amount], row['currency'])}**" for row in summed if row[amount]]
    return "  \n".join(lines) or "–"


def _amounts(rows: Sequence[Row]) -> str:
    """Two decimals if all currencies have two; else as many as each amount needs."""
    return (
        "accounting"
        if {decimals(row["currency"]) for row in rows if row["currency"]} <= {2}
        else "localized"
    )


def length(column: str) -> Callable[[Row], str]:
    """A column of seconds in words."""
    return lambda row: duration(row[column])


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
                    f"An Excel sheet holds at most {excel.MOST_ROWS - 1:,} rows: "
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
            label=label,
            query_params={
                k: v if isinstance(v, str) else list(v) for k, v in query.items() if v is not None
            },
        )


def nothing(sentence: str) -> None:
    """A sentence where there is nothing to show."""
    st.info(sentence)
