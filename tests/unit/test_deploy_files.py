"""The files of `deploy/`: Compose and Kubernetes would take them, nothing in them is left open to
others, and the docs describe every setting. `tests/e2e/test_deploy.py` runs their commands."""

import json
import re
import tomllib
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator, Draft202012Validator, ValidationError, validate

from tests.support.deployment import (
    CHART,
    DEPLOY,
    Unset,
    compose,
    containers,
    example_values,
    interpolated,
    laid_over,
    rendered,
    services_of_chart,
    services_of_compose,
    with_connectors,
)

ROOT = DEPLOY.parent
DOCS = (ROOT / "docs" / "deploy.md").read_text()
COMPOSE = (DEPLOY / "compose.yaml").read_text()
# any value for each variable of the file
VARIABLES = {name: f"the-{name}" for name in re.findall(r"\$\{(\w+)", COMPOSE)}
CONNECT = {"MAKEGOOD_CONNECT": "the-MAKEGOOD_CONNECT"}
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]


# ---------------------------------------------------------------- Compose


def closed(required: str = "", **properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
        "required": required.split(),
    }


TEXT = {"type": "string", "minLength": 1}
WORDS = {"type": "array", "items": TEXT, "minItems": 1}
SPAN = {"type": "string", "pattern": "^[0-9]+s$"}
# the keys of the compose-spec that the file uses, and no others
SERVICE = closed(
    "image restart cap_drop security_opt environment networks healthcheck deploy",
    image=TEXT,
    build=closed("context dockerfile", context=TEXT, dockerfile=TEXT),
    command=WORDS,
    user=TEXT,
    restart={"enum": ["unless-stopped"]},
    cap_drop={"const": ["ALL"]},
    security_opt={"const": ["no-new-privileges:true"]},
    profiles=WORDS,
    stop_grace_period=SPAN,
    environment={"type": "object", "additionalProperties": TEXT},
    ports={"type": "array", "items": {"pattern": r"^127\.0\.0\.1:([0-9]+):\1$"}},
    networks=WORDS,
    volumes={
        "type": "array",
        "items": closed(
            "type target",
            type={"enum": ["bind", "volume"]},
            source=TEXT,
            target={"type": "string", "pattern": "^/"},
            read_only={"type": "boolean"},
        ),
    },
    depends_on={
        "type": "object",
        "additionalProperties": closed("condition", condition={"const": "service_healthy"}),
    },
    healthcheck=closed(
        "test interval timeout retries start_period",
        test={"prefixItems": [{"const": "CMD"}], "items": TEXT, "minItems": 2},
        interval=SPAN,
        timeout=SPAN,
        retries={"type": "integer", "minimum": 1},
        start_period=SPAN,
    ),
    deploy=closed(
        "resources",
        replicas={"type": "integer", "minimum": 1},
        resources=closed(
            "limits",
            limits=closed(
                "cpus memory",
                cpus={"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?$"},
                memory={"type": "string", "pattern": "^[0-9]+[mg]$"},
            ),
        ),
    ),
)
SCHEMA = closed(
    "name services volumes networks",
    name={"type": "string", "pattern": "^[a-z0-9][a-z0-9_-]*$"},
    services={"type": "object", "additionalProperties": SERVICE},
    volumes={"type": "object", "additionalProperties": {"type": "null"}},
    networks={
        "type": "object",
        "additionalProperties": {"anyOf": [{"type": "null"}, closed(internal={"const": True})]},
    },
) | {"patternProperties": {"^x-": {}}}


@pytest.fixture(scope="module")
def file() -> dict[str, Any]:
    return compose(VARIABLES)


def test_compose_takes_the_file(file: dict[str, Any]) -> None:
    Draft202012Validator.check_schema(SCHEMA)
    validate(file, SCHEMA)


