"""A trial: models are built on what the last publication has landed, and thrown away.

It reads no delivery, is not recorded as a run, publishes nothing and alerts nobody. It holds the
warehouse while it lasts, so that nothing it reads is removed.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from makegood.ingestion.contracts.loader import load_folder
from makegood.orchestration.pipeline.run import BadArguments, Progress, Request, Run, check_as_of
from makegood.orchestration.pipeline.validation import Validation
from makegood.orchestration.warehouse.publication import Publication
from makegood.orchestration.warehouse.store import Warehouse


class NothingPublished(RuntimeError):
    """There is no publication yet on which models could be tried."""


@contextmanager
def opened(request: Request, progress: Progress, is_as_published: bool) -> Iterator[Run]:
    """A run that has landed what the last publication has, laid out for the models.

    `is_as_published`: as of the last publication, instead of the request's `as_of`. Raises
    BadArguments, InvalidDocument (contracts), NothingPublished, Busy, Damaged, OtherLayout."""
    if not request.contracts.is_dir():
        raise BadArguments(f"--contracts {request.contracts} is not a folder")
    contracts = load_folder(request.contracts)
    warehouse = Warehouse(request.warehouse)
    # a warehouse is not made by looking for one
    _last(warehouse)
    with warehouse.locked():
        warehouse.check_layout()
        before = _last(warehouse)
        if is_as_published:
            request = replace(request, as_of=before.run()["as_of"])
        check_as_of(request.as_of, before)
        folder = warehouse.building / f"trial-{os.getpid()}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        run = Run(
            request=request,
            warehouse=warehouse,
            number=before.run()["run_number"],
            run_id=folder.name,
            folder=folder,
            before=before,
            contracts=contracts,
            settings={},
            validation=Validation(),
            progress=progress,
            killed=[],
            repaired=[],
            landed=before.landed(),
        )
        try:
            with run.step():
                run.lay_out_models()
                yield run
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _last(warehouse: Warehouse) -> Publication:
    last = warehouse.last()
    if last is None:
        raise NothingPublished(f"nothing has been published in {warehouse.root} yet")
    return last
