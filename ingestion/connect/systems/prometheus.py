"""Prometheus: series such as `up` or `probe_success`, read as checks (M1).

The API is asked for ranges (`query_range`), in windows of at most 11,000 points a series, which is
the most that it gives; up to when, its own clock says. The last five minutes are left for the next
pull, since samples may still arrive. Points lie on multiples of the step, so that the same point
is the same check however it was read.

A point is a check: 1 is up, 0 is down, NaN is unknown; `up_from` and `degraded_from` read other
numbers. A missing point is no check: after `stale_after_s` the state is unknown (M1). Note that a
range query repeats a sample for up to five minutes where none follows, unless its series has ended
(a scrape that fails gives `up` 0, so that is about gaps of Prometheus itself). A query such as
`last_over_time(up[1m])` ends that.

A series is called by its labels, as in `{instance="shop:443",job="blackbox"}`, without its name;
or by the value of the labels in `label`. Where it was seen from is `location`, by default one for
all; a label such as `region` makes several, and M2 decides between them.

Exports: an answer of the API saved to a file, and the CSV that Grafana writes of "series joined by
time", whose columns are named by labels, or by a legend. The shapes are those of the HTTP API's
documentation. No tables of other tools are read: no description of any was found, but for an
early `source-prometheus` for Airbyte, in which each metric is a stream.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Annotated

from pydantic import Field, model_validator

from makegood.ingestion.connect.instants import first_second, from_epoch
from makegood.ingestion.connect.names import Lookup, PlaceNames, Strict
from makegood.ingestion.connect.system import (
    Api,
    Export,
    Record,
    Records,
    Rows,
    System,
    Unmapped,
    Unreadable,
    Value,
)

POINTS = 11_000
# samples that are younger may still be incomplete
SETTLED_S = 300
_SERIES = re.compile(r"[a-zA-Z0-9_:]*\{(.*)\}", re.DOTALL)
_LABEL = re.compile(r'\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*=\s*"((?:[^"\\]|\\.)*)"\s*(?:,|$)', re.DOTALL)
# what a record of an export of Grafana holds besides its series
_TIME = "Time"


class Names(PlaceNames):
    """`label`: which labels say what a series is of; several are joined by ` / `. `location`: the
    label that says where it was seen from. `up_from`, `degraded_from`: the least value that is up,
    and degraded; less is down."""

    label: str | list[str] | None = None
    location: Lookup = Lookup(otherwise="prometheus")
    up_from: Decimal | None = None
    degraded_from: Decimal | None = None

    @model_validator(mode="after")
    def _in_order(self) -> "Names":
        if self.degraded_from is not None and (
            self.up_from is None or self.degraded_from >= self.up_from
        ):
            raise ValueError("degraded_from needs an up_from above it")
        return self


class Connection(Strict):
    """`url`: of the server; `query`: in PromQL; `step`: seconds from point to point; `start`: the
    first day to be read; `user`: for servers that ask for a name and a password, which the token
    is then."""

    url: str
    query: str
    start: date
    step: Annotated[int, Field(ge=1, le=3600, strict=True)] = 60
    user: str | None = None


def _auth(connection: Connection, token: str) -> dict[str, str]:
    if connection.user:
        return {"type": "http_basic", "username": connection.user, "password": token}
    return {"type": "bearer", "token": token}


def api(connection: Connection, secrets: Mapping[str, str]) -> Api:
    """Windows of time, and the series in each. The server is asked for its clock; what it is asked
    with comes back in a label, so that an answer says from when on there is more to read."""
    start = first_second(connection.start)
    token = secrets.get("token")

    def windows(answer: dict[str, Value]) -> Iterator[list[dict[str, int]]]:
        clock = Record(answer)
        since, now = int(clock.needed("metric.since")), int(answer["value"][0])
        # resources pass lists on
        yield list(between(since, now - SETTLED_S, connection.step))

    return Api(
        client={
            "base_url": connection.url,
            **({"auth": _auth(connection, token)} if token else {}),
        },
        resources=[
            {
                "name": "windows",
                "endpoint": {
                    "path": "/api/v1/query",
                    "params": {
                        "query": 'label_replace(vector(time()), "since", '
                        '"{incremental.start_value}", "since", "")'
                    },
                    "data_selector": "data.result",
                    "paginator": "single_page",
                    "incremental": {"cursor_path": "end", "initial_value": start - 1},
                },
                "processing_steps": [{"yield_map": windows}],
            },
            {
                "name": "series",
                "endpoint": {
                    "path": "/api/v1/query_range",
                    "params": {
                        # single braces are places to be filled in
                        "query": connection.query.replace("{", "{{").replace("}", "}}"),
                        "start": "{resources.windows.start}",
                        "end": "{resources.windows.end}",
                        "step": connection.step,
                    },
                    "data_selector": "data.result",
                    "paginator": "single_page",
                },
            },
        ],
        records={"series": lambda item: iter([of_answer(item)])},
        page=_page,
    )


def between(since: int, until: int, step: int) -> Iterator[dict[str, int]]:
    """Windows of points after `since`, up to `until`, in Unix seconds."""
    start, last = (since // step + 1) * step, until // step * step
    while start <= last:
        end = min(start + (POINTS - 1) * step, last)
        yield {"start": start, "end": end}
        start = end + step


def _page(page: dict[str, Value]) -> dict[str, Value]:
    """Refuses what is an error, and what is incomplete: it would not be read again."""
    if page.get("status") != "success":
        raise Unreadable(f"the query failed: {page.get('errorType')}: {page.get('error')}")
    # remarks on the query itself begin so
    serious = [text for text in page.get("warnings") or () if not str(text).startswith("PromQL")]
    if serious:
        raise Unreadable(f"the answer is incomplete: {'; '.join(map(str, serious))}")
    return page


def of_answer(series: Mapping[str, Value]) -> dict[str, Value]:
    """A series as the API gives it, and what identifies it: its name, and its time."""
    values = series.get("values") or []
    times = [str(value[0]) for value in (*values[:1], *values[-1:])]
    metric = series.get("metric") or {}
    return {
        "series": name_of(metric),
        "time": " to ".join(times),
        "metric": metric,
        "values": values,
    }


def name_of(metric: Mapping[str, Value]) -> str:
    """A series' labels as PromQL writes them, in order, without the name of the metric."""
    labels = [
        '{}="{}"'.format(label, str(value).replace("\\", "\\\\").replace('"', '\\"'))
        for label, value in sorted(metric.items())
        if label != "__name__"
    ]
    return f"{{{','.join(labels)}}}"


