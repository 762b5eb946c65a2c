"""A file while it is written: a name of its own, a lock, and a reserve of the disk.

The lock (flock) tells others that somebody is at it; it ends with the process, however that ends. The reserve is space
that is the file's already (fallocate): when it cannot be renewed the disk is full, and there is still room for what is
under way and for a proper end.
"""

import ctypes
import datetime
import errno
import fcntl
import os
import threading
from contextlib import suppress
from pathlib import Path
from typing import Final

from roomtape.errors import DiskFull, FileRefused, FolderGone, StorageError

MAX_NAMES: Final = 1000
LEAST_RESERVE: Final = 1 << 20
RESERVE_S: Final = 6
"""The reserve is for so many seconds: until the next look, to the next key frame, and for the end of the file."""
_KEEP_SIZE: Final = 1
"""FALLOC_FL_KEEP_SIZE."""
_NO_RESERVES: Final = (errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL)
"""Some file systems have none: there a full disk shows when it is full."""

_fallocate = ctypes.CDLL(None, use_errno=True).fallocate64
_fallocate.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64)


class Hold:
    """Of a file at `path`, until it is released. `look_after` may be called in another thread than the rest."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path, self._descriptor = path, descriptor
        status = os.fstat(descriptor)
        self._identity = status.st_dev, status.st_ino
        self._guard = threading.Lock()
        self._released = False
        self._size = 0

    @property
    def size_bytes(self) -> int:
        """So far; while it is held."""
        return os.fstat(self._descriptor).st_size

    def look_after(self, min_free_bytes: int) -> bool:
        """Make the file's data durable and renew its reserve; to be called once a second. False when it is released.

        Raises:
            FolderGone: the file is not in its folder any more.
            DiskFull: less than `min_free_bytes` are left, or no more reserve.
            OSError: the disk refuses data.
        """
        with self._guard:
            if self._released:
                return False
            descriptor = os.dup(self._descriptor)
        try:
            os.fdatasync(descriptor)  # may take its time, and the end of the file does not wait for it
        finally:
            os.close(descriptor)
        with self._guard:
            if self._released:
                return False
            if not self.is_there():
                raise FolderGone(f"{self.path.parent} is gone: deleted, or not mounted any more")
            size = os.fstat(self._descriptor).st_size
            self.renew_reserve(size, max(LEAST_RESERVE, RESERVE_S * (size - self._size)))
            self._size = size
            check_free(self.path.parent, min_free_bytes)
        return True

    def is_there(self) -> bool:
        """Whether the file is what its name leads to."""
        try:
            status = self.path.lstat()
        except OSError:
            return False
        return (status.st_dev, status.st_ino) == self._identity

    def renew_reserve(self, size: int, reserve: int) -> None:
        """Raises DiskFull."""
        if _fallocate(self._descriptor, _KEEP_SIZE, size, reserve):
            number = ctypes.get_errno()
            if number not in _NO_RESERVES:
                raise storage_error(number, str(self.path.parent))

    def append(self, data: bytes) -> None:
        """For files that no GStreamer element writes.

        Raises:
            OSError: the disk refuses it.
        """
        while data:
            data = data[os.write(self._descriptor, data) :]

    def discard(self) -> None:
        """Remove the file: it is of no use any more."""
        if self.is_there():
            with suppress(OSError):
                self.path.unlink()
        self.release()

    def release(self) -> int:
        """The file is final; what is left of the reserve is given back. It is removed if it has not a byte.

        Returns its size in bytes; 0 if it is not in its folder any more.
        """
        with self._guard:
            self._released = True
            there, size = self.is_there(), os.fstat(self._descriptor).st_size
            with suppress(OSError):
                os.ftruncate(self._descriptor, size)
                os.fdatasync(self._descriptor)
            if there and not size:
                with suppress(OSError):
                    self.path.unlink()
            os.close(self._descriptor)
        return size if there else 0


def reserve(
    folder: Path, stem: str, extension: str, now: datetime.datetime | None, *, min_free_bytes: int = 0, mount: str = ""
) -> Hold:
    """Create an empty file under a name of its own, with the time in it unless `now` is None.

    `mount`: where the folder's disk has to be mounted.

    Raises:
        FileRefused, DiskFull, FolderGone: the folder does not take a new file.
    """
    if now is not None:
        stem = dated(stem, now)
    make_folder(folder, mount)
    try:
        check_free(folder, min_free_bytes)
        for n in range(1, MAX_NAMES):
            path = folder / f"{stem}{'' if n == 1 else f'-{n}'}.{extension}"
            try:
                descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o644)
            except FileExistsError:
                continue
            return _held(path, descriptor)
    except OSError as error:
        raise storage_error(error.errno, str(folder)) from error
    raise FileRefused(f"no free file name for {stem} in {folder}")


def dated(stem: str, now: datetime.datetime) -> str:
    """A file's name with the time in it (`storage.layout`)."""
    return stem + now.astimezone(datetime.UTC).strftime("_%Y%m%dT%H%M%SZ")


def make_folder(folder: Path, mount: str) -> None:
    """See that there is a folder, on the disk that is mounted at `mount`, if that is said.

    Raises:
        FileRefused, DiskFull, FolderGone: it cannot be made, or its disk is not there.
    """
    if mount and not os.path.ismount(mount):
        raise FolderGone(f"{folder} is gone: nothing is mounted at {mount}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise storage_error(error.errno, str(folder)) from error


def _held(path: Path, descriptor: int) -> Hold:
    with suppress(OSError):  # some network file systems have no locks
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    hold = Hold(path, descriptor)
    try:
        hold.renew_reserve(0, LEAST_RESERVE)
    except StorageError:
        hold.release()
        raise
    return hold


def check_free(folder: Path, min_free_bytes: int) -> None:
    """Raises DiskFull if less than that is free for us, and OSError if the folder cannot be asked."""
    if min_free_bytes:
        status = os.statvfs(folder)
        free = status.f_bavail * status.f_frsize
        if free < min_free_bytes:
            raise DiskFull(f"only {free / 1e6:.0f} MB are free for {folder}, less than --min-free")


def storage_error(number: int | None, where: str) -> StorageError:
    """The StorageError of an errno."""
    if number in (errno.ENOSPC, errno.EDQUOT):
        return DiskFull(f"no space left for {where}")
    return FileRefused(f"cannot write to {where}: {os.strerror(number) if number else 'refused'}")
