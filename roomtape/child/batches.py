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
        self._hurry = threading.Event()
        self._over = False

    def watch(self, queue: Any) -> None:
        """Webrtcbin has made a queue."""
        self._queues.append(queue)

    def let_wait(self, yes: bool) -> None:
        """Whether packets wait for each other from now on; after the end none does."""
        if yes and not self._handlers and not self._over:
            self._hurry.clear()
            self._handlers = [(queue, queue.connect("underrun", self._hold)) for queue in self._queues]
        elif not yes and self._handlers:
            for queue, handler in self._handlers:
                queue.disconnect(handler)
            self._handlers = []
            self._hurry.set()

    def end(self, then: Callable[[], None]) -> None:
        """No packet waits any more. `then` is called when those that did have been handed on; at once if none did."""
        waited, self._over = bool(self._handlers), True
        self.let_wait(False)
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
        self._hurry.wait(HOLD_S)
