"""Starts the servers: bound to this machine, telemetry off."""

import os
import signal
import sys
from pathlib import Path
from typing import NoReturn

from orchestration.settings import PROJECT, quiet_environment

LOOPBACK = "127.0.0.1"


def dashboards(warehouse: Path, port: int) -> NoReturn:
    """Streamlit over what is published."""
    command = [sys.executable, "-m", "streamlit", "run", str(PROJECT / "dashboards" / "app.py")]
    options = [
        f"--server.address={LOOPBACK}",
        f"--server.port={port}",
        "--server.headless=true",
        "--browser.gatherUsageStats=false",
        "--client.toolbarMode=minimal",
    ]
    _serve([*command, *options, "--", "--warehouse", str(warehouse.absolute())], quiet_environment())


def orchestrator(landing: Path, warehouse: Path, contracts: Path, port: int, alerts: Path | None = None) -> NoReturn:
    """Dagster over the runs of a warehouse."""
    home = warehouse.absolute() / "orchestrator"
    home.mkdir(parents=True, exist_ok=True)
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}\nnux: {enabled: false}\n")
    command = [sys.executable, "-m", "dagster", "dev", "-m", "orchestration.definitions", "-h", LOOPBACK, "-p", str(port)]
    environment = quiet_environment() | {
        "DAGSTER_HOME": str(home),
        "MAKEGOOD_LANDING": str(landing.absolute()),
        "MAKEGOOD_WAREHOUSE": str(warehouse.absolute()),
        "MAKEGOOD_CONTRACTS": str(contracts.absolute()),
        "MAKEGOOD_ALERTS": str(alerts.absolute()) if alerts else "",
    }
    _serve(command, environment)


def _serve(command: list[str], environment: dict[str, str]) -> NoReturn:
    # in place of this process, so that a signal to it reaches the server; a shell's background job ignores interrupts, a server may not
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.chdir(PROJECT)
    os.execve(command[0], command, environment)  # noqa: S606
