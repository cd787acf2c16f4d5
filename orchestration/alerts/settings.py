"""Settings of alerts: `alerts.yaml`. No address is ever shown, logged or kept, only labels."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from iso4217 import Currency
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

from makegood.dashboards.figures.operations import Severity
from makegood.dashboards.figures.queries import LAPSING_DAYS
from makegood.ingestion.strict_yaml import Document, InvalidDocument
from makegood.ingestion.values import DecimalValue
from makegood.orchestration.settings import environment

SETTINGS = "alerts.yaml"


def _address(value: SecretStr) -> SecretStr:
    if not re.match(
        r"env:[A-Za-z_][A-Za-z0-9_]*$|[A-Za-z][A-Za-z0-9+.-]*://.", value.get_secret_value()
    ):
        raise ValueError(
            "must be an Apprise URL (scheme://…) or an environment variable that holds one "
            "(example: env:DUTY_MAIL)"
        )
    return value


def _currency(value: str) -> str:
    if value not in {c.code for c in Currency if c.exponent is not None}:
        raise ValueError("is not an ISO 4217 currency (example: EUR)")
    return value


class Settings(BaseModel):
    """The keys of `alerts.yaml`."""

    # an error must not quote an address
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    urls: list[Annotated[SecretStr, AfterValidator(_address)]] = []
    credit_over: dict[
        Annotated[str, AfterValidator(_currency)], Annotated[DecimalValue, Field(ge=0)]
    ] = {}
    lapsing_days: Annotated[int, Field(ge=0, le=366, strict=True)] = LAPSING_DAYS
    minimum_severity: Severity = "warning"
    remind_after_days: Annotated[int, Field(ge=1, le=366, strict=True)] = 7

    def receivers(self) -> list["Receiver"]:
        """The receivers, labelled by scheme and position, or by the name of their variable."""
        found = {}
        for number, secret in enumerate(self.urls, 1):
            url = secret.get_secret_value()
            name = url.removeprefix("env:") if url.startswith("env:") else None
            label = url if name else f"{url.partition(':')[0].lower()} {number}"
            found[label] = Receiver(label, environment(name) if name else url)
        return list(found.values())


@dataclass(frozen=True)
class Receiver:
    """`url`: None if its variable is not set."""

    label: str
    url: str | None = field(repr=False)


def settings_of(root: Path, path: Path | None = None) -> Settings:
    """The settings in `path`, or in the warehouse's own file if it has one.

    Raises InvalidDocument.
    """
    if path is None and not (root / SETTINGS).exists():
        return Settings()
    try:
        return Document(path or root / SETTINGS).validated(Settings)
    except InvalidDocument as error:
        # an address may be written in place of a key; a cause would quote it
        raise InvalidDocument(
            [re.sub(r"\S+://\S*", "…", finding) for finding in error.findings]
        ) from None
