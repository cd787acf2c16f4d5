"""`makegood contracts --check` on folders of the examples in docs/contracts.md."""

from pathlib import Path

from tests.e2e.test_command import makegood
from tests.unit.test_contract_docs import EXAMPLES


def test_a_folder_of_contracts_is_checked(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(EXAMPLES[0])
    (tmp_path / "b.yml").write_text(EXAMPLES[2])
    done = makegood("contracts", "--check", tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "hosting: Hosting Service Level Agreement, 1 version, 0 amendments",
        "support: Support and Availability Agreement, 1 version, 1 amendment",
    ]
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
    assert first.endswith("15m or 3bd")
    assert second.startswith(
        f"{tmp_path}/b.yaml:7: versions.0.terms.availability.period: 'monthly'"
    )
    assert second.endswith("not one of month, quarter: the nearest is month")


def test_a_folder_that_is_not_there_or_empty_is_refused(tmp_path: Path) -> None:
    gone = makegood("contracts", "--check", tmp_path / "none")
    assert (gone.returncode, "is not a folder" in gone.stderr) == (2, True)
    empty = makegood("contracts", "--check", tmp_path)
    assert (empty.returncode, "holds no contract (*.yaml)" in empty.stderr) == (2, True)
