"""Mending what has landed: a file that is missing or damaged is landed again from the same
deliveries.

What was read from a delivery is fixed by its content, its number and the settings of its feed, so
that the file comes out as it was, to the byte; where it does not, or where a delivery is no longer
at hand, nothing is put in its place.
"""

import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from makegood.ingestion.files import sha256_of, synced
from makegood.ingestion.landing import probes as checks
from makegood.ingestion.landing.discovery import NewFile, discover
from makegood.ingestion.landing.land import FeedSettings, Landed, damaged, land


class Unrepairable(RuntimeError):
    """Damaged files that can't be made again as they were from what is at hand."""


def repair_landed(
    con: duckdb.DuckDBPyConnection,
    landing: Path,
    store: Path,
    work: Path,
    landed: Landed,
    settings: dict[str, FeedSettings],
    inbox: Path | None = None,
) -> tuple[Landed, list[str]]:
    """What has landed with all files whole again, and which were repaired. Spans are only left out:
    `probes.compact` builds those that are missing. Raises Unrepairable."""
    bad = damaged(store, landed)
    if not bad:
        return landed, []
    found = landed.files.filter(pl.col("path").is_in(bad))
    is_derived = pl.col("kind").is_in(["spans", "intervals"])
    months = found.filter(is_derived)["month"].unique().to_list()
    landed = replace(
        landed, files=landed.files.filter(~(is_derived & pl.col("month").is_in(months)))
    )
    for name in sorted({Path(path).stem for path in found.filter(~is_derived)["path"]}):
        of_run = found.filter(~is_derived & (pl.col("path").str.ends_with(f"/{name}.parquet")))
        scratch = work / f"repair-{name}"
        scratch.mkdir(parents=True)
        _land_again(con, landing, scratch, name, set(of_run["feed"]), landed, settings, inbox)
        for path, sha256 in of_run.select("path", "sha256").iter_rows():
            made = scratch / "landed" / path
            if not made.exists() or sha256_of(made) != sha256:
                raise Unrepairable(
                    f"{store / path} is damaged, and what its deliveries give today is not what "
                    "it was: restore a backup of it"
                )
            (store / path).parent.mkdir(parents=True, exist_ok=True)
            synced(made)
            os.replace(made, store / path)
        shutil.rmtree(scratch)
    return landed, [
        f"{store / path} was damaged or missing and has been made again" for path in bad
    ]


def _land_again(
    con: duckdb.DuckDBPyConnection,
    landing: Path,
    scratch: Path,
    name: str,
    wanted: set[str | None],
    landed: Landed,
    settings: dict[str, FeedSettings],
    inbox: Path | None,
) -> None:
    """`name`: that of the files of a run. `wanted`: the feeds; None means the rejected rows,
    which are those of all."""
    # a migration lands what a run had read under the run's id with an ending
    of_run = landed.deliveries.filter(pl.lit(name).str.starts_with(pl.col("run_id")))
    files, gone = at_hand(
        landing, [d for d in of_run.to_dicts() if None in wanted or d["feed"] in wanted], inbox
    )
    if gone:
        raise Unrepairable(
            f"what run {name} has landed is damaged, and files to make it of again are no longer "
            f"below {landing}: "
            "put them back, or restore a backup\n" + "\n".join(gone)
        )
    land(files, scratch / "landed", scratch, name, settings)
    checks.land_again(con, scratch / "landed", scratch, name, landed)


def at_hand(
    landing: Path, deliveries: list[dict[str, Any]], inbox: Path | None
) -> tuple[dict[int, NewFile], list[str]]:
    """The files of deliveries (rows of `landing.DELIVERIES`) by their numbers, in their order and
    under the names they were delivered by, wherever they are now in the folder of their feed or in
    the inbox; and those that are gone, with their SHA-256."""
    found = {(f.feed.feed, f.sha256): f for f in discover(landing, [], inbox)[0] if not f.refusal}
    files, gone = {}, []
    for delivery in sorted(deliveries, key=lambda d: int(d["delivery_id"])):
        file = found.get((delivery["feed"], delivery["sha256"]))
        if file:
            files[int(delivery["delivery_id"])] = replace(file, path=delivery["path"])
        else:
            gone.append(f"{delivery['path']} (SHA-256 {delivery['sha256']})")
    return files, gone
