"""`makegood contracts --check` on folders of the examples in docs/contracts.md."""

from pathlib import Path
from typing import Any

import pytest

from makegood.dashboards.figures.style import money
from tests.conftest import CONTRACTS, Published
from tests.e2e.test_command import makegood
from tests.unit.test_contract_docs import EXAMPLES


def test_a_folder_of_contracts_is_checked(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(EXAMPLES[0])
    (tmp_path / "b.yml").write_text(EXAMPLES[2])
    done = makegood("contracts", "--check", tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    loaded, findings = done.stdout.split("\n\n")
    assert loaded.splitlines() == [
        "hosting: Hosting Service Level Agreement, 1 version, 0 amendments",
        "support: Support and Availability Agreement, 1 version, 1 amendment",
    ]
    assert findings.splitlines()[0] == (
        f"{tmp_path}/a.yaml:8: versions.0.terms.exclusions.kinds: scheduled_maintenance is "
        "excluded however long it lasts: maintenance.max_length is not set"
    )
    assert all(line.startswith(f"{tmp_path}/") for line in findings.splitlines())
    escape = EXAMPLES[0].replace("contract_id: hosting", r'contract_id: "\x1b[2J"')
    (tmp_path / "c.yaml").write_text(escape)
    again = makegood("contracts", "--check", tmp_path)
    assert (again.returncode, "\x1b" in again.stdout, "[2J: Hosting" in again.stdout) == (
        0,
        False,
        True,
    )


def test_all_refusals_of_a_folder_are_listed_with_file_line_and_the_wanted_form(
    tmp_path: Path,
) -> None:
    (tmp_path / "a.yaml").write_text(EXAMPLES[1].replace("target: 30m", "target: 30 minutes"))
    (tmp_path / "b.yaml").write_text(EXAMPLES[0].replace("period: month", "period: monthly"))
    (tmp_path / "c.yaml").write_text(EXAMPLES[2].replace("hosting", "third"))
    done = makegood("contracts", "--check", tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    first, second = done.stderr.splitlines()
    assert first.startswith(
        f"makegood: {tmp_path}/a.yaml:19: versions.0.terms.response.critical.target: '30 minutes'"
    )
    assert first.endswith("15m or 3bd; h, m and s may be joined, as in 8h30m")
    assert second.startswith(
        f"{tmp_path}/b.yaml:7: versions.0.terms.availability.period: 'monthly'"
    )
    assert second.endswith("not one of month, quarter, year: the nearest is month")


def test_a_folder_that_is_not_there_or_empty_is_refused(tmp_path: Path) -> None:
    gone = makegood("contracts", "--check", tmp_path / "none")
    assert (gone.returncode, "is not a folder" in gone.stderr) == (2, True)
    empty = makegood("contracts", "--check", tmp_path)
    assert (empty.returncode, "holds no contract (*.yaml)" in empty.stderr) == (2, True)


@pytest.mark.long
def test_findings_are_priced_on_a_warehouse(sample: Published) -> None:
    """The price of a scenario is what the mart what_if says of it; a term that nothing triggers is
    named."""
    done = makegood("contracts", "--check", CONTRACTS, "--warehouse", sample.warehouse)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    (rounding,) = [line for line in lines if "between 25 and 26" in line]
    by_currency = sample.query(
        """select currency, sum(credit_difference) as credit, sum(payable_difference) as payable
           from marts.what_if
           where policy_key = 'resolution_credit.tier_rounding' and value = 'whole_percent'
           group by currency having sum(credit_difference) <> 0 or sum(payable_difference) <> 0
           order by currency"""
    )

    def signed(row: dict[str, Any], amount: str) -> str:
        return ("+" if row[amount] >= 0 else "") + money(row[amount], row["currency"])

    price = ", ".join(
        f"{signed(row, 'credit')} ({signed(row, 'payable')} payable)" for row in by_currency
    )
    assert rounding.endswith(f" [whole_percent: {price or 'no difference so far'}]")
    (upkeep,) = [
        line for line in lines if "trueengage" in line and "calls upkeep an emergency" in line
    ]
    assert " [the other scenario: " in upkeep
    used = {row["kind"] for row in sample.query("select distinct kind from marts.exclusions")}
    assert "beta" not in used
    unseen = "exclusions.kinds: without effect so far, in no row of exclusions.kind or "
    (kinds,) = [
        line.partition("tickets.exclusion_kind: ")[2].split(", ")
        for line in lines
        if "trueengage" in line and unseen in line
    ]
    assert "beta" in kinds
    assert not used & set(kinds)


def test_a_warehouse_without_a_publication_is_refused(tmp_path: Path) -> None:
    done = makegood("contracts", "--check", CONTRACTS, "--warehouse", tmp_path)
    assert (done.returncode, "has nothing published" in done.stderr) == (2, True)
