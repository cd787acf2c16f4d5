"""Words that would be something else to a database, a browser, a shell or YAML stay words.
docs/THREATS.md lists what is defended, and where."""

import re
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from makegood.dashboards.app.navigation import PAGES
from makegood.dashboards.figures.words import plain
from makegood.ingestion.contracts.loader import load_folder
from makegood.ingestion.landing.land import feed_settings
from makegood.ingestion.strict_yaml import InvalidDocument
from makegood.orchestration.output.explain import explain
from makegood.orchestration.output.status import describe
from tests.conftest import Feeds, Published, Runner, published_once, some_of
from tests.e2e.test_command import makegood
from tests.e2e.test_dashboards import app, serving, settled, tables
from tests.integration.test_landing import AS_OF, world
from tests.models.test_credit_line import deliver

# to a database, to HTML, to Markdown, to a template, to a path, to a spreadsheet
HOSTILE = [
    "'; drop table marts.credits; --",
    "\"; attach '/etc/passwd' as x; --",
    "<script>window.hacked = 1</script>",
    "<img src=x onerror='window.hacked = 1'>",
    "[click](javascript:window.hacked=1) ![x](/x.png) **bold** $x^2$ :red[red]",
    "{{ 7 * 7 }} {% raw %} ${HOME} `id` $(id)",
    "../../../etc/passwd",
    "=HYPERLINK(1)",
    "a\nb\tc\u202ed",
]


def hostile_world(word: str) -> Feeds:
    """The world of test_landing with every id and name made of a word."""
    feeds = world()
    feeds["invoices"] = [
        {
            "invoice_id": "i",
            "customer_id": "k",
            "status": "issued",
            "issued_on": "2026-07-01",
            "due_on": "2026-07-31",
        }
    ]
    feeds["invoice_lines"] = [
        {
            "line_id": "l",
            "invoice_id": "i",
            "subscription_id": "u",
            "line_kind": "recurring",
            "period_start": "2026-06-01",
            "period_end": "2026-06-30",
            "amount": "100",
            "currency": "EUR",
        }
    ]
    feeds["tickets"] = [
        {
            "ticket_id": "t",
            "subscription_id": "u",
            "ticket_type": "incident",
            "environment": "production",
            "subject": "x",
            "incident_id": "n",
        }
    ]
    feeds["ticket_events"] = [
        {
            "event_id": "e",
            "ticket_id": "t",
            "occurred_at": "2026-06-10T00:00:00Z",
            "event": "received",
        }
    ]
    names = {
        "service_id",
        "component_id",
        "customer_id",
        "subscription_id",
        "invoice_id",
        "line_id",
        "ticket_id",
        "event_id",
        "incident_id",
        "name",
        "region",
        "subject",
    }
    return {
        feed: [{k: f"{v} {word}" if k in names else v for k, v in row.items()} for row in rows]
        for feed, rows in feeds.items()
    }


def together(worlds: list[Feeds]) -> Feeds:
    feeds: Feeds = {}
    for one in worlds:
        for feed, rows in one.items():
            feeds.setdefault(feed, []).extend(rows)
    # the operational records of each world keep ids of their own
    for n, row in enumerate(feeds["outages"]):
        row["outage_id"] = f"{n}"
    return feeds


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Published:
    folder = tmp_path_factory.mktemp("hostile")
    deliver(folder / "in", "rows", together([hostile_world(word) for word in HOSTILE]))
    return published_once(folder / "in", folder / "warehouse", AS_OF)


def test_ids_come_out_as_they_went_in(published: Published) -> None:
    """And each has the figures of the one world they all are."""
    credits = published.query(
        "select * from marts.credits where currency is not null and month = '2026-06-01'"
    )
    assert {r["subscription_id"] for r in credits} == {f"u {word}" for word in HOSTILE}
    assert {str(r["monthly_fee"]) for r in credits} == {"100.000"}
    assert {
        r["downtime_seconds"]
        for r in published.mart("availability")
        if str(r["period_start"]) == "2026-06-01"
    } == {1800}
    assert {r["ticket_id"] for r in published.mart("ticket_sla")} == {
        f"t {word}" for word in HOSTILE
    }
    assert published.rejected() == []


@pytest.mark.parametrize("word", HOSTILE)
def test_a_proof_is_that_of_the_id_as_it_is_written(published: Published, word: str) -> None:
    proof = explain(published.warehouse, f"u {word}", date(2026, 6, 1)).as_data()
    assert proof["subscription_id"] == f"u {word}"
    assert published.query("select count(*) as n from marts.credits")[0]["n"] > len(HOSTILE)


def test_a_terminal_is_told_words_and_no_commands(published: Published) -> None:
    """No id breaks a line, moves the cursor, or turns around what stands beside it."""
    for said in (
        describe(published.warehouse),
        explain(published.warehouse, f"u {HOSTILE[-1]}", date(2026, 6, 1)).as_text(),
    ):
        assert "a\\nb\\tc\\u202ed" in said
        assert {c for c in said if not c.isprintable()} == {"\n"}


