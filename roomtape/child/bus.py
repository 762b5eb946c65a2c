"""What a pipeline says of itself: its errors and warnings go to the main process.

That keeps the last ones for its report in case this process dies. A guest can provoke them, so they are bounded; how
many were left out is said by the next one.
"""

import time
from collections.abc import Callable
from typing import Any, Final

from roomtape.bucket import Bucket
from roomtape.child.gst import Gst, Report, guarded
from roomtape.ipc.messages import BusMessage

TOLD_PER_S: Final = 1.0
TOLD_AT_ONCE: Final = 20.0
MAX_TEXT: Final = 500


_OF_DATA_CHANNELS: Final = frozenset({"sctpenc", "sctpdec", "appsrc", "appsink"})


def is_of_data_channel(message: Any, webrtc: Any) -> bool:
    """Whether an error comes from a data channel in this webrtcbin, which has such elements for nothing else.

    Media goes on without it. On a busy computer sctpenc now and then "could not write".
    """
    factory = message.src.get_factory() if isinstance(message.src, Gst.Element) else None
    return factory is not None and factory.get_name() in _OF_DATA_CHANNELS and message.src.has_as_ancestor(webrtc)


class BusTeller:
    """Puts a signal watch on a bus and tells its messages by `send`. `clock` gives seconds."""

    def __init__(
        self, bus: Any, send: Callable[[BusMessage], None], fail: Report, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._send, self._clock = send, clock
        self._bucket = Bucket(TOLD_PER_S, TOLD_AT_ONCE)
        self._left_out = 0
        bus.add_signal_watch()
        bus.connect("message::error", guarded(self._error, fail))
        bus.connect("message::warning", guarded(self._warning, fail))

    def _error(self, _: Any, message: Any) -> None:
        self._tell("error", message, *message.parse_error())

    def _warning(self, _: Any, message: Any) -> None:
        self._tell("warning", message, *message.parse_warning())

    def _tell(self, level: str, message: Any, error: Any, debug: str | None) -> None:
        if not self._bucket.take(1, self._clock()):
            self._left_out += 1
            return
        text = f"{message.src.get_name()}: {error.message} {debug or ''}".strip()
        self._send(BusMessage(level=level, text=text[:MAX_TEXT], left_out=self._left_out))
        self._left_out = 0
