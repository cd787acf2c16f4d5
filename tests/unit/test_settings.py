"""Settings: every variable is documented with its default, and what can't be taken is named."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from makegood.orchestration import settings
from makegood.orchestration.settings import DBT_PROJECT, Limits

ROOT = Path(__file__).parents[2]
VARIABLE = re.compile(r"\bMAKEGOOD_[A-Z_]+\b")


def documented() -> dict[str, str]:
    """Variable -> its default, as the table of settings has them."""
    text = (ROOT / "docs" / "operations.md").read_text()
    rows = re.findall(r"^\| `(MAKEGOOD_[A-Z_]+)` \| (.*?) \|", text, re.M)
    return {name: default.strip("`") for name, default in rows}


def test_every_variable_is_documented() -> None:
    sources = [
        path
        for room in ("dashboards", "dbt_project", "expectations", "ingestion", "orchestration")
        for pattern in ("*.py", "*.yml")
        for path in (ROOT / room).rglob(pattern)
        if "target" not in path.parts
    ]
    used = {name for path in sources for name in VARIABLE.findall(path.read_text())}
    assert "MAKEGOOD_LANDING" in used
    assert documented().keys() == used


def test_the_defaults_of_dbt_are_documented() -> None:
    profile = (DBT_PROJECT / "profiles.yml").read_text()
    defaults = dict(re.findall(r"env_var\('(MAKEGOOD_[A-Z_]+)', '([^']*)'\)", profile))
    assert len(defaults) >= 5
    assert {name: documented()[name] for name in defaults} == defaults


def test_limits_are_those_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAKEGOOD_THREADS", "3")
    monkeypatch.setenv("MAKEGOOD_MEMORY", "6GB")
    assert settings.configured_limits() == Limits(3, "6GB")
    monkeypatch.delenv("MAKEGOOD_THREADS")
    monkeypatch.setenv("MAKEGOOD_MEMORY", "")
    assert settings.configured_limits() == settings.default_limits()


@pytest.mark.parametrize(
    ("name", "value"), [("THREADS", "two"), ("THREADS", "0"), ("MEMORY", "8 apples")]
)
def test_limits_that_can_not_be_taken_are_named(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"MAKEGOOD_{name}", value)
    with pytest.raises(ValueError, match=value if value != "0" else "at least 1"):
        settings.configured_limits()


def test_every_engine_keeps_to_the_threads() -> None:
    """Polars and Arrow size their pools as they start, so a command has to say so before."""
    asked = (
        "from makegood.orchestration.cli.common import limits_and_instant\n"
        "limits_and_instant(3, None, None)\n"
        "import polars, pyarrow\n"
        "print(polars.thread_pool_size(), pyarrow.cpu_count())"
    )
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["3", "3"]
