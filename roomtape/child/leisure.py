"""How long packets of a recording may wait for each other. Pure.

Nobody listens live, and a dozen packets that are handed through the elements of a recording together cost little more
than one. Nobody is to notice: packets do not wait while media begins or comes back, since that is timed by its arrival,
nor for so long that the kernel could run out of room for them.
"""

from collections.abc import Mapping
from math import inf
from typing import Final

MOST_S: Final = 0.08
"""The longer, the cheaper (docs/performance.md). What was sent within 100 ms and arrives together is one burst to a
browser's congestion control."""
STEADY_S: Final = 2.0
"""All tracks have to flow for so long before their packets wait."""
PAUSE_S: Final = 1.0
"""A track without a packet for so long does not flow. Opus that saves silence sends one every 0.4 s (RFC 7587 section
3.1.3)."""
DATAGRAM_BYTES: Final = 2304
"""What a datagram with media takes of the kernel's room."""
SHARE: Final = 8
"""Packets may fill one part in so many of the room: those of a key frame come much faster than others."""


class Leisure:
    """Fed with packets received until now, by SSRC, and the time in seconds of a clock that does not jump."""

    def __init__(self) -> None:
        self._flowed: dict[int, tuple[int, float]] = {}
        self._steady_since = inf
        self._total, self._at = 0, 0.0

    def counted(self, packets: Mapping[int, int], now: float, room_bytes: int) -> float:
        """Seconds that packets may wait from now on; `room_bytes` is what the kernel has for those that do."""
        for ssrc, count in packets.items():
            before, at = self._flowed.get(ssrc, (0, -inf))
            if count != before:
                self._flowed[ssrc] = count, now
                if now - at >= PAUSE_S:  # it begins, or comes back
                    self._steady_since = now
        total = sum(packets.values())
        per_second = (total - self._total) / (now - self._at) if now > self._at else inf
        self._total, self._at = total, now
        if now - self._steady_since < STEADY_S or not all(self._flows(ssrc, now) for ssrc in packets):
            return 0.0
        return min(MOST_S, room_bytes / DATAGRAM_BYTES / SHARE / max(per_second, 1.0))

    def _flows(self, ssrc: int, now: float) -> bool:
        return ssrc in self._flowed and now - self._flowed[ssrc][1] < PAUSE_S
