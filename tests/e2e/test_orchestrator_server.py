"""The orchestrator as the command serves it: what its own pages do works, what pages of others can
make a browser send is refused, and no request says which folders a run is about."""

import json
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin, Subprotocol

from makegood.orchestration.serving.deliveries import OUTCOME, SELECTION_REFUSED, TRIED
from tests.conftest import Published, write_landing
from tests.e2e.test_command import makegood
from tests.e2e.test_dashboards import serving
from tests.integration.test_landing import world

# servers of their own; tests/integration/test_orchestrator.py runs the same jobs in this process
pytestmark = pytest.mark.long


LOCATION = "makegood.orchestration.definitions"
LAUNCH = """mutation Launch($job: String!, $config: RunConfigData, $tag: String!) {
  launchRun(executionParams: {
    selector: {
      repositoryLocationName: "makegood.orchestration.definitions"
      repositoryName: "__repository__", jobName: $job
    }
    runConfigData: $config
    executionMetadata: {tags: [{key: "by", value: $tag}]}
  }) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on RunConfigValidationInvalid { errors { message } }
  }
}"""
RUNS = """query Runs($tag: String!) {
  runsOrError(filter: {tags: [{key: "by", value: $tag}]}) {
    ... on Runs { results { runId status } }
  }
}"""


def launch(tag: str, config: dict[str, Any] | None = None, job: str = "publish") -> dict[str, Any]:
    return {"query": LAUNCH, "variables": {"job": job, "config": config or {}, "tag": tag}}


# the same without variables, in one line, as an address has it
HOSTILE = (
    " ".join(LAUNCH[LAUNCH.index("{") :].split())
    .replace("$job", '"publish"')
    .replace("$config", "{}")
    .replace("$tag", '"hostile"')
)
HOSTILE_QUERY = f"query={quote('mutation ' + HOSTILE)}"


@dataclass(frozen=True)
class Server:
    port: int
    landing: Path
    warehouse: Path

    def send(
        self, method: str, path: str, headers: dict[str, str | None], body: bytes = b""
    ) -> tuple[int, bytes]:
        """Sends exactly these headers, with this server as Host if none is among them; None: not
        that one."""
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=60)) as connection:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            for name, value in {
                "Host": f"127.0.0.1:{self.port}",
                "Content-Length": str(len(body)),
                **headers,
            }.items():
                for one in (value or "").split("\n") if value is not None else []:
                    connection.putheader(name, one.replace("PORT", str(self.port)))
            connection.endheaders(body)
            answer = connection.getresponse()
            return answer.status, answer.read()

    def ask(self, request: dict[str, Any], **headers: str | None) -> dict[str, Any]:
        """GraphQL as Dagster's pages send it."""
        sent = {
            "Content-Type": "application/json",
            "Origin": f"http://127.0.0.1:{self.port}",
            "Sec-Fetch-Site": "same-origin",
            **headers,
        }
        status, answer = self.send("POST", "/graphql", sent, json.dumps(request).encode())
        assert status == 200, answer
        return json.loads(answer)["data"]

    def runs(self, tag: str) -> list[str]:
        found = self.ask({"query": RUNS, "variables": {"tag": tag}})
        return [run["status"] for run in found["runsOrError"]["results"]]

    def opens(self, **headers: str) -> str | None:
        """The first answer on a WebSocket of GraphQL; None where it is refused."""
        host = headers.get("Host", "127.0.0.1:PORT").replace("PORT", str(self.port))
        origin = headers.get("Origin", f"http://{host}").replace("PORT", str(self.port))
        try:
            stream = connect(
                f"ws://{host}/graphql",
                sock=socket.create_connection(("127.0.0.1", self.port), timeout=60),
                proxy=None,
                origin=Origin(origin) if origin else None,
                subprotocols=[Subprotocol("graphql-ws")],
                additional_headers={k: v for k, v in headers.items() if k.startswith("Sec-")},
            )
        except InvalidStatus as error:
            if error.response.status_code != 403:
                raise
            return None
        with stream:
            stream.send('{"type": "connection_init", "payload": {}}')
            return str(json.loads(stream.recv(timeout=60))["type"])


