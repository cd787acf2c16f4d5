"""Figures on thin evidence are marked as such (M6): on pages, in reports, files and proofs."""

import csv
import io
import json
import re
import shutil
from collections import Counter
from datetime import UTC, date, datetime
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import pytest

from makegood.dashboards.access.reader import EVERYTHING, Viewer, opened
from makegood.dashboards.app import charts
from makegood.dashboards.figures.evidence import (
    Evidence,
    Verdict,
    evidence_of,
    so_far,
    together,
    verdict_of,
)
from makegood.dashboards.figures.overview.lines import Tone
from makegood.dashboards.figures.queries import FIGURES
from makegood.dashboards.proof import prove
from makegood.dashboards.reports import FORMATS, render
from makegood.dashboards.reports.content import report_of
from makegood.dashboards.reports.document import Fact, Report
from tests.conftest import Published, Runner, published_once, some_of, write_landing
from tests.e2e.test_command import makegood
from tests.e2e.test_dashboards import (
    app,
    cells,
    metrics,
    serving,
    settled,
    tables,
    texts,
    tones,
    words,
)
from tests.integration.test_reports import cards, facts_of, pdf_text, rows_of, said
from tests.models.test_credit_examples import AS_OF, DAY, Examples, H
from tests.support.overview import check_first_screen

JUNE, JULY, SEPTEMBER = date(2026, 6, 1), date(2026, 7, 1), date(2026, 9, 1)
# pages on which a figure of availability or a credit stands
PAGES = [
    "overview",
    "availability",
    "coverage",
    "credits",
    "claims",
    "reconciliation",
    "statements",
    "proof",
]


def seen(e: Examples, until: str, since: str = "2026-06-01T00:00:00Z") -> None:
    """What is known of the last subscription's service ends here; it is unknown after."""
    record = next(
        o for o in e.feeds["outages"] if o["component_id"] == e.name and o["state"] == "up"
    )
    record |= {"started_at": since, "ended_at": until}


def partly() -> Examples:
    """June, July and August are over, September is not."""
    e = Examples().subscription("seen")
    e.subscription("ends").line("1000.00", first="2026-07-01", last="2026-07-31")
    seen(e, "2026-06-20T00:00:00Z")
    e.subscription("missed").outage(0, DAY)
    seen(e, "2026-06-20T00:00:00Z")
    e.subscription("lately")
    seen(e, "2026-09-03T00:00:00Z")
    e.subscription("preview", lifecycle="preview")
    seen(e, "2026-06-20T00:00:00Z")
    e.subscription("never")
    e.feeds["outages"].pop()
    # by categories and quarters; only one region has data
    e.subscription("quarterly", contract_id="connect_engage", fee=None)
    seen(e, "2026-06-30T22:00:00Z", since="2026-03-31T22:00:00Z")
    e.feeds["components"].append(
        {
            "component_id": "other",
            "service_id": "quarterly",
            "region": "us",
            "environment": "production",
        }
    )
    # without any check a component of this contract is up; after an old check it is unknown
    for component in ("quarterly", "other"):
        e.feeds.setdefault("checks", []).append(
            {
                "component_id": component,
                "location": "ams",
                "checked_at": "2026-04-01T00:00:00Z",
                "status": "up",
            }
        )
    return e


def nowhere() -> Examples:
    """Nothing is known from the first month on."""
    e = Examples()
    for name in ("gone", "gone_too"):
        e.subscription(name).line("500.00", first="2026-07-01", last="2026-07-31")
        e.line("150.00", first="2026-09-01", last="2026-09-30")
        seen(e, "2026-05-31T00:00:00Z", since="2026-05-20T00:00:00Z")
    # a credit is issued for a month without data
    e.line("-3.00", kind="credit")
    return e


def published_in(folder: Path, examples: Examples) -> Published:
    return published_once(
        write_landing(folder / "landing", examples.feeds), folder / "warehouse", AS_OF
    )


@pytest.fixture(scope="module")
def part(tmp_path_factory: pytest.TempPathFactory) -> Published:
    return published_in(tmp_path_factory.mktemp("part"), partly())


@pytest.fixture(scope="module")
def unseen(tmp_path_factory: pytest.TempPathFactory) -> Published:
    return published_in(tmp_path_factory.mktemp("unseen"), nowhere())


def report(published: Published, subscription_id: str, month: date) -> Report:
    with opened(published.database, EVERYTHING) as reader:
        return report_of(reader, subscription_id, month)


