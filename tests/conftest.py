"""Settings of all tests, and turns for those that drive browsers."""

import contextlib
import fcntl
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

import pytest
from hypothesis import settings

# How long an example takes on a busy computer says nothing; performance is measured in bench/.
settings.register_profile("roomtape", deadline=None)
settings.load_profile("roomtape")

BROWSERS: Final = frozenset({"Chromium", "Firefox"})
"""What the modules of such tests import."""
PLACES: Final = 2
"""Browsers draw, encode and send in real time; a third at the same time is too much for two cores."""
POLL_S: Final = 0.1
DEADLINE_S: Final = 1800.0
"""Longer than all tests together."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Tests with browsers wait for one of the places; the others fill what is left of the computer."""
    drives_browser = isinstance(item, pytest.Function) and not BROWSERS.isdisjoint(vars(item.module))
    with _a_place() if drives_browser else contextlib.nullcontext():
        return (yield)


@contextlib.contextmanager
def _a_place() -> Iterator[None]:
    """Shared by all processes of this user; who ends leaves it."""
    paths = [Path(tempfile.gettempdir()) / f"roomtape-tests-{Path.home().name}-{n}" for n in range(PLACES)]
    with contextlib.ExitStack() as stack:
        files = [stack.enter_context(path.open("a")) for path in paths]
        deadline = time.monotonic() + DEADLINE_S
        while not any(map(_taken, files)):
            if time.monotonic() > deadline:
                raise TimeoutError(f"no place for a test with a browser within {DEADLINE_S:.0f} s: see {paths}")
            time.sleep(POLL_S)
        yield


def _taken(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