def waited_for(is_so: Callable[[], bool], seconds: int = 600) -> bool:
    until = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > until:
            return False
        time.sleep(0.5)
    return True


def of_session(pid: int) -> list[str]:
    """The processes of a session that are at work."""
    listed = subprocess.run(
        ["ps", "-eo", "sess=,stat=,args="], capture_output=True, text=True, check=True
    ).stdout
    rows = [line.split(maxsplit=2) for line in listed.splitlines()]
    return [
        args for session, state, args in rows if int(session) == pid and not state.startswith("Z")
    ]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("orchestrator")
    landing = write_landing(folder / "landing", world())
    with serving(
        "orchestrator", "--landing", landing, "--warehouse", folder / "w", health="/server_info"
    ) as (address, pid):
        yield Server(urlsplit(address).port or 0, landing, folder / "w")
    # one process was sent the signal
    assert of_session(pid) == []


def test_a_run_is_launched_as_the_pages_do_it(server: Server) -> None:
    launched = server.ask(launch("page"))["launchRun"]
    assert launched["__typename"] == "LaunchRunSuccess", launched
    assert waited_for(lambda: server.runs("page") in (["SUCCESS"], ["FAILURE"]))
    assert server.runs("page") == ["SUCCESS"]
    assert Published(server.warehouse).mart("availability")


@pytest.mark.parametrize("name", ["landing", "warehouse", "contracts", "alerts", "threads"])
def test_no_request_names_a_folder(server: Server, tmp_path: Path, name: str) -> None:
    config = {"resources": {"run": {"config": {name: str(tmp_path / "other")}}}}
    refused = server.ask(launch("folder", config))["launchRun"]
    assert refused["__typename"] == "RunConfigValidationInvalid"
    assert f'unexpected config entry "{name}"' in refused["errors"][0]["message"]
    assert server.runs("folder") == []


# what Dagster's pages launch when assets are materialized by hand
PART = """mutation Part(
  $assets: [AssetKeyInput!]!, $checks: [AssetCheckHandleInput!], $tag: String!
) {
  launchRun(executionParams: {
    selector: {
      repositoryLocationName: "makegood.orchestration.definitions", repositoryName: "__repository__"
      jobName: "__ASSET_JOB", assetSelection: $assets, assetCheckSelection: $checks
    }
    executionMetadata: {tags: [{key: "by", value: $tag}]}
  }) { __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } }
}"""
EVENTS = """query Events($run: ID!) { runOrError(runId: $run) { ... on Run {
  status tags { key value }
  eventConnection(limit: 5000) { events {
    __typename
    ... on MaterializationEvent { assetKey { path } }
    ... on AssetCheckEvaluationEvent { evaluation { assetKey { path } checkName success } }
    ... on ExecutionStepFailureEvent { error { message } }
  } }
} } }"""
ALL_ASSETS = "{ assetNodes { assetKey { path } } }"


@dataclass(frozen=True)
class Part:
    """How a run of some assets ended."""

    status: str
    outcome: str
    error: str
    assets: set[str]
    checks: set[tuple[str, str, bool]]


def path(name: str) -> dict[str, list[str]]:
    return {"path": name.split("/")}


def materialized(server: Server, assets: list[str], checks: dict[str, str] | None = None) -> Part:
    """Materializes assets, and evaluates a check by asset; None: all checks of the assets."""
    tag = f"part {assets[:1]} {checks}"
    chosen = None
    if checks is not None:
        chosen = [{"assetKey": path(name), "name": check} for name, check in checks.items()]
    variables = {"assets": [path(name) for name in assets], "checks": chosen, "tag": tag}
    launched = server.ask({"query": PART, "variables": variables})["launchRun"]
    assert launched["__typename"] == "LaunchRunSuccess", launched
    assert waited_for(lambda: server.runs(tag) in (["SUCCESS"], ["FAILURE"]))
    question = {"query": EVENTS, "variables": {"run": launched["run"]["runId"]}}
    run = server.ask(question)["runOrError"]
    events = run["eventConnection"]["events"]
    evaluated = [e["evaluation"] for e in events if "evaluation" in e]
    return Part(
        run["status"],
        {tag["key"]: tag["value"] for tag in run["tags"]}[OUTCOME],
        "".join(e["error"]["message"] for e in events if "error" in e),
        {"/".join(e["assetKey"]["path"]) for e in events if "assetKey" in e},
        {("/".join(e["assetKey"]["path"]), e["checkName"], e["success"]) for e in evaluated},
    )


