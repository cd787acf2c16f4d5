"""A pull: what it reads, delivers, keeps and takes back, and how it ends when systems misbehave."""

import dataclasses
import gzip
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from makegood.ingestion.connect import api
from makegood.ingestion.connect import pull as pulling
from makegood.ingestion.connect import settings as connect_settings
from makegood.ingestion.connect.names import DeskNames
from makegood.ingestion.connect.settings import load
from makegood.ingestion.connect.system import Records, Rows
from tests.connect.conftest import Pull
from tests.support.acme import ACME, acme, connect_yaml, issue, ping
from tests.support.delivered import all_rows, files, rejected, rows
from tests.support.vendor import Answer, Request

pytestmark = pytest.mark.usefixtures("made_up")


def test_records_become_rows_that_feeds_take(tmp_path: Path, pull: Pull) -> None:
    with acme(issues=8, pings=10) as server:
        found, failures = pull(connect_yaml(tmp_path, server.served.url))
        assert failures == []
        assert found[1].read == {"issues": 8, "pings": 10}
    landing = tmp_path / "landing"
    assert rejected(landing) == []
    assert len(rows(landing, "tickets")) == 8
    assert [(r["event"], r["occurred_at"]) for r in rows(landing, "ticket_events")[:6]] == [
        ("received", "2026-06-02T08:00:00Z"),
        ("classified", "2026-06-02T08:00:00Z"),
        ("paused", "2026-06-02T09:00:00Z"),
        ("resumed", "2026-06-02T10:00:00.25Z"),
        ("resolved", "2026-06-02T11:00:00Z"),
        ("received", "2026-06-03T08:00:00Z"),
    ]
    assert {r["status"] for r in rows(landing, "checks")} == {"up", "down"}
    assert rows(landing, "components")[0]["component_id"] == "web"
    assert rows(landing, "services")[0]["service_id"] == "web"
    # nothing of dlt's own is in the landing folder
    assert {path.suffixes[-2] for path in files(landing)} == {".jsonl"}
    assert not any("dlt" in path.as_posix() for path in files(landing))


def test_a_second_pull_asks_for_what_is_new_and_delivers_what_changed(
    tmp_path: Path, pull: Pull
) -> None:
    with acme(issues=8, pings=10) as server:
        config = connect_yaml(tmp_path, server.served.url)
        pull(config)
        before = files(tmp_path / "landing")
        server.served.asked.clear()
        found, _ = pull(config)
        assert [dict(p.written) for p in found] == [{}, {}]
        assert files(tmp_path / "landing") == before
        assert {r.params["since"] for r in server.served.asked} == {"8", "10"}

        server.issues[2] = issue(3, changed=20, subject="renamed")
        server.issues.append(issue(21))
        server.pings.append(ping(11))
        found, _ = pull(config)
        assert found[1].written == {"tickets": 2, "ticket_events": 5, "checks": 1}
    assert {r["subject"] for r in rows(tmp_path / "landing", "tickets")} >= {"renamed", "issue 21"}
    assert len(rows(tmp_path / "landing", "checks")) == 11


def test_what_a_record_no_longer_has_is_taken_back(tmp_path: Path, pull: Pull) -> None:
    with acme(issues=2) as server:
        config = connect_yaml(tmp_path, server.served.url)
        pull(config)
        server.issues[0] = issue(1, changed=10, log=[])
        server.issues[1] = issue(2, changed=11, gone=True)
        pull(config)
    landing = tmp_path / "landing"
    assert [r["ticket_id"] for r in rows(landing, "tickets")] == ["1"]
    assert [r["event_id"] for r in rows(landing, "ticket_events")] == ["1:0001", "1:0002"]


def test_a_record_that_can_no_longer_be_mapped_keeps_its_rows(tmp_path: Path, pull: Pull) -> None:
    with acme(issues=2) as server:
        config = connect_yaml(tmp_path, server.served.url)
        pull(config)
        before = all_rows(tmp_path / "landing")
        server.issues[0] = issue(1, changed=10, opened="yesterday")
        found, failures = pull(config)
        assert failures == []
        assert [(x.what, x.why.split(":")[0]) for x in found[1].left] == [
            ("issues 1", "'yesterday' is not an instant")
        ]
    assert all_rows(tmp_path / "landing") == before
    left = (tmp_path / "warehouse" / "connect" / "desk" / "left.jsonl").read_text()
    assert json.loads(left)["what"] == "issues 1"


