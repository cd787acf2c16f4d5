"""Asset checks: the expectations on feeds and marts, and dbt's tests of models, with their numbers.

What blocks a publication is a blocking check. Evaluating them belongs to the run.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import dagster as dg

from makegood.expectations.protocol import FIGURES, HISTORY, VOLUME, ExpectationResult
from makegood.ingestion.feeds.specs import feeds
from makegood.orchestration.definitions.resources import Deployment
from makegood.orchestration.pipeline.build import TestResult
from makegood.orchestration.pipeline.figures import marts


def specs_of_feeds(deployment: Deployment) -> list[dg.AssetCheckSpec]:
    """A check for each suite of expectations of each feed."""
    return [
        _spec_of_suite(suite, deployment.key("feeds", feed), f"the {suite} of {feed}")
        for feed in feeds()
        for suite in (VOLUME, HISTORY)
    ]


def specs_of_marts(deployment: Deployment) -> list[dg.AssetCheckSpec]:
    """A check for the expectations of each mart that has some."""
    return [
        _spec_of_suite(FIGURES, deployment.key("marts", mart), f"{mart} after it is built")
        for mart in sorted({frame.mart for frame in marts().suites})
    ]


def _spec_of_suite(suite: str, asset: dg.AssetKey, what: str) -> dg.AssetCheckSpec:
    return dg.AssetCheckSpec(
        suite,
        asset=asset,
        description=f"Great Expectations over {what}",
        # what only warns fails with the severity WARN, which blocks nothing
        blocking=True,
    )


def specs_of_models(manifest: Any, deployment: Deployment) -> list[dg.AssetCheckSpec]:
    """A check for each dbt test, of the first model that it reads."""
    found = []
    for node in manifest.nodes.values():
        read = [manifest.nodes.get(d) for d in node.depends_on.nodes]
        model = next((m for m in read if m and m.resource_type == "model"), None)
        if node.resource_type == "test" and model:
            found.append(
                dg.AssetCheckSpec(
                    node.name,
                    asset=deployment.key(model.schema, model.name),
                    description=node.description or None,
                    blocking=_is_error(node),
                )
            )
    return found


def _is_error(node: Any) -> bool:
    return bool(node.config.severity.lower() == "error")


def results_of_suites(
    results: Iterable[ExpectationResult], specs: Iterable[dg.AssetCheckSpec]
) -> Iterator[dg.AssetCheckResult]:
    """How the expectations of these suites came out."""
    found = list(results)
    for spec in specs:
        about = spec.asset_key.path[-1]
        evaluated = [r for r in found if (r.feed or r.mart) == about and r.suite == spec.name]
        failed = [r for r in evaluated if not r.success]
        blocking = [r for r in failed if r.severity == "block"]
        metadata: dict[str, Any] = {
            "expectations": len(evaluated),
            "failed": len(failed),
            "failed and blocking": len(blocking),
        }
        if failed:
            metadata["details"] = "; ".join(f"{r.name}: {r.detail}" for r in failed)
        yield dg.AssetCheckResult(
            asset_key=spec.asset_key,
            check_name=spec.name,
            passed=not failed,
            severity=_severity(bool(blocking)),
            metadata=metadata,
        )


def results_of_models(
    tests: Iterable[TestResult], specs: Iterable[dg.AssetCheckSpec]
) -> Iterator[dg.AssetCheckResult]:
    """How dbt's tests came out."""
    about = {spec.name: spec.asset_key for spec in specs}
    for test in tests:
        if test.name in about:
            metadata: dict[str, Any] = {
                "failing rows": test.failures,
                "seconds": round(test.seconds, 3),
            }
            if test.message:
                metadata["message"] = test.message
            yield dg.AssetCheckResult(
                asset_key=about[test.name],
                check_name=test.name,
                passed=test.passed,
                severity=_severity(test.is_error),
                metadata=metadata,
            )


def _severity(is_error: bool) -> dg.AssetCheckSeverity:
    return dg.AssetCheckSeverity.ERROR if is_error else dg.AssetCheckSeverity.WARN
