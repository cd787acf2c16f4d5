"""Atlassian Statuspage: incidents become outages, scheduled maintenance becomes exclusions.

Read over the API for managing a page (`/v1/pages/{page}/incidents`, as its OpenAPI file describes
it: all incidents of both kinds, 100 a request), or without a token over the page's own public API
(`/api/v2/incidents.json` and `scheduled-maintenances.json`, the latest 50 of each). What was
deleted on the page is missing in the first, and its rows are taken back; in the second nobody can
tell. Exports are these public files, saved; a CSV file of incidents is not documented. Of tables
those of Airbyte's `source-statuspage` are read; of Fivetran's and dlt's no description was found.

An incident's updates say what happened to the status of each component (`affected_components`).
From them each component gets its outages: from an update that gives it a status of `states` to the
one that takes it away, or to the resolution. One incident on many components gives a record for
each. Nobody can say what an incident without components is about, nor what a component suffered
whose status no update changes: both are left, by name, unless a setting says how they are meant.

Maintenance excludes what was announced (X3): the announced window, up to the completion where that
came sooner. The decision is argued in DECISIONS.md.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import Field, model_validator

from makegood.ingestion.connect.instants import moment
from makegood.ingestion.connect.names import Id, Lookup, PlaceNames, Strict
from makegood.ingestion.connect.system import (
    Api,
    Export,
    Layout,
    Record,
    Records,
    Rows,
    System,
    Unmapped,
)

State = Literal["down", "degraded", "none"]
STATES: dict[str, State] = {
    "operational": "none",
    "under_maintenance": "none",
    "degraded_performance": "degraded",
    "partial_outage": "down",
    "major_outage": "down",
}
# what Statuspage itself makes of the worst status of an incident's components
_OF_IMPACT = {
    "critical": "major_outage",
    "major": "partial_outage",
    "minor": "degraded_performance",
    "maintenance": "under_maintenance",
    "none": "operational",
}
_OVER = ("resolved", "completed", "postmortem")


class StatuspageNames(PlaceNames):
    """Places by a component's id or name, and how to read what a page leaves open.

    `states`: status of a component -> `down`, `degraded` or `none` (no outage), where it isn't to
    be read as in STATES (`partial_outage` is `down` there: some customers have no service).
    `by_impact`: whether the components of an incident, none of which has an outage by the updates,
    are in the state of its impact until the resolution. `is_whole_page`: whether an incident or a
    maintenance without components is about all places. Unless these two are given, such incidents
    are left by name. `kind`: which exclusion a maintenance is, where not all are scheduled ones;
    `window`: what of a maintenance excludes, the announced window or the actual one.
    """

    states: dict[str, State] = Field(default_factory=dict)
    by_impact: bool | None = None
    is_whole_page: bool | None = None
    kind: Lookup = Lookup(otherwise="scheduled_maintenance")
    window: Literal["announced", "actual"] = "announced"


class Connection(Strict):
    """Either `page`, the id of the page, which needs a token, or `public`, the address of the page
    itself, which needs none. `url`: of another endpoint."""

    page: Id | None = None
    public: str | None = None
    url: str = "https://api.statuspage.io"

    @model_validator(mode="after")
    def _is_one(self) -> "Connection":
        if (self.page is None) == (self.public is None):
            raise ValueError("give one of page and public")
        return self


def api(connection: Connection, secrets: Mapping[str, str]) -> Api:
    """All incidents, newest first: the API has nothing to ask for changes by."""
    if connection.public:

        def public(name: str, key: str, file: str) -> dict[str, Any]:
            return {
                "name": name,
                "endpoint": {
                    "path": f"/api/v2/{file}.json",
                    "data_selector": key,
                    "paginator": {"type": "single_page"},
                },
            }

        return Api(
            client={"base_url": connection.public},
            resources=[
                public("incidents", "incidents", "incidents"),
                public("maintenances", "scheduled_maintenances", "scheduled-maintenances"),
            ],
        )

    return Api(
        client={
            "base_url": connection.url,
            "headers": {"Authorization": f"OAuth {secrets['token']}"},
        },
        resources=[
            {
                "name": "incidents",
                "endpoint": {
                    "path": f"/v1/pages/{connection.page}/incidents",
                    "params": {"limit": 100},
                    "data_selector": "$",
                    "paginator": {
                        "type": "page_number",
                        "base_page": 1,
                        "page_param": "page",
                        "total_path": None,
                    },
                },
            }
        ],
        # an incident that was deleted on the page is only missing
        listed=frozenset({"incidents"}),
    )


def _needs(connection: Connection) -> frozenset[str]:
    return frozenset() if connection.public else frozenset({"token"})


def rows(records: Records, names: StatuspageNames, out: Rows) -> None:
    """Outages and exclusions by component."""
    names.add_components(out)

    def event(record: Record) -> None:
        page = _Event(record, names, out)
        page.add_outages()
        if record.text("scheduled_for"):
            page.add_exclusions()

    out.of_each("incidents", "id", _latest(records), event)


def _latest(records: Records) -> list[Record]:
    """Each incident once: it may be in both lists, and of the two the one changed last counts."""
    found: dict[str, Record] = {}
    for resource in ("incidents", "maintenances"):
        for record in records.get(resource, ()):
            key = record.text("id") or f"{resource} {len(found)}"
            if key not in found or _changed(record) >= _changed(found[key]):
                found[key] = record
    return list(found.values())


def _changed(record: Record) -> tuple[int, str]:
    at = record.text("updated_at")
    return (0, "") if at is None else moment(at)


@dataclass(frozen=True)
class _Update:
    """An update of an incident, `at` when it was for customers (`display_at`)."""

    at: str
    status: str
    # component -> its status before and after, by the code of the component
    statuses: Mapping[str, tuple[str | None, str]]


@dataclass(frozen=True)
class _Span:
    state: str
    start: str
    end: str | None


class _Event:
    """An incident or a maintenance."""

    def __init__(self, record: Record, names: StatuspageNames, out: Rows) -> None:
        self.record, self.names, self.out = record, names, out
        self.id = record.needed("id")
        self.is_maintenance = record.text("scheduled_for") is not None
        # the names of components by code
        self.called: dict[str, str] = {}
        for component in record.many("components"):
            self.called[component.needed("id")] = component.text("name") or ""
        self.listed = list(self.called)
        self.states: dict[str, str] = {}
        self.components: dict[str, str | None] = {}
        self.updates = sorted(self._updates(), key=lambda update: moment(update.at))

    def _updates(self) -> Iterator[_Update]:
        # newest first; of updates at one instant the one that was made first comes first
        updates = self.record.many("incident_updates")
        updates.sort(key=lambda update: moment(update.needed("created_at")))
        for update in updates:
            statuses = {}
            for component in update.many("affected_components"):
                # an update that affects none has an entry that says so, without a code
                if (code := component.text("code")) and (new := component.text("new_status")):
                    statuses[code] = (component.text("old_status"), new)
                    self.called.setdefault(code, component.text("name") or "")
            at = update.text("display_at") or update.needed("created_at")
            yield _Update(at, update.needed("status"), statuses)

    def add_outages(self) -> None:
        """The outages of each component that has a place."""
        suffered = {code for update in self.updates for code in update.statuses}
        found = {code: list(self._spans(code)) for code in sorted(suffered)}
        if self.called and not self.is_maintenance and not self._has_outage():
            found |= self._by_impact()
        # several components of the page may be one of ours
        ours: dict[str, list[_Span]] = defaultdict(list)
        for code, spans in found.items():
            if spans and (component := self._component(code)):
                ours[component] += spans
        for component, spans in ours.items():
            self._add(component, sorted(spans, key=lambda span: moment(span.start)))
        if not self.called and not self.is_maintenance:
            self._without_components()

    def _has_outage(self) -> bool:
        """Whether an update knows of an outage of a component."""
        return any(
            status is not None and self._state(status) != "none"
            for update in self.updates
            for statuses in update.statuses.values()
            for status in statuses
        )

    def _spans(self, code: str) -> Iterator[_Span]:
        """The outages of a component, by the updates."""
        state, start = "none", ""
        is_known = False
        for number, update in enumerate(self.updates):
            if code in update.statuses:
                old, new = update.statuses[code]
                if not is_known and number > 0 and old and self._state(old) != "none":
                    self.out.note(
                        f"incident {self.id}: {self.called[code] or code} was {old} before an "
                        "update first named it; since when isn't said, and isn't counted"
                    )
                is_known = True
                now = self._state(new)
                at = self._first() if number == 0 else update.at
            elif update.status in _OVER:
                now, at = "none", update.at
            else:
                continue
            if update.status in _OVER and now != "none":
                self.out.note(
                    f"incident {self.id}: {self.called[code] or code} was left as {new} at the "
                    "resolution, which ends the outage here"
                )
                now = "none"
            if now == state:
                continue
            if state != "none":
                yield _Span(state, start, at)
            state, start = now, at
        if state != "none":
            yield _Span(state, start, self._end())

    def _state(self, status: str) -> str:
        if status not in self.states:
            known = STATES | self.names.states
            if status == "partial_outage" and status not in self.names.states:
                self.out.note("partial_outage is read as down; `states` can say otherwise")
            # the feed rejects an unknown one by name
            self.states[status] = self.out.named("states", status, known)
        return self.states[status]

    def _first(self) -> str:
        """When the incident began: a backfilled one began before it was written down."""
        first = self.updates[0].at if self.updates else self.record.needed("created_at")
        started = self.record.text("started_at")
        if self.is_maintenance or started is None or moment(started) > moment(first):
            return first
        return started

    def _end(self) -> str | None:
        """When it was over for good; None while it isn't."""
        if self.record.text("status") not in _OVER:
            return None
        ended = None
        for update in reversed(self.updates):
            if update.status not in _OVER:
                break
            ended = update.at
        return ended or self.record.needed("resolved_at")

    def _of_impact(self) -> list[_Span]:
        """What the incident's impact says of everything that it is about."""
        impact = self.record.text("impact_override") or self.record.text("impact") or "none"
        state = self._state(_OF_IMPACT.get(impact, impact))
        return [] if state == "none" else [_Span(state, self._first(), self._end())]

    def _by_impact(self) -> dict[str, list[_Span]]:
        """The outages of an incident whose updates give no component one."""
        codes = self.listed or list(self.called)
        spans = self._of_impact()
        if spans and self.names.by_impact is None and any(map(self._component, codes)):
            self._leave(
                f"no update gives {', '.join(self.called[code] or code for code in codes)} a "
                "status other than operational; `by_impact: true` reads its impact instead, "
                "`false` counts nothing"
            )
        return dict.fromkeys(codes, spans) if self.names.by_impact else {}

    def _without_components(self) -> None:
        if spans := self._of_impact():
            for component in self._whole_page():
                self._add(component, spans)

    def _whole_page(self) -> list[str]:
        """All components, if what names none is about them."""
        if self.names.is_whole_page is None:
            self._leave(
                "it names no components; `is_whole_page: true` takes it for all of them, `false` "
                "for none"
            )
        if not self.names.is_whole_page:
            return []
        return [self.names.component(name) or name for name in self.names.places]

    def _leave(self, why: str) -> None:
        what = "maintenance" if self.is_maintenance else "incident"
        self.out.leave(f"{what} {self.id}", self.record, why)

    def _add(self, component: str, spans: list[_Span]) -> None:
        for number, span in enumerate(spans, 1):
            if span.end is not None and moment(span.end) <= moment(span.start):
                continue
            self.out.add(
                "outages",
                {
                    # a component may fail more than once in an incident
                    "outage_id": f"{self.id}:{component}" + (f":{number}" if number > 1 else ""),
                    "component_id": component,
                    "state": span.state,
                    "started_at": span.start,
                    "ended_at": span.end,
                    "incident_id": self.id,
                },
            )

    def _component(self, code: str) -> str | None:
        """Our id of a component, by its code or its name; one without a place is counted."""
        if code not in self.components:
            name = self.called[code]
            found = self.names.component(code) or self.names.component(name)
            if found is None and code not in self.names.ignore:
                self.names.unplaced(name or code, self.out)
            self.components[code] = found
        return self.components[code]

    def add_exclusions(self) -> None:
        """An exclusion for each component of a maintenance that has a place."""
        window = self._window()
        # one that an update named may have been taken from the list since
        codes = self.listed or list(self.called)
        components = [found for code in codes if (found := self._component(code))]
        if not self.called:
            # nobody may guess that it is about everything
            components = self._whole_page()
        kind = self.names.kind.of(self.record, "kind", self.out) or "scheduled_maintenance"
        for component in dict.fromkeys(components):
            row = {"exclusion_id": f"{self.id}:{component}"}
            if window is None:
                self.out.delete("exclusions", row)
                continue
            starts_at, ends_at = window
            self.out.add(
                "exclusions",
                row
                | {
                    "kind": kind,
                    "component_id": component,
                    "starts_at": starts_at,
                    "ends_at": ends_at,
                    "announced_at": self.record.needed("created_at"),
                    "note": self.record.text("name"),
                },
            )

    def _window(self) -> tuple[str, str | None] | None:
        """From when to when it excludes; None if it was over before that, so never was."""
        starts_at = self.record.needed("scheduled_for")
        ends_at = self.record.needed("scheduled_until")
        if moment(ends_at) <= moment(starts_at):
            raise Unmapped(f"scheduled_until {ends_at} is not after scheduled_for {starts_at}")
        began, over = self._began(), self._end()
        if self.names.window == "actual" and began:
            return began, over
        if over and moment(over) <= moment(starts_at):
            return None
        return starts_at, min(ends_at, over or ends_at, key=moment)

    def _began(self) -> str | None:
        """When the work began, by the first update that says so."""
        for update in self.updates:
            if update.status in ("in_progress", "verifying"):
                return update.at
        return None


