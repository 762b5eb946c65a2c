"""The data channel `sendChannel`: JSON objects both ways (protocol.md 8).

Frames are hostile: not text, not JSON, not an object, too long or too many at once are dropped and counted.
"""

import json
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Final

from roomtape.bucket import Bucket
from roomtape.child.gst import GstWebRTC, post
from roomtape.errors import WireError
from roomtape.signaling.envelope import read_json

LABEL: Final = "sendChannel"
MAX_FRAME: Final = 256 * 1024
MAX_PENDING: Final = 256
"""Frames handed to the main loop and not yet handled."""
FRAMES_PER_S: Final = 100.0
BURST: Final = 300.0
CHARACTERS_PER_FRAME: Final = 4096
"""A longer frame counts as several."""


class AnnouncedChannel:
    """A channel that the other side made, which may have said something before anybody could listen (trap T25).

    Made on the thread that announces it, so that nothing is missed; stands for the GstWebRTCDataChannel from then on.
    """

    def __init__(self, channel: Any) -> None:
        self._channel = channel
        self._early: deque[str] = deque(maxlen=MAX_PENDING)
        self._listener: Callable[[Any, str | None], None] | None = None
        self._lock = threading.Lock()
        channel.connect("on-message-string", self._message)

    def connect(self, name: str, listener: Callable[..., None]) -> None:
        if name != "on-message-string":
            self._channel.connect(name, listener)
            return
        with self._lock:
            self._listener = listener
            for text in self._early:
                listener(self._channel, text)
            self._early.clear()

    def get_property(self, name: str) -> Any:
        return self._channel.get_property(name)

    def emit(self, name: str, *args: Any) -> None:
        self._channel.emit(name, *args)

    def _message(self, channel: Any, text: str | None) -> None:
        with self._lock:
            if self._listener is not None:
                self._listener(channel, text)
            elif text is not None and len(text) <= MAX_FRAME:
                self._early.append(text)


def allowance() -> Bucket:
    """What one peer may say, on however many channels."""
    return Bucket(FRAMES_PER_S, BURST)


class DataChannel:
    """Wraps a GstWebRTCDataChannel. Callbacks run on the main loop's thread. What costs more than `bucket` has is
    dropped."""

    def __init__(
        self,
        channel: Any,
        on_object: Callable[[Mapping[str, Any]], None],
        on_open: Callable[[], None],
        on_close: Callable[[], None],
        bucket: Bucket | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._channel = channel
        self._bucket, self._clock = bucket or allowance(), clock
        self._on_object, self._on_open, self._on_close = on_object, on_open, on_close
        self._opened = False
        self._pending: deque[str] = deque()
        self.dropped = 0
        channel.connect("on-open", lambda _: post(self._open))
        channel.connect("on-close", lambda _: post(on_close))
        channel.connect("on-message-string", self._message)
        # It may be open before a handler could be attached (trap T25).
        post(self._open)

    @property
    def is_open(self) -> bool:
        return bool(self._channel.get_property("ready-state") == GstWebRTC.WebRTCDataChannelState.OPEN)

    def send(self, obj: Mapping[str, Any]) -> bool:
        """Send an object as ASCII JSON; False if the channel is not open, or an echo is nested too deeply."""
        if not self.is_open:
            return False
        try:
            text = json.dumps(obj, ensure_ascii=True, separators=(",", ":"))
        except RecursionError:
            self.dropped += 1
            return False
        self._channel.emit("send-string", text)
        return True

    def _open(self) -> None:
        if self.is_open and not self._opened:
            self._opened = True
            self._on_open()

    def _message(self, _: Any, text: str | None) -> None:
        """On GStreamer's thread: only what is cheap."""
        if text is None or len(text) > MAX_FRAME or len(self._pending) >= MAX_PENDING:
            self.dropped += 1
            return
        if not self._bucket.take(1 + len(text) / CHARACTERS_PER_FRAME, self._clock()):
            self.dropped += 1
            return
        self._pending.append(text)
        post(self._handle)

    def _handle(self) -> None:
        try:
            obj = read_json(self._pending.popleft())
        except WireError:
            obj = None
        if isinstance(obj, dict):
            self._open()  # a message proves that the channel is open
            self._on_object(obj)
        else:
            self.dropped += 1
