"""Alerts: what is told, to whom, when, and that no secret is; against real receivers of mail and
HTTP on this machine."""

import email
import email.policy
import http.server
import json
import logging
import re
import socket
import threading
import traceback
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from makegood.dashboards.figures.operations import (
    Alert,
    AlertRecord,
    AlertStore,
    Notification,
    alert_store,
)
from makegood.expectations.protocol import ExpectationResult
from makegood.ingestion.contracts.tables import instant
from makegood.ingestion.strict_yaml import InvalidDocument
from makegood.orchestration.alerts import sender as alert_sender
from makegood.orchestration.alerts import store as alerting
from makegood.orchestration.alerts.kinds import KINDS, Outcome, of_check, of_run, one_line
from makegood.orchestration.alerts.settings import Settings, settings_of
from makegood.orchestration.alerts.store import (
    after_run,
)
from makegood.orchestration.output.status import describe
from makegood.orchestration.pipeline import build
from makegood.orchestration.pipeline.project import TransformFailed
from makegood.orchestration.pipeline.run import Blocked
from makegood.orchestration.warehouse.store import Warehouse
from tests import conftest
from tests.conftest import Published, Runner
from tests.e2e.test_command import makegood
from tests.integration.test_landing import AS_OF as EARLY
from tests.integration.test_landing import deliver as deliver_file
from tests.integration.test_landing import outage, world
from tests.models.test_credit_examples import Examples
from tests.models.test_credit_line import deliver as deliver_feeds

# a receiver on this machine, without TLS
pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")

SECRET = "s3cret-Pa55phrase"
NOW = datetime(2026, 7, 16, 5, 0, tzinfo=UTC)
# what a feed could call a subscription: a header, a command, calls to everyone, markup, text turned
# around
HOSTILE = "x\r\nBcc: all@example.com $(reboot) <!channel> @everyone <b>*_`\u202eend"


class Web:
    """An HTTP receiver: keeps what it was sent, answers with `status`, or not at all while it
    `hangs`."""

    def __init__(self) -> None:
        self.status, self.hangs, self.got = 200, threading.Event(), []
        self.free = threading.Event()
        web = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"])).decode()
                if web.hangs.is_set():
                    web.free.wait(30)
                    return
                web.got.append((self.path, json.loads(body)))
                self.send_response(web.status)
                self.send_header("location", "/elsewhere")
                self.end_headers()
                self.wfile.write(b"ok")

            def do_GET(self) -> None:
                web.got.append((self.path, None))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *words: Any) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def take(self, path: str) -> list[dict[str, Any]]:
        """What came in at a path since the last look."""
        taken = [body for at, body in self.got if at == path]
        self.got = [(at, body) for at, body in self.got if at != path]
        return taken


@pytest.fixture
def web() -> Iterator[Web]:
    server = Web()
    yield server
    server.free.set()
    server.server.shutdown()
    server.server.server_close()


class Mail:
    """A mail receiver that knows one password."""

    def __init__(self) -> None:
        self.got: list[email.message.EmailMessage] = []
        self.envelopes: list[Any] = []
        self.port = 0

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.envelopes.append(envelope)
        self.got.append(email.message_from_bytes(envelope.content, policy=email.policy.default))
        return "250 taken"

    def take(self) -> list[email.message.EmailMessage]:
        taken, self.got = self.got, []
        return taken

    def url(self, password: str = SECRET) -> str:
        server = f"mailto://alerts:{password}@127.0.0.1:{self.port}"
        return f"{server}?mode=insecure&from=makegood@example.com&to=duty@example.com"


@pytest.fixture
def mail() -> Iterator[Mail]:
    handler = Mail()

    def knows(
        server: Any, session: Any, envelope: Any, mechanism: str, data: LoginPassword
    ) -> AuthResult:
        return AuthResult(success=data == LoginPassword(b"alerts", SECRET.encode()), handled=False)

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        handler.port = free.getsockname()[1]
    controller = Controller(
        handler,
        hostname="127.0.0.1",
        port=handler.port,
        authenticator=knows,
        auth_required=True,
        auth_require_tls=False,
    )
    controller.start()
    yield handler
    controller.stop()


def write_settings(root: Path, urls: list[str], more: str = "") -> Settings:
    root.mkdir(parents=True, exist_ok=True)
    (root / "alerts.yaml").write_text(
        "".join(["urls:\n", *(f"  - {json.dumps(url)}\n" for url in urls), more])
    )
    return settings_of(root)


