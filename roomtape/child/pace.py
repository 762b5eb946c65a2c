"""Which pictures of a source are published when it gives more of them than are wanted. Pure.

GStreamer's `videorate` fits pictures to a grid. Time stamps in milliseconds that lie half a frame beside that grid are
rounded now to one side and now to the other: of a file with 30 pictures a second every third was then shown twice, and
the one after it never.
"""

from typing import Final

import msgspec

NS_PER_S: Final = 1_000_000_000
ALIKE: Final = 0.05
"""Rates that differ by less are the same: 29.97 is 30."""


class Rate(msgspec.Struct, frozen=True):
    """Frames per second, as a fraction; 0/1 is a rate that varies or is not known."""

    numerator: int
    denominator: int = 1

    def below(self, wanted: int) -> bool:
        """Whether pictures have to be repeated to give `wanted` of them a second, on which encoders count."""
        return 0 < self.numerator < wanted * self.denominator * (1 - ALIKE)


class Pace:
    """Lets at most `wanted` pictures a second pass, whatever their time stamps' jitter."""

    def __init__(self, wanted: int) -> None:
        self._period = NS_PER_S // wanted
        self._due: int | None = None

    def passes(self, pts_ns: int) -> bool:
        """Whether the picture of this time stamp is due; one that comes half a period early is not too early."""
        due = self._due
        if due is not None and due - 2 * self._period < pts_ns < due - self._period // 2:
            return False
        # After a pause, or when time begins anew, nothing is to be made up for.
        on_time = due is not None and abs(pts_ns - due) <= self._period
        self._due = (due if on_time and due is not None else pts_ns) + self._period
        return True
