"""The dbt docs of what is published, as one page: marts, columns, lineage, tests and uses."""

import tempfile
from pathlib import Path

from makegood.ingestion.files import write_whole
from makegood.orchestration.pipeline import build
from makegood.orchestration.settings import NO_TELEMETRY, set_environment
from makegood.orchestration.warehouse.publication import Publication

PAGE = "index.html"

# the page is written by dbt; it must not load anything from elsewhere, in later versions either
POLICY = (
    "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; "
    "img-src data:; font-src data:; base-uri 'none'"
)
# what dbt's page asks for in vain: an icon without an address, and icons not yet named
_AMENDED = {
    """<link rel="shortcut icon" href="${require('./assets/favicons/favicon.ico')}"/>""": "",
    ' xlink:href="{{': ' ng-attr-xlink:href="{{',
}


def write(publication: Publication, out: Path) -> Path:
    """Writes the page into a folder, which is created if missing; an earlier page is replaced.

    Returns the path of the page. Raises TransformFailed.
    """
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        # paths of this machine are not published
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
        done = dbtRunner(manifest=build.parsed(scratch)).invoke(
            ["docs", "generate", "--static", *build.options(scratch)]
        )
    finally:
        DuckDBConnectionManager.close_all_connections()
    if done.exception or not done.success:
        raise build.TransformFailed(
            "the page can't be written: "
            f"{done.exception or 'the published database could not be described'}"
        )
    return scratch / "dbt" / "static_index.html"


def _confined(page: str) -> str:
    for found, instead in _AMENDED.items():
        page = page.replace(found, instead)
    head, rest = page.split("<head>", 1)
    return f'{head}<head><meta http-equiv="Content-Security-Policy" content="{POLICY}">{rest}'