def labels_of(text: str) -> dict[str, str] | None:
    """The labels in a series' name; None for a name that is none."""
    if not (found := _SERIES.fullmatch(text.strip())):
        return None
    labels, at = {}, 0
    while at < len(found[1]):
        label = _LABEL.match(found[1], at)
        if not label:
            return None
        labels[label[1]] = re.sub(r"\\(.)", r"\1", label[2])
        at = label.end()
    return labels


def _of_grafana(row: Mapping[str, Value]) -> dict[str, Value]:
    series = [name for name in row if name != _TIME]
    return {
        "series": " | ".join(series),
        "time": row[_TIME],
        "columns": {name: row[name] for name in series},
    }


def rows(records: Records, names: Names, out: Rows) -> None:
    """Components, and a check for each point of a series that has a place."""
    names.add_components(out)
    found = [point for record in records.get("series", ()) for point in _points(record)]
    called: dict[tuple[str, str], str] = {}

    def check(record: Record) -> None:
        name = _name(record, names)
        component = names.component(name)
        if component is None:
            names.unplaced(name, out)
            return
        labels = Record(record.get("metric") or {})
        location = names.location.of(labels, "location", out)
        if location is None:
            raise Unmapped("its labels don't say the location, and there is no `otherwise`")
        if called.setdefault((component, location), record.needed("series")) != record.get(
            "series"
        ):
            out.note(f"several series are {component} as seen from {location}: the worst counts")
        at = record.needed("time")
        out.add(
            "checks",
            {
                "component_id": component,
                "location": location,
                "checked_at": from_epoch(at) if _is_number(at) else at,
                "status": _status(record.needed("value"), names),
            },
        )

    out.of_each("series", "series", found, check)