def test_other_names_replace_what_was_delivered(tmp_path: Path, pull: Pull) -> None:
    """A run that was blocked by a wrong name reads the files again: the wrong ones must be gone."""
    with acme(issues=3, pings=3) as server:
        pull(connect_yaml(tmp_path, server.served.url, severity="oops"))
        server.served.asked.clear()
        pull(connect_yaml(tmp_path, server.served.url, severity="P2"))
        assert {r.params["since"] for r in server.served.asked} == {"3"}
    landing = tmp_path / "landing"
    texts = [r for r in rows(landing, "ticket_events") if r["event"] == "classified"]
    assert {r["severity"] for r in texts} == {"P2"}
    assert len(files(landing / "ticket_events")) == 1
    assert len(rows(landing, "checks")) == 3


def test_what_is_taken_back_stays_so_under_other_names(tmp_path: Path, pull: Pull) -> None:
    """The file that replaces all others still takes back what they took back."""
    with acme(issues=2) as server:
        pull(connect_yaml(tmp_path, server.served.url))
        server.issues[0] = issue(1, changed=10, log=[])
        pull(connect_yaml(tmp_path, server.served.url))
        pull(connect_yaml(tmp_path, server.served.url, severity="P2"))
    path = files(tmp_path / "landing" / "ticket_events")[0]
    assert b'"1:0005", "deleted": true' in gzip.decompress(path.read_bytes())


def test_losing_what_was_delivered_delivers_it_once_more(tmp_path: Path, pull: Pull) -> None:
    with acme(issues=4, pings=5) as server:
        config = connect_yaml(tmp_path, server.served.url)
        pull(config)
        before = all_rows(tmp_path / "landing")
        for path in (tmp_path / "warehouse" / "connect").rglob("delivered.sqlite"):
            path.unlink()
        pull(config)
    assert all_rows(tmp_path / "landing") == before


def test_numbers_and_digits_are_kept_as_they_are_written(tmp_path: Path, pull: Pull) -> None:
    with acme() as server:
        server.served.handlers["/pings"] = lambda request: Answer(
            text='{"next": null, "pings": [{"id": 1, "changed": 1, "place": "web", "ok": true, '
            '"at": "2026-06-01T00:00:00.123456789Z", "took": 1234567890123.4500}]}'
        )
        pull(connect_yaml(tmp_path, server.served.url))
    found = rows(tmp_path / "landing", "checks")[0]
    assert found["checked_at"] == "2026-06-01T00:00:00.123456789Z"
    assert found["latency_ms"] == "1234567890123.4500"


def test_it_waits_when_it_is_asked_to_and_tries_again(tmp_path: Path, pull: Pull) -> None:
    with acme(issues=4) as server:
        server.served.faults = {
            1: Answer({"error": "slow down"}, 429, {"Retry-After": "1"}),
            2: Answer({"error": "oops"}, 503),
            4: Answer({"issues": [{"id": 1}]}, cut=9),
        }
        _, failures = pull(connect_yaml(tmp_path, server.served.url))
        assert failures == []
    assert len(rows(tmp_path / "landing", "tickets")) == 4


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Answer({"error": "token expired"}, 401), "ACME_TOKEN is wrong, expired or revoked"),
        (Answer({"error": "no scope"}, 403), "give them the right to (HTTP 403"),
        (Answer({"error": "gone"}, 404), "check `api` in connect.yaml"),
        (Answer({"tickets": []}), "lacks 'issues': it has tickets"),
        (Answer(["a list"]), "lacks 'issues': it has list"),
        (Answer({"issues": ["text"], "next": None}), "a record is an object"),
    ],
)
def test_a_failure_in_the_middle_delivers_nothing(
    tmp_path: Path, pull: Pull, answer: Answer, words: str
) -> None:
    with acme(issues=8) as server:
        config = connect_yaml(tmp_path, server.served.url)
        # after the first page of issues
        server.served.handlers["/issues"] = lambda request: (
            answer if "page" in request.params else server.answer(request)
        )
        found, failures = pull(config)
        assert [p.source for p in found] == ["rows"]
        assert len(failures) == 1
        assert failures[0].startswith("desk: Acme: ")
        assert words in failures[0]
        assert not (tmp_path / "landing" / "tickets").exists()
        # mended, it is as if nothing had happened
        server.served.handlers["/issues"] = server.answer
        assert pull(config)[1] == []
    assert len(rows(tmp_path / "landing", "tickets")) == 8


