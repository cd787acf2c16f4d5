"""The command line: a module for each command, and `common` for what they share.

A command's imports beyond `common` stay inside its function, so that `--help` is quick. Does not
belong here: what a command does (`pipeline`, `warehouse`, `serving`) and what it shows (`output`).
"""

import gc

import typer

from makegood.orchestration.cli import (
    alerts,
    dashboards,
    docs,
    doctor,
    explain,
    migrate,
    orchestrator,
    report,
    rollback,
    run,
    sample,
    status,
)
from makegood.orchestration.settings import pin_time_zones

app = typer.Typer(
    help="SLA warehouse: holds checks, outages, tickets and invoices against contracts, to the second and the cent.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
# in the order in which `--help` lists them
app.command()(run.run)
app.command()(migrate.migrate)
app.command()(sample.sample)
app.command()(status.status)
app.command()(rollback.rollback)
app.command()(alerts.alerts)
app.command()(doctor.doctor)
app.command()(docs.docs)
app.command()(explain.explain)
app.command()(report.report)
app.command()(dashboards.dashboards)
app.command()(orchestrator.orchestrator)


def main() -> None:
    # most of a small run is imports, and collecting garbage while importing finds none
    gc.set_threshold(50_000, 20, 20)
    pin_time_zones()
    app()
