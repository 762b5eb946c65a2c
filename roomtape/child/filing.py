"""Opens the files of a tape: in which folder, with which muxer, looked after by whom."""

import datetime
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from roomtape.child.codecs import Muxer, choose_muxer
from roomtape.child.hold import Hold, dated, reserve
from roomtape.child.segments import Segments
from roomtape.child.shelves import Shelves
from roomtape.child.track import Track
from roomtape.child.upkeep import Upkeep
from roomtape.child.writer import Writer
from roomtape.errors import FileRefused, FolderReplaced, StorageError
from roomtape.ipc.messages import RecordConfig, SegmentClosed

COMES_BACK: Final = 1.1
COMES_BACK_BYTES: Final = 16 << 20
"""A folder that was full has to have so many times the least free space, and so much more: the reserves of the files
that ended there are no reason to begin again."""


class Filing:
    """`note` takes a level, a sentence and fields for the log."""

    def __init__(self, pipeline: Any, config: RecordConfig, stem: str, note: Callable[..., None]) -> None:
        self._pipeline, self._config, self._stem, self._note = pipeline, config, stem, note
        folders = (config.folder, config.storing.fallback_folder)
        self.segments = Segments(config.storing.segment_ms, config.storing.segment_bytes)
        self._part = 0
        self._shelves = Shelves(tuple(folder for folder in folders if folder))
        self._permitted = {folder: self._identity(folder) for folder in folders}

    def open(
        self,
        tracks: Sequence[Track],
        on_closed: Callable[[Writer, SegmentClosed], None],
        on_trouble: Callable[[Writer, StorageError], None],
    ) -> Writer:
        """A started writer of the tracks, which stand at their gates, in the first folder that takes it.

        Raises:
            StorageError: none does.
            MediaError: the muxer does not take the tracks.
        """
        muxer, note = choose_muxer(self._config.container, frozenset(track.codec for track in tracks))
        if note:
            self._note("warning", "container changed", reason=note)
        refusal = StorageError("no folder takes a file")
        for folder in self._shelves.to_try(time.monotonic()):
            try:
                return self._open(folder, muxer, tracks, on_closed, on_trouble)
            except StorageError as error:
                refusal = error
                self.refused(folder, error)
        raise refusal

    def _open(
        self,
        folder: str,
        muxer: Muxer,
        tracks: Sequence[Track],
        on_closed: Callable[[Writer, SegmentClosed], None],
        on_trouble: Callable[[Writer, StorageError], None],
    ) -> Writer:
        part = f"_p{self._part + 1:02d}" if self.segments.wanted else ""
        hold = self._reserve(folder, self._stem + part, muxer.extension)
        writer = Writer(self._pipeline, hold, muxer, tracks, on_closed)
        try:
            writer.start()
        except StorageError:
            writer.close()
            raise

        def trouble(error: StorageError) -> None:
            self.refused(folder, error)
            on_trouble(writer, error)

        self._part += 1
        Upkeep(hold, self._config.storing.min_free_bytes, trouble)
        self._shelves.took(folder)
        if folder != self._config.folder:
            self._note("warning", "recording to the fallback folder", file=hold.path.name, folder=folder)
        return writer

    def _reserve(self, folder: str, stem: str, extension: str) -> Hold:
        config = self._config
        least = config.storing.min_free_bytes
        if self._shelves.in_doubt(folder):
            least = int(least * COMES_BACK) + COMES_BACK_BYTES
        return reserve(
            Path(folder),
            stem,
            extension,
            datetime.datetime.now(datetime.UTC) if config.dated else None,
            min_free_bytes=least,
            mount=config.storing.mount if folder == config.folder else "",
        )

    def reserve_prelude(self) -> Hold:
        """For what is said before there is a file (`child.prelude`).

        Raises:
            StorageError: the folder does not take it.
        """
        config = self._config
        stem = dated(self._stem, datetime.datetime.now(datetime.UTC)) if config.dated else self._stem
        return reserve(Path(config.folder), f"{stem}-prelude", "mkv", None, mount=config.storing.mount)

    def refused(self, folder: str, error: StorageError) -> None:
        """The folder does not take what is written."""
        if not self._shelves.in_doubt(folder):
            self._note("error", "a folder takes no recordings", folder=folder, reason=error.detail)
        self._shelves.failed(folder, time.monotonic())

    def is_open(self) -> bool:
        """Whether a folder would take a file now: each is tried once a second at most.

        Raises:
            FolderReplaced: none, and this child never will be able to write to one that others could.
        """
        replaced: list[str] = []
        for folder in self._shelves.to_try(time.monotonic()):
            try:
                self._reserve(folder, self._stem, "tmp").release()
            except FileRefused as error:
                self.refused(folder, error)
                if self._identity(folder) != self._permitted[folder]:
                    replaced.append(folder)
            except StorageError as error:
                self.refused(folder, error)
            else:
                return True
        if replaced:
            raise FolderReplaced(f"{replaced[0]} was made anew: a new connection records to it")
        return False

    def _identity(self, folder: str) -> tuple[tuple[int, int] | None, ...]:
        """Of the folder and its disk, to which a confined child may write: not to others of the same name."""
        return tuple(map(_identity_of, (folder, self._config.storing.mount)))


def _identity_of(path: str) -> tuple[int, int] | None:
    try:
        status = Path(path).stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
