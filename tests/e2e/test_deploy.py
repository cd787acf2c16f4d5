"""The commands of `deploy/`, as processes of this machine: with the arguments and variables that
containers get, and only hosts, ports and folders replaced."""

import gzip
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from makegood.orchestration.serving.deliveries import SELECTION_REFUSED
from tests.conftest import CONTRACTS, Published, write_landing
from tests.e2e.test_command import MAKEGOOD
from tests.e2e.test_orchestrator_server import (
    LOCATION,
    Server,
    frames_of,
    launch,
    materialized,
    waited_for,
)
from tests.integration.test_landing import world
from tests.support.cluster import Postgres, postgres, programs_of_postgresql, required
from tests.support.deployment import (
    DEPLOY,
    Service,
    compose,
    example_values,
    services_of_chart,
    services_of_compose,
    with_connectors,
)
from tests.support.parity import differences
from tests.support.ports import free_port

# Spark, PostgreSQL, and servers that run the warehouse several times
# in one process: they share what they start
pytestmark = [pytest.mark.long, pytest.mark.cluster]

AS_OF = "2026-08-01T00:00:00Z"
# as hard to quote as a password can be
SECRETS = {
    "MAKEGOOD_STORAGE_PASSWORD": "st0rage p@ss/w:rd%20'\"#+?é",
    "MAKEGOOD_ORCHESTRATOR_PASSWORD": "p@ges:p@ss/wörd%",
    "MAKEGOOD_SPARK_SECRET": "sp@rk s3cret",
    "MAKEGOOD_CLIENT": "cl1ent-secret",
    "MAKEGOOD_COOKIE": "c00kie-secret-of-at-least-32-characters",
}
FOLDERS = {"MAKEGOOD_LANDING": "-", "MAKEGOOD_CONTRACTS": "-", "MAKEGOOD_ACCESS": "-"}
COMPOSE = services_of_compose(compose(SECRETS | FOLDERS))
CONNECTED = services_of_compose(with_connectors(SECRETS | FOLDERS | {"MAKEGOOD_CONNECT": "-"}))
CHART = services_of_chart(example_values())
# where the chart's values of secrets are
KEYS = {
    "makegood storage-password": SECRETS["MAKEGOOD_STORAGE_PASSWORD"],
    "makegood spark-secret": SECRETS["MAKEGOOD_SPARK_SECRET"],
    "sign-in client": SECRETS["MAKEGOOD_CLIENT"],
    "sign-in cookie": SECRETS["MAKEGOOD_COOKIE"],
}
ACCESS = """\
sign_in:
  metadata_url: https://id.example.com/.well-known/openid-configuration
  client_id: makegood
  client_secret: env:MAKEGOOD_CLIENT
  cookie_secret: env:MAKEGOOD_COOKIE
  redirect_uri: https://sla.example.com/oauth2callback
grants:
  - {claim: groups, value: sla-leads, role: leadership}
"""
FINISHED = {"SUCCESS", "FAILURE", "CANCELED"}


