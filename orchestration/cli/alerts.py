"""`makegood alerts`."""

from pathlib import Path
from typing import Annotated

import typer

from makegood.orchestration.cli.common import (
    BAD_ARGUMENTS,
    FAILED,
    AlertSettings,
    AsJson,
    Warehouse,
    fail,
    require_folder,
    show_json,
)


def alerts(
    warehouse: Warehouse,
    alerts: AlertSettings = None,
    test: Annotated[
        bool,
        typer.Option("--test", help="Send every receiver a test message, and show who took it."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List the open alerts, or test that alerts arrive.

    With --test: exit 1 if a receiver did not take the message, 2 if there is none.
    """
    from makegood.dashboards.figures.operations import ALERTS
    from makegood.orchestration.alerts import store

    require_folder("--warehouse", warehouse)
    if test:
        _test(warehouse, alerts, as_json)
    elif not as_json:
        typer.echo("\n".join(["open alerts", *store.listed(warehouse)]))
    else:
        found = store.open_alerts(warehouse)
        if found is None:
            raise fail(FAILED, f"{warehouse / ALERTS} can't be read; the next run starts it anew")
        show_json({"alerts": [alert.model_dump(mode="json") for alert in found]})


def _test(warehouse: Path, settings: Path | None, as_json: bool) -> None:
    from makegood.ingestion.strict_yaml import InvalidDocument
    from makegood.orchestration.alerts import store
    from makegood.orchestration.alerts.settings import SETTINGS, settings_of

    try:
        receivers = settings_of(warehouse, settings).receivers()
    except InvalidDocument as error:
        raise fail(BAD_ARGUMENTS, str(error)) from error
    if not receivers:
        file = settings or warehouse / SETTINGS
        raise fail(
            BAD_ARGUMENTS,
            f"nobody receives alerts: list addresses under `urls` in {file}, "
            "as in urls: [env:DUTY_MAIL]",
        )
    message = store.test_message(warehouse.absolute())
    outcomes = store.deliver(dict.fromkeys(receivers, message))
    if as_json:
        receivers_and_outcomes = [
            {"receiver": receiver.label, "outcome": outcome}
            for receiver, outcome in outcomes.items()
        ]
        show_json({"receivers": receivers_and_outcomes})
    else:
        for receiver, outcome in outcomes.items():
            typer.echo(f"{receiver.label}: {store.OUTCOMES[outcome]}")
    if set(outcomes.values()) != {"taken"}:
        raise typer.Exit(FAILED)