def _points(record: Record) -> Iterator[Record]:
    """One record for each point; a column of an export that is empty is none."""
    if isinstance(columns := record.get("columns"), Mapping):
        for name, value in columns.items():
            if value is None:
                continue
            metric = labels_of(name)
            series = name if metric is None else name_of(metric)
            data = {"series": series, "metric": metric, "time": record.get("time"), "value": value}
            yield Record(data, record.where)
        return
    for value in record.get("values") or ():
        at, text = value if isinstance(value, list) and len(value) == 2 else (None, None)
        yield Record(
            {
                "series": record.get("series"),
                "metric": record.get("metric"),
                "time": at,
                "value": text,
            },
            record.where,
        )


def _name(record: Record, names: Names) -> str:
    metric = record.get("metric")
    if names.label is None or metric is None:
        return record.needed("series")
    wanted = [names.label] if isinstance(names.label, str) else names.label
    if missing := [label for label in wanted if not metric.get(label)]:
        raise Unmapped(f"has no label {missing[0]!r}; there are {', '.join(metric) or 'none'}")
    return " / ".join(str(metric[label]) for label in wanted)


def _is_number(text: str) -> bool:
    return re.fullmatch(r"[0-9]+(\.[0-9]+)?", text) is not None


def _status(text: str, names: Names) -> str:
    try:
        value = Decimal(text)
    except InvalidOperation as error:
        raise Unmapped(f"{text!r} is not a value: the form is 1, 0.5 or NaN") from error
    if value.is_nan():
        return "unknown"
    if names.up_from is None:
        if value not in (0, 1):
            raise Unmapped(
                f"the value {text} is neither 1 nor 0: `up_from` says from which value on it is up"
            )
        return "up" if value == 1 else "down"
    if value >= names.up_from:
        return "up"
    is_degraded = names.degraded_from is not None and value >= names.degraded_from
    return "degraded" if is_degraded else "down"


TEMPLATE = """\
    system: prometheus
    api:
      url: https://prometheus.example.com
      query: 'probe_success{job="blackbox"}'
      step: 60                        # seconds from check to check
      start: 2026-01-01               # the first day to be read
      # user: reader                  # if PROMETHEUS_TOKEN is a password
    label: instance                   # which label says what a series is of
    places:                           # its value: what it watches
      "https://shop.example.com": {service: SVC-1, region: eu-1, component: SHOP-1}
    # location: {field: region, otherwise: eu}   # the label that says from where
    # up_from: 0.95                   # values that are up, if they are not 1 and 0
    # degraded_from: 0.5
"""

SYSTEM = System(
    name="prometheus",
    title="Prometheus",
    feeds=("components", "checks"),
    names=Names,
    keys={"windows": ("start", "end"), "series": ("series", "time")},
    rows=rows,
    template=TEMPLATE,
    facts=frozenset({"series"}),
    connection=Connection,
    secrets={"token": "PROMETHEUS_TOKEN"},
    optional_secrets=frozenset({"token"}),
    api=api,
    exports=(
        Export(
            "series",
            "an answer of query_range (JSON)",
            ("metric", "values"),
            record=of_answer,
            path="data.result",
        ),
        Export(
            "series",
            'series joined by time, as Grafana exports a panel ("Download CSV")',
            (_TIME,),
            record=_of_grafana,
            times=(_TIME,),
        ),
    ),
)
