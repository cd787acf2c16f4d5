"""docs/rules.md has the rules that the project cites and the keys that its loader accepts."""

import re
from pathlib import Path

from makegood.ingestion.describe_contracts import contract_keys

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "rules.md").read_text()
RULES = re.findall(r"^### (\w+)$", PAGE, re.MULTILINE)
ID = r"[TMXAKRECZ][1-9]"


def cited(*patterns: str, after: str = "") -> dict[str, str]:
    """Each rule id that files name, alone or in a range, `after` a mark -> one of those files."""
    found = {}
    for path in (p for pattern in patterns for p in ROOT.glob(pattern)):
        # what dbt has compiled
        if "target" in path.parts:
            continue
        text = path.read_text()
        text = text.partition(after)[2] if after else text
        found |= dict.fromkeys(re.findall(rf"\b{ID}\b", text), path.name)
        for letter, first, last in re.findall(r"\b([MXAKREC])([1-9])-\1([1-9])\b", text):
            found |= {f"{letter}{n}": path.name for n in range(int(first), int(last) + 1)}
    return found


def test_rules_have_one_heading_each_in_order() -> None:
    order = [("TMXAKRECZ".index(rule[0]), int(rule[1:])) for rule in RULES]
    assert order == sorted(set(order))
    assert len(order) > 45


def test_every_rule_is_cited_by_the_code_and_by_a_test() -> None:
    code = cited("dbt_project/models/**/*.yml", "ingestion/**/*.py", "dashboards/**/*.py")
    tests = cited("tests/**/*.py") | cited("dbt_project/models/**/*.yml", after="unit_tests:")
    assert set(RULES) - code.keys() == set()
    assert set(RULES) - tests.keys() == set()


def test_every_rule_that_is_cited_is_in_the_page() -> None:
    everywhere = cited(
        *(
            f"{room}/**/*.py"
            for room in ("ingestion", "orchestration", "dashboards", "expectations")
        ),
        *(f"dbt_project/**/*.{suffix}" for suffix in ("yml", "sql")),
        "tests/**/*.py",
        "docs/*.md",
    )
    assert {rule: file for rule, file in everywhere.items() if rule not in RULES} == {}


def keys_in(text: str) -> set[str]:
    """What is written as code and looks like a key; `key: value` is its key."""
    part = r"(?:[a-z_]+|<severity>|<name>)(?:\[\])?"
    return set(re.findall(rf"`([a-z_]+(?:\[\])?(?:\.{part})*)(?:: [^`]*)?`", text))


def test_every_key_that_is_accepted_is_in_a_rule() -> None:
    assert {key.path for key in contract_keys()} - keys_in(PAGE) == set()


def test_every_key_in_a_rule_is_accepted() -> None:
    accepted = {key.path for key in contract_keys()}
    sections = {key.rpartition(".")[0] for key in accepted}
    assert {key for key in keys_in(PAGE) if "." in key} - accepted - sections == set()