@dataclass
class Deployment:
    """The services of a deployment in one folder. What a container has at `/x` is `<folder>/x`."""

    folder: Path
    database: Postgres
    ports: dict[str, int]
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    target: str = "duckdb"

    def local(self, text: str) -> str:
        """A word or a value with hosts, ports and folders of this machine."""
        text = re.sub(r"(?<=@)(makegood-)?postgres(?=:)", "127.0.0.1", text)
        text = re.sub(r"(?<![\w.-])(makegood-)?spark-(master|connect)\b", "127.0.0.1", text)
        text = re.sub(r"^(code-server|status\.podIP)$", "127.0.0.1", text)
        numbers = r"(?<![\w.])(" + "|".join(self.ports) + r")(?!\w)"
        text = re.sub(numbers, lambda found: str(self.ports[found[0]]), text)
        roots = r"(?<![\w/.])/(warehouse|landing|contracts|scratch|run|etc)(?=/|\W|$)"
        return re.sub(roots, lambda found: f"{self.folder}{found[0]}", text)

    def variables(self, service: Service) -> dict[str, str]:
        path = [Path(sys.executable).parent, programs_of_postgresql(), os.environ["PATH"]]
        given = {
            name: KEYS.get(value) or (value if value in SECRETS.values() else self.local(value))
            for name, value in service.variables.items()
        }
        return {
            "PATH": ":".join(map(str, path)),
            "HOME": os.environ["HOME"],
            # the image has it
            "SPARK_CONF_DIR": str(DEPLOY / "spark"),
            # inside the container of PostgreSQL it is the local one
            "PGHOST": "127.0.0.1",
            "PGPORT": str(self.database.port),
            **given,
            # a run on Spark takes minutes here: `test_a_run_uses_the_workers` makes the one
            **({"MAKEGOOD_TARGET": self.target} if "MAKEGOOD_TARGET" in given else {}),
        }

    def words(self, service: Service) -> list[str]:
        return [self.local(word) for word in service.words]

    def start(self, service: Service) -> None:
        """Starts a service, and waits until it is healthy."""
        with open(self.log(service.name), "ab") as log:
            self.processes[service.name] = subprocess.Popen(
                self.words(service),
                env=self.variables(service),
                stdout=log,
                stderr=log,
                cwd=self.folder,
                start_new_session=True,
            )
        assert waited_for(lambda: self.has_ended(service) or self.is_healthy(service)), self.tail(
            service
        )
        assert not self.has_ended(service), self.tail(service)

    def has_ended(self, service: Service) -> bool:
        return self.processes[service.name].poll() is not None

    def is_healthy(self, service: Service) -> bool:
        """By the check of Compose, or by that of the chart where it has one of its own."""
        health = service.health or COMPOSE[service.name].health
        done = subprocess.run(
            [self.local(word) for word in health],
            env=self.variables(service),
            capture_output=True,
            check=False,
            timeout=60,
        )
        return done.returncode == 0

    def stop(self, name: str) -> None:
        """As a container is stopped: a signal to the first process, which ends all others."""
        process = self.processes.pop(name)
        process.terminate()
        process.wait(60)
        assert self.of_session(process.pid) == []

    def kill(self, name: str) -> None:
        """As a machine ends: everything at once."""
        process = self.processes.pop(name)
        # none may start another meanwhile
        for kind in (signal.SIGSTOP, signal.SIGKILL):
            for pid in self.of_session(process.pid):
                os.kill(pid, kind)
        process.wait(60)

    def of_session(self, session: int) -> list[int]:
        """The processes of a session that are at work."""
        listed = subprocess.run(
            ["ps", "-eo", "sess=,pid=,stat="], capture_output=True, text=True, check=True
        )
        rows = [line.split() for line in listed.stdout.splitlines()]
        return [int(pid) for of, pid, state in rows if int(of) == session and state[0] != "Z"]

    def log(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def tail(self, service: Service) -> str:
        return f"{service.name}: {self.log(service.name).read_text()[-3000:]}"

    # ---------------------------------------------------------------- Dagster

    @property
    def pages(self) -> "Pages":
        return Pages(self.ports["3000"], self.folder / "landing", self.folder / "warehouse")

    def launch(self, tag: str, job: str = "publish") -> str:
        launched = self.pages.ask(launch(tag, job=job))["launchRun"]
        assert launched["__typename"] == "LaunchRunSuccess", launched
        run: str = launched["run"]["runId"]
        return run

    def status(self, run: str) -> str:
        ((status,),) = self.database.query(f"select status from runs where run_id = '{run}'")
        return str(status)

    def ends(self, run: str) -> str:
        assert waited_for(lambda: self.status(run) in FINISHED), self.status(run)
        return self.status(run)


def basic(password: str) -> str:
    return "Basic " + b64encode(f"anyone:{password}".encode()).decode()


PASSWORD = basic(SECRETS["MAKEGOOD_ORCHESTRATOR_PASSWORD"])


class Pages(Server):
    """Dagster's pages for somebody who knows the password."""

    def ask(self, request: dict[str, Any], **headers: str | None) -> dict[str, Any]:
        return super().ask(request, Authorization=PASSWORD, **headers)


@contextmanager
def deployed(folder: Path) -> Iterator[Deployment]:
    """A folder and a database, with nothing started yet; ends what a test has left at work."""
    required("postgresql", "dagster-postgres", "java", "pyspark")
    made = ("contracts", "etc/makegood", "home", "landing", "run/makegood", "scratch", "warehouse")
    for name in made:
        (folder / name).mkdir(parents=True)
    shutil.copytree(CONTRACTS, folder / "contracts", dirs_exist_ok=True)
    write_landing(folder / "landing", world())
    (folder / "etc" / "makegood" / "access.yaml").write_text(ACCESS)
    ports = {
        name: free_port() for name in ("3000", "5432", "7077", "8080", "8081", "8501", "15002")
    }
    given = COMPOSE["postgres"].variables
    with postgres(
        ports["5432"],
        given["POSTGRES_USER"],
        given["POSTGRES_DB"],
        given["POSTGRES_PASSWORD"],
    ) as database:
        deployment = Deployment(folder, database, ports)
        try:
            yield deployment
        finally:
            for name in list(deployment.processes):
                deployment.kill(name)


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """All that `docker compose up` starts, in its order."""
    with deployed(tmp_path_factory.mktemp("deploy")) as deployment:
        assert deployment.is_healthy(COMPOSE["postgres"])
        for name in ("spark-master", "spark-worker", "code-server", "daemon", "webserver"):
            deployment.start(COMPOSE[name])
        yield deployment


# ---------------------------------------------------------------- Dagster on PostgreSQL


def test_runs_wait_for_each_other_in_postgresql(deployment: Deployment) -> None:
    """Two that are launched at once, and possibly that of the sensor."""
    launched = [deployment.launch(tag) for tag in ("first", "second")]
    assert [deployment.ends(run) for run in launched] == ["SUCCESS", "SUCCESS"]
    database = deployment.database
    assert waited_for(
        lambda: {status for (status,) in database.query("select status from runs")} <= FINISHED
    )
    runs = database.query("select run_id, start_time, end_time from runs order by start_time")
    assert {run for run, _, _ in runs} >= set(launched)
    assert [(a, b) for a, b in pairwise(runs) if b[1] < a[2]] == []
    for run in launched:
        ((made,),) = database.query(
            "select count(distinct asset_key) from event_logs where "
            f"run_id = '{run}' and dagster_event_type = 'ASSET_MATERIALIZATION'"
        )
        assert made > 100
    assert {kind for (kind,) in database.query("select instigator_type from instigators")} == {
        "SENSOR",
        "SCHEDULE",
    }
    warehouse = deployment.folder / "warehouse"
    assert Published(warehouse).mart("availability")
    # nothing of it is in the warehouse as without a storage
    assert list((warehouse / "orchestrator").rglob("*.db*")) == []


def refused(deployment: Deployment, feed: str) -> bool:
    """Whether a feed alone is refused, by a run that opens no warehouse and therefore ends soon."""
    return materialized(deployment.pages, [f"feeds/{feed}"]).outcome == SELECTION_REFUSED


def test_the_webserver_finds_what_was_there_before(deployment: Deployment) -> None:
    """Stopped, and started as the chart does it: on this machine's address and without password."""
    assert refused(deployment, "services")
    deployment.stop("webserver")
    deployment.start(CHART["webserver"])
    question = {"query": "{ runsOrError { ... on Runs { results { runId } } } }"}
    listed = deployment.pages.ask(question)["runsOrError"]["results"]
    kept = deployment.database.query("select run_id from runs")
    assert {found["runId"] for found in listed} == {run for (run,) in kept}
    deployment.stop("webserver")
    deployment.start(COMPOSE["webserver"])
    assert deployment.pages.ask(question)["runsOrError"]["results"] == listed


def test_a_code_server_that_was_killed_holds_up_nothing(deployment: Deployment) -> None:
    """The run that it was killed in has failed; the one in the queue is run by the next one, which
    daemon and webserver find by themselves."""
    killed, waiting = deployment.launch("killed"), deployment.launch("waiting")
    assert waited_for(lambda: deployment.status(killed) == "STARTED")
    deployment.kill("code-server")
    deployment.start(COMPOSE["code-server"])
    assert deployment.ends(killed) == "FAILURE"
    assert deployment.ends(waiting) == "SUCCESS"
    assert refused(deployment, "components")


RELOAD = f"""mutation {{ reloadRepositoryLocation(repositoryLocationName: "{LOCATION}") {{
  ... on WorkspaceLocationEntry {{ locationOrLoadError {{ ... on RepositoryLocation {{ name }} }} }}
}} }}"""
EXPORT = """\
sources:
  spreadsheet:
    system: plain
    files: {}
    exports:
      - files: customers.csv
        rows:
          - feed: customers
            columns: {customer_id: Number, name: Name}
"""


def test_systems_are_read_into_the_landing_folder(deployment: Deployment) -> None:
    """By what `compose.connect.yaml` adds, once the definitions are reloaded on Dagster's pages."""
    etc = deployment.folder / "etc" / "makegood"
    (etc / "connect.yaml").write_text(EXPORT)
    (etc / "customers.csv").write_text("Number,Name\nK9,Nine\n")
    deployment.stop("code-server")
    deployment.start(CONNECTED["code-server"])
    reloaded = deployment.pages.ask({"query": RELOAD})["reloadRepositoryLocation"]
    assert reloaded["locationOrLoadError"]["name"] == LOCATION
    assert deployment.ends(deployment.launch("pull", job="pull")) == "SUCCESS"
    (delivered,) = (deployment.folder / "landing" / "customers" / "connect").rglob("*.jsonl.gz")
    row = json.loads(gzip.decompress(delivered.read_bytes()))
    assert row == {"customer_id": "K9", "name": "Nine"}


QUESTION = json.dumps({"query": "{ version }"}).encode()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Authorization": PASSWORD}, 200),
        ({}, 401),
        ({"Authorization": basic("")}, 401),
        ({"Authorization": basic(SECRETS["MAKEGOOD_ORCHESTRATOR_PASSWORD"] + " ")}, 401),
        # the guard refuses with the password what it refuses without
        ({"Authorization": PASSWORD, "Host": "sla.example.com:PORT"}, 403),
        ({"Authorization": PASSWORD, "Origin": "http://evil.example"}, 403),
        ({"Authorization": PASSWORD, "Content-Type": "text/plain"}, 403),
    ],
)
def test_the_pages_are_guarded(
    deployment: Deployment, headers: dict[str, str | None], status: int
) -> None:
    sent = {"Content-Type": "application/json", **headers}
    found, answer = deployment.pages.send("POST", "/graphql", sent, QUESTION)
    assert found == status, answer


