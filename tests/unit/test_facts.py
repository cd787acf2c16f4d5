"""Each fact is written once: a test per fact that fails when it is written a second time."""

import ast
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from makegood.dashboards.figures import operations
from makegood.dashboards.figures.operations import RunRecord
from makegood.ingestion.contracts.amendments import flat
from makegood.ingestion.contracts.loader import FOLDER, load_folder
from makegood.orchestration.warehouse.store import Warehouse

ROOT = Path(__file__).parents[2]
ROOMS = ("ingestion", "expectations", "orchestration", "dashboards")
PROJECT = ROOT / "dbt_project"


@cache
def sql() -> dict[str, str]:
    """Models and macros without their comments, by name."""
    files = [*(PROJECT / "models").rglob("*.sql"), *(PROJECT / "macros").glob("*.sql")]
    comment = re.compile(r"--[^\n]*|\{#.*?#\}", re.DOTALL)
    return {file.stem: comment.sub("", file.read_text()) for file in files}


def having(pattern: str, files: dict[str, str] | None = None) -> set[str]:
    """The models and macros, or these files, in which a pattern occurs."""
    return {name for name, text in (files or sql()).items() if re.search(pattern, text)}


def reading(table: str) -> set[str]:
    """The models that read a model, or a source such as inputs.terms."""
    schema, _, name = table.rpartition(".")
    return having(rf"source\('{schema}', '{name}'\)" if schema else rf"ref\('{name}'\)")


def sources(*rooms: str) -> Iterator[tuple[str, str]]:
    """The Python modules and templates of rooms: path from the root, and text."""
    for room in rooms:
        for path in sorted((ROOT / room).rglob("*")):
            if path.suffix in {".py", ".jinja", ".typ", ".css"}:
                yield path.relative_to(ROOT).as_posix(), path.read_text()


def naming(pattern: str, *rooms: str) -> list[str]:
    """The sources in which a pattern occurs."""
    return [path for path, text in sources(*(rooms or ROOMS)) if re.search(pattern, text)]


def moves_files(text: str) -> bool:
    """Whether a module calls os.replace, os.rename, or replace or rename of a path: of these, only
    those of paths take one argument that is neither named nor a mapping."""
    for call in ast.walk(ast.parse(text)):
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
            continue
        if call.func.attr in {"replace", "rename"} and not call.keywords:
            of_os = isinstance(call.func.value, ast.Name) and call.func.value.id == "os"
            if of_os or (len(call.args) == 1 and not isinstance(call.args[0], ast.Dict)):
                return True
    return False


def test_a_file_is_written_whole_by_one_function() -> None:
    # pages may not import it: what a customer asks for is written by the room itself
    asking = "dashboards/access/credit_requests.py"
    assert naming(r"\bfsync\(") == ["ingestion/files.py", asking]
    assert [path for path, text in sources(*ROOMS) if path[-3:] == ".py" and moves_files(text)] == [
        # the folder of a source that is read anew
        "ingestion/connect/pull.py",
        "ingestion/files.py",
        # a landed file that was made again and compared with its checksum
        "ingestion/landing/repair.py",
        # a damaged file is set aside
        "orchestration/alerts/store.py",
        "orchestration/warehouse/doctor.py",
        # the folder of a publication and the link to it
        "orchestration/warehouse/store.py",
        # the folder of a request appears in one step
        asking,
    ]


def test_the_checksum_of_a_file_has_one_function_and_one_name() -> None:
    assert naming(r"file_digest|sha256\([^)]*read") == ["ingestion/files.py"]
    # what earlier versions called it
    assert naming(r"\bseals?\b|\bfingerprint\b") == ["orchestration/warehouse/publication.py"]


def test_what_is_kept_beside_publications_is_described_once(tmp_path: Path) -> None:
    described = ["dashboards/figures/operations.py"]
    assert naming(r"""["']alerts\.json|alerts\.json["']""") == described
    assert naming(r"""glob\(["']\*\.json["']\)""") == described
    record = RunRecord(
        run_id="00000001-a",
        status="blocked",
        as_of=datetime(2026, 7, 1, tzinfo=UTC),
        reasons=["one"],
        seconds=1.5,
        rejected_rows=tmp_path / "rows.csv",
    )
    warehouse = Warehouse(tmp_path)
    warehouse.record(record)
    assert warehouse.recorded() == operations.runs(tmp_path) == [record]
    (tmp_path / operations.RUNS / "00000002-b.json").write_text('{"run_id": "00000002-b"}')
    assert [run.status for run in operations.runs(tmp_path)] == ["unreadable", "blocked"]
    assert warehouse.recorded() == [record]
    assert [path.name for path in warehouse.unreadable_records()] == ["00000002-b.json"]