_INCIDENT = ("id", "status", "created_at", "incident_updates")

TEMPLATE = """\
    system: statuspage
    api:
      page: abc123def456              # its id; or, for the latest 50 without a token:
      # public: https://status.example.com
    # each component of the page, by its name or its id, and the part of a service that it is
    places:
      Checkout API: {service: SVC-1, region: eu-west-1, component: checkout-api}
    # major and partial outages are down, degraded performance is degraded; yours, if it differs:
    # states: {partial_outage: degraded}
"""

SYSTEM = System(
    name="statuspage",
    title="Statuspage",
    feeds=("components", "outages", "exclusions"),
    names=StatuspageNames,
    keys={"incidents": ("id",), "maintenances": ("id",)},
    rows=rows,
    template=TEMPLATE,
    connection=Connection,
    secrets={"token": "STATUSPAGE_TOKEN"},
    needs=_needs,
    api=api,
    exports=(
        Export(
            "incidents",
            "incidents, as the page's public API writes them (JSON)",
            _INCIDENT,
            path="incidents",
        ),
        Export(
            "maintenances",
            "scheduled maintenance, as the page's public API writes it (JSON)",
            (*_INCIDENT, "scheduled_for", "scheduled_until"),
            path="scheduled_maintenances",
        ),
        Export(
            "incidents",
            "incidents, as the API for managing a page writes them (JSON)",
            _INCIDENT,
        ),
    ),
    layouts={
        "airbyte": Layout(
            tables=("incidents",),
            queries={
                "incidents": """
                    select id, name, status, impact,
                        trim(cast(impact_override as varchar), '"') as impact_override,
                        iso(created_at) as created_at, iso(updated_at) as updated_at,
                        iso(resolved_at) as resolved_at, iso(scheduled_for) as scheduled_for,
                        iso(scheduled_until) as scheduled_until,
                        cast(components as json) as components,
                        cast(incident_updates as json) as incident_updates,
                        cast(metadata as json) as metadata
                    from incidents
                """,
            },
        ),
    },
)
