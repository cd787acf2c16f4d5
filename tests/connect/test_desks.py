"""Help desks the whole way: connect.yaml, pull, files in the landing folder that feeds take."""

import gzip
import json
import shutil
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from makegood.ingestion.connect.settings import load
from makegood.ingestion.connect.systems import systems
from makegood.orchestration.settings import connect_environment
from tests.connect import test_freshdesk, test_jira, test_pagerduty, test_servicenow
from tests.connect.conftest import Pull
from tests.support.delivered import all_rows, rejected, rows
from tests.support.vendor import vendor

DESKS = {
    "servicenow": test_servicenow.NAMES,
    "jira": test_jira.NAMES,
    "freshdesk": test_freshdesk.NAMES | {"states": {"With engineering": "paused"}},
    "pagerduty": test_pagerduty.NAMES,
}
CONNECTIONS: dict[str, dict[str, Any]] = {
    "servicenow": test_servicenow.CONNECTION,
    "jira": test_jira.CONNECTION,
    "freshdesk": test_freshdesk.CONNECTION,
    "pagerduty": test_pagerduty.CONNECTION,
}


def _handlers(name: str) -> dict[str, Any]:
    if name == "servicenow":
        return {"/api/now/table/*": test_servicenow.Instance()}
    if name == "jira":
        return test_jira.Site().handlers()
    if name == "freshdesk":
        return test_freshdesk.Account().handlers()
    return dict(test_pagerduty.Account().handlers())


def _config(folder: Path, name: str, **way: Any) -> Path:
    file = folder / "connect.yaml"
    # JSON is YAML
    file.write_text(json.dumps({"sources": {"desk": {"system": name, **DESKS[name], **way}}}))
    return file


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The variables that the desks need."""
    for name in DESKS:
        for variable in systems()[name].secrets.values():
            monkeypatch.setenv(variable, "secret")
    with connect_environment():
        yield


@pytest.mark.parametrize("name", DESKS)
def test_from_the_api_to_the_landing_folder(name: str, tmp_path: Path, pull: Pull) -> None:
    with vendor(_handlers(name)) as server:
        config = _config(tmp_path, name, api={**CONNECTIONS[name], "url": server.url})
        found, failures = pull(config)
        assert failures == []
        landing = tmp_path / "landing"
        assert rejected(landing) == []
        made = all_rows(landing)
        assert found[-1].written == {feed: len(made[feed]) for feed in made}
        assert set(made) == {"tickets", "ticket_events"}
        # nothing is new
        found, failures = pull(config)
        assert failures == []
        assert found[-1].written == {}
        assert all_rows(landing) == made


@pytest.mark.parametrize("name", DESKS)
def test_the_template_can_be_read(name: str, tmp_path: Path) -> None:
    file = tmp_path / "connect.yaml"
    file.write_text(f"sources:\n  desk:\n{systems()[name].template}")
    source = load(file).sources["desk"]
    assert source.system.name == name
    assert source.api
    assert source.names.severities
    assert source.names.subscription.values


FILES: dict[str, tuple[dict[str, str], dict[str, Any]]] = {
    "servicenow": (
        {"incident.csv": test_servicenow.LIST},
        {"time_form": "%d.%m.%Y %H:%M:%S", "time_zone": "Europe/Berlin"},
    ),
    "jira": (
        {"search.json": json.dumps({"issues": [test_jira._with_log(test_jira.ISSUES[0])]})},
        {},
    ),
    "freshdesk": (
        {
            "tickets.csv": test_freshdesk.CSV.replace("\\\n", ""),
            "activities_1_1_6_2026.json": json.dumps(
                {"metadata": {}, "activities_data": test_freshdesk.ACTIVITIES}
            ),
        },
        {"time_zone": "Europe/Berlin"},
    ),
    "pagerduty": (
        {"incidents.csv": "\n".join(test_pagerduty.REPORT.splitlines()[:-1])},
        {"time_zone": "Europe/Berlin"},
    ),
}


@pytest.mark.parametrize("name", DESKS)
def test_from_export_files_to_the_landing_folder(name: str, tmp_path: Path, pull: Pull) -> None:
    contents, dialect = FILES[name]
    (tmp_path / "exports").mkdir()
    for file, content in contents.items():
        (tmp_path / "exports" / file).write_text(content.strip() + "\n")
    found, failures = pull(_config(tmp_path, name, files={"paths": ["exports/*"], **dialect}))
    assert failures == []
    assert found[-1].left == []
    assert rejected(tmp_path / "landing") == []
    events = rows(tmp_path / "landing", "ticket_events")
    assert {event["event"] for event in events} >= {"received", "classified", "resolved"}
    if name == "freshdesk":
        # the log goes before the dates
        assert "paused" in {event["event"] for event in events}


def test_from_tables_to_the_landing_folder(tmp_path: Path, pull: Pull) -> None:
    folder = tmp_path / "tables"
    folder.mkdir()
    for table, content in test_jira.FIVETRAN.items():
        (folder / f"{table}.csv").write_text(content)
    tables = {"layout": "fivetran", "folder": "tables"}
    _, failures = pull(_config(tmp_path, "jira", tables=tables))
    assert failures == []
    assert rejected(tmp_path / "landing") == []
    assert [t["ticket_id"] for t in rows(tmp_path / "landing", "tickets")] == [
        "SUP-1",
        "SUP-2",
        "SUP-3",
    ]


@pytest.mark.long
def test_the_log_of_24918_incidents_the_whole_way(tmp_path: Path, pull: Pull) -> None:
    log = test_servicenow.SHARED / "incident_event_log.csv.gz"
    if not log.exists():
        pytest.skip(f"{log} is not there: the log is not part of the project")
    with gzip.open(log) as packed, (tmp_path / "log.csv").open("wb") as file:
        shutil.copyfileobj(packed, file)
    config = tmp_path / "connect.yaml"
    config.write_text(
        textwrap.dedent(
            """
            sources:
              desk:
                system: servicenow
                files: {paths: [log.csv], time_form: "%d/%m/%Y %H:%M", time_zone: UTC}
                severities: {1 - Critical: P1, 2 - High: P2, 3 - Moderate: P3, 4 - Low: P4}
                subscription: {otherwise: SUB-1}
            """
        )
    )
    found, failures = pull(config)
    assert failures == []
    assert found[-1].read == {"incident_updates": 141_712}
    assert found[-1].left == []
    assert found[-1].written["tickets"] == 24_918
    assert dict(found[-1].unnamed) == {("states", "-100"): 2}
