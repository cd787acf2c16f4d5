"""Contracts: what loads, what is refused with which words, and which terms are in force (T5,
T6)."""

import re
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from makegood.ingestion.contracts.amendments import (
    Resolved,
    amendments_in_force,
    flat,
    nested,
    resolve,
)
from makegood.ingestion.contracts.loader import load, load_folder
from makegood.ingestion.contracts.model import CREDIT_FORMS, Duration, Terms, duration
from makegood.ingestion.contracts.scenarios import alternatives
from makegood.ingestion.contracts.tables import Party, instant, tables
from makegood.ingestion.strict_yaml import InvalidDocument
from tests.conftest import CONTRACTS, contract, write_contracts

DAY = date(2026, 6, 1)
TRUEENGAGE = (CONTRACTS / "trueengage.yaml").read_text()


def changed(folder: Path, old: str, new: str) -> Path:
    assert old in TRUEENGAGE
    path = folder / "trueengage.yaml"
    path.write_text(TRUEENGAGE.replace(old, new, 1))
    return path


def test_both_contracts_load_with_every_clause() -> None:
    contracts = {c.contract_id: c for c in load_folder(CONTRACTS)}
    assert set(contracts) == {"trueengage", "connect_engage"}
    te = resolve(contracts["trueengage"], date(2026, 6, 1))
    ce = resolve(contracts["connect_engage"], date(2024, 7, 1))
    assert te is not None
    assert ce is not None
    assert te.terms.availability.commitment_pct == Decimal("99.9")
    assert te.terms.resolution.targets["P3"].target.seconds == 3 * 86_400
    assert [t.credit_pct for t in te.terms.credits.resolution_tiers] == [10, 15, 25]
    assert ce.terms.availability.commitment_pct["voice"] == Decimal("99.99")
    assert ce.terms.maintenance.scheduled_notice.seconds == 14 * 86_400
    assert resolve(contracts["trueengage"], date(2026, 5, 31)) is None


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "quorum: majority",
            "quorums: majority",
            r"trueengage.yaml:8: .*monitoring.quorums: unknown key: the nearest is quorum$",
        ),
        ("credits:", "credit:", r"terms.credit: unknown key: the nearest is credits"),
        (
            "P1: {target: 15m",
            "P1: {targets: 15m",
            r"response.P1.targets: unknown key: the nearest is target$",
        ),
        (
            "[{below_pct: 99.9,",
            "[{below: 99.9,",
            r"availability_tiers.0.below: unknown key: the nearest is below_pct$",
        ),
        ("name: True", "title: True", r":3: title: unknown key: known here are contract_id, name"),
        ("quorum: majority", "quorum: most", r"trueengage.yaml:8: .*monitoring.quorum"),
        ("P1: {target: 4h, clock: 24x7}", "P1: {target: 4h}", r"resolution.P1.clock: is missing"),
        ("target: 15m", "target: 15 minutes", r"'15 minutes' is not a duration: .*as in 15m"),
        ("target: 15m", "target: 3bd", r"is in business days, but its clock is 24x7"),
        ("max_length: 2h", "max_length: 2bd", r"maintenance.max_length: can't be in business days"),
        ("commitment_pct: 99.9", "commitment_pct: 999", r"not between 0 and 100"),
        ("commitment_pct: 99.9", "commitment_pct: about 99", r"commitment_pct"),
        (
            "{below_pct: 99.9, credit_pct: 10}, {below_pct: 99.0, credit_pct: 15}",
            "{below_pct: 99.0, credit_pct: 10}, {below_pct: 99.9, credit_pct: 15}",
            "out of order",
        ),
        (
            "{up_to_pct: 25, credit_pct: 10}, {up_to_pct: 50, credit_pct: 15}",
            "{up_to_pct: 50, credit_pct: 10}, {up_to_pct: 25, credit_pct: 15}",
            "out of order",
        ),
        (
            "time_zone: UTC",
            "time_zone: Mars/Olympus",
            r"'Mars/Olympus' is not a time zone: write the region, as in Europe/Amsterdam",
        ),
        (
            "time_zone: UTC",
            "time_zone: Europe/Amsterdm",
            (
                r"trueengage.yaml:4: time_zone: 'Europe/Amsterdm' is not a time zone: write "
                r"Europe/Amsterdam, the nearest"
            ),
        ),
        (
            "time_zone: UTC",
            "time_zone: EST",
            (
                r"trueengage.yaml:4: time_zone: 'EST' is an abbreviation, not a time zone: write "
                r"the "
                r"region, as in America/New_York"
            ),
        ),
        (
            "business_days: {time_zone: Europe/Warsaw",
            "business_days: {time_zone: CET",
            r"business_days.time_zone: 'CET' is an abbreviation, .* as in Europe/Amsterdam",
        ),
        (
            "period: month",
            "period: mnoth",
            r"period: 'mnoth' is not one of month, quarter, year: the nearest is month",
        ),
        # what YAML reads as something else than a name has to be in quotes
        (
            "levels: [P1, P2, P3, P4]",
            "levels: [1, P2, P3, P4]",
            (
                r"trueengage.yaml:25: .*levels.0: 1 is read as a number, .* put it in quotes, as "
                r"in "
                r"'1'"
            ),
        ),
        (
            "levels: [P1, P2, P3, P4]",
            "levels: [P1, P2, P3, 4.0]",
            r"levels.3: 4.0 is read as a number, .* put it in quotes, as in '4.0'",
        ),
        (
            "levels: [P1, P2, P3, P4]",
            "levels: [P1, P2, P3, true]",
            r"levels.3: true is read as true or false, .* put it in quotes, as in 'true'",
        ),
        (
            "levels: [P1, P2, P3, P4]",
            "levels: [P1, P2, P3, 2026-06-01]",
            r"levels.3: 2026-06-01 is read as a date, .* as in '2026-06-01'",
        ),
        (
            "levels: [P1, P2, P3, P4]",
            "levels: [P1, P2, P3, ~]",
            r"levels.3: is empty, and a text is needed",
        ),
        (
            "severities: [P1, P2]",
            "severities: [1, P2]",
            r"severities.0: 1 is read as a number, .* put it in quotes, as in '1'",
        ),
        (
            "non_production_max: P3",
            "non_production_max: 3",
            r"non_production_max: 3 is read as a number, .* as in '3'",
        ),
        ("holidays: PL", "holidays: ATLANTIS", r"ISO country"),
        ("levels: [P1, P2, P3, P4]", "levels: [P1, P2, P3]", r"'P4' is in neither"),
        ("non_production_max: P3", "non_production_max: P9", r"'P9' is not in severity.levels"),
        (
            "business_days: {time_zone: Europe/Warsaw, holidays: PL, add: [], remove: []}",
            "{}",
            "YAML|calendars",
        ),
        (
            "contract_id: trueengage",
            "contract_id: trueengage\ncontract_id: twice",
            r"trueengage.yaml:3: contract_id: the key is written twice",
        ),
        (
            "contract_id: trueengage",
            "contract_id: !!python/name:os.system x",
            r"the tag .* is not allowed",
        ),
        (
            "P4: {target: 8h, clock: 24x7}",
            "P4.1: {target: 8h, clock: 24x7}",
            r"a key may not hold a dot",
        ),
        ("stale_after_s: 600", "stale_after_s: 99999999999999999999", r"monitoring.stale_after_s"),
        (
            "effective_from: 2026-06-01",
            "effective_from: 2026-06-31",
            r"2026-06-31 is not a day of the calendar",
        ),
        (
            "amendments: []",
            "amendments: [{rank: napkin, customer_id: c, effective_from: 2026-06-01, terms: {}}]",
            r"amendments.0.rank",
        ),
        (
            "amendments: []",
            "amendments: [{rank: order_form, effective_from: 2026-06-01, terms: {}}]",
            r"must name either customer_id or subscription_id",
        ),
        (
            "amendments: []",
            (
                "amendments: [{rank: order_form, customer_id: c, effective_from: 2026-06-01, "
                "terms: "
                "{monitoring: {quorum: any}}}]"
            ),
            r"monitoring.quorum: an amendment may not set this",
        ),
        (
            "amendments: []",
            (
                "amendments: [{rank: order_form, customer_id: c, effective_from: 2026-06-01, "
                "terms: "
                "{availability: {period: quarter}}}]"
            ),
            r"availability.period: an amendment may not set this",
        ),
        (
            "amendments: []",
            (
                "amendments: [{rank: order_form, customer_id: c, effective_from: 2026-06-01, "
                "terms: "
                "{credits: {cap: 3}}}]"
            ),
            (
                r"amendments.0.terms.credits.cap: unknown key: known here are support_plans, "
                r"fee_kinds, cap_pct"
            ),
        ),
        (
            "amendments: []",
            (
                "amendments: [{rank: order_form, customer_id: c, effective_from: 2026-06-01, "
                "effective_to: 2026-05-01, terms: {}}]"
            ),
            r"effective_to is before effective_from",
        ),
        (
            "time_zone: UTC",
            "time_zone: UTC\ncovers: {microsoft_azure: [eu]}",
            r"trueengage.yaml:\d+: covers: is only for an agreement in which we are the customer: "
            r"write party: customer beside it, as in party: customer, "
            r"covers: \{microsoft_azure: \[eu\]\}, or leave it out$",
        ),
        (
            "time_zone: UTC",
            "time_zone: UTC\nparty: customer\ncovers: {microsoft_azure: []}",
            r"trueengage.yaml:\d+: covers.microsoft_azure: is empty: name at least one region",
        ),
        (
            "time_zone: UTC",
            "time_zone: UTC\nparty: customer\ncovers: {microsoft_azure: eu}",
            r"trueengage.yaml:\d+: covers.microsoft_azure: .*list",
        ),
        (
            "time_zone: UTC",
            "time_zone: UTC\nparty: custommer",
            r"party: 'custommer' is not one of provider, customer: the nearest is customer$",
        ),
    ],
)
def test_contracts_that_are_refused(tmp_path: Path, old: str, new: str, said: str) -> None:
    with pytest.raises(InvalidDocument, match=said) as refused:
        load(changed(tmp_path, old, new))
    assert all(f.startswith(str(tmp_path)) for f in refused.value.findings), (
        "each finding names its file"
    )


