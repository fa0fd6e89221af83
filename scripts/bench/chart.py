"""The chart: CPU time per request in multiples of the limit, on a logarithmic scale, as SVG."""

from collections.abc import Mapping
from html import escape
from math import log10

from . import aims, work
from .measure import Turns, ratio

WIDTH, LABEL, BAR, GAP = 900, 290, 15, 34
LOWEST, HIGHEST = -1, 2  # powers of ten
TITLE = "Server CPU time per request, in multiples of the limit (logarithmic; shorter is better)"
STYLE = "font-family:system-ui,sans-serif;font-size:12px"


def draw(results: Mapping[str, Mapping[str, Turns]]) -> str:
    """A group of bars for each kind of work in which the limit takes part."""
    parts, y = [f'<text x="12" y="24" font-size="16">{TITLE}</text>'], 64
    for kind in (kind for kind in work.KINDS if aims.LIMIT in results.get(kind, {})):
        parts.append(f'<text x="12" y="{y}" font-weight="600">{escape(work.KINDS[kind])}</text>')
        y += 8
        limit = results[kind][aims.LIMIT]
        for value, title in sorted((ratio(turns, limit), title) for title, turns in results[kind].items()):
            parts.append(_bar(title, value, y))
            y += BAR + 3
        y += GAP
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y}" width="{WIDTH}" style="{STYLE}" role="img">'
        f'<rect width="100%" height="100%" fill="#fff"/>{"".join(parts)}</svg>\n'
    )


def _bar(title: str, ratio: float, y: int) -> str:
    share = (min(max(log10(ratio), LOWEST), HIGHEST) - LOWEST) / (HIGHEST - LOWEST)
    width = (WIDTH - LABEL - 60) * share
    colour = "#1f6feb" if title.startswith("Tradepost") else "#d4a72c" if title == aims.LIMIT else "#9aa4af"
    return (
        f'<text x="{LABEL - 8}" y="{y + 12}" text-anchor="end">{escape(title.partition(":")[0])}</text>'
        f'<rect x="{LABEL}" y="{y}" width="{width:.1f}" height="{BAR}" fill="{colour}"/>'
        f'<text x="{LABEL + width + 5:.1f}" y="{y + 12}">{ratio:.3g}x</text>'
    )
