"""How many frames one sender may have read: a flood from one costs the others nothing. Pure, `now` in seconds."""

from typing import Final

from roomtape.bucket import Bucket

FRAMES_PER_S: Final = 50.0
BURST: Final = 500.0
"""An offer and its candidates, one a frame, of as many connections as a guest ever has at a time."""
CHARACTERS_PER_FRAME: Final = 8192
"""A longer frame counts as several."""
MAX_SENDERS: Final = 1000
"""Buckets kept, those of the latest senders. One who is forgotten begins with a full one."""


class SenderPace:
    """Buckets of senders."""

    def __init__(self) -> None:
        self._buckets: dict[str, Bucket] = {}

    def admits(self, sender: str, characters: int, now: float) -> bool:
        """Whether a frame of this length is to be looked at."""
        bucket = self._buckets.pop(sender, None) or Bucket(FRAMES_PER_S, BURST)
        if len(self._buckets) >= MAX_SENDERS:
            del self._buckets[next(iter(self._buckets))]
        self._buckets[sender] = bucket
        return bucket.take(1 + characters / CHARACTERS_PER_FRAME, now)
