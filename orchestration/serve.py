"""Starts the servers: bound to this machine, telemetry off."""

import subprocess
import sys
from pathlib import Path

from orchestration.settings import PROJECT, quiet_environment

LOOPBACK = "127.0.0.1"


def dashboards(warehouse: Path, port: int) -> int:
    """Streamlit over what is published; returns its exit status."""
    command = [sys.executable, "-m", "streamlit", "run", str(PROJECT / "dashboards" / "app.py")]
    options = [
        f"--server.address={LOOPBACK}",
        f"--server.port={port}",
        "--server.headless=true",
        "--browser.gatherUsageStats=false",
        "--client.toolbarMode=minimal",
    ]
    return _serve([*command, *options, "--", "--warehouse", str(warehouse.absolute())], quiet_environment())


def orchestrator(landing: Path, warehouse: Path, contracts: Path, port: int) -> int:
    """Dagster over the runs of a warehouse; returns its exit status."""
    home = warehouse.absolute() / "orchestrator"
    home.mkdir(parents=True, exist_ok=True)
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}\nnux: {enabled: false}\n")
    command = [sys.executable, "-m", "dagster", "dev", "-m", "orchestration.definitions", "-h", LOOPBACK, "-p", str(port)]
    environment = quiet_environment() | {
        "DAGSTER_HOME": str(home),
        "MAKEGOOD_LANDING": str(landing.absolute()),
        "MAKEGOOD_WAREHOUSE": str(warehouse.absolute()),
        "MAKEGOOD_CONTRACTS": str(contracts.absolute()),
    }
    return _serve(command, environment)


def _serve(command: list[str], environment: dict[str, str]) -> int:
    try:
        return subprocess.run(command, cwd=PROJECT, env=environment, check=False).returncode
    except KeyboardInterrupt:
        return 0
