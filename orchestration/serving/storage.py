"""PostgreSQL, where Dagster can keep its runs, events and schedules instead of in the warehouse.

The address of the database holds no password. That is in a variable alone, which Dagster's settings
refer to, so that it is in no file, no list of processes and no message.
"""

import importlib.util
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import parse_qsl, urlencode

from makegood.orchestration.settings import environment

ADDRESS, PASSWORD = "MAKEGOOD_STORAGE", "MAKEGOOD_STORAGE_PASSWORD"
EXAMPLE = "postgresql://makegood@db.example.com:5432/dagster"
# encryption of the connection, in PostgreSQL's own words; no other parameter may hold a secret
PARAMETERS = ("sslmode", "sslrootcert", "sslcert", "sslkey")
CONNECT_SECONDS = 10
# of makegood among the advisory locks of a database
LOCK = 0x6D616B65676F6F64

_FORM = re.compile(
    r"postgres(?:ql)?://(?P<user>[\w.-]+)@(?P<host>[\w.-]+)(?::(?P<port>[0-9]{1,5}))?"
    r"/(?P<database>[\w.-]+)(?:\?(?P<parameters>.*))?",
    re.ASCII,
)


class Refused(ValueError):
    """An address that can't be used, or a package that is missing."""


class Unreachable(RuntimeError):
    """The database can't be opened, or another orchestrator uses it."""


@dataclass(frozen=True)
class Storage:
    """A database of PostgreSQL that belongs to one warehouse."""

    user: str
    host: str
    port: int
    database: str
    parameters: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, address: str) -> Self:
        """That of an address as in EXAMPLE; raises Refused, which never shows a password."""
        if re.match(r"postgres(ql)?://[^@/]*:[^@]*@", address):
            raise Refused(f"holds a password: put it into {PASSWORD}, and write {EXAMPLE}")
        found = _FORM.fullmatch(address)
        if not found:
            # what can't be read may hold a password anywhere
            raise Refused(f"can't be read: write it as {EXAMPLE}, with the password in {PASSWORD}")
        parameters = dict(parse_qsl(found["parameters"] or "", keep_blank_values=True))
        if unknown := sorted(parameters.keys() - set(PARAMETERS)):
            known = ", ".join(PARAMETERS)
            raise Refused(f"has the parameter {unknown[0]!r}: only {known} are taken")
        return cls(
            found["user"], found["host"], int(found["port"] or 5432), found["database"], parameters
        )

    @classmethod
    def configured(cls) -> Self | None:
        """That of MAKEGOOD_STORAGE; None: the warehouse itself. Raises Refused."""
        address = environment(ADDRESS)
        return cls.read(address) if address else None

    def __str__(self) -> str:
        address = f"postgresql://{self.user}@{self.host}:{self.port}/{self.database}"
        return address + (f"?{urlencode(self.parameters, safe='/')}" if self.parameters else "")

    def settings(self) -> dict[str, Any]:
        """What `dagster.yaml` says about it."""
        database: dict[str, Any] = {
            # SQLAlchemy 2.1 takes another driver for the plain scheme
            "scheme": "postgresql+psycopg2",
            "hostname": self.host,
            "port": self.port,
            "username": self.user,
            "db_name": self.database,
        }
        if self.parameters:
            database["params"] = self.parameters
        if environment(PASSWORD):
            database["password"] = {"env": PASSWORD}
        return {"postgres": {"postgres_db": database}}

    def check(self) -> None:
        """Opens the database once. Raises Refused without the extra, and Unreachable."""
        if importlib.util.find_spec("dagster_postgres") is None:
            raise Refused("needs an extra that is not installed: pip install 'makegood[postgres]'")
        self._opened().close()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keeps other orchestrators from using the database; raises Unreachable if one does."""
        connection = self._opened()
        try:
            connection.autocommit = True
            cursor = connection.cursor()
            cursor.execute("select pg_try_advisory_lock(%s)", (LOCK,))
            if cursor.fetchone() != (True,):
                raise Unreachable(
                    f"another orchestrator is at work on {self}: end it first, "
                    "or give each warehouse a database of its own"
                )
            yield
        finally:
            connection.close()

    def _opened(self) -> Any:
        import psycopg2

        try:
            return psycopg2.connect(
                host=self.host,
                port=self.port,
                user=self.user,
                dbname=self.database,
                password=environment(PASSWORD),
                connect_timeout=CONNECT_SECONDS,
                **self.parameters,
            )
        except psycopg2.OperationalError as error:
            reason = " ".join(str(error).split())
            raise Unreachable(f"{self} can't be opened: {reason}") from error
