"""Customers ask for credits on the pages: what may be asked for and by whom, that it is asked for
once, and that the next run lands it (C5)."""

import json
import os
import shutil
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from makegood.dashboards.access import credit_requests
from makegood.dashboards.access.credit_requests import Refused, ask
from makegood.dashboards.access.grants import Access, Grant
from makegood.dashboards.access.reader import EVERYTHING, Viewer, opened
from makegood.dashboards.app import published
from makegood.ingestion.feeds.specs import feeds
from makegood.ingestion.landing.discovery import INBOX
from makegood.orchestration.pipeline import rollback
from makegood.orchestration.serving.deliveries import Seen
from makegood.orchestration.warehouse import doctor
from makegood.orchestration.warehouse.store import Warehouse
from tests.conftest import CONTRACTS, Published, contract, published_once, write_contracts
from tests.integration.test_access import SIGN_IN
from tests.models.test_credit_examples import Examples
from tests.models.test_credit_line import deliver

JULY_5, JULY_6 = "2026-07-05T00:00:00Z", "2026-07-06T12:00:00Z"
NOW = datetime(2026, 7, 5, 22, 30, tzinfo=UTC)
JUNE = date(2026, 6, 1)
ANN = {"is_logged_in": True, "sub": "4711", "iss": "https://id.example.com", "email": "ann@b.org"}


class Place:
    """A landing folder and a warehouse."""

    def __init__(self, folder: Path) -> None:
        self.landing, self.path = folder / "landing", folder / "warehouse"
        # a day is over earlier there than in UTC
        early = contract(
            "early",
            "Europe/Amsterdam",
            availability={"commitment_pct": 99.9},
            credits={
                "support_plans": ["premium"],
                "availability_tiers": [{"below_pct": 99.9, "credit_pct": 10}],
            },
        )
        self.contracts = write_contracts(folder / "contracts", {"early": early})
        shutil.copy(CONTRACTS / "trueengage.yaml", self.contracts)

    def run(self, as_of: str) -> Published:
        return published_once(self.landing, self.path, as_of, self.contracts)

    def ask(
        self,
        subscription_id: str,
        *customers: str,
        month: date = JUNE,
        now: datetime = NOW,
        claims: dict[str, Any] | None = None,
        viewer: Viewer | None = None,
    ) -> bool:
        who = viewer or Viewer(frozenset(customers or {f"of-{subscription_id}"}))
        database = (self.path / "published" / "makegood.duckdb").resolve()
        with opened(database, who) as reader:
            return ask(self.path, reader, claims or ANN, subscription_id, month, now)

    @property
    def made(self) -> list[Path]:
        folder = self.path / credit_requests.FOLDER
        return sorted(p for p in folder.iterdir()) if folder.exists() else []


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Place:
    place = Place(tmp_path_factory.mktemp("asking"))
    e = Examples()
    for name, terms in (("utc", "trueengage"), ("local", "early"), ("other", "trueengage")):
        e.subscription(name, terms, fee="100.00").outage(0, 2593)
    e.subscription("kept", fee="100.00")
    # not paid in time: asking now would cost the credit (E2)
    e.subscription("overdue", fee=None).outage(0, 2593)
    e.line("100.00", invoice=e.invoice(due="2026-07-02"))
    deliver(place.landing, "1", e.feeds)
    place.run(JULY_5)
    return place


@pytest.fixture
def place(begun: Place, tmp_path: Path) -> Place:
    other = Place(tmp_path / "copy")
    shutil.copytree(begun.landing, other.landing)
    shutil.copytree(begun.path, other.path, symlinks=True)
    return other


@pytest.mark.parametrize(
    ("who", "said"),
    [
        ({"subscription_id": "other", "customers": ["of-utc"]}, "no such credit"),
        ({"subscription_id": "nobody"}, "no such credit"),
        ({"subscription_id": "utc' or '1'='1", "customers": ["of-utc"]}, "no such credit"),
        ({"subscription_id": "kept"}, "no such credit"),
        ({"subscription_id": "overdue"}, "no such credit"),
        # not over yet
        ({"subscription_id": "utc", "month": date(2026, 7, 1)}, "no such credit"),
        ({"subscription_id": "utc", "viewer": EVERYTHING}, "only a customer"),
        ({"subscription_id": "utc", "viewer": Viewer(frozenset())}, "no such credit"),
        ({"subscription_id": "utc", "claims": {"email": "ann@b.org"}}, "only a customer"),
        # the deadline is 30 July, there and here
        ({"subscription_id": "utc", "now": datetime(2026, 7, 31, tzinfo=UTC)}, "until 2026-07-30"),
        (
            {"subscription_id": "local", "now": datetime(2026, 7, 30, 22, tzinfo=UTC)},
            "until 2026-07-30",
        ),
    ],
)
def test_what_is_not_theirs_or_not_claimable_is_refused(
    begun: Place, who: dict[str, Any], said: str
) -> None:
    words = dict(who)
    subscription, customers = words.pop("subscription_id"), words.pop("customers", [])
    with pytest.raises(Refused, match=said):
        begun.ask(subscription, *customers, **words)
    assert begun.made == []


