"""Starts the servers: telemetry off, bound to this machine unless people sign in or know a
password."""

import fcntl
import os
import signal
import socket
import sys
from pathlib import Path
from typing import NoReturn

from makegood.dashboards.access.grants import Access, is_loopback
from makegood.dashboards.reports.branding import NEUTRAL, Branding
from makegood.orchestration.serving.storage import Storage
from makegood.orchestration.settings import PROJECT, environment, quiet_environment

LOOPBACK = "127.0.0.1"
# what the pages of Dagster ask for, where it is set
ORCHESTRATOR_PASSWORD = "MAKEGOOD_ORCHESTRATOR_PASSWORD"  # noqa: S105


class Unguarded(ValueError):
    """Others could reach the pages of a server, and nobody would have to say who they are."""


def who_gets_in(port: int, address: str = LOOPBACK, access: Access | None = None) -> str:
    """Who the dashboards at an address are served to, as a line to print; raises Unguarded."""
    if not is_loopback(address):
        if access is None:
            raise Unguarded(
                f"--address {address} can be reached from other machines, "
                "and nobody would have to sign in"
            )
        if is_loopback(access.sign_in.host):
            raise Unguarded(
                f"--address {address} can be reached from other machines, "
                "and sign_in.redirect_uri leads to this one"
            )
    if access is None:
        host = f"[{address}]" if ":" in address else address
        return f"no sign-in: everyone who reaches http://{host}:{port} sees everything"
    return f"people sign in at {access.sign_in.address} and see what is granted to them"


def dashboards(
    warehouse: Path,
    port: int,
    address: str = LOOPBACK,
    access: Access | None = None,
    branding: Branding = NEUTRAL,
) -> NoReturn:
    """Streamlit over what is published; raises Unguarded. From elsewhere it is reached by those
    who sign in."""
    who_gets_in(port, address, access)
    command = [
        sys.executable,
        "-P",
        "-m",
        "makegood.dashboards.app.server",
        "--warehouse",
        str(warehouse.absolute()),
        "--address",
        address,
        "--port",
        str(port),
    ]
    if access is not None:
        command += ["--access", str(access.handle())]
    if branding != NEUTRAL:
        command += ["--branding", str(branding.handle())]
    _serve(command, quiet_environment())


class Taken(RuntimeError):
    """Another orchestrator is at work on the warehouse, or another server on the port."""


# what the orchestrator consists of; runs are processes of the code server
CODE_SERVER, DAEMON, WEBSERVER = PARTS = ("code-server", "daemon", "webserver")


def orchestrator(
    landing: Path,
    warehouse: Path,
    contracts: Path,
    alerts: Path | None = None,
    *,
    port: int = 0,
    address: str = LOOPBACK,
    storage: Storage | None = None,
    only: str | None = None,
    at: Path | None = None,
    connect: Path | None = None,
) -> NoReturn:
    """Dagster over the runs of a warehouse; raises Taken, Unguarded, and what `Storage.check` does.

    `only`: one of PARTS, and `at` the socket of the code server, by which the parts reach it;
    without them all parts run in one group of processes."""
    if not is_loopback(address) and environment(ORCHESTRATOR_PASSWORD) is None:
        raise Unguarded(
            f"--address {address} can be reached from other machines, "
            "and nobody would have to give a password"
        )
    if storage:
        storage.check()
    home = warehouse.absolute() / "orchestrator"
    home.mkdir(parents=True, exist_ok=True)
    # both are held by the server that takes the place of this process
    handles = {}
    if only in (None, CODE_SERVER):
        handles["--lock"] = _locked(home / "lock", warehouse)
    if only in (None, WEBSERVER):
        handles["--listening"] = _listening(address, port)
    for handle in handles.values():
        os.set_inheritable(handle, True)
    command = [sys.executable, "-P", "-m", "makegood.orchestration.serving.server"]
    command += [str(word) for pair in handles.items() for word in pair]
    if only:
        command += ["--only", only, "--socket", str(at)]
    variables = quiet_environment() | {
        "DAGSTER_HOME": str(home),
        "MAKEGOOD_LANDING": str(landing.absolute()),
        "MAKEGOOD_WAREHOUSE": str(warehouse.absolute()),
        "MAKEGOOD_CONTRACTS": str(contracts.absolute()),
        "MAKEGOOD_ALERTS": str(alerts.absolute()) if alerts else "",
        "MAKEGOOD_STORAGE": str(storage or ""),
        "MAKEGOOD_CONNECT": str(connect.absolute()) if connect else "",
    }
    _serve(command, variables)


def _locked(file: Path, warehouse: Path) -> int:
    lock = os.open(file, os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        advice = f"end it first (`fuser {file}` lists its processes)"
        raise Taken(f"another orchestrator is at work on {warehouse}: {advice}") from error
    return lock


def _listening(address: str, port: int) -> int:
    try:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        return socket.create_server((address, port), family=family).detach()
    except OSError as error:
        # an address that can't be resolved has a negative number
        is_named = isinstance(error, socket.gaierror)
        reason = error.strerror if is_named else os.strerror(error.errno or 0)
        where = f"--port {port}" if address == LOOPBACK else f"--address {address} --port {port}"
        advice = f"name another one, as --port {port + 1}"
        raise Taken(f"{where} can't be listened on ({reason}): {advice}") from error


def _serve(command: list[str], variables: dict[str, str]) -> NoReturn:
    # in place of this process, so that a signal to it reaches the server; a shell's background job
    # ignores interrupts, a server may not
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.chdir(PROJECT)
    os.execve(command[0], command, variables)  # noqa: S606
