"""Every form of the availability credit, and its headroom, against a plain reckoning with fractions
that adds downtime second by second (C1, C3, C4)."""

import random
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from math import ceil, floor
from typing import Any

import duckdb
import polars as pl
import pytest

from makegood.orchestration.pipeline.project import compiled

MONTH = date(2026, 6, 1)
# seconds of the period, so few that each can be tried
TOTAL = 240
BUILT = ("int_month_availability", "int_month_credits", "int_credits", "credit_headroom")
INPUTS = {
    "int_month_seconds": "subscription_id varchar, month date, scenario_id bigint, "
    "covered_seconds bigint, total_seconds bigint, excluded_seconds bigint, "
    "downtime_seconds bigint",
    "int_month_scenarios": "subscription_id varchar, month date, scenario_id bigint, "
    "terms_id bigint, is_commitment_first_bound boolean, is_first_tier_inclusive boolean, "
    "lifecycle varchar, credit_form varchar, step_numerator bigint, step_denominator bigint, "
    "step_s bigint, is_begun_step_counted boolean, credit_factor decimal(18,9), "
    "is_credit_in_days boolean, days bigint, service_id varchar, cap_pct decimal(18,9), "
    "is_minimum_raised boolean, is_final boolean",
    "int_commitments": "terms_id bigint, service_id varchar, commitment_pct decimal(18,9), "
    "commitment_numerator bigint, commitment_denominator bigint",
    "int_shared_events": "subscription_id varchar, month date, scenario_id bigint, "
    "measured_as varchar, availability_policy_id bigint, start_s bigint",
    "int_month_downtime": "subscription_id varchar, month date, availability_policy_id bigint, "
    "start_s bigint, seconds bigint",
    "int_measured_as": "subscription_id varchar, month date, measured_as varchar",
    "int_resolution_performance": "subscription_id varchar, month date, scenario_id bigint, "
    "events varchar, credit_pct decimal(18,9)",
    "int_credit_rows": "subscription_id varchar, month date, customer_id varchar, "
    "contract_id varchar, service_id varchar, region varchar, period_kind varchar, "
    "party varchar, is_final boolean, currency varchar, minor_digits bigint, fee_minor bigint",
    "int_claims": "subscription_id varchar, month date, claim_status varchar, "
    "claim_deadline date, requested_on date",
    "int_reasons": "subscription_id varchar, month date, currency varchar, reasons varchar",
    "int_covered": "subscription_id varchar, month date, start_s bigint, end_s bigint, "
    "service_hours_calendar varchar",
    "availability_tiers": "terms_id bigint, tier bigint, below_pct decimal(18,9), "
    "below_numerator bigint, below_denominator bigint, is_inclusive boolean, "
    "credit_pct decimal(18,9)",
    "credit_amounts": "terms_id bigint, currency varchar, cap_minor bigint, minimum_minor bigint",
    "calendar_parts": "calendar_id varchar, utc_day bigint, part_from_s bigint, "
    "part_until_s bigint, opens_s bigint, closes_s bigint, open_seconds_before bigint",
    "run": "as_of_s bigint",
}


@dataclass(frozen=True)
class Case:
    """A month of a subscription; percentages as exact fractions."""

    form: str
    commitment: Fraction | None
    # (bound, holds at it, credit), the mildest first; of one document with the commitment or not
    tiers: tuple[tuple[Fraction, bool, int], ...]
    is_commitment_first_bound: bool
    # points or seconds that make a step
    step: Fraction
    begun: bool
    factor: Fraction
    in_days: bool
    days: int
    excluded: int
    downtime: int
    shared: int
    resolution: int
    resolution_unshared: int
    cap: Fraction
    fee: int
    cap_minor: int | None
    minimum_minor: int | None
    is_raised: bool

    def availability(self, downtime: int) -> Fraction:
        """C1, in per cent of the fee."""
        base = TOTAL - self.excluded
        figure = Fraction(100 * (base - downtime), base)
        first_holds = bool(self.tiers) and self.tiers[0][1]
        if self.commitment is None:
            if self.form == "tiers" or not downtime:
                return Fraction(0)
        elif figure > self.commitment or (
            figure == self.commitment and not (self.form == "tiers" and first_holds)
        ):
            return Fraction(0)
        if self.form == "tiers":
            credit = 0
            for n, (own, holds, pct) in enumerate(self.tiers):
                raised = n == 0 and self.is_commitment_first_bound
                bound = max(own, self.commitment or own) if raised else own
                # below a raised bound is below the commitment, at which it is let through
                if figure < bound or (holds and figure == bound):
                    credit = pct
            return Fraction(credit)
        if self.form == "refund":
            return self.factor * 100 * Fraction(downtime, TOTAL)
        if self.form == "steps_of_pct":
            if self.commitment is None:
                return Fraction(0)
            amount = (self.commitment - figure) / self.step
        else:
            amount = downtime / self.step
        steps = ceil(amount) if self.begun else floor(amount)
        return steps * self.factor * (Fraction(100, self.days) if self.in_days else 1)

    def combined(self, further: int) -> Fraction:
        """C3, C4: with so many further seconds that no ticket shares."""
        downtime = self.downtime + further
        first = self.availability(downtime)
        second = self.availability(downtime - self.shared)
        if not self.shared:
            return min(first + self.resolution, self.cap)
        least = min(self.resolution, self.resolution_unshared)
        return min(max(first + least, second + self.resolution), self.cap)

    def amount(self, further: int) -> int:
        """C4, in minor units."""

        def of_fee(pct: Fraction) -> int:
            return floor(self.fee * pct / 100 + Fraction(1, 2))

        amount = of_fee(self.combined(further))
        if self.minimum_minor is not None and 0 < amount < self.minimum_minor:
            raised = min(self.minimum_minor, of_fee(self.cap))
            amount = raised if self.is_raised else 0
        return amount if self.cap_minor is None else min(amount, self.cap_minor)


