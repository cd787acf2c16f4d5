"""What tests of whole runs share."""

import subprocess
import sys
from pathlib import Path

import pytest

from makegood.ingestion.sample import write as write_sample
from tests.support.cluster import required


@pytest.fixture(scope="session")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sample with faults below `landing`, and what DuckDB makes of it below
    `warehouse`."""
    required("java", "pyspark")
    folder = tmp_path_factory.mktemp("faulty")
    write_sample(folder / "landing", "small", 1, faults=True)
    makegood = Path(sys.executable).parent / "makegood"
    words = ("--landing", folder / "landing", "--warehouse", folder / "warehouse")
    subprocess.run(
        [makegood, "run", *words, "--as-of", "2026-08-15T00:00:00Z"],
        check=True,
        capture_output=True,
    )
    return folder
