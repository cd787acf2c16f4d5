"""The command line: a module for each command, and `common` for what they share.

A command's imports beyond `common` stay inside its function, so that `--help` is quick. Does not
belong here: what a command does (`pipeline`, `warehouse`, `serving`) and what it shows (`output`).
"""

import gc
from typing import Annotated

import typer

from makegood.orchestration.cli import (
    alerts,
    backtest,
    connect,
    contracts,
    credit_notes,
    dashboards,
    demo,
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
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"makegood {version('makegood')}")
        raise typer.Exit


@app.callback()
def makegood(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    """SLA warehouse: exact availability and credits from checks, outages, tickets and invoices."""


# in the order in which `--help` lists them
app.command()(run.run)
app.command()(migrate.migrate)
app.command()(sample.sample)
app.command()(demo.demo)
app.add_typer(connect.connect, name="connect")
app.command()(contracts.contracts)
app.command()(backtest.backtest)
app.command()(status.status)
app.command()(rollback.rollback)
app.command()(alerts.alerts)
app.command()(doctor.doctor)
app.command()(docs.docs)
app.command()(explain.explain)
app.command()(report.report)
app.command()(credit_notes.credit_notes)
app.command()(dashboards.dashboards)
app.command()(orchestrator.orchestrator)


def main() -> None:
    # most of a small run is imports, and collecting garbage while importing finds none
    gc.set_threshold(50_000, 20, 20)
    pin_time_zones()
    app()