SPOILED: dict[str, Callable[[dict[str, Any]], object]] = {
    "a key that does not exist": lambda s: s.update(comand=["x"]),
    "a port for everyone": lambda s: s.update(ports=["3000:3000"]),
    "another port inside": lambda s: s.update(ports=["127.0.0.1:3001:3000"]),
    "no check of health": lambda s: s.pop("healthcheck"),
    "no limits": lambda s: s["deploy"].pop("resources"),
    "all rights": lambda s: s.pop("cap_drop"),
    "words in one text": lambda s: s.update(command="makegood run"),
    "a number as a variable": lambda s: s["environment"].update(MAKEGOOD_THREADS=2),
}


@pytest.mark.parametrize("what", SPOILED)
def test_the_schema_refuses(file: dict[str, Any], what: str) -> None:
    spoiled = deepcopy(file)
    SPOILED[what](spoiled["services"]["webserver"])
    with pytest.raises(ValidationError):
        validate(spoiled, SCHEMA)


def test_what_services_name_is_there(file: dict[str, Any]) -> None:
    for name, service in file["services"].items():
        assert set(service["networks"]) <= file["networks"].keys(), name
        assert service.get("depends_on", {}).keys() <= file["services"].keys(), name
        for volume in service.get("volumes", []):
            if volume["type"] == "volume" and "source" in volume:
                assert volume["source"] in file["volumes"], name
    used = {v.get("source") for s in file["services"].values() for v in s.get("volumes", [])}
    assert file["volumes"].keys() <= used
    assert file["networks"].keys() == {n for s in file["services"].values() for n in s["networks"]}


def test_hosts_that_services_name_are_in_their_networks(file: dict[str, Any]) -> None:
    services = file["services"]
    hosts = re.compile(r"(?<=@|/|\()[\"/]?([a-z][a-z-]+)(?=:\d|\", \d)")
    found = set()
    for name, service in services.items():
        texts = [*service.get("command", []), *service["environment"].values()]
        for host in hosts.findall("\n".join([*texts, *service["healthcheck"]["test"]])):
            found.add((name, host))
            assert set(service["networks"]) & set(services[host]["networks"]), (name, host)
    assert found == {
        ("code-server", "postgres"),
        ("daemon", "postgres"),
        ("webserver", "postgres"),
        *((name, "spark-master") for name in services if name.startswith("spark")),
    }


def test_every_variable_without_a_value_is_demanded() -> None:
    """Secrets have no defaults; only where runs find Spark has one."""
    for name in VARIABLES.keys() - {"MAKEGOOD_SPARK"}:
        with pytest.raises(Unset, match=f"^{name}: "):
            compose({**VARIABLES, name: ""})
    found = compose({**VARIABLES, "MAKEGOOD_SPARK": ""})["services"]["code-server"]
    assert found["environment"]["MAKEGOOD_SPARK"] == "spark://spark-master:7077"


def test_pulls_write_the_landing_folder_and_nothing_else_is_changed(file: dict[str, Any]) -> None:
    with pytest.raises(Unset, match=r"^MAKEGOOD_CONNECT: the file connect\.yaml$"):
        with_connectors(VARIABLES)
    found = with_connectors(VARIABLES | CONNECT)
    validate(found, SCHEMA)

    def mounted(of: dict[str, Any], name: str) -> dict[str, tuple[str, bool]]:
        volumes = of["services"][name].get("volumes", [])
        return {v["target"]: (v.get("source"), v.get("read_only", False)) for v in volumes}

    landing = VARIABLES["MAKEGOOD_LANDING"]
    assert mounted(file, "code-server")["/landing"] == (landing, True)
    assert mounted(found, "code-server") == {
        **mounted(file, "code-server"),
        "/landing": (landing, False),
        "/etc/makegood/connect.yaml": (CONNECT["MAKEGOOD_CONNECT"], True),
    }
    variables = found["services"]["code-server"]["environment"]
    assert variables["MAKEGOOD_CONNECT"] == "/etc/makegood/connect.yaml"
    assert {n: s for n, s in found["services"].items() if n != "code-server"} == {
        n: s for n, s in file["services"].items() if n != "code-server"
    }