def test_excel_has_one_writer_with_its_limits() -> None:
    writer = ["dashboards/exports/excel.py"]
    assert naming(r"\bxlsxwriter\b") == writer
    # rows, columns and characters
    assert naming(r"\b1_?048_?57[56]\b") == writer
    assert naming(r"\b16_?384\b") == writer
    assert naming(r"\b32_?76[67]\b") == writer


def test_the_words_of_a_contract_are_in_its_yaml_alone() -> None:
    words = {
        value
        for contract in load_folder(FOLDER)
        for version in contract.versions
        for key, value in flat(version.terms).items()
        if key.startswith(("clauses.", "texts."))
    }
    assert len(words) > 10
    assert {w: found for w in words if (found := naming(re.escape(w)))} == {}
    assert naming(r"§ ?\d") == []


def test_the_instant_of_the_figures_is_read_from_the_run_that_published_them() -> None:
    assert naming(r"max\(\s*as_of", "dashboards") == []
    # as a share of the period: when a budget runs out, and budgets at the same share; and, by
    # another clock, of tickets beside their targets
    assert naming(r"elapsed_seconds", "dashboards") == [
        "dashboards/app/app_pages/opinions.py",
        "dashboards/figures/overview/commitments.py",
        "dashboards/figures/overview/worse.py",
    ]
    assert naming(r"select run_number, as_of", "dashboards") == ["dashboards/access/reader.py"]


def test_the_end_of_a_month_by_its_contract_clock_is_decided_in_one_place() -> None:
    assert naming(r"at time zone|\bdate\([a-z.]+year\b", "dashboards") == [
        "dashboards/figures/periods.py",
        # the hour in which a ticket was received
        "dashboards/figures/support.py",
    ]
    # T3: is_over of periods.py, for the periods of reports
    assert naming(r"<=? (self\.)?(reader\.)?as_of\b", "dashboards") == [
        "dashboards/figures/periods.py"
    ]


def test_the_records_of_a_downtime_interval() -> None:
    """A2, C3: int_downtime_records joins them; the incident is that of the first with one."""
    # the attribution of a credit looks up the incident of a record that a ticket names
    assert reading("int_down_records") == {"int_downtime_records", "int_attribution"}
    assert reading("int_downtime_records") == {
        "int_downtime_incidents",
        "int_shared_events",
        "downtime_sources",
    }
    assert having(r"order by record_start_s") == {"int_downtime_incidents"}


def test_the_commitment_of_a_category() -> None:
    """A7: int_commitments finds it, for services that are generally available."""
    assert reading("inputs.commitments") == {"int_commitments"}


def test_how_long_a_result_holds() -> None:
    """M1: the macro held_until, over the next result in stg_check_spans."""
    assert having(r"last_s \+ ") == {"monitoring"}
    assert having(r"lead\((spans\.)?first_s\)") == {"stg_check_spans"}
    assert having(r"held_until\(") == {
        "monitoring",
        "int_component_states",
        "downtime_sources",
    }


def test_the_codes_of_states() -> None:
    """M1: STATES of the probes, which the macro state_code hands to models."""
    coded = r"\bstate (=|<>|>=?|<=?|in|when) \(?\d"
    # the interval algebra flags its own intervals with 0 and 1
    assert having(coded) == {"interval_algebra"}
    assert naming(coded) == []
    coding = r"""["']degraded["']: \d"""
    assert having(coding) == {"feeds"}
    assert naming(coding) == ["ingestion/landing/delivered.py"]


def test_the_median_interval_of_a_probe() -> None:
    """M1: MEDIANS of the probes, laid out as landed.check_medians."""
    assert having("checks_up_to") == set()
    assert naming("checks_up_to") == ["ingestion/landing/probes.py"]
    assert reading("landed.check_intervals") == set()
    assert reading("landed.check_medians") == {"monitoring_warnings"}


def test_what_waits_for_a_reference() -> None:
    """The macro is_in_force: staging models admit by it, int_waiting_references negates it."""
    latest = {name for name in sql() if name.startswith("stg_latest_")}
    keyed = {name for name in sql() if name.startswith("stg_")} - latest
    assert having(r"latest_deliveries\(") == latest | {"landed"}
    assert having(r"latest_rows\(") & keyed == set()
    assert having(r"arrived_rows\(") >= keyed - {
        # of what a model has judged as a whole before, or without a key
        "stg_check_spans",
        "stg_invoice_lines",
        "stg_subscriptions",
        "stg_ticket_events",
    }
    assert having(r"is_in_force\(") == {
        "landed",
        "stg_check_spans",
        "int_waiting_references",
    }
    assert "int_waiting_references" not in having(r"exists \(")


