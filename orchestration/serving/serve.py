"""Starts the servers: telemetry off, bound to this machine unless people sign in."""

import fcntl
import os
import signal
import socket
import sys
from pathlib import Path
from typing import NoReturn

from makegood.dashboards.access.grants import Access, is_loopback
from makegood.orchestration.settings import PROJECT, quiet_environment

LOOPBACK = "127.0.0.1"


class Unguarded(ValueError):
    """Others could reach the dashboards, and nobody would have to sign in."""


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
    warehouse: Path, port: int, address: str = LOOPBACK, access: Access | None = None
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
    _serve(command, quiet_environment())


class Taken(RuntimeError):
    """Another orchestrator is at work on the warehouse, or another server on the port."""


def orchestrator(
    landing: Path, warehouse: Path, contracts: Path, port: int, alerts: Path | None = None
) -> NoReturn:
    """Dagster over the runs of a warehouse, on this machine only; raises Taken."""
    home = warehouse.absolute() / "orchestrator"
    home.mkdir(parents=True, exist_ok=True)
    lock = os.open(home / "lock", os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        advice = f"end it first (`fuser {home / 'lock'}` lists its processes)"
        raise Taken(f"another orchestrator is at work on {warehouse}: {advice}") from error
    try:
        listening = socket.create_server((LOOPBACK, port))
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        advice = f"name another one, as --port {port + 1}"
        raise Taken(f"--port {port} can't be listened on ({reason}): {advice}") from error
    # both are held by the server that takes the place of this process
    handles = {"--lock": lock, "--listening": listening.detach()}
    for handle in handles.values():
        os.set_inheritable(handle, True)
    command = [sys.executable, "-P", "-m", "makegood.orchestration.serving.server"]
    command += [str(word) for pair in handles.items() for word in pair]
    environment = quiet_environment() | {
        "DAGSTER_HOME": str(home),
        "MAKEGOOD_LANDING": str(landing.absolute()),
        "MAKEGOOD_WAREHOUSE": str(warehouse.absolute()),
        "MAKEGOOD_CONTRACTS": str(contracts.absolute()),
        "MAKEGOOD_ALERTS": str(alerts.absolute()) if alerts else "",
    }
    _serve(command, environment)


def _serve(command: list[str], environment: dict[str, str]) -> NoReturn:
    # in place of this process, so that a signal to it reaches the server; a shell's background job
    # ignores interrupts, a server may not
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.chdir(PROJECT)
    os.execve(command[0], command, environment)  # noqa: S606