def expected(row: dict[str, Any], least: int = 99) -> str:
    """The verdict on a row of the mart, derived anew. `least`: the minimum coverage of both
    contracts."""
    if row["is_met"] is None:
        return "no commitment"
    thin = not row["coverage_pct"] or row["coverage_pct"] < least
    if not row["is_met"]:
        return "missed, on thin evidence" if thin else "missed"
    return "no data" if not row["coverage_pct"] else "kept, on thin evidence" if thin else "kept"


# ---------------------------------------------------------------- verdicts


SEEN = {
    "is_met": True,
    "status": "final",
    "coverage_pct": Decimal(100),
    "low_coverage": False,
    "min_coverage_pct": "99.0",
    "downtime_seconds": 0,
}


@pytest.mark.parametrize(
    ("changes", "evidence", "verdict", "in_words"),
    [
        ({}, "sufficient", "kept", "kept"),
        (
            {"coverage_pct": Decimal("98.9"), "low_coverage": True},
            "thin",
            "kept, on thin evidence",
            "kept, on thin evidence",
        ),
        # of a period that is over, low_coverage decides, which is exact; the percentage is rounded
        (
            {"coverage_pct": Decimal("99.000000"), "low_coverage": True},
            "thin",
            "kept, on thin evidence",
            "kept, on thin evidence",
        ),
        ({"coverage_pct": Decimal(0), "low_coverage": True}, "no data", "no data", "no data"),
        ({"coverage_pct": Decimal(0), "min_coverage_pct": "0"}, "no data", "no data", "no data"),
        ({"coverage_pct": None}, "no data", "no data", "no data"),
        ({"is_met": False, "downtime_seconds": 9}, "sufficient", "missed", "missed"),
        # there was downtime, whatever else is unknown
        (
            {
                "is_met": False,
                "downtime_seconds": 9,
                "low_coverage": True,
                "coverage_pct": Decimal(1),
            },
            "thin",
            "missed, on thin evidence",
            "missed, on thin evidence",
        ),
        # a contract may count unknown time as downtime
        (
            {
                "is_met": False,
                "downtime_seconds": 9,
                "low_coverage": True,
                "coverage_pct": Decimal(0),
            },
            "thin",
            "missed, on thin evidence",
            "missed, on thin evidence",
        ),
        ({"status": "provisional"}, "sufficient", "kept", "kept so far"),
        (
            {"status": "provisional", "coverage_pct": Decimal("98.9")},
            "thin",
            "kept, on thin evidence",
            "kept so far, on thin evidence",
        ),
        (
            {"status": "provisional", "coverage_pct": Decimal("99.0")},
            "sufficient",
            "kept",
            "kept so far",
        ),
        (
            {"status": "provisional", "coverage_pct": Decimal(0)},
            "no data",
            "no data",
            "no data so far",
        ),
        ({"status": "provisional", "coverage_pct": None}, "no data", "no data", "no data so far"),
        (
            {"status": "fully_excluded", "coverage_pct": Decimal(0), "low_coverage": True},
            "no data",
            "kept",
            "kept",
        ),
        (
            {"is_met": None, "coverage_pct": Decimal(0), "low_coverage": True},
            "no data",
            "no commitment",
            "no commitment",
        ),
        ({"is_met": None, "status": "provisional"}, "sufficient", "no commitment", "no commitment"),
    ],
)
def test_the_verdict_on_a_commitment(
    changes: dict[str, Any], evidence: str, verdict: str, in_words: str
) -> None:
    row = SEEN | changes
    assert (evidence_of(row), verdict_of(row)) == (evidence, verdict)
    assert so_far(verdict_of(row), row["status"] != "provisional") == in_words


def test_several_figures_together_are_as_thin_as_they_are_uneven() -> None:
    assert together([Evidence.SUFFICIENT, Evidence.SUFFICIENT]) is Evidence.SUFFICIENT
    assert together([Evidence.NONE, Evidence.NONE]) is Evidence.NONE
    assert together([Evidence.SUFFICIENT, Evidence.NONE]) is Evidence.THIN
    assert together([Evidence.SUFFICIENT, Evidence.THIN]) is Evidence.THIN
    assert together([]) is Evidence.NONE


# ---------------------------------------------------------------- the latest data


@pytest.mark.long
def test_the_last_instant_with_data_is_that_of_the_last_check_or_record(part: Published) -> None:
    last = {(r["service_id"], r["region"]): r["last_seen_at"] for r in part.mart("last_seen")}
    assert last["ends", "eu"] == datetime(2026, 6, 20, tzinfo=UTC)
    assert last["seen", "eu"] == datetime(2026, 9, 10, tzinfo=UTC)
    assert last["never", "eu"] is None
    assert last["quarterly", "us"] == datetime(2026, 4, 1, tzinfo=UTC)
    assert {(r["service_id"], r["region"]) for r in part.mart("availability")} == {
        k for k, at in last.items() if at is not None
    }


