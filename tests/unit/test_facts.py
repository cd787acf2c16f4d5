"""Each fact once: which model, macro or function holds it, and that nothing else states it again.

A test names the expression by which a fact would be stated a second time, or who may read the
table behind it, so that a copy of it fails here before the two can disagree.
"""

import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROJECT = ROOT / "dbt_project"
ROOMS = ("ingestion", "expectations", "orchestration", "dashboards")


@cache
def sql() -> dict[str, str]:
    """Models and macros without their comments, by name."""
    files = [*(PROJECT / "models").rglob("*.sql"), *(PROJECT / "macros").glob("*.sql")]
    return {
        file.stem: re.sub(r"--.*|\{#.*?#\}", "", file.read_text(), flags=re.DOTALL)
        if file.parent.name == "macros"
        else re.sub(r"--.*", "", file.read_text())
        for file in files
    }


@cache
def python() -> dict[str, str]:
    """The modules of the project, by their path from the root."""
    files = [file for room in ROOMS for file in (ROOT / room).rglob("*.py")]
    return {file.relative_to(ROOT).as_posix(): file.read_text() for file in files}


def having(pattern: str, files: dict[str, str]) -> set[str]:
    """The files in which an expression stands."""
    return {name for name, text in files.items() if re.search(pattern, text)}


def reading(table: str) -> set[str]:
    """The models that read a model, or a source as `inputs.terms`."""
    schema, _, name = table.rpartition(".")
    named = rf"source\('{schema}', '{name}'\)" if schema else rf"ref\('{name}'\)"
    return having(named, sql())


def test_the_records_of_a_downtime_interval() -> None:
    """A2, C3: int_downtime_records joins them; the incident is that of the first with one."""
    # the attribution of a credit looks up the incident of a record that a ticket names
    assert reading("int_down_records") == {"int_downtime_records", "credit_attribution"}
    assert reading("int_downtime_records") == {
        "int_downtime_incidents",
        "int_shared_events",
        "downtime_sources",
    }
    assert having(r"order by record_start_s", sql()) == {"int_downtime_incidents"}


def test_the_commitment_of_a_category() -> None:
    """A7: int_commitments finds it, for services that are generally available."""
    assert reading("inputs.commitments") == {"int_commitments"}


def test_how_long_a_result_holds() -> None:
    """M1: the macro held_until, over the next result in stg_check_spans."""
    assert having(r"last_s \+ ", sql()) == {"monitoring"}
    assert having(r"lead\((spans\.)?first_s\)", sql()) == {"stg_check_spans"}
    assert having(r"held_until\(", sql()) == {
        "monitoring",
        "int_component_states",
        "downtime_sources",
    }


def test_the_codes_of_states() -> None:
    """M1: STATES of the probes, which the macro state_code hands to models."""
    coded = r"\bstate (=|<>|>=?|<=?|in|when) \(?\d"
    # the interval algebra flags its own intervals with 0 and 1
    assert having(coded, sql()) == {"interval_algebra"}
    assert having(coded, python()) == set()
    assert having(r"""["']degraded["']: \d""", sql() | python()) == {
        "feeds",
        "ingestion/landing/probes.py",
    }


def test_the_median_interval_of_a_probe() -> None:
    """M1: MEDIANS of the probes, laid out as landed.check_medians."""
    assert having(r"checks_up_to", sql() | python()) == {"ingestion/landing/probes.py"}
    assert reading("landed.check_intervals") == set()
    assert reading("landed.check_medians") == {"monitoring_warnings"}


def test_what_waits_for_a_reference() -> None:
    """The macro is_in_force: staging models admit by it, int_waiting_references negates it."""
    keyed = {name for name in sql() if name.startswith("stg_")}
    assert having(r"latest_rows\(", sql()) & keyed == set()
    assert having(r"arrived_rows\(", sql()) >= keyed - {
        # of what a model has judged as a whole before, or without a key
        "stg_check_spans",
        "stg_invoice_lines",
        "stg_subscriptions",
        "stg_ticket_events",
    }
    assert having(r"is_in_force\(", sql()) == {
        "landed",
        "stg_check_spans",
        "int_waiting_references",
    }
    assert having(r"exists \(", {"it": sql()["int_waiting_references"]}) == set()


def test_spans_that_change_their_subscription() -> None:
    """E1: stg_arrived_subscriptions compares them with the earliest."""
    assert having(r"first_value\(", sql()) == {"stg_arrived_subscriptions"}
    assert having(r"customer_id <> ", sql()) == {"stg_arrived_subscriptions"}
    assert reading("stg_arrived_subscriptions") == {"stg_subscriptions", "int_set_aside"}


def test_tickets_that_are_not_received_once() -> None:
    """K1: int_ticket_receipts counts, and gives the status."""
    assert having(r"\breceipts (=|<>|>|<|when)", sql()) == {"int_ticket_receipts"}


def test_severities_that_a_contract_does_not_know() -> None:
    """K1: stg_arrived_ticket_events looks them up."""
    assert reading("inputs.severities") == {"stg_arrived_ticket_events"}
    assert reading("stg_arrived_ticket_events") == {"stg_ticket_events", "int_set_aside"}


def test_whether_a_period_is_over() -> None:
    """T3: the tables of periods and months say it, in the zone of the contract."""
    over = r"end_s <= (run\.)?as_of_s"
    assert having(over, sql() | python()) == {"ingestion/contracts/tables.py"}
    assert python()["ingestion/contracts/tables.py"].count(".end_s <= as_of_s") == 1
    # a page that converts zones itself takes one of them for every contract's
    assert having(r"(?i)at time zone", python()) == set()


def test_which_periods_have_a_figure() -> None:
    """A9: int_regional_periods; what asks only whether there is a figure reads no figures."""
    assert having(r"active_from_s < periods\.end_s", sql()) == {"int_regional_periods"}
    assert reading("availability") == {"availability_by_category", "credits", "error_budgets"}
