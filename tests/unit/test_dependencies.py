"""What is installed is what is locked, and what is locked is pinned by hash."""

import re
import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# what a virtual environment brings itself, and the project
OURS = {"makegood", "pip"}
CLUSTER = "requirements-cluster.lock"


def locked(name: str) -> dict[str, dict[str, list[str]]]:
    """Name -> version -> hashes of each entry of a lock; some have a version a Python."""
    entries = re.split(r"\n(?=\S)", (ROOT / name).read_text().replace("\\\n", "\n").strip())
    found: dict[str, dict[str, list[str]]] = {}
    for entry in entries:
        pin = re.match(r"([A-Za-z0-9._-]+)(?:\[[a-z0-9,_-]+\])?==(\S+)", entry)
        assert pin, f"{name}: not pinned: {entry.splitlines()[0]}"
        found.setdefault(normal(pin[1]), {})[pin[2]] = re.findall(
            r"--hash=sha256:([0-9a-f]{64})\b", entry
        )
    return found


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock", CLUSTER])
def test_every_pin_has_hashes(name: str) -> None:
    pins = locked(name)
    assert len(pins) > 100
    assert [n for n, versions in pins.items() if not all(versions.values())] == []


@pytest.mark.parametrize("name", ["requirements-dev.lock", CLUSTER])
def test_extras_change_no_pin(name: str) -> None:
    core, more = locked("requirements.lock"), locked(name)
    assert {n: pin for n, pin in core.items() if more.get(n) != pin} == {}


def test_what_is_installed_is_what_is_locked() -> None:
    pins = locked(CLUSTER) | locked("requirements-dev.lock")
    installed = {normal(d.metadata["Name"]): d.version for d in distributions()}
    assert {n: v for n, v in installed.items() if n not in OURS and v not in pins.get(n, {})} == {}


def test_installed_packages_get_along() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pip", "check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
