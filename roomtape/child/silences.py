"""Whose clock is not to be believed any more. Pure.

The RTP clock of a browser's sound stands still while nothing is captured (no microphone, no shared screen, a locked
phone), and that of its picture does not: what comes after the silence would be placed before it.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

SILENT_S: Final = 2.0
"""Without a packet for so long."""
STANDING_S: Final = 1.0
"""A clock that fell so far behind in a silence stood still; packets that were only late fall behind less."""
_WRAP: Final = 1 << 32
_NS_PER_S: Final = 1_000_000_000


class Origin(msgspec.Struct, frozen=True):
    """An RTP timestamp and the time in ns that was given to it; all others are reckoned from there."""

    timestamp: int
    ns: int


def stood_still(advance: int, clock_rate: int, silent_s: float) -> bool:
    """Whether an RTP clock that advanced by so many units, modulo 2^32, stood still in a silence of so many seconds."""
    return silent_s - _signed(advance) / clock_rate > STANDING_S


def due_ns(origin: Origin, timestamp: int, clock_rate: int, arrived_ns: int) -> int:
    """The time of an RTP timestamp that arrived at `arrived_ns`, by its clock.

    The clock is not believed, and the time of arrival stays, when they are further apart than packets are late.
    """
    passed = (arrived_ns - origin.ns) * clock_rate // _NS_PER_S
    late_ns = _signed(passed - (timestamp - origin.timestamp)) * _NS_PER_S // clock_rate
    return arrived_ns - late_ns if abs(late_ns) <= STANDING_S * _NS_PER_S else arrived_ns


def _signed(units: int) -> int:
    """RTP timestamps wrap around: of all advances that are the same, the one nearest to none."""
    return (units + _WRAP // 2) % _WRAP - _WRAP // 2


class Silences:
    """Fed with packets received until now, by SSRC, and the time in seconds."""

    def __init__(self) -> None:
        self._last: dict[int, tuple[int, float]] = {}
        self._silent: set[int] = set()

    def counted(self, packets: Mapping[int, int], now: float) -> set[int]:
        """The SSRCs that have fallen silent since the last call."""
        for ssrc, count in packets.items():
            if count != self._last.get(ssrc, (0, 0.0))[0]:
                self._last[ssrc] = count, now
        silent = {ssrc for ssrc, (_, last) in self._last.items() if now - last >= SILENT_S}
        before, self._silent = self._silent, silent
        return silent - before
