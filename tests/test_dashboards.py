"""The dashboards over a published sample: what a page shows is what the marts hold, by Streamlit's own test and in a browser."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from dashboards.words import plain
from ingestion.sample import write
from tests import conftest
from tests.conftest import Published, published_once, write_landing

APP = Path(__file__).parent.parent / "dashboards" / "app.py"


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Published:
    folder = tmp_path_factory.mktemp("dashboards")
    write(folder / "landing", "small", 1, faults=False)
    return published_once(folder / "landing", folder / "warehouse", "2026-08-15T00:00:00Z")


def app(monkeypatch: pytest.MonkeyPatch, warehouse: Path) -> AppTest:
    monkeypatch.setattr(sys, "argv", ["app.py", "--warehouse", str(warehouse)])
    return AppTest.from_file(str(APP), default_timeout=60).run()


def metrics(at: AppTest) -> dict[str, str]:
    return {m.label: m.value for m in at.metric}


def test_the_page_shows_the_figures_of_the_mart(monkeypatch: pytest.MonkeyPatch, published: Published) -> None:
    at = app(monkeypatch, published.warehouse)
    assert not at.exception
    at.sidebar.selectbox(key="contract").set_value("trueengage").run()
    rows = published.query("select * from marts.availability where contract_id = 'trueengage'")
    committed = [r for r in rows if r["status"] != "provisional" and r["is_met"] is not None]
    shown = metrics(at)
    assert shown["Commitments met"] == f"{sum(r['is_met'] for r in committed)} of {len(committed)}"
    table = at.dataframe[0].value
    assert len(table) == len(rows)
    expected = {(r["service_id"], r["region"], f"{r['period_start']:%Y-%m}"): f"{r['availability_pct']:.6f} %" for r in rows}
    assert {(r["Service"], r["Region"], r["Period"]): r["Availability"] for _, r in table.iterrows()} == expected


def test_the_drill_down_adds_up_to_the_figure(monkeypatch: pytest.MonkeyPatch, published: Published) -> None:
    at = app(monkeypatch, published.warehouse)
    at.sidebar.selectbox(key="contract").set_value("trueengage").run()
    worst = published.query(
        "select * from marts.availability where contract_id = 'trueengage' and is_met is not null order by budget_remaining_seconds limit 1"
    )[0]
    title = f"{plain(worst['service_id'] + ' · ' + worst['region'])}, {worst['period_start']:%Y-%m}"
    assert any(title in s.value for s in at.subheader), [s.value for s in at.subheader]
    assert metrics(at)["Downtime"] == in_words(worst["downtime_seconds"])
    intervals = at.dataframe[-2].value
    whole = published.query(
        f"""select count(*) as n from marts.downtime_by_period
            where service_id = '{worst["service_id"]}' and region = '{worst["region"]}' and period_start = '{worst["period_start"]}' and contract_id = 'trueengage'"""
    )[0]["n"]
    assert len(intervals) == whole > 0
    method = at.dataframe[-1].value
    assert ("downtime.min_consecutive_s", "900") in set(zip(method["Key"], method["Value"], strict=True))


def in_words(seconds: int) -> str:
    return f"{seconds // 60} min {seconds % 60:02d} s" if seconds < 3600 else f"{seconds // 3600} h {seconds % 3600 // 60:02d} min {seconds % 60:02d} s"


def test_filters_choose_and_quarters_show_categories(monkeypatch: pytest.MonkeyPatch, published: Published) -> None:
    at = app(monkeypatch, published.warehouse)
    at.sidebar.selectbox(key="contract").set_value("connect_engage").run()
    at.sidebar.multiselect(key="services").set_value(["voice"]).run()
    assert not at.exception
    assert set(at.dataframe[0].value["Service"]) == {"voice"}
    assert any("By product category" in s.value for s in at.subheader)
    assert set(at.dataframe[1].value["Category"]) == {"voice", "business messaging", "service cloud"}


def test_nothing_published_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    at = app(monkeypatch, tmp_path)
    assert not at.exception
    assert "nothing is published" in at.info[0].value


def test_an_empty_publication_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, publish: conftest.Runner) -> None:
    published = publish(write_landing(tmp_path / "in", {}), "2026-07-01T00:00:00Z")
    at = app(monkeypatch, published.warehouse)
    assert not at.exception
    assert "There is no figure yet" in at.info[0].value


@contextmanager
def serving(*words: Any, health: str) -> Iterator[tuple[str, int]]:
    """A server as the command starts it, once it answers: its address and the id of its process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [str(Path(sys.executable).parent / "makegood"), *map(str, words), "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True) as process:
        address = f"http://127.0.0.1:{port}"
        try:
            for _ in range(300):
                try:
                    urllib.request.urlopen(address + health, timeout=1).read()
                    break
                except OSError:
                    time.sleep(0.2)
            yield address, process.pid
        finally:
            os.killpg(process.pid, signal.SIGTERM)


@pytest.fixture(scope="module")
def served(published: Published) -> Iterator[str]:
    with serving("dashboards", "--warehouse", published.warehouse, health="/_stcore/health") as (address, _):
        yield address


def test_the_page_in_a_browser(chromium: Any, served: str, published: Published, tmp_path: Path) -> None:
    page = chromium.new_page(viewport={"width": 1360, "height": 1000})
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(served)
    page.get_by_text("Behind the figure").wait_for(timeout=60_000)
    page.locator("[data-testid=stVegaLiteChart] canvas, [data-testid=stVegaLiteChart] svg").first.wait_for(timeout=30_000)
    assert page.get_by_text("Commitments met").is_visible()
    assert page.get_by_text("2026-08-15 00:00:00 UTC").is_visible()
    assert page.locator("[data-testid=stException]").count() == 0
    page.screenshot(path=str(tmp_path / "page.png"), full_page=True)
    assert (tmp_path / "page.png").stat().st_size > 20_000
    assert [url for url in asked if not url.startswith((served, "data:", "blob:"))] == [], "the page fetches nothing from elsewhere"
