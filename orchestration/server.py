"""Dagster as a server: `python -m orchestration.server --lock HANDLE --listening HANDLE`.

`makegood orchestrator` starts it, hands over the lock of the orchestrator and the socket of the pages,
and says by variables which folders it is about. In place of what
`dagster dev` starts, whose pages would answer everyone: this process serves the pages behind a guard,
and beside it are, in a group of processes that ends with it, a code server (definitions and runs)
and the daemon (sensor, schedule and queue).
"""

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
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

from orchestration import history, settings
from orchestration.guard import Guard
from orchestration.serve import LOOPBACK

DEFINITIONS = "orchestration.definitions"
START_SECONDS = 300
# a run that is told to end tidies up first
END_SECONDS = 30
DAY_SECONDS = 86_400


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--lock", type=int, required=True)
    parser.add_argument("--listening", type=int, required=True)
    words = parser.parse_args()
    os.set_inheritable(words.lock, False)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    (Path(str(settings.environment("DAGSTER_HOME"))) / "dagster.yaml").write_text(history.SETTINGS)
    with suppress(KeyboardInterrupt), socket.socket(fileno=words.listening) as listening, dg.DagsterInstance.get() as instance:
        listening.set_inheritable(False)
        history.settle(instance)
        with _beside(words.lock) as (workspace, processes):
            _serve(instance, workspace, listening, processes)


def _serve(instance: dg.DagsterInstance, workspace: Path, listening: socket.socket, processes: list[subprocess.Popen[bytes]]) -> None:
    """Serves the pages until a signal comes; exits with 1 when one of the processes has ended by itself."""
    port = listening.getsockname()[1]
    over = threading.Event()

    def forget_daily() -> None:
        while not over.is_set():
            history.forget(instance, datetime.now(UTC))
            over.wait(DAY_SECONDS)

    with WorkspaceProcessContext(instance, WorkspaceFileTarget([str(workspace)]), version=dg.__version__) as context:
        app = Guard(DagsterWebserver(context, live_data_poll_rate=2000).create_asgi_app(), port)
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", proxy_headers=False, timeout_graceful_shutdown=5))

        def end_with(process: subprocess.Popen[bytes]) -> None:
            process.wait()
            server.should_exit = True

        for task, args in ((forget_daily, ()), *((end_with, (process,)) for process in processes)):
            threading.Thread(target=task, args=args, daemon=True).start()
        print(f"Dagster is served at http://{LOOPBACK}:{port}", flush=True)
        try:
            server.run(sockets=[listening])
        finally:
            over.set()
    for process in processes:
        if process.poll() is not None:
            sys.exit(f"{' '.join(map(str, process.args))} has ended by itself, with exit code {process.returncode}")


@contextmanager
def _beside(lock: int) -> Iterator[tuple[Path, list[subprocess.Popen[bytes]]]]:
    """Starts the code server and the daemon, and ends them with their runs; gives the file that says
    where the code server is. They hold the lock, too, in case this process is killed."""
    python = [sys.executable, "-m"]
    with TemporaryDirectory() as folder:
        workspace, at = Path(folder) / "workspace.yaml", Path(folder) / "code"
        origin = {"socket": str(at), "location_name": DEFINITIONS}
        workspace.write_text(json.dumps({"load_from": [{"grpc_server": origin}]}))
        serve_code = [*python, "dagster", "api", "grpc", "-m", DEFINITIONS, "--socket", str(at), "--log-level", "warning"]
        run_daemon = [*python, "dagster._daemon", "run", "-w", str(workspace)]
        code = subprocess.Popen(serve_code, process_group=0, pass_fds=[lock])
        processes = [code]
        try:
            wait_for_grpc_server(code, DagsterGrpcClient(socket=str(at)), serve_code, START_SECONDS)
            processes.append(subprocess.Popen(run_daemon, process_group=code.pid, pass_fds=[lock]))
            yield workspace, processes
        finally:
            # who sends a second signal must not leave processes behind
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            _end(code.pid, processes)


def _end(group: int, processes: list[subprocess.Popen[bytes]]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(group, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        for process in processes:
            process.wait(END_SECONDS)
    with suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)
    for process in processes:
        process.wait()


if __name__ == "__main__":
    main()
