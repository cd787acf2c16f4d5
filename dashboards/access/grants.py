"""Who may see what: roles, grants, and what the claims of a token are worth. No page, no settings file, no Streamlit.

Who serves the dashboards hands over an `Access` by an open file, which no other process can open and no disk keeps.
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

# the names of this machine, by which alone servers without sign-in answer
LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")

# a clock that goes before ours
_CLOCK_SECONDS = 300


@dataclass(frozen=True)
class Grant:
    """A role for whom a claim of the ID token says so; `customers`: whose subscriptions the role customer sees."""

    claim: str
    value: str
    role: str
    customers: tuple[str, ...] = ()

    def holds(self, claims: Mapping[str, Any]) -> bool:
        """Whether the claim is the value or a list with it, sign by sign; an e-mail address counts only where the provider says that it is verified."""
        if self.claim == "email" and claims.get("email_verified") is not True:
            return False
        found = claims.get(self.claim)
        return any(
            isinstance(v, str) and v == self.value
            for v in (found if isinstance(found, list) else [found])
        )


@dataclass(frozen=True)
class Granted:
    """What somebody may open and see; no role: nothing."""

    roles: frozenset[str]
    viewer: Viewer


# who looks from the machine itself, where nobody signs in
ALL = Granted(frozenset(ROLES), EVERYTHING)


@dataclass(frozen=True)
class SignIn:
    """The OpenID Connect provider, and how long a sign-in holds."""

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
        """Whether who looks has signed in, and not too long ago. `now`: epoch seconds."""
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
    """How people sign in, and what is granted to whom."""

    sign_in: SignIn
    grants: tuple[Grant, ...]

    def granted(self, claims: Mapping[str, Any]) -> Granted:
        """All that is granted to the claims of a token; who has a role inside sees every customer."""
        held = [g for g in self.grants if g.holds(claims)]
        roles = frozenset(g.role for g in held)
        customers = frozenset(c for g in held for c in g.customers)
        return Granted(roles, EVERYTHING if roles & INTERNAL else Viewer(customers))

    def handle(self) -> int:
        """An open file with all of it, for a process that is started next."""
        content = json.dumps(asdict(self)).encode()
        handle = os.memfd_create("access") if hasattr(os, "memfd_create") else _unnamed()
        os.write(handle, content)
        os.set_inheritable(handle, True)
        return handle


def handed_over(handle: int) -> Access:
    """What `Access.handle` wrote, as often as it is asked for."""
    data = json.loads(os.pread(handle, os.fstat(handle).st_size, 0))
    grants = tuple(Grant(**{**g, "customers": tuple(g["customers"])}) for g in data["grants"])
    return Access(SignIn(**data["sign_in"]), grants)


def is_loopback(address: str | None) -> bool:
    """Whether only this machine reaches a server at the address; none at all is every address."""
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

    # nobody but us, and gone from the folder before anything is in it
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())
