"""What feeds the encoders with raw media: here the test pattern; files and devices are in `child.media`."""

import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

from roomtape.child.gst import Gst
from roomtape.child.pattern import CHUNKS_PER_SECOND, Picture, Sound
from roomtape.errors import RecorderError
from roomtape.ipc.messages import PublishConfig
from roomtape.model import TrackKind


class FeedOwner(Protocol):
    """What a feed needs.

    `now` is the running time of the encoders' pipeline, `base_time` the clock's time when it began; they and `push` may
    be called from any thread.

    `on_kinds` tells once which tracks there are, `on_feed_end` that there is nothing more to come; both come, as does
    `on_feed_error`, on the main loop's thread.
    """

    def now(self) -> int: ...
    def base_time(self) -> int: ...
    def push(self, kind: TrackKind, buffer: Any) -> None: ...
    def is_watched(self) -> bool: ...
    def is_received(self) -> bool: ...
    def on_kinds(self, kinds: frozenset[TrackKind]) -> None: ...
    def on_feed_end(self) -> None: ...
    def on_feed_error(self, error: RecorderError) -> None: ...


class Feed(Protocol):
    """Pushes media to its owner from `start` to `stop`, except of the kinds in `muted`."""

    muted: set[TrackKind]

    def start(self) -> None: ...
    def stop(self) -> None: ...


class PatternThread:
    """Draws frames and sound in time with the pipeline's clock, so that both share one, as long as it is watched."""

    def __init__(self, config: PublishConfig, owner: FeedOwner) -> None:
        self._rates = {TrackKind.VIDEO: config.framerate, TrackKind.AUDIO: CHUNKS_PER_SECOND}
        self.muted: set[TrackKind] = set()
        self._draw: dict[TrackKind, Callable[[int], bytes]] = {}
        if config.video:
            picture = Picture(config.width, config.height, config.framerate, config.guest_number)
            self._draw[TrackKind.VIDEO] = picture.frame
        if config.audio:
            self._draw[TrackKind.AUDIO] = Sound(config.guest_number).chunk
        self._owner = owner
        self._ended = threading.Event()

    def start(self) -> None:
        self._owner.on_kinds(frozenset(self._draw))
        if self._draw:
            threading.Thread(target=self._run, name="pattern", daemon=True).start()

    def stop(self) -> None:
        self._ended.set()

    def _run(self) -> None:
        position = dict.fromkeys(self._draw, 0)
        while not self._ended.is_set():
            kind = min(position, key=lambda k: position[k] / self._rates[k])
            n = position[kind]
            position[kind] += 1
            due = n * Gst.SECOND // self._rates[kind]
            ahead = due - self._owner.now()
            if ahead > 0:
                time.sleep(ahead / 1e9)
            if kind not in self.muted and self._owner.is_watched():
                self._push(kind, n, due)

    def _push(self, kind: TrackKind, n: int, due: int) -> None:
        buffer = Gst.Buffer.new_wrapped(self._draw[kind](n))
        buffer.pts = due
        buffer.duration = Gst.SECOND // self._rates[kind]
        self._owner.push(kind, buffer)
