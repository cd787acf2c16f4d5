"""The folder in which a run keeps its work: only a new one, an empty one or an earlier one."""

from pathlib import Path

import polars as pl
import pytest

from makegood.ingestion.landing.land import FILES, Landed
from makegood.orchestration.pipeline import kept_work


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    assert kept_work.refusal(tmp_path) is None
    assert kept_work.refusal(tmp_path / "new") is None
    (tmp_path / "notes.txt").touch()
    assert "is not empty" in str(kept_work.refusal(tmp_path))
    assert "is a file" in str(kept_work.refusal(tmp_path / "notes.txt"))
    (tmp_path / kept_work.WORK).touch()
    assert kept_work.refusal(tmp_path) is None


@pytest.mark.parametrize("can_link", [True, False])
def test_landed_files_outlive_the_warehouse(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, can_link: bool
) -> None:
    if not can_link:  # as between two disks

        def refused(*_: object) -> None:
            raise OSError

        monkeypatch.setattr(kept_work.os, "link", refused)
    store, folder = tmp_path / "store", tmp_path / "kept"
    (store / "tickets").mkdir(parents=True)
    (store / "tickets" / "1.parquet").write_text("rows")
    files = pl.DataFrame({"path": ["tickets/1.parquet"]}, schema={"path": FILES["path"]})
    (folder / "landed").mkdir(parents=True)
    for leftover in ("work.duckdb", "work.duckdb.wal", "makegood.duckdb", "landed/old.parquet"):
        (folder / leftover).touch()

    kept_work.prepare(folder, store, Landed(files=files))

    (store / "tickets" / "1.parquet").unlink()
    assert (kept_work.landed(folder) / "tickets" / "1.parquet").read_text() == "rows"
    assert [p.name for p in folder.rglob("*") if p.is_file()] == ["1.parquet"]