def test_pages_in_a_browser_ask_for_the_password(deployment: Deployment, chromium: Any) -> None:
    """Once for all requests and WebSockets."""
    password = SECRETS["MAKEGOOD_ORCHESTRATOR_PASSWORD"]
    context = chromium.new_context(http_credentials={"username": "me", "password": password})
    page = context.new_page()
    statuses: set[int] = set()
    frames = frames_of(page)
    page.on("response", lambda response: statuses.add(response.status))
    page.goto(f"http://127.0.0.1:{deployment.pages.port}/runs")
    page.get_by_text("publish").first.wait_for(timeout=60_000)
    assert waited_for(
        lambda: page.evaluate("1") == 1 and any("connection_ack" in frame for frame in frames), 60
    )
    assert statuses - {401} <= {200, 304}
    context.close()


@pytest.mark.parametrize("what", ["database", "warehouse"])
def test_a_second_orchestrator_is_refused(
    deployment: Deployment, tmp_path: Path, what: str
) -> None:
    """On the same database with another warehouse, and the other way round."""
    service = COMPOSE["code-server"]
    variables = deployment.variables(service)
    changed = {"--socket": str(tmp_path / "code")}
    if what == "database":
        changed["--warehouse"] = str(tmp_path / "w")
        reason = f"another orchestrator is at work on {deployment.database.address}: end it first"
    else:
        # all parts at once, with their history in the warehouse
        changed |= {"--only": "", "--socket": ""}
        variables |= {"MAKEGOOD_STORAGE": ""}
        warehouse = deployment.folder / "warehouse"
        reason = f"another orchestrator is at work on {warehouse}: end it first"
    words = []
    for word in deployment.words(service):
        name, _, value = word.partition("=")
        if changed.get(name) != "":
            words.append(f"{name}={changed.get(name, value)}" if value else word)
    done = subprocess.run(
        words, env=variables, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 1
    assert f"makegood: {reason}" in done.stderr


def test_a_wrong_password_is_not_shown(deployment: Deployment) -> None:
    service = COMPOSE["daemon"]
    wrong = {"MAKEGOOD_STORAGE_PASSWORD": "wr0ng-password"}
    done = subprocess.run(
        deployment.words(service),
        env=deployment.variables(service) | wrong,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 1
    assert f"makegood: {deployment.database.address} can't be opened: " in done.stderr
    assert "password authentication failed" in done.stderr
    assert "wr0ng-password" not in done.stdout + done.stderr


# ---------------------------------------------------------------- the dashboards


@pytest.mark.parametrize("by", ["compose", "chart"])
def test_the_dashboards_ask_people_to_sign_in(deployment: Deployment, by: str) -> None:
    deployment.start({"compose": COMPOSE, "chart": CHART}[by]["dashboards"])
    said = deployment.log("dashboards").read_text()
    assert "people sign in at https://sla.example.com" in said.splitlines()[0]
    page = urllib.request.urlopen(f"http://127.0.0.1:{deployment.ports['8501']}/", timeout=60)
    assert page.status == 200
    deployment.stop("dashboards")


# ---------------------------------------------------------------- Spark


SUM = """
import sys
from pyspark.sql import SparkSession
builder = SparkSession.builder.config("spark.cores.max", "1")
where = sys.argv[1]
builder = builder.remote(where) if where.startswith("sc:") else builder.master(where)
session = builder.getOrCreate()
print("sum", session.range(1000).selectExpr("sum(id) as s").collect()[0].s)
session.stop()
"""


def driver(deployment: Deployment, where: str, **variables: str) -> subprocess.Popen[str]:
    """A sum that executors work out, for a driver with the variables of the code server."""
    return subprocess.Popen(
        ["python", "-c", SUM, deployment.local(where)],
        env=deployment.variables(COMPOSE["code-server"]) | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def of_master(deployment: Deployment) -> dict[str, Any]:
    with urllib.request.urlopen(f"http://127.0.0.1:{deployment.ports['8080']}/json/") as answer:
        found: dict[str, Any] = json.load(answer)
        return found


def test_runs_find_the_workers(deployment: Deployment) -> None:
    said, log = driver(deployment, COMPOSE["code-server"].variables["MAKEGOOD_SPARK"]).communicate(
        timeout=300
    )
    assert "sum 499500" in said, log[-3000:]
    (worker,) = of_master(deployment)["workers"]
    assert (worker["state"], worker["cores"], worker["memory"]) == ("ALIVE", 2, 4096)


def test_a_run_uses_the_workers(deployment: Deployment) -> None:
    """With the environment of the code server, as it is."""
    service = COMPOSE["code-server"]
    assert service.variables["MAKEGOOD_TARGET"] == "spark"
    folder = deployment.folder
    warehouses = {"spark": folder / "scratch" / "spark", "duckdb": folder / "scratch" / "duckdb"}
    for target, warehouse in warehouses.items():
        words = ("--landing", folder / "landing", "--warehouse", warehouse)
        done = subprocess.run(
            [MAKEGOOD, "run", *words, "--contracts", folder / "contracts", "--as-of", AS_OF],
            env=deployment.variables(service) | {"MAKEGOOD_TARGET": target},
            capture_output=True,
            text=True,
            check=False,
            timeout=1800,
        )
        assert done.returncode == 0, done.stderr
    assert differences(*warehouses.values()) == []
    # this run, and the sum before it
    assert len(of_master(deployment)["completedapps"]) == 2


def test_who_does_not_know_the_secret_is_refused(deployment: Deployment) -> None:
    """Also who knows only what drivers are told in place of a secret."""
    told = "-Dspark.authenticate.secret=in-the-environment "
    assert COMPOSE["code-server"].variables["SPARK_SUBMIT_OPTS"].startswith(told)
    before = [app["id"] for app in of_master(deployment)["completedapps"]]
    secrets = ("another", "in-the-environment", "")
    for each in [
        driver(deployment, "spark://spark-master:7077", _SPARK_AUTH_SECRET=secret)
        for secret in secrets
    ]:
        said, _ = each.communicate(timeout=300)
        assert (each.returncode, "sum" in said) == (1, False)
    master = of_master(deployment)
    assert master["activeapps"] == []
    assert [app["id"] for app in master["completedapps"]] == before


def test_spark_connect_answers(deployment: Deployment) -> None:
    deployment.start(COMPOSE["spark-connect"])
    said, log = driver(deployment, "sc://spark-connect:15002").communicate(timeout=300)
    assert "sum 499500" in said, log[-3000:]
    deployment.stop("spark-connect")


# ---------------------------------------------------------------- at the end


def test_every_service_was_started_and_is_healthy(deployment: Deployment) -> None:
    at_work = {"spark-master", "spark-worker", "code-server", "daemon", "webserver"}
    assert deployment.processes.keys() == at_work
    assert [name for name in at_work if not deployment.is_healthy(COMPOSE[name])] == []
    started = {path.stem for path in deployment.folder.glob("*.log")}
    assert started | {"postgres"} == COMPOSE.keys()


def test_no_secret_was_written_or_shown(deployment: Deployment) -> None:
    """In logs, files of Dagster, and the words of processes."""
    texts = {
        path.name: path.read_text(errors="replace")
        for path in [
            *deployment.folder.glob("*.log"),
            *(deployment.folder / "warehouse" / "orchestrator").rglob("*"),
        ]
        if path.is_file()
    }
    assert {"dagster.yaml", "code-server.log", "spark-master.log"} <= texts.keys()
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)
    texts["ps"] = listed.stdout
    found = [
        (name, secret)
        for secret, value in SECRETS.items()
        for form in (value, urllib.request.quote(value), urllib.request.quote(value, safe=""))
        for name, text in texts.items()
        if form in text
    ]
    assert found == []


def test_each_service_ends_by_a_signal(deployment: Deployment) -> None:
    for name in ("webserver", "daemon", "code-server", "spark-worker", "spark-master"):
        deployment.stop(name)
    assert deployment.processes == {}
