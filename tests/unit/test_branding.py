"""`branding.yaml`: what it says reaches reports, and what may not be in it is refused where it is
written."""

import os
import struct
import zlib
from pathlib import Path

import pytest

from makegood.dashboards.reports.branding import (
    NEUTRAL,
    Branding,
    Logo,
    as_png,
    contrast,
    handed_over,
    least_contrast,
)
from makegood.ingestion.strict_yaml import InvalidDocument
from makegood.orchestration.output.branding import branding_of

SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 10 4">{}</svg>'
RECT = '<rect width="10" height="4" fill="#7a1f5c"/>'


def png(width: int = 2, height: int = 1, rows: bytes | None = None) -> bytes:
    """A grey picture. `rows`: its pixels, if they are others than its head says."""

    def chunk(name: bytes, data: bytes) -> bytes:
        check = zlib.crc32(name + data)
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", check)

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    pixels = (b"\0" + b"\x80" * width) * height if rows is None else rows
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(pixels)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


def written(root: Path, text: str, **files: str | bytes) -> Branding:
    for name, content in files.items():
        path = root / name.replace("_", ".")
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    (root / "branding.yaml").write_text(text)
    return branding_of(root)


def test_without_a_file_reports_are_neutral(tmp_path: Path) -> None:
    assert branding_of(tmp_path) == NEUTRAL == Branding()
    assert NEUTRAL.provider == ""


def test_what_a_file_says(tmp_path: Path) -> None:
    found = written(
        tmp_path,
        "provider: Example & Co\naddress: [Harbour 1, '1011 AB']\ncontact: a@b.example\n"
        "colour: '#7A1F5C'\nfooter: Registered\nlogo: logo.svg\n",
        logo_svg=SVG.format(RECT),
    )
    assert found == Branding(
        "Example & Co",
        ("Harbour 1", "1011 AB"),
        "a@b.example",
        "#7a1f5c",
        "Registered",
        Logo("svg", SVG.format(RECT).encode()),
    )
    # another file, in a folder of its own
    other = tmp_path / "other" / "mine.yaml"
    other.parent.mkdir()
    other.write_text("provider: Other\nlogo: mine.png\n")
    (other.parent / "mine.png").write_bytes(png())
    assert branding_of(tmp_path, other) == Branding("Other", logo=Logo("png", png()))


REFUSED = [
    ("provier: A\n", "branding.yaml:1: provier: unknown key: the nearest is provider"),
    ("contact: a\n", "branding.yaml:1: provider: is missing"),
    ("provider: ' A'\n", "branding.yaml:1: provider: must be text without space around it"),
    ('provider: "A\\u202eB"\n', "provider: must be one line, without control characters"),
    (f"provider: {'x' * 201}\n", "provider: has 201 characters, and 200 are the most"),
    ("provider: 12\n", "provider: 12 is read as a number"),
    ("provider: A\naddress: [a, b, c, d, e, f, g]\n", "branding.yaml:2: address: "),
    ("provider: A\ncolour: #7a1f5c\n", "branding.yaml:2: colour: is empty: # begins a comment"),
    ("provider: A\ncolour: purple\n", "colour: 'purple' is not a colour as in '#7a1f5c'"),
    (
        "provider: A\ncolour: '#ffcc00'\n",
        "colour: #ffcc00 can't be read well: its contrast with what is behind it is 1.39",
    ),
    ("provider: A\nlogo: logo.gif\n", "branding.yaml:2: logo: logo.gif must be a PNG or SVG"),
    ("provider: A\nlogo: none.svg\n", "none.svg is not a file; paths are from the folder"),
]


@pytest.mark.parametrize(("text", "message"), REFUSED)
def test_what_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InvalidDocument) as error:
        written(tmp_path, text)
    assert message in str(error.value)


LOGOS: list[tuple[str, str | bytes, str]] = [
    ("logo_png", b"GIF89a", "is not a PNG"),
    ("logo_png", png(5_000, 1), "is 5000 by 1 pixels, and 4000 are the most"),
    ("logo_png", png(rows=b""), "can't be drawn"),
    ("logo_png", png()[:60], "can't be drawn"),
    ("logo_svg", "<svg", "is not an SVG"),
    ("logo_svg", "<html/>", "its first element is html"),
    ("logo_svg", b"\xff\xfe", "is not an SVG"),
    ("logo_svg", '<!DOCTYPE svg [<!ENTITY a "b">]>' + SVG, "may not have a document type"),
    ("logo_svg", SVG.format("<script>alert(1)</script>"), "may not have the element <script>"),
    ("logo_svg", SVG.format("<foreignObject/>"), "may not have the element <foreignObject>"),
    ("logo_svg", SVG.format("<animateMotion/>"), "may not have the element <animateMotion>"),
    ("logo_svg", SVG.format('<rect onload="x"/>'), "may not have the attribute onload"),
    (
        "logo_svg",
        SVG.format('<image href="https://a.example/x.png"/>'),
        "may not refer to 'https://a.example/x.png'",
    ),
    ("logo_svg", SVG.format('<image href="/etc/passwd"/>'), "may not refer to '/etc/passwd'"),
    (
        "logo_svg",
        SVG.format('<use xmlns:x="http://www.w3.org/1999/xlink" x:href="a.svg#b"/>'),
        "may not refer to 'a.svg#b'",
    ),
    ("logo_svg", SVG.format('<rect style="fill: url(//a/b)"/>'), "may not refer to"),
]


@pytest.mark.parametrize(("name", "content", "message"), LOGOS)
def test_a_logo_is_a_picture_and_nothing_else(
    tmp_path: Path, name: str, content: str | bytes, message: str
) -> None:
    with pytest.raises(InvalidDocument) as error:
        written(tmp_path, f"provider: A\nlogo: {name.replace('_', '.')}\n", **{name: content})
    assert "branding.yaml:2: logo: " in str(error.value)
    assert message in str(error.value)


def test_a_logo_may_refer_to_itself(tmp_path: Path) -> None:
    own = '<defs><linearGradient id="g"/></defs><rect width="9" height="3" fill="url(#g)"/>'
    found = written(tmp_path, "provider: A\nlogo: logo.svg\n", logo_svg=SVG.format(own))
    assert found.logo is not None
    assert as_png(found.logo) == as_png(Logo("svg", SVG.format(own).encode()))


def test_contrast_is_that_of_wcag() -> None:
    assert contrast("#000000", "#ffffff") == contrast("#ffffff", "#000000") == 21
    # the examples of WebAIM: 4.48 fails, 4.54 passes on white
    assert round(contrast("#777777", "#ffffff"), 2) == 4.48
    assert round(contrast("#767676", "#ffffff"), 2) == 4.54
    assert least_contrast("#767676") < 4.5


@pytest.mark.parametrize("colour", ["#0b3c5d", "#000000", "#7a1f5c", "#5a4a00", "#0000ff"])
def test_a_colour_can_be_read_on_a_dark_page(colour: str) -> None:
    found = Branding(colour=colour).colour_on_dark
    assert min(contrast(found, dark) for dark in ("#12181c", "#1c252b", "#2b2118")) >= 4.5


def test_the_server_is_handed_all_of_it() -> None:
    for branding in (NEUTRAL, Branding("A", ("b", "c"), "d", "#7a1f5c", "e", Logo("png", png()))):
        handle = branding.handle()
        try:
            assert handed_over(handle) == handed_over(handle) == branding
        finally:
            os.close(handle)
