"""Looks after a file that is being written: once a second its data is made durable, and its disk looked at.

In a thread of its own, since a slow disk may take its time; media does not wait for it.
"""

import threading
import time
from collections.abc import Callable
from typing import Final

from roomtape.child.gst import post
from roomtape.child.hold import Hold, storage_error
from roomtape.errors import StorageError

INTERVAL_S: Final = 1.0


class Upkeep:
    """Until the file is released, or to the first trouble, which is told once, on the main loop.

    `sleep` waits so many seconds between two looks, in the thread.
    """

    def __init__(
        self,
        hold: Hold,
        min_free_bytes: int,
        on_trouble: Callable[[StorageError], None],
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._hold, self._min_free_bytes, self._on_trouble, self._sleep = hold, min_free_bytes, on_trouble, sleep
        threading.Thread(target=self._run, name="upkeep", daemon=True).start()

    def _run(self) -> None:
        try:
            while self._hold.look_after(self._min_free_bytes):
                self._sleep(INTERVAL_S)
        except StorageError as error:
            post(self._on_trouble, error)
        except OSError as error:
            post(self._on_trouble, storage_error(error.errno, str(self._hold.path)))
