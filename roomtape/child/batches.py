"""Packets of a recording are handed on by the batch: nobody listens live, and a dozen that go through its elements
together cost little more than one.

webrtcbin has a queue behind its sockets. Whenever that is empty, its thread says so before it waits for more, and is
held there for a while. When each packet arrived has been noted before, so neither time stamps nor what the guest's
congestion control is told change. (To read the sockets by the batch would be cheaper still: docs/performance.md.)
"""

import threading
from collections.abc import Callable
from typing import Any, Final

from roomtape.child.gst import after_ms

HOLD_S: Final = 0.15
"""The longer, the cheaper (docs/performance.md). Requests for lost packets come so much later, too."""
LOOK_MS: Final = 10
MOST_LOOKS: Final = 30
"""So often it is looked whether the queue is empty, at the end."""


class Batches:
    """Of one connection. The queue is bounded; when it is full, packets wait in the sockets for a moment."""

    def __init__(self) -> None:
        self._queues: list[Any] = []
        self._handlers: list[tuple[Any, int]] = []
        self._over = threading.Event()

    def watch(self, queue: Any) -> None:
        """Webrtcbin has made a queue."""
        self._queues.append(queue)

    def begin(self) -> None:
        """From now on packets wait for each other. Again, or after the end, it is without effect."""
        if not self._handlers and not self._over.is_set():
            self._handlers = [(queue, queue.connect("underrun", self._hold)) for queue in self._queues]

    def end(self, then: Callable[[], None]) -> None:
        """No packet waits any more. `then` is called when those that did have been handed on; at once if none did."""
        self._over.set()
        for queue, handler in self._handlers:
            queue.disconnect(handler)
        waited, self._handlers = bool(self._handlers), []
        if waited:
            after_ms(LOOK_MS, lambda: self._look(MOST_LOOKS, then))
        else:
            then()

    def _look(self, left: int, then: Callable[[], None]) -> None:
        if left and any(queue.get_property("current-level-buffers") for queue in self._queues):
            after_ms(LOOK_MS, lambda: self._look(left - 1, then))
        else:
            after_ms(LOOK_MS, then)  # the last one has left the queue, and may not be through

    def _hold(self, _queue: Any) -> None:
        """In the queue's thread, some six times a second, however many packets there are."""
        self._over.wait(HOLD_S)
