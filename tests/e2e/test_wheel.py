"""The wheel: what is in it, and that it works by itself, read-only and outside the checkout."""

import os
import re
import shutil
import subprocess
import sys
import urllib.request
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Published
from tests.e2e.test_dashboards import serving
from tests.e2e.test_orchestrator_server import waited_for

# builds, installs and runs the wheel
pytestmark = pytest.mark.long


ROOT = Path(__file__).parents[2]
ROOMS = ("dashboards", "dbt_project", "expectations", "ingestion", "orchestration")


def listed(*folders: str) -> set[str]:
    """The files of the repository in these folders: those that git knows or would take up."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", *folders]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return {name for name in names.stdout.splitlines() if (ROOT / name).is_file()}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, since a build leaves files behind that the next one would take up."""
    folder = tmp_path_factory.mktemp("wheel")
    for name in listed():
        (folder / "source" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / "source" / name)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-index", "--no-deps"]
    command += ["--no-build-isolation", "--wheel-dir", str(folder), str(folder / "source")]
    # the wheel must not need what the environment of the tests has on its path
    subprocess.run(command, check=True, cwd=folder)
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_holds_the_rooms_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if not name.endswith("/")}
    own = {name for name in names if re.fullmatch(r"makegood-[^/]+\.dist-info/.+", name)}
    assert names - own == {f"makegood/{name}" for name in listed(*ROOMS)}


@dataclass(frozen=True)
class Installed:
    environment: Path
    home: Path

    @property
    def command(self) -> Path:
        return self.environment / "bin" / "makegood"

    @property
    def variables(self) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "XDG_"))}
        return {**kept, "HOME": str(self.home)}

    def __call__(self, *words: Any) -> str:
        done = subprocess.run(
            [str(self.command), *map(str, words)],
            capture_output=True,
            text=True,
            check=False,
            cwd=self.home,
            env=self.variables,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


def contents(folder: Path) -> dict[Path, tuple[int, int]]:
    """The files below a folder, with size and time of change."""
    found = {path: path.lstat() for path in folder.rglob("*")}
    return {path: (stat.st_size, stat.st_mtime_ns) for path, stat in found.items()}


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    """A second environment: makegood from the wheel, what it needs from the first; read-only."""
    environment, home = tmp_path_factory.mktemp("environment"), tmp_path_factory.mktemp("home")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    (packages,) = environment.glob("lib/python*/site-packages")
    # a path and no more: what the first environment has installed editable stays behind
    needed = [path for path in sys.path if Path(path).name == "site-packages"]
    (packages / "needed.pth").write_text("".join(f"{path}\n" for path in needed))
    command = [sys.executable, "-m", "pip", "--python", str(environment), "install", "--quiet"]
    subprocess.run([*command, "--no-index", "--no-deps", str(wheel)], check=True, cwd=home)
    assert {p.name for p in packages.iterdir()} - {"needed.pth"} == {
        "makegood",
        "-".join(wheel.name.split("-")[:2]) + ".dist-info",
    }
    for path in [*environment.rglob("*"), environment]:
        if not path.is_symlink():
            path.chmod(path.stat().st_mode & ~0o222)
    # root may write all the same, and would be seen here
    before = contents(environment)
    yield Installed(environment, home)
    assert contents(environment) == before
    for path in [environment, *environment.rglob("*")]:
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | 0o200)


def test_the_command_is_that_of_the_wheel(installed: Installed, wheel: Path) -> None:
    assert installed("--version") == f"makegood {wheel.name.split('-')[1]}\n"
    code = "import makegood.orchestration.cli as cli; print(cli.__file__)"
    done = subprocess.run(
        [installed.environment / "bin" / "python", "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=installed.home,
        env=installed.variables,
    )
    assert Path(done.stdout.strip()).is_relative_to(installed.environment)


@pytest.fixture(scope="module")
def warehouse(installed: Installed) -> Path:
    """The sample, published by the wheel."""
    installed("sample", "--out", "landing")
    words = ["--warehouse", "warehouse", "--as-of", "2026-08-15T00:00:00Z"]
    assert "published as of" in installed("run", "--landing", "landing", *words)
    return installed.home / "warehouse"


@pytest.mark.parametrize(("kind", "magic"), [("pdf", b"%PDF-"), ("html", b"<!"), ("xlsx", b"PK")])
def test_a_report_is_written(
    installed: Installed, warehouse: Path, kind: str, magic: bytes
) -> None:
    (row,) = Published(warehouse).query(
        "select subscription_id, month from marts.credits where credit_amount > 0 limit 1"
    )
    file = installed.home / f"report.{kind}"
    words = ["--subscription", row["subscription_id"], "--month", f"{row['month']:%Y-%m}"]
    installed("report", "--warehouse", warehouse, *words, "--out", file)
    assert file.read_bytes().startswith(magic)


@pytest.mark.parametrize(
    ("server", "health", "page"),
    [("dashboards", "/_stcore/health", "Streamlit"), ("orchestrator", "/server_info", "Dagster")],
)
def test_a_server_answers(
    installed: Installed, warehouse: Path, server: str, health: str, page: str
) -> None:
    landing = ["--landing", installed.home / "landing"] if server == "orchestrator" else []
    words = [server, *landing, "--warehouse", warehouse]
    with serving(
        *words, health=health, makegood=installed.command, environment=installed.variables
    ) as (address, _):

        def answer(path: str) -> str:
            with urllib.request.urlopen(address + path, timeout=10) as response:
                return str(response.read().decode())

        def is_up() -> bool:
            try:
                return bool(answer(health))
            except OSError:
                return False

        assert waited_for(is_up, 240)
        assert page in answer("/")
