"""What tests share: a line that is run in this process, on feeds that a test writes down."""

import csv
import gc
import io
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import filelock
import pytest
import yaml
from hypothesis import settings

from makegood.expectations.protocol import ExpectationResult
from makegood.ingestion.contracts.tables import instant
from makegood.ingestion.feeds.specs import feeds
from makegood.ingestion.sample import write as write_sample
from makegood.orchestration.pipeline import run as line
from makegood.orchestration.pipeline.validation import Validation
from makegood.orchestration.settings import Limits

SHARED = Path(__file__).parents[2] / "shared"
CONTRACTS = Path(__file__).parents[1] / "ingestion" / "contracts" / "library"

# `make test` tries a few examples, `make test ALL=1` more, both always the same ones;
# `--hypothesis-profile explore` looks further
REPRODUCIBLE = {"deadline": None, "derandomize": True, "print_blob": True}
settings.register_profile("quick", max_examples=20, **REPRODUCIBLE)
settings.register_profile("ci", max_examples=60, **REPRODUCIBLE)
settings.register_profile("explore", deadline=None, max_examples=300, print_blob=True)
settings.load_profile("quick")


def examples(quick: int, ci: int, explore: int) -> int:
    """How many examples a test tries for which each is a whole run."""
    return {"quick": quick, "ci": ci, "explore": explore}[settings.get_current_profile_name()]


def some_of(names: Iterable[str], *short: str) -> list[Any]:
    """Parameters of a test, of which `make test` tries only `short`; the others are `long`."""
    return [name if name in short else pytest.param(name, marks=pytest.mark.long) for name in names]


Rows = list[dict[str, Any]]
Feeds = dict[str, Rows]