def test_secrets_are_variables(file: dict[str, Any]) -> None:
    secret = re.compile(r"PASSWORD|SECRET|CLIENT|COOKIE")
    values = {
        name: value
        for service in file["services"].values()
        for name, value in service["environment"].items()
        if secret.search(name)
    }
    assert len(values) == 6
    assert [name for name, value in values.items() if value not in VARIABLES.values()] == []


@pytest.mark.parametrize(
    ("text", "variables", "value"),
    [
        ("a${X:?needed}b", {"X": "-"}, "a-b"),
        ("${X:-y}", {}, "y"),
        ("${X:-y}", {"X": "z"}, "z"),
        ("$${X}", {"X": "z"}, "${X}"),
    ],
)
def test_variables_are_put_in(text: str, variables: dict[str, str], value: str) -> None:
    assert interpolated({"a": [text, 1]}, variables) == {"a": [value, 1]}


def test_sparks_processes_know_each_other(file: dict[str, Any]) -> None:
    """By a secret that all of them have; and nothing of them is published."""
    lines = (DEPLOY / "spark" / "spark-defaults.conf").read_text().splitlines()
    settings = dict(line.split() for line in lines if line and not line.startswith("#"))
    assert settings.pop("spark.authenticate") == "true"
    assert settings.pop("spark.network.crypto.enabled") == "true"
    assert set(settings.values()) == {"false"}
    assert {"spark.master.rest.enabled", "spark.ui.enabled"} <= settings.keys()
    services = {n: s for n, s in file["services"].items() if "spark" in s["networks"]}
    assert services.keys() == {"code-server", "spark-master", "spark-worker", "spark-connect"}
    for name, service in services.items():
        assert service["environment"]["_SPARK_AUTH_SECRET"] == "the-MAKEGOOD_SPARK_SECRET", name
        assert "ports" not in service
    assert file["networks"]["spark"] == {"internal": True}


# ---------------------------------------------------------------- the image


def test_images_have_their_version(file: dict[str, Any]) -> None:
    images = {service["image"] for service in file["services"].values()}
    assert images == {f"makegood:{VERSION}", "postgres:17"}
    (base,) = re.findall(r"^FROM (.*)$", (DEPLOY / "Dockerfile").read_text(), re.M)
    assert base == "python:3.11-slim-bookworm"
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    assert {values["image"]["name"], values["postgres"]["image"]} == images
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert {chart["version"], chart["appVersion"]} == {VERSION}
    for document in (DOCS, (DEPLOY / "Dockerfile").read_text()):
        assert set(re.findall(r"makegood:(\d[\w.]*)", document)) == {VERSION}


def test_the_image_holds_what_it_needs() -> None:
    """What it copies is in the repository and not left out, and the locks are installed whole."""
    dockerfile = (DEPLOY / "Dockerfile").read_text()
    kept = {
        line[1:]
        for line in (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
        if line.startswith("!")
    }
    assert [name for name in kept if not (ROOT / name).exists()] == []
    rooms = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"benchmarks", "tests"}
    assert kept >= rooms | {"pyproject.toml", "setup.py", "README.md", "LICENSE", "deploy/spark"}
    locks = set(re.findall(r"pip install --require-hashes --requirement (\S+)", dockerfile))
    assert locks == {"requirements.lock", "requirements-cluster.lock"}
    assert locks <= kept
    copied = {
        name for names in re.findall(r"^COPY (.*) \S+$", dockerfile, re.M) for name in [names]
    }
    assert copied == {"requirements.lock requirements-cluster.lock", "."}
    assert re.findall(r"^USER (.*)$", dockerfile, re.M) == ["10001"]
    conf = re.findall(r"^ENV SPARK_CONF_DIR=/opt/makegood/(.*)$", dockerfile, re.M)
    assert [(ROOT / folder / "spark-defaults.conf").is_file() for folder in conf] == [True]


def test_nothing_is_fetched_from_a_named_host() -> None:
    for path in (p for p in DEPLOY.rglob("*") if p.is_file()):
        text = re.sub(r"http://(127\.0\.0\.1|json-schema\.org)\b", "", path.read_text())
        assert not re.search(r"https?://|--index-url|--extra-index|docker\.io|ghcr", text), (
            path.name
        )


