"""The real GLib main loop, run from a test until something has happened."""

import time
from collections.abc import Callable

from roomtape.child.gst import GLib

LIMIT_S = 60.0
"""Longer than anything here takes; only a failing test waits so long. `make test` gives these tests what processor time
those with real media leave, which was 1.2 s in 165 s when others wanted all."""


def run_until(condition: Callable[[], object], limit_s: float = LIMIT_S) -> None:
    """Run the loop until `condition`; an AssertionError if that takes too long."""
    context = GLib.MainContext.default()
    deadline = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        if not context.iteration(False):
            time.sleep(0.001)


def settle() -> None:
    """Run the loop until it has nothing left to do at once."""
    context = GLib.MainContext.default()
    while context.iteration(False):
        pass
