"""`makegood orchestrator`."""

from pathlib import Path
from typing import Annotated

import typer

from makegood.orchestration.cli.common import FAILED, AlertSettings, Contracts, Warehouse, fail


def orchestrator(
    landing: Annotated[
        Path, typer.Option(help="Folder of delivered feeds that the sensor watches.")
    ],
    warehouse: Warehouse,
    contracts: Contracts = None,
    port: Annotated[int, typer.Option(help="Port on this machine.")] = 3000,
    alerts: AlertSettings = None,
) -> None:
    """Serve Dagster on this machine, with a sensor on the landing folder and a daily schedule.

    Exit 1: another orchestrator is running on the warehouse, or the port is taken.
    """
    from makegood.ingestion.contracts.loader import FOLDER
    from makegood.orchestration.serving.serve import Taken
    from makegood.orchestration.serving.serve import orchestrator as serve

    try:
        serve(landing, warehouse, contracts or FOLDER, port, alerts)
    except Taken as error:
        raise fail(FAILED, str(error)) from error
