"""Assets: feeds, models and the publication, all made by one op.

One op, because one process must hold the warehouse from landing to publication, with whatever
executor a deployment has; what a selection of its assets means is decided in `selection`.
"""

from collections.abc import Iterator
from graphlib import TopologicalSorter
from typing import Any, TypeAlias

import dagster as dg

from makegood.ingestion.connect.settings import Settings
from makegood.ingestion.feeds.specs import feeds
from makegood.ingestion.landing.land import CHECKS, Reading
from makegood.ingestion.strict_yaml import InvalidDocument
from makegood.orchestration.definitions import checks, selection, sources
from makegood.orchestration.definitions.resources import Deployment, Opener
from makegood.orchestration.pipeline.counts import Count, counted
from makegood.orchestration.pipeline.run import AuditFailed, BadArguments, Blocked, Run
from makegood.orchestration.pipeline.trial import NothingPublished
from makegood.orchestration.serving import deliveries
from makegood.orchestration.warehouse.publication import Publication

DATA_TEAM, FINANCE_TEAM = ["team:data"], ["team:finance"]
# schemas of models that are published
PUBLISHED = ("marts", "quality")

Result: TypeAlias = dg.MaterializeResult[Any] | dg.AssetCheckResult


def warehouse_assets(
    manifest: Any, deployment: Deployment, connect: Settings | None
) -> dg.AssetsDefinition:
    """All assets of a deployment with their checks. `connect`: the sources before the feeds."""
    models = _models(manifest)
    tests = checks.specs_of_models(manifest, deployment)
    expected = [*checks.specs_of_feeds(deployment), *checks.specs_of_marts(deployment)]

    @dg.multi_asset(
        name=deployment.named("warehouse"),
        specs=[
            *_specs_of_feeds(deployment, connect),
            *_specs_of_models(manifest, deployment),
            _spec_of_publication(manifest, deployment),
        ],
        check_specs=[*expected, *tests],
        required_resource_keys={deployment.named("run")},
        can_subset=True,
        # where a deployment limits it to 1, runs of this warehouse wait in the queue
        pool=deployment.named("warehouse"),
    )
    def warehouse(context: dg.AssetExecutionContext) -> Iterator[Result]:
        """Lands, builds, audits and publishes; or tries models on what is published."""
        opener: Opener = getattr(context.resources, deployment.named("run"))
        outcome = "failed"
        try:
            plan = selection.asked(
                context.selected_asset_keys,
                context.selected_asset_check_keys,
                deployment,
                manifest,
            )
            if isinstance(plan, selection.Whole):
                results = _whole(opener, context, models, tests)
            else:
                results = _tried(opener, context, models, tests, plan)
            for result in results:
                yield from _recorded(result, context)
            outcome = "published" if isinstance(plan, selection.Whole) else deliveries.TRIED
        except (selection.Refused, NothingPublished) as error:
            outcome = deliveries.SELECTION_REFUSED
            raise dg.Failure(_advice(error, deployment), allow_retries=False) from error
        except Blocked:
            outcome = "blocked"
            raise
        except InvalidDocument:
            outcome = "refused"
            raise
        except BadArguments:
            outcome = deliveries.AS_OF_REFUSED if opener.as_of else outcome
            raise
        finally:
            context.instance.add_run_tags(context.run.run_id, {deliveries.OUTCOME: outcome})

    return warehouse


def _advice(error: selection.Refused | NothingPublished, deployment: Deployment) -> str:
    if isinstance(error, selection.Refused):
        return str(error)
    way = selection.whole_run(deployment)
    return f"{error}, and models alone are tried on what is published. {way}"


def _whole(
    opener: Opener,
    context: dg.AssetExecutionContext,
    models: dict[str, Any],
    tests: list[dg.AssetCheckSpec],
) -> Iterator[Result]:
    """A run. What blocks it leaves the models without an event: they are thrown away."""
    deployment = opener.deployment
    with opener.opened(context.log.info) as run:
        reading = run.land()
        yield from _landed(reading, run, deployment)
        run.lay_out()
        run.transform()
        found = run.validated()
        yield from checks.results_of_suites(found, checks.specs_of_feeds(deployment))
        run.audit_feeds()
        yield from _built(run, deployment, models)
        yield from checks.results_of_suites(found, checks.specs_of_marts(deployment))
        yield from checks.results_of_models(run.tests, tests)
        run.audit_marts()
        publication = run.publish()
        yield _published(publication, run, deployment)


def _tried(
    opener: Opener,
    context: dg.AssetExecutionContext,
    models: dict[str, Any],
    tests: list[dg.AssetCheckSpec],
    plan: selection.Trial,
) -> Iterator[Result]:
    """A trial of models, which publishes nothing. Expectations are left to whole runs."""
    with opener.tried(context.log.info) as run:
        run.build(plan.select)
        shown = {name: model for name, model in models.items() if name in plan.models}
        tried = {"published": False, "as of": run.request.as_of.isoformat()}
        for result in _built(run, opener.deployment, shown):
            yield result._replace(metadata={**(result.metadata or {}), **tried})
        run.tests = [test for test in run.tests if test.name in plan.tests]
        yield from checks.results_of_models(run.tests, tests)
        if failed := run.failed_tests():
            raise AuditFailed(failed)


