"""How long people wait for the pages: medians in a browser, over a warehouse that is published
already.

python -m benchmarks.pages WAREHOUSE [rounds]

First: the server has just started, the browser has nothing. Opened: by its address, in a new
session of a warm server. Clicked: from another page. Interaction: a filter is changed. Each until
nothing is at work any more.
"""

import shutil
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

from playwright.sync_api import TimeoutError, sync_playwright

from makegood.dashboards.app.navigation import PAGES
from tests.e2e.test_dashboards import QUIET, serving, settled


def interact(page: Any) -> float | None:
    """Chooses a value of the first filter; when that was, or None where there is no filter."""
    boxes = page.get_by_test_id("stMain").get_by_test_id("stMultiSelect")
    try:
        boxes.first.wait_for(timeout=2000)
    except TimeoutError:
        return None
    option = page.get_by_role("option")
    page.wait_for_function(QUIET)
    # what is drawn late may take the list away again
    while not option.count():
        boxes.first.get_by_role("combobox").click()
        page.wait_for_timeout(300)
    page.keyboard.press("ArrowDown")
    started = time.monotonic()
    page.keyboard.press("Enter")
    return started


def main(warehouse: str, rounds: str = "5") -> None:
    with (
        serving("dashboards", "--warehouse", Path(warehouse), health="/_stcore/health") as (
            address,
            _,
        ),
        sync_playwright() as playwright,
        playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        ) as browser,
    ):
        page = browser.new_page(viewport={"width": 1366, "height": 900})
        started = time.monotonic()
        page.goto(address)
        settled(page, PAGES[0].title)
        print(f"first page of a new server: {time.monotonic() - started:.2f} s")
        taken: dict[tuple[str, str], list[float]] = {}
        for _ in range(int(rounds)):
            for listed in PAGES:
                fresh = browser.new_page(viewport={"width": 1366, "height": 900})
                started = time.monotonic()
                fresh.goto(f"{address}/{'' if listed is PAGES[0] else listed.name}")
                settled(fresh, listed.title)
                taken.setdefault((listed.name, "opened"), []).append(time.monotonic() - started)
                if (started := interact(fresh)) is not None:
                    fresh.wait_for_timeout(30)
                    fresh.wait_for_function(QUIET, timeout=60_000)
                    taken.setdefault((listed.name, "interaction"), []).append(
                        time.monotonic() - started
                    )
                fresh.close()
                started = time.monotonic()
                page.get_by_test_id("stSidebarNav").get_by_role(
                    "link", name=listed.title, exact=True
                ).click()
                settled(page, listed.title)
                taken.setdefault((listed.name, "clicked"), []).append(time.monotonic() - started)
        print(
            f"{'seconds, medians':<20}"
            + "".join(f"{what:>14}" for what in ("opened", "clicked", "interaction"))
        )
        for listed in PAGES:
            found = [
                taken.get((listed.name, what)) for what in ("opened", "clicked", "interaction")
            ]
            print(
                f"{listed.name:<20}"
                + "".join(f"{median(f):>14.2f}" if f else f"{'–':>14}" for f in found)
            )


if __name__ == "__main__":
    main(*sys.argv[1:])
