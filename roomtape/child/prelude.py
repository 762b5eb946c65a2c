"""What a guest says while the file waits for the first key frame of the picture.

That sound stands at its gate, in memory, and goes into the file from its first word on. But should the process be
killed just then, it would be gone; so when the wait is long, it is also written to a small file of its own, which is
removed as soon as there is the proper one.
"""

import time
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from roomtape.child import matroska, rtp
from roomtape.child.gst import Gst
from roomtape.child.hold import Hold
from roomtape.errors import StorageError
from roomtape.model import Codec

PATIENCE_S: Final = 0.4
"""Most files are open by then."""
MOST_PACKETS: Final = 1_000
"""20 s of sound in packets of 20 ms. What does not fit is not needed: the sound itself waits elsewhere."""
OVERLAP_S: Final = 1.0
"""So long after the proper file was opened it has reached the disk with what is in here."""
_PER_MS: Final = matroska.OPUS_RATE // 1000
_WRAP: Final = 1 << 32


class Words:
    """RTP packets of Opus as Matroska blocks, timed from the first packet on. Pure."""

    def __init__(self) -> None:
        self._clusters = matroska.Clusters()
        self._first: int | None = None

    def block(self, packet: bytes) -> bytes:
        """Empty for what cannot be used."""
        parsed = rtp.parse(packet)
        if parsed is None:
            return b""
        if self._first is None:
            self._first = parsed.timestamp
        at_ms = (parsed.timestamp - self._first) % _WRAP // _PER_MS
        if at_ms > MOST_PACKETS * 100:  # from before the first, or a leap of the guest's clock
            return b""
        return self._clusters.block(Codec.OPUS, at_ms, parsed.payload, key=True)


class Prelude:
    """Listens at `pad`, where packets come from the network, until `end`. `reserve` makes its file.

    All methods run on the main loop's thread.
    """

    def __init__(self, pad: Any, reserve: Callable[[], Hold]) -> None:
        self._pad, self._reserve = pad, reserve
        self._waiting: deque[bytes] = deque(maxlen=MOST_PACKETS)
        self._words = Words()
        self._hold: Hold | None = None
        self._begun = time.monotonic()
        self._ended: float | None = None
        self._over = False
        self._probe = pad.add_probe(Gst.PadProbeType.BUFFER, self._hear)

    def _hear(self, _: Any, info: Any) -> Any:
        buffer = info.get_buffer()
        self._waiting.append(buffer.extract_dup(0, buffer.get_size()))
        return Gst.PadProbeReturn.OK

    def tick(self) -> bool:
        """To be called a few times a second; False when it is over."""
        now = time.monotonic()
        if self._ended is not None and now - self._ended >= OVERLAP_S:
            self.discard()
        elif not self._over and self._ended is None and now - self._begun >= PATIENCE_S:
            self._write()
        return not self._over

    def _write(self) -> None:
        """What a disk refuses is left: the proper file will tell of it."""
        try:
            if self._hold is None:
                self._hold = self._reserve()
                self._hold.append(matroska.header([matroska.StreamTrack(Codec.OPUS)]))
            waiting = [self._waiting.popleft() for _ in range(len(self._waiting))]
            self._hold.append(b"".join(map(self._words.block, waiting)))
        except (StorageError, OSError):
            self.discard()

    def end(self) -> None:
        """The proper file is open: `tick` removes this one soon."""
        self._fall_silent()
        self._ended = time.monotonic()

    def discard(self) -> None:
        """Remove the file."""
        self._over = True
        self._fall_silent()
        hold, self._hold = self._hold, None
        if hold is not None:
            hold.discard()

    def _fall_silent(self) -> None:
        probe, self._probe = self._probe, 0
        if probe:
            self._pad.remove_probe(probe)
