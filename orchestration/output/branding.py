"""Who sends reports: `branding.yaml`, and the logo that it names."""

import re
import xml.etree.ElementTree as Xml
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StrictStr

from makegood.dashboards.figures.words import printable
from makegood.dashboards.reports.branding import (
    COLOUR,
    LEAST_CONTRAST,
    NEUTRAL,
    Branding,
    Logo,
    as_png,
    least_contrast,
)
from makegood.ingestion.limits import MIB
from makegood.ingestion.strict_yaml import Document, InvalidDocument

SETTINGS = "branding.yaml"
_LONGEST, _LARGEST_LOGO, _WIDEST = 200, MIB, 4_000
_PNG = b"\x89PNG\r\n\x1a\n"


def _text(value: str) -> str:
    if value != value.strip() or not value:
        raise ValueError("must be text without space around it (example: Example Cloud)")
    if value != printable(value):
        raise ValueError("must be one line, without control characters")
    if len(value) > _LONGEST:
        raise ValueError(f"has {len(value)} characters, and {_LONGEST} are the most")
    return value


def _quoted(value: Any) -> Any:
    if value is None:
        raise ValueError(
            "is empty: # begins a comment unless it is in quotes (example: colour: '#7a1f5c')"
        )
    return value


def _colour(value: str) -> str:
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", value):
        raise ValueError(f"{value!r} is not a colour as in '#7a1f5c'")
    found = least_contrast(value)
    if found < LEAST_CONTRAST:
        raise ValueError(
            f"{value} can't be read well: its contrast with what is behind it is {found:.2f} to 1, "
            f"and {LEAST_CONTRAST} are needed; choose a darker one (example: '#7a1f5c')"
        )
    return value.lower()


Text = Annotated[StrictStr, AfterValidator(_text)]


class Settings(BaseModel):
    """The keys of `branding.yaml`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    provider: Text
    address: Annotated[tuple[Text, ...], Field(max_length=6)] = ()
    contact: Text | None = None
    colour: Annotated[StrictStr, AfterValidator(_colour), BeforeValidator(_quoted)] = COLOUR
    footer: Text | None = None
    logo: Text | None = None


def branding_of(root: Path, path: Path | None = None) -> Branding:
    """What is in `path`, or in the warehouse's own file if it has one; neutral without.

    Raises InvalidDocument."""
    if path is None and not (root / SETTINGS).exists():
        return NEUTRAL
    document = Document(path or root / SETTINGS)
    chosen = document.validated(Settings)
    try:
        logo = _logo(document.path.parent / chosen.logo) if chosen.logo else None
    except ValueError as error:
        raise InvalidDocument([document.finding(("logo",), str(error))]) from error
    return Branding(
        chosen.provider,
        chosen.address,
        chosen.contact or "",
        chosen.colour,
        chosen.footer or "",
        logo,
    )


def _logo(path: Path) -> Logo:
    """The picture at a path; raises ValueError."""
    kind = path.suffix.lower().removeprefix(".")
    if kind not in ("png", "svg"):
        raise ValueError(f"{path.name} must be a PNG or SVG (example: logo.svg)")
    try:
        if not path.is_file():
            raise ValueError(f"{path} is not a file; paths are from the folder of this document")
        if path.stat().st_size > _LARGEST_LOGO:
            raise ValueError(f"{path} is over {_LARGEST_LOGO // MIB} MiB long")
        content = path.read_bytes()
    except OSError as error:
        raise ValueError(f"{path} can't be read: {error.strerror}") from error
    if kind == "png":
        _check_png(path, content)
    else:
        _check_svg(path, content)
    logo = Logo(kind, content)
    try:
        as_png(logo)
    except ValueError as error:
        raise ValueError(f"{path} can't be drawn: {error}") from error
    return logo


def _check_png(path: Path, content: bytes) -> None:
    if not content.startswith(_PNG):
        raise ValueError(f"{path} is not a PNG")
    sides = [int.from_bytes(content[at : at + 4], "big") for at in (16, 20)]
    if max(sides) > _WIDEST:
        raise ValueError(f"{path} is {sides[0]} by {sides[1]} pixels, and {_WIDEST} are the most")


# pictures, and nothing that runs, leads elsewhere or reads other files
_REFUSED = {"script", "foreignObject", "a", "style", "animate", "set", "iframe"}
_OWN = re.compile(r"#|data:image/png;base64,")


def _check_svg(path: Path, content: bytes) -> None:
    # entities could make an endless text of a short one
    if re.search(rb"<!(DOCTYPE|ENTITY)", content, re.IGNORECASE):
        raise ValueError(f"{path} may not have a document type or entities")
    try:
        root = Xml.fromstring(content)  # noqa: S314 - without entities
    except Xml.ParseError as error:
        raise ValueError(f"{path} is not an SVG: {error}") from error
    if root.tag != "{http://www.w3.org/2000/svg}svg":
        raise ValueError(f"{path} is not an SVG: its first element is {root.tag}")
    for element in root.iter():
        name = str(element.tag).rpartition("}")[2]
        if name in _REFUSED or name.startswith("animate"):
            raise ValueError(f"{path} may not have the element <{name}>: it is a picture alone")
        for attribute, value in element.attrib.items():
            key = attribute.rpartition("}")[2].lower()
            if key.startswith("on"):
                raise ValueError(f"{path} may not have the attribute {key}: it would run a script")
            if key in ("href", "src") and not _OWN.match(value.strip()):
                raise ValueError(f"{path} may not refer to {value!r}: it must hold all it shows")
            if re.search(r"url\(\s*['\"]?(?!#)", value) or "@import" in value:
                raise ValueError(f"{path} may not refer to {value!r}: it must hold all it shows")
