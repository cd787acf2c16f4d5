"""Dagster: the run as an asset graph of feeds, models and publication, with a sensor and a daily schedule.

All assets of a run are made by one run of one process, which holds the warehouse; nothing is done at import.
"""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from graphlib import TopologicalSorter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

import dagster as dg

from makegood.expectations.protocol import FIGURES, HISTORY, VOLUME
from makegood.ingestion.contracts import loader as contracts
from makegood.ingestion.contracts.tables import instant
from makegood.ingestion.feeds.specs import feeds
from makegood.ingestion.strict_yaml import InvalidDocument
from makegood.orchestration import settings
from makegood.orchestration.alerts import settings as alert_settings
from makegood.orchestration.pipeline import build as transform
from makegood.orchestration.pipeline.figures import marts as expected_marts
from makegood.orchestration.pipeline.run import BadArguments, Progress, Request, Run, opened
from makegood.orchestration.serving import deliveries
from makegood.orchestration.warehouse.store import Busy

JOB = "publish"
DATA_TEAM, FINANCE_TEAM = ["team:data"], ["team:finance"]
PUBLICATION = dg.AssetKey(["publication", "makegood"])


# how often a run looks whether the warehouse is free
LOOK_SECONDS = 2


@dataclass(frozen=True)
class Folders:
    """What `makegood orchestrator` was started over: said by its variables, and by no request."""

    landing: Path
    warehouse: Path
    contracts: Path
    # None: alerts.yaml in the warehouse
    alerts: Path | None

    @classmethod
    def configured(cls) -> Self:
        alerts = settings.environment("MAKEGOOD_ALERTS")
        return cls(
            Path(settings.environment("MAKEGOOD_LANDING") or "landing"),
            Path(settings.environment("MAKEGOOD_WAREHOUSE") or "warehouse"),
            Path(settings.environment("MAKEGOOD_CONTRACTS") or contracts.FOLDER),
            Path(alerts) if alerts else None,
        )

    def seen(self) -> deliveries.Seen:
        """What a run would read now."""
        alerts = self.alerts or self.warehouse / alert_settings.SETTINGS
        return deliveries.Seen.now(self.landing, self.contracts, alerts)


class OpenRun(dg.ConfigurableResource):  # type: ignore[misc]
    """A run that is opened when Dagster starts its job and closed when it ends.

    `as_of` is all that may be said when it is launched: an instant up to now; empty: now.
    While another run is at work on the warehouse, it waits.
    """

    as_of: str = ""

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator[Run]:
        outcome = "failed"
        try:
            with ExitStack() as stack:
                run = self._opened(stack, context.log.info if context.log else print)
                yield run
            outcome = run.outcome().status
        except InvalidDocument:
            outcome = "refused"
            raise
        except BadArguments:
            outcome = deliveries.AS_OF_REFUSED if self.as_of else outcome
            raise
        finally:
            if context.instance and context.run:
                context.instance.add_run_tags(context.run.run_id, {deliveries.OUTCOME: outcome})

    def _opened(self, stack: ExitStack, progress: Progress) -> Run:
        is_waiting = False
        while True:
            try:
                # anew each time: a run that has waited is as of the end of its wait
                return stack.enter_context(opened(self._request(), progress))
            except Busy:
                if not is_waiting:
                    progress("another run is at work on this warehouse: this one waits for it")
                is_waiting = True
            time.sleep(LOOK_SECONDS)

    def _request(self) -> Request:
        now = datetime.now(UTC).replace(microsecond=0)
        form = f"{now:%Y-%m-%dT%H:%M:%SZ}"
        try:
            as_of = instant(self.as_of) if self.as_of else now
        except ValueError as error:
            raise BadArguments(f"as_of can't be read ({error}): write it as {form}") from error
        if as_of > now:
            advice = f"give an instant up to now, as {form}, or none"
            raise BadArguments(f"as_of {self.as_of} is in the future: {advice}")
        over = Folders.configured()
        return Request(over.landing, over.warehouse, over.contracts, as_of, alerts=over.alerts)


def held(run: Run) -> dg.ResourceDefinition:
    """A run that the caller has opened and closes."""
    return dg.ResourceDefinition.hardcoded_resource(run)


