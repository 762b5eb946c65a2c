"""What the processes of a soak held at each moment, and whether that stayed the same. Pure."""

from statistics import median
from typing import Final, NamedTuple

MEASURES: Final = ("rss", "descriptors", "threads")
ALLOWED: Final = {"rss": (4 << 20, 0.05), "descriptors": (1, 0.0), "threads": (1, 0.0)}
"""Growth that is none: so much (bytes, descriptors, threads), or this share if that is more."""
FEWEST: Final = 8
"""Samples of a process that can be judged."""


class Sample(NamedTuple):
    """`process` held this much, `second` s after the beginning."""

    second: float
    process: str
    rss: int
    descriptors: int
    threads: int


class Growth(NamedTuple):
    """Medians of the second quarter and of the last; what happens in the first is warming up."""

    process: str
    measure: str
    before: float
    after: float

    @property
    def is_flat(self) -> bool:
        amount, share = ALLOWED[self.measure]
        return self.after - self.before <= max(amount, share * self.before)


def growths(samples: list[Sample]) -> list[Growth]:
    """One for each process and measure; processes with fewer than FEWEST samples are left out."""
    found = []
    for process in dict.fromkeys(sample.process for sample in samples):
        own = [sample for sample in samples if sample.process == process]
        quarter = len(own) // 4
        if len(own) >= FEWEST:
            for measure in MEASURES:
                values = [float(getattr(sample, measure)) for sample in own]
                found.append(Growth(process, measure, median(values[quarter : 2 * quarter]), median(values[-quarter:])))
    return found