def no_secret_in(root: Path, *texts: str) -> None:
    """Neither in what was said nor in any file of the warehouse, but the one that a person has
    written."""
    assert not [t for t in texts if SECRET in t]
    assert not [
        p
        for p in root.rglob("*")
        if p.is_file() and p.name != "alerts.yaml" and SECRET.encode() in p.read_bytes()
    ]


def history(name: str, feed: str, detail: str, **more: Any) -> ExpectationResult:
    """A result of a check over the history of a feed."""
    fields = {"name": name, "subject": feed, "means": "It is so.", "action": "Look.", **more}
    return ExpectationResult(
        feed=feed,
        suite="history",
        expectation="expect",
        column_name=None,
        severity="warn",
        success=False,
        detail=detail,
        **fields,
    )


# ---------------------------------------------------------------- through the line


def marks(text: str) -> list[str]:
    """The first line of each alert in a message."""
    return [line for line in text.splitlines() if line.startswith("[")]


@pytest.mark.long
def test_every_kind_arrives_once_and_its_end_too(
    publish: Runner,
    tmp_path: Path,
    web: Web,
    mail: Mail,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    landing, root = tmp_path / "landing", tmp_path / "warehouse"
    monkeypatch.setenv("DUTY_MAIL", mail.url())
    hook = "3ccdd113474722377935511fc85d3dd4"
    write_settings(
        root,
        ["env:DUTY_MAIL", f"json://duty:{SECRET}@{web.host}/json", f"mmost://{web.host}/{hook}"],
        "credit_over: {EUR: 450}\n",
    )
    e = Examples()
    e.subscription("big", fee="5000.00").outage(0, 2593, outage_id="of-big").request("2026-07-05")
    # what can't be paid is over no threshold, and nobody has to ask for it
    e.subscription("trial", fee="9000.00", spans=[{"kind": "trial"}]).outage(0, 2593)
    e.subscription(HOSTILE).outage(0, 2593)
    e.subscription("lapsed").outage(0, 2593)
    e.subscription("gift").line("-5.00", kind="credit")
    e.subscription("unseen", fee=None)
    e.feeds["outages"][-1] |= {"outage_id": "seen", "ended_at": "2026-06-20T00:00:00Z"}
    deliver_feeds(landing, "1", e.feeds)

    found = [
        history(
            "freshness",
            "invoices",
            "the last file came 40 days ago",
            means="July's fees are not there yet.",
            action="Ask billing.",
        ),
        history("silence", "checks", "nothing from ams for 3 h"),
        history("volume", "tickets", "12 rows, usually about 400"),
    ]
    monkeypatch.setattr(conftest._NoWorker, "results", lambda self: found)

    def arrived() -> list[tuple[str, str]]:
        """Title and body of what each receiver has got since the last look."""
        letters = [(str(m["subject"]), m.get_content().replace("\r\n", "\n")) for m in mail.take()]
        posts = [(m["title"], m["message"]) for m in web.take("/json")]
        chats = [
            (m["text"].partition("\r\n")[0], m["text"].partition("\r\n")[2])
            for m in web.take(f"/hooks/{hook}")
        ]
        assert (
            [b.strip() for _, b in letters]
            == [b.strip() for _, b in posts]
            == [b.strip() for _, b in chats]
        )
        assert [t for t, _ in letters] == [t for t, _ in posts] == [t for t, _ in chats]
        return posts

    # ---- published: one message each that has all of it, the gravest first
    publish(landing, "2026-07-16T01:00:00Z")
    (letter,) = mail.got
    hostile = (
        one_line(HOSTILE)
        .replace("!channel", "!\u200bchannel")
        .replace("@everyone", "@\u200beveryone")
    )
    ((title, body),) = arrived()
    assert title == "Makegood: 1 critical, 6 warnings"
    subjects = [
        "claim about to lapse: until 2026-07-30",
        "credit issued without being due: gift, 2026-06, EUR",
        "credit over threshold: big, 2026-06, EUR",
        "feed is stale: invoices",
        "feed is unusual: tickets: volume",
        "low coverage: trueengage, 2026-06",
    ]
    assert marks(body) == [
        "[critical, new] monitoring is silent: checks",
        *(f"[warning, new] {s}" for s in subjects),
    ]
    for sentence in (
        (
            f"Run {Warehouse(root).recorded()[0].run_id}: published, "
            f"as of 2026-07-16 01:00:00 UTC. Warehouse: {root}"
        ),
        # the claims of one deadline are one alert, with counts and sums
        (
            "Happened: 2 credits, 200.00 EUR can be requested until 2026-07-30, and nobody has: "
            f"lapsed, 2026-06, EUR; {hostile}, 2026-06, EUR."
        ),
        "Happened: 5.00 EUR was credited on invoices, although nothing is due.",
        "Happened: The credit is 500.00 EUR (10 % of the fee, final), over 450.00 EUR.",
        # from 1 to 20 June of 30 days
        (
            "Happened: 1 figure of availability has less data than trueengage requires: "
            "unseen · eu, 63.33 % known and 11 d unknown."
        ),
        "Happened: nothing from ams for 3 h",
        "Means: July's fees are not there yet.",
        "Do: Ask billing.",
    ):
        assert sentence in body.splitlines()
    assert (
        sum(line.startswith(("Happened: ", "Means: ", "Do: ")) for line in body.splitlines())
        == 3 * 7
    )
    # a name from a feed adds no header and no receiver, and is no markup
    assert letter.get_content_type() == "text/plain"
    assert letter["bcc"] is None
    assert [e.rcpt_tos for e in mail.envelopes] == [["duty@example.com"]]

    # ---- the same again: nothing is said
    judged_again(root, "2026-07-16T01:00:00Z")
    assert arrived() == []

    # ---- blocked: said once, again for other reasons; what is published stays open
    deliver_file(
        landing,
        "z.csv",
        "outages",
        [{"outage_id": "bad", "component_id": "big", "state": "sideways"}],
    )
    for times in (1, 0):
        with pytest.raises(Blocked):
            publish(landing, "2026-07-17T00:00:00Z")
        told = arrived()
        assert len(told) == times
        if told:
            assert told[0][0] == "Makegood: 1 critical: run blocked"
            assert marks(told[0][1]) == ["[critical, new] run blocked: the run"]
            assert "Happened: outages: 1 of 1 rows are rejected, more than 5 %" in told[0][1]
            assert "all marts and credits stay as of 2026-07-16 01:00:00 UTC" in told[0][1]
            assert "-rejected_rows.csv" in told[0][1]
    (landing / "outages" / "y.csv").write_text("nonsense\n1\n")
    with pytest.raises(Blocked):
        publish(landing, "2026-07-17T00:00:00Z")
    ((_, body),) = arrived()
    assert marks(body) == ["[critical, changed] run blocked: the run"]
    assert "outages/y.csv is rejected whole" in body
    (landing / "outages" / "y.csv").unlink()
    (landing / "outages" / "z.csv").unlink()

    # ---- failed
    with monkeypatch.context() as broken:
        broken.setattr(build, "build", fails)
        with pytest.raises(TransformFailed):
            publish(landing, "2026-07-17T00:00:00Z")
    ((title, body),) = arrived()
    assert (title, marks(body)) == (
        "Makegood: 1 critical: run failed",
        ["[critical, new] run failed: the run"],
    )
    assert "Happened: TransformFailed: int_credits: division by zero" in body
    assert len(alert_store(root).open()) == 9
    assert "[x]" not in describe(root)
    assert re.search(r"since \d{4}-.* UTC  critical  run failed: the run", describe(root))

    # ---- all of it ends; one receiver is down, which is no matter of the run
    capfd.readouterr()
    web.status, found = 500, []
    more = {
        "outage_id": "seen",
        "component_id": "unseen",
        "state": "up",
        "started_at": "2026-06-01T00:00:00Z",
    }
    deliver_file(landing, "z.csv", "outages", [more, {"outage_id": "of-big", "deleted": "true"}])
    asked = {
        "request_id": "asked",
        "subscription_id": HOSTILE,
        "month": "2026-06-01",
        "requested_on": "2026-07-20",
    }
    gift = next(x for x in e.feeds["invoice_lines"] if x["amount"] == "-5.00")
    deliver_feeds(
        landing,
        "z",
        {
            "credit_requests": [asked],
            "invoice_lines": [{"line_id": gift["line_id"], "deleted": "true"}],
        },
    )
    publish(landing, "2026-08-01T00:00:00Z")
    said = capfd.readouterr()
    assert sorted(
        line for line in said.err.splitlines() if line.startswith("makegood: alerts")
    ) == [
        (
            f"makegood: alerts: {label}: the message was not taken (receiver down or not reached, "
            "refused, wrong password); the next run tries again"
        )
        for label in ("json 2", "mmost 3")
    ]
    ((_, refused), (letter,)) = (web.take("/json"), web.take(f"/hooks/{hook}")), mail.take()
    assert refused, "it was tried"
    assert letter["subject"] == "Makegood: 9 over"
    text = letter.get_content()
    expected = [
        "monitoring is silent: checks",
        *subjects,
        "run blocked: the run",
        "run failed: the run",
    ]
    assert sorted(marks(text)) == sorted(f"[over] {s}" for s in expected)
    ends = [line.partition(" UTC: ")[2] for line in text.splitlines() if line.startswith("Since ")]
    assert "Of the credits with that deadline 1 were requested and 1 are waived." in ends
    assert ends.count("A run has published since.") == 2
    assert alert_store(root).open() == []

    # ---- with the next run, who has not been told is told, and nobody else
    web.status = 200
    judged_again(root, "2026-08-01T00:00:00Z")
    assert mail.take() == []
    ((posted,), (chat,)) = web.take("/json"), web.take(f"/hooks/{hook}")
    assert posted["title"] == "Makegood: 9 over"
    assert sorted(marks(posted["message"])) == sorted(marks(chat["text"])) == sorted(marks(text))
    assert alert_store(root) == AlertStore()

    # ---- a run that was killed before this one is told of, and over with the next
    killed = Outcome("later", "published", instant("2026-08-01T00:00:00Z"), killed=("00000003-x",))
    after_run(Warehouse(root), settings_of(root), killed, datetime.now(UTC))
    ((title, body),) = arrived()
    assert (title, marks(body)) == (
        "Makegood: 1 warning: run failed",
        ["[warning, new] run failed: killed"],
    )
    judged_again(root, "2026-08-01T00:00:00Z")
    ((title, body),) = arrived()
    assert (title, marks(body)) == ("Makegood: 1 over: run failed", ["[over] run failed: killed"])
    no_secret_in(root, said.out, said.err, *capfd.readouterr())


def judged_again(root: Path, as_of: str) -> None:
    """What a run would tell that finds nothing new to land."""
    after_run(
        Warehouse(root),
        settings_of(root),
        Outcome("again", "published", instant(as_of)),
        datetime.now(UTC),
    )


def fails(*words: Any, **named: Any) -> Any:
    raise TransformFailed("int_credits: division by zero")


# ---------------------------------------------------------------- when something is told


def alert(subject: str = "the run", facts: str = "a", **more: Any) -> Alert:
    return replace(
        Alert(
            "run_failed",
            subject,
            "critical",
            "It broke.",
            "Nothing is published.",
            "Mend it.",
            facts,
        ),
        **more,
    )


DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("told", "entry", "settings", "due"),
    [
        (None, {}, {}, "new"),
        (("a", 0), {}, {}, None),
        (("a", 0), {"alert": alert(facts="b")}, {}, "changed"),
        (("a", 0), {"alert": alert(severity="warning")}, {}, "changed"),
        # words that differ are no other facts
        (("a", 0), {"alert": alert(happened="It broke, by day 2.")}, {}, None),
        (("a", 7), {}, {}, "still open"),
        (("a", 6), {}, {}, None),
        # a daily run is seldom a whole day after the last
        (("a", 6.99), {}, {}, "still open"),
        (("a", 2), {}, {"remind_after_days": 2}, "still open"),
        # what is over and done with is told once
        (("a", 900), {"alert": alert(kind="low_coverage")}, {}, None),
        (("a", 1), {"ended": NOW}, {}, "over"),
        (("ended", 1), {"ended": NOW}, {}, None),
        (None, {"ended": NOW}, {}, "over"),
        # open again, before its end was told to all
        (("ended", 1), {}, {}, "new"),
        (None, {"alert": alert(severity="warning")}, {"minimum_severity": "critical"}, None),
        (
            None,
            {"alert": alert(severity="warning"), "ended": NOW},
            {"minimum_severity": "critical"},
            None,
        ),
        (None, {}, {"minimum_severity": "critical"}, "new"),
    ],
)
def test_what_is_due(
    told: tuple[str, float] | None, entry: dict[str, Any], settings: dict[str, Any], due: str | None
) -> None:
    known = (
        {}
        if told is None
        else {
            "json 1": Notification(
                what="ended" if told[0] == "ended" else alert(facts=told[0]).digest,
                at=NOW - told[1] * DAY,
            )
        }
    )
    assert (
        alerting.due(
            AlertRecord(**{"alert": alert(), "since": NOW - DAY, "told": known, **entry}),
            "json 1",
            Settings(**settings),
            NOW,
        )
        == due
    )
    # another receiver is another matter
    if known:
        assert (
            alerting.due(
                AlertRecord(alert=alert(), since=NOW, told=known), "json 2", Settings(), NOW
            )
            == "new"
        )


