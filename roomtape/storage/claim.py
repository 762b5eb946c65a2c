"""Who works on a file: its writer, or one who repairs it, holds an advisory lock (flock) on it as long as it lives."""

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
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise FileInUse("it is being written or repaired by another process") from None
        yield descriptor
    finally:
        os.close(descriptor)
