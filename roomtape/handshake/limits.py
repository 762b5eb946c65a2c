"""What one member may cost the others: bounds, a rate, and counters of what was dropped (protocol.md 12.1)."""

from dataclasses import dataclass
from typing import Final

import msgspec

from roomtape.bucket import Bucket
from roomtape.signaling.wire import MAX_FRAME

CHARACTERS_PER_TOKEN: Final = 4096
DELIVERY_DISCOUNT: Final = 16


class HubLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds of a hub.

    A frame costs one token and one more for each CHARACTERS_PER_TOKEN in it; each delivery that it leads to costs a
    DELIVERY_DISCOUNT-th of that, so that a broadcast to hundreds has its price. The defaults let a page that publishes
    to 500 viewers make its offers (about 20 kB, 6 tokens each) and candidates as fast as a browser can, and keep a
    flood below 2 MB/s.
    """

    max_members: int = 500
    """In one room."""
    max_connections: int = 2000
    max_frame: int = MAX_FRAME
    """Characters."""
    max_waiting: int = 200
    """Plays of absent streams that are remembered, per member."""
    max_recording: int = 500
    """Streams that one member may say it records."""
    rate: float = 400.0
    """Tokens per second and connection."""
    burst: float = 2000.0
    max_strikes: int = 1000
    """Frames over the limits, without a calm between them, that cost the connection."""


@dataclass(slots=True)
class HubCounters:
    """Frames and connections since the start; every frame that was not served is counted under one reason."""

    received: int = 0
    delivered: int = 0
    malformed: int = 0
    """Not a JSON object in a text frame."""
    invalid: int = 0
    """A field is missing or unusable, or the sender's name is not its own."""
    unknown: int = 0
    unroutable: int = 0
    """For nobody in the sender's room."""
    oversized: int = 0
    rate_limited: int = 0
    conflicts: int = 0
    """A stream id, a UUID or a room that belongs to another."""
    forgotten_plays: int = 0
    """Plays of absent streams beyond max_waiting."""
    full: int = 0
    """Joins and connections refused for want of room."""
    expelled: int = 0
    """Connections closed for abuse."""


class Allowance:
    """A token bucket and the strikes of one connection."""

    def __init__(self, limits: HubLimits) -> None:
        self._bucket, self._max_frame = Bucket(limits.rate, limits.burst), limits.max_frame
        self.strikes = 0

    def spend(self, characters: int, now: float) -> bool:
        """Pay for reading a frame at `now` (seconds); False, and a strike, when it is not affordable."""
        self._bucket.refill(now)
        rested = self._bucket.tokens == self._bucket.burst
        if characters > self._max_frame or not self._bucket.take(_cost(1, characters), now):
            self.strikes += 1
            return False
        if rested:
            self.strikes = 0
        return True

    def charge(self, deliveries: int, characters: int) -> None:
        """Pay afterwards for what a frame led to; the bucket may go below zero."""
        self._bucket.tokens -= _cost(deliveries, characters) / DELIVERY_DISCOUNT


def _cost(count: int, characters: int) -> float:
    return count + characters / CHARACTERS_PER_TOKEN