def test_only_who_could_have_found_it_ends_an_alert() -> None:
    store = AlertStore()
    claim, broken = alert(kind="claim_lapsing"), alert()
    assert alerting.update(store, [claim, broken], frozenset(), NOW) == []
    # a run that judges nothing ends nothing; one that judges all ends what it does not find
    assert alerting.update(store, [], frozenset(), NOW + DAY) == []
    assert [e.alert for e in store.open()] == [claim, broken]
    assert [e.alert for e in alerting.update(store, [claim], frozenset(KINDS), NOW + DAY)] == [
        broken
    ]
    assert [(e.alert, e.since) for e in store.open()] == [(claim, NOW)]
    # it is back: open since then
    alerting.update(store, [broken, claim], frozenset(KINDS), NOW + 2 * DAY)
    assert {e.alert.kind: (e.since, e.ended, e.ending) for e in store.entries} == {
        "claim_lapsing": (NOW, None, ""),
        "run_failed": (NOW + 2 * DAY, None, ""),
    }


def check(name: str, **more: Any) -> dict[str, Any]:
    return vars(history(name, "checks", "for 3 h")) | {"subject": "", **more}


@pytest.mark.parametrize(
    ("row", "kind", "subject"),
    [
        (check("freshness", subject="checks"), "feed_stale", "checks"),
        (check("freshness"), "feed_stale", "checks"),
        (
            check("silence", subject="component c from ams"),
            "monitoring_silent",
            "checks: component c from ams",
        ),
        (check("volume"), "feed_unusual", "checks: volume"),
        (check("duplicates", subject="checks"), "feed_unusual", "checks: duplicates"),
        (check("volume", success=True), None, None),
        # what blocks is told with the run that it blocks
        (check("volume", severity="block"), None, None),
        # what is wrong with rows is a warning of the run
        (check("", suite="volume"), None, None),
    ],
)
def test_a_check_over_the_history_of_a_feed_is_an_alert(
    row: dict[str, Any], kind: str | None, subject: str | None
) -> None:
    found = of_check(row)
    assert (found and found.kind, found and found.subject) == (kind, subject)
    if found:
        assert (found.means, found.action) == ("It is so.", "Look.")
        assert found.digest == of_check({**row, "detail": "for 4 h"}).digest, (
            "how long it has been so is no news"
        )


