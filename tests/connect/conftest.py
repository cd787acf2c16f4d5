"""What tests of connectors share: the made-up system beside the real ones, and a pull."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from makegood.ingestion.connect import settings as connect_settings
from makegood.ingestion.connect.pull import Pulled
from makegood.ingestion.connect.systems import systems
from makegood.orchestration.pipeline.connect import pull_all
from makegood.orchestration.settings import connect_environment
from tests.support.acme import ACME

Pull = Callable[..., tuple[list[Pulled], list[str]]]


@pytest.fixture
def made_up(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The system `acme` can be read."""
    known: dict[str, Any] = {**systems(), "acme": ACME}
    monkeypatch.setattr(connect_settings, "systems", lambda: known)
    monkeypatch.setenv("ACME_TOKEN", "token-of-acme")
    with connect_environment():
        yield


@pytest.fixture
def pull(tmp_path: Path) -> Pull:
    """Pulls all sources of a connect.yaml into `landing` and `warehouse` below the test's folder,
    or below another one."""

    def pulled(
        config: Path, folder: Path = tmp_path, from_start: bool = False
    ) -> tuple[list[Pulled], list[str]]:
        settings = connect_settings.load(config)
        return pull_all(
            settings,
            settings.sources.values(),
            folder / "landing",
            folder / "warehouse",
            lambda message: None,
            from_start,
        )

    return pulled


@pytest.fixture
def quiet() -> Iterator[None]:
    """What dlt reads in the environment is as `makegood connect` sets it."""
    with connect_environment():
        yield