CALENDAR = "business_days: {time_zone: Europe/Warsaw, holidays: PL, add: [], remove: []}"
TIERS = "        availability_tiers:"


def of_calendar(terms: str) -> str:
    return f"{CALENDAR}\n        office: {{time_zone: Europe/Warsaw, {terms}}}"


def of_credits(key: str) -> str:
    """A further key of credits, before the tiers."""
    return f"        {key}\n{TIERS}"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        # C1: one bound, one form, one measure and one credit of a step, all above 0
        (
            "[{below_pct: 99.9,",
            "[{below_pct: 99.9, at_or_below_pct: 99.9,",
            r"availability_tiers.0: .*either below_pct or at_or_below_pct",
        ),
        (
            "[{below_pct: 99.9,",
            "[{",
            r"availability_tiers.0: .*either below_pct or at_or_below_pct",
        ),
        (
            "{below_pct: 99.0, credit_pct: 15}",
            "{at_or_below_pct: 99.9, credit_pct: 15}",
            r"availability_tiers are out of order",
        ),
        (
            TIERS,
            of_credits("availability_steps: {per_pct: 0.1, credit_pct: 5}"),
            r"availability_tiers and availability_steps can't both be set: choose one form",
        ),
        (
            TIERS,
            of_credits("availability_refund: {multiple: 10}"),
            r"availability_tiers and availability_refund can't both be set: choose one form",
        ),
        *(
            (TIERS, of_credits(f"availability_steps: {{{steps}}}"), rf"availability_steps.*{said}")
            for steps, said in (
                ("per_pct: 0.1, per_downtime: 30m, credit_pct: 5", "either per_pct or per_down"),
                ("credit_pct: 5", "either per_pct or per_downtime"),
                ("per_pct: 0.1, credit_pct: 5, credit_days: 1", "either credit_pct or credit_days"),
                ("per_pct: 0.1", "either credit_pct or credit_days"),
                ("per_pct: 0, credit_pct: 5", "per_pct: .*greater than 0"),
                ("per_pct: 0.1, credit_pct: 0", "credit_pct: .*greater than 0"),
                ("per_pct: 0.1, credit_days: -1", "credit_days: .*greater than 0"),
                ("per_downtime: 0m, credit_pct: 5", "per_downtime must be longer than 0"),
                ("per_downtime: 1bd, credit_pct: 5", "per_downtime must be .* as in 30m"),
                ("per_downtime: 1800, credit_pct: 5", "1800 is not a duration"),
                ("per_pct: 0.1, credit_pct: 5, begun: 'no'", "begun"),
                ("per_percent: 0.1, credit_pct: 5", "unknown key: the nearest is per_pct"),
            )
        ),
        (TIERS, of_credits("availability_refund: {multiple: 0}"), r"multiple: .*greater than 0"),
        (TIERS, of_credits("availability_refund: {}"), r"availability_refund.multiple: is missing"),
        # C4
        *(
            (TIERS, of_credits(key), rf"trueengage.yaml:[0-9]+: .*credits.*{said}")
            for key, said in (
                ("cap_amount: {EURO: 500}", "'EURO' is not a currency of ISO 4217"),
                ("cap_amount: {XAU: 5}", "'XAU' is not a currency of ISO 4217"),
                ("cap_amount: {JPY: 0.5}", "0.5 JPY is finer than the currency, which has 0"),
                ("minimum_amount: {EUR: 0.001}", "0.001 EUR is finer than the currency"),
                ("minimum_amount: {EUR: -1}", "-1 EUR is below 0"),
                (
                    "cap_amount: {EUR: 4.99, USD: 9}\n        minimum_amount: {EUR: 5, USD: 9}",
                    "cap_amount.EUR: 4.99 EUR is below the minimum_amount, 5",
                ),
                ("below_minimum: raise", "'raise' is not one of none, raised: the nearest is"),
                # C5
                ("claim_months: -1", "claim_months"),
                ("claim_months: 1.5", "claim_months"),
                ("claim_required: 'no'", "claim_required"),
            )
        ),
        # A3
        (
            "total: calendar",
            "total: calendar\n        service_hours: busines_days",
            r"service_hours: .*calendars.busines_days is missing; did you mean business_days\?",
        ),
        # T4
        *(
            (CALENDAR, of_calendar(terms), rf"trueengage.yaml:2[0-9]: .*calendars.office.*{said}")
            for terms, said in (
                ('hours: {mon: ["08:00-12:00"]}, days: [tue]', "hours and days can't both be set"),
                (
                    'hours: {mon: ["08:00-12:00"]}, opens: "08:00"',
                    "hours and opens can't both be set",
                ),
                ('days: [mon], opens: "08:00"', "closes is missing"),
                ('opens: "08:00", closes: "09:00"', "days is missing"),
                ('days: [mon], opens: "24:00", closes: "09:00"', "'24:00' is not a time of day"),
                (
                    'hours: {mon: ["08:00-12:00", "11:59-13:00"]}',
                    "a span of mon overlaps one of mon",
                ),
                (
                    'hours: {mon: ["22:00-06:00"], tue: ["05:59-08:00"]}',
                    "a span of mon overlaps one of tue",
                ),
                (
                    'hours: {sun: ["22:00-06:00"], mon: ["05:59-08:00"]}',
                    "a span of sun overlaps one of mon",
                ),
                ('hours: {monday: ["08:00-12:00"]}', "monday"),
                ('hours: {mon: "08:00-12:00"}', "hours.mon"),
                ("hours: {mon: [8]}", "8 is not a span of opening hours: write it in quotes"),
                ('hours: {mon: ["8:00-12:00"]}', "'8:00-12:00' is not a span"),
                ('hours: {mon: ["08:00-24:01"]}', "'08:00-24:01' is not a span"),
                ('hours: {mon: ["24:00-08:00"]}', "'24:00-08:00' is not a span"),
                ("days: [mon], opens: 510, closes: '17:00'", "510 is not a time of day"),
                ("business_day: 8h", "business_day is of a clock of hours"),
                (
                    'hours: {mon: ["08:00-12:00"]}, business_day: 1bd',
                    "business_day must be longer than 0, in h, m or s, as in 8h",
                ),
                (
                    'hours: {mon: ["08:00-12:00"]}, business_day: 0h',
                    "business_day must be longer than 0",
                ),
                ("holidays: GB-ENGL", "'ENGL' is not a subdivision of GB.* did you mean GB-ENG\\?"),
                ("holidays: PL-MA", "'MA' is not a subdivision of PL"),
                ("holidays: XX-MA", "is not an ISO country"),
            )
        ),
        (
            CALENDAR,
            f"{CALENDAR}\n        24x7: {{time_zone: UTC}}",
            r"calendars.24x7: is the clock that always runs: choose another name",
        ),
        (
            CALENDAR,
            f"{CALENDAR}\n        business_hours: {{time_zone: UTC}}",
            r"calendars.business_hours: must have hours, or days, opens and closes",
        ),
        (
            CALENDAR,
            'business_days: {time_zone: UTC, hours: {mon: ["08:00-12:00"]}}',
            r"calendars.business_days: is a clock of whole days: it can't have hours",
        ),
        (
            "P1: {target: 4h, clock: 24x7}",
            "P1: {target: 4h, clock: busyness_days}",
            r"P1.clock: is busyness_days, but .* is missing; did you mean business_days\?",
        ),
        # a target in business days on a clock of hours needs to know what they are worth
        (
            CALENDAR + "\n",
            of_calendar('hours: {mon: ["08:00-12:00"]}') + "\n",
            None,
        ),
        *(
            ("target: 15m", f"target: {text}", rf"response.P1.target: '{text}' is not a duration")
            for text in ("8h30", "30m8h", "1h1h", "1d2h", "2bd4h", "1.5h", "-1h", "15 m", "h")
        ),
        ("target: 15m", "target: 0h0m", r"response.P1.target: must be longer than 0"),
        # K7, Z6
        (
            "kinds: [paid], statuses",
            "due_dates: overide, kinds: [paid], statuses",
            r"tickets.due_dates: 'overide' is not one of ignore, override: the nearest is override",
        ),
        (
            "attainment_pct: 90",
            "attainment_pct: 101",
            r"resolution.attainment_pct: .*not between 0 and 100",
        ),
    ],
)
def test_terms_that_are_refused(tmp_path: Path, old: str, new: str, said: str | None) -> None:
    if said is None:
        load(changed(tmp_path, old, new))
        return
    with pytest.raises(InvalidDocument, match=said) as refused:
        load(changed(tmp_path, old, new))
    place = re.compile(rf"{re.escape(str(tmp_path))}/trueengage.yaml:[0-9]+: ")
    assert all(place.match(f) for f in refused.value.findings), "each names its file and line"