def csv_text(feed: str, rows: Rows) -> str:
    """Rows as CSV with all columns of the feed, and those that the rows have beside them."""
    names = [c.name for c in feeds()[feed].columns]
    names += sorted({k for row in rows for k in row} - set(names))
    out = io.StringIO()
    writer = csv.DictWriter(out, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def write_landing(folder: Path, world: Feeds) -> Path:
    """A landing folder with one CSV a feed; the feeds that a run needs are there, empty where the
    world has none of them."""
    for feed in ("services", "components", "customers", "subscriptions", "outages"):
        world = {feed: [], **world}
    for feed, rows in world.items():
        (folder / feed).mkdir(parents=True, exist_ok=True)
        (folder / feed / "rows.csv").write_text(csv_text(feed, rows))
    return folder


class Published:
    """A published database, read as plain rows."""

    def __init__(self, warehouse: Path) -> None:
        self.warehouse = warehouse
        self.database = (warehouse / "published" / "makegood.duckdb").resolve()

    def query(self, sql: str) -> Rows:
        with duckdb.connect(str(self.database), read_only=True) as con:
            cursor = con.execute(sql)
            names = [d[0] for d in cursor.description]
            rows = [
                [v.astimezone(UTC) if isinstance(v, datetime) and v.tzinfo else v for v in row]
                for row in cursor.fetchall()
            ]
            return [dict(zip(names, row, strict=True)) for row in rows]

    def mart(self, name: str) -> Rows:
        return self.query(f"select * from marts.{name} order by all")

    def all_marts(self) -> dict[str, Rows]:
        names = self.query(
            "select table_name from information_schema.tables where table_schema = 'marts' order "
            "by 1"
        )
        return {n["table_name"]: self.mart(n["table_name"]) for n in names}

    def figures(self, without: Iterable[str] = ()) -> dict[str, list[str]]:
        """All marts without what depends on how rows were delivered: their places, and the
        statements that earlier runs have issued. `without`: further columns to leave out."""
        places = {"file", "line", "last_file", "last_line", "statement_version", *without}
        marts = {
            name: rows for name, rows in self.all_marts().items() if name != "credit_statements"
        }
        return {
            name: sorted(str({k: v for k, v in row.items() if k not in places}) for row in rows)
            for name, rows in marts.items()
        }

    def rejected(self) -> Rows:
        return self.query("select * from quality.rejected_rows order by feed, file, line, rule")


class _NoWorker(Validation):
    """Expectations take longer to import than a run; the tests of the command have them."""

    def start(self) -> None:
        pass

    def begin(self, *args: Any) -> None:
        pass

    def results(self) -> list[ExpectationResult]:
        return []


Runner = Callable[..., Published]


def _shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The session's folder: workers have folders of their own below it."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if base.name.startswith("popen-") else base


def light(patch: pytest.MonkeyPatch) -> None:
    """Has runs of this process do without a worker of expectations."""
    patch.setattr(line, "Validation", _NoWorker)


@pytest.fixture
def publish(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Runner:
    """Runs the line in this process: publish(world or landing folder, as_of, contracts=…,
    warehouse=…) -> Published."""
    light(monkeypatch)

    def publish(
        what: Feeds | Path,
        as_of: str | datetime,
        contracts: Path | dict[str, Any] = CONTRACTS,
        warehouse: Path | None = None,
    ) -> Published:
        warehouse = warehouse or tmp_path / "warehouse"
        if isinstance(what, dict):
            shutil.rmtree(tmp_path / "landing", ignore_errors=True)
            what = write_landing(tmp_path / "landing", what)
        if isinstance(contracts, dict):
            contracts = write_contracts(tmp_path / "contracts", contracts)
        return _published(what, warehouse, as_of, contracts)

    return publish


def _published(landing: Path, warehouse: Path, as_of: str | datetime, contracts: Path) -> Published:
    at = instant(as_of) if isinstance(as_of, str) else as_of
    # a second thread costs a fifth more than it saves on feeds of a few rows
    with line.opened(line.Request(landing, warehouse, contracts, at, Limits(threads=1))) as run:
        line.steps(run)
    return Published(warehouse)


def published_once(
    landing: Path, warehouse: Path, as_of: str, contracts: Path = CONTRACTS
) -> Published:
    """What `publish` does, for fixtures that live longer than a test."""
    with pytest.MonkeyPatch.context() as patch:
        light(patch)
        return _published(landing, warehouse, as_of, contracts)


def _once(
    tmp_path_factory: pytest.TempPathFactory, name: str, publish: Callable[[Path], object]
) -> Published:
    """A warehouse that is published once for all workers; only to be read."""
    folder = _shared_folder(tmp_path_factory) / name
    with filelock.FileLock(f"{folder}.lock"):
        if not (folder / "warehouse" / "published").exists():
            shutil.rmtree(folder, ignore_errors=True)
            publish(folder)
    return Published(folder / "warehouse")


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Published:
    """The small sample as of 2026-08-15."""

    def publish(folder: Path) -> None:
        write_sample(folder / "landing", "small", 1, faults=False)
        published_once(folder / "landing", folder / "warehouse", "2026-08-15T00:00:00Z")

    return _once(tmp_path_factory, "the-sample", publish)


@pytest.fixture(scope="session")
def both_sides(tmp_path_factory: pytest.TempPathFactory) -> Published:
    """What we owe and what providers owe us, as of the last second of August 2026."""
    from tests.support import both_sides as agreed

    def publish(folder: Path) -> None:
        write_contracts(folder / "contracts", agreed.AGREED)
        landing = write_landing(folder / "landing", agreed.world())
        published_once(landing, folder / "warehouse", agreed.AS_OF, folder / "contracts")

    return _once(tmp_path_factory, "both-sides", publish)


@pytest.fixture(scope="session")
def real(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Published:
    """The real records as of 2026-08-21, by the command as it is installed."""

    def publish(folder: Path) -> None:
        command = [
            Path(sys.executable).parent / "makegood",
            "run",
            "--landing",
            shared / "landing-real",
            "--warehouse",
            folder / "warehouse",
        ]
        done = subprocess.run(
            [*map(str, command), "--as-of", "2026-08-21T00:00:00Z"],
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stderr

    return _once(tmp_path_factory, "the-real-records", publish)


@pytest.fixture(scope="module", autouse=True)
def let_go() -> Iterator[None]:
    """Pages that were tried keep readers open, whose settings are locked for every connection of
    this process to the same file."""
    yield
    if "streamlit" in sys.modules:
        sys.modules["streamlit"].cache_resource.clear()
        gc.collect()


def write_contracts(folder: Path, contracts: dict[str, Any]) -> Path:
    """Contracts by id as a folder of YAML."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, contract in contracts.items():
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(contract, sort_keys=False))
    return folder


def contract(
    contract_id: str, zone: str = "UTC", since: str = "2026-06-01", **terms: Any
) -> dict[str, Any]:
    """A contract of one version; terms are maps, laid over a monthly one with a commitment of
    99.9."""
    base: dict[str, Any] = {"availability": {"period": "month", "commitment_pct": 99.9}}
    for key, value in terms.items():
        base[key] = {**base.get(key, {}), **value}
    version = {"effective_from": datetime.fromisoformat(since).date(), "terms": base}
    return {
        "contract_id": contract_id,
        "name": contract_id,
        "time_zone": zone,
        "versions": [version],
        "amendments": [],
    }


@pytest.fixture(scope="session")
def shared() -> Path:
    """Real records and cases that lie beside the project on the machines of its makers."""
    if not SHARED.is_dir():
        pytest.skip(
            f"{SHARED} is not there: it holds real records and worked cases, which are no part of "
            "the project"
        )
    return SHARED


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """A headless browser."""
    from playwright.sync_api import sync_playwright

    path = shutil.which("chromium")
    if path is None:
        pytest.skip(
            "chromium is not installed: install it to test the pages in a browser (.ci/run does)"
        )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        yield browser
        browser.close()
