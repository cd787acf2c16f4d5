"""Contracts: what loads, what is refused with which words, and which terms are in force (T5,
T6)."""

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
from makegood.ingestion.contracts.scenarios import alternatives
from makegood.ingestion.contracts.tables import Party, instant, tables
from makegood.ingestion.strict_yaml import InvalidDocument
from tests.conftest import CONTRACTS, contract, write_contracts

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
        ("period: month", "period: quarter", r"credits need availability.period month"),
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
            r"availability.period: 'mnoth' is not one of month, quarter: the nearest is month",
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
    ],
)
def test_contracts_that_are_refused(tmp_path: Path, old: str, new: str, said: str) -> None:
    with pytest.raises(InvalidDocument, match=said) as refused:
        load(changed(tmp_path, old, new))
    assert all(f.startswith(str(tmp_path)) for f in refused.value.findings), (
        "each finding names its file"
    )


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
    hours = resolve(load(path), date(2026, 6, 1)).terms.calendars.business_hours
    assert (hours.holidays, str(hours.opens), str(hours.closes)) == ("NO", "09:00:00", "17:00:00")


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