@pytest.mark.long
def test_the_last_data_of_a_contract_is_in_sight(
    monkeypatch: pytest.MonkeyPatch, unseen: Published, part: Published
) -> None:
    found = words(app(monkeypatch, unseen.warehouse))
    assert "data until 2026-05-31" in found
    assert "data ends on 2026-05-31; all 2 regions have no data in September 2026 so far." in found
    assert "under this contract: **2026-05-31 00:00:00 UTC**" in words(
        app(monkeypatch, unseen.warehouse, "availability", contract="trueengage")
    )
    found = words(app(monkeypatch, part.warehouse))
    assert "data until 2026-09-10" in found
    assert "data until 2026-06-30" in found
    assert "data ends on 2026-06-30; all 2 regions have no data in July to September 2026" in found
    fact = {f.name: f.value for f in report(part, "ends", JULY).head.facts}["Latest data (UTC)"]
    assert fact == datetime(2026, 6, 20, tzinfo=UTC)


# ---------------------------------------------------------------- pages


LABELS = {
    "Commitments kept": ["kept"],
    "Kept, on thin evidence": ["kept, on thin evidence"],
    "Commitments missed": ["missed", "missed, on thin evidence"],
    "No data": ["no data"],
}


def test_commitments_are_counted_by_their_evidence(
    monkeypatch: pytest.MonkeyPatch, part: Published
) -> None:
    own = [
        r
        for r in part.mart("availability")
        if r["contract_id"] == "trueengage" and r["is_met"] is not None
    ]
    rows = [r for r in own if r["status"] == "final"]
    counts = Counter(expected(r) for r in rows)
    assert set(counts) == {"kept", "kept, on thin evidence", "missed, on thin evidence", "no data"}
    shown = metrics(app(monkeypatch, part.warehouse, "availability", contract="trueengage"))
    assert {k: shown[k] for k in LABELS} == {
        k: f"{sum(counts[v] for v in of)} of {len(rows)}" for k, of in LABELS.items()
    }
    budgets = [r for r in own if r["status"] == "provisional"]
    none = sum(expected(b) == "no data" for b in budgets)
    assert none
    assert shown["Budgets exhausted"] == f"0 of {len(budgets)}, {none} without data"


@pytest.mark.parametrize("warehouse", some_of(["part", "unseen", "gaps"], "gaps"))
def test_the_first_screen_is_green_only_with_data(
    monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest, warehouse: str
) -> None:
    published: Published = request.getfixturevalue(warehouse)
    screen = check_first_screen(published)
    kept = sum(line.tone is Tone.KEPT for s in screen.standings for line in s.lines)
    assert tones(app(monkeypatch, published.warehouse)).count("kept") == kept
    assert warehouse != "unseen" or not kept


def test_a_part_of_the_data_in_sentences(monkeypatch: pytest.MonkeyPatch, part: Published) -> None:
    found = words(app(monkeypatch, part.warehouse))
    for sentence in (
        "August 2026: 2 of 4 regions kept their commitment; 2 have no data.",
        "September 2026 so far: of 4 regions, 2 have no data; 1 has thin evidence; 1 is on track.",
        "July to September 2026 so far: no data for any of 2 regions.",
        "Nothing that can be compared got worse.",
    ):
        assert sentence in found


def test_tables_and_tiles_show_no_percentage_without_data(
    monkeypatch: pytest.MonkeyPatch, part: Published
) -> None:
    rows = [r for r in part.mart("availability") if r["contract_id"] == "trueengage"]
    shown = {
        (r["Service"], r["Period"]): r
        for r in tables(app(monkeypatch, part.warehouse, "availability", contract="trueengage"))[
            "Availability by service, region and period"
        ]
    }
    with opened(part.database, EVERYTHING) as reader:
        figures = [f for f in reader.rows(FIGURES) if f["contract_id"] == "trueengage"]
        tiles = {
            (f["service_id"], t["period"]): t
            for f, t in zip(figures, charts.tiles(figures).to_dict("records"), strict=True)
        }
    kinds = Counter()
    for row in rows:
        key = (row["service_id"], f"{row['period_start']:%Y-%m}")
        is_over = row["status"] != "provisional"
        verdict = expected(row)
        assert shown[key]["Verdict"] == (
            verdict
            if is_over or verdict == "no commitment"
            else re.sub(r"^(kept|missed|no data)", r"\1 so far", verdict)
        )
        assert (shown[key]["Availability"] is None) == (not row["coverage_pct"])
        assert (shown[key]["Downtime"] is None) == (not row["coverage_pct"])
        assert shown[key]["Evidence"].startswith(
            "no data"
            if not row["coverage_pct"]
            else "thin"
            if row["coverage_pct"] < 99
            else "sufficient"
        )
        colour = tiles[key]["budget_use"]
        if not row["coverage_pct"]:
            assert (colour, tiles[key]["label"], tiles[key]["shown"]) == (
                "no data",
                "no\ndata",
                "no data",
            )
        elif row["is_met"] and row["coverage_pct"] < 99:
            assert colour == "kept, on thin evidence"
        elif row["is_met"] is False:
            assert colour in ("missed", "missed by far")
        kinds[colour] += 1
    assert {
        "no data",
        "kept, on thin evidence",
        "no downtime",
        "missed by far",
        "no commitment",
    } == set(kinds)
    assert len(rows) == len(shown)


