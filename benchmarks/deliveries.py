"""A day of checks as a delivery of its own: one that is new, and one that is late."""

from datetime import date
from pathlib import Path

import polars as pl


def hold_back(landing: Path, day: date) -> pl.DataFrame:
    """Takes the checks of a day (UTC) out of the files of a landing folder, and returns them.

    Raises ValueError where the day has none.
    """
    is_held = pl.col("checked_at").dt.date() == day
    held = []
    for path in sorted((landing / "checks").glob("*.parquet")):
        checks = pl.read_parquet(path)
        taken = checks.filter(is_held)
        if taken.height:
            held.append(taken)
            checks.filter(~is_held).write_parquet(path, compression="zstd")
    if not held:
        raise ValueError(f"{landing}: there is no check of {day}")
    return pl.concat(held)


def deliver(landing: Path, name: str, checks: pl.DataFrame) -> None:
    """Puts checks into a landing folder, as a file of their own."""
    checks.write_parquet(landing / "checks" / f"{name}.parquet", compression="zstd")
