"""A report as PDF: tagged (PDF/UA-1), with embedded fonts."""

import json
from collections.abc import Callable, Iterator
from functools import cache
from importlib.resources import files
from typing import Any

import typst

from makegood.dashboards.figures.words import printable
from makegood.dashboards.reports import timeline
from makegood.dashboards.reports.branding import Branding
from makegood.dashboards.reports.document import (
    NUMBERS,
    Block,
    Facts,
    Kind,
    Report,
    Section,
    Table,
    Timeline,
    footer,
    shown,
    verdict_class,
)

# characters that the compiler's own fonts are sure to have
_SURE = {*map(chr, range(0x20, 0x180)), *"–−×÷’…§"}


def pdf(report: Report) -> bytes:
    """The report as PDF, the same bytes whenever and wherever it is made.

    A character that the compiler's own fonts lack is taken from the fonts of the machine; if they
    lack it too, its code is written out.
    """
    for ignore_system_fonts, letters in ((True, None), (False, None), (True, _SURE)):
        inputs = {"report": json.dumps(_data(report, letters))}
        try:
            inputs["tight"] = _tight(inputs, ignore_system_fonts)
            made: bytes = typst.compile(
                _source(),
                ignore_system_fonts=ignore_system_fonts,
                format="pdf",
                pdf_standards="ua-1",
                timestamp=int(report.as_of.timestamp()),
                sys_inputs=inputs,
            )
        except typst.TypstError as error:
            if "could not be displayed" not in str(error) or letters is not None:
                raise
        else:
            return made
    raise AssertionError("the last attempt can display every character")


@cache
def _source() -> bytes:
    return (files("makegood.dashboards.reports") / "report.typ").read_bytes()


# a last page that is filled less is avoided: a quarter of A4, in points
_LEAST_FILLED = 842 // 4
_TIGHTEST = 3


def _tight(inputs: dict[str, str], ignore_system_fonts: bool) -> str:
    """How tight the report is set, so that its last page does not hold a few lines alone; 0 where
    nothing helps."""
    for tight in range(_TIGHTEST + 1):
        end = json.loads(
            typst.query(
                _source(),
                "<end>",
                field="value",
                one=True,
                ignore_system_fonts=ignore_system_fonts,
                sys_inputs=inputs | {"tight": str(tight)},
            )
        )
        if end["page"] == 1 or float(end["y"].removesuffix("pt")) >= _LEAST_FILLED:
            return str(tight)
    return "0"


def _branding(by: Branding, text: Callable[[str], str]) -> dict[str, Any]:
    logo = by.logo
    return {
        "provider": text(by.provider),
        "address": [text(line) for line in by.address],
        "contact": text(by.contact),
        "footer": text(by.footer),
        "colour": by.colour,
        "logo": None
        if logo is None
        else {
            "kind": logo.kind,
            "content": list(logo.content),
            "alt": text(f"Logo of {by.provider}"),
        },
    }


def _data(report: Report, letters: set[str] | None) -> dict[str, Any]:
    def text(words: str) -> str:
        words = printable(words)
        return (
            words
            if letters is None
            else "".join(c if c in letters else f"U+{ord(c):04X} " for c in words)
        )

    def verdict(words: str, kind: Kind) -> str:
        return verdict_class(words) if kind is Kind.VERDICT else ""

    def facts(block: Facts) -> dict[str, Any]:
        found = [
            {
                "name": text(f.name),
                "text": text(shown(f.value, f.kind)),
                "verdict": verdict(shown(f.value, f.kind), f.kind),
                "note": text(f.note),
            }
            for f in block.facts
        ]
        return {"block": "facts", "caption": text(block.caption), "facts": found}

    def table(block: Table) -> dict[str, Any]:
        kinds = [c.kind for c in block.columns]
        return {
            "block": "table",
            "caption": text(block.caption),
            "columns": [
                {"title": text(c.title), "number": c.kind in NUMBERS} for c in block.columns
            ],
            "rows": [
                [
                    {"text": text(shown(v, kind)), "verdict": verdict(shown(v, kind), kind)}
                    for v, kind in zip(row, kinds, strict=True)
                ]
                for row in block.rows
            ],
        }

    def blocks(found: tuple[Block, ...]) -> Iterator[dict[str, Any]]:
        for block in found:
            match block:
                case str():
                    yield {"block": "sentence", "text": text(block)}
                case Facts():
                    yield facts(block)
                case Table():
                    yield table(block)
                case Timeline():
                    yield {
                        "block": "timeline",
                        "caption": text(block.caption),
                        "description": text(block.description),
                        "svg": timeline.svg(block),
                    }
                case Section():
                    yield {
                        "block": "section",
                        "title": text(block.title),
                        "reference": text(block.reference),
                        "blocks": list(blocks(block.blocks)),
                    }

    return {
        "title": text(report.title),
        "subtitle": text(report.subtitle),
        "footer": text(footer(report)),
        "head": facts(report.head),
        "opening": [text(sentence) for sentence in report.opening],
        "strip": None
        if report.strip is None
        else {
            "caption": text(report.strip.caption),
            "description": text(report.strip.description),
            "svg": timeline.strip_svg(report.strip),
        },
        "branding": _branding(report.branding, text),
        "highlights": facts(Facts("", report.highlights))["facts"],
        "notes": [text(n) for n in report.notes],
        "sections": list(blocks(report.sections)),
    }
