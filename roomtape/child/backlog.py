"""What a reader has not taken yet: bounded, and what does not fit is dropped in whole frames. Pure."""

from collections import deque
from typing import Final

import msgspec

from roomtape.model import Codec, TrackKind

MAX_BYTES: Final = 8 << 20
MAX_NS: Final = 3_000_000_000
"""A reader that is later than this has no use for what is between."""


class Frame(msgspec.Struct, frozen=True):
    """One frame of a track; `at_ns` is a moment of the system's monotonic clock."""

    kind: TrackKind
    codec: Codec
    at_ns: int
    key: bool
    data: bytes


class Backlog:
    """First in, first out. A picture begins with a key frame, at the start and after a gap.

    When there is too much, everything is dropped until half is taken; then sound goes on at once and the picture with
    its next key frame. `dropped` counts the frames that a slow reader cost.
    """

    def __init__(self, max_bytes: int = MAX_BYTES, max_ns: int = MAX_NS) -> None:
        self._max_bytes, self._max_ns = max_bytes, max_ns
        self._frames: deque[Frame] = deque()
        self._bytes = 0
        self._needs_key = True
        self._lossy = False
        self.full = False
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._frames)

    @property
    def oldest_ns(self) -> int | None:
        return self._frames[0].at_ns if self._frames else None

    @property
    def needs_key(self) -> bool:
        """Whether the picture waits for a key frame."""
        return self._needs_key and not self.full

    def add(self, frame: Frame) -> bool:
        """Whether the frame was kept."""
        if self.full and self._over(self._max_bytes // 2, self._max_ns // 2, frame):
            return self._drop()
        self.full = False
        if frame.kind is TrackKind.VIDEO and self._needs_key and not frame.key:
            return self._drop() if self._lossy else False
        if self._over(self._max_bytes, self._max_ns, frame):
            self.full = self._lossy = self._needs_key = True
            return self._drop()
        if frame.kind is TrackKind.VIDEO:
            self._needs_key = self._lossy = False
        self._frames.append(frame)
        self._bytes += len(frame.data)
        return True

    def _over(self, most_bytes: int, most_ns: int, frame: Frame) -> bool:
        late_ns = frame.at_ns - self._frames[0].at_ns if self._frames else 0
        return self._bytes + len(frame.data) > most_bytes or late_ns > most_ns

    def _drop(self) -> bool:
        self.dropped += 1
        return False

    def take(self) -> Frame | None:
        """The oldest frame, None if there is none."""
        if not self._frames:
            return None
        frame = self._frames.popleft()
        self._bytes -= len(frame.data)
        return frame

    def forget_before(self, since_ns: int) -> None:
        """Take out what is older; the picture goes on with a key frame."""
        kept = [frame for frame in self._frames if frame.at_ns >= since_ns]
        first_key = next((n for n, frame in enumerate(kept) if frame.kind is TrackKind.VIDEO and frame.key), len(kept))
        if len(kept) < len(self._frames):
            has_key = any(frame.key for frame in kept if frame.kind is TrackKind.VIDEO)
            self._needs_key = self._needs_key or not has_key  # a gap behind what is kept stays one
            kept = [frame for n, frame in enumerate(kept) if frame.kind is TrackKind.AUDIO or n >= first_key]
        self._frames = deque(kept)
        self._bytes = sum(len(frame.data) for frame in kept)
