"""Roles and grants: what the claims of an ID token allow a person to open and see.

`Access` is handed to the server in an open file that no other process can open and no disk keeps.
"""

import ipaddress
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import urlsplit

from makegood.dashboards.access.reader import EVERYTHING, Viewer
from makegood.dashboards.app.navigation import INTERNAL, ROLES

# the names of the local machine: a server without sign-in answers to no other
LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")

# how far the provider's clock may be ahead of ours
_CLOCK_SECONDS = 300


@dataclass(frozen=True)
class Grant:
    """A role for those whose ID token has a claim; `customers`: what the role `customer` sees."""

    claim: str
    value: str
    role: str
    customers: tuple[str, ...] = ()

    def holds(self, claims: Mapping[str, Any]) -> bool:
        """Whether the claim is the value, or a list that holds it, character by character.

        An e-mail address counts only if the provider has verified it."""
        if self.claim == "email" and claims.get("email_verified") is not True:
            return False
        found = claims.get(self.claim)
        return any(
            isinstance(v, str) and v == self.value
            for v in (found if isinstance(found, list) else [found])
        )


@dataclass(frozen=True)
class Granted:
    """What a person may open and see; without a role nothing."""

    roles: frozenset[str]
    viewer: Viewer


# for people on the local machine, where nobody signs in
ALL = Granted(frozenset(ROLES), EVERYTHING)


@dataclass(frozen=True)
class SignIn:
    """The OpenID Connect provider, and how long a sign-in is valid."""

    metadata_url: str
    client_id: str
    client_secret: str = field(repr=False)
    cookie_secret: str = field(repr=False)
    redirect_uri: str
    session_hours: int

    @property
    def host(self) -> str:
        """The name of the dashboards, without a port."""
        return urlsplit(self.redirect_uri).hostname or ""

    @property
    def address(self) -> str:
        """Where people sign in."""
        return "{0.scheme}://{0.netloc}".format(urlsplit(self.redirect_uri))

    def holds(self, claims: Mapping[str, Any], now: float) -> bool:
        """Whether the person has signed in, and not too long ago. `now`: epoch seconds."""
        issued = claims.get("iat")
        if (
            claims.get("is_logged_in") is not True
            or not isinstance(issued, int)
            or isinstance(issued, bool)
        ):
            return False
        return -_CLOCK_SECONDS <= now - issued < self.session_hours * 3600


@dataclass(frozen=True)
class Access:
    """How people sign in, and who is granted what."""

    sign_in: SignIn
    grants: tuple[Grant, ...]

    def granted(self, claims: Mapping[str, Any]) -> Granted:
        """Everything the claims of a token allow; internal roles see all customers."""
        held = [g for g in self.grants if g.holds(claims)]
        roles = frozenset(g.role for g in held)
        customers = frozenset(c for g in held for c in g.customers)
        return Granted(roles, EVERYTHING if roles & INTERNAL else Viewer(customers))

    def handle(self) -> int:
        """An open file with the whole `Access`, for a child process."""
        return handle_of("access", asdict(self))


def handle_of(name: str, data: Any) -> int:
    """An open file with data for JSON, for a child process: `held` reads it."""
    content = json.dumps(data).encode()
    handle = os.memfd_create(name) if hasattr(os, "memfd_create") else _unnamed()
    # one write is at most 2 GiB, far more than any settings
    os.write(handle, content)
    os.set_inheritable(handle, True)
    return handle


def held(handle: int) -> Any:
    """Reads what `handle_of` wrote; may be called repeatedly."""
    return json.loads(os.pread(handle, os.fstat(handle).st_size, 0))


def handed_over(handle: int) -> Access:
    """Reads what `Access.handle` wrote; may be called repeatedly."""
    data = held(handle)
    grants = tuple(Grant(**{**g, "customers": tuple(g["customers"])}) for g in data["grants"])
    return Access(SignIn(**data["sign_in"]), grants)


def is_loopback(address: str | None) -> bool:
    """Whether an address can be reached only from the local machine; None is every address."""
    if address == "localhost":
        return True
    try:
        found = ipaddress.ip_address(address or "")
    except ValueError:
        return False
    return (
        found in ipaddress.ip_network("127.0.0.0/8")
        if found.version == 4
        else found == ipaddress.ip_address("::1")
    )


def _unnamed() -> int:
    import tempfile

    # readable only by us, and removed from its folder before anything is written
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())