def left(server: Server) -> tuple[int, Path, str]:
    """What runs leave: how many are recorded, what is published, which alerts are kept."""
    alerts = server.warehouse / "alerts.json"
    return (
        len(list((server.warehouse / "runs").glob("*.json"))),
        (server.warehouse / "published").resolve(),
        alerts.read_text() if alerts.exists() else "",
    )


OF_REPOSITORY = f'repositoryLocationName: "{LOCATION}", repositoryName: "__repository__"'
SCHEDULE = f'{OF_REPOSITORY}, scheduleName: "daily"'
DAILY = f"""{{ scheduleOrError(scheduleSelector: {{ {SCHEDULE} }}) {{
  ... on Schedule {{ scheduleState {{ id status }} }}
}} }}"""
STOP = """mutation Stop($id: String!) { stopRunningSchedule(id: $id) { __typename } }"""
SENSOR = f'{OF_REPOSITORY}, sensorName: "on_delivery"'
LAST_LOOK = f"""{{ sensorOrError(sensorSelector: {{ {SENSOR} }}) {{
  ... on Sensor {{ sensorState {{ ticks(limit: 1) {{ skipReason }} }} }}
}} }}"""


def settled(server: Server) -> bool:
    """Whether the sensor has had what is delivered run, and asks for nothing more."""
    ticks = server.ask({"query": LAST_LOOK})["sensorOrError"]["sensorState"]["ticks"]
    return [tick["skipReason"] for tick in ticks] == ["nothing new has been delivered"]


@pytest.fixture(scope="module")
def published(server: Server) -> Server:
    """A server on which only what a test launches is at work."""
    daily = server.ask({"query": DAILY})["scheduleOrError"]["scheduleState"]
    server.ask({"query": STOP, "variables": {"id": daily["id"]}})
    assert server.ask({"query": DAILY})["scheduleOrError"]["scheduleState"]["status"] == "STOPPED"
    launched = server.ask(launch("first"))["launchRun"]
    assert launched["__typename"] == "LaunchRunSuccess", launched
    assert waited_for(lambda: server.runs("first") in (["SUCCESS"], ["FAILURE"]))
    assert server.runs("first") == ["SUCCESS"]
    assert waited_for(lambda: settled(server))
    return server


CHECK = {"marts/downtime_by_period": "downtime_adds_up"}
# assets and checks, and the beginning of why they can't be run
IMPOSSIBLE: dict[str, tuple[list[str], dict[str, str] | None, str]] = {
    "a feed": (["feeds/services"], None, "feeds/services can't be materialized without"),
    "a feed and a mart": (
        ["marts/credits", "feeds/services"],
        None,
        "feeds/services can't be materialized without",
    ),
    "a check of a feed": (
        [],
        {"feeds/services": "volume"},
        "volume of feeds/services can't be evaluated alone",
    ),
}


@pytest.mark.parametrize("what", IMPOSSIBLE)
def test_an_impossible_selection_opens_nothing(published: Server, what: str) -> None:
    before = left(published)
    assets, checks, error = IMPOSSIBLE[what]
    done = materialized(published, assets, checks)
    assert (done.status, done.outcome) == ("FAILURE", SELECTION_REFUSED)
    assert error in done.error
    assert "Select publication/makegood, which runs everything it needs" in done.error
    assert (done.assets, done.checks) == (set(), set())
    assert left(published) == before


def test_a_model_and_below_is_built_and_not_published(published: Server) -> None:
    before = left(published)
    done = materialized(published, ["marts/availability", "intermediate/int_downtime"])
    assert (done.status, done.outcome) == ("SUCCESS", TRIED), done.error
    assert {"intermediate/int_downtime", "marts/availability", "marts/credits"} <= done.assets
    assert not {"publication/makegood", "feeds/outages", "marts/contracts"} & done.assets
    assert ("marts/downtime_by_period", "downtime_adds_up", True) in done.checks
    assert left(published) == before