def test_filters_choose_by_the_word(monkeypatch: pytest.MonkeyPatch, published: Published) -> None:
    at = app(monkeypatch, published.warehouse, "availability")
    assert not at.exception
    for word in HOSTILE:
        at.multiselect(key="Availability: services").set_value([f"s {word}"]).run()
        assert not at.exception
        assert {
            row["Service"] for row in tables(at)["Availability by service, region and period"]
        } == {f"s {word}"}


@pytest.mark.long
@pytest.mark.parametrize("page", [page.name for page in PAGES])
def test_no_page_fails_on_hostile_names(
    monkeypatch: pytest.MonkeyPatch, published: Published, page: str
) -> None:
    at = app(monkeypatch, published.warehouse, page)
    assert [e.value for e in at.exception] == []


@pytest.mark.parametrize("word", HOSTILE)
def test_a_heading_has_no_markdown_left_in_it(word: str) -> None:
    assert re.sub(r"\\(.)", r"\1", plain(word)) == " ".join(word.split())
    assert not re.search(r"(?<!\\)[<>\[\]()*`$!:]", plain(word))


@pytest.mark.long
def test_names_do_nothing_in_a_browser(chromium: Any, published: Published) -> None:
    """On every page, and in headings, which are Markdown."""
    with serving("dashboards", "--warehouse", published.warehouse, health="/_stcore/health") as (
        address,
        _,
    ):
        page = chromium.new_page(viewport={"width": 1360, "height": 1000})
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))

        def nothing_happened() -> None:
            assert page.evaluate("window.hacked") is None
            assert (
                page.locator(
                    "[data-testid=stMain] img, [data-testid=stMain] a[href*=javascript]"
                ).count()
                == 0
            )

        for listed in PAGES:
            page.goto(f"{address}/{'' if listed is PAGES[0] else listed.name}")
            settled(page, listed.title)
            nothing_happened()
        for word in HOSTILE[2:6]:
            page.goto(f"{address}/availability?{urlencode({'services': f's {word}'})}")
            settled(page, "Availability")
            page.get_by_role("heading", name=f"s {word}").wait_for(timeout=30_000)
            nothing_happened()
        assert [url for url in asked if not url.startswith((address, "data:", "blob:"))] == []
        assert not [url for url in asked if url.endswith(("/x", "/x.png"))]


def listening(pid: int) -> set[str]:
    """The addresses at which the processes of a session listen, as Linux writes them."""
    listed = subprocess.run(
        ["ps", "-eo", "pid=,sess="], capture_output=True, text=True, check=True
    ).stdout.split("\n")
    pids = [p for p, s in (line.split() for line in listed if line.strip()) if int(s) == pid]
    sockets = set()
    for process in pids:
        for handle in Path(f"/proc/{process}/fd").glob("*"):
            try:
                found = re.fullmatch(r"socket:\[(\d+)\]", str(handle.readlink()))
            except OSError:
                continue
            if found:
                sockets.add(found[1])
    rows = [
        line.split()
        for name in ("tcp", "tcp6")
        for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]
    ]
    return {row[1].split(":")[0] for row in rows if row[3] == "0A" and row[9] in sockets}


LOOPBACK = {"0100007F", "00000000000000000000000001000000", "0000000000000000FFFF00000100007F"}


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("server", some_of(["dashboards", "orchestrator"], "dashboards"))
def test_servers_listen_on_this_machine_only(
    server: str, published: Published, tmp_path: Path
) -> None:
    landing = (
        ["--landing", str(published.warehouse.parent / "in")] if server == "orchestrator" else []
    )
    warehouse = published.warehouse if server == "dashboards" else tmp_path / "w"
    with serving(
        server,
        *landing,
        "--warehouse",
        warehouse,
        health="/_stcore/health" if server == "dashboards" else "/server_info",
    ) as (_, pid):
        addresses = listening(pid)
    assert addresses
    assert addresses <= LOOPBACK, addresses


YAML = {
    "a tag": "contract_id: !!python/object/apply:os.system [id]\n",
    "an alias": "contract_id: &a x\nname: *a\n",
    "a merge": "<<: {contract_id: x}\n",
    "laughs": "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\n",
    "deep": "a: " + "[" * 5000 + "]" * 5000 + "\n",
    "NUL": "contract_id: a\0b\n",
}


@pytest.mark.parametrize("what", YAML)
def test_yaml_is_data_and_nothing_else(tmp_path: Path, what: str) -> None:
    (tmp_path / "contracts").mkdir()
    (tmp_path / "contracts" / "c.yaml").write_text(YAML[what])
    with pytest.raises(InvalidDocument, match=r"c\.yaml:\d+: "):
        load_folder(tmp_path / "contracts")
    (tmp_path / "feeds.yaml").write_text(YAML[what])
    with pytest.raises(InvalidDocument, match=r"feeds\.yaml:\d+: "):
        feed_settings(tmp_path)


@pytest.mark.long
def test_paths_are_words_to_the_command(tmp_path: Path, publish: Runner) -> None:
    landing = tmp_path / 'it\'s; a "folder" $(id) %s'
    deliver(landing, 'it\'s; "rows" $(id)', world())
    done = makegood(
        "run", "--landing", landing, "--warehouse", tmp_path / "a 'warehouse'", "--as-of", AS_OF
    )
    assert done.returncode == 0, done.stderr
    assert Published(tmp_path / "a 'warehouse'").mart("availability")
