"""Mending what has landed: a file that is missing or damaged is landed again from the same deliveries.

What was read from a delivery is fixed by its content, its number and the settings of its feed, so that the file comes out as it
was, to the byte; where it does not, or where a delivery is no longer at hand, nothing is put in its place.
"""

import os
import shutil
from dataclasses import replace
from pathlib import Path

import duckdb
import polars as pl

from ingestion import checks
from ingestion.discovery import discover
from ingestion.landing import FeedSettings, Landed, damaged, fingerprint, land, synced


class Unmendable(RuntimeError):
    """Damaged files that can't be made again as they were from what is at hand."""


def mend(con: duckdb.DuckDBPyConnection, landing: Path, store: Path, work: Path, landed: Landed, settings: dict[str, FeedSettings]) -> tuple[Landed, list[str]]:
    """What has landed with all files whole again, and which were mended. Spans are only left out: `checks.compact` builds those that are
    missing. Raises Unmendable."""
    bad = damaged(store, landed)
    if not bad:
        return landed, []
    found = landed.files.filter(pl.col("path").is_in(bad))
    is_derived = pl.col("kind").is_in(["spans", "intervals"])
    months = found.filter(is_derived)["month"].unique().to_list()
    landed = replace(landed, files=landed.files.filter(~(is_derived & pl.col("month").is_in(months))))
    for run_id in sorted({Path(path).stem for path in found.filter(~is_derived)["path"]}):
        of_run = found.filter(~is_derived & (pl.col("path").str.ends_with(f"/{run_id}.parquet")))
        scratch = work / f"mending-{run_id}"
        scratch.mkdir(parents=True)
        _land_again(con, landing, scratch, run_id, set(of_run["feed"]), landed, settings)
        for path, seal in of_run.select("path", "seal").iter_rows():
            made = scratch / "landed" / path
            if not made.exists() or fingerprint(made) != seal:
                raise Unmendable(f"{store / path} is damaged, and what its deliveries give today is not what it was: restore a backup of it")
            (store / path).parent.mkdir(parents=True, exist_ok=True)
            synced(made)
            os.replace(made, store / path)
        shutil.rmtree(scratch)
    return landed, [f"{store / path} was damaged or missing and has been made again" for path in bad]


def _land_again(
    con: duckdb.DuckDBPyConnection, landing: Path, scratch: Path, run_id: str, wanted: set[str | None], landed: Landed, settings: dict[str, FeedSettings]
) -> None:
    """`wanted`: the feeds; None stands for the rejected rows, which are those of all."""
    at_hand = {(file.feed.feed, file.sha256): file for file in discover(landing, [])[0]}
    of_run = landed.deliveries.filter(pl.col("run_id") == run_id).sort("delivery_id").to_dicts()
    deliveries = [d for d in of_run if None in wanted or d["feed"] in wanted]
    gone = [f"{d['path']} (SHA-256 {d['sha256']})" for d in deliveries if (d["feed"], d["sha256"]) not in at_hand]
    if gone:
        raise Unmendable(
            f"what run {run_id} has landed is damaged, and files to make it of again are no longer below {landing}: "
            "put them back, or restore a backup\n" + "\n".join(gone)
        )
    # under the names they were delivered by
    files = {d["delivery_id"]: replace(at_hand[d["feed"], d["sha256"]], path=d["path"]) for d in deliveries}
    land(files, scratch / "landed", scratch, run_id, settings)
    checks.land_again(con, scratch / "landed", scratch, run_id, landed)
