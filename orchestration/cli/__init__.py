"""The command line. What a command needs is imported when it runs, so that `--help` is quick."""

import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from makegood.dashboards.figures.words import printable
from makegood.orchestration.settings import pin_time_zones

PUBLISHED, FAILED, BAD_ARGUMENTS, BLOCKED = 0, 1, 2, 3

app = typer.Typer(
    help="SLA warehouse: holds checks, outages, tickets and invoices against contracts, to the second and the cent.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


class Target(StrEnum):
    duckdb = "duckdb"
    spark = "spark"


class Size(StrEnum):
    small = "small"
    month = "month"
    year = "year"


class ReportFormat(StrEnum):
    pdf = "pdf"
    html = "html"
    xlsx = "xlsx"


Alerts = Annotated[
    Path | None,
    typer.Option(
        "--alerts",
        help="File that says who is told of alerts; default: alerts.yaml in the warehouse.",
    ),
]
Warehouse = Annotated[
    Path, typer.Option("--warehouse", help="Folder that holds everything the system keeps.")
]


def _fail(code: int, message: str) -> typer.Exit:
    typer.echo("makegood: " + "\n".join(map(printable, message.split("\n"))), err=True)
    return typer.Exit(code)


@contextmanager
def _progress() -> Iterator[Callable[[str], None]]:
    """Shows what is being done: a live line on a terminal, else nothing."""
    if not sys.stderr.isatty():
        yield lambda message: None
        return
    from rich.console import Console
    from rich.text import Text

    with Console(stderr=True).status("starting") as status:
        # as text: a name is neither markup nor a command to the terminal
        yield lambda message: status.update(Text(printable(message)))


Contracts = Annotated[
    Path | None,
    typer.Option(help="Folder of contracts (YAML); default: the two that come with makegood."),
]
Threads = Annotated[
    int | None, typer.Option(help="Threads of the engine; default: the cores, at most 4.")
]
Memory = Annotated[str | None, typer.Option(help="Memory of the engine, as 8GB; default: 4GB.")]


@app.command()
def run(
    landing: Annotated[Path, typer.Option(help="Folder of delivered feeds: DIR/<feed>/…")],
    warehouse: Warehouse,
    contracts: Contracts = None,
    as_of: Annotated[
        str | None,
        typer.Option(
            help="Instant from which the world is looked at, ISO 8601 with offset; default: now."
        ),
    ] = None,
    target: Annotated[Target, typer.Option(help="Engine that runs the models.")] = Target.duckdb,
    threads: Threads = None,
    memory: Memory = None,
    alerts: Alerts = None,
    keep_work: Annotated[
        Path | None,
        typer.Option(help="Folder for what the models read and built, to work on them with dbt."),
    ] = None,
) -> None:
    """Land new files, validate, transform, audit, publish.

    Exit 0: published. 1: failed. 2: bad arguments, a refused contract, or a warehouse of another
    layout. 3: blocked by data quality. In all but the first case what was published before stays
    published.
    """
    limits, at = _asked(threads, memory, as_of)
    if target is Target.spark:
        raise _fail(BAD_ARGUMENTS, "--target spark is not supported yet; the models run on duckdb")

    from makegood.ingestion.contracts.loader import FOLDER
    from makegood.orchestration.pipeline.run import Request

    request = Request(
        landing,
        warehouse,
        contracts or FOLDER,
        at or datetime.now(UTC).replace(microsecond=0),
        limits,
        alerts,
        keep_work,
    )
    with _ended(warehouse), _progress() as progress:
        said = _run(request, progress)
    typer.echo(said)


@app.command()
def migrate(
    landing: Annotated[
        Path,
        typer.Option(
            help="Folder that holds all files ever delivered, under any path: DIR/<feed>/…"
        ),
    ],
    warehouse: Warehouse,
    contracts: Contracts = None,
    as_of: Annotated[
        str | None,
        typer.Option(
            help="As for `run`; default: the instant as of which the warehouse is published."
        ),
    ] = None,
    threads: Threads = None,
    memory: Memory = None,
    alerts: Alerts = None,
) -> None:
    """Land a warehouse of an earlier layout anew, from all delivered files, and publish it.

    Statements, alerts, what is usual of feeds and the history of runs are kept.

    Exit 0: published, or there is nothing to do. 1: failed, also where delivered files are gone.
    2 and 3: as for `run`. In all but the first case what was published before stays published.
    """
    limits, at = _asked(threads, memory, as_of)
    for option, folder in (("--warehouse", warehouse), ("--landing", landing)):
        if not folder.is_dir():
            raise _fail(BAD_ARGUMENTS, f"{option} {folder} is no folder")

    from makegood.ingestion.contracts.loader import FOLDER
    from makegood.orchestration.pipeline.migrate import migrate as land_anew
    from makegood.orchestration.pipeline.run import Request
    from makegood.orchestration.warehouse.store import LAYOUT

    with _ended(warehouse), _progress() as progress:
        said = land_anew(
            warehouse,
            lambda published: Request(
                landing, warehouse, contracts or FOLDER, at or published, limits, alerts
            ),
            lambda run: (
                f"landed anew in layout {LAYOUT}: {run.landed.deliveries.height} deliveries\n{summary(run)}"
            ),
            progress,
        )
    typer.echo(
        said
        or f"nothing to do: {warehouse} is of the present layout ({LAYOUT}), or nothing is published in it"
    )


def _asked(
    threads: int | None, memory: str | None, as_of: str | None
) -> "tuple[Limits, datetime | None]":  # type: ignore[name-defined]  # noqa: F821
    from makegood.ingestion.contracts.tables import instant
    from makegood.orchestration.settings import Limits, default_limits

    try:
        default = default_limits()
        limits = Limits(default.threads if threads is None else threads, memory or default.memory)
        return limits, instant(as_of) if as_of else None
    except ValueError as error:
        raise _fail(
            BAD_ARGUMENTS, f"--as-of: {error}" if as_of and "--" not in str(error) else str(error)
        ) from error


@contextmanager
def _ended(warehouse: Path) -> Iterator[None]:
    """Says how a run ended that published nothing, and exits by it."""
    from makegood.ingestion.strict_yaml import InvalidDocument
    from makegood.orchestration.pipeline.run import BadArguments, Blocked
    from makegood.orchestration.warehouse.store import Busy, OtherLayout

    try:
        yield
    except (BadArguments, InvalidDocument, OtherLayout) as error:
        raise _fail(BAD_ARGUMENTS, str(error)) from error
    except Blocked as error:
        lines = "\n".join(f"  {reason}" for reason in error.reasons)
        raise _fail(
            BLOCKED,
            f"blocked: what is published stays as it was\n{lines}\nmend the files and run again; details: {sys.argv[0]} status --warehouse {warehouse}",
        ) from error
    except Busy as error:
        raise _fail(FAILED, str(error)) from error
    except Exception as error:
        what = (
            str(error)
            if isinstance(error, RuntimeError | OSError)
            else f"{type(error).__name__}: {error}"
        )
        raise _fail(
            FAILED,
            f"failed: what is published stays as it was\n{what}\ndetails: {sys.argv[0]} status --warehouse {warehouse}",
        ) from error


def _run(request: "Request", progress: Callable[[str], None]) -> str:  # type: ignore[name-defined]  # noqa: F821
    """Runs Dagster's job in this process, over a run that is held here."""
    from makegood.orchestration.pipeline.run import opened

    with opened(request, progress) as run:
        import dagster as dg

        from makegood.orchestration import definitions

        job = definitions.build(definitions.held(run)).resolve_job_def(definitions.JOB)
        with dg.DagsterInstance.ephemeral(settings={"telemetry": {"enabled": False}}) as instance:
            quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
            try:
                job.execute_in_process(instance=instance, run_config=quiet)
            except Exception:
                # what a step raised, not what Dagster makes of it
                if run.failure is not None:
                    raise run.failure from None
                raise
        return summary(run)


def summary(run: "Run") -> str:  # type: ignore[name-defined]  # noqa: F821
    """What a run says when it has published: what it read, and where the results are."""
    from makegood.orchestration.output.reports import suggested_month
    from makegood.orchestration.pipeline.findings import grouped

    assert run.reading is not None
    read = run.reading.feeds.values()
    waiting, rejected = run.new_rows_set_aside()
    rejected += sum(r.rows_rejected for r in read)
    in_all = sum(r.rows_read for r in read)
    published = run.warehouse.link
    month = suggested_month(run.warehouse.root, run.request.as_of)
    lines = [
        f"published as of {run.request.as_of:%Y-%m-%dT%H:%M:%SZ}: {sum(r.files_read for r in read)} new files; "
        f"read {in_all}, landed {in_all - rejected - waiting}, rejected {rejected}, waiting {waiting}",
        *(
            f"{'finding' if group.severity == 'warning' else 'notice':<10}  {printable(group.in_words())}"
            for group in grouped(run.findings)
        ),
        f"marts       {published / 'makegood.duckdb'} (schema marts), {published / 'parquet'}",
        f"dashboards  {sys.argv[0]} dashboards --warehouse {run.warehouse.root}",
        f"reports     {sys.argv[0]} report --warehouse {run.warehouse.root} --all --month {month:%Y-%m} --out reports",
    ]
    return "\n".join(lines)


@app.command()
def sample(
    out: Annotated[
        Path, typer.Option(help="Folder to write the feeds into; must not hold any yet.")
    ],
    size: Annotated[
        Size,
        typer.Option(
            help="small: 75 days of checks every five minutes; month and year: every minute. All start on 2026-06-01."
        ),
    ] = Size.small,
    seed: Annotated[int, typer.Option(help="The same seed writes the same feeds.")] = 1,
    faults: Annotated[
        bool, typer.Option("--faults", help="Plant bad rows, and say which.")
    ] = False,
) -> None:
    """Write sample feeds: realistic, clean, or with faults planted."""
    from makegood.ingestion.sample import write

    if out.exists() and any(out.iterdir()):
        raise _fail(BAD_ARGUMENTS, f"--out {out} is not empty")
    with _progress() as progress:
        said = write(out, size.value, seed, faults, progress)
    typer.echo("\n".join(said))


@app.command()
def status(warehouse: Warehouse) -> None:
    """Say what is published, since when, from which files, which alerts are open, and what became of the last runs."""
    from makegood.orchestration.output.status import describe

    if not warehouse.is_dir():
        raise _fail(BAD_ARGUMENTS, f"--warehouse {warehouse} is no folder")
    typer.echo(describe(warehouse))


@app.command()
def rollback(
    warehouse: Warehouse,
    to: Annotated[
        str | None,
        typer.Option(help="Id of the run to go back to; default: the newest that `status` names."),
    ] = None,
    landing: Annotated[
        Path | None,
        typer.Option(help="Folder of delivered feeds: undone deliveries that it lacks are named."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
    alerts: Alerts = None,
) -> None:
    """Go back to an earlier publication that is still kept, as after a run with a wrong --as-of.

    Lists first which statements are withdrawn and which deliveries are undone, then asks.

    Exit 0: gone back. 1: there is nothing to go back to, the answer was no, or it failed. 2: bad
    arguments, a warehouse of another layout, or neither --yes nor a terminal to ask on. In all but
    the first case what is published stays as it was.
    """
    if not warehouse.is_dir():
        raise _fail(BAD_ARGUMENTS, f"--warehouse {warehouse} is no folder")
    if landing and not landing.is_dir():
        raise _fail(BAD_ARGUMENTS, f"--landing {landing} is no folder")

    from makegood.orchestration.pipeline.rollback import NotKept, plan, roll_back
    from makegood.orchestration.warehouse.store import OtherLayout

    try:
        planned = plan(warehouse, to)
        lines = planned.in_words(landing)
    except (NotKept, OtherLayout) as error:
        raise _fail(BAD_ARGUMENTS, str(error)) from error
    except (RuntimeError, OSError) as error:
        raise _fail(FAILED, str(error)) from error
    typer.echo("\n".join(map(printable, lines)))
    if not yes and not sys.stdin.isatty():
        raise _fail(
            BAD_ARGUMENTS,
            "nothing was changed: there is no terminal to ask on; add --yes if this is what you want",
        )
    if not yes and not typer.confirm("go back?"):
        raise _fail(FAILED, "nothing was changed")
    with _ended(warehouse):
        published = roll_back(warehouse, planned, alerts).run()
    typer.echo(
        f"gone back: run {published['run_id']}, as of {published['as_of']:%Y-%m-%dT%H:%M:%SZ}"
    )


@app.command("alerts")
def show_alerts(
    warehouse: Warehouse,
    alerts: Alerts = None,
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

    if not warehouse.is_dir():
        raise _fail(BAD_ARGUMENTS, f"--warehouse {warehouse} is no folder")
    if not test:
        typer.echo("\n".join(["open alerts", *alerting.listed(warehouse)]))
        return
    try:
        receivers = settings_of(warehouse, alerts).receivers()
    except InvalidDocument as error:
        raise _fail(BAD_ARGUMENTS, str(error)) from error
    if not receivers:
        raise _fail(
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


@app.command()
def doctor(
    warehouse: Warehouse,
    repair: Annotated[
        bool,
        typer.Option(
            "--repair",
            help="Do what is safe: fall back on what is whole, remove leftovers, land damaged files again.",
        ),
    ] = False,
    landing: Annotated[
        Path | None,
        typer.Option(
            help="With --repair: folder of delivered feeds, to land damaged files again from."
        ),
    ] = None,
) -> None:
    """Check a warehouse folder, and repair what can be repaired safely.

    Exit 0: it is whole, or is again. 1: something is left to be done, and it says what.
    """
    from makegood.ingestion.landing.repair import Unrepairable
    from makegood.orchestration.warehouse import doctor as check
    from makegood.orchestration.warehouse.store import Busy, Damaged, OtherLayout

    if not warehouse.is_dir():
        raise _fail(BAD_ARGUMENTS, f"--warehouse {warehouse} is no folder")
    if repair:
        try:
            for line in check.repair(warehouse, landing) or ["nothing had to be repaired"]:
                typer.echo(printable(line))
        except (Busy, Damaged, OtherLayout, Unrepairable) as error:
            raise _fail(FAILED, str(error)) from error
    findings = check.examine(warehouse)
    for finding in findings:
        typer.echo(f"{printable(finding.what)}\n  {finding.action}")
    if findings:
        raise typer.Exit(FAILED)
    typer.echo(f"{warehouse} is whole")


@app.command()
def docs(
    warehouse: Warehouse,
    out: Annotated[Path, typer.Option(help="Folder for the page; made if there is none.")],
) -> None:
    """Write the dbt docs of what is published, as one page: every mart and column, what it is made of, and what reads it."""
    from makegood.orchestration.output.documentation import write
    from makegood.orchestration.output.explain import NotFound, publication
    from makegood.orchestration.pipeline.build import TransformFailed

    if not warehouse.is_dir():
        raise _fail(BAD_ARGUMENTS, f"--warehouse {warehouse} is no folder")
    if out.exists() and not out.is_dir():
        raise _fail(BAD_ARGUMENTS, f"--out {out} is no folder")
    try:
        with _progress() as progress:
            progress("writing the docs")
            page = write(publication(warehouse), out)
    except (NotFound, TransformFailed, OSError) as error:
        raise _fail(FAILED, str(error)) from error
    typer.echo(str(page))


@app.command()
def explain(
    warehouse: Warehouse,
    subscription: Annotated[str, typer.Option(help="Id of the subscription.")],
    month: Annotated[str, typer.Option(help="Month, as 2026-07.")],
    as_json: Annotated[
        bool, typer.Option("--json", help="The proof as JSON, for other programs.")
    ] = False,
) -> None:
    """Prove the credit of a subscription and month, step by step from clause to number, down to the landed rows."""
    import json
    from datetime import date

    from makegood.orchestration.output.explain import NotFound
    from makegood.orchestration.output.explain import explain as proof_of

    try:
        first = date.fromisoformat(f"{month}-01")
    except ValueError as error:
        raise _fail(
            BAD_ARGUMENTS, f"--month {month!r} is no month: write it as in 2026-07"
        ) from error
    try:
        proof = proof_of(warehouse, subscription, first)
    except NotFound as error:
        raise _fail(FAILED, str(error)) from error
    typer.echo(
        json.dumps(proof.as_data(), indent=2, ensure_ascii=False) if as_json else proof.as_text()
    )


@app.command()
def report(
    warehouse: Warehouse,
    month: Annotated[str, typer.Option(help="Month, as 2026-07.")],
    out: Annotated[
        Path,
        typer.Option(
            help="File to write, its kind by its suffix: .pdf, .html or .xlsx. With --all: a folder."
        ),
    ],
    subscription: Annotated[str | None, typer.Option(help="Id of the subscription.")] = None,
    every: Annotated[
        bool, typer.Option("--all", help="A report for every subscription of the month.")
    ] = False,
    format: Annotated[
        ReportFormat | None,
        typer.Option("--format", help="With --all: kind of the files; default: pdf."),
    ] = None,
) -> None:
    """Write a customer's SLA report on a subscription and month, or one for every subscription.

    Exit 0: written. 1: there is no such report, or one could not be written. 2: bad arguments.
    """
    from datetime import date

    from makegood.dashboards.reports import FORMATS
    from makegood.orchestration.output.explain import NotFound
    from makegood.orchestration.output.reports import write_all, write_one

    try:
        first = date.fromisoformat(f"{month}-01")
    except ValueError as error:
        raise _fail(
            BAD_ARGUMENTS, f"--month {month!r} is no month: write it as in 2026-07"
        ) from error
    if every == (subscription is not None):
        raise _fail(
            BAD_ARGUMENTS,
            "say which report: --subscription ID for one, or --all for every subscription",
        )
    suffix = out.suffix.lower().removeprefix(".")
    if every and (out.is_file() or (suffix in FORMATS and not out.is_dir())):
        raise _fail(
            BAD_ARGUMENTS,
            f"--out {out} is a file: --all writes one file for each subscription, name a folder",
        )
    if not every and (out.is_dir() or suffix not in FORMATS):
        raise _fail(BAD_ARGUMENTS, f"--out {out}: name a file that ends in .pdf, .html or .xlsx")
    if not every and format is not None and format != suffix:
        raise _fail(
            BAD_ARGUMENTS,
            f"--format {format.value} and --out {out} say different kinds: leave --format out, the suffix says it",
        )
    try:
        with _progress() as progress:
            if subscription is None:
                said, failed = write_all(
                    warehouse, first, out, format.value if format else "pdf", progress
                )
            else:
                said, failed = (
                    [
                        write_one(
                            warehouse,
                            subscription,
                            first,
                            out,
                            next(f for f in FORMATS if f == suffix),
                        )
                    ],
                    [],
                )
    except NotFound as error:
        raise _fail(FAILED, str(error)) from error
    except OSError as error:
        raise _fail(FAILED, f"could not write to {out}: {error.strerror or error}") from error
    typer.echo("\n".join(map(printable, said)))
    if failed:
        raise _fail(FAILED, "\n".join([f"{len(failed):,} could not be made", *failed]))


@app.command()
def dashboards(
    warehouse: Warehouse,
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8501,
    address: Annotated[
        str,
        typer.Option(help="Address to listen on; another than this machine's own needs sign-in."),
    ] = "127.0.0.1",
    access: Annotated[
        Path | None,
        typer.Option(
            "--access",
            help="File that says who may see what; default: access.yaml in the warehouse.",
        ),
    ] = None,
) -> None:
    """Serve the dashboards over what is published: on this machine, or to those who sign in (docs/access.md).

    Says first whether people have to sign in. Exit 2: others could reach them, and nobody would have to sign in; or the file that says who may see what was
    refused or is not there.
    """
    from makegood.ingestion.strict_yaml import InvalidDocument
    from makegood.orchestration.serving.access_settings import SETTINGS, settings_of
    from makegood.orchestration.serving.serve import Unguarded, who_gets_in
    from makegood.orchestration.serving.serve import dashboards as serve
    from makegood.orchestration.warehouse.store import Warehouse as Folder

    current = Folder(warehouse).current()
    if current and current.has_state and (layout := Folder(warehouse).other_layout(current)):
        told = (*layout, "until then pages that need more than it has can't be shown")
        typer.echo("\n".join(map(printable, told)))
    try:
        found = settings_of(warehouse, access)
        typer.echo(who_gets_in(port, address, found))
        serve(warehouse, port, address, found)
    except InvalidDocument as error:
        raise _fail(BAD_ARGUMENTS, str(error)) from error
    except Unguarded as error:
        advice = f"say in {access or warehouse / SETTINGS} how people sign in (docs/access.md), or leave out --address: only this machine is served then"
        raise _fail(BAD_ARGUMENTS, f"{error}\n{advice}") from error


@app.command()
def orchestrator(
    landing: Annotated[
        Path, typer.Option(help="Folder of delivered feeds that the sensor watches.")
    ],
    warehouse: Warehouse,
    contracts: Annotated[Path | None, typer.Option(help="Folder of contracts (YAML).")] = None,
    port: Annotated[int, typer.Option(help="Port on this machine.")] = 3000,
    alerts: Alerts = None,
) -> None:
    """Serve Dagster, with the sensor on the landing folder and the daily schedule, on this machine only.

    Exit 1: another orchestrator is at work on the warehouse, or the port is taken.
    """
    from makegood.ingestion.contracts.loader import FOLDER
    from makegood.orchestration.serving.serve import Taken
    from makegood.orchestration.serving.serve import orchestrator as serve

    try:
        serve(landing, warehouse, contracts or FOLDER, port, alerts)
    except Taken as error:
        raise _fail(FAILED, str(error)) from error


def main() -> None:
    # most of a small run is imports, and collecting garbage while importing finds none
    gc.set_threshold(50_000, 20, 20)
    pin_time_zones()
    app()
