"""Feeds of a chosen size with few series, on days of several months: small, and of every kind."""

from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

import polars as pl

from makegood.ingestion import sample_scale
from makegood.ingestion.sample_scale import Scale

REGIONS = ("chat-00", "chat-01", "voice-00", "voice-01")
# checks of every 75 seconds: of three components in three places, or of two trunks
CHECKS_A_DAY = (2 * 9 + 2 * 2) * 86_400 // 75


def write(landing: Path, days: Iterable[int], tickets: int = 0, invoice_lines: int = 0) -> None:
    """Writes feeds of four regions; the checks of one day, repeated on `days` after 2026-06-01, a
    file each, named as `file_of` says. The day 12 has a maintenance of each region."""
    scale = Scale(1, tickets, invoice_lines)
    sample_scale.write(landing, scale, seed=1)
    is_kept = pl.any_horizontal(
        pl.col("component_id").str.starts_with(f"{region}-") for region in REGIONS
    )
    for feed in ("components", "outages"):
        path = landing / feed / f"{feed}.parquet"
        pl.read_parquet(path).filter(is_kept).write_parquet(path)
    whole = landing / "checks" / "2026-06.parquet"
    checks = pl.read_parquet(whole).filter(is_kept)
    whole.unlink()
    for day in days:
        shifted = checks.with_columns(pl.col("checked_at") + timedelta(days=day))
        shifted.write_parquet(file_of(landing, day))


def file_of(landing: Path, day: int) -> Path:
    return landing / "checks" / f"day-{day:03d}.parquet"
