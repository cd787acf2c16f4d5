"""How long a run takes, and how much memory, on sample feeds: a first run that lands everything,
and a second with nothing new.

.venv/bin/python benchmarks/run_sizes.py small month year
"""

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

MAKEGOOD = Path(sys.executable).parent / "makegood"
AS_OF = {
    "small": "2026-08-15T00:00:00Z",
    "month": "2026-07-01T00:00:00Z",
    "year": "2027-06-01T00:00:00Z",
}


def timed(*words: object) -> tuple[float, float]:
    """Wall seconds, and processor seconds of all processes, of a command."""
    before, since = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run([MAKEGOOD, *map(str, words)], check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (
        time.monotonic() - since,
        after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
    )


def main(sizes: list[str]) -> None:
    print("size    run     wall s   cpu s   largest process so far, MB")
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder:
            landing, warehouse = Path(folder) / "landing", Path(folder) / "warehouse"
            timed("sample", "--out", landing, "--size", size)
            for which in ("first", "second"):
                wall, cpu = timed(
                    "run", "--landing", landing, "--warehouse", warehouse, "--as-of", AS_OF[size]
                )
                peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
                print(f"{size:<7} {which:<7} {wall:6.1f}  {cpu:6.1f}   {peak:6.0f}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:] or ["small"])