def loaded_terms(folder: Path, **terms: Any) -> Terms:
    found = resolve(load(write_contracts(folder, {"k": contract("k", **terms)}) / "k.yaml"), DAY)
    assert found is not None
    return found.terms


@pytest.mark.parametrize(
    ("text", "seconds", "is_business_days"),
    [
        ("8h30m", 30_600, False),
        ("1h1s", 3601, False),
        ("2m3s", 123, False),
        ("90m", 5400, False),
        ("900s", 900, False),
        ("3d", 259_200, False),
        ("3bd", 259_200, True),
    ],
)
def test_durations(text: str, seconds: int, is_business_days: bool) -> None:
    assert duration(text) == Duration(seconds, is_business_days)


def test_calendars_of_any_name_and_both_forms(tmp_path: Path) -> None:
    terms = loaded_terms(
        tmp_path,
        calendars={
            "desk": {
                "time_zone": "America/New_York",
                "hours": {"fri": ["13:00-24:00", "08:30-12:00"], "sun": ["22:00-06:00"]},
                "holidays": "US-MA",
                "business_day": "7h30m",
            },
            "short": {"time_zone": "UTC", "days": ["sat"], "opens": "00:00", "closes": "24:00"},
            "night": {"time_zone": "UTC", "days": ["sat"], "opens": "22:00", "closes": "06:00"},
            "works": {"time_zone": "UTC", "days": ["mon", "sat"]},
        },
        availability={"service_hours": "desk"},
        severity={"levels": ["P1", "P2"]},
        resolution={
            "P1": {"target": "3bd", "clock": "desk"},
            "P2": {"target": "3bd", "clock": "works"},
        },
    )
    desk, short, works = (terms.calendars[name] for name in ("desk", "short", "works"))
    assert desk.week() == {4: [(510, 720), (780, 1440)], 6: [(1320, 1800)]}
    assert short.week() == {5: [(0, 1440)]}
    assert terms.calendars["night"].week() == {5: [(1320, 1800)]}
    assert (works.week(), works.has_hours) == ({0: [(0, 1440)], 5: [(0, 1440)]}, False)
    assert terms.availability.service_hours == "desk"
    # a business day is what the clock says it is worth (T4)
    targets = {s: t.target.seconds_on(terms.calendars[t.clock]) for s, t in targets_of(terms)}
    assert targets == {"P1": 3 * 27_000, "P2": 3 * 86_400}


