"""docs/glossary.md: every term once, sorted, in use; and the words that it replaced are gone."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "glossary.md").read_text()
TERMS = re.findall(r"^- \*\*(.+?)\*\*: ", PAGE, re.MULTILINE)
DOCUMENTS = [*(ROOT / "docs").glob("*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]

# what a reader once met -> the term that took its place
RETIRED = {
    r"(other|contested|each|a|the) readings?\b": "scenario",
    r"desks?": "support policy",
    r"audiences?": "customer scope",
    r"(ticket'?s?|its) (life|lives)|(life|lives) of (a )?tickets?": "timeline",
    r"population": "eligible incidents",
    r"promises?": "target, or commitment",
    r"overdrawn": "exhausted",
    r"fee parts": "proration",
    r"mend(s|ed|ing)?": "repair, or correct",
    r"gate": "reader",
    r"monitoring checks|checks? of (a|the) (component|monitor)s?": "probe",
    # turns of phrase at which a native speaker stumbles
    r"(?<!there )(is|are) no (?!longer|more)\w+": "is not a",
    r"what became of": "the outcome of",
    r"said|told": "what the sentence is about",
    r"stands?": "is",
}


def test_terms_are_there_once_and_sorted() -> None:
    assert len(TERMS) == PAGE.count("\n- ")
    assert sorted({t.lower() for t in TERMS}) == TERMS
    assert len(TERMS) > 90


def test_every_term_links_to_rules_that_exist() -> None:
    rules = set(re.findall(r"^### (\w+)$", (ROOT / "docs" / "rules.md").read_text(), re.MULTILINE))
    linked = set(re.findall(r"\[([A-Z]\d)\](?!:)", PAGE))
    defined = dict(re.findall(r"^\[(\w+)\]: rules\.md#(\w+)$", PAGE, re.MULTILINE))
    assert linked == defined.keys()
    assert linked <= rules
    assert {rule.lower() for rule in defined} == set(defined.values())


@pytest.fixture(scope="module")
def used() -> str:
    """What readers read: documents, models with their descriptions, and pages."""
    places = [path for path in DOCUMENTS if path.name != "glossary.md"]
    models = [p for suffix in ("sql", "yml") for p in (ROOT / "dbt_project").rglob(f"*.{suffix}")]
    # not what dbt has compiled
    places += [path for path in models if "target" not in path.parts]
    places += (ROOT / "dashboards").rglob("*.py")
    return re.sub(r"[\s_]+", " ", " ".join(path.read_text() for path in places)).lower()


@pytest.mark.parametrize("term", TERMS)
def test_a_term_is_in_use(used: str, term: str) -> None:
    assert re.search(rf"\b{re.escape(term)}s?\b", used), "leave it out, or use it"


@pytest.mark.parametrize("word", RETIRED)
def test_retired_words_are_gone(word: str) -> None:
    found = []
    for path in DOCUMENTS:
        # names in code are not words
        prose = re.sub(r"```.*?```|`[^`]*`|<!--.*?-->", "", path.read_text(), flags=re.DOTALL)
        prose = re.sub(r"\s+", " ", prose)
        found += [
            f"{path.name}: {prose[max(0, m.start() - 30) : m.end() + 30]}"
            for m in re.finditer(rf"\b({word})\b", prose, re.IGNORECASE)
        ]
    assert found == [], f"now: {RETIRED[word]}"