def test_what_runs_tell() -> None:
    failed = Outcome(
        "00000002-x",
        "failed",
        NOW,
        ("OutOfMemory: 3.7 of 4.0 GB in 00000002-x\nhint: less",),
        killed=("00000001-x",),
    )
    broken, killed = of_run(failed, Path("/w h"), NOW)
    assert (broken.kind, broken.severity, broken.subject) == ("run_failed", "critical", "the run")
    assert broken.happened == "OutOfMemory: 3.7 of 4.0 GB in 00000002-x hint: less"
    assert broken.action.endswith("Details: makegood status --warehouse '/w h'")
    assert (killed.kind, killed.severity, killed.subject) == ("run_failed", "warning", "killed")
    assert "00000001-x" in killed.happened
    # the same failure in another run is the same message, another one is not
    again, *_ = of_run(
        replace(failed, reasons=("OutOfMemory: 3.8 of 4.0 GB in 00000003-x\nhint: less",)),
        Path("/w h"),
        NOW,
    )
    other, *_ = of_run(replace(failed, reasons=("DivisionByZero",)), Path("/w h"), NOW)
    assert (again.digest == broken.digest, other.digest == broken.digest) == (True, False)
    # of reasons to block, numbers count and their order does not
    reasons = ("a: 1 of 3 rows", "b: 2 of 3 rows")
    blocked, reordered, worse = (
        next(of_run(Outcome("r", "blocked", NOW, r), Path(), None))
        for r in (reasons, reasons[::-1], ("a: 3 of 3 rows",))
    )
    assert (reordered.digest == blocked.digest, worse.digest == blocked.digest) == (True, False)
    assert blocked.means == "No figure is published yet."
    assert list(of_run(Outcome("r", "published", NOW), Path(), NOW)) == []