def targets_of(terms: Terms) -> Iterable[tuple[str, Any]]:
    return terms.resolution.targets.items()


def test_spans_that_touch_over_the_end_of_the_week_do_not_overlap(tmp_path: Path) -> None:
    week = {"sun": ["22:00-06:00"], "mon": ["06:00-12:00", "12:00-12:00"], "tue": ["12:00-13:00"]}
    terms = loaded_terms(tmp_path, calendars={"desk": {"time_zone": "UTC", "hours": week}})
    assert terms.calendars["desk"].week()[0] == [(360, 720), (720, 2160)]


def test_business_days_of_so_many_hours_reach_the_models(tmp_path: Path) -> None:
    """T4, R3: as seconds of the clock, also in the common multiple of the delays."""
    k = contract(
        "k",
        calendars={
            "desk": {
                "time_zone": "UTC",
                "hours": {"mon": ["08:00-16:00"]},
                "business_day": "8h",
            }
        },
        severity={"levels": ["P1"]},
        resolution={"P1": {"target": "2bd", "clock": "desk"}},
        credits={"support_plans": ["premium"], "resolution_tiers": [{"credit_pct": 10}]},
        resolution_credit={"severities": ["P1"], "max_missed_pct": 10},
    )
    found = rows(tmp_path, k)
    assert {(t["severity"], t["target_s"]) for t in found["targets"]} == {("P1", 57_600)}
    assert found["contracts"][0]["delay_denominator"] % 57_600 == 0


def rows(folder: Path, document: dict[str, Any], parties: Iterable[Party] = ()) -> dict[str, Any]:
    """The tables of a contract, for models."""
    loaded = load(write_contracts(folder, {"k": document}) / "k.yaml")
    return tables([loaded], instant("2026-08-01T00:00:00Z"), parties)


FORM = (
    "credit_form",
    "is_first_tier_inclusive",
    "step_numerator",
    "step_denominator",
    "step_s",
    "is_begun_step_counted",
    "credit_factor",
    "is_credit_in_days",
)


