"""What bitrate the one encoder of all viewers gets: no more than the smallest of what they wish and can receive. Pure.

What a viewer's network carries follows its loss reports, in the steps of the loss-based controller of
draft-ietf-rmcat-gcc-02 section 6, and is never above its own estimate (REMB), if it sends one.
Bitrates are in kbit/s.
"""

import math
from collections.abc import Iterable
from typing import Final

MIN_KBPS: Final = 50
"""Nobody gets the picture below this, which would be none any more: one viewer must not spoil it for all."""
LITTLE_LOSS: Final = 0.02
MUCH_LOSS: Final = 0.10
GROWTH: Final = 1.05
"""Per report without loss."""
REPORT_S: Final = 1.0
"""Loss is looked at so often, however often reports come."""
REMB_S: Final = 10.0
"""An estimate that was not repeated for so long is out of date."""


class ViewerRate:
    """What one viewer wishes and can receive. `most_kbps` is what the user of the publisher allows."""

    def __init__(self, most_kbps: int) -> None:
        self._most = most_kbps
        self._wish: int | None = None
        self._carried = float(most_kbps)
        self._remb: tuple[int, float] | None = None
        self._stepped = -math.inf
        self._loss = 0.0
        self.paused = False

    def wished(self, value: object) -> bool:
        """A `bitrate` of the data channel (protocol.md 8.1): -1 no wish, 0 pause; False if it is no bitrate at all."""
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            return False
        self.paused = value == 0
        self._wish = max(int(value), MIN_KBPS) if value > 0 else None
        return True

    def estimated(self, kbps: int, now: float) -> None:
        """The viewer's own estimate of what reaches it."""
        self._remb = (kbps, now)

    def lost(self, fraction: float, now: float) -> None:
        """A report: which fraction of the packets was lost, 0 to 1. The worst in each REPORT_S counts."""
        self._loss = max(self._loss, fraction)
        if now - self._stepped < REPORT_S:
            return
        if self._loss > MUCH_LOSS:
            self._carried *= 1 - self._loss / 2
        elif self._loss < LITTLE_LOSS:
            self._carried *= GROWTH
        self._carried = min(max(self._carried, MIN_KBPS), self._most)
        self._stepped, self._loss = now, 0.0

    def kbps(self, now: float) -> int:
        """What the viewer can and wants to receive now."""
        if self._remb is not None and now - self._remb[1] > REMB_S:
            self._remb = None
        limits = [self._most, int(self._carried)]
        if self._remb is not None:
            limits.append(max(self._remb[0], MIN_KBPS))
        if self._wish is not None:
            limits.append(self._wish)
        return min(limits)


def shared(viewers: Iterable[ViewerRate], most_kbps: int, now: float) -> int:
    """What the encoder gets: the smallest of all who are not paused, `most_kbps` if there is nobody."""
    return min((viewer.kbps(now) for viewer in viewers if not viewer.paused), default=most_kbps)
