"""What stays in the landing folder: rows whose records were not read, and rows of connect.yaml."""

import gzip
import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from makegood.ingestion.connect import api, deliver
from makegood.ingestion.connect.settings import load
from makegood.ingestion.connect.system import Record
from makegood.orchestration.pipeline.connect import pull_all
from tests.connect.conftest import Pull
from tests.support.acme import acme, connect_yaml, issue, ping
from tests.support.delivered import all_rows, files, rows

pytestmark = pytest.mark.usefixtures("made_up")


def test_a_record_that_can_not_be_mapped_keeps_its_rows_under_other_names(
    tmp_path: Path, pull: Pull
) -> None:
    """The file that replaces all others still has what only they had."""
    with acme(issues=3) as server:
        pull(connect_yaml(tmp_path, server.served.url))
        server.issues[0] = issue(1, changed=10, opened="yesterday")
        pull(connect_yaml(tmp_path, server.served.url, severity="P2"))
    landing = tmp_path / "landing"
    assert len(files(landing / "tickets")) == 1
    assert [r["ticket_id"] for r in rows(landing, "tickets")] == ["1", "2", "3"]
    severities = {
        r["ticket_id"]: r["severity"] for r in rows(landing, "ticket_events") if "severity" in r
    }
    assert severities == {"1": "P1", "2": "P2", "3": "P2"}


def test_many_files_become_one_that_holds_all_of_them(
    tmp_path: Path, pull: Pull, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows of records that were left, and what was taken back of such records, too."""
    monkeypatch.setattr(deliver, "_MOST_FILES", 3)
    with acme(issues=3) as server:
        config = connect_yaml(tmp_path, server.served.url)
        pull(config)
        server.issues[0] = issue(1, changed=10, log=[])
        pull(config)
        server.issues[0] = issue(1, changed=11, opened="yesterday")
        server.issues[1] = issue(2, changed=12, subject="renamed", log=[])
        pull(config)
        before = all_rows(tmp_path / "landing")
        server.issues[2] = issue(3, changed=13, log=[])
        pull(config)
    landing = tmp_path / "landing"
    assert len(files(landing / "ticket_events")) == 1
    events = {r["event_id"] for r in before["ticket_events"]}
    kept = {r["event_id"] for r in rows(landing, "ticket_events")}
    assert kept == events - {"3:0003", "3:0004", "3:0005"}
    # who has landed the first file only must be told of all that was taken back since
    assert deleted(landing) == {f"{n}:000{k}" for n in (1, 2, 3) for k in (3, 4, 5)}


def deleted(landing: Path) -> set[str]:

    lines = [
        json.loads(line)
        for path in files(landing / "ticket_events")
        for line in gzip.decompress(path.read_bytes()).splitlines()
    ]
    return {line["event_id"] for line in lines if line.get("deleted")}


def test_rows_that_are_mended_or_removed_in_the_file_are_so_in_the_landing_folder(
    tmp_path: Path, pull: Pull
) -> None:
    with acme(issues=1) as server:
        config = connect_yaml(tmp_path, server.served.url)
        right = config.read_text()
        config.write_text(right.replace("contract_id: trueengage", "contract_id: oops"))
        pull(config)
        config.write_text(right)
        pull(config)
        services = tmp_path / "landing" / "services"
        assert len(files(services)) == 1
        assert [r["contract_id"] for r in rows(tmp_path / "landing", "services")] == ["trueengage"]
        # all of them
        config.write_text(right[right.index("sources:") :])
        pull(config)
        assert rows(tmp_path / "landing", "services") == []


def test_records_without_a_key_are_all_named(tmp_path: Path, pull: Pull) -> None:
    with acme(issues=3) as server:
        for held in server.issues[:2]:
            del held["id"]
        found, failures = pull(connect_yaml(tmp_path, server.served.url))
    assert failures == []
    assert [left.why.split(";")[0] for left in found[1].left] == ["id is missing"] * 2


def test_checks_that_were_delivered_are_not_read_again(
    tmp_path: Path, pull: Pull, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There may be millions of them: each pull holds those of one load at a time."""
    held: list[int] = []
    read = api.records_of

    def counted(paths: Iterable[Path]) -> Iterator[Record]:
        found = [*read(paths)]
        held.append(len(found))
        return iter(found)

    with acme(pings=4) as server:
        config = connect_yaml(tmp_path, server.served.url)
        pull(config)
        server.pings += [ping(n) for n in (5, 6, 7)]
        monkeypatch.setattr(api, "records_of", counted)
        pull(config)
        assert held == [3]
        held.clear()
        pull(config)
        assert held == []
        # with other names all of them are
        pull(connect_yaml(tmp_path, server.served.url, severity="P2"))
        assert held == [4, 3]
    assert len(rows(tmp_path / "landing", "checks")) == 7


def test_another_landing_folder_and_one_that_was_emptied_get_everything(
    tmp_path: Path, pull: Pull
) -> None:
    with acme(issues=3, pings=3) as server:
        config = connect_yaml(tmp_path, server.served.url)
        pull(config)
        server.issues[0] = issue(1, changed=10, log=[])
        pull(config)
        landing, other = tmp_path / "landing", tmp_path / "other"
        wanted, taken_back = all_rows(landing), deleted(landing)
        landing.rename(other)
        pull(config)
        assert all_rows(landing) == wanted
        assert deleted(landing) == taken_back
        before = files(landing)
        pull(config)
        assert files(landing) == before
        landing.rename(tmp_path / "gone")
        config.rename(tmp_path / "elsewhere.yaml")
        settings = load(tmp_path / "elsewhere.yaml")
        chosen = settings.sources.values()
        for folder in (other, tmp_path / "third"):
            pull_all(settings, chosen, folder, tmp_path / "warehouse", lambda message: None)
            assert all_rows(folder) == wanted