def test_a_category_rests_on_all_of_its_services(
    monkeypatch: pytest.MonkeyPatch, part: Published
) -> None:
    """A4: its figure is that of the worst region; data on one region is not evidence for
    another."""
    at = app(monkeypatch, part.warehouse, "availability", contract="connect_engage")
    shown = {r["Period"]: r for r in tables(at)["Availability by product category"]}
    assert (shown["2026 Q2"]["Availability"], shown["2026 Q2"]["Verdict"]) == (
        100,
        "kept, on thin evidence",
    )
    assert (shown["2026 Q3"]["Availability"], shown["2026 Q3"]["Verdict"]) == (
        None,
        "no data so far",
    )


def test_a_period_in_progress_is_judged_by_its_data_so_far(
    monkeypatch: pytest.MonkeyPatch, part: Published
) -> None:
    """low_coverage exists for finished periods only."""
    (row,) = [
        r
        for r in part.mart("availability")
        if r["service_id"] == "lately" and r["period_start"] == SEPTEMBER
    ]
    assert (row["status"], row["low_coverage"]) == ("provisional", False)
    assert 0 < row["coverage_pct"] < 99
    at = app(monkeypatch, part.warehouse)
    budget = {
        r["Service and region"]: r for r in tables(at)["Error budgets of the current periods"]
    }
    assert (budget["lately · eu"]["Status"], budget["lately · eu"]["Evidence"]) == (
        "on thin evidence",
        "thin so far",
    )
    assert (
        budget["ends · eu"]["Status"],
        budget["ends · eu"]["Left"],
        budget["ends · eu"]["Projected at the end"],
    ) == ("no data", "no data", "–")
    assert (budget["seen · eu"]["Status"], budget["seen · eu"]["Evidence"]) == (
        "on track",
        "sufficient so far",
    )
    told = report(part, "lately", SEPTEMBER)
    assert "met so far, on thin evidence" in cards(told)["Availability"][0].note
    assert facts_of(told, "Coverage of the measurement")["Evidence"] == Fact(
        "Evidence", "too little", note="so far"
    )
    credits = {
        (r["Subscription"], r["Month"]): r
        for r in tables(app(monkeypatch, part.warehouse, "credits"))[
            "Credits by subscription, month and currency"
        ]
    }
    assert credits["lately", "2026-09"]["Evidence"] == "thin so far"
    assert (credits["ends", "2026-07"]["Availability"], credits["ends", "2026-07"]["Evidence"]) == (
        None,
        "no data",
    )
    assert (
        credits["never", "2026-06"]["Availability"],
        credits["never", "2026-06"]["Evidence"],
    ) == (None, "no data")


# claims that must not be made without data; counts of 0 are allowed
CLAIMS = re.compile(
    r"\b100(\.0+)? ?%|\b(kept|met)\b|all error budgets on track|^(better|worse|as before)$"
)


def claims(texts: list[str]) -> list[str]:
    return [t for t in texts if CLAIMS.search(re.sub(r"\b0 of \d+ commitments kept", "", t))]


@pytest.mark.parametrize("page", PAGES)
def test_no_page_makes_claims_without_data(
    monkeypatch: pytest.MonkeyPatch, unseen: Published, page: str
) -> None:
    at = app(monkeypatch, unseen.warehouse, page)
    assert not at.exception
    seen = [
        *words(at).split("\n"),
        *metrics(at).values(),
        *(str(v) for rows in tables(at).values() for row in rows for v in row.values()),
        *(v for name in tables(at) for row in texts(at, name) for v in row.values()),
    ]
    assert claims(seen) == []
    assert [s.value for s in at.success] == []
    assert (
        any("no data" in t.lower() or "no monitoring data" in t for t in seen) or page == "claims"
    )


