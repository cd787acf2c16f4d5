"""`makegood docs`."""

from pathlib import Path
from typing import Annotated

import typer

from makegood.orchestration.cli.common import (
    BAD_ARGUMENTS,
    FAILED,
    Warehouse,
    fail,
    progress_shown,
    require_folder,
)


def docs(
    warehouse: Warehouse,
    out: Annotated[Path, typer.Option(help="Folder for the page; created if it is missing.")],
) -> None:
    """Write the dbt docs of what is published as one page: marts, columns, lineage and uses."""
    from makegood.orchestration.output.documentation import write
    from makegood.orchestration.output.explain import NotFound, publication
    from makegood.orchestration.pipeline.project import TransformFailed

    require_folder("--warehouse", warehouse)
    if out.exists() and not out.is_dir():
        raise fail(BAD_ARGUMENTS, f"--out {out} is not a folder")
    try:
        with progress_shown() as progress:
            progress("writing the docs")
            page = write(publication(warehouse), out)
    except (NotFound, TransformFailed, OSError) as error:
        raise fail(FAILED, str(error)) from error
    typer.echo(str(page))
