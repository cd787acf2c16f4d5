"""Asset checks: the expectations on feeds, and dbt's tests of models, each with its numbers.

What blocks a publication is a blocking check. Evaluating them belongs to the run.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import dagster as dg

from makegood.expectations.protocol import CheckResult
from makegood.ingestion.feeds.specs import feeds
from makegood.orchestration.definitions.resources import Deployment
from makegood.orchestration.pipeline.build import TestResult

SUITES = ("rows", "profile", "history")


def specs_of_feeds(deployment: Deployment) -> list[dg.AssetCheckSpec]:
    """A check for each suite of expectations of each feed."""
    return [
        dg.AssetCheckSpec(
            suite,
            asset=deployment.key("feeds", feed),
            description=f"Great Expectations over the {suite} of {feed}",
            # what only warns fails with the severity WARN, which blocks nothing
            blocking=True,
        )
        for feed in feeds()
        for suite in SUITES
    ]


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


def results_of_feeds(
    results: Iterable[CheckResult], deployment: Deployment
) -> Iterator[dg.AssetCheckResult]:
    """How the expectations of each suite came out."""
    by_suite: dict[tuple[str, str], list[CheckResult]] = {
        (feed, suite): [] for feed in feeds() for suite in SUITES
    }
    for result in results:
        by_suite[result.feed, result.suite].append(result)
    for (feed, suite), evaluated in by_suite.items():
        failed = [r for r in evaluated if not r.success]
        blocking = [r for r in failed if r.severity == "block"]
        metadata: dict[str, Any] = {
            "expectations": len(evaluated),
            "failed": len(failed),
            "failed and blocking": len(blocking),
        }
        if failed:
            metadata["details"] = "; ".join(
                f"{r.expectation} of {_what(r)}: {r.detail}" for r in failed
            )
        yield dg.AssetCheckResult(
            asset_key=deployment.key("feeds", feed),
            check_name=suite,
            passed=not failed,
            severity=_severity(bool(blocking)),
            metadata=metadata,
        )


def _what(result: CheckResult) -> str:
    return result.column_name or result.subject or result.feed


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