def _feed_key(name: str) -> dg.AssetKey:
    return dg.AssetKey(["feeds", name])


def _feed_assets() -> dg.AssetsDefinition:
    specs = [
        dg.AssetSpec(
            _feed_key(f.feed),
            description=f.description,
            group_name="feeds",
            owners=DATA_TEAM,
            kinds={"parquet"},
            skippable=False,
        )
        for f in feeds().values()
    ]

    @dg.multi_asset(specs=specs, name="land", required_resource_keys={"run"})
    def land(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[Any]]:
        """Reads what is new, types it, lands it; stops the run where the feeds may not be published."""
        run: Run = context.resources.run
        with run.step():
            reading = run.land()
            run.lay_out()
        for name, found in reading.feeds.items():
            metadata = {
                "files read": found.files_read,
                "rows read": found.rows_read,
                "rows rejected": found.rows_rejected,
            }
            yield dg.MaterializeResult(asset_key=_feed_key(name), metadata=metadata)

    return land


def _model_assets(manifest: Any) -> dg.AssetsDefinition:
    models = {n.unique_id: n for n in manifest.nodes.values() if n.resource_type == "model"}
    keys = {unique_id: dg.AssetKey([n.schema, n.name]) for unique_id, n in models.items()}
    landed = {s.unique_id: s.name for s in manifest.sources.values() if s.source_name == "landed"}
    specs, checks = [], []
    for unique_id, node in models.items():
        deps = {keys[d] for d in node.depends_on.nodes if d in keys}
        # what is compressed or listed at landing comes from the feed of checks, or from all of them
        deps |= {
            _feed_key(landed[d] if landed[d] in feeds() else "checks")
            for d in node.depends_on.nodes
            if d in landed
        }
        owners = FINANCE_TEAM if node.schema == "marts" else DATA_TEAM
        specs.append(
            dg.AssetSpec(
                keys[unique_id],
                deps=deps,
                description=node.description or None,
                group_name=node.schema,
                owners=owners,
                kinds={"dbt", "duckdb"},
            )
        )
    for node in manifest.nodes.values():
        about = _tested(node, keys)
        if about is not None:
            checks.append(
                dg.AssetCheckSpec(node.name, asset=about, description=node.description or None)
            )

    @dg.multi_asset(specs=specs, check_specs=checks, name="models", required_resource_keys={"run"})
    def build(context: dg.AssetExecutionContext) -> Iterator[Any]:
        """Builds and tests all dbt models beside what is published."""
        run: Run = context.resources.run
        with run.step():
            run.transform()
        for unique_id in TopologicalSorter(
            {i: set(n.depends_on.nodes) & models.keys() for i, n in models.items()}
        ).static_order():
            yield dg.MaterializeResult(asset_key=keys[unique_id])
        about = {c.name: c.asset_key for c in checks}
        for test in run.tests:
            severity = dg.AssetCheckSeverity.ERROR if test.is_error else dg.AssetCheckSeverity.WARN
            yield dg.AssetCheckResult(
                asset_key=about[test.name],
                check_name=test.name,
                passed=test.passed,
                severity=severity,
                metadata={"message": test.message},
            )

    return build


def _tested(node: Any, keys: dict[str, dg.AssetKey]) -> dg.AssetKey | None:
    if node.resource_type != "test":
        return None
    return next((keys[d] for d in node.depends_on.nodes if d in keys), None)