def test_a_check_alone_is_evaluated_on_what_is_published(published: Server) -> None:
    before = left(published)
    done = materialized(published, [], CHECK)
    assert (done.status, done.outcome) == ("SUCCESS", TRIED), done.error
    assert done.assets == set()
    assert done.checks == {("marts/downtime_by_period", "downtime_adds_up", True)}
    assert left(published) == before


@pytest.mark.parametrize("what", ["one asset", "everything"])
def test_the_publication_is_made_whole(published: Server, what: str) -> None:
    """One asset of which everything is needed, and everything, are the same run."""
    nodes = published.ask({"query": ALL_ASSETS})["assetNodes"]
    everything = {"/".join(node["assetKey"]["path"]) for node in nodes}
    runs, database, alerts = left(published)
    chosen = ["publication/makegood"] if what == "one asset" else sorted(everything)
    done = materialized(published, chosen)
    assert (done.status, done.outcome) == ("SUCCESS", "published"), done.error
    assert done.assets == everything
    assert ("marts/downtime_by_period", "downtime_adds_up", True) in done.checks
    assert ("feeds/services", "volume", True) in done.checks
    after = left(published)
    assert after[0] == runs + 1
    assert after[1] != database
    assert open_alerts(after[2]) == open_alerts(alerts)


def open_alerts(text: str) -> set[tuple[str, str]]:
    """Kind and subject of the alerts that are kept."""
    entries = json.loads(text)["entries"] if text else []
    return {(entry["alert"]["kind"], entry["alert"]["subject"]) for entry in entries}


