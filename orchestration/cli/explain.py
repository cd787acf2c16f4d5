"""`makegood explain`."""

from typing import Annotated

import typer

from makegood.orchestration.cli.common import (
    FAILED,
    AsJson,
    Month,
    Warehouse,
    fail,
    first_of,
    show_json,
)


def explain(
    warehouse: Warehouse,
    subscription: Annotated[str, typer.Option(help="Id of the subscription.")],
    month: Month,
    as_json: AsJson = False,
) -> None:
    """Prove a subscription's credit of a period, from clause to number, down to the landed rows."""
    from makegood.orchestration.output.explain import NotFound
    from makegood.orchestration.output.explain import explain as proof_of

    first = first_of(month)
    try:
        proof = proof_of(warehouse, subscription, first)
    except NotFound as error:
        raise fail(FAILED, str(error)) from error
    if as_json:
        show_json(proof.as_data())
    else:
        typer.echo(proof.as_text())
