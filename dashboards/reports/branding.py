"""Who sends a report: the provider's name, logo, address, contact, colour and footer.

Plain data, which whoever reads the branding file hands over. Without one, reports are neutral.
"""

import base64
import json
from dataclasses import asdict, dataclass, replace
from functools import cache
from typing import Any

from makegood.dashboards.access.grants import handle_of, held

# the colour of reports without a branding file
COLOUR = "#0b3c5d"
# characters of a customer's own reference
LONGEST_REFERENCE = 100
# WCAG 2.2, 1.4.3: text of normal size
LEAST_CONTRAST = 4.5
_PAPER, _DARK_PANEL = "#ffffff", "#1c252b"
# behind headings, cards and notes of the report
_BACKGROUNDS = (_PAPER, "#f3f6f8", "#fdf6ef")


@dataclass(frozen=True)
class Logo:
    """A picture. `kind`: png or svg."""

    kind: str
    content: bytes

    @property
    def address(self) -> str:
        """The picture as an address that loads nothing."""
        media = "image/svg+xml" if self.kind == "svg" else "image/png"
        return f"data:{media};base64,{base64.b64encode(self.content).decode()}"


@dataclass(frozen=True)
class Branding:
    """`address`: its lines; `colour`: of headings, as #0b3c5d; an empty text is not shown."""

    provider: str = ""
    address: tuple[str, ...] = ()
    contact: str = ""
    colour: str = COLOUR
    footer: str = ""
    logo: Logo | None = None

    @property
    def colour_on_dark(self) -> str:
        """The colour, as much lighter as it takes to be read on a dark page."""
        return on_dark(self.colour)

    def handle(self) -> int:
        """An open file for the server that takes our place, as `handed_over` reads it."""
        data = asdict(self)
        if self.logo:
            data["logo"]["content"] = base64.b64encode(self.logo.content).decode()
        return handle_of("branding", data)


NEUTRAL = Branding()


_PAGE = b"""
#set page(width: 120pt, height: 48pt, margin: 0pt, fill: none)
#let logo = json(bytes(sys.inputs.logo))
#image(bytes(logo.content), format: logo.kind, width: 100%, height: 100%, fit: "contain")
"""


@cache
def as_png(logo: Logo) -> bytes:
    """A logo as a PNG of 120 by 48 points. Raises ValueError for what is no such picture."""
    # slow to import
    import typst

    data = json.dumps({"kind": logo.kind, "content": list(logo.content)})
    try:
        made: bytes = typst.compile(
            _PAGE, format="png", ppi=192, ignore_system_fonts=True, sys_inputs={"logo": data}
        )
    except typst.TypstError as error:
        raise ValueError(str(error)) from error
    return made


def handed_over(handle: int) -> Branding:
    """What `Branding.handle` holds."""
    data: dict[str, Any] = held(handle)
    found = Branding(**data | {"address": tuple(data["address"]), "logo": None})
    if not data["logo"]:
        return found
    content = base64.b64decode(data["logo"]["content"])
    return replace(found, logo=Logo(**data["logo"] | {"content": content}))


def least_contrast(colour: str) -> float:
    """The lowest contrast of a colour with what is behind it in a report (WCAG 2.2)."""
    return min(contrast(colour, background) for background in _BACKGROUNDS)


def contrast(one: str, other: str) -> float:
    """The contrast of two colours, from 1 to 21 (WCAG 2.2)."""
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@cache
def on_dark(colour: str) -> str:
    """A colour mixed with as much white as it takes on a dark page."""
    red, green, blue = _parts(colour)
    for white in range(0, 101, 5):
        mixed = [(part * (100 - white) + 255 * white) // 100 for part in (red, green, blue)]
        found = "#" + "".join(f"{part:02x}" for part in mixed)
        # a little more than needed: the page has other dark backgrounds
        if contrast(found, _DARK_PANEL) >= 1.2 * LEAST_CONTRAST:
            break
    return found


def _parts(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _luminance(colour: str) -> float:
    shares = [part / 255 for part in _parts(colour)]
    linear = [s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