def _expectations(marts: list[dg.AssetKey]) -> dg.AssetChecksDefinition:
    # after the models: the expectations are evaluated beside them
    specs = [
        dg.AssetCheckSpec(
            suite,
            asset=_feed_key(name),
            additional_deps=marts,
            description=f"Great Expectations over the {suite} of {name}",
        )
        for name in feeds()
        for suite in (VOLUME, HISTORY)
    ]
    specs += [
        dg.AssetCheckSpec(
            FIGURES,
            asset=key,
            additional_deps=[other for other in marts if other != key],
            description=f"Great Expectations over {key.path[-1]} after it is built",
        )
        for key in marts
        if key.path[-1] in {frame.mart for frame in expected_marts().suites}
    ]

    @dg.multi_asset_check(specs=specs, name="expectations", required_resource_keys={"run"})
    def evaluate(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        """The results of the expectations over what was landed and what was built."""
        run: Run = context.resources.run
        with run.step():
            results = run.validated()
        for spec in specs:
            failed = [
                r
                for r in results
                if (r.feed or r.mart) == spec.asset_key.path[-1]
                and r.suite == spec.name
                and not r.success
            ]
            severity = (
                dg.AssetCheckSeverity.ERROR
                if any(r.severity == "block" for r in failed)
                else dg.AssetCheckSeverity.WARN
            )
            details = "; ".join(f"{r.name}: {r.detail}" for r in failed)
            yield dg.AssetCheckResult(
                asset_key=spec.asset_key,
                check_name=spec.name,
                passed=not failed,
                severity=severity,
                metadata={"failed": details},
            )

    return evaluate


def _publication(published: list[dg.AssetKey]) -> dg.AssetsDefinition:
    @dg.asset(
        key=PUBLICATION,
        deps=published,
        group_name="publication",
        owners=FINANCE_TEAM,
        kinds={"duckdb", "parquet"},
        required_resource_keys={"run"},
        description="The published database and its Parquet files: replaced in one step, or left as they were.",
    )
    def publish(context: dg.AssetExecutionContext) -> dg.MaterializeResult[Any]:
        run: Run = context.resources.run
        with run.step():
            run.audit()
            publication = run.publish()
        return dg.MaterializeResult(
            metadata={
                "database": dg.MetadataValue.path(str(publication.database)),
                "as of": run.request.as_of.isoformat(),
            }
        )

    return publish


def build(run: dg.ResourceDefinition | OpenRun) -> dg.Definitions:
    """The definitions over a run: one that Dagster opens, or one that is held."""
    with TemporaryDirectory() as scratch:
        manifest = transform.parsed(Path(scratch))
    models = _model_assets(manifest)
    published = [k for k in models.keys if k.path[0] in ("marts", "quality")]
    marts = [k for k in published if k.path[0] == "marts"]
    job = dg.define_asset_job(
        JOB,
        selection=dg.AssetSelection.all(),
        executor_def=dg.in_process_executor,
        description="Land, build, audit, publish.",
    )
    return dg.Definitions(
        assets=[_feed_assets(), models, _publication(published)],
        asset_checks=[_expectations(marts)],
        jobs=[job],
        schedules=[_daily(job)],
        sensors=[_on_delivery(job)],
        # that of Dagster would let a request name a folder; nothing passes through it
        resources={"run": run, "io_manager": dg.mem_io_manager},
        executor=dg.in_process_executor,
    )


def _daily(job: Any) -> dg.ScheduleDefinition:
    @dg.schedule(
        job=job,
        cron_schedule="0 5 * * *",
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Once a day, as of the minute it is due.",
    )
    def daily(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        at = context.scheduled_execution_time.astimezone(UTC).isoformat()
        return dg.RunRequest(
            run_key=at, run_config={"resources": {"run": {"config": {"as_of": at}}}}
        )

    return daily


def _on_delivery(job: Any) -> dg.SensorDefinition:
    @dg.sensor(
        job=job,
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="When what is delivered has changed and then stayed as it is for one look; again when a run came to nothing and another may not.",
    )
    def on_delivery(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        over = Folders.configured()
        if not over.landing.is_dir():
            return dg.SensorResult(skip_reason=f"{over.landing} is not a folder")
        cursor = deliveries.Cursor.read(context.cursor)
        ours = dg.RunsFilter(job_name=JOB)
        runs = context.instance.get_run_records(ours, limit=deliveries.LOOKED_BACK)
        cursor, reason = deliveries.decide(over.seen(), cursor, runs, time.time())
        if reason:
            return dg.SensorResult(skip_reason=reason, cursor=str(cursor))
        # without a key: what was delivered before may be delivered again
        return dg.SensorResult(run_requests=[dg.RunRequest()], cursor=str(cursor))

    return on_delivery


@dg.definitions
def defs() -> dg.Definitions:
    """What `makegood orchestrator` serves."""
    return build(OpenRun())