def test_the_page_of_availability_says_why_there_is_no_figure(
    monkeypatch: pytest.MonkeyPatch, unseen: Published
) -> None:
    at = app(
        monkeypatch,
        unseen.warehouse,
        "availability",
        contract="trueengage",
        figure="gone · eu · 2026-07",
    )
    assert "There is no monitoring data for this period, so no figure can be given." in words(at)
    assert "No downtime was recorded in this period; evidence: no data." in words(at)
    assert {k: metrics(at)[k] for k in ("Availability", "Downtime")} == {
        "Availability": "no data",
        "Downtime": "no data",
    }


# ---------------------------------------------------------------- reports and the proof


def texts_of(made: Report, kind: str) -> list[str]:
    content = render(made, kind)
    if kind == "pdf":
        return " ".join(" ".join(pdf_text(content)).split()).split(". ")
    if kind == "html":
        page = re.sub(r"<style>.*?</style>", "", content.decode(), flags=re.DOTALL)
        return re.sub(r"<[^>]+>", "\n", page).split("\n")
    book = openpyxl.load_workbook(BytesIO(content))
    return [
        str(c.value)
        for sheet in book
        for row in sheet.iter_rows()
        for c in row
        if c.value is not None
    ]


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("month", [JUNE, JULY, SEPTEMBER])
def test_no_report_makes_claims_without_data(unseen: Published, month: date, kind: str) -> None:
    made = report(unseen, "gone", month)
    texts = texts_of(made, kind)
    assert claims(texts) == []
    # a cell of a workbook holds the number alone
    assert "100" not in texts
    assert b'class="met"' not in render(made, "html")
    assert cards(made)["Availability"][0].value == cards(made)["Downtime"][0].value == "no data"
    assert any("no monitoring data" in t.lower() for t in texts)


def test_a_report_marks_what_rests_on_too_little(part: Published) -> None:
    ends, whole, missed, never = (
        report(part, name, JUNE) for name in ("ends", "seen", "missed", "never")
    )
    assert (
        facts_of(ends, "Availability of the subscription")["Result"].value
        == "met, on thin evidence"
    )
    assert "The availability figure rests on too little evidence: see Data coverage." in ends.notes
    assert "on thin evidence" in cards(ends)["Service credit"][0].note
    assert b'class="met"' not in render(ends, "html")
    assert facts_of(whole, "Availability of the subscription")["Result"].value == "met"
    assert b'<span class="met">met</span>' in render(whole, "html")
    assert whole.notes == ()
    assert (
        facts_of(missed, "Availability of the subscription")["Result"].value
        == "missed, on thin evidence"
    )
    assert b'<span class="missed">missed, on thin evidence</span>' in render(missed, "html")
    # never measured: no row of the region at all
    assert cards(never)["Availability"][0].value == "no data"
    assert claims(said(never).split("\n")) == []
    # the region's figure is that of a quarter with data for one month
    quarter = report(part, "quarterly", JULY)
    assert cards(quarter)["Availability"][0].value == "no data"
    preview = report(part, "preview", JULY)
    assert (cards(preview)["Availability"][0].value, cards(preview)["Availability"][0].note) == (
        "no data",
        "no commitment",
    )


def test_the_proof_names_its_evidence(part: Published, unseen: Published) -> None:
    with opened(part.database, EVERYTHING) as reader:
        thin = prove(reader, "ends", JUNE)
        whole = prove(reader, "seen", JUNE)
        so_far = prove(reader, "lately", SEPTEMBER)
        never = prove(reader, "never", JUNE)
    assert (
        "coverage 63.333333 % of the month; the contract requires 99 %: "
        "too little: the steps below rest on thin evidence" in thin.as_text()
    )
    assert "it rests on thin evidence" in thin.as_text()
    assert (
        "coverage 100.00 % of the month; the contract requires 99 %: sufficient" in whole.as_text()
    )
    assert "evidence" not in whole.as_text()
    assert re.search(
        r"coverage 2\d\.\d+ % of the month so far; the contract requires 99 %: too little",
        so_far.as_text(),
    )
    assert "no data for this service in this region in the month" in never.as_text()
    with opened(unseen.database, EVERYTHING) as reader:
        for month in (JUNE, JULY, SEPTEMBER):
            proof = prove(reader, "gone", month)
            assert claims(proof.as_text().split("\n")) == []
            assert "there is no data, so no figure can be given" in json.dumps(proof.as_data())


# ---------------------------------------------------------------- rows that figures lack


