"""Dagster as a server: `python -m makegood.orchestration.serving.server`, with handles.

`makegood orchestrator` starts it, hands over the lock of the orchestrator and the socket of the
pages, and says by variables which folders it is about. It takes the place of `dagster dev`, whose
pages answer everyone: this process serves the pages behind a guard, and beside it are, in a group
of processes that ends with it, a code server (definitions and runs) and the daemon (sensor,
schedule and queue).
"""

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import dagster as dg
import uvicorn
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import WorkspaceFileTarget
from dagster._grpc.client import DagsterGrpcClient
from dagster._grpc.server import wait_for_grpc_server
from dagster_webserver.webserver import DagsterWebserver

from makegood.orchestration import settings
from makegood.orchestration.serving import history
from makegood.orchestration.serving.guard import Guard
from makegood.orchestration.serving.serve import LOOPBACK

DEFINITIONS = "makegood.orchestration.definitions"
START_SECONDS = 300
# a run that is ended tidies up first
END_SECONDS = 30
# for pages that are open
CLOSE_SECONDS = 5
DAY_SECONDS = 86_400

Process = subprocess.Popen[bytes]
# by what they are called
Processes = dict[str, Process]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--lock", type=int, required=True)
    parser.add_argument("--listening", type=int, required=True)
    words = parser.parse_args()
    os.set_inheritable(words.lock, False)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    (Path(str(settings.environment("DAGSTER_HOME"))) / "dagster.yaml").write_text(history.SETTINGS)
    with suppress(KeyboardInterrupt), ExitStack() as stack:
        listening = stack.enter_context(socket.socket(fileno=words.listening))
        listening.set_inheritable(False)
        instance = stack.enter_context(dg.DagsterInstance.get())
        history.settle(instance)
        workspace, processes = stack.enter_context(_beside(words.lock))
        _serve(instance, workspace, listening, processes)


def _serve(
    instance: dg.DagsterInstance,
    workspace: Path,
    listening: socket.socket,
    processes: Processes,
) -> None:
    """Serves the pages until a signal comes; exits with 1 when one of the processes has ended."""
    port = listening.getsockname()[1]
    target = WorkspaceFileTarget([str(workspace)])
    with WorkspaceProcessContext(instance, target, version=dg.__version__) as context:
        app = Guard(DagsterWebserver(context, live_data_poll_rate=2000).create_asgi_app(), port)
        server = uvicorn.Server(
            uvicorn.Config(
                app,
                log_level="warning",
                proxy_headers=False,
                timeout_graceful_shutdown=CLOSE_SECONDS,
            )
        )

        def end_with(process: Process) -> None:
            process.wait()
            server.should_exit = True

        for process in processes.values():
            threading.Thread(target=end_with, args=(process,), daemon=True).start()
        threading.Thread(target=_forget_daily, args=(instance,), daemon=True).start()
        print(f"Dagster is served at http://{LOOPBACK}:{port}", flush=True)
        server.run(sockets=[listening])
    for name, process in processes.items():
        if process.poll() is not None:
            sys.exit(f"the {name} of Dagster has ended, with exit code {process.returncode}")


def _forget_daily(instance: dg.DagsterInstance) -> None:
    while True:
        history.forget(instance, datetime.now(UTC))
        time.sleep(DAY_SECONDS)


@contextmanager
def _beside(lock: int) -> Iterator[tuple[Path, Processes]]:
    """Starts the code server and the daemon, and ends them with their runs; gives the file that
    says where the code server is. They hold the lock, too, in case this process is killed."""
    with TemporaryDirectory() as folder:
        workspace, at = Path(folder) / "workspace.yaml", Path(folder) / "code"
        origin = {"socket": str(at), "location_name": DEFINITIONS}
        workspace.write_text(json.dumps({"load_from": [{"grpc_server": origin}]}))
        code_server = [sys.executable, "-P", "-m", "dagster", "api", "grpc", "-m", DEFINITIONS]
        code_server += ["--socket", str(at), "--log-level", "warning"]
        daemon = [sys.executable, "-P", "-m", "dagster._daemon", "run", "-w", str(workspace)]
        first = subprocess.Popen(code_server, process_group=0, pass_fds=[lock])
        processes = {"code server": first}
        try:
            client = DagsterGrpcClient(socket=str(at))
            wait_for_grpc_server(first, client, code_server, START_SECONDS)
            processes["daemon"] = subprocess.Popen(daemon, process_group=first.pid, pass_fds=[lock])
            yield workspace, processes
        finally:
            # who sends a second signal must not leave processes behind
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            _end(first.pid, processes)


def _end(group: int, processes: Processes) -> None:
    with suppress(ProcessLookupError):
        os.killpg(group, signal.SIGTERM)
    until = time.monotonic() + END_SECONDS
    with suppress(subprocess.TimeoutExpired):
        for process in processes.values():
            process.wait(max(0, until - time.monotonic()))
    with suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)
    for process in processes.values():
        process.wait()


if __name__ == "__main__":
    main()