# ---------------------------------------------------------------- Helm


VALUES = yaml.safe_load((CHART / "values.yaml").read_text())
RULES = json.loads((CHART / "values.schema.json").read_text())
MAXIMAL = laid_over(
    example_values(),
    {
        "imagePullSecrets": [{"name": "registry"}],
        "postgres": {"storageClass": "fast"},
        "orchestrator": {"env": [{"name": "HOOK", "secret": "alerts", "key": "hook"}]},
        "connect": {"configMap": "connect"},
        "spark": {"connect": {"enabled": True}},
    },
)
KINDS = {
    "Service": "v1",
    "Deployment": "apps/v1",
    "StatefulSet": "apps/v1",
    "NetworkPolicy": "networking.k8s.io/v1",
}


def test_the_values_follow_their_schema() -> None:
    Draft7Validator.check_schema(RULES)
    validate(example_values(), RULES)
    validate(MAXIMAL, RULES)


def test_the_values_alone_lack_what_the_docs_call_required() -> None:
    lacking = {
        ".".join(map(str, error.absolute_path))
        for error in Draft7Validator(RULES).iter_errors(VALUES)
    }
    required = re.findall(r"^\| `([\w.]+)` \| required \|", DOCS[DOCS.index("| value |") :], re.M)
    assert lacking == set(required)


WRONG: dict[str, dict[str, Any]] = {
    "an unknown name": {"spark": {"workers": 3}},
    "no version": {"image": {"name": "makegood"}},
    "the latest version": {"image": {"name": "makegood:latest"}},
    "no workers": {"spark": {"worker": {"count": 0}}},
    "a number as text": {"orchestrator": {"threads": "2"}},
    "memory that nobody takes": {"orchestrator": {"memory": "3 apples"}},
    "a secret in plain text": {"dashboards": {"env": [{"name": "MAKEGOOD_COOKIE", "value": "x"}]}},
    "nobody signs in": {"dashboards": {"env": []}},
    "no limits": {"spark": {"master": {"resources": {"limits": None}}}},
}


@pytest.mark.parametrize("what", WRONG)
def test_the_schema_refuses_values(what: str) -> None:
    with pytest.raises(ValidationError):
        validate(laid_over(example_values(), WRONG[what]), RULES)


def test_every_value_is_documented() -> None:
    table = DOCS[DOCS.index("| value |") :]
    documented = set(re.findall(r"^\| `([\w.]+)` \|", table, re.M))

    def leaves(value: Any, path: str) -> set[str]:
        if not isinstance(value, dict):
            return {path}
        return set().union(*(leaves(v, f"{path}.{k}".lstrip(".")) for k, v in value.items()))

    own = {name for name in leaves(VALUES, "") if ".resources." not in name}
    assert documented == own
    assert set(re.findall(r"^\| (`[A-Z_`, ]+`) \| ", DOCS, re.M)) == {
        "`MAKEGOOD_CLIENT`, `MAKEGOOD_COOKIE`",
        *(
            f"`{name}`"
            for name in (VARIABLES | CONNECT).keys() - {"MAKEGOOD_CLIENT", "MAKEGOOD_COOKIE"}
        ),
    }


def test_templates_keep_to_what_is_imitated() -> None:
    """Tests render them by a helper of their own, and Helm knows more than that."""
    forms = (
        r"(if|range) \.[\w.]+",
        r"else|end",
        r"\.[\w.]+( \| quote)?",
        r"toYaml \.[\w.]+ \| nindent \d+",
    )
    for path in (CHART / "templates").iterdir():
        for tag in re.findall(r"\{\{-? (.*?) \}\}", path.read_text()):
            assert any(re.fullmatch(form, tag) for form in forms), (path.name, tag)


@pytest.fixture(scope="module", params=["example", "maximal"])
def manifests(request: pytest.FixtureRequest) -> list[dict[str, Any]]:
    return rendered(example_values() if request.param == "example" else MAXIMAL)