def test_pages_that_lead_in_a_circle_are_noticed(tmp_path: Path, pull: Pull) -> None:
    with acme() as server:
        url = f"{server.served.url}/issues?since=0"
        server.served.handlers["/issues"] = lambda request: Answer(
            {"issues": [issue(1)], "next": url}
        )
        _, failures = pull(connect_yaml(tmp_path, server.served.url))
    assert "pages lead in a circle" in failures[0]


def test_a_record_from_the_future_does_not_take_the_cursor_with_it(
    tmp_path: Path, pull: Pull
) -> None:
    with acme(clock_s=1_780_300_800) as server:
        server.issues = [issue(1, changed=1_780_300_900), issue(2, changed=1_880_300_800)]
        _, failures = pull(connect_yaml(tmp_path, server.served.url))
        assert "issues has a record with changed 1880300800, after the server's own" in failures[0]
        server.issues.pop()
        assert pull(connect_yaml(tmp_path, server.served.url))[1] == []


def test_a_page_that_repeats_records_delivers_them_once(tmp_path: Path, pull: Pull) -> None:
    """A record that changes while it is read moves to a later page: its last form counts."""
    with acme(issues=6) as server:
        moved = issue(2, changed=50, subject="as it is now")
        later = [issue(3), issue(4), issue(5), issue(6), moved]

        def answer(request: Request) -> Answer:
            if "page" in request.params:
                return Answer({"issues": later, "next": None})
            return server.answer(request)

        server.served.handlers["/issues"] = answer
        found, _ = pull(connect_yaml(tmp_path, server.served.url))
        assert found[1].read == {"issues": 8}
        assert found[1].written["tickets"] == 6
    subjects = {r["ticket_id"]: r["subject"] for r in rows(tmp_path / "landing", "tickets")}
    assert subjects["2"] == "as it is now"
    assert len(subjects) == 6


def test_a_form_that_changed_delivers_nothing(tmp_path: Path, pull: Pull) -> None:
    with acme() as server:
        server.issues = [issue(n, severity=None) for n in range(1, 30)]
        _, failures = pull(connect_yaml(tmp_path, server.served.url))
        assert "29 of 29 records can't be mapped" in failures[0]
        assert "issues 1" in failures[0]
    assert not (tmp_path / "landing" / "tickets").exists()


