"""Makes a recording that was cut off final: copied without transcoding into a sibling, which takes its place once it
has proved to hold the same. Until then, and if anything fails, the original stays as it is.
"""

import os
import shutil
from contextlib import suppress
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from roomtape.errors import DiskFull, FileInUse, StorageError
from roomtape.storage.claim import claimed
from roomtape.storage.fragments import mend
from roomtape.storage.manifest import Mended
from roomtape.storage.packets import Inventory, take_stock
from roomtape.storage.structure import Structure, structure_of
from roomtape.storage.tools import SAFE_INPUT, Tools, deadline_s, url

COPY_SUFFIX: Final = ".repair"
MENDED_SUFFIX: Final = ".mended"
_FORMATS: Final = {".webm": "webm", ".mkv": "matroska", ".mp4": "mp4"}
_LAST_SOUND: Final = r"setts=duration=if(DURATION\,DURATION\,if(N\,PTS-PREV_INPTS\,0))"
"""Sound in fragments comes without durations, and an MP4 would end before its last packet."""


class Done(StrEnum):
    """What became of a file."""

    REPAIRED = "repaired"
    FINAL = "needs no repair"
    REMOVED = "removed"
    IN_USE = "in use"
    NO_SPACE = "no space for a copy"
    FAILED = "not repaired"


class Repair(msgspec.Struct, frozen=True, kw_only=True):
    """`sentence` says to the user what became of the file; `mended` is what it holds, if that is news."""

    path: Path
    done: Done
    sentence: str
    mended: Mended | None = None

    @property
    def ok(self) -> bool:
        return self.done not in (Done.FAILED, Done.NO_SPACE, Done.IN_USE)


def repair(path: Path, tools: Tools, *, spare_bytes: int = 0) -> Repair:
    """Repair one file if it needs it. `spare_bytes` have to be left free on its disk beside what the copy needs."""
    try:
        with claimed(path) as descriptor, os.fdopen(os.dup(descriptor), "rb") as file:
            return _repair(path, file, tools, spare_bytes)
    except FileInUse as error:
        return Repair(path=path, done=Done.IN_USE, sentence=f"left alone: {error.detail}")
    except (StorageError, OSError) as error:
        reason = error.detail if isinstance(error, StorageError) else (error.strerror or "error").lower()
        done = Done.NO_SPACE if isinstance(error, DiskFull) else Done.FAILED
        return Repair(path=path, done=done, sentence=f"cannot be repaired, and stays as it is: {reason}")


def _repair(path: Path, file: BinaryIO, tools: Tools, spare_bytes: int) -> Repair:
    match structure_of(file):
        case Structure.FINAL:
            return Repair(path=path, done=Done.FINAL, sentence="is complete, and needs no repair")
        case Structure.EMPTY:
            path.unlink()
            return Repair(path=path, done=Done.REMOVED, sentence="was empty, and is removed")
        case Structure.FOREIGN:
            raise StorageError("it is no WebM, Matroska or MP4 recording")
        case Structure.CUT_OFF:
            return _remake(path, file, tools, spare_bytes)


def _remake(path: Path, file: BinaryIO, tools: Tools, spare_bytes: int) -> Repair:
    container = _FORMATS.get(path.suffix.lower())
    if container is None:
        raise StorageError("its name ends neither in .webm, .mkv nor .mp4")
    status = os.fstat(file.fileno())
    needed = status.st_size * (2 if container == "mp4" else 1) + spare_bytes
    if shutil.disk_usage(path.parent).free < needed:
        raise DiskFull(f"its copy needs {needed / 1e6:.0f} MB of free space")
    copy, joined = (path.with_name(path.name + suffix) for suffix in (COPY_SUFFIX, MENDED_SUFFIX))
    try:
        source = path
        if container == "mp4" and mend(file, joined):
            source = joined
        stock = take_stock(tools, source)
        _copy(tools, source, copy, container)
        _compare(stock, copy, take_stock(tools, copy))
        copy.chmod(status.st_mode & 0o777)
        os.utime(copy, ns=(status.st_atime_ns, status.st_mtime_ns))
        _make_durable(copy)
        size = copy.stat().st_size
        copy.replace(path)
        _make_durable(path.parent)
    finally:
        for leftover in (copy, joined):
            with suppress(FileNotFoundError):
                leftover.unlink()
    mended = _holding(stock, size, status.st_mtime)
    sentence = f"was cut off, and is repaired: {mended.duration_s:.1f} s play"
    return Repair(path=path, done=Done.REPAIRED, sentence=sentence, mended=mended)


def measured(path: Path, tools: Tools) -> Mended:
    """What a final file holds.

    Raises:
        StorageError, OSError: it cannot be read.
    """
    status = path.stat()
    return _holding(take_stock(tools, path), status.st_size, status.st_mtime)


def _holding(stock: Inventory, size: int, modified: float) -> Mended:
    frames = sum(stream.packets for stream in stock if stream.kind == "video")
    return Mended(size, frames, max(stream.end_s for stream in stock), datetime.fromtimestamp(modified, UTC))


def _copy(tools: Tools, source: Path, copy: Path, container: str) -> None:
    copy.unlink(missing_ok=True)
    command = (tools.ffmpeg, "-nostdin", "-v", "error", "-copyts", *SAFE_INPUT, "-i", url(source))
    # Times stay as they are: sound and picture keep their step.
    last = ("-bsf:a", _LAST_SOUND) if container == "mp4" else ()
    what = ("-map", "0", "-c", "copy", *last, "-avoid_negative_ts", "disabled", "-f", container, url(copy))
    _, complaints = tools.run([*command, *what], deadline_s(source.stat().st_size))
    if not copy.exists():
        raise StorageError(complaints.quoted[-1] if complaints.quoted else "ffmpeg wrote no copy")


def _compare(stock: Inventory, copy: Path, copied: Inventory) -> None:
    """Whether the copy is complete and final. Streams in which nothing came do not count."""
    with copy.open("rb") as file:
        if structure_of(file) is not Structure.FINAL:
            raise StorageError("the copy did not become final")
    wanted, got = ([one for one in streams if one.packets] for streams in (stock, copied))
    if len(wanted) != len(got) or not all(one.same(other) for one, other in zip(wanted, got, strict=True)):
        raise StorageError("the copy does not hold the same as the original")


def _make_durable(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
