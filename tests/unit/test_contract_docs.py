"""docs/contracts.md, by which contracts are written: its examples load, its tables are complete."""

import re
from pathlib import Path

import pytest
import yaml

from makegood.ingestion.contracts.loader import load
from makegood.ingestion.describe_contracts import contract_keys
from tests.conftest import CONTRACTS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "contracts.md").read_text()
EXAMPLES = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize(
    "example", EXAMPLES, ids=["minimal", "credits", "amended", "customer", "tutorial"]
)
def test_the_examples_load(tmp_path: Path, example: str) -> None:
    (tmp_path / "example.yaml").write_text(example)
    contract = load(tmp_path / "example.yaml")
    assert contract.contract_id in example
    assert bool(contract.amendments) == ("amendments:" in example)


# maps that are one key
ONE_KEY = {"availability.commitment_pct", "clauses"}


# what the names in a map are names of
NAMES = {"calendars": "name"}


def written_keys(terms: dict[str, object], prefix: str = "") -> set[str]:
    """The keys of a contract as it is written, in the notation of the page."""
    found = set()
    for name, value in terms.items():
        path = prefix + name
        inside = value if isinstance(value, list) and value and isinstance(value[0], dict) else []
        if isinstance(value, dict) and path not in ONE_KEY:
            found |= written_keys(value, f"{path}.")
        else:
            found.add(path)
        for item in inside:
            found |= written_keys(item, f"{path}[].")
    return found


def test_every_key_of_the_two_agreements_is_on_the_page() -> None:
    """The walk over the model misses nothing that real contracts write."""
    known = {key.path for key in contract_keys()}
    named = re.compile(
        r"^(response|updates|resolution|escalation|calendars)\."
        r"(P[1-5]|high|normal|business_hours|business_days)\b"
    )
    for path in CONTRACTS.glob("*.yaml"):
        document = yaml.safe_load(path.read_text())
        written = written_keys({k: v for k, v in document.items() if k != "versions"})
        for version in document["versions"]:
            written |= {
                named.sub(lambda m: f"{m[1]}.<{NAMES.get(m[1], 'severity')}>", key)
                for key in written_keys(version["terms"])
            }
        assert written - known == set(), path.name


def test_every_key_has_a_meaning_a_type_and_a_rule() -> None:
    keys = contract_keys()
    assert len({key.path for key in keys}) == len(keys) > 60
    assert [key.path for key in keys if not key.meaning.endswith(".") or not key.type] == []
    assert [key.path for key in keys if not key.rules] == ["contract_id", "name"]
