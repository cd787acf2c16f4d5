"""`makegood explain`."""

from typing import Annotated

import typer

from makegood.orchestration.cli.common import FAILED, Month, Warehouse, fail, first_of


def explain(
    warehouse: Warehouse,
    subscription: Annotated[str, typer.Option(help="Id of the subscription.")],
    month: Month,
    as_json: Annotated[
        bool, typer.Option("--json", help="The proof as JSON, for other programs.")
    ] = False,
) -> None:
    """Prove the credit of a subscription and month, step by step from clause to number, down to the landed rows."""
    import json

    from makegood.orchestration.output.explain import NotFound
    from makegood.orchestration.output.explain import explain as proof_of

    first = first_of(month)
    try:
        proof = proof_of(warehouse, subscription, first)
    except NotFound as error:
        raise fail(FAILED, str(error)) from error
    typer.echo(
        json.dumps(proof.as_data(), indent=2, ensure_ascii=False) if as_json else proof.as_text()
    )
