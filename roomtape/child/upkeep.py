"""Looks after a file that is being written: once a second its data is made durable, and its disk looked at.

In a thread of its own, since a slow disk may take its time; media does not wait for it.
"""

import threading
from collections.abc import Callable
from typing import Final

from roomtape.child.gst import post
from roomtape.child.hold import Hold, storage_error
from roomtape.errors import StorageError

INTERVAL_S: Final = 1.0


class Upkeep:
    """From its making to `stop`, or to the first trouble, which is told once, on the main loop."""

    def __init__(self, hold: Hold, min_free_bytes: int, on_trouble: Callable[[StorageError], None]) -> None:
        self._hold, self._min_free_bytes, self._on_trouble = hold, min_free_bytes, on_trouble
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="upkeep", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """No more looks; one that is under way is not waited for."""
        self._stopped.set()

    def _run(self) -> None:
        while not self._stopped.wait(INTERVAL_S):
            try:
                self._hold.look_after(self._min_free_bytes)
            except StorageError as error:
                self._tell(error)
                return
            except OSError as error:
                self._tell(storage_error(error.errno, str(self._hold.path)))
                return

    def _tell(self, error: StorageError) -> None:
        if not self._stopped.is_set():
            post(self._on_trouble, error)
