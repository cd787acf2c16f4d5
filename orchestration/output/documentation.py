"""The dbt docs site of what is published, as one page: each mart with its columns, what it is made of, its tests, and what reads it."""

import tempfile
from pathlib import Path

from makegood.ingestion.files import write_whole
from makegood.orchestration.pipeline import build as transform
from makegood.orchestration.settings import NO_TELEMETRY, set_environment
from makegood.orchestration.warehouse.publication import Publication

PAGE = "index.html"

# the page is one of dbt's; what it would load from elsewhere it may not, whatever a later version adds
POLICY = "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; img-src data:; font-src data:; base-uri 'none'"
# what dbt's page asks for though it isn't there: an icon whose address was never filled in, and icons before their name is known
_AMENDED = {
    """<link rel="shortcut icon" href="${require('./assets/favicons/favicon.ico')}"/>""": "",
    ' xlink:href="{{': ' ng-attr-xlink:href="{{',
}


def write(publication: Publication, out: Path) -> Path:
    """Writes the page into a folder, which is made where there is none; what was there before is replaced whole. Raises TransformFailed."""
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        # where it was made is nobody's business
        page = _generated(publication.database, scratch).read_text().replace(f"{scratch}/", "")
        out.mkdir(parents=True, exist_ok=True)
        write_whole(out / PAGE, _confined(page))
    return out / PAGE


def _generated(database: Path, scratch: Path) -> Path:
    environment = {
        "MAKEGOOD_WORK": ":memory:",
        "MAKEGOOD_BUILD": str(database),
        "MAKEGOOD_READ_ONLY": "True",
        "MAKEGOOD_TEMP": str(scratch / "spill"),
    }
    set_environment(NO_TELEMETRY | environment)
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.cli.main import dbtRunner

    try:
        done = dbtRunner(manifest=transform.parsed(scratch)).invoke(
            ["docs", "generate", "--static", *transform.options(scratch)]
        )
    finally:
        DuckDBConnectionManager.close_all_connections()
    if done.exception or not done.success:
        raise transform.TransformFailed(
            f"the page can't be made: {done.exception or 'the published database could not be described'}"
        )
    return scratch / "dbt" / "static_index.html"


def _confined(page: str) -> str:
    for found, instead in _AMENDED.items():
        page = page.replace(found, instead)
    head, rest = page.split("<head>", 1)
    return f'{head}<head><meta http-equiv="Content-Security-Policy" content="{POLICY}">{rest}'
