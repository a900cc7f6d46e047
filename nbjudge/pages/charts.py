"""Bar charts as inline SVG: no script, sharp on paper, and text of one size on any screen.

Horizontal positions are percentages, so a chart is as wide as the page and its text stays as
large as the rest. Colors come from the page's style sheet.
"""

import math
from collections.abc import Sequence

from markupsafe import Markup

MOST_BINS = 12
HEIGHT = 150  # pixels, of the bars
ABOVE, BELOW = 22, 24  # pixels, for the counts and the axis
FLOOR = ABOVE + HEIGHT
WIDTHS = (1.0, 2.0, 2.5, 5.0, 10.0)


def bin_edges(highest: float) -> list[float]:
    """Edges from 0 to at least `highest`, at round numbers, with at most twelve bins."""
    highest = max(highest, 1e-3)
    scale = 10.0 ** math.floor(math.log10(highest / MOST_BINS))
    width = next(scale * width for width in WIDTHS if highest / (scale * width) <= MOST_BINS + 1e-9)
    count = math.ceil(highest / width - 1e-9)
    return [round(width * place, 10) for place in range(count + 1)]


def counts(values: Sequence[float], edges: Sequence[float]) -> list[int]:
    """How many of `values` are in each bin; the last one includes its upper edge."""
    width = edges[1] - edges[0]
    found = [0] * (len(edges) - 1)
    for value in values:
        place = math.floor(max(0.0, value) / width + 1e-9)
        found[min(place, len(found) - 1)] += 1
    return found


def histogram(
    values: Sequence[float], highest: float, unit: str, who: str, marked: float | None = None
) -> Markup:
    """A chart of the number of `who` by value, from 0 to `highest` or the largest of `values`.

    marked: a value to mark, such as the median
    """
    edges = bin_edges(max(highest, *values, 0.0))
    found = counts(values, edges)
    told = [
        f"{edges[place]:g} to {edges[place + 1]:g}: {count}"
        for place, count in enumerate(found)
        if count
    ]
    words = f"How many {who} have how many {unit}. {'; '.join(told) or 'Nobody yet'}."
    return Markup(
        '<svg class="chart" role="img" aria-label="{}" width="100%" height="{}">{}</svg>'
    ).format(words, FLOOR + BELOW, _axis(edges) + _bars(found) + _mark(marked, edges))


def _axis(edges: Sequence[float]) -> Markup:
    last = len(edges) - 1
    step = 2 if last > 8 else 1
    ticks = [
        Markup('<text class="tick" x="{:.2f}%" y="{}" text-anchor="{}">{:g}</text>').format(
            100 * place / last,
            FLOOR + 17,
            "start" if place == 0 else "end" if place == last else "middle",
            edges[place],
        )
        for place in range(len(edges))
        if place == last or (place % step == 0 and place + step <= last)
    ]
    line = Markup('<line class="axis" x1="0" x2="100%" y1="{0}" y2="{0}"/>').format(FLOOR)
    return line + Markup("").join(ticks)


def _bars(found: Sequence[int]) -> Markup:
    """A bar for each bin that is not empty, and its count above it."""
    width = 100 / len(found)
    bars = Markup()
    labels = Markup()
    for place, count in enumerate(found):
        if count:
            height = HEIGHT * count / max(found)
            bars += Markup(
                '<rect class="bin" x="{:.2f}%" y="{:.1f}" width="{:.2f}%" height="{:.1f}"/>'
            ).format(width * (place + 0.08), FLOOR - height, width * 0.84, height)
            labels += Markup('<text class="count" x="{:.2f}%" y="{:.1f}">{}</text>').format(
                width * (place + 0.5), FLOOR - height - 6, count
            )
    return bars + labels


def _mark(value: float | None, edges: Sequence[float]) -> Markup:
    if value is None:
        return Markup()
    across = 100 * min(1.0, value / edges[-1])
    return Markup('<line class="mark" x1="{0:.2f}%" x2="{0:.2f}%" y1="{1}" y2="{2}"/>').format(
        across, ABOVE, FLOOR
    )
