"""Who may look at the dashboards from elsewhere: `access.yaml`.

It holds no secret; none is ever shown, logged or kept.
"""

import re
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictStr, model_validator

from makegood.dashboards.access.grants import Access, Grant, SignIn, is_loopback
from makegood.dashboards.app.navigation import CUSTOMER, ROLES
from makegood.ingestion.strict_yaml import Document, InvalidDocument
from makegood.orchestration.settings import environment

SETTINGS = "access.yaml"
SHORTEST_SECRET = 32

# what Streamlit adds to the claims of a token: it says nothing about who somebody is
_NO_CLAIMS = {"is_logged_in", "origin", "provider", "tokens"}


def _text(value: str) -> str:
    if not value or value != value.strip():
        raise ValueError("must be text without space around it")
    return value


def _claim(value: str) -> str:
    if value in _NO_CLAIMS:
        raise ValueError("is not a claim of a token")
    return value


def _role(value: str) -> str:
    if value not in ROLES:
        raise ValueError(f"is not a role: {', '.join(ROLES)}")
    return value


def _variable(value: str) -> str:
    if not re.fullmatch(r"env:[A-Za-z_][A-Za-z0-9_]*", value):
        raise ValueError("must be env:NAME, the environment variable that holds it")
    return value


def _address(value: str) -> str:
    parts = urlsplit(value)
    # a host as browsers send it, and no pattern
    if (
        not re.fullmatch(r"[a-z0-9._:-]+", parts.hostname or "")
        or parts.username is not None
        or parts.query
        or parts.fragment
    ):
        raise ValueError("must be an address as in https://example.com/…")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname)):
        raise ValueError(
            "must begin with https://; http:// is for this machine alone (localhost, 127.0.0.1)"
        )
    return value


def _metadata(value: str) -> str:
    if not urlsplit(value).path.endswith("/.well-known/openid-configuration"):
        raise ValueError("must end with /.well-known/openid-configuration")
    return value


def _callback(value: str) -> str:
    if urlsplit(value).path != "/oauth2callback":
        raise ValueError("must have the path /oauth2callback and no other")
    return value


Text = Annotated[StrictStr, AfterValidator(_text)]
Address = Annotated[Text, AfterValidator(_address)]
Variable = Annotated[Text, AfterValidator(_variable)]


class _Model(BaseModel):
    # what was found wrong must not quote a secret
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class SignInSettings(_Model):
    """The OpenID Connect provider, as it knows us."""

    metadata_url: Annotated[Address, AfterValidator(_metadata)]
    client_id: Text
    client_secret: Variable
    cookie_secret: Variable
    redirect_uri: Annotated[Address, AfterValidator(_callback)]
    session_hours: Annotated[int, Field(ge=1, le=720, strict=True)] = 12


class GrantSettings(_Model):
    """What is granted to whom; `customers` goes with the role customer, and with no other."""

    claim: Annotated[Text, AfterValidator(_claim)]
    value: Text
    role: Annotated[Text, AfterValidator(_role)]
    customers: tuple[Text, ...] = ()

    @model_validator(mode="after")
    def _customers(self) -> Self:
        if (self.role == CUSTOMER) != bool(self.customers):
            raise ValueError("the role customer, and no other, names its `customers`")
        return self


class Settings(_Model):
    """What `access.yaml` says."""

    sign_in: SignInSettings
    grants: Annotated[tuple[GrantSettings, ...], Field(min_length=1)]


def settings_of(root: Path, path: Path | None = None) -> Access | None:
    """The settings in `path`, or in the warehouse's own file where there is one.

    Raises InvalidDocument."""
    if path is None and not (root / SETTINGS).exists():
        return None
    document = Document(path or root / SETTINGS)
    chosen = document.validated(Settings)
    sign_in = chosen.sign_in.model_dump()
    for key in ("client_secret", "cookie_secret"):
        name = sign_in[key].removeprefix("env:")
        sign_in[key] = environment(name)
        if sign_in[key] is None:
            raise InvalidDocument(
                [document.finding(("sign_in", key), f"the environment variable {name} is not set")]
            )
    if len(sign_in["cookie_secret"]) < SHORTEST_SECRET:
        what = (
            f"must hold at least {SHORTEST_SECRET} characters, "
            "as `openssl rand -hex 32` writes them"
        )
        raise InvalidDocument([document.finding(("sign_in", "cookie_secret"), what)])
    return Access(
        SignIn(**sign_in),
        tuple(Grant(g.claim, g.value, g.role, g.customers) for g in chosen.grants),
    )
