"""Pulls and runs on one landing folder: a mistake that blocks a run is gone with its correction,
wherever that was made, and nothing is lost on the way."""

from pathlib import Path

import pytest

from makegood.orchestration.pipeline.run import Blocked
from makegood.orchestration.warehouse.store import Warehouse
from tests.conftest import published_once
from tests.connect.conftest import Pull
from tests.support.acme import Acme, acme, connect_yaml, issue
from tests.support.delivered import all_rows, files

pytestmark = pytest.mark.usefixtures("made_up")
AS_OF = "2026-07-10T00:00:00Z"
ROWS = """\
  customers:
    - {customer_id: C, name: C}
  subscriptions:
    - {subscription_id: SUB-1, customer_id: C, service_id: web, region: eu, support_plan: premium,
       kind: paid, status: active, valid_from: 2026-01-01}
"""


def settings(folder: Path, server: Acme, rows: str = ROWS) -> Path:
    config = connect_yaml(folder, server.served.url)
    config.write_text(config.read_text().replace("sources:\n", rows + "sources:\n"))
    return config


def run(folder: Path) -> dict[str, str]:
    """The tickets that are published, and their status."""
    published = published_once(folder / "landing", folder / "warehouse", AS_OF)
    found = published.query("select ticket_id, status from marts.ticket_sla")
    return {row["ticket_id"]: row["status"] for row in found}


def bad_log(number: int, changed: int) -> dict[str, object]:
    day = f"2026-06-{number + 1:02}"
    return issue(number, changed=changed, log=[{"at": f"{day}T09:00:00Z", "status": "odd"}])


def test_a_mistake_in_the_system_is_gone_with_its_correction(tmp_path: Path, pull: Pull) -> None:
    with acme(issues=3, pings=5) as server:
        config = settings(tmp_path, server)
        server.issues[2] = bad_log(3, 3)
        pull(config)
        with pytest.raises(Blocked):
            run(tmp_path)
        server.issues[2] = issue(3, changed=10)
        pull(config)
        assert run(tmp_path) == {"1": "counted", "2": "counted", "3": "counted"}
        # what has landed stays where it is, and a later mistake goes with its correction alone
        landed = files(tmp_path / "landing")
        server.issues += [bad_log(4, 11), issue(5, changed=12)]
        pull(config)
        with pytest.raises(Blocked):
            run(tmp_path)
        server.issues[3] = issue(4, changed=13)
        pull(config)
        assert len(run(tmp_path)) == 5
        assert set(landed) <= set(files(tmp_path / "landing"))
        assert pull(config)[0][1].written == {}


def test_a_mistake_in_rows_of_the_file_is_gone_with_its_correction(
    tmp_path: Path, pull: Pull
) -> None:
    with acme(issues=1, pings=5) as server:
        config = settings(tmp_path, server)
        text = config.read_text()
        config.write_text(text.replace("customer_id: C, service_id", "customer_id: D, service_id"))
        pull(config)
        config.write_text(text)
        pull(config)
        assert run(tmp_path) == {"1": "counted"}


@pytest.mark.long
def test_a_file_that_is_lost_before_it_landed_is_delivered_anew(tmp_path: Path, pull: Pull) -> None:
    with acme(issues=2, pings=5) as server:
        config = settings(tmp_path, server)
        pull(config)
        assert len(run(tmp_path)) == 2
        server.issues.append(issue(7))
        pull(config)
        wanted = all_rows(tmp_path / "landing")
        (tmp_path / "landing" / "tickets" / "connect" / "desk" / "00000002.jsonl.gz").unlink()
        pull(config)
        assert all_rows(tmp_path / "landing") == wanted
        assert len(run(tmp_path)) == 3


def test_no_file_is_taken_from_under_a_run(tmp_path: Path, pull: Pull) -> None:
    with acme(issues=2) as server:
        config = settings(tmp_path, server)
        pull(config)
        before = files(tmp_path / "landing")
        server.issues.append(issue(7))
        with Warehouse(tmp_path / "warehouse").locked():
            pull(config)
        assert set(before) < set(files(tmp_path / "landing"))
        wanted = all_rows(tmp_path / "landing")
        server.issues.append(issue(8))
        pull(config)
        # now they make room
        assert not set(before) <= set(files(tmp_path / "landing"))
        assert len(all_rows(tmp_path / "landing")["tickets"]) == len(wanted["tickets"]) + 1
