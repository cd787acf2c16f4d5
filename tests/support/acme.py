"""A made-up system for tests of connectors in general: issues with a log, and pings that never
change; its server, and a connect.yaml for it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from makegood.ingestion.connect.names import DeskNames, PlaceNames, Strict
from makegood.ingestion.connect.system import Api, Layout, Record, Records, Rows, System
from makegood.ingestion.connect.timeline import Change, Method, Ticket, add_events
from tests.support.vendor import Answer, Request, Vendor, vendor

Issue = dict[str, Any]


class Names(DeskNames, PlaceNames):
    pass


class Connection(Strict):
    url: str
    start: int = 0


def api(connection: Connection, secrets: Mapping[str, str]) -> Api:
    def resource(name: str) -> dict[str, Any]:
        return {
            "name": name,
            "endpoint": {
                "path": f"/{name}",
                "data_selector": name,
                "paginator": {"type": "json_link", "next_url_path": "next"},
                "params": {"since": "{incremental.start_value}"},
                "incremental": {"cursor_path": "changed", "initial_value": connection.start},
            },
        }

    return Api(
        client={
            "base_url": connection.url,
            "auth": {"type": "bearer", "token": secrets["token"]},
        },
        resources=[resource("issues"), resource("pings")],
        resumable=frozenset({"issues"}),
    )


def rows(records: Records, names: Names, out: Rows) -> None:
    method = Method({"open": "working", "wait": "paused", "done": "resolved"} | names.states)

    def issue(record: Record) -> None:
        ticket_id = record.needed("id")
        if record.get("gone"):
            out.delete("tickets", {"ticket_id": ticket_id})
            return
        out.add(
            "tickets",
            {
                "ticket_id": ticket_id,
                "subscription_id": names.subscription.of(record, "subscription", out),
                "ticket_type": "incident",
                "environment": "production",
                "subject": record.text("subject"),
            },
        )
        log = [
            Change(entry.needed("at"), "status", entry.needed("status"))
            for entry in record.many("log")
        ]
        severity = out.named("severities", record.needed("severity"), names.severities)
        add_events(Ticket(ticket_id, record.needed("opened"), severity, "open", log), method, out)

    def ping(record: Record) -> None:
        name = record.needed("place")
        if (component := names.component(name)) is None:
            names.unplaced(name, out)
            return
        out.add(
            "checks",
            {
                "component_id": component,
                "location": "acme",
                "checked_at": record.needed("at"),
                "status": "up" if record.get("ok") else "down",
                "latency_ms": record.get("took"),
            },
        )

    out.of_each("issues", "id", records.get("issues", ()), issue)
    out.of_each("pings", "id", records.get("pings", ()), ping)
    names.add_components(out)


ACME: System[Names] = System(
    name="acme",
    title="Acme",
    feeds=("tickets", "ticket_events", "checks", "components"),
    names=Names,
    keys={"issues": ("id",), "pings": ("id",)},
    facts=frozenset({"pings"}),
    rows=rows,
    template="    system: acme\n    api: {url: http://localhost}\n",
    connection=Connection,
    secrets={"token": "ACME_TOKEN"},
    api=api,
    layouts={
        "fivetran": Layout(
            tables=("issue",),
            optional={"ping": ("id", "place", "at", "ok")},
            queries={
                "issues": """
                    select id, iso(opened) as opened, severity, subject, cast(log as json) as log
                    from issue
                """,
                "pings": "select id, place, iso(at) as at, ok = 'true' as ok from ping",
            },
        )
    },
)


def issue(number: int, **more: Any) -> Issue:
    """An issue that was resolved after a pause; `changed` is its number unless given."""
    day = f"2026-06-{number % 28 + 1:02}"
    return {
        "id": number,
        "changed": number,
        "opened": f"{day}T08:00:00Z",
        "severity": "high",
        "subject": f"issue {number}",
        "log": [
            {"at": f"{day}T09:00:00Z", "status": "wait"},
            {"at": f"{day}T10:00:00.25Z", "status": "open"},
            {"at": f"{day}T11:00:00Z", "status": "done"},
        ],
        **more,
    }


def ping(number: int, **more: Any) -> dict[str, Any]:
    minute = f"{number // 60 % 24:02}:{number % 60:02}"
    return {
        "id": f"p{number}",
        "changed": number,
        "place": "web",
        "at": f"2026-06-01T{minute}:00Z",
        "ok": number % 7 != 0,
        **more,
    }


@dataclass
class Acme:
    """What the server holds, ordered by `changed`, in pages of `size`."""

    issues: list[Issue] = field(default_factory=list)
    pings: list[dict[str, Any]] = field(default_factory=list)
    size: int = 3
    served: Vendor = field(default_factory=Vendor)

    def answer(self, request: Request) -> Answer:
        name = request.path.strip("/")
        since, page = int(request.params.get("since", 0)), int(request.params.get("page", 0))
        items = sorted(getattr(self, name), key=lambda item: item["changed"])
        items = [item for item in items if item["changed"] >= since]
        start = page * self.size
        more = len(items) > start + self.size
        following = f"{self.served.url}/{name}?since={since}&page={page + 1}"
        return Answer({name: items[start : start + self.size], "next": following if more else None})


@contextmanager
def acme(issues: int = 0, pings: int = 0, clock_s: int | None = None) -> Iterator[Acme]:
    """A server with so many issues and pings."""
    held = Acme([issue(n) for n in range(1, issues + 1)], [ping(n) for n in range(1, pings + 1)])
    with vendor({"/issues": held.answer, "/pings": held.answer}, clock_s) as served:
        held.served = served
        yield held


def connect_yaml(folder: Path, url: str, more: str = "", severity: str = "P1") -> Path:
    """A connect.yaml with one source, `desk`."""
    path = folder / "connect.yaml"
    path.write_text(
        "rows:\n"
        "  services:\n"
        "    - {service_id: web, name: Web, contract_id: trueengage, lifecycle: ga}\n"
        "sources:\n"
        "  desk:\n"
        "    system: acme\n"
        f'    api: {{url: "{url}"}}\n'
        f"    severities: {{high: {severity}}}\n"
        "    subscription: {otherwise: SUB-1}\n"
        "    places: {web: {service: web, region: eu}}\n" + more
    )
    return path