def lacking() -> Examples:
    """A credit whose event, invoice line and outage record were not used, and a complete one."""
    e = Examples().subscription("whole").subscription("lacks")
    e.ticket(
        (0, "classified", "P1"),
        (60, "severity_changed", "P9"),
        (5 * H, "resolved"),
        ticket_id="t-lacks",
    )
    # open, so that it is on the page of open tickets
    e.ticket(
        (80 * DAY, "classified", "P1"),
        (80 * DAY + 60, "severity_changed", "P9"),
        ticket_id="t-open",
    )
    e.line("7.00", invoice="not-there")
    # so many others that one that is rejected does not block
    for n in range(40):
        e.outage(DAY + 60 * n, DAY + 60 * n + 1, state="up")
    e.outage(3 * DAY, 2 * DAY, outage_id="o-backwards")
    return e


@pytest.fixture(scope="module")
def gaps(tmp_path_factory: pytest.TempPathFactory) -> Published:
    return published_in(tmp_path_factory.mktemp("gaps"), lacking())


# the proof's sentence on each row, and an id that is in the line it names
MISSING = {
    "an event of a ticket was rejected": "t-lacks",
    "an invoice line is waiting for another row": "not-there",
    "an outage record of a component was rejected": "o-backwards",
}


@pytest.mark.long
def test_the_proof_names_each_row_that_a_credit_lacks(gaps: Published) -> None:
    landing = gaps.warehouse.parent / "landing"
    words = [
        "explain",
        "--warehouse",
        gaps.warehouse,
        "--subscription",
        "lacks",
        "--month",
        "2026-06",
    ]
    told = makegood(*words).stdout
    assert "incomplete: 3 rows were not used" in told
    for sentence, name in MISSING.items():
        places = re.findall(rf"^ +- {sentence}: .+  \[(\S+):(\d+)\]$", told, re.MULTILINE)
        assert places, sentence
        for file, line in places:
            assert name in (landing / file).read_text().splitlines()[int(line) - 1]
    data = json.loads(makegood(*words, "--json").stdout)
    (step,) = [s for s in data["steps"] if s["title"] == "Evidence"]
    assert {r["sentence"] for r in step["rows"]} == set(MISSING)
    assert all({"file", "line", "reason", "status"} <= r.keys() for r in step["rows"])
    (credit,) = [
        c for c in gaps.mart("credits") if (c["subscription_id"], c["month"]) == ("lacks", JUNE)
    ]
    assert len(step["rows"]) == credit["incomplete_rows"]
    # beside the ticket that an event of is missing, too
    tickets = {t["ticket_id"]: t for s in data["steps"] for t in s["rows"] if "ticket_id" in t}
    assert [r["sentence"] for r in tickets["t-lacks"]["missing"]] == [
        "an event of a ticket was rejected"
    ]
    whole = makegood(
        "explain", "--warehouse", gaps.warehouse, "--subscription", "whole", "--month", "2026-06"
    ).stdout
    assert "incomplete" not in whole
    assert "was rejected" not in whole


def test_a_customer_reads_how_many_rows_are_missing_and_not_which(gaps: Published) -> None:
    made = report(gaps, "lacks", JUNE)
    assert (
        "The service credit rests on incomplete data: 3 relevant rows could not be used."
        in made.notes
    )
    assert (
        "The availability of this service in this region rests on incomplete data: "
        "1 relevant row could not be used." in made.notes
    )
    assert (
        "The information on tickets rests on incomplete data: "
        "1 relevant row could not be used." in made.notes
    )
    assert "incomplete data" in cards(made)["Availability"][0].note
    assert "incomplete data" in cards(made)["Service credit"][0].note
    assert "1 on incomplete data" in cards(made)["Incidents"][0].note
    assert [r[-2] for r in rows_of(made, "Tickets received")] == ["resolved, incomplete data"]
    for kind in FORMATS:
        assert [
            t for t in texts_of(made, kind) if ".csv" in t or "not-there" in t or "o-backwards" in t
        ] == []
    assert "incomplete" not in said(report(gaps, "whole", JUNE))
    with opened(gaps.database, Viewer(frozenset({"of-lacks"}))) as reader:
        assert report_of(reader, "lacks", JUNE) == made
        mine = reader.rows("select * from marts.evidence_gaps")
        assert {r["sentence"] for r in mine} == set(MISSING) - {
            "an outage record of a component was rejected"
        }
        assert {r[k] for r in mine for k in ("file", "line", "reason", "rule", "column_name")} == {
            None
        }
    with opened(gaps.database, Viewer(frozenset({"of-whole"}))) as reader:
        assert reader.rows("select * from marts.evidence_gaps") == []


