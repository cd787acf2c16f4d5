"""`makegood alerts`."""

from typing import Annotated

import typer

from makegood.orchestration.cli.common import (
    BAD_ARGUMENTS,
    FAILED,
    AlertSettings,
    Warehouse,
    fail,
    require_folder,
)


def alerts(
    warehouse: Warehouse,
    alerts: AlertSettings = None,
    test: Annotated[
        bool,
        typer.Option(
            "--test",
            help="Send everyone who is told of alerts a test message, and say who took it.",
        ),
    ] = False,
) -> None:
    """List the alerts that are open, or test that they arrive.

    With --test: exit 1 if a service did not take the message, 2 if none is configured.
    """
    from makegood.ingestion.strict_yaml import InvalidDocument
    from makegood.orchestration.alerts import store as alerting
    from makegood.orchestration.alerts.settings import SETTINGS, settings_of

    require_folder("--warehouse", warehouse)
    if not test:
        typer.echo("\n".join(["open alerts", *alerting.listed(warehouse)]))
        return
    try:
        receivers = settings_of(warehouse, alerts).receivers()
    except InvalidDocument as error:
        raise fail(BAD_ARGUMENTS, str(error)) from error
    if not receivers:
        raise fail(
            BAD_ARGUMENTS,
            f"nobody is told of alerts: name them under `urls` in {alerts or warehouse / SETTINGS}",
        )
    outcomes = alerting.deliver(
        dict.fromkeys(receivers, alerting.test_message(warehouse.absolute()))
    )
    for receiver, outcome in outcomes.items():
        typer.echo(f"{receiver.label}: {alerting.OUTCOMES[outcome]}")
    if set(outcomes.values()) != {"taken"}:
        raise typer.Exit(FAILED)