@pytest.mark.parametrize(
    ("credits", "form"),
    [
        ({}, (None, False, None, None, None, False, None, False)),
        (
            {"availability_tiers": [{"below_pct": 99.9, "credit_pct": 10}]},
            ("tiers", False, None, None, None, False, None, False),
        ),
        (
            {
                "availability_tiers": [
                    {"at_or_below_pct": 99.9, "credit_pct": 10},
                    {"below_pct": 99, "credit_pct": 10},
                ]
            },
            ("tiers", True, None, None, None, False, None, False),
        ),
        (
            {"availability_steps": {"per_pct": 0.05, "credit_pct": 2.5}},
            ("steps_of_pct", False, 1, 2000, None, True, Decimal("2.5"), False),
        ),
        (
            {"availability_steps": {"per_downtime": "1h30m", "credit_days": 1, "begun": False}},
            ("steps_of_downtime", False, None, None, 5400, False, 1, True),
        ),
        (
            {"availability_refund": {"multiple": 10}},
            ("refund", False, None, None, None, False, 10, False),
        ),
    ],
)
def test_the_form_of_the_credit(
    tmp_path: Path, credits: dict[str, Any], form: tuple[Any, ...]
) -> None:
    """C1, as models read it."""
    found = rows(tmp_path, contract("k", credits={"support_plans": ["premium"], **credits}))
    assert {tuple(t[column] for column in FORM) for t in found["terms"]} == {form}
    assert [t["is_inclusive"] for t in found["availability_tiers"] if t["terms_id"] == 1] == [
        "at_or_below_pct" in tier for tier in credits.get("availability_tiers", [])
    ]


def test_amounts_are_in_minor_units(tmp_path: Path) -> None:
    """C4, C5."""
    credits = {
        "support_plans": ["premium"],
        "cap_amount": {"EUR": 500, "KWD": 1.125},
        "minimum_amount": {"EUR": 0.5, "JPY": 1},
        "below_minimum": "raised",
        "claim_months": 2,
        "claim_required": False,
    }
    found = rows(tmp_path, contract("k", credits=credits))
    terms = found["terms"][0]
    assert [
        (a["currency"], a["cap_minor"], a["minimum_minor"])
        for a in found["credit_amounts"]
        if a["terms_id"] == terms["terms_id"]
    ] == [("EUR", 50_000, 50), ("JPY", None, 1), ("KWD", 1125, None)]
    assert (
        terms["is_minimum_raised"],
        terms["claim_months"],
        terms["is_claim_required"],
        terms["claim_days"],
    ) == (True, 2, False, 30)


@pytest.mark.parametrize(
    ("kind", "first", "last_days"),
    [
        ("month", "2026-05-01", ["2026-05-31", "2026-06-30", "2026-07-31"]),
        ("quarter", "2026-04-01", ["2026-06-30", "2026-09-30"]),
        ("year", "2026-01-01", ["2026-12-31"]),
    ],
)
def test_periods_of_credits(tmp_path: Path, kind: str, first: str, last_days: list[str]) -> None:
    """T5: those that have begun, from the one in which the contract begins on; months besides."""
    k = contract(
        "k",
        since="2026-05-20",
        availability={"period": kind},
        credits={"support_plans": ["premium"]},
    )
    found = rows(tmp_path, k)
    begun = [p for p in found["credit_periods"] if p["has_begun"]][: len(last_days)]
    assert [str(p["last_day"]) for p in begun] == last_days
    assert str(begun[0]["month"]) == first
    assert {p["period_kind"] for p in found["credit_periods"]} == {kind}
    assert found["contracts"][0]["credit_period_kind"] == kind
    assert str(found["months"][0]["month"]) == "2026-05-01"
    # without credits, credit lines are for calendar months (C6)
    without = contract("k", availability={"period": kind})
    assert rows(tmp_path / "without", without)["contracts"][0]["credit_period_kind"] == "month"


def test_the_goal_is_that_of_the_first_day_of_a_month(tmp_path: Path) -> None:
    """Z6: or of the contract's first version, where that begins later."""
    k = contract("k", since="2026-05-20", resolution={"attainment_pct": 90})
    k["versions"].append(
        {
            "effective_from": date(2026, 6, 2),
            "terms": {
                "availability": {"period": "month"},
                "resolution": {"attainment_pct": 99.5},
            },
        }
    )
    months = {
        str(m["month"]): (m["goal_pct"], m["goal_numerator"], m["goal_denominator"])
        for m in rows(tmp_path, k)["months"]
    }
    assert months["2026-05-01"] == months["2026-06-01"] == (90, 9, 10)
    assert months["2026-07-01"] == (Decimal("99.5"), 199, 200)


STEPS = {"per_pct": 0.1, "credit_pct": 5}


def credited(folder: Path, *amendments: dict[str, Any], **credits: Any) -> Resolved:
    """The terms of subscription s under a contract with tiers, or with `credits`."""
    own = credits or {"availability_tiers": [{"below_pct": 99.9, "credit_pct": 10}]}
    k = contract("k", credits={"support_plans": ["premium"], **own})
    k["amendments"] = [
        {"effective_from": date(2026, 7, 1), "customer_id": "c", **a} for a in amendments
    ]
    found = agreed(load(write_contracts(folder, {"k": k}) / "k.yaml"), date(2026, 8, 1))
    assert found is not None
    return found


def set_form(rank: str, **credits: Any) -> dict[str, Any]:
    return {"rank": rank, "terms": {"credits": credits}}


def form_of(found: Resolved) -> list[str]:
    credits = found.terms.credits
    assert credits is not None
    return [form for form in CREDIT_FORMS if getattr(credits, form)]


def test_the_form_of_the_highest_document_holds(tmp_path: Path) -> None:
    """C1, T6: the others are laid aside, with all that they set."""
    steps, refund = {"availability_steps": STEPS}, {"availability_refund": {"multiple": 10}}
    found = credited(tmp_path / "a", set_form("order_form", **steps))
    assert form_of(found) == ["availability_steps"]
    assert found.documents["credits.availability_steps.per_pct"].startswith("order_form #1")
    assert "credits.availability_tiers" not in found.values
    # what ranks below the contract sets no form beside it
    assert form_of(credited(tmp_path / "b", set_form("price_list", **steps))) == [
        "availability_tiers"
    ]
    both = (set_form("order_form", **refund), set_form("executed_agreement", **steps))
    assert form_of(credited(tmp_path / "c", *both)) == ["availability_steps"]
    assert form_of(credited(tmp_path / "d", *reversed(both))) == ["availability_steps"]
    # of one rank the narrower, and then the later
    narrower = {**set_form("order_form", **refund), "customer_id": None, "subscription_id": "s"}
    assert form_of(credited(tmp_path / "e", narrower, set_form("order_form", **steps))) == [
        "availability_refund"
    ]
    # a null is no form
    assert form_of(credited(tmp_path / "f", set_form("order_form", availability_refund=None))) == [
        "availability_tiers"
    ]


