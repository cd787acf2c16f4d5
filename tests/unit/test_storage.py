"""Dagster's storage: which addresses are taken, what Dagster is told; no password is shown."""

import sys
from base64 import b64encode
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml
from dagster._core.instance.ref import InstanceRef
from dagster._core.run_coordinator import QueuedRunCoordinator
from typer.testing import CliRunner

from makegood.orchestration.cli import app
from makegood.orchestration.serving import history
from makegood.orchestration.serving.guard import Guard
from makegood.orchestration.serving.serve import ORCHESTRATOR_PASSWORD
from makegood.orchestration.serving.storage import ADDRESS, PASSWORD, Storage
from tests.support.cluster import required

SECRET = "s3cr3t-p@ss/w:rd"


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("postgresql://m@db/dagster", "postgresql://m@db:5432/dagster"),
        ("postgres://m@db.example.com:6432/d", "postgresql://m@db.example.com:6432/d"),
        (
            "postgresql://m@db/d?sslmode=verify-full&sslrootcert=/etc/a%26b.pem",
            "postgresql://m@db:5432/d?sslmode=verify-full&sslrootcert=/etc/a%26b.pem",
        ),
    ],
)
def test_an_address_is_read(address: str, shown: str) -> None:
    read = Storage.read(address)
    assert str(read) == shown
    assert Storage.read(shown) == read


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        (f"postgresql://m:{SECRET}@db/d", f"holds a password: put it into {PASSWORD}"),
        ("postgresql://m:@db/d", "holds a password"),
        (f"postgresql://m@db/d?password={SECRET}", "has the parameter 'password': only sslmode,"),
        (f"postgresql://m@db/d?sslpassword={SECRET}", "has the parameter 'sslpassword'"),
        ("postgresql://m:s3cr3t", "can't be read: write it as postgresql://makegood@"),
        (f"m:{SECRET}@db/d", "can't be read"),
        ("postgresql://db/d", "can't be read"),
        ("postgresql://m@db", "can't be read"),
        ("postgresql://m@db:port/d", "can't be read"),
        ("postgresql://m@db/d#x", "can't be read"),
        ("mysql://m@db/d", "can't be read"),
        ("postgresql://m@db/d\n", "can't be read"),
    ],
)
@pytest.mark.parametrize("by", ["option", "variable"])
def test_an_address_is_refused_without_showing_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, address: str, reason: str, by: str
) -> None:
    words = ["orchestrator", "--landing", str(tmp_path), "--warehouse", str(tmp_path / "w")]
    if by == "option":
        words += ["--storage", address]
    else:
        monkeypatch.setenv(ADDRESS, address)
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 2
    named = "--storage" if by == "option" else ADDRESS
    assert f"makegood: {named} {reason}" in done.stderr
    assert "s3cr3t" not in done.output
    assert not (tmp_path / "w").exists()


def refusal(tmp_path: Path, *words: str) -> str:
    """What the command prints as it ends with 2, before it has made anything."""
    common = ["orchestrator", "--landing", str(tmp_path), "--warehouse", str(tmp_path / "w")]
    done = CliRunner().invoke(app, [*common, *words])
    assert done.exit_code == 2, done.output
    assert not (tmp_path / "w").exists()
    return done.stderr


STORAGE = ("--storage", "postgresql://m@127.0.0.1:1/d")
SOCKET = ("--socket", "/run/makegood/code")


def test_without_the_extra_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "dagster_postgres", None)
    assert refusal(tmp_path, *STORAGE) == (
        "makegood: --storage needs an extra that is not installed: "
        "pip install 'makegood[postgres]'\n"
    )


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--only", "daemon", *STORAGE), "--only and --socket belong together (example: --only da"),
        ((*SOCKET, *STORAGE), "--only and --socket belong together"),
        (("--only", "daemon", *SOCKET), "--only daemon needs a storage that parts share: add --st"),
    ],
)
def test_parts_need_a_socket_and_a_storage(
    tmp_path: Path, words: tuple[str, ...], reason: str
) -> None:
    assert f"makegood: {reason}" in refusal(tmp_path, *words)