def test_spans_that_change_their_subscription() -> None:
    """E1: stg_arrived_subscriptions compares them with the earliest."""
    assert having(r"first_value\(") == {"stg_arrived_subscriptions"}
    assert having(r"customer_id <> ") == {"stg_arrived_subscriptions"}
    assert reading("stg_arrived_subscriptions") == {"stg_subscriptions", "int_set_aside"}


def test_tickets_that_are_not_received_once() -> None:
    """K1: int_ticket_receipts counts, and gives the status."""
    assert having(r"\breceipts (=|<>|>|<|when)") == {"int_ticket_receipts"}


def test_severities_that_a_contract_does_not_know() -> None:
    """K1: stg_arrived_ticket_events looks them up."""
    assert reading("inputs.severities") == {"stg_arrived_ticket_events"}
    assert reading("stg_arrived_ticket_events") == {"stg_ticket_events", "int_set_aside"}


def test_the_end_of_a_period_of_the_models() -> None:
    """T3: the tables of periods and months have it, by the clock of the contract."""
    over = r"end_s <= (run\.)?as_of_s"
    assert having(over) == set()
    assert naming(over) == ["ingestion/contracts/tables.py"]
    assert (ROOT / "ingestion/contracts/tables.py").read_text().count(".end_s <= as_of_s") == 1


def test_which_periods_have_a_figure() -> None:
    """A9: int_regional_periods; what asks only whether there is a figure reads no figures."""
    assert having(r"active_from_s < periods\.end_s") == {"int_regional_periods"}
    assert reading("availability") == {
        "availability_by_category",
        "error_budgets",
        "int_shown_credits",
    }


def test_the_availability_of_a_subscription() -> None:
    """A5: month_availability_pct, for the rows of credits and for their steps."""
    assert having(r"percentage\([^)]*up_seconds") == {"figures"}
    assert having(r"month_availability_pct\(") == {"figures", "int_stated", "credit_steps"}


def test_not_both_credits_for_the_same_event() -> None:
    """C3: combined_and_capped adds the percentages up and says which sum was chosen."""
    summed = r"availability_unshared \+ |\+ (\w+\.)?resolution_unshared"
    assert having(summed) == {"credit_rules"}
    assert having(r"then 'resolution_first'|else 'resolution_first'") == {"credit_rules"}
    assert having(r"combined_and_capped\(") == {
        "credit_rules",
        "int_month_credits",
        "credit_headroom",
    }


def test_the_cap_of_a_credit() -> None:
    """C4: combined_and_capped limits the percentage, share_of_fee makes an amount of it, and
    limited_amount limits that."""
    limited = r"least\((?:[^()]|\([^()]*\))*\bcap\b"
    assert having(limited) == {"credit_rules"}
    assert having(r"minimum_minor, ") == {"credit_rules"}
    assert having(r"limited_amount\(") == {"credit_rules", "int_credits", "credit_headroom"}
    assert having(r"share_of_fee\(") == {
        "credit_rules",
        "int_credits",
        "credit_headroom",
        "credit_reconciliation",
    }


def test_the_credit_of_a_figure() -> None:
    """C1: availability_credit looks tiers up, counts steps and refunds."""
    assert having(r"tiers\.below_numerator \* judged") == {"credit_rules"}
    assert having(r"availability_credit\(") == {
        "credit_rules",
        "int_month_availability",
        "credit_headroom",
    }


def test_the_bound_of_a_tier() -> None:
    """C1: tier_bound_pct raises the first one to the commitment."""
    assert having(r"greatest\(.*below_pct") == {"credit_rules"}


def test_what_we_owe_and_what_is_owed_to_us() -> None:
    """C8: marts take one of the two by the party of the contract; credits and claims of our own
    are rows of one model."""
    assert having(r"party = 'customer'") == {"own_claims"}
    assert having(r"party = 'provider'") == {
        "availability",
        "credit_attribution",
        "credit_headroom",
        "credit_reconciliation",
        "credit_statements",
        "credits",
        "incident_balance",
        "int_records",
    }
    assert reading("int_shown_credits") == {"credits", "own_claims"}
    assert reading("int_attribution") == {"credit_attribution", "incident_balance"}
    assert reading("inputs.covers") == {"found_names", "int_records"}


def test_what_a_statement_says() -> None:
    """C7: statement_values lists the columns that a statement keeps."""
    tests = {f.stem: f.read_text() for f in (PROJECT / "tests").glob("*.sql")}
    assert having(r"'combined_pct'", sql() | tests) == {"credit_rules"}
    assert having(r"statement_values\(", sql() | tests) == {
        "credit_rules",
        "credit_statements",
        "statements_are_current",
    }