def test_a_step_is_counted_and_credited_in_the_way_of_the_highest_document(
    tmp_path: Path,
) -> None:
    """C1: points or downtime, percentages or days; the rest of the steps stays as it is."""
    own = {"availability_steps": {**STEPS, "begun": False}}
    found = credited(
        tmp_path / "a", set_form("order_form", availability_steps={"per_downtime": "30m"}), **own
    )
    credits = found.terms.credits
    assert credits is not None
    steps = credits.availability_steps
    assert steps is not None
    assert (steps.per_pct, steps.per_downtime, steps.credit_pct, steps.begun) == (
        None,
        Duration(1800),
        5,
        False,
    )
    found = credited(
        tmp_path / "b", set_form("order_form", availability_steps={"credit_days": 2}), **own
    )
    assert found.terms.credits is not None
    steps = found.terms.credits.availability_steps
    assert steps is not None
    assert (steps.per_pct, steps.credit_pct, steps.credit_days) == (Decimal("0.1"), None, 2)


def test_an_amendment_that_leaves_half_a_form_is_refused(tmp_path: Path) -> None:
    """It lays tiers aside, and says how much a step is worth but not what a step is."""
    with pytest.raises(
        InvalidDocument,
        match=r"k\.yaml:[0-9]+: amendments\.0\.terms\.credits.*either per_pct or per_downtime",
    ):
        credited(tmp_path, set_form("order_form", availability_steps={"credit_pct": 7}))


def test_steps_may_earn_what_a_figure_holds(tmp_path: Path) -> None:
    """C1: half the fee for each day that is down; not 10^9 per cent and more for a year."""
    found = credited(
        tmp_path / "days", availability_steps={"per_downtime": "24h", "credit_pct": 50}
    )
    assert form_of(found) == ["availability_steps"]
    with pytest.raises(InvalidDocument, match="more than 10\\^9 per cent of the fee"):
        credited(tmp_path / "far", availability_steps={"per_downtime": "1s", "credit_pct": 50})


def test_a_cap_below_the_minimum_is_refused_of_one_document_alone(tmp_path: Path) -> None:
    """C4: each of two documents may be sound by itself (T6)."""
    both = set_form("order_form", cap_amount={"EUR": 4}, minimum_amount={"EUR": 5})
    with pytest.raises(
        InvalidDocument, match=r"cap_amount\.EUR: 4 EUR is below the minimum_amount, 5"
    ):
        credited(tmp_path / "one", both)
    cap = set_form("order_form", cap_amount={"EUR": 4})
    credited(tmp_path / "own", cap, minimum_amount={"EUR": 5})
    credited(tmp_path / "both", cap, set_form("executed_agreement", minimum_amount={"EUR": 5}))