def test_what_was_kept_is_not_asked_for_again(
    tmp_path: Path, pull: Pull, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A long first pull that is ended goes on from its last chunk."""
    monkeypatch.setattr(api.pull, "__defaults__", (2,))
    with acme(issues=20) as server:
        config = connect_yaml(tmp_path, server.served.url)
        server.served.faults = {6: Answer({"error": "revoked"}, 401)}
        assert pull(config)[1] != []
        server.served.asked.clear()
        assert pull(config)[1] == []
        first = next(r for r in server.served.asked if r.path == "/issues")
        assert int(first.params["since"]) > 1
    assert len(rows(tmp_path / "landing", "tickets")) == 20


def test_a_secret_is_never_shown(tmp_path: Path, pull: Pull) -> None:
    with acme() as server:
        server.served.handlers["/issues"] = lambda request: Answer(
            {"error": f"bad token {request.headers['Authorization']}"}, 401
        )
        _, failures = pull(connect_yaml(tmp_path, server.served.url))
        assert server.served.asked[0].headers["Authorization"] == "Bearer token-of-acme"
    assert "token-of-acme" not in failures[0]


def test_a_variable_that_is_not_set_is_named(
    tmp_path: Path, pull: Pull, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ACME_TOKEN")
    _, failures = pull(connect_yaml(tmp_path, "http://127.0.0.1:9"))
    assert "the environment variable ACME_TOKEN is not set" in failures[0]


def test_a_server_that_is_away_is_named(
    tmp_path: Path, pull: Pull, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "_TRIES", 2)
    _, failures = pull(connect_yaml(tmp_path, "http://127.0.0.1:9"))
    assert "http://127.0.0.1:9/" in failures[0]
    assert "can't be reached" in failures[0]


def test_another_start_is_read_from_there(
    tmp_path: Path, pull: Pull, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cursor of another connection would skip what that one never read."""
    with acme(issues=6) as server:
        config = connect_yaml(tmp_path, server.served.url)
        config.write_text(config.read_text().replace('"}\n', '", start: 4}\n'))
        pull(config)
        assert len(rows(tmp_path / "landing", "tickets")) == 3
        config = connect_yaml(tmp_path, server.served.url)
        assert "has changed since the last pull" in pull(config)[1][0]
        assert pull(config, from_start=True)[1] == []
        assert len(rows(tmp_path / "landing", "tickets")) == 6
        assert pull(config)[1] == []


def test_check_reads_the_first_page_and_keeps_nothing(tmp_path: Path) -> None:
    with acme(issues=9, pings=9) as server:
        server.issues[1] = issue(
            2, severity="odd", log=[{"at": "2026-06-02T09:00:00Z", "status": "x"}]
        )
        server.issues[2] = issue(3, opened="never")
        settings = load(connect_yaml(tmp_path, server.served.url))
        checked = pulling.check(
            settings, settings.sources["desk"], {"ACME_TOKEN": "token-of-acme"}, lambda m: None
        )
        assert len(server.served.asked) == 2
    assert checked.read == {"issues": 3, "pings": 3}
    assert checked.made["tickets"] == 2
    assert checked.unnamed == {("severities", "odd"): 1, ("states", "x"): 1}
    assert [x.what for x in checked.left] == ["issues 3"]
    assert [path.name for path in tmp_path.iterdir()] == ["connect.yaml"]


def test_two_sources_that_describe_one_component_differently_are_named(
    tmp_path: Path, pull: Pull
) -> None:
    with acme(issues=1) as server:
        more = (
            "  other:\n    system: acme\n"
            f'    api: {{url: "{server.served.url}"}}\n'
            "    severities: {high: P1}\n    subscription: {otherwise: SUB-1}\n"
            "    places: {web: {service: web, region: eu, redundancy_group: g}}\n"
        )
        found, _ = pull(connect_yaml(tmp_path, server.served.url, more))
        assert list(found[-1].notes)[-1:] == [
            "components web: desk and other deliver other rows, and that of other counts"
        ]
        # what another source describes is only named
        more = more.replace("{service: web, region: eu, redundancy_group: g}", "{component: web}")
        found, _ = pull(connect_yaml(tmp_path, server.served.url, more))
        assert not any("components" in note for note in found[-1].notes)
    assert len(rows(tmp_path / "landing", "components")) == 1


def test_a_request_may_have_severities_of_its_own(tmp_path: Path) -> None:
    names = DeskNames(severities={"high": "P2"}, request_severities={"high": "high"})
    out = Rows()
    for kind in ("incident", "request"):
        out.add("tickets", {"ticket_id": kind, "ticket_type": kind})
        out.add("ticket_events", {"severity": names.severity("high", out)})
    assert [row["severity"] for row in out.feeds["ticket_events"]] == ["P2", "high"]


def test_a_pull_talks_to_the_system_alone(tmp_path: Path, pull: Pull) -> None:
    """No telemetry, no look for newer versions."""
    called = []

    def hook(event: str, args: tuple[Any, ...]) -> None:
        if event == "socket.connect" and is_watching:
            called.append(args[1])
        elif event == "socket.getaddrinfo" and is_watching:
            called.append((args[0], args[1]))

    is_watching = True
    sys.addaudithook(hook)
    with acme(issues=4) as server:
        pull(connect_yaml(tmp_path, server.served.url))
    is_watching = False
    assert called
    assert {address[0] for address in called} == {"127.0.0.1"}


@pytest.mark.parametrize("size", range(280, 300, 4))
def test_part_of_a_secret_is_not_shown_either(tmp_path: Path, pull: Pull, size: int) -> None:
    """The vendor's words are cut at a length, which may be in the middle of it."""
    with acme() as server:
        words = "x" * size + "token-of-acme"
        server.served.handlers["/issues"] = lambda request: Answer(text=words, status=401)
        _, failures = pull(connect_yaml(tmp_path, server.served.url))
    assert "xxx***" in failures[0]
    assert "token" not in failures[0]


def test_a_secret_is_not_shown_in_any_form(
    tmp_path: Path, pull: Pull, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = 'a+b/c"d e'
    monkeypatch.setenv("ACME_TOKEN", secret)
    forms = [secret, "a%2Bb%2Fc%22d%20e", "a%2Bb%2Fc%22d+e", 'a+b/c\\"d e', "Basic YTphYmM6ZGVm"]
    with acme() as server:
        server.served.handlers["/issues"] = lambda request: Answer(
            text=", ".join(["token expired", *forms]), status=401
        )
        _, failures = pull(connect_yaml(tmp_path, server.served.url))
    assert failures[0].endswith("(HTTP 401: token expired, ***, ***, ***, ***, Basic ***)")


def test_half_a_sign_is_replaced(tmp_path: Path, pull: Pull) -> None:
    """JSON can hold what no text can; systems that cut texts at a length write it."""
    with acme() as server:
        whole, half = issue(1, subject="whole \U0001f600 \\ud83d"), issue(2, subject="half \ud83d")
        half["places"] = {"\ude00": "\ud83d"}
        server.issues = [whole, half, issue(3, opened="half \ud83d")]
        found, failures = pull(connect_yaml(tmp_path, server.served.url))
        assert failures == []
        assert [left.what for left in found[1].left] == ["issues 3"]
    subjects = [r["subject"] for r in rows(tmp_path / "landing", "tickets")]
    assert subjects == ["whole \U0001f600 \\ud83d", "half �"]


@pytest.mark.parametrize("changed", ["2", [2], {"at": 2}])
def test_a_cursor_of_another_form_is_named(tmp_path: Path, pull: Pull, changed: object) -> None:
    with acme(issues=1) as server:
        config = connect_yaml(tmp_path, server.served.url)
        pull(config)
        server.served.handlers["/issues"] = lambda request: Answer(
            {"issues": [issue(2, changed=changed)], "next": None}
        )
        _, failures = pull(config)
    assert failures[0].startswith(
        f"desk: Acme: issues has a record with changed {changed!r}, which can't be compared with 1"
    )


def test_a_source_that_was_renamed_is_named(tmp_path: Path, pull: Pull) -> None:
    with acme(issues=1) as server:
        config = connect_yaml(tmp_path, server.served.url)
        pull(config)
        config.write_text(config.read_text().replace("  desk:", "  helpdesk:"))
        found, _ = pull(config)
    assert list(found[-1].notes)[-1:] == [
        "desk is not in connect.yaml any more: what it delivered stays in force"
    ]


def test_a_clock_that_went_back_does_not_make_old_records_new(tmp_path: Path, pull: Pull) -> None:
    """Loads are ordered by the time at which they were made."""
    with acme(issues=1) as server:
        config = connect_yaml(tmp_path, server.served.url)
        pull(config)
        (kept,) = (tmp_path / "warehouse/connect/desk/api/raw/issues").iterdir()
        load, rest = kept.name.split(".", 1)
        kept.rename(kept.with_name(f"{int(load) + 3600}.{rest}"))
        server.issues[0] = issue(1, changed=10, subject="newer")
        _, failures = pull(config)
        assert "this machine's clock is before the last pull, which was at 20" in failures[0]
        kept.with_name(f"{int(load) + 3600}.{rest}").rename(kept)
        assert pull(config)[1] == []
    assert rows(tmp_path / "landing", "tickets")[0]["subject"] == "newer"


def test_one_source_that_can_not_be_mapped_leaves_the_others(
    tmp_path: Path, pull: Pull, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor does it end in a trace: a record may be needed before any is mapped."""

    def needs_all(records: Records, names: DeskNames, out: Rows) -> None:
        for record in records.get("issues", ()):
            record.needed("subject")

    with acme(issues=2) as server:
        del server.issues[1]["subject"]
        broken = dataclasses.replace(ACME, rows=needs_all)
        config = connect_yaml(tmp_path, server.served.url)
        config.write_text(
            config.read_text().replace("system: acme", "system: broken")
            + (
                f'  other:\n    system: acme\n    api: {{url: "{server.served.url}"}}\n'
                "    severities: {high: P1}\n    subscription: {otherwise: SUB-1}\n"
            )
        )
        known = {"acme": ACME, "broken": broken}
        monkeypatch.setattr(connect_settings, "systems", lambda: known)
        found, failures = pull(config)
    assert [pulled.source for pulled in found] == ["rows", "other"]
    assert failures[0].startswith("desk: Acme: a record that others need can't be read")
    assert "subject is missing" in failures[0]
    assert len(rows(tmp_path / "landing", "tickets")) == 2


def test_a_small_export_that_can_not_be_read_at_all_is_refused(tmp_path: Path, pull: Pull) -> None:
    """Few records may be left, but not all there are: nobody would notice."""
    config = tmp_path / "connect.yaml"
    config.write_text(
        "sources:\n  monitors:\n    system: uptimerobot\n    files: {paths: [log.csv],"
        ' time_form: "%d/%m/%Y"}\n    places: {A: {service: s, region: r}}\n'
    )
    (tmp_path / "log.csv").write_text(
        "Event,Monitor,Date-Time\nUp,A,2026-06-01\nDown,A,2026-06-02\n"
    )
    found, failures = pull(config)
    assert found == []
    assert "2 of 2 records can't be mapped" in failures[0]


def test_tickets_without_a_response_or_a_severity_are_noted(tmp_path: Path, pull: Pull) -> None:
    with acme(issues=3) as server:
        found, _ = pull(connect_yaml(tmp_path, server.served.url))
    assert [note.split(":")[0] for note in found[1].notes] == ["no ticket has a response"]


def test_a_damaged_note_of_deliveries_is_named_and_can_be_deleted(
    tmp_path: Path, pull: Pull
) -> None:
    with acme(issues=3) as server:
        config = connect_yaml(tmp_path, server.served.url)
        pull(config)
        wanted = all_rows(tmp_path / "landing")
        note = tmp_path / "warehouse" / "connect" / "desk" / "delivered.sqlite"
        note.write_bytes(b"noise" * 1000)
        assert "delivered.sqlite is damaged: delete it" in pull(config)[1][0]
        note.unlink()
        assert pull(config)[1] == []
        assert all_rows(tmp_path / "landing") == wanted


def test_a_check_alone_that_can_not_be_read_is_left(tmp_path: Path, pull: Pull) -> None:
    with acme(pings=2) as server:
        config = connect_yaml(tmp_path, server.served.url)
        pull(config)
        server.pings.append(ping(3, place=None))
        found, failures = pull(config)
        assert failures == []
        assert [left.what for left in found[1].left] == ["pings p3"]
        server.pings.append(ping(4))
        pull(config)
    assert len(rows(tmp_path / "landing", "checks")) == 3


def test_checks_wait_for_what_is_refused_beside_them(tmp_path: Path, pull: Pull) -> None:
    with acme(pings=2) as server:
        server.issues = [issue(n, severity=None) for n in range(1, 30)]
        assert "can't be mapped" in pull(connect_yaml(tmp_path, server.served.url))[1][0]
        assert not (tmp_path / "landing" / "checks").exists()
        server.issues = [issue(n, changed=100 + n) for n in range(1, 30)]
        assert pull(connect_yaml(tmp_path, server.served.url))[1] == []
    assert len(rows(tmp_path / "landing", "checks")) == 2