def test_pages_say_what_is_incomplete_beside_the_figure(
    monkeypatch: pytest.MonkeyPatch, gaps: Published
) -> None:
    figures = [
        f for f in gaps.mart("availability") if f["status"] == "final" and f["is_met"] is not None
    ]
    incomplete = sum(f["is_incomplete"] for f in figures)
    assert 0 < incomplete < len(figures)
    at = app(monkeypatch, gaps.warehouse)
    assert "rests on incomplete data" in words(at) or "rest on incomplete data" in words(at)
    assert "* on incomplete data" in words(at)
    name = "lacks · eu · 2026-06"
    at = app(monkeypatch, gaps.warehouse, "availability", contract="trueengage", figure=name)
    shown = {
        (r["Service"], r["Period"]): r
        for r in tables(at)["Availability by service, region and period"]
    }
    assert (shown["lacks", "2026-06"]["Verdict"], shown["whole", "2026-06"]["Verdict"]) == (
        "kept, incomplete data",
        "kept",
    )
    assert shown["lacks", "2026-06"]["Evidence"] == "sufficient; incomplete: 1 row was not used"
    (row,) = tables(at)["Rows missing from the figure"]
    assert row["Missing"] == "an outage record of a component was rejected"
    assert row["File"] == "outages/rows.csv"
    assert not [s.value for s in at.success if "No downtime" in s.value]
    with opened(gaps.database, EVERYTHING) as reader:
        tiles = {
            t["service_and_region"].split(" ")[0]: t["label"]
            for t in charts.tiles(reader.rows(FIGURES)).to_dict("records")
            if t["period"] == "2026-06"
        }
    assert tiles == {"lacks": "100.00*", "whole": "100.00"}
    credits = {
        (r["Subscription"], r["Month"]): r
        for r in tables(app(monkeypatch, gaps.warehouse, "credits", zero="true"))[
            "Credits by subscription, month and currency"
        ]
    }
    assert credits["lacks", "2026-06"]["Evidence"] == "sufficient; incomplete: 3 rows were not used"
    assert credits["whole", "2026-06"]["Evidence"] == "sufficient"
    at = app(monkeypatch, gaps.warehouse, "tickets")
    assert metrics(at)["On incomplete data"] == "1 of 1"
    assert (
        tables(at)["Open tickets, the most urgent first"][0]["Data"]
        == "incomplete: 1 row was not used"
    )


@pytest.mark.long
def test_what_rests_on_incomplete_data_is_not_green(
    monkeypatch: pytest.MonkeyPatch, publish: Runner, tmp_path: Path
) -> None:
    e = Examples().subscription("lacks")
    for n in range(40):
        e.outage(80 * DAY + 60 * n, 80 * DAY + 60 * n + 1, state="up")
    published = publish(e.feeds, AS_OF)
    assert tones(app(monkeypatch, published.warehouse))[:2] == ["kept", "kept"]
    e.outage(80 * DAY, 79 * DAY)
    at = app(monkeypatch, publish(e.feeds, AS_OF, warehouse=tmp_path / "lacking").warehouse)
    # the row is missing in August, which is over, and not in September
    assert tones(at)[:2] == ["thin evidence", "kept"]
    assert "1 figure rests on incomplete data." in words(at)


# ---------------------------------------------------------------- findings


def test_findings_are_grouped_by_kind_and_feed(
    monkeypatch: pytest.MonkeyPatch, gaps: Published, tmp_path: Path
) -> None:
    """As a run publishes them: many of a kind are one line, with three examples."""
    found = copied(gaps, tmp_path)
    rows = [
        *(
            (
                "waiting",
                "warning",
                "tickets",
                f"t{n}",
                "tickets/a.csv",
                n,
                f"subscription 's{n}'",
                "no figure counts it",
                "deliver it",
                None,
                1,
            )
            for n in range(5)
        ),
        (
            "no_length",
            "notice",
            "outages",
            "o1",
            "outages/a.csv",
            7,
            "outage o1",
            "it takes no time",
            "leave it out",
            "o2",
            3,
        ),
    ]
    with duckdb.connect(str(found.database)) as con:
        con.execute("drop table if exists quality.findings")
        con.execute(
            """create table quality.findings (
               kind varchar, severity varchar, feed varchar, key varchar, file varchar,
               line bigint, seen varchar, means varchar, action varchar, nearest varchar,
                   rows bigint)"""
        )
        con.executemany(
            "insert into quality.findings values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows
        )
    at = app(monkeypatch, found.warehouse, "feeds")
    assert not at.exception
    first, second = tables(at)["Findings by kind and feed"]
    assert (
        first["Severity"],
        first["Finding"],
        first["Feed"],
        first["Findings"],
        first["Rows"],
    ) == ("warning", "waiting", "tickets", 5, 5)
    assert first["Examples"] == "subscription 's0'; subscription 's1'; subscription 's2'"
    assert (second["Finding"], second["Rows"], second["Examples"]) == ("no length", 3, "outage o1")


