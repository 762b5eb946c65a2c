"""Packets of a recording are handed on by the batch: nobody listens live, and a dozen that go through its elements
together cost little more than one.

webrtcbin has a queue behind its sockets. Whenever that is empty, its thread says so before it waits for more, and is
held there for a while. When each packet arrived has been noted before, so neither time stamps nor what the guest's
congestion control is told change. (To read the sockets by the batch would be cheaper still: docs/performance.md.)
"""

import threading
from typing import Any, Final

HOLD_S: Final = 0.15
"""The longer, the cheaper (docs/performance.md). Requests for lost packets come so much later, too."""
HAND_ON_MS: Final = 40
"""For what has arrived to be on its way to the files."""


class Batches:
    """Of one connection. What waits is bounded by the queue itself, which then lets everything go."""

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

    def end(self) -> int:
        """No packet waits any more.

        Returns:
            The milliseconds until those that did are on their way to the files.
        """
        self._over.set()
        for queue, handler in self._handlers:
            queue.disconnect(handler)
        waited, self._handlers = bool(self._handlers), []
        return HAND_ON_MS if waited else 0

    def _hold(self, _queue: Any) -> None:
        """In the queue's thread, some ten times a second, however many packets there are."""
        self._over.wait(HOLD_S)