def test_a_request_is_a_row_of_the_feed_with_who_asked_beside_it(place: Place) -> None:
    """Dated by the clock of the contract; twice or by several at once it is one row."""
    with ThreadPoolExecutor(8) as pool:
        new = list(pool.map(lambda _: place.ask("local"), range(8)))
    assert sorted(new) == [False] * 7 + [True]
    assert place.ask("utc")
    assert not place.ask("utc", now=datetime(2026, 7, 9, tzinfo=UTC), claims={**ANN, "sub": "2"})
    found = {}
    for folder in place.made:
        assert sorted(p.name for p in folder.iterdir()) == [".asked.json", "request.jsonl"]
        row = json.loads((folder / "request.jsonl").read_text())
        assert list(row) == [c.name for c in feeds()["credit_requests"].columns]
        assert folder.name == row["request_id"]
        found[row["subscription_id"]] = (row["month"], row["requested_on"])
        assert json.loads((folder / ".asked.json").read_text()) == {
            "asked_at": "2026-07-05T22:30:00Z",
            "asked_by": {k: ANN[k] for k in ("iss", "sub", "email")},
        }
    # half past midnight in Amsterdam
    assert found == {"utc": ("2026-06-01", "2026-07-05"), "local": ("2026-06-01", "2026-07-06")}


