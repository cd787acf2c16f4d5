"""Selections: what materialising some of the assets means, and why some selections are refused.

- With the publication: a whole run. A publication is made of everything at once.
- Of models, or of their dbt tests: a trial. They are built on what the last publication has landed,
  with what they read and everything below them, compared with it, and thrown away.
- All others are refused before anything is opened: a feed that has landed counts only when a
  publication names it, so landing alone would leave nothing behind.
"""

from collections.abc import Set
from dataclasses import dataclass
from typing import Any

import dagster as dg

from makegood.orchestration.definitions.jobs import JOB
from makegood.orchestration.definitions.resources import Deployment


class Refused(ValueError):
    """A selection that can't be run; the message says what to select instead."""


@dataclass(frozen=True)
class Whole:
    """Land, build, audit, publish."""


@dataclass(frozen=True)
class Trial:
    """What of the models is built and shown: `select` in dbt's words, and the names of models and
    tests that are selected or below what is selected."""

    select: tuple[str, ...]
    models: frozenset[str]
    tests: frozenset[str]


def asked(
    assets: Set[dg.AssetKey],
    checks: Set[dg.AssetCheckKey],
    deployment: Deployment,
    manifest: Any,
) -> Whole | Trial:
    """What a selection asks for; raises Refused."""
    if deployment.publication in assets:
        return Whole()
    publication = deployment.publication.to_user_string()
    feeds = sorted(key.to_user_string() for key in assets if _is_feed(key, deployment))
    if feeds:
        raise Refused(
            f"{_some(feeds)} can't be materialized without {publication}: what has landed counts "
            f"only once it is published. {whole_run(deployment)} "
            "To try models on what is published already, select models alone."
        )
    known = {n.name for n in _tests(manifest)}
    alone = [check for check in checks if check.asset_key not in assets]
    expectations = sorted(
        f"{check.name} of {check.asset_key.to_user_string()}"
        for check in alone
        if check.name not in known
    )
    if expectations:
        raise Refused(
            f"{_some(expectations)} can't be evaluated alone: expectations belong to a whole run. "
            + whole_run(deployment)
        )
    names = {key.path[-1] for key in assets}
    tests = {check.name for check in alone}
    below = _below(names, manifest)
    return Trial(
        # @: with what is below, and what all of that reads
        tuple(sorted([f"@{name}" for name in names] + [f"+{name}" for name in tests])),
        frozenset(below),
        frozenset(tests | {n.name for n in _tests(manifest) if _about(n) & below}),
    )


def whole_run(deployment: Deployment) -> str:
    """What to do where only a whole run can help."""
    publication = deployment.publication.to_user_string()
    job = deployment.named(JOB)
    return f"Select {publication}, which runs everything it needs, or launch the job {job}."


def _is_feed(key: dg.AssetKey, deployment: Deployment) -> bool:
    return key.path[:-1] == deployment.key("feeds").path


def _some(names: list[str]) -> str:
    return names[0] + (f" and {len(names) - 1} more" if len(names) > 1 else "")


def _tests(manifest: Any) -> list[Any]:
    return [n for n in manifest.nodes.values() if n.resource_type == "test"]


def _about(node: Any) -> set[str]:
    # sources have names of models
    return {d.split(".")[-1] for d in node.depends_on.nodes if d.startswith("model.")}


def _below(names: set[str], manifest: Any) -> set[str]:
    """The models of these names, and all that read them."""
    models = [n for n in manifest.nodes.values() if n.resource_type == "model"]
    found: set[str] = set()
    more = set(names)
    while more:
        found |= more
        more = {n.name for n in models if n.name not in found and _about(n) & found}
    return found
