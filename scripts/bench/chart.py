"""The chart, drawn by hand as SVG: CPU time per request as multiples of the limit, on a logarithmic scale."""

from collections.abc import Mapping
from html import escape
from math import log10

from . import aims, work
from .measure import Figures

WIDTH, LABEL, BAR, GAP = 900, 290, 15, 34
LEAST, MOST = -2, 2  # powers of ten that the scale shows
OURS, THEIRS, LIMIT = "#1f6feb", "#9aa4af", "#d4a72c"


def drawn(results: Mapping[str, Mapping[str, Figures]]) -> str:
    """The picture of the kinds of work that were measured against the limit."""
    parts, y = [], 64
    for kind in work.KINDS:
        found = results.get(kind, {})
        if aims.LIMIT not in found:
            continue
        parts.append(f'<text x="12" y="{y}" font-weight="600">{escape(work.KINDS[kind])}</text>')
        y += 8
        for title, figures in sorted(found.items(), key=lambda pair: pair[1].to(found[aims.LIMIT])):
            parts.append(_bar(title, figures.to(found[aims.LIMIT]), y))
            y += BAR + 3
        y += GAP
    head = '<text x="12" y="24" font-size="16" font-weight="600">Server CPU time per request, as multiples of the limit (logarithmic; shorter is better)</text>'
    style = "font-family:system-ui,sans-serif;font-size:12px"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{y}" viewBox="0 0 {WIDTH} {y}" style="{style}" role="img">'
        f'<rect width="100%" height="100%" fill="#fff"/>{head}{_axis(y)}{"".join(parts)}</svg>\n'
    )


def _x(ratio: float) -> float:
    return LABEL + (WIDTH - LABEL - 60) * (min(max(log10(ratio), LEAST), MOST) - LEAST) / (MOST - LEAST)


def _bar(title: str, ratio: float, y: int) -> str:
    colour = OURS if title.startswith("Tradepost") else LIMIT if title.startswith(("limit", "floor")) else THEIRS
    end = _x(ratio)
    name = title.partition(":")[0] if title == aims.LIMIT else title
    return (
        f'<text x="{LABEL - 8}" y="{y + 12}" text-anchor="end">{escape(name)}</text>'
        f'<rect x="{LABEL}" y="{y}" width="{end - LABEL:.1f}" height="{BAR}" fill="{colour}"/>'
        f'<text x="{end + 5:.1f}" y="{y + 12}">{ratio:.3g}x</text>'
    )


def _axis(bottom: int) -> str:
    lines = []
    for power in range(LEAST, MOST + 1):
        x = _x(10**power)
        lines.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="46" y2="{bottom - 20}" stroke="#e5e7eb"/>')
        lines.append(f'<text x="{x:.1f}" y="42" text-anchor="middle" fill="#57606a">{10**power:g}x</text>')
    return "".join(lines)