def test_an_empty_folder_is_no_request(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """A power cut may leave one. The names of the files are on disk before the folder appears."""
    folder = place.path / credit_requests.FOLDER / credit_requests.request_id("utc", JUNE)
    folder.mkdir(parents=True)
    synced: list[tuple[int, bool]] = []

    def fsync(handle: int) -> None:
        synced.append((os.fstat(handle).st_ino, (folder / credit_requests.REQUEST).exists()))

    monkeypatch.setattr(os, "fsync", fsync)
    assert place.ask("utc")
    assert (folder.stat().st_ino, False) in synced
    assert synced[-1] == (folder.parent.stat().st_ino, True)
    assert sorted(p.name for p in folder.iterdir()) == [".asked.json", "request.jsonl"]
    assert not place.ask("utc")


def test_requests_are_read_once(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """They never change; each look at the inbox reads its names alone."""
    utc, local = ("utc", JUNE), ("local", JUNE)
    assert credit_requests.asked(place.path, [utc, local]) == {}
    assert credit_requests.inbox(place.path) == []
    place.ask("utc")
    (made,) = place.made
    # one that can't be read yet may be readable later
    file = made / credit_requests.ASKED
    file.rename(made / "away")
    assert credit_requests.asked(place.path, [utc, local]) == {}
    (made / "away").rename(file)
    first = credit_requests.asked(place.path, [utc, local])
    assert {key: str(r.requested_on) for key, r in first.items()} == {utc: "2026-07-05"}
    reads: list[Path] = []
    monkeypatch.setattr(Path, "read_bytes", lambda path: reads.append(path))
    assert credit_requests.asked(place.path, [local, utc]) == first
    assert [request.subscription_id for request, _ in credit_requests.inbox(place.path)] == ["utc"]
    assert reads == []
    # one that was removed is not remembered
    shutil.rmtree(made)
    assert credit_requests.asked(place.path, [utc]) == {}


def test_on_its_last_day_it_can_be_asked_for(place: Place) -> None:
    assert place.ask("utc", now=datetime(2026, 7, 30, 23, 59, 59, tzinfo=UTC))
    assert place.ask("local", now=datetime(2026, 7, 30, 21, 59, 59, tzinfo=UTC))


def claims_of(published: Published) -> dict[str, tuple[str, str]]:
    return {
        c["subscription_id"]: (c["claim_status"], str(c["requested_on"]))
        for c in published.query("select * from marts.credits where month = '2026-06-01'")
    }


@pytest.mark.long
def test_the_next_run_lands_what_was_asked_for(place: Place) -> None:
    """Once, with the landing folder; also after a rollback, and where its landed file is damaged.
    A path below the landing folder can't be taken for one of the inbox."""
    contracts = place.contracts, place.path / "alerts.yaml"
    inbox = Warehouse(place.path).inbox
    before = Seen.now(place.landing, inbox, *contracts)
    place.ask("utc")
    place.ask("local")
    # the orchestrator sees it like a delivery
    assert Seen.now(place.landing, inbox, *contracts).delivered != before.delivered
    hidden = place.landing / "credit_requests" / INBOX
    shutil.copytree(place.made[0], hidden / "x")
    landed = place.run(JULY_6)
    assert landed.rejected() == []
    expected = {
        "utc": ("requested", "2026-07-05"),
        "local": ("requested", "2026-07-06"),
        "other": ("claimable", "None"),
    }
    assert expected.items() <= claims_of(landed).items()
    paths = landed.query(
        "select path from state.deliveries where feed = 'credit_requests' order by path"
    )
    assert [p["path"] for p in paths if INBOX in p["path"]] == [
        f"credit_requests/{INBOX}/{folder.name}/request.jsonl" for folder in place.made
    ]
    deliveries = "select count(*) as n from state.deliveries"
    assert place.run(JULY_6).query(deliveries) == landed.query(deliveries)

    # a landed file that is damaged is made again from the inbox
    (file,) = [
        f["path"]
        for f in landed.query("select path from state.files where feed = 'credit_requests'")
        if "00000002" in f["path"]
    ]
    (place.path / "landed" / file).unlink()
    assert any("made again" in done for done in doctor.repair(place.path, place.landing))

    planned = rollback.plan(place.path, Warehouse(place.path).earlier()[-1].folder.name)
    assert planned.in_words(place.landing)[-1] == "  none"
    rollback.roll_back(place.path, planned)
    assert claims_of(Published(place.path))["utc"] == ("claimable", "None")
    assert len(place.made) == 2
    assert expected.items() <= claims_of(place.run(JULY_6)).items()


# ---------------------------------------------------------------- the page


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch, place: Place) -> Iterator[Any]:
    """The page as somebody with a role sees it, on 5 July."""
    grants = [Grant("role", role, role) for role in ("leadership", "finance", "operations")]
    grants += [Grant("who", name, "customer", (f"of-{name}",)) for name in ("utc", "other")]
    handle = Access(SIGN_IN, tuple(grants)).handle()
    words = ["app.py", "--warehouse", str(place.path), "--access", str(handle)]
    monkeypatch.setattr(sys, "argv", words)

    class Clock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return NOW

    monkeypatch.setattr(published, "datetime", Clock)

    def opened_as(role: str, who: str = "inside") -> AppTest:
        file = Path(published.__file__).parent / "app_pages" / "ask.py"
        at = AppTest.from_file(str(file), default_timeout=60)
        at.user = {"is_logged_in": True, "iat": int(time.time()), "role": role, "who": who}
        at.user |= {"sub": who, "email": f"{who}@example.org"}
        return at.run()

    yield opened_as
    os.close(handle)
    published._handed_over.cache_clear()


def credits(at: AppTest) -> dict[str, str]:
    (frame,) = (f for f in at.dataframe if f.proto.alt == "Credits that can be asked for")
    return dict(zip(frame.value["Subscription"], frame.value["State"], strict=True))


def test_a_customer_asks_and_finance_sees_it(place: Place, page: Any) -> None:
    at = page("customer", "utc")
    assert not at.exception
    assert credits(at) == {"utc": "can be asked for"}
    (button,) = at.button
    # twice, as a double click
    button.click().run()
    assert not at.exception
    assert credits(at) == {"utc": "asked for on 2026-07-05; counts with the next run"}
    assert at.button[0].disabled
    assert len(place.made) == 1

    # another customer sees nothing of it
    assert credits(page("customer", "other")) == {"other": "can be asked for"}
    for role in ("finance", "leadership"):
        inside = page(role)
        assert not inside.button
        (inbox,) = (f for f in inside.dataframe if f.proto.alt == "Requests made on these pages")
        (row,) = inbox.value.to_dict("records")
        assert (row["Subscription"], row["Asked by"], row["Claim status"]) == (
            "utc",
            "utc@example.org",
            "claimable",
        )


def test_what_can_not_be_written_down_is_not_offered(
    monkeypatch: pytest.MonkeyPatch, place: Place, page: Any
) -> None:
    """Pages may be served from a warehouse that is read-only to them."""
    monkeypatch.setattr(credit_requests, "is_open", lambda warehouse: False)
    at = page("customer", "utc")
    assert (len(at.button), place.made) == (0, [])
    assert "Requests can't be written down here" in at.caption[-2].value
