"""What the other readings cost: a run on sample feeds with them and without them, turn by turn in
one process.

python -m benchmarks.what_if [small|month|year] [rounds]
"""

import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from unittest import mock

from makegood.ingestion import sample
from makegood.ingestion.contracts.loader import FOLDER
from makegood.orchestration.pipeline import run as line

AS_OF = {
    "small": datetime(2026, 8, 15, tzinfo=UTC),
    "month": datetime(2026, 7, 1, tzinfo=UTC),
    "year": datetime(2027, 6, 1, tzinfo=UTC),
}


def seconds(landing: Path, warehouse: Path, as_of: datetime) -> float:
    """Processor seconds of a whole run into a new warehouse, without the start of the process."""
    started = time.process_time()
    with line.opened(line.Request(landing, warehouse, FOLDER, as_of)) as run:
        line.steps(run)
    return time.process_time() - started


def main(size: str = "small", rounds: str = "3") -> None:
    with tempfile.TemporaryDirectory() as folder:
        landing = Path(folder) / "landing"
        sample.write(landing, size, 1, False)
        seconds(landing, Path(folder) / "warm", AS_OF[size])
        taken: dict[str, list[float]] = {"with": [], "without": []}
        for n in range(int(rounds)):
            taken["with"].append(seconds(landing, Path(folder) / f"with{n}", AS_OF[size]))
            with mock.patch("makegood.ingestion.contracts.tables.alternatives", return_value=[]):
                taken["without"].append(seconds(landing, Path(folder) / f"without{n}", AS_OF[size]))
        both = {k: median(v) for k, v in taken.items()}
        print(
            f"{size}: with {both['with']:.1f} s of processor time, without {both['without']:.1f} "
            f"s: {both['with'] / both['without']:.2f} times"
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
