"""`makegood demo`."""

from pathlib import Path
from typing import Annotated

import typer

from makegood.orchestration.cli import connect, dashboards, run
from makegood.orchestration.cli.common import BAD_ARGUMENTS, fail, show


def demo(
    out: Annotated[
        Path, typer.Option(help="Folder for the files; must be empty, missing, or a demo's.")
    ] = Path("makegood-demo"),
    port: Annotated[int, typer.Option(help="Port of the pages.")] = 8501,
    pages: Annotated[bool, typer.Option(help="Serve the pages at the end.")] = True,
) -> None:
    """Try it: exports of four systems, through connect, to the pages, in about a minute.

    The files are made up, and are yours to change: each step is a command that is shown. Exit 2:
    the folder has something else in it.
    """
    from makegood.ingestion.connect.demo import AS_OF, write

    config = out / "connect.yaml"
    if out.exists() and any(out.iterdir()) and not (out / "zendesk").is_dir():
        raise fail(BAD_ARGUMENTS, f"--out {out} is not empty, and no demo is in it: name another")
    write(out)
    landing, warehouse = out / "landing", out / "warehouse"
    show(
        [
            f"{config} names four systems whose exports lie beside it: tickets of Zendesk, the log",
            "of monitors of UptimeRobot, maintenance of Statuspage, invoices of Stripe",
            "",
            f"$ makegood connect pull --config {config} --landing {landing} "
            f"--warehouse {warehouse}",
        ]
    )
    connect.pull(landing=landing, warehouse=warehouse, config=config)
    show(["", f"$ makegood run --landing {landing} --warehouse {warehouse} --as-of {AS_OF}"])
    run.run(landing=landing, warehouse=warehouse, as_of=AS_OF)
    show(["", f"$ makegood dashboards --warehouse {warehouse}"])
    if pages:
        dashboards.dashboards(warehouse=warehouse, port=port)