def test_a_socket_needs_a_place(tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere" / "code"
    error = refusal(tmp_path, "--only", "daemon", "--socket", str(nowhere), *STORAGE)
    assert f"--socket {nowhere}: {nowhere.parent} is not a folder" in error
    long = tmp_path / ("é" * 60)
    error = refusal(tmp_path, "--only", "daemon", "--socket", str(long), *STORAGE)
    assert f"--socket {long} has {len(str(tmp_path)) + 121} bytes, and a socket may" in error


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "192.0.2.1", "example.com"])
def test_other_machines_need_a_password(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, address: str
) -> None:
    monkeypatch.setenv(ORCHESTRATOR_PASSWORD, "")
    error = refusal(tmp_path, "--address", address)
    assert f"--address {address} can be reached from other machines" in error
    assert f"set {ORCHESTRATOR_PASSWORD}" in error


def test_a_database_that_does_not_answer_is_named(tmp_path: Path) -> None:
    required("dagster-postgres")
    words = ["orchestrator", "--landing", str(tmp_path), "--warehouse", str(tmp_path / "w")]
    done = CliRunner().invoke(app, [*words, *STORAGE])
    assert done.exit_code == 1
    assert done.stderr.startswith("makegood: postgresql://m@127.0.0.1:1/d can't be opened: ")
    assert "Connection refused" in done.stderr
    assert not (tmp_path / "w").exists()


def test_dagster_is_told_where_the_password_is(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Not the password itself: the file can be read by whoever reads the warehouse."""
    required("dagster-postgres")
    monkeypatch.setenv(PASSWORD, SECRET)
    history.configure(tmp_path, Storage.read("postgresql://m@db:6432/d?sslmode=require"))
    (written,) = tmp_path.iterdir()
    assert written.name == "dagster.yaml"
    assert SECRET not in written.read_text()
    told = yaml.safe_load(written.read_text())
    assert told["telemetry"] == {"enabled": False}
    assert told["storage"]["postgres"]["postgres_db"]["password"] == {"env": PASSWORD}
    # as Dagster reads it
    reference = InstanceRef.from_dir(str(tmp_path))
    data = [reference.run_coordinator_data, reference.run_launcher_data]
    assert [d.class_name for d in data if d] == ["QueuedRunCoordinator", "DefaultRunLauncher"]
    kept = (reference.run_storage_data, reference.event_storage_data)
    assert {d.module_name for d in (*kept, reference.schedule_storage_data) if d} == {
        "dagster_postgres"
    }
    assert SECRET not in str(reference.to_dict())


def test_without_a_storage_it_is_the_warehouse(tmp_path: Path) -> None:
    history.configure(tmp_path)
    reference = InstanceRef.from_dir(str(tmp_path))
    assert reference.run_storage_data is not None
    assert "postgres" not in reference.run_storage_data.module_name
    assert isinstance(dg.DagsterInstance.from_ref(reference).run_coordinator, QueuedRunCoordinator)


def basic(text: bytes) -> bytes:
    return b"Basic " + b64encode(text)


@pytest.mark.parametrize(
    ("given", "path", "is_known"),
    [
        ([basic(b"anyone:p\xc3\xa4ss:word")], "/graphql", True),
        ([basic(b":p\xc3\xa4ss:word")], "/", True),
        ([b"basic" + basic(b":p\xc3\xa4ss:word")[5:]], "/", True),
        ([], "/", False),
        ([], "/graphql", False),
        # the version alone, for checks of health
        ([], "/server_info", True),
        ([], "/server_info/", False),
        ([basic(b"anyone:")], "/", False),
        ([basic(b"p\xc3\xa4ss:word")], "/", False),
        ([basic(b"anyone:p\xc3\xa4ss:word ")], "/", False),
        ([basic(b"anyone:p\xc3\xa4ss:word")] * 2, "/", False),
        ([b"Basic p\xe4ss"], "/", False),
        ([b"Bearer " + b64encode(b":p\xc3\xa4ss:word")], "/", False),
    ],
)
def test_the_password_of_the_pages(given: list[bytes], path: str, is_known: bool) -> None:
    async def app(*_: Any) -> None:
        raise AssertionError

    headers = [(b"authorization", value) for value in given]
    scope = {"type": "http", "path": path, "headers": headers}
    assert Guard(app, 3000, "päss:word").knows(scope) == is_known
    assert Guard(app, 3000).knows({"type": "http", "path": path, "headers": []})
