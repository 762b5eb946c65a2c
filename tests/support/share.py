"""How tests that run at the same time share the computer: each takes its part of the processors while it runs.

A test that times real media must not be starved by its neighbours: of tests in browsers at most two run at a time. A
part is about a quarter of a processor; each kind of test is given more than it was seen to use from its first program
to its last, since its programs start all at once.
"""

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

PARTS: Final = 8
MOST: Final = 6
"""For several pictures that a browser encodes at once, or for Firefox, whose pictures are late when it has to wait."""
HEAVY: Final = 4
"""For one with a browser, or with many guests."""
USUAL: Final = 2
LIGHT: Final = 1
"""For one that mostly waits for a file to grow, or for its own processes."""
POLL_S: Final = 0.05


@contextmanager
def share_of_the_computer(folder: Path, parts: int) -> Iterator[None]:
    """Wait for so many parts of the PARTS that all processes of a test run have together, and hold them.

    `folder` is common to them. The parts are locks on files, which the kernel gives back whatever becomes of the
    process. Who waits stands at the door alone and collects them, so that a test that needs many is never passed by.
    """
    held: list[IO[bytes]] = []
    try:
        with (folder / "share-door").open("wb") as door:
            fcntl.flock(door, fcntl.LOCK_EX)
            while len(held) < parts:
                held += _free(folder, parts - len(held))
                if len(held) < parts:
                    time.sleep(POLL_S)
        yield
    finally:
        for lock in held:
            lock.close()


def _free(folder: Path, wanted: int) -> list[IO[bytes]]:
    taken: list[IO[bytes]] = []
    for number in range(PARTS):
        if len(taken) == wanted:
            break
        lock = (folder / f"share-{number}").open("wb")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
        else:
            taken.append(lock)
    return taken
