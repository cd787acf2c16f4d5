"""Dagster as a server: `python -m makegood.orchestration.serving.server`, with handles.

`makegood orchestrator` starts it, hands over the lock of the orchestrator and the socket of the
pages, and says by variables which folders it is about. It takes the place of `dagster dev`, whose
pages answer everyone: this process serves the pages behind a guard, and beside it are, in a group
of processes that ends with it, a code server (definitions and runs) and the daemon (sensor,
schedule and queue). With `--only` it is one of these three alone, and the others are elsewhere.
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
from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import WorkspaceFileTarget
from dagster._grpc.client import DagsterGrpcClient
from dagster_webserver.webserver import DagsterWebserver

from makegood.orchestration import settings
from makegood.orchestration.serving import history
from makegood.orchestration.serving.guard import Guard
from makegood.orchestration.serving.serve import (
    CODE_SERVER,
    DAEMON,
    LOOPBACK,
    ORCHESTRATOR_PASSWORD,
    PARTS,
)
from makegood.orchestration.serving.storage import Storage, Unreachable

DEFINITIONS = "makegood.orchestration.definitions"
START_SECONDS = 300
# a run that is ended tidies up first
END_SECONDS = 30
# for pages that are open
CLOSE_SECONDS = 5
DAY_SECONDS = 86_400
LOOK_SECONDS = 0.1

Process = subprocess.Popen[bytes]
# by what they are called
Processes = dict[str, Process]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--lock", type=int)
    parser.add_argument("--listening", type=int)
    parser.add_argument("--only", choices=PARTS)
    parser.add_argument("--socket", type=Path)
    words = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    storage = Storage.configured()
    history.configure(Path(str(settings.environment("DAGSTER_HOME"))), storage)
    with suppress(KeyboardInterrupt), ExitStack() as stack:
        instance = stack.enter_context(dg.DagsterInstance.get())
        interrupted: list[dg.DagsterRun] = []
        if words.lock is not None:
            os.set_inheritable(words.lock, False)
            if storage:
                try:
                    stack.enter_context(storage.held())
                except Unreachable as error:
                    sys.exit(f"makegood: {error}")
            # runs end with their code server
            interrupted = history.interrupted(instance)
            threading.Thread(target=_forget_daily, args=(instance,), daemon=True).start()
        workspace, processes = stack.enter_context(_beside(words.only, words.socket, words.lock))
        # not before: a daemon elsewhere would launch the next run at once
        history.settle(instance, interrupted)
        if words.listening is None:
            print(f"Dagster's {words.only} is at work", flush=True)
            for process in processes.values():
                process.wait()
        else:
            listening = stack.enter_context(socket.socket(fileno=words.listening))
            listening.set_inheritable(False)
            _serve(instance, workspace, listening, processes)
        for name, process in processes.items():
            if process.poll() is not None:
                sys.exit(f"the {name} of Dagster has ended, with exit code {process.returncode}")


def _serve(
    instance: dg.DagsterInstance,
    workspace: Path,
    listening: socket.socket,
    processes: Processes,
) -> None:
    """Serves the pages until a signal comes, or one of the processes has ended."""
    port = listening.getsockname()[1]
    password = settings.environment(ORCHESTRATOR_PASSWORD)
    target = WorkspaceFileTarget([str(workspace)])
    with WorkspaceProcessContext(instance, target, version=dg.__version__) as context:
        app = DagsterWebserver(context, live_data_poll_rate=2000).create_asgi_app()
        server = uvicorn.Server(
            uvicorn.Config(
                Guard(app, port, password),
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
        print(f"Dagster is served at http://{LOOPBACK}:{port}", flush=True)
        server.run(sockets=[listening])


def _forget_daily(instance: dg.DagsterInstance) -> None:
    while True:
        history.forget(instance, datetime.now(UTC))
        time.sleep(DAY_SECONDS)


@contextmanager
def _beside(
    only: str | None, at: Path | None, lock: int | None
) -> Iterator[tuple[Path, Processes]]:
    """Starts the code server and the daemon, or the one that is asked for, and ends them with their
    runs; gives the file that says where the code server is. They hold the lock, too, in case this
    process is killed."""
    processes: Processes = {}

    def started(name: str, *words: str) -> Process:
        group = next((first.pid for first in processes.values()), 0)
        handles = [] if lock is None else [lock]
        command = [sys.executable, "-P", "-m", *words]
        processes[name] = subprocess.Popen(command, process_group=group, pass_fds=handles)
        return processes[name]

    with TemporaryDirectory() as folder:
        workspace, at = Path(folder) / "workspace.yaml", at or Path(folder) / "code"
        origin = {"socket": str(at), "location_name": DEFINITIONS}
        workspace.write_text(json.dumps({"load_from": [{"grpc_server": origin}]}))
        try:
            if only in (None, CODE_SERVER):
                words = ("api", "grpc", "-m", DEFINITIONS, "--socket", str(at))
                _answers(at, started("code server", "dagster", *words, "--log-level", "warning"))
            else:
                _answers(at)
            if only in (None, DAEMON):
                started("daemon", "dagster._daemon", "run", "-w", str(workspace))
            yield workspace, processes
        finally:
            # who sends a second signal must not leave processes behind
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            if processes:
                _end(processes)


def _answers(at: Path, code_server: Process | None = None) -> None:
    """Waits until a code server answers, which may be one that has been started elsewhere."""
    client, until = DagsterGrpcClient(socket=str(at)), time.monotonic() + START_SECONDS
    while True:
        try:
            client.ping("")
        except DagsterUserCodeUnreachableError:
            if code_server and code_server.poll() is not None:
                sys.exit(f"the code server ended at once, with exit code {code_server.returncode}")
            if time.monotonic() > until:
                sys.exit(f"no code server answers at {at} after {START_SECONDS} seconds")
            time.sleep(LOOK_SECONDS)
        else:
            return


def _end(processes: Processes) -> None:
    group = next(iter(processes.values())).pid
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
