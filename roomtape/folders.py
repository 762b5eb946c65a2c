"""The folders that recordings go to: the one that was asked for and, while that one refuses, the fallback."""

import os
from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path

from roomtape.errors import ConfigError, FileInUse, FileRefused, FolderGone, StorageError
from roomtape.logs import get_logger
from roomtape.storage import manifest
from roomtape.storage.claim import claim

log = get_logger(__name__)


class Folders:
    """`manifest_path` is where the manifest is to be, in the folder that was asked for."""

    def __init__(self, output_dir: str, fallback_dir: str | None, manifest_name: str) -> None:
        self.main = Path(output_dir)
        self.fallback = None if fallback_dir is None else Path(fallback_dir)
        self.manifest_path = self.main / manifest_name
        self._goes_on = False
        self._kept: int | None = None
        self.mount = ""
        """Where the main folder's disk is mounted; empty if that is where the system's own is."""

    @property
    def all(self) -> tuple[Path, ...]:
        return (self.main,) if self.fallback is None else (self.main, self.fallback)

    def go_on_with(self, manifest_name: str) -> None:
        """The manifest is one that is there; whoever calls has claimed it until `prepare` is done."""
        self.manifest_path, self._goes_on = self.main / manifest_name, True

    def prepare(self, data: bytes) -> None:
        """See that a folder takes files, beginning with the manifest's `data`.

        Raises:
            ConfigError: none does.
        """
        refused = self._try(self.main, data)
        self.mount = _mount_of(self.main.absolute())
        if self.fallback is not None:
            also_refused = self._try(self.fallback, None if refused is None else data)
            if refused is None:
                self._warn_of_fallback(also_refused)
            elif also_refused is None:
                log.error("the folder takes no files: recording to the fallback", folder=str(self.main), reason=refused)
                return
        if refused is not None:
            raise ConfigError(f"cannot record to {self.main}: {refused}")

    def use_fallback(self, fallback_dir: str | None) -> None:
        """Another one, or none, from now on; a child that runs keeps the one that it was told of."""
        self.fallback = None if fallback_dir is None else Path(fallback_dir)
        if self.fallback is not None:
            self._warn_of_fallback(self._try(self.fallback, None))

    def _warn_of_fallback(self, refused: str | None) -> None:
        if refused is not None:
            log.warning("the fallback folder takes no files", folder=str(self.fallback), reason=refused)

    def _try(self, folder: Path, data: bytes | None) -> str | None:
        """Why it takes no files. With `data` the manifest is put there."""
        path = folder / self.manifest_path.name
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if data is None:
                return None if os.access(folder, os.W_OK) else "it is read-only"
            if not self._goes_on:
                path = _claim(path)
            self._write(path, data)
        except (OSError, StorageError) as error:
            return error.detail if isinstance(error, StorageError) else (error.strerror or "refused")
        self.manifest_path = self.main / path.name
        return None

    def write_manifest(self, data: bytes) -> None:
        """To the folder that was asked for or, if that refuses, to the fallback.

        Raises:
            StorageError: neither takes it.
        """
        try:
            self._check_mount()
            self._write(self.manifest_path, data)
        except StorageError:
            if self.fallback is None:
                raise
            self._write(self.fallback / self.manifest_path.name, data)

    def _write(self, path: Path, data: bytes) -> None:
        """The manifest, which stays locked: no other run goes on with it while this one lives."""
        manifest.write(path, data)
        self.release()
        with suppress(OSError, FileInUse):  # some network file systems have no locks
            self._kept = claim(path)

    def release(self) -> None:
        """The manifest has its last word: another run may go on with it."""
        if self._kept is not None:
            os.close(self._kept)
            self._kept = None

    def _check_mount(self) -> None:
        if self.mount and not os.path.ismount(self.mount):
            raise FolderGone(f"nothing is mounted at {self.mount}")

    def write_new(self, name: str, data: bytes) -> Path:
        """A file of its own beside the recordings: one of that name stays, and the new one gets another.

        Raises:
            StorageError: no folder takes it.
        """
        try:
            self._check_mount()
            return _write_claimed(self.main / name, data)
        except StorageError:
            if self.fallback is None:
                raise
            return _write_claimed(self.fallback / name, data)

    def names(self) -> Iterator[str]:
        """Of all files in the folders, as far as they can be read."""
        for folder in self.all:
            with suppress(OSError):  # taken away meanwhile: the child makes it again, or finds another
                yield from [path.name for path in folder.iterdir()]


def _mount_of(folder: Path) -> str:
    """Where the disk is mounted that the folder lies on; empty for the root."""
    place = folder.resolve()
    while not os.path.ismount(place):
        place = place.parent
    return "" if place == place.parent else str(place)


def _write_claimed(path: Path, data: bytes) -> Path:
    try:
        path = _claim(path)
    except OSError as error:
        raise FileRefused(f"{path.name} cannot be made: {error.strerror}") from error
    manifest.write(path, data)
    return path


def _claim(path: Path) -> Path:
    """Makes the file `path`, or the next like it that is free: another recorder may start in the same second.

    Raises:
        OSError: the folder takes no file.
    """
    first, numbers = path, count(2)
    while True:
        try:
            path.touch(exist_ok=False)
            return path
        except FileExistsError:
            path = first.with_name(f"{next(numbers)}-{first.name}")