def test_all_findings_of_all_files_are_said_at_once(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("contract_id: a\n")
    (tmp_path / "b.yaml").write_text("{")
    with pytest.raises(InvalidDocument) as refused:
        load_folder(tmp_path)
    assert {Path(f.split(":")[0]).name for f in refused.value.findings} == {"a.yaml", "b.yaml"}


def test_two_files_may_not_be_one_contract(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.yaml").write_text(TRUEENGAGE)
    with pytest.raises(InvalidDocument, match="is also the id of another file"):
        load_folder(tmp_path)


def test_values_are_as_they_are_written(tmp_path: Path) -> None:
    text = "{time_zone: Europe/Oslo, days: [mon], opens: 09:00, closes: 17:00, holidays: NO}"
    calendar = contract("k")
    folder = write_contracts(tmp_path / "c", {"k": calendar})
    path = folder / "k.yaml"
    path.write_text(
        path.read_text().replace(
            "    availability:", f"    calendars: {{business_hours: {text}}}\n    availability:"
        )
    )
    hours = resolve(load(path), date(2026, 6, 1)).terms.calendars["business_hours"]
    assert (hours.holidays, hours.opens, hours.closes) == ("NO", 9 * 60, 17 * 60)


def test_severities_that_other_readers_of_yaml_take_for_booleans_are_names(tmp_path: Path) -> None:
    """Y, NO and on need no quotes here, neither in a list nor as keys."""
    text = TRUEENGAGE
    for level, name in (("P1", "Y"), ("P2", "NO"), ("P3", "on"), ("P4", "off")):
        text = text.replace(level, name)
    (tmp_path / "k.yaml").write_text(text)
    terms = resolve(load(tmp_path / "k.yaml"), date(2026, 6, 1)).terms
    assert terms.severity.levels == ["Y", "NO", "on", "off"]
    assert set(terms.response) == {"Y", "NO", "on", "off"}


def test_severities_that_are_numbers_are_names_in_quotes(tmp_path: Path) -> None:
    text = (
        TRUEENGAGE.replace("[P1, P2, P3, P4]", "['1', '2', '3', '4']")
        .replace("[P1, P2]", "['1', '2']")
        .replace("_max: P3", "_max: '3'")
    )
    for level in "1234":
        text = text.replace(f"P{level}:", f"'{level}':")
    (tmp_path / "k.yaml").write_text(text)
    assert resolve(load(tmp_path / "k.yaml"), date(2026, 6, 1)).terms.severity.levels == [
        "1",
        "2",
        "3",
        "4",
    ]


def amended(folder: Path, *amendments: dict[str, Any]) -> Any:
    k = contract(
        "k",
        availability={"commitment_pct": {"voice": 99.5, "chat": 99.0}},
        downtime={"min_consecutive_s": 900},
    )
    k["amendments"] = [{"effective_from": date(2026, 7, 1), **a} for a in amendments]
    return load(write_contracts(folder, {"k": k}) / "k.yaml")


def agreed(loaded: Any, day: date, reading: tuple[str, Any] | None = None) -> Resolved | None:
    """The terms of subscription s of customer c."""
    return resolve(loaded, day, amendments_in_force(loaded, day, "c", "s"), reading)


def test_a_higher_rank_wins_then_the_narrower_scope_then_the_later(tmp_path: Path) -> None:
    def minutes(*amendments: dict[str, Any], day: date = date(2026, 8, 1)) -> int:
        found = agreed(amended(tmp_path / "k", *amendments), day)
        assert found is not None
        return found.terms.downtime.min_consecutive_s

    def amendment(rank: str, value: int, **more: Any) -> dict[str, Any]:
        return {
            "rank": rank,
            "terms": {"downtime": {"min_consecutive_s": value}},
            **({"customer_id": "c"} | more),
        }

    subscription = {"customer_id": None, "subscription_id": "s"}
    assert minutes(amendment("order_form", 1), amendment("service_schedule", 2)) == 1
    assert minutes(amendment("price_list", 1)) == 900, (
        "below the contract, which sets the key itself"
    )
    assert minutes(amendment("sla", 1)) == 1, "the contract has the widest scope of its rank"
    assert minutes(amendment("order_form", 1, **subscription), amendment("order_form", 2)) == 1
    assert (
        minutes(
            amendment("order_form", 1, effective_from=date(2026, 7, 15)), amendment("order_form", 2)
        )
        == 1
    )
    assert minutes(amendment("order_form", 1), amendment("order_form", 2)) == 2, (
        "the later in the file"
    )
    last = amendment("order_form", 1, effective_to=date(2026, 8, 1))
    assert minutes(last) == 1, "effective_to is inclusive"
    assert minutes(last, day=date(2026, 8, 2)) == 900
    assert minutes(amendment("order_form", 1, customer_id="other")) == 900


def test_commitment_is_one_key_with_or_without_its_map(tmp_path: Path) -> None:
    found = agreed(
        amended(
            tmp_path / "k",
            {
                "rank": "order_form",
                "customer_id": "c",
                "terms": {"availability": {"commitment_pct": 99.99}},
            },
        ),
        date(2026, 8, 1),
    )
    assert found is not None
    assert found.terms.availability.commitment_pct == Decimal("99.99")
    assert found.documents["availability.commitment_pct"] == "order_form #1 of k from 2026-07-01"
    assert found.documents["downtime.min_consecutive_s"] == "sla of k from 2026-06-01"


def test_an_empty_map_sets_nothing_and_a_null_gives_way(tmp_path: Path) -> None:
    k = contract("k", downtime={"min_consecutive_s": 900})
    k["versions"][0]["terms"] |= {
        "maintenance": {},
        "status_page": None,
        "severity": {"levels": ["P1"]},
    }
    k["amendments"] = [
        {
            "rank": "order_form",
            "customer_id": "c",
            "effective_from": date(2026, 7, 1),
            "terms": {"downtime": {}, "maintenance": {"notice_required": True}},
        },
        {
            "rank": "order_form",
            "customer_id": "c",
            "effective_from": date(2026, 7, 1),
            "terms": {"status_page": {"severities": ["P1"]}},
        },
    ]
    loaded = load(write_contracts(tmp_path, {"k": k}) / "k.yaml")
    party, own = agreed(loaded, date(2026, 8, 1)), resolve(loaded, date(2026, 8, 1))
    assert party is not None
    assert own is not None
    assert (party.terms.downtime.min_consecutive_s, party.terms.maintenance.notice_required) == (
        900,
        True,
    )
    assert party.terms.status_page is not None
    assert (own.terms.maintenance.notice_required, own.terms.status_page) == (False, None), (
        "an amendment of one customer is nobody else's"
    )


def test_amendments_that_contradict_each_other_are_refused_with_their_party(tmp_path: Path) -> None:
    k = contract("k")
    k["versions"][0]["terms"] |= {"credits": {"support_plans": ["premium"]}}
    k["amendments"] = [
        {
            "rank": "order_form",
            "customer_id": "c",
            "effective_from": date(2026, 7, 1),
            "terms": {"credits": None},
        },
        {
            "rank": "executed_agreement",
            "subscription_id": "s",
            "effective_from": date(2026, 7, 1),
            "terms": {"credits": {"cap_pct": 50}},
        },
    ]
    loaded = load(write_contracts(tmp_path, {"k": k}) / "k.yaml")
    with pytest.raises(
        InvalidDocument,
        match=(
            r"on 2026-08-01 by sla of k .* with order_form #1 of k .* with executed_agreement #2 "
            r"of k .* contradict each other: credits\.support_plans"
        ),
    ):
        agreed(loaded, date(2026, 8, 1))


def test_readings_lie_below_amendments(tmp_path: Path) -> None:
    """What if: the value is set in each version, and amendments are laid on top (T6)."""
    reading = ("downtime.exclusions_apply", "after_threshold")

    def basis(rank: str) -> str:
        terms = {"downtime": {"exclusions_apply": "before_threshold"}}
        found = agreed(
            amended(tmp_path / rank, {"rank": rank, "subscription_id": "s", "terms": terms}),
            date(2026, 8, 1),
            reading,
        )
        assert found is not None
        return found.terms.downtime.exclusions_apply

    assert [basis(rank) for rank in ("order_form", "sla", "price_list")] == [
        "before_threshold",
        "before_threshold",
        "after_threshold",
    ]


def test_alternatives_are_the_values_that_some_version_does_not_have(tmp_path: Path) -> None:
    te = load(CONTRACTS / "trueengage.yaml")
    assert len(alternatives(te)) == 12
    assert alternatives(load(CONTRACTS / "connect_engage.yaml")) == [], (
        "without credits nothing is worth anything"
    )
    versions = [
        te.versions[0],
        te.versions[0].model_copy(
            update={
                "effective_from": date(2026, 8, 1),
                "terms": {**te.versions[0].terms, "monitoring": {"quorum": "any"}},
            }
        ),
    ]
    both = te.model_copy(update={"versions": versions})
    assert [value for key, value in alternatives(both) if key == "monitoring.quorum"] == [
        "majority",
        "any",
        "all",
    ]
    # the order in a list of states says nothing
    states = {
        "availability": {
            **te.versions[0].terms["availability"],
            "unavailable_states": ["degraded", "down"],
        }
    }
    turned = te.model_copy(
        update={
            "versions": [
                te.versions[0].model_copy(update={"terms": {**te.versions[0].terms, **states}})
            ]
        }
    )
    assert [
        value for key, value in alternatives(turned) if key == "availability.unavailable_states"
    ] == [["down"]]


def test_targets_without_a_small_common_multiple_are_refused(tmp_path: Path) -> None:
    """R3 is exact: delays are averaged over it."""
    levels = ["P1", "P2", "P3"]
    targets = {
        level: {"target": f"{seconds}s", "clock": "24x7"}
        for level, seconds in zip(levels, (999_999_937, 999_999_929, 999_999_893), strict=True)
    }
    promised = {"severity": {"levels": levels}, "resolution": targets}
    credits = {"support_plans": ["premium"], "resolution_tiers": [{"credit_pct": 10}]}

    def averaged(*severities: str) -> dict[str, Any]:
        credit = {"severities": list(severities), "max_missed_pct": 10}
        return contract("k", **promised, credits=credits, resolution_credit=credit)

    with pytest.raises(
        InvalidDocument,
        match=(
            r"k\.yaml:[0-9]+: versions\.0\.terms\.resolution\.P1\.target: .*no common multiple "
            r"below 10\^18"
        ),
    ):
        load(write_contracts(tmp_path / "all", {"k": averaged(*levels)}) / "k.yaml")
    # only the severities over which delays are averaged count, and nothing where none are
    for name, document in (("two", averaged("P1", "P2")), ("none", contract("k", **promised))):
        found = tables(
            [load(write_contracts(tmp_path / name, {"k": document}) / "k.yaml")],
            instant("2026-08-01T00:00:00Z"),
        )
        assert found["contracts"][0]["delay_denominator"] == (
            999_999_937 * 999_999_929 if name == "two" else 1
        )


def test_flat_and_nested_are_inverse() -> None:
    terms = {"a": {"b": {"c": 1, "d": [2, {"e": 3}]}}, "f": 4}
    assert nested(flat(terms)) == terms


def shortest(found: dict[str, Any]) -> dict[int, int]:
    """terms_id -> downtime.min_consecutive_s."""
    methods = {
        m["availability_policy_id"]: m["min_consecutive_s"] for m in found["availability_policies"]
    }
    return {t["terms_id"]: methods[t["availability_policy_id"]] for t in found["terms"]}


def test_terms_are_resolved_per_party_and_span(tmp_path: Path) -> None:
    k = amended(
        tmp_path / "k",
        {
            "rank": "order_form",
            "customer_id": "c",
            "effective_to": date(2026, 7, 31),
            "terms": {"downtime": {"min_consecutive_s": 60}},
        },
    )
    found = tables(
        [k], instant("2026-09-10T00:00:00Z"), [Party("k", "c", "s"), Party("k", "other", "t")]
    )
    least = shortest(found)
    spans = [
        (s["subscription_id"], str(s["valid_from"]), str(s["valid_until"]), least[s["terms_id"]])
        for s in found["term_spans"]
    ]
    assert spans == [
        (None, "2026-06-01", "9999-01-01", 900),
        ("s", "2026-06-01", "2026-07-01", 900),
        ("s", "2026-07-01", "2026-08-01", 60),
        ("s", "2026-08-01", "9999-01-01", 900),
    ]
    assert [str(p["period_start"]) for p in found["periods"]] == [
        "2026-06-01",
        "2026-07-01",
        "2026-08-01",
        "2026-09-01",
    ]


def test_each_version_judges_the_periods_that_start_in_it(tmp_path: Path) -> None:
    k = contract("k", downtime={"min_consecutive_s": 900})
    later = {
        "effective_from": date(2026, 7, 2),
        "terms": {"availability": {"period": "month"}, "downtime": {"min_consecutive_s": 60}},
    }
    k["versions"].append(later)
    found = tables(
        [load(write_contracts(tmp_path, {"k": k}) / "k.yaml")], instant("2026-08-10T00:00:00Z")
    )
    least = shortest(found)
    assert [(str(p["period_start"]), least[p["terms_id"]]) for p in found["periods"]] == [
        ("2026-06-01", 900),
        ("2026-07-01", 900),
        ("2026-08-01", 60),
    ]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("fee_kinds: [recurring, usage]", "fee_kinds: [usage, usage]"),
        ("kinds: [paid], statuses: [active]", "kinds: [paid, paid], statuses: [active]"),
    ],
)
def test_a_list_holds_a_value_once(tmp_path: Path, old: str, new: str) -> None:
    with pytest.raises(InvalidDocument, match="is listed twice"):
        load(changed(tmp_path, old, new))


def test_an_agreement_as_customer_has_no_scenarios_and_says_what_it_covers(tmp_path: Path) -> None:
    """C8: what a provider owes us by other readings is no figure of what_if."""
    ours = changed(tmp_path, "time_zone: UTC", "time_zone: UTC\nparty: provider")
    covers = "covers: {cloud_down: [eu, us], line_down: [us]}"
    (tmp_path / "as customer").mkdir()
    theirs = changed(
        tmp_path / "as customer", "time_zone: UTC", f"time_zone: UTC\nparty: customer\n{covers}"
    )
    assert alternatives(load(ours))
    assert alternatives(load(theirs)) == []
    laid = [tables([load(path)], instant("2026-07-01T00:00:00Z")) for path in (ours, theirs)]
    assert [t["contracts"][0]["party"] for t in laid] == ["provider", "customer"]
    assert [[(c["kind"], c["region"]) for c in t["covers"]] for t in laid] == [
        [],
        [("cloud_down", "eu"), ("cloud_down", "us"), ("line_down", "us")],
    ]