def test_a_message_is_capped_and_counts_the_rest() -> None:
    due = [
        ("new", AlertRecord(alert=alert(f"{n:03}", happened="x" * 5000), since=NOW))
        for n in range(50)
    ]
    told = alerting.message(due, "head", Path("/w"))
    assert told.title == "Makegood: 50 critical"
    assert len(marks(told.body)) == 20
    assert told.body.endswith("… and 30 more: makegood alerts --warehouse /w")
    assert len(told.body) < 20_000


# ---------------------------------------------------------------- when telling goes wrong


def failed(root: Path, reason: str = "it broke", **more: Any) -> None:
    """A run that fails: what is told of it, without a run."""
    after_run(
        Warehouse(root), settings_of(root), Outcome("r", "failed", NOW, (reason,), **more), NOW
    )


@pytest.mark.long
def test_no_secret_is_said_whatever_goes_wrong(
    tmp_path: Path,
    web: Web,
    mail: Mail,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A wrong password, a closed port, a receiver that sends elsewhere, one that never answers, an
    unknown service, a variable that is not set: each is named by its kind, and those beside it are
    told all the same."""
    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr(alerting, "LIMIT_SECONDS", 5)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        closed = free.getsockname()[1]
    web.hangs.set()
    other = Web()
    moved = Web()
    moved.status = 302
    monkeypatch.setenv("NOT_A_SERVICE", f"nosuch://{SECRET}@127.0.0.1/{SECRET}")
    urls = [
        mail.url("wrong-" + SECRET),
        mail.url(),
        f"json://u:{SECRET}@127.0.0.1:{closed}/{SECRET}",
        f"json://u:{SECRET}@{moved.host}/{SECRET}",
        f"json://u:{SECRET}@{web.host}/{SECRET}?rto=60",
        "env:NOT_A_SERVICE",
        "env:NOT_SET",
        f"slack://{SECRET}",
        f"json://u:{SECRET}@{other.host}/all-well",
    ]
    write_settings(tmp_path / "w", urls)
    failed(tmp_path / "w")
    said = capfd.readouterr()
    outcomes = dict(
        re.findall(r"makegood: alerts: ([\w: ]+): (.*); the next run tries again", said.err)
    )
    assert outcomes == {
        label: alerting.OUTCOMES[outcome]
        for label, outcome in {
            "mailto 1": "refused",
            "json 3": "refused",
            "json 4": "refused",
            "json 5": "late",
            "env:NOT_A_SERVICE": "unknown",
            "env:NOT_SET": "unset",
            "slack 8": "unknown",
        }.items()
    }
    assert [m["subject"] for m in mail.take()] == ["Makegood: 1 critical: run failed"]
    assert len(other.take("/all-well")) == 1
    assert [path for path, _ in moved.got] == [f"/{SECRET}"], (
        "a redirect is not followed: it would arrive empty"
    )
    assert {*alert_store(tmp_path / "w").entries[0].told} == {"mailto 2", "json 9"}
    assert repr(settings_of(tmp_path / "w").receivers()).count(SECRET) == 0
    assert SECRET not in repr(settings_of(tmp_path / "w"))
    # the receivers on this machine may well log what they get
    logged = [r.getMessage() for r in caplog.records if not r.name.startswith("mail.log")]
    no_secret_in(tmp_path / "w", said.out, said.err, *logged)
    for server in (other, moved):
        server.server.shutdown()
        server.server.server_close()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"urls: [mailto-{SECRET}]", r"alerts\.yaml:1: urls\.0: must be an Apprise URL"),
        (f"json://u:{SECRET}@host: 1", r"alerts\.yaml:1: …"),
        (
            f"urls:\n- json://{SECRET}@h: x\n- json://{SECRET}@h: x",
            r"alerts\.yaml:2: urls\.0: Input should be a valid string",
        ),
        ("urls: ['env:']", r"urls\.0: must be an Apprise URL"),
        ("url: []", r"alerts\.yaml:1: url: unknown key"),
        ("\ncredit_over: {EURO: 1}", r"alerts\.yaml:2: .*is not an ISO 4217 currency"),
        ("credit_over: {EUR: -1}", r"greater than or equal to 0"),
        (f"credit_over: {{EUR: 'json://{SECRET}@h'}}", r"is not a decimal number|…"),
        ("lapsing_days: soon", r"lapsing_days: Input should be a valid integer"),
        ("remind_after_days: 0", r"remind_after_days: .*greater than or equal to 1"),
        ("minimum_severity: info", r"minimum_severity: "),
        (f"urls: [!json://{SECRET}@h x]", r"alerts\.yaml"),
        ("", r"must be a map of keys"),
    ],
)
def test_settings_are_refused_by_file_and_line_without_their_secrets(
    tmp_path: Path, text: str, said: str
) -> None:
    (tmp_path / "alerts.yaml").write_text(text)
    with pytest.raises(InvalidDocument, match=said) as refused:
        settings_of(tmp_path)
    assert SECRET not in "".join(traceback.format_exception(refused.value))


def test_settings_have_defaults_and_a_file_that_is_named_must_be_there(tmp_path: Path) -> None:
    assert settings_of(tmp_path) == Settings()
    assert (
        Settings().lapsing_days,
        Settings().remind_after_days,
        Settings().minimum_severity,
        Settings().urls,
    ) == (14, 7, "warning", [])
    with pytest.raises(InvalidDocument, match="is not a file"):
        settings_of(tmp_path, tmp_path / "alerts.yaml")


def test_state_that_is_damaged_is_moved_aside(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A run goes on, says so, and starts anew; each damaged file is kept."""
    root = tmp_path
    for n, text in enumerate(
        (b"{", b"\xff", b'{"version": 2}', b'{"entries": [{"alert": {"kind": "odd"}}]}'), 1
    ):
        (root / "alerts.json").write_bytes(text)
        assert "alerts.json can't be read" in "\n".join(alerting.listed(root))
        failed(root)
        assert "alerts.json could not be read" in capsys.readouterr().err
        assert (root / f"alerts.json.damaged-{n}").read_bytes() == text
        assert {e.alert.kind for e in alert_store(root).open()} == {"state_damaged", "run_failed"}
    # without receivers, what is over is kept no longer
    failed(root)
    assert {e.alert.kind for e in alert_store(root).open()} == {"state_damaged", "run_failed"}


def test_a_run_that_is_killed_while_it_tells_has_it_told_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_settings(tmp_path, ["json://host/x"])
    sent: list[str] = []

    def takes(messages: dict[Any, alerting.Message]) -> dict[Any, str]:
        sent.extend(m.title for m in messages.values())
        return dict.fromkeys(messages, "taken")

    def dies(messages: Any) -> Any:
        takes(messages)
        raise KeyboardInterrupt

    monkeypatch.setattr(alerting, "deliver", dies)
    with pytest.raises(KeyboardInterrupt):
        failed(tmp_path)
    assert [e.told for e in alert_store(tmp_path).open()] == [{}], "it is kept before it is told"
    monkeypatch.setattr(alerting, "deliver", takes)
    failed(tmp_path)
    failed(tmp_path)
    assert sent == ["Makegood: 1 critical: run failed"] * 2
    # a disk that is full is no matter of the run
    monkeypatch.setattr(alerting, "_save", fails)
    failed(tmp_path, "something else")
    assert "could not be kept or sent" in capsys.readouterr().err


@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated")
def test_slack_gets_text_and_no_markup(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    from apprise.plugins.slack import NotifySlack

    monkeypatch.setattr(NotifySlack, "webhook_url", f"http://{web.host}/services")
    told = alerting.message(
        [("new", AlertRecord(alert=alert(one_line(HOSTILE)), since=NOW))], "head", Path("/w")
    )
    assert (
        alert_sender.send("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7/#duty", **vars(told))
        == "taken"
    )
    (sent,) = web.take("/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7")
    (attachment,) = sent["attachments"]
    assert sent["mrkdwn"] is False
    assert attachment["title"] == "Makegood: 1 critical: run failed"
    assert "Happened: It broke." in attachment["text"]
    assert "<" not in attachment["text"]
    assert "http" not in json.dumps({k: v for k, v in attachment.items() if k != "text"}), (
        "no picture is fetched from elsewhere"
    )


def test_a_run_that_may_not_begin_is_told_too(publish: Runner, tmp_path: Path, web: Web) -> None:
    """A contract that is refused at night: nobody sees the exit status."""
    root = tmp_path / "w"
    landing = conftest.write_landing(tmp_path / "landing", world())
    contracts = conftest.write_contracts(
        tmp_path / "contracts", {"k": {**conftest.contract("k"), "loud": True}}
    )
    with pytest.raises(InvalidDocument):
        publish(landing, EARLY, contracts, warehouse=root)
    assert not root.exists(), "where no warehouse is, somebody is trying"
    write_settings(root, [f"json://{web.host}/x"])
    for _ in range(2):
        with pytest.raises(InvalidDocument):
            publish(landing, EARLY, contracts, warehouse=root)
    (told,) = web.take("/x")
    assert told["title"] == "Makegood: 1 critical: run failed"
    assert marks(told["message"]) == ["[critical, new] run failed: contracts and settings"]
    assert re.search(r"Happened: .*k\.yaml:\d+: loud: unknown key", told["message"])
    with Warehouse(root).locked():
        web.take("/x")
        with pytest.raises(InvalidDocument):
            publish(landing, EARLY, contracts, warehouse=root)


# ---------------------------------------------------------------- the command


def test_one_cause_is_one_alert(sample: Published) -> None:
    """Checks of a contract that begin late are one alert, whatever the number of its figures."""
    rows = sample.query(
        "select contract_id, period_start from marts.availability where low_coverage"
    )
    assert len(rows) == 5
    (alert,) = [
        r.alert for r in alert_store(sample.warehouse).open() if r.alert.kind == "low_coverage"
    ]
    assert alert.subject == "connect_engage, 2026 Q2"
    assert alert.happened.startswith(
        "5 figures of availability have less data than connect_engage requires: "
        "messaging · us-east, 32.79 % known and 61 d 03 h unknown; voice · "
    )
    assert alert.happened.endswith("; and 2 more.")


@pytest.mark.long
def test_the_command_tests_receivers_and_lists_what_is_open(tmp_path: Path, web: Web) -> None:
    none = makegood("alerts", "--warehouse", tmp_path, "--test")
    assert (none.returncode, "nobody receives alerts" in none.stderr) == (2, True)
    write_settings(tmp_path, ["env:HOOK", f"json://u:{SECRET}@{web.host}/json"])
    done = makegood("alerts", "--warehouse", tmp_path, "--test", HOOK=f"json://{web.host}/hook")
    assert (done.returncode, done.stdout) == (
        0,
        "env:HOOK: the message was taken\njson 2: the message was taken\n",
    ), done.stderr
    assert [m["title"] for m in web.take("/hook") + web.take("/json")] == ["Makegood: a test"] * 2
    assert alert_store(tmp_path) == AlertStore(), "a test is no alert"
    web.status = 403
    done = makegood("alerts", "--warehouse", tmp_path, "--test")
    assert done.returncode == 1
    assert "env:HOOK: its environment variable is not set" in done.stdout
    assert "json 2: the message was not taken" in done.stdout
    no_secret_in(tmp_path, done.stdout, done.stderr)
    (tmp_path / "alerts.yaml").unlink()
    failed(tmp_path)
    listed = makegood("alerts", "--warehouse", tmp_path)
    assert listed.returncode == 0
    assert re.search(
        (
            r"since 2026-07-16 05:00:00 UTC  critical  run failed: the run\n"
            r"    Happened: it broke\n    Means: .*\n    Do: "
        ),
        listed.stdout,
    )


def test_a_run_refuses_settings_before_anything_runs(tmp_path: Path) -> None:
    landing = conftest.write_landing(tmp_path / "landing", world())
    (tmp_path / "duty.yaml").write_text("urls: []\nloud: true\n")
    words = (
        "run",
        "--landing",
        landing,
        "--warehouse",
        tmp_path / "w",
        "--as-of",
        EARLY,
        "--alerts",
    )
    done = makegood(*words, tmp_path / "duty.yaml")
    assert (done.returncode, "duty.yaml:2: loud: unknown key" in done.stderr) == (2, True)
    done = makegood(*words, tmp_path / "nowhere.yaml")
    assert (done.returncode, "is not a file" in done.stderr) == (2, True)


def test_the_command_tells_of_a_blocked_run(tmp_path: Path, web: Web) -> None:
    landing = conftest.write_landing(tmp_path / "landing", world())
    deliver_file(landing, "bad.csv", "outages", [outage(45, state="sideways")])
    (tmp_path / "duty.yaml").write_text(
        f"urls: ['json://{web.host}/x', 'json://127.0.0.1:1/{SECRET}']\n"
    )
    done = makegood(
        "run",
        "--landing",
        landing,
        "--warehouse",
        tmp_path / "w",
        "--as-of",
        EARLY,
        "--alerts",
        tmp_path / "duty.yaml",
    )
    assert done.returncode == 3
    assert "makegood: alerts: json 2: the message was not taken" in done.stderr
    assert [m["title"] for m in web.take("/x")] == ["Makegood: 1 critical: run blocked"]
    assert "run blocked: the run" in makegood("status", "--warehouse", tmp_path / "w").stdout
    no_secret_in(tmp_path / "w", done.stdout, done.stderr)