def _recorded(result: Result, context: dg.AssetExecutionContext) -> Iterator[Result]:
    """Yields a result that was selected; logs one that was made on the way."""
    if isinstance(result, dg.MaterializeResult):
        assert result.asset_key is not None
        if result.asset_key in context.selected_asset_keys:
            yield result
        else:
            context.log_event(dg.AssetMaterialization(result.asset_key, metadata=result.metadata))
    else:
        assert result.asset_key is not None
        assert result.check_name is not None
        check = dg.AssetCheckKey(result.asset_key, result.check_name)
        if check in context.selected_asset_check_keys:
            yield result
        else:
            context.log_event(
                dg.AssetCheckEvaluation(
                    asset_key=result.asset_key,
                    check_name=result.check_name,
                    passed=result.passed,
                    metadata=result.metadata,
                    severity=result.severity,
                )
            )


# ---------------------------------------------------------------- events


def _landed(
    reading: Reading, run: Run, deployment: Deployment
) -> Iterator[dg.MaterializeResult[Any]]:
    for name, found in reading.feeds.items():
        metadata: dict[str, Any] = {
            "files read": found.files_read,
            "rows read": found.rows_read,
            "rows rejected": found.rows_rejected,
        }
        if name == CHECKS:
            metadata["months landed"] = ", ".join(run.months_landed()) or "none"
        yield dg.MaterializeResult(asset_key=deployment.key("feeds", name), metadata=metadata)


def _built(
    run: Run, deployment: Deployment, models: dict[str, Any]
) -> Iterator[dg.MaterializeResult[Any]]:
    """The models, what is read before what reads it."""
    counts = counted(run)
    for name, model in models.items():
        yield dg.MaterializeResult(
            asset_key=deployment.key(model.schema, name),
            metadata=_numbers(counts[name], run.seconds[name]),
        )


def _numbers(count: Count, seconds: float) -> dict[str, Any]:
    numbers = {"dagster/row_count": count.rows, "seconds": round(seconds, 3)}
    if count.before is not None:
        numbers |= {"rows before": count.before, "rows changed by": count.rows - count.before}
    return numbers


def _published(
    publication: Publication, run: Run, deployment: Deployment
) -> dg.MaterializeResult[Any]:
    return dg.MaterializeResult(
        asset_key=deployment.publication,
        metadata={
            "database": dg.MetadataValue.path(str(publication.database)),
            "as of": run.request.as_of.isoformat(),
            "run": run.run_id,
        },
    )


# ---------------------------------------------------------------- specs


def _models(manifest: Any) -> dict[str, Any]:
    """The models by name, each after those that it reads."""
    nodes = {i: n for i, n in manifest.nodes.items() if n.resource_type == "model"}
    read = {i: set(n.depends_on.nodes) & nodes.keys() for i, n in nodes.items()}
    return {nodes[i].name: nodes[i] for i in TopologicalSorter(read).static_order()}


def _specs_of_feeds(deployment: Deployment, connect: Settings | None) -> Iterator[dg.AssetSpec]:
    for feed in feeds().values():
        yield dg.AssetSpec(
            deployment.key("feeds", feed.feed),
            deps=[sources.key(deployment, name) for name in sources.feeding(connect, feed.feed)],
            description=feed.description,
            group_name=deployment.named("feeds"),
            owners=DATA_TEAM,
            kinds={"parquet"},
        )


def _specs_of_models(manifest: Any, deployment: Deployment) -> Iterator[dg.AssetSpec]:
    keys = {
        i: deployment.key(n.schema, n.name)
        for i, n in manifest.nodes.items()
        if n.resource_type == "model"
    }
    landed = {i: s.name for i, s in manifest.sources.items() if s.source_name == "landed"}
    for unique_id, key in keys.items():
        node = manifest.nodes[unique_id]
        deps = {keys[d] for d in node.depends_on.nodes if d in keys}
        # what is compressed or listed at landing comes from the feed of checks
        deps |= {
            deployment.key("feeds", landed[d] if landed[d] in feeds() else CHECKS)
            for d in node.depends_on.nodes
            if d in landed
        }
        yield dg.AssetSpec(
            key,
            deps=deps,
            description=node.description or None,
            group_name=deployment.named(node.schema),
            owners=FINANCE_TEAM if node.schema == "marts" else DATA_TEAM,
            kinds={"dbt", "duckdb"},
        )


def _spec_of_publication(manifest: Any, deployment: Deployment) -> dg.AssetSpec:
    published = [n for n in _models(manifest).values() if n.schema in PUBLISHED]
    return dg.AssetSpec(
        deployment.publication,
        deps=[deployment.key(n.schema, n.name) for n in published],
        description="The published database and its Parquet files: "
        "replaced in one step, or left as they were.",
        group_name=deployment.named("publication"),
        owners=FINANCE_TEAM,
        kinds={"duckdb", "parquet"},
    )
