"""A file while it is written: a name of its own, and a lock that tells others that somebody is at it.

The lock (flock) ends with the process, however that ends; who wants to repair the file takes it first.
"""

import datetime
import errno
import fcntl
import os
from contextlib import suppress
from pathlib import Path
from typing import Final

from roomtape.errors import DiskFull, FileRefused, StorageError

MAX_NAMES: Final = 1000


class Hold:
    """Of a file at `path`, until it is released."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path, self._descriptor = path, descriptor

    @property
    def size_bytes(self) -> int:
        return os.fstat(self._descriptor).st_size

    def release(self) -> int:
        """The file is final; it is removed if it has not a byte. Returns its size in bytes."""
        size = self.size_bytes
        if not size:
            with suppress(OSError):
                self.path.unlink()
        os.close(self._descriptor)
        return size


def reserve(folder: Path, stem: str, extension: str, now: datetime.datetime | None) -> Hold:
    """Create an empty file under a name of its own, with the time in it unless `now` is None.

    Raises:
        FileRefused, DiskFull: the folder does not take a new file.
    """
    if now is not None:
        stem += now.astimezone(datetime.UTC).strftime("_%Y%m%dT%H%M%SZ")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for n in range(1, MAX_NAMES):
            path = folder / f"{stem}{'' if n == 1 else f'-{n}'}.{extension}"
            try:
                descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o644)
            except FileExistsError:
                continue
            with suppress(OSError):  # some network file systems have no locks
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return Hold(path, descriptor)
    except OSError as error:
        raise storage_error(error.errno, str(folder)) from error
    raise FileRefused(f"no free file name for {stem} in {folder}")


def storage_error(number: int | None, where: str) -> StorageError:
    """The StorageError of an errno."""
    if number in (errno.ENOSPC, errno.EDQUOT):
        return DiskFull(f"no space left for {where}")
    return FileRefused(f"cannot write to {where}: {os.strerror(number) if number else 'refused'}")