JSON = {"Content-Type": "application/json"}
REFUSED: dict[str, tuple[str, str, dict[str, str | None]]] = {
    "a mutation by GET": ("GET", f"/graphql?{HOSTILE_QUERY}", {}),
    "a mutation by GET, asking for a page": (
        "GET",
        f"/graphql?{HOSTILE_QUERY}",
        {"Accept": "text/html"},
    ),
    "a mutation by GET, to a path that a route takes for the same": (
        "GET",
        f"/graphql%0A?{HOSTILE_QUERY}",
        {},
    ),
    "a mutation by HEAD": ("HEAD", f"/graphql?{HOSTILE_QUERY}", {}),
    "a form": (
        "POST",
        f"/graphql?{HOSTILE_QUERY}",
        {"Content-Type": "application/x-www-form-urlencoded"},
    ),
    "a form with files": (
        "POST",
        f"/graphql?{HOSTILE_QUERY}",
        {"Content-Type": "multipart/form-data; boundary=x"},
    ),
    "text": ("POST", "/graphql", {"Content-Type": "text/plain"}),
    "text that calls itself JSON": (
        "POST",
        "/graphql",
        {"Content-Type": "text/plain; application/json"},
    ),
    "two types": ("POST", "/graphql", {"Content-Type": "application/json\ntext/plain"}),
    "no type": ("POST", f"/graphql?{HOSTILE_QUERY}", {}),
    "GraphQL as such": ("POST", "/graphql", {"Content-Type": "application/graphql"}),
    "another host": ("POST", "/graphql", {**JSON, "Host": "evil.example:PORT"}),
    "a name that leads here": (
        "POST",
        "/graphql",
        {**JSON, "Host": "evil.example:PORT", "Origin": "http://evil.example:PORT"},
    ),
    "a name that begins like ours": (
        "POST",
        "/graphql",
        {**JSON, "Host": "127.0.0.1.evil.example:PORT"},
    ),
    "our name with a dot": ("POST", "/graphql", {**JSON, "Host": "localhost.:PORT"}),
    "our name without the port": ("POST", "/graphql", {**JSON, "Host": "localhost"}),
    "our name with another port": ("POST", "/graphql", {**JSON, "Host": "localhost:1"}),
    "another address of this machine": ("POST", "/graphql", {**JSON, "Host": "0.0.0.0:PORT"}),
    "two hosts": ("POST", "/graphql", {**JSON, "Host": "localhost:PORT\nevil.example"}),
    "an empty host": ("POST", "/graphql", {**JSON, "Host": ""}),
    "another origin": ("POST", "/graphql", {**JSON, "Origin": "http://evil.example"}),
    "no page's origin": ("POST", "/graphql", {**JSON, "Origin": "null"}),
    "an origin of another port": ("POST", "/graphql", {**JSON, "Origin": "http://127.0.0.1:8501"}),
    "an origin of another name of ours": (
        "POST",
        "/graphql",
        {**JSON, "Origin": "http://localhost:PORT"},
    ),
    "an origin by HTTPS": ("POST", "/graphql", {**JSON, "Origin": "https://127.0.0.1:PORT"}),
    "two origins": (
        "POST",
        "/graphql",
        {**JSON, "Origin": "http://127.0.0.1:PORT\nhttp://evil.example"},
    ),
    "from another site": ("POST", "/graphql", {**JSON, "Sec-Fetch-Site": "cross-site"}),
    "from another port": ("POST", "/graphql", {**JSON, "Sec-Fetch-Site": "same-site"}),
    "the question before": (
        "OPTIONS",
        "/graphql",
        {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"},
    ),
    "another method": ("PUT", "/graphql", JSON),
    "a page in a frame of another": (
        "GET",
        "/",
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "iframe"},
    ),
    "a page by another name": ("GET", "/", {"Host": "evil.example:PORT"}),
    "logs by another name": ("GET", "/logs/x", {"Host": "evil.example:PORT"}),
    "a run by another name": ("GET", "/download_debug/x", {"Host": "evil.example:PORT"}),
    "a notebook by another name": (
        "GET",
        "/notebook?path=x.ipynb&repoLocName=x",
        {"Host": "evil.example:PORT"},
    ),
    "a report on an asset": (
        "POST",
        "/report_asset_materialization/publication/makegood",
        {"Content-Type": "text/plain"},
    ),
    "a report on an asset from elsewhere": (
        "POST",
        "/report_asset_check/marts/credits",
        {**JSON, "Origin": "http://evil.example"},
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_other_pages_can_send_is_refused(server: Server, what: str) -> None:
    method, path, headers = REFUSED[what]
    status, answer = server.send(
        method,
        path,
        headers,
        json.dumps(launch("hostile")).encode() if method in ("POST", "PUT") else b"",
    )
    assert status == 403, answer
    assert answer.startswith(b"Refused: ") or method == "HEAD"
    assert server.runs("hostile") == []


def test_a_request_without_a_host_is_refused(server: Server) -> None:
    # HTTP/1.0, where a host may be missing
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as line:
        line.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert line.recv(100).split()[1] == b"403"


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "localhost:PORT", "Origin": "http://localhost:PORT"},
        {"Host": "LOCALHOST:PORT", "Origin": "http://localhost:PORT"},
        {"Host": "[::1]:PORT", "Origin": "http://[::1]:PORT"},
        {"Content-Type": "application/json; charset=utf-8"},
        {"Origin": None, "Sec-Fetch-Site": None},
        {"Sec-Fetch-Site": "none"},
    ],
)
def test_what_our_pages_send_is_answered(server: Server, headers: dict[str, str | None]) -> None:
    assert server.ask({"query": "{ version }"}, **headers)["version"]


def test_nothing_is_shown_in_a_frame(server: Server) -> None:
    with closing(HTTPConnection("127.0.0.1", server.port, timeout=60)) as connection:
        connection.request("GET", "/")
        assert connection.getresponse().getheader("X-Frame-Options") == "DENY"


def test_a_websocket_is_for_our_pages(server: Server) -> None:
    assert server.opens() == "connection_ack"
    assert server.opens(Host="localhost:PORT") == "connection_ack"
    for foreign in (
        "http://evil.example",
        "null",
        "http://127.0.0.1:8501",
        "http://localhost:PORT",
    ):
        assert server.opens(Origin=foreign) is None
    assert server.opens(Host="evil.example:PORT") is None
    assert server.opens(Host="evil.example:PORT", Origin="") is None
    assert server.opens(**{"Sec-Fetch-Site": "cross-site"}) is None


