"""What tests of a cluster need beside the project: PostgreSQL, Java, Spark.

Where something is missing, tests are skipped with a message; with MAKEGOOD_REQUIRE_CLUSTER they
fail instead, so that CI leaves none of them out.
"""

import importlib.util
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

INSTALLED = Path("/usr/lib/postgresql")


def programs_of_postgresql() -> Path | None:
    """The folder of the newest server's programs."""
    found = [path.parent for path in INSTALLED.glob("*/bin/postgres")]
    return max(found, key=lambda folder: int(folder.parent.name), default=None)


# what may be missing -> whether it is there, and how it is installed
NEEDED: dict[str, tuple[Any, str]] = {
    "postgresql": (programs_of_postgresql, "apt-get install postgresql"),
    "java": (lambda: shutil.which("java"), "apt-get install openjdk-17-jre-headless"),
    "pyspark": (lambda: importlib.util.find_spec("pyspark"), "make setup-cluster"),
    "dagster-postgres": (
        lambda: importlib.util.find_spec("dagster_postgres"),
        "make setup-cluster",
    ),
}


def required(*names: str) -> None:
    """Skips a test, or fails it where MAKEGOOD_REQUIRE_CLUSTER is set, if any of NEEDED that it
    names is missing."""
    missing = [name for name in names if not NEEDED[name][0]()]
    if missing:
        advice = ", ".join(f"{name} is not installed ({NEEDED[name][1]})" for name in missing)
        if os.environ.get("MAKEGOOD_REQUIRE_CLUSTER"):
            pytest.fail(advice, pytrace=False)
        pytest.skip(f"{advice}; .ci/run installs it")


@dataclass(frozen=True)
class Postgres:
    """A database on a server of its own."""

    port: int
    user: str
    database: str
    password: str

    @property
    def address(self) -> str:
        return f"postgresql://{self.user}@127.0.0.1:{self.port}/{self.database}"

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        import psycopg2

        connection = psycopg2.connect(self.address, password=self.password)
        with closing(connection), connection.cursor() as cursor:
            cursor.execute(sql)
            rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows


@contextmanager
def postgres(port: int, user: str, database: str, password: str) -> Iterator[Postgres]:
    """A real server with one database, as the image `postgres` makes one of its variables: whoever
    connects has to give the password."""
    required("postgresql")
    programs = programs_of_postgresql()
    assert programs is not None
    # the server refuses to be root
    as_user: dict[str, Any] = {}
    if os.geteuid() == 0:
        as_user = {"user": "postgres", "group": "postgres", "extra_groups": []}
    with tempfile.TemporaryDirectory(prefix="postgres-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        secret = folder / "secret"
        secret.write_text(password)
        if as_user:
            for path in (folder, secret):
                shutil.chown(path, "postgres", "postgres")
        data, where = ["--pgdata", folder / "data"], ["--host", "127.0.0.1", "--port", str(port)]

        def call(program: str, *words: object) -> None:
            subprocess.run(
                [programs / program, *map(str, words)],
                check=True,
                # not a pipe, which the server would keep open
                stdout=subprocess.DEVNULL,
                cwd=folder,
                env={**os.environ, "PGPASSWORD": password},
                **as_user,
            )

        words = ("--auth", "scram-sha-256", "--encoding", "UTF8", "--no-sync")
        call("initdb", *data, "--username", user, "--pwfile", secret, *words)
        settings = (f"port={port}", "listen_addresses=127.0.0.1", "fsync=off")
        options = " ".join(f"-c {one}" for one in (*settings, f"unix_socket_directories={folder}"))
        call("pg_ctl", "start", "--wait", *data, "--log", folder / "log", "--options", options)
        try:
            call("createdb", *where, "--username", user, database)
            yield Postgres(port, user, database, password)
        finally:
            call("pg_ctl", "stop", "--wait", *data, "--mode", "fast")
