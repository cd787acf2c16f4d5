"""What `makegood explain` and `makegood report` read: the published marts of a warehouse."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import duckdb

from makegood.dashboards.access.reader import EVERYTHING, Reader, opened
from makegood.dashboards.proof import NotFound, Proof, prove
from makegood.orchestration.warehouse.publication import Publication
from makegood.orchestration.warehouse.store import Warehouse

__all__ = ["NotFound", "explain", "publication", "published"]


def publication(root: Path) -> Publication:
    """What is published in a warehouse; raises NotFound if nothing is, or if it is damaged."""
    current = Warehouse(root).current()
    if current is None:
        raise NotFound(f"nothing is published in {root} yet")
    if not current.is_readable:
        raise NotFound(
            f"what is published in {root} is damaged: run again to build it from what has landed"
        )
    return current


@contextmanager
def published(root: Path) -> Iterator[Reader]:
    """The marts of what is published; raises NotFound."""
    found = publication(root)
    try:
        with opened(found.database, EVERYTHING) as reader:
            yield reader
    except (duckdb.Error, KeyError) as error:
        # an earlier layout may lack a table or a column
        other = Warehouse(root).other_layout(found)
        if other is None:
            raise
        raise NotFound("\n".join(other)) from error


def explain(root: Path, subscription_id: str, month: date) -> Proof:
    """The proof of what is published; raises NotFound.

    `month`: the first day of any month of the contract's period."""
    with published(root) as reader:
        return prove(reader, subscription_id, month)