# what is another way there: addresses of pods, the folder of PostgreSQL, and the pages of Dagster,
# which nobody reaches but through `kubectl port-forward`
OTHERWISE = {"SPARK_LOCAL_HOSTNAME", "PGDATA", "MAKEGOOD_ORCHESTRATOR_PASSWORD"}
AFAR = "--address=0.0.0.0"


@pytest.mark.parametrize("name", services_of_compose(with_connectors(VARIABLES | CONNECT)))
def test_the_chart_starts_what_compose_starts(name: str) -> None:
    """So the tests that start the commands of one of them have started both."""
    compose = services_of_compose(with_connectors(VARIABLES | CONNECT))
    one, other = compose[name], services_of_chart(MAXIMAL)[name]

    def plain(text: str) -> str:
        return re.sub(r"makegood-(?=postgres|spark)", "", text)

    words = [word for word in one.words if (name, word) != ("webserver", AFAR)]
    assert [plain(word) for word in other.words] == words
    given, wanted = other.variables, one.variables
    # those that are set by values of the example
    assert (given.keys() ^ wanted.keys()) - OTHERWISE - {"HOOK"} == set()
    where = {"MAKEGOOD_SPARK": "sc://spark-connect:15002"}
    for variable in (given.keys() & wanted.keys()) - OTHERWISE:
        if wanted[variable] in VARIABLES.values() and variable not in where:
            assert re.fullmatch(r"[a-z-]+ [a-z-]+", given[variable]), variable
        else:
            assert plain(given[variable]) == where.get(variable, wanted[variable])
    assert other.health in ([], one.health)