# ---------------------------------------------------------------- what an older version published


def copied(published: Published, folder: Path) -> Published:
    """A warehouse whose published database may be changed."""
    shutil.copytree(published.warehouse, folder / "copy", symlinks=True)
    found = Published(folder / "copy")
    found.database.chmod(0o644)
    return found


@pytest.fixture
def older(part: Published, tmp_path: Path) -> Published:
    """The warehouse as a version published it that knew none of the newer tables and columns."""
    found = copied(part, tmp_path)
    with duckdb.connect(str(found.database)) as con:
        for table in ("marts.last_seen", "marts.evidence_gaps", "quality.findings"):
            con.execute(f"drop table if exists {table}")
        con.execute("alter table marts.ticket_events rename to credit_ticket_events")
        con.execute("alter table marts.error_budgets drop column burn_rate")
        con.execute("alter table marts.ticket_sla drop column is_month_final")
        for mart in ("availability", "credits", "ticket_sla"):
            for column in ("is_incomplete", "incomplete_rows"):
                con.execute(f"alter table marts.{mart} drop column if exists {column}")
    return found


@pytest.mark.long
def test_what_an_older_version_published_can_be_read(
    monkeypatch: pytest.MonkeyPatch, older: Published
) -> None:
    for page in [*PAGES, "tickets", "feeds", "report"]:
        at = app(monkeypatch, older.warehouse, page)
        assert [e.value for e in at.exception] == [], page
        assert not re.search("Latest data|data until", words(at))
    with opened(older.database, Viewer(frozenset({"of-ends"}))) as reader:
        assert prove(reader, "ends", JULY).steps
        made = report_of(reader, "ends", JULY)
    assert cards(made)["Availability"][0].value == "no data"
    assert "Latest data (UTC)" not in {f.name for f in made.head.facts}


# ---------------------------------------------------------------- in a browser


@pytest.mark.long
def test_missing_data_in_a_browser(chromium: Any, unseen: Published, tmp_path: Path) -> None:
    """The overview has no green box, downloads have the evidence, the report has no green word."""
    with serving("dashboards", "--warehouse", unseen.warehouse, health="/_stcore/health") as (
        address,
        _,
    ):
        context = chromium.new_context(
            viewport={"width": 1366, "height": 1000}, accept_downloads=True
        )
        page = context.new_page()
        try:
            page.goto(address)
            settled(page, "SLA overview")
            main = page.get_by_test_id("stMain")
            main.get_by_text("September 2026 so far: no data for any of 2 regions.").wait_for()
            assert main.get_by_text("data ends on 2026-05-31").count() == 1
            assert main.get_by_role("img", name="kept").count() == 0
            assert main.get_by_role("img", name="no data").count() == 3
            assert page.get_by_test_id("stAlertContentSuccess").count() == 0
            assert {r["Status"] for r in cells(page, "Error budgets of the current periods")} == {
                "no data"
            }
            for name, title, file in (
                ("reconciliation", "Due and issued", "credit reconciliation"),
                ("statements", "Statements", "credit statements"),
            ):
                page.goto(f"{address}/{name}")
                settled(page, title)
                page.get_by_role("button", name=f"Download {file}").click()
                with page.expect_download() as download:
                    page.get_by_role("button", name="CSV", exact=True).click()
                lines = list(
                    csv.DictReader(
                        io.StringIO(download.value.path().read_bytes().decode("utf-8-sig"))
                    )
                )
                assert lines
                assert {
                    (r["low_coverage"], Decimal(r["coverage_pct"]))
                    for r in lines
                    if r["coverage_pct"]
                } == {("true", Decimal(0))}
            file = tmp_path / "report.html"
            file.write_bytes(render(report(unseen, "gone", JULY), "html"))
            page.goto(file.as_uri())
            card = page.get_by_role("listitem").filter(has_text="Availability").first
            assert card.get_by_text("no data", exact=True).is_visible()
            assert page.locator(".met").count() == 0
            assert "100.00 %" not in page.inner_text("body")
        finally:
            context.close()


def test_every_word_of_a_verdict_has_a_tile() -> None:
    """A verdict without a colour would fail a page."""
    assert {v.value for v in Verdict} - set(charts.BUDGET_USE) == {
        "kept",
        "missed, on thin evidence",
    }
