"""Who works on a file, be it to write it, to repair it or to keep a manifest, holds an advisory lock (flock) on it
as long as it lives.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from roomtape.errors import FileInUse


@contextmanager
def claimed(path: Path) -> Iterator[int]:
    """Nobody else repairs or writes the file meanwhile. Gives a descriptor for reading.

    Raises:
        FileInUse: a living process has it.
        OSError: it cannot be opened.
    """
    descriptor = claim(path)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def claim(path: Path) -> int:
    """The same until the descriptor is closed. Raises as `claimed` does."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not os.path.samestat(os.fstat(descriptor), path.lstat()):
            raise FileInUse("another process has just replaced it")
    except BlockingIOError:
        os.close(descriptor)
        raise FileInUse("it is being written or repaired by another process") from None
    except (OSError, FileInUse):
        os.close(descriptor)
        raise
    return descriptor