def frames_of(page: Any) -> list[str]:
    """The frames that the page's WebSockets receive from now on."""
    frames: list[str] = []
    page.on(
        "websocket",
        lambda opened: opened.on("framereceived", lambda frame: frames.append(str(frame))),
    )
    return frames


def test_the_pages_work_in_a_browser(server: Server, chromium: Any) -> None:
    page = chromium.new_page()
    statuses: list[int] = []
    frames = frames_of(page)
    page.on("response", lambda response: statuses.append(response.status))
    page.goto(f"http://localhost:{server.port}/locations/{LOCATION}/jobs/publish/playground")
    page.get_by_role("button", name="Launch run").wait_for(timeout=60_000)
    assert waited_for(
        lambda: page.evaluate("1") == 1 and any("connection_ack" in frame for frame in frames)
    )
    assert set(statuses) <= {200, 304}
    page.close()


ATTACK = """<body><script>
const own = "http://127.0.0.1:PORT", launch = LAUNCH, address = own + "/graphql?QUERY";
const lost = promise => promise.then(() => 1, () => 1);
const element = (tag, what) => new Promise(done => {
  const made = Object.assign(document.createElement(tag), what, {onload: done, onerror: done});
  document.body.append(made);
});
const form = document.createElement("form");
Object.assign(form, {action: address, method: "post", target: "frame", enctype: "text/plain"});
document.body.append(form);
const stream = new WebSocket("ws://127.0.0.1:PORT/graphql", "graphql-ws");
Promise.all([
  element("img", {src: address}),
  element("iframe", {src: own, name: "frame"}).then(() => form.submit()),
  ...["text/plain", "text/plain; application/json", "application/json"].flatMap(type =>
    ["no-cors", "cors"].map(mode => lost(fetch(own + "/graphql",
      {method: "POST", mode, headers: {"Content-Type": type}, body: launch})))),
  lost(fetch(address, {mode: "no-cors"})),
  new Promise(done => {
    stream.onopen = () => { window.opened = true; done(); };
    stream.onerror = done;
  }),
]).then(() => { window.tried = true; });
</script>"""


def test_a_page_of_others_does_nothing(server: Server, chromium: Any) -> None:
    """In a browser, with all that a page can send by itself."""
    text = (
        ATTACK.replace("LAUNCH", json.dumps(json.dumps(launch("hostile"))))
        .replace("QUERY", HOSTILE_QUERY)
        .replace("PORT", str(server.port))
    )

    class Elsewhere(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *args: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Elsewhere) as elsewhere:
        threading.Thread(target=elsewhere.serve_forever, daemon=True).start()
        page = chromium.new_page()
        answers: list[tuple[str, int]] = []
        page.on(
            "response",
            lambda r: (
                answers.append((r.request.method, r.status))
                if f":{server.port}/" in r.url
                else None
            ),
        )
        page.goto(f"http://localhost:{elsewhere.server_port}")
        page.wait_for_function("window.tried", timeout=60_000)
        assert page.evaluate("window.opened") is None
        page.close()
        elsewhere.shutdown()
    assert {status for _, status in answers} == {403}
    assert {"GET", "POST"} <= {method for method, _ in answers}
    assert server.runs("hostile") == []


def test_a_warehouse_has_one_orchestrator(server: Server) -> None:
    done = makegood(
        "orchestrator", "--landing", server.landing, "--warehouse", server.warehouse, "--port", 0
    )
    assert done.returncode == 1
    assert f"another orchestrator is at work on {server.warehouse}: end it first" in done.stderr


def test_a_port_that_is_taken_is_named(server: Server, tmp_path: Path) -> None:
    done = makegood(
        "orchestrator",
        "--landing",
        server.landing,
        "--warehouse",
        tmp_path / "w",
        "--port",
        server.port,
    )
    assert done.returncode == 1
    assert (
        f"--port {server.port} can't be listened on (Address already in use): name another one"
        in done.stderr
    )
