"""Pictures of a report (SVG): a timeline with a lane for each kind of interval, and a strip of the
last periods."""

from datetime import datetime
from xml.sax.saxutils import escape

from makegood.dashboards.reports.document import Strip, Timeline

# safe for colour-blind readers (Okabe and Ito), with enough contrast on white and on black
COLOURS = {
    "downtime": "#D55E00",
    "maintenance": "#0072B2",
    "exclusion": "#009E73",
    "unknown": "#767676",
}
# in tenths of a point
_LEFT, _WIDTH, _LANE, _TOP, _MARGIN = 1150, 5750, 240, 170, 100
_LEAST = 24  # an interval of a minute is still visible


def svg(timeline: Timeline, identifier: str = "timeline") -> str:
    """The picture, with a title and a description. Coordinates are integers, so never rounded."""
    bottom = _TOP + _LANE * len(timeline.lanes)
    width, height = _LEFT + _WIDTH + _MARGIN, bottom + 240
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
        f'aria-labelledby="{identifier}-title {identifier}-description" '
        'font-family="Libertinus Serif, Georgia, serif" font-size="130">',
        f'<title id="{identifier}-title">{escape(timeline.caption)}</title>',
        f'<desc id="{identifier}-description">{escape(timeline.description)}</desc>',
    ]
    for n, lane in enumerate(timeline.lanes):
        y = _TOP + _LANE * n
        parts.append(
            f'<rect class="track" x="{_LEFT}" y="{y + 40}" width="{_WIDTH}" '
            f'height="{_LANE - 80}" fill="#EEEEEE"/>'
        )
        parts.append(
            f'<text class="words" x="0" y="{y + 165}" fill="#222222">{escape(lane.name)}</text>'
        )
    for at, label in timeline.ticks:
        x = _x(timeline, at)
        parts.append(
            f'<path class="tick" d="M{x} {_TOP}V{bottom + 50}" '
            'stroke="#999999" stroke-width="8" fill="none"/>'
        )
        parts.append(
            f'<text class="words" x="{x + 20}" y="{bottom + 160}" '
            f'fill="#222222">{escape(label)}</text>'
        )
    for n, lane in enumerate(timeline.lanes):
        y = _TOP + _LANE * n
        for start, end in lane.intervals:
            x = min(_x(timeline, start), _LEFT + _WIDTH - _LEAST)
            length = max(_x(timeline, end) - x, _LEAST)
            parts.append(
                f'<rect x="{x}" y="{y + 20}" width="{length}" height="{_LANE - 40}" '
                f'fill="{COLOURS[lane.key]}"/>'
            )
    if timeline.known_until < timeline.end:
        x = _x(timeline, timeline.known_until)
        parts.append(
            f'<path class="now" d="M{x} {_TOP - 30}V{bottom + 50}" '
            'stroke="#222222" stroke-width="16" stroke-dasharray="60 40" fill="none"/>'
        )
        anchor, beside = ("start", x + 30) if x < _LEFT + _WIDTH // 2 else ("end", x - 30)
        parts.append(
            f'<text class="words" x="{beside}" y="{_TOP - 50}" text-anchor="{anchor}" '
            'font-size="110" fill="#222222">still to come</text>'
        )
    return "\n".join([*parts, "</svg>"])


def _x(timeline: Timeline, at: datetime) -> int:
    """The coordinate of an instant, as an integer."""
    at = min(max(at, timeline.start), timeline.end)
    return _LEFT + int((at - timeline.start).total_seconds()) * _WIDTH // int(
        (timeline.end - timeline.start).total_seconds()
    )


# colours of a cell's state; its words say the same
_STATES = {
    "met": ("#E2F0EB", "#00614A"),
    "thin": ("#F1F3F5", "#00614A"),
    "missed": ("#FBE9DC", "#A34700"),
    "unseen": ("url(#hatch)", "#444444"),
    "none": ("#F1F3F5", "#444444"),
}
_CELL, _APART = 540, 160


def strip_svg(strip: Strip, identifier: str = "strip") -> str:
    """The periods side by side, with a title and a description: what is still in progress is apart
    and has a dashed edge, and what nobody saw is hatched."""
    width, height = _LEFT + _WIDTH + _MARGIN, _CELL + 200
    each = min((width - _APART) // max(len(strip.cells), 6), 1100)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
        f'aria-labelledby="{identifier}-title {identifier}-description" '
        'font-family="Libertinus Serif, Georgia, serif" font-size="130">',
        f'<title id="{identifier}-title">{escape(strip.caption)}</title>',
        f'<desc id="{identifier}-description">{escape(strip.description)}</desc>',
        '<defs><pattern id="hatch" width="60" height="60" patternUnits="userSpaceOnUse">'
        '<path class="hatch" d="M0 60L60 0" stroke="#B5BCC2" stroke-width="8" fill="none"/>'
        "</pattern></defs>",
    ]
    x = 0
    for cell in strip.cells:
        fill, edge = _STATES[cell.state]
        if not cell.is_over:
            x += _APART
        dashes = "" if cell.is_over else ' stroke-dasharray="50 36"'
        parts.append(
            f'<rect class="cell {cell.state}" x="{x + 10}" y="170" width="{each - 40}" '
            f'height="{_CELL - 20}" fill="{fill}" stroke="{edge}" stroke-width="12"{dashes}/>'
        )
        middle = x + (each - 20) // 2
        small = 130 if each > 700 else 100
        parts += [
            f'<text class="words" x="{middle}" y="{y}" text-anchor="middle" '
            f'font-size="{_fitting(text, size, each)}" font-weight="{weight}" fill="#222222">'
            f"{escape(text)}</text>"
            for y, size, weight, text in (
                (120, small, 400, cell.name),
                (350, small + (30 if each > 700 else 0), 700, cell.figure),
                *(
                    (510 + 110 * line, small - 10, 400, part)
                    for line, part in enumerate(_broken(cell.words))
                ),
            )
        ]
        x += each
    return "\n".join([*parts, "</svg>"])


def _broken(words: str) -> list[str]:
    """The words of a cell in at most two lines: met, on thin evidence is broken at its comma."""
    first, comma, rest = words.partition(", ")
    return [first + comma.strip(), rest.removeprefix("on ")] if rest else [first]


def _fitting(text: str, size: int, width: int) -> int:
    """A size of font, smaller where the text is too long for a cell."""
    return min(size, (width - 60) * 2 // max(len(text), 1))
