"""docs/contracts.md, by which contracts are written: its examples load, its tables are complete."""

import re
from pathlib import Path

import pytest
import yaml

from ingestion.contracts import load
from ingestion.describe_contracts import contract_keys
from tests.conftest import CONTRACTS
from tests.test_command import makegood

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "contracts.md").read_text()
EXAMPLES = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES, ids=["minimal", "credits", "amended"])
def test_the_examples_load(tmp_path: Path, example: str) -> None:
    (tmp_path / "example.yaml").write_text(example)
    contract = load(tmp_path / "example.yaml")
    assert contract.contract_id in example
    assert bool(contract.amendments) == ("amendments:" in example)


def written_keys(terms: dict[str, object], prefix: str = "") -> set[str]:
    """The keys of a contract as it is written, in the notation of the page."""
    found = set()
    for name, value in terms.items():
        path = prefix + name
        inside = value if isinstance(value, list) and value and isinstance(value[0], dict) else []
        if isinstance(value, dict) and path != "availability.commitment_pct":
            found |= written_keys(value, f"{path}.")
        else:
            found.add(path)
        for item in inside:
            found |= written_keys(item, f"{path}[].")
    return found


def test_every_key_of_the_two_agreements_is_on_the_page() -> None:
    """The walk over the model misses nothing that real contracts write."""
    known = {key.path for key in contract_keys()}
    severity = re.compile(r"^(response|updates|resolution|escalation)\.(P[1-5]|high|normal)\b")
    for path in CONTRACTS.glob("*.yaml"):
        document = yaml.safe_load(path.read_text())
        written = written_keys({k: v for k, v in document.items() if k != "versions"})
        for version in document["versions"]:
            written |= {
                severity.sub(r"\1.<severity>", key) for key in written_keys(version["terms"])
            }
        assert written - known == set(), path.name


def test_every_key_has_a_meaning_a_type_and_a_rule() -> None:
    keys = contract_keys()
    assert len({key.path for key in keys}) == len(keys) > 60
    assert [key.path for key in keys if not key.meaning.endswith(".") or not key.type] == []
    assert [key.path for key in keys if not key.rules] == ["contract_id", "name"]


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
