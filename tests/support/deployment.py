"""What `deploy/` says, read as Compose and Helm read it, as far as its files need.

Neither of the two is at hand where tests run. What these files do not use is an error here, so that
nothing is taken for something else.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

DEPLOY = Path(__file__).parents[2] / "deploy"
CHART = DEPLOY / "helm"


@dataclass(frozen=True)
class Service:
    """A process as a container starts it: its words, its variables, and how its health is asked."""

    name: str
    words: list[str]
    variables: dict[str, str]
    health: list[str]


# ---------------------------------------------------------------- Compose

_VARIABLE = re.compile(r"\$(?:\$|\{(\w+)(?::(-|\?)([^}]*))?\}|(.?))")


class Unset(ValueError):
    """A variable that Compose demands."""


def interpolated(value: Any, variables: Mapping[str, str]) -> Any:
    """A value of a Compose file with its variables put in; raises Unset."""
    if isinstance(value, dict):
        return {name: interpolated(one, variables) for name, one in value.items()}
    if isinstance(value, list):
        return [interpolated(one, variables) for one in value]
    if not isinstance(value, str):
        return value

    def put(found: re.Match[str]) -> str:
        name, kind, text = found[1], found[2], found[3]
        if found[0] == "$$":
            return "$"
        assert name, f"{value}: not a variable as these files write them"
        if variables.get(name):
            return variables[name]
        if kind == "-":
            return str(text)
        raise Unset(f"{name}: {text}")

    return _VARIABLE.sub(put, value)


def compose(variables: Mapping[str, str]) -> dict[str, Any]:
    """`compose.yaml` with its variables put in; raises Unset."""
    found: dict[str, Any] = interpolated(
        yaml.safe_load((DEPLOY / "compose.yaml").read_text()), variables
    )
    return found


def with_connectors(variables: Mapping[str, str]) -> dict[str, Any]:
    """`compose.yaml` with `compose.connect.yaml` laid over it; raises Unset."""
    found = compose(variables)
    over = interpolated(yaml.safe_load((DEPLOY / "compose.connect.yaml").read_text()), variables)
    assert over.keys() == {"services"}
    for name, more in over["services"].items():
        assert more.keys() == {"environment", "volumes"}
        service = found["services"][name]
        service["environment"] = {**service["environment"], **more["environment"]}
        # what is mounted at the same place is replaced
        volumes = {one["target"]: one for one in [*service["volumes"], *more["volumes"]]}
        service["volumes"] = list(volumes.values())
    return found


def services_of_compose(found: dict[str, Any]) -> dict[str, Service]:
    return {
        name: Service(
            name,
            service.get("command", []),
            service.get("environment", {}),
            service["healthcheck"]["test"][1:],
        )
        for name, service in found["services"].items()
    }


# ---------------------------------------------------------------- Helm

_TAG = re.compile(r"(?P<before>\s*)\{\{(?P<trim>-?) *(?P<what>[^{}]*?) *\}\}")


@dataclass(frozen=True)
class Node:
    """A tag of a template: `if`, `range` or a value, and what it encloses."""

    kind: str
    expression: str
    inside: "list[str | Node]"
    otherwise: "list[str | Node]"


def rendered(values: dict[str, Any], release: str = "makegood") -> list[dict[str, Any]]:
    """The manifests of the chart. A value that is not there is an error."""
    found = []
    for path in sorted((CHART / "templates").iterdir()):
        parts = _parts(path.read_text())
        nodes = _nodes(parts)
        assert not parts, f"{path.name}: an end too many"
        text = _text(nodes, {"Values": values, "Release": {"Name": release}})
        found += [manifest for manifest in yaml.safe_load_all(text) if manifest]
    return found


def _parts(text: str) -> list[str | tuple[str]]:
    """Text, and what is in braces as a tuple."""
    parts: list[str | tuple[str]] = []
    at = 0
    for tag in _TAG.finditer(text):
        parts += [text[at : tag.start()] + ("" if tag["trim"] else tag["before"]), (tag["what"],)]
        at = tag.end()
    return [*parts, text[at:]]


def _nodes(parts: list[str | tuple[str]]) -> list[str | Node]:
    """Takes parts up to an `end` or `else` of somebody else's."""
    found: list[str | Node] = []
    while parts and parts[0] not in (("end",), ("else",)):
        part = parts.pop(0)
        if isinstance(part, str):
            found.append(part)
            continue
        kind, _, rest = part[0].partition(" ")
        if kind not in ("if", "range"):
            found.append(Node("value", part[0], [], []))
            continue
        inside, otherwise = _nodes(parts), []
        if parts[0] == ("else",):
            del parts[0]
            otherwise = _nodes(parts)
        assert parts.pop(0) == ("end",), part
        found.append(Node(kind, rest, inside, otherwise))
    return found


def _text(nodes: list[str | Node], dot: Any) -> str:
    text = ""
    for node in nodes:
        if isinstance(node, str):
            text += node
        elif node.kind == "value":
            text += str(_value(node.expression, dot))
        elif node.kind == "if":
            text += _text(node.inside if _value(node.expression, dot) else node.otherwise, dot)
        else:
            # as in Helm, only the item can be named inside
            text += "".join(_text(node.inside, item) for item in _value(node.expression, dot))
    return text


def _value(expression: str, dot: Any) -> Any:
    first, *filters = [one.split() for one in expression.split("|")]
    value = dot
    for name in first[-1].removeprefix(".").split("."):
        value = value[name]
    if first[:-1] == ["toYaml"]:
        value = yaml.safe_dump(value).removesuffix("\n")
    else:
        assert first[:-1] == [], expression
    for name, *words in filters:
        if name == "quote":
            value = json.dumps(str(value))
        else:
            assert name == "nindent", expression
            value = "\n" + "\n".join(" " * int(words[0]) + line for line in value.split("\n"))
    return value


def services_of_chart(values: dict[str, Any]) -> dict[str, Service]:
    """The containers of the chart; their secrets are what `secret key` says, addresses of pods
    `status.podIP`. Probes of Kubernetes itself are left out."""
    found = {}
    for manifest in rendered(values):
        for container in containers(manifest):
            variables = {}
            for one in container.get("env") or []:
                source = one.get("valueFrom", {})
                variables[one["name"]] = (
                    one.get("value")
                    or source.get("fieldRef", {}).get("fieldPath")
                    or "{name} {key}".format(**source["secretKeyRef"])
                )
            probes = [container.get(f"{kind}Probe", {}) for kind in ("liveness", "readiness")]
            health = [probe["exec"]["command"] for probe in probes if "exec" in probe]
            found[container["name"]] = Service(
                container["name"], container.get("args", []), variables, health[0] if health else []
            )
    return found


def containers(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    """Those of a manifest that makes pods."""
    template = manifest["spec"].get("template", {})
    found: list[dict[str, Any]] = template.get("spec", {}).get("containers", [])
    return found


def example_values() -> dict[str, Any]:
    """`values.yaml`, and laid over it the file that the docs show."""
    docs = (DEPLOY.parent / "docs" / "deploy.md").read_text()
    (shown,) = re.findall(r"^```yaml\n(# my-values\.yaml\n.*?)^```", docs, re.M | re.S)
    return laid_over(yaml.safe_load((CHART / "values.yaml").read_text()), yaml.safe_load(shown))


def laid_over(below: Any, above: Any) -> Any:
    """As Helm merges values: maps key by key, all else replaced."""
    if not (isinstance(below, dict) and isinstance(above, dict)):
        return above
    return below | {name: laid_over(below.get(name), value) for name, value in above.items()}