def pods(manifests: list[dict[str, Any]]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """The manifests that make pods, each with the specification of its pods."""
    made = [m for m in manifests if m["kind"] in ("Deployment", "StatefulSet")]
    return [(m, m["spec"]["template"]["spec"]) for m in made]


def test_manifests_are_what_kubernetes_demands(manifests: list[dict[str, Any]]) -> None:
    names = [(m["kind"], m["metadata"]["name"]) for m in manifests]
    assert len(set(names)) == len(names)
    for manifest in manifests:
        assert manifest["apiVersion"] == KINDS[manifest["kind"]]
        assert re.fullmatch(r"makegood-[a-z-]{1,54}", manifest["metadata"]["name"])
        labels = manifest["metadata"]["labels"]
        assert labels["app.kubernetes.io/instance"] == "makegood"
        assert manifest["metadata"]["name"] == f"makegood-{labels['app.kubernetes.io/component']}"
    made = {m["metadata"]["name"].removeprefix("makegood-") for m, _ in pods(manifests)}
    expected = {"postgres", "orchestrator", "dashboards", "spark-master", "spark-worker"}
    assert made - {"spark-connect"} == expected


def test_selectors_find_their_pods(manifests: list[dict[str, Any]]) -> None:
    labels = {}
    for manifest, _ in pods(manifests):
        labels[manifest["metadata"]["name"]] = manifest["spec"]["template"]["metadata"]["labels"]
        assert manifest["spec"]["selector"]["matchLabels"] == labels[manifest["metadata"]["name"]]
    for manifest in manifests:
        spec, name = manifest["spec"], manifest["metadata"]["name"]
        if manifest["kind"] == "Service":
            assert spec["selector"] == labels[name]
        if manifest["kind"] == "NetworkPolicy":
            assert spec["podSelector"]["matchLabels"] == labels[name]
            wanted = [f["podSelector"] for rule in spec["ingress"] for f in rule.get("from", [])]
            known = [
                *labels.values(),
                {**labels[name], "app.kubernetes.io/component": "spark-connect"},
            ]
            assert [w for w in wanted if w["matchLabels"] not in known] == []
    policies = {m["metadata"]["name"] for m in manifests if m["kind"] == "NetworkPolicy"}
    assert policies == labels.keys()


def test_ports_that_are_named_are_there(manifests: list[dict[str, Any]]) -> None:
    ports = {
        manifest["metadata"]["name"]: {
            port["name"]: port["containerPort"]
            for container in spec["containers"]
            for port in container.get("ports", [])
        }
        for manifest, spec in pods(manifests)
    }
    for manifest in manifests:
        own = ports[manifest["metadata"]["name"]]
        if manifest["kind"] == "Service":
            for port in manifest["spec"]["ports"]:
                assert own[port["targetPort"]] == port["port"]
        if manifest["kind"] == "NetworkPolicy":
            rules = manifest["spec"]["ingress"]
            assert {p["port"] for rule in rules for p in rule.get("ports", [])} <= own.keys()
        for container in containers(manifest):
            for kind in ("startupProbe", "readinessProbe", "livenessProbe"):
                probe = container.get(kind, {})
                asked = probe.get("tcpSocket") or probe.get("httpGet")
                assert asked is None or asked["port"] in own
            assert "livenessProbe" in container
    # the pages of Dagster are for `kubectl port-forward` alone
    assert ports["makegood-orchestrator"] == {}


def test_hosts_that_are_named_are_services(manifests: list[dict[str, Any]]) -> None:
    services = {m["metadata"]["name"]: m["spec"] for m in manifests if m["kind"] == "Service"}
    found = set()
    for manifest in manifests:
        for container in containers(manifest):
            values = [one.get("value", "") for one in container.get("env") or []]
            texts = "\n".join([*container.get("args", []), *values])
            for host, port in re.findall(r"(?:@|//)(makegood-[a-z-]+):(\d+)", texts):
                found.add(host)
                assert int(port) in {p["port"] for p in services[host]["ports"]}
    assert found >= {"makegood-postgres", "makegood-spark-master"}


def test_volumes_that_are_mounted_are_there(manifests: list[dict[str, Any]]) -> None:
    for manifest, spec in pods(manifests):
        claims = manifest["spec"].get("volumeClaimTemplates", [])
        declared = {v["name"] for v in spec.get("volumes", [])}
        declared |= {claim["metadata"]["name"] for claim in claims}
        mounts = [m for c in spec["containers"] for m in c["volumeMounts"]]
        assert {m["name"] for m in mounts} == declared
        # whoever reads landing or contracts may not write them, but for landing where it pulls
        written = {"landing"} if "connect" in declared else set()
        for mount in mounts:
            if mount["name"] in {"landing", "contracts", "connect"}:
                assert mount.get("readOnly", False) == (mount["name"] not in written)
    (dashboards,) = [s for m, s in pods(manifests) if m["metadata"]["name"].endswith("dashboards")]
    assert all(m["readOnly"] for c in dashboards["containers"] for m in c["volumeMounts"])


def test_secrets_are_references(manifests: list[dict[str, Any]]) -> None:
    secret = re.compile(r"PASSWORD|SECRET|CLIENT|COOKIE|HOOK")
    found = set()
    for manifest in manifests:
        for container in containers(manifest):
            for one in container.get("env") or []:
                assert ("value" in one) != ("valueFrom" in one), one
                if secret.search(one["name"]):
                    found.add(one["name"])
                    assert one["valueFrom"]["secretKeyRef"].keys() == {"name", "key"}
    assert found >= {
        "POSTGRES_PASSWORD",
        "MAKEGOOD_STORAGE_PASSWORD",
        "_SPARK_AUTH_SECRET",
        "MAKEGOOD_CLIENT",
        "MAKEGOOD_COOKIE",
    }


def test_nothing_runs_with_more_rights_than_it_needs(manifests: list[dict[str, Any]]) -> None:
    for _, spec in pods(manifests):
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["runAsUser"] > 0
        # a Service named spark-master would set SPARK_MASTER_PORT to a URL
        assert spec["enableServiceLinks"] is False
        assert spec["automountServiceAccountToken"] is False
        for container in spec["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "capabilities": {"drop": ["ALL"]},
            }
            assert container["resources"]["limits"].keys() == {"cpu", "memory"}
            assert re.fullmatch(r"[\w./-]+:(?!latest)[\w.-]+", container["image"])
