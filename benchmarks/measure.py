"""What a command costs, and costs as a Markdown table."""

import math
import subprocess
import sys
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median


@dataclass(frozen=True)
class Cost:
    """Processor and wall seconds of a command; the largest of its processes, in MB."""

    cpu: float
    wall: float
    peak: float


def cost(*words: object) -> Cost:
    """Runs a command. A process between this one and the command holds the command's own peak, and
    waits for what the command leaves behind, such as Spark, which ends soon after it.

    Raises SystemExit, with what the command said, where it fails.
    """
    code = (
        "import contextlib, ctypes, os, resource, subprocess, sys, time; t = time.monotonic()\n"
        # to be the parent of what is left behind; on Linux
        "with contextlib.suppress(Exception): ctypes.CDLL(None).prctl(36, 1)\n"
        "done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL)\n"
        "with contextlib.suppress(ChildProcessError):\n"
        "    while True: os.wait()\n"
        "u = resource.getrusage(resource.RUSAGE_CHILDREN); "
        "print(u.ru_utime + u.ru_stime, time.monotonic() - t, u.ru_maxrss / 1024); "
        "sys.exit(done.returncode)"
    )
    command = [sys.executable, "-c", code, *map(str, words)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"failed: {' '.join(map(str, words))}\n{done.stderr}")
    return Cost(*map(float, done.stdout.split()))


@dataclass
class Costs:
    """Costs of `work` at sizes; of several of one work and size the medians count."""

    rows: list[tuple[int, str, Cost]] = field(default_factory=list)

    def add(self, size: int, work: str, taken: Cost) -> None:
        self.rows.append((size, work, taken))

    def medians(self) -> dict[int, dict[str, Cost]]:
        """By size, then work, in the order in which they came."""
        by_size: dict[int, dict[str, list[Cost]]] = {}
        for size, work, taken in self.rows:
            by_size.setdefault(size, {}).setdefault(work, []).append(taken)
        return {
            size: {
                work: Cost(*(median(getattr(c, name) for c in all_) for name in vars(all_[0])))
                for work, all_ in works.items()
            }
            for size, works in by_size.items()
        }

    def table(self, what: str) -> str:
        """Costs, the ratio of each to the first work of its size, and by which power they grow."""
        lines = [f"| {what} | work | processor s | ratio | wall s | peak MB |", "|---" * 6 + "|"]
        medians = self.medians()
        for size, works in medians.items():
            floor = next(iter(works.values())).cpu
            lines += [
                f"| {size:,} | {work} | {c.cpu:.1f} | {c.cpu / floor:.1f} | {c.wall:.1f} "
                f"| {c.peak:.0f} |"
                for work, c in works.items()
            ]
        growth = []
        for work in dict.fromkeys(work for works in medians.values() for work in works):
            points = [(size, of[work].cpu) for size, of in medians.items() if work in of]
            powers = [
                f"{math.log(b[1] / a[1]) / math.log(b[0] / a[0]):.2f}" for a, b in pairwise(points)
            ]
            if powers:
                growth.append(f"- {work}: {', '.join(powers)}")
        if growth:
            lines += ["", "Growth of processor time, as a power of the size:", "", *growth]
        return "\n".join(lines)
