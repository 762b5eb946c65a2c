"""Line charts as SVG, both axes logarithmic: recorders differ by factors."""

import math
from collections.abc import Iterable
from html import escape
from typing import Final

WIDTH, HEIGHT = 720, 420
LEFT, RIGHT, TOP, BOTTOM = 70, 150, 40, 50
COLOURS: Final = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#555555", "#000000")
"""Okabe and Ito's, which those who do not see all colours can tell apart."""
LABEL_HEIGHT: Final = 16

Points = list[tuple[float, float]]


def ticks(lowest: float, highest: float) -> list[float]:
    """1, 2 and 5 times powers of ten, from below the lowest to above the highest."""
    powers = range(math.floor(math.log10(lowest)), math.ceil(math.log10(highest)) + 1)
    found = [factor * 10.0**power for power in powers for factor in (1, 2, 5)]
    first = max(tick for tick in found if tick <= lowest)
    last = min((tick for tick in found if tick >= highest), default=highest)
    return [tick for tick in found if first <= tick <= last]


class Axis:
    """From values to pixels."""

    def __init__(self, lowest: float, highest: float, begin: float, end: float) -> None:
        self._low, self._begin = math.log(lowest), begin
        self._scale = (end - begin) / ((math.log(highest) - self._low) or 1.0)

    def at(self, value: float) -> float:
        return round(self._begin + (math.log(value) - self._low) * self._scale, 1)


def chart(title: str, x_title: str, y_title: str, lines: dict[str, Points]) -> str:
    """One line for each name; values that are not positive are left out."""
    lines = {name: sorted(p for p in points if min(p) > 0) for name, points in lines.items()}
    lines = {name: points for name, points in lines.items() if points}
    xs = sorted({x for points in lines.values() for x, _ in points})
    ys = ticks(min(y for p in lines.values() for _, y in p), max(y for p in lines.values() for _, y in p))
    x_axis = Axis(xs[0], xs[-1], LEFT, WIDTH - RIGHT)
    y_axis = Axis(ys[0], ys[-1], HEIGHT - BOTTOM, TOP)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif"'
        f' font-size="12" role="img" aria-label="{escape(title)}"><rect width="100%" height="100%" fill="#fff"/>',
        _text(LEFT, TOP - 16, title, 'font-size="14" font-weight="bold"'),
        _text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 12, x_title, 'text-anchor="middle"'),
        f'<g transform="translate(16 {HEIGHT / 2}) rotate(-90)">',
        _text(0, 0, y_title, 'text-anchor="middle"'),
        "</g>",
    ]
    for y in ys:
        parts.append(f'<path d="M{LEFT} {y_axis.at(y)}H{WIDTH - RIGHT}" stroke="#ddd"/>')
        parts.append(_text(LEFT - 6, y_axis.at(y) + 4, f"{y:g}", 'text-anchor="end"'))
    parts += [_text(x_axis.at(x), HEIGHT - BOTTOM + 18, f"{x:g}", 'text-anchor="middle"') for x in xs]
    labels = spread((y_axis.at(points[-1][1]), name) for name, points in lines.items())
    for (name, points), colour in zip(lines.items(), COLOURS, strict=False):
        where = [(x_axis.at(x), y_axis.at(y)) for x, y in points]
        path = "L".join(f"{x} {y}" for x, y in where)
        parts.append(f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{x}" cy="{y}" r="3" fill="{colour}"/>' for x, y in where]
        parts.append(_text(WIDTH - RIGHT + 10, labels[name] + 4, name, f'fill="{colour}"'))
    return "\n".join([*parts, "</svg>", ""])


def spread(wanted: Iterable[tuple[float, str]]) -> dict[str, float]:
    """Heights of labels, moved down where they would cover each other."""
    found: dict[str, float] = {}
    free = 0.0
    for height, name in sorted(wanted):
        found[name] = max(height, free)
        free = found[name] + LABEL_HEIGHT
    return found


def _text(x: float, y: float, text: str, more: str = "") -> str:
    return f'<text x="{x:g}" y="{y:g}" {more}>{escape(text)}</text>'
