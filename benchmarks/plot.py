"""Costs as a picture: bars of processor seconds, a panel a size."""

from html import escape

from benchmarks.measure import Costs

WIDTH, LABELS, BAR, GAP = 760, 230, 16, 6
OWN, OTHERS = "#1f6f8b", "#b0b7bd"


def bars(costs: Costs, what: str, own: tuple[str, ...]) -> str:
    """An SVG; the bars of the works named `own` stand out. Each panel has its own scale."""
    drawn: list[str] = []
    y = 0
    for size, works in costs.medians().items():
        y += 34
        drawn.append(f'<text x="12" y="{y - 12}" font-weight="bold">{size:,} {escape(what)}</text>')
        longest = max(c.cpu for c in works.values())
        for work, c in works.items():
            length = (WIDTH - LABELS - 170) * c.cpu / longest
            middle = y + BAR - 4
            drawn += [
                f'<text x="{LABELS - 8}" y="{middle}" text-anchor="end">{escape(work)}</text>',
                f'<rect x="{LABELS}" y="{y}" width="{length:.1f}" height="{BAR}" '
                f'fill="{OWN if work in own else OTHERS}"/>',
                f'<text x="{LABELS + length + 6:.1f}" y="{middle}">{c.cpu:.1f} s, '
                f"{c.peak:,.0f} MB</text>",
            ]
            y += BAR + GAP
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y + 12}" role="img" '
            'font-family="sans-serif" font-size="12" fill="#222">',
            f"<title>Processor seconds and peak memory by number of {escape(what)}</title>",
            f'<rect width="{WIDTH}" height="{y + 12}" fill="#fff"/>',
            *drawn,
            "</svg>\n",
        ]
    )