def some_case(chance: random.Random) -> Case:
    form = chance.choice(["tiers", "steps_of_pct", "steps_of_downtime", "refund"])
    excluded = chance.choice([0, 0, 40])
    base = TOTAL - excluded
    bounds = sorted(chance.sample(range(60, 100), chance.choice([1, 2, 3])), reverse=True)
    credits = sorted(chance.sample(range(5, 60), len(bounds)))
    commitment = chance.choice([None, *bounds, 95, 90, Fraction(195, 2), 100])
    downtime = chance.choice([0, 0, *range(1, base, 7), round(base * 0.1)])
    shared = chance.choice([0, 0, downtime // 2, downtime])
    minimum = chance.choice([None, None, 50])
    return Case(
        form=form,
        commitment=None if commitment is None else Fraction(commitment),
        tiers=tuple(
            (Fraction(b), chance.random() < 0.5, c) for b, c in zip(bounds, credits, strict=True)
        )
        if form == "tiers"
        else (),
        is_commitment_first_bound=chance.random() < 0.7,
        step=Fraction(chance.choice([1, 7, 30]))
        if form != "steps_of_pct"
        else Fraction(chance.choice([1, 5, Fraction(5, 2)])),
        begun=chance.random() < 0.5,
        factor=Fraction(chance.choice([1, 5, Fraction(1, 2)])),
        in_days=form in ("steps_of_pct", "steps_of_downtime") and chance.random() < 0.3,
        days=chance.choice([28, 30, 92]),
        excluded=excluded,
        downtime=downtime,
        shared=shared,
        resolution=chance.choice([0, 0, 10, 40]),
        resolution_unshared=chance.choice([0, 10, 40]),
        cap=Fraction(chance.choice([100, 100, 30, 45])),
        fee=chance.choice([1000, 999, 3]),
        cap_minor=chance.choice([None, None, 300]),
        minimum_minor=minimum,
        is_raised=minimum is not None and chance.random() < 0.5,
    )


def ratio(pct: Fraction | None) -> tuple[int | None, int | None]:
    return (None, None) if pct is None else (pct / 100).as_integer_ratio()


def rows_of(n: int, case: Case) -> dict[str, list[dict[str, Any]]]:
    name = f"s{n}"
    key = {"subscription_id": name, "month": MONTH}
    terms = {"terms_id": n, "service_id": "v"}
    steps = case.form in ("steps_of_pct", "steps_of_downtime")
    points = ratio(case.step) if case.form == "steps_of_pct" else (None, None)
    scenario = {
        "is_commitment_first_bound": case.is_commitment_first_bound,
        "is_first_tier_inclusive": bool(case.tiers) and case.tiers[0][1],
        "lifecycle": "ga",
        "credit_form": case.form,
        "step_numerator": points[0],
        "step_denominator": points[1],
        "step_s": int(case.step) if case.form == "steps_of_downtime" else None,
        "is_begun_step_counted": steps and case.begun,
        "credit_factor": None if case.form == "tiers" else float(case.factor),
        "is_credit_in_days": case.in_days,
        "days": case.days,
        "cap_pct": float(case.cap),
        "is_minimum_raised": case.is_raised,
        "is_final": False,
    }
    rows: dict[str, list[dict[str, Any]]] = {
        "int_month_seconds": [
            {
                **key,
                "scenario_id": 0,
                "covered_seconds": TOTAL,
                "total_seconds": TOTAL,
                "excluded_seconds": case.excluded,
                "downtime_seconds": case.downtime,
            }
        ],
        "int_month_scenarios": [{**key, "scenario_id": 0, **terms, **scenario}],
        "int_measured_as": [{**key, "measured_as": name}],
        "int_resolution_performance": [
            {**key, "scenario_id": 0, "events": events, "credit_pct": pct}
            for events, pct in (
                ("all", case.resolution),
                ("unshared", case.resolution_unshared),
            )
        ],
        "int_credit_rows": [
            {
                **key,
                "party": "provider",
                "is_final": False,
                "currency": "EUR",
                "minor_digits": 2,
                "fee_minor": case.fee,
            }
        ],
        "int_claims": [{**key, "claim_status": "accruing"}],
        "int_covered": [{**key, "start_s": 0, "end_s": TOTAL}],
        "availability_tiers": [
            {
                "terms_id": n,
                "tier": tier,
                "below_pct": float(bound),
                "below_numerator": ratio(bound)[0],
                "below_denominator": ratio(bound)[1],
                "is_inclusive": holds,
                "credit_pct": pct,
            }
            for tier, (bound, holds, pct) in enumerate(case.tiers, 1)
        ],
        "credit_amounts": [
            {
                "terms_id": n,
                "currency": "EUR",
                "cap_minor": case.cap_minor,
                "minimum_minor": case.minimum_minor,
            }
        ],
    }
    if case.commitment is not None:
        over, under = ratio(case.commitment)
        rows["int_commitments"] = [
            {
                **terms,
                "commitment_pct": float(case.commitment),
                "commitment_numerator": over,
                "commitment_denominator": under,
            }
        ]
    if case.shared:
        event = {"availability_policy_id": 1, "start_s": 0}
        rows["int_shared_events"] = [{**key, "scenario_id": 0, "measured_as": name, **event}]
        rows["int_month_downtime"] = [{**key, **event, "seconds": case.shared}]
    return rows


@pytest.fixture(scope="module")
def reckoned(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[list[Case], dict[str, tuple[Any, ...]], dict[str, tuple[Any, ...]]]:
    """The cases; credit_minor and the parts of each; and its row of credit_headroom."""
    chance = random.Random(15)
    cases = [some_case(chance) for _ in range(1500)]
    models = {model.name: model for model in compiled(tmp_path_factory.mktemp("compiled")).models}
    with duckdb.connect() as con:
        for database, schema in (
            ("work", "inputs"),
            ("work", "intermediate"),
            ("makegood", "marts"),
        ):
            con.execute(f"attach if not exists ':memory:' as {database}")
            con.execute(f"create schema if not exists {database}.{schema}")
        where = {}
        for table, columns in INPUTS.items():
            schema = "intermediate" if table.startswith("int_") else "inputs"
            where[table] = f"work.{schema}.{table}"
            con.execute(f"create table {where[table]} ({columns})")
        con.execute("insert into work.inputs.run values (0)")
        rows: dict[str, list[dict[str, Any]]] = {}
        for n, case in enumerate(cases):
            for table, more in rows_of(n, case).items():
                rows.setdefault(table, []).extend(more)
        for table, found in rows.items():
            frame = pl.DataFrame(found, infer_schema_length=None).to_arrow()  # noqa: F841
            con.execute(f"insert into {where[table]} by name from frame")
        for name in BUILT:
            con.execute(f"create table {models[name].relation} as {models[name].sql}")
        credits = {
            row[0]: row[1:]
            for row in con.execute(
                "select subscription_id, credit_minor, credit, credit_scale "
                "from work.intermediate.int_credits"
            ).fetchall()
        }
        ahead = {
            row[0]: row[1:]
            for row in con.execute(
                "select subscription_id, seconds_left, cast(next_credit_amount * 100 as bigint) "
                "from makegood.marts.credit_headroom"
            ).fetchall()
        }
    return cases, credits, ahead


Reckoned = tuple[list[Case], dict[str, tuple[Any, ...]], dict[str, tuple[Any, ...]]]


def test_credits_are_those_of_a_plain_reckoning(reckoned: Reckoned) -> None:
    cases, credits, _ = reckoned
    for n, case in enumerate(cases):
        minor, parts, scale = credits[f"s{n}"]
        assert (minor, Fraction(parts, 10**9 * scale)) == (case.amount(0), case.combined(0)), case


def test_headroom_is_what_second_by_second_comes_to(reckoned: Reckoned) -> None:
    cases, _, ahead = reckoned
    rising = 0
    for n, case in enumerate(cases):
        most = TOTAL - case.excluded - case.downtime
        now = case.combined(0)
        further = next((s for s in range(1, most + 1) if case.combined(s) > now), None)
        seconds, amount = ahead[f"s{n}"]
        if seconds is not None and seconds > most:
            # more than there is of the period: not within reach
            seconds = amount = None
        expected = (None, None) if further is None else (further, case.amount(further))
        assert (seconds, amount) == expected, case
        rising += further is not None
    # neither always nor never
    assert 300 < rising < len(cases) - 300
