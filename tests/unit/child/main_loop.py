"""The real GLib main loop, run from a test until something has happened."""

import time
from collections.abc import Callable

from roomtape.child.gst import GLib

LIMIT_S = 5.0
"""Longer than anything here takes; only a failing test waits so long."""
PAUSE_S = 0.001


def run_until(condition: Callable[[], object], limit_s: float | None = None) -> None:
    """Run the loop until `condition`; an AssertionError if that takes too long.

    Without a limit in seconds the pauses are counted, as many as LIMIT_S holds: `make test` gives these tests what
    processor time those with real media leave, which was 1.2 s in 165 s when others wanted all.
    """
    context = GLib.MainContext.default()
    pauses, deadline = LIMIT_S / PAUSE_S, time.monotonic() + (limit_s or 0)
    while not condition():
        assert time.monotonic() < deadline if limit_s else pauses > 0, "it did not happen"
        if context.iteration(False):
            pauses -= 0.001  # a loop that never comes to rest has an end, too
        else:
            pauses -= 1
            time.sleep(PAUSE_S)


def settle() -> None:
    """Run the loop until it has nothing left to do at once."""
    context = GLib.MainContext.default()
    while context.iteration(False):
        pass
