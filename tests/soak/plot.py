"""A soak's samples as an SVG picture: a panel for each measure, a line for each process. Pure."""

from typing import Final
from xml.sax.saxutils import escape

from tests.soak.samples import MEASURES, Sample

WIDTH, PANEL, LEFT, TOP = 900, 190, 70, 30
COLOURS: Final = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#555555")
TITLES: Final = {"rss": "resident memory, MB", "descriptors": "open descriptors", "threads": "threads"}
UNITS: Final = {"rss": 1_000_000, "descriptors": 1, "threads": 1}


def plot(samples: list[Sample]) -> str:
    """The picture; time goes from 0 to the last sample."""
    processes = list(dict.fromkeys(sample.process for sample in samples))
    end = max(sample.second for sample in samples) or 1.0
    height = TOP + len(MEASURES) * PANEL + 30
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif">',
        f'<rect width="{WIDTH}" height="{height}" fill="white"/><g font-size="12">',
    ]
    for n, process in enumerate(processes):
        x = LEFT + n * (WIDTH - LEFT) / len(processes)
        parts.append(f'<text x="{x:.0f}" y="18" fill="{_colour(n)}">{escape(process)}</text>')
    for n, measure in enumerate(MEASURES):
        parts += _panel(samples, processes, measure, TOP + n * PANEL, end)
    parts += [f'<text x="{WIDTH - 150}" y="{height - 8}">0 to {end / 60:.1f} minutes</text>', "</g></svg>"]
    return "\n".join(parts) + "\n"


def _panel(samples: list[Sample], processes: list[str], measure: str, top: float, end: float) -> list[str]:
    highest = 1.1 * max(getattr(sample, measure) for sample in samples)
    bottom, right = top + PANEL - 25, WIDTH - 15
    parts = [
        f'<text x="{LEFT}" y="{top + 12}">{TITLES[measure]}</text>',
        f'<text x="5" y="{top + 30}">{highest / UNITS[measure]:.0f}</text><text x="5" y="{bottom}">0</text>',
        f'<path d="M{LEFT} {top + 18}V{bottom}H{right}" fill="none" stroke="#999"/>',
    ]
    for n, process in enumerate(processes):
        points = " ".join(
            f"{LEFT + s.second / end * (right - LEFT):.1f},"
            f"{bottom - getattr(s, measure) / highest * (bottom - top - 18):.1f}"
            for s in samples
            if s.process == process
        )
        parts.append(f'<polyline points="{points}" fill="none" stroke="{_colour(n)}" stroke-width="1.5"/>')
    return parts


def _colour(n: int) -> str:
    return COLOURS[n % len(COLOURS)]
