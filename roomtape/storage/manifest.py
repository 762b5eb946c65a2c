"""The manifest of a session: a JSON file beside the recordings that says what each of them holds. No secrets.

The model is pure and fed with times (aware, UTC); only the writing at the end touches the disk.
"""

import errno
import os
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path, PurePath
from typing import Final, Self

import msgspec

from roomtape import __version__
from roomtape.errors import DiskFull, FileRefused, StorageError
from roomtape.ipc.messages import FromChild, GuestInfo, SegmentClosed, SegmentOpened, Stats, TrackStarted
from roomtape.logs import printable
from roomtape.model import Codec, Feed, StreamId, TrackKind
from roomtape.storage.layout import safe_name

FORMAT: Final = 1
MAX_FILES: Final = 10_000
MAX_CHANGES: Final = 200
"""Changes kept per file: a guest may toggle the microphone as often as it likes."""
MODE: Final = 0o644


class Change(msgspec.Struct, frozen=True):
    """At `at` (UTC) the guest's `what` became `value`: label, audio_muted, video_muted, rotation, queued, picture."""

    at: datetime
    what: str
    value: str | int | bool


class Recording(msgspec.Struct, kw_only=True):
    """One file: `part` counts those of a take, apart for camera and screen. `final` tells whether its writer closed it;
    if not, size, frames and duration are unknown: 0.

    `repaired`: it was cut off and has been made final later. `removed`: it was cut off before its first byte.

    `pictures` are the sizes of the picture, as in 1280x720. A codec is None until media of that track came.
    """

    file: str
    stream: str
    take: int
    part: int = 1
    label: str = ""
    tracks: tuple[TrackKind, ...] = ()
    video_codec: Codec | None = None
    audio_codec: Codec | None = None
    pictures: list[str] = []
    opened: datetime
    closed: datetime | None = None
    final: bool = False
    repaired: bool = False
    removed: bool = False
    size_bytes: int = 0
    frames: int = 0
    duration_s: float = 0.0
    end_reason: str | None = None
    changes: list[Change] = []
    changes_left_out: int = 0


class Document(msgspec.Struct, kw_only=True):
    """The file's content. Sizes in bytes, times in UTC (RFC 3339). `resumed`: when another run went on with it."""

    format: int = FORMAT
    roomtape: str = __version__
    room: str | None
    prefix: str
    started: datetime
    ended: datetime | None = None
    resumed: list[datetime] = []
    recordings: list[Recording] = []
    recordings_left_out: int = 0


class Mended(msgspec.Struct, frozen=True):
    """What a file holds that became final without its run. `written`: when its last byte was (UTC)."""

    size_bytes: int
    frames: int
    duration_s: float
    written: datetime | None = None


class _Take(msgspec.Struct):
    """What is known of a take, whichever of its files is open; `facts` by the names that Change has for them."""

    codecs: dict[TrackKind, Codec] = {}
    facts: dict[str, str | int | bool] = {}
    open: list[Recording] = []
    last: Recording | None = None
    parts: dict[Feed, int] = {}


class Manifest:
    """Grows with the run; `render` gives what is to be written."""

    def __init__(self, room: str | None, prefix: str, started: datetime) -> None:
        self.document = Document(
            room=None if room is None else printable(room), prefix=printable(prefix), started=started
        )
        self._takes: dict[tuple[StreamId, int], _Take] = {}

    @classmethod
    def of(cls, document: Document) -> Self:
        """Goes on with what is there."""
        manifest = cls(document.room, document.prefix, document.started)
        manifest.document = document
        return manifest

    def last_take(self, stream: StreamId) -> int:
        """The highest number of a take that is listed; 0 for none."""
        name = printable(stream)
        return max((one.take for one in self.document.recordings if one.stream == name), default=0)

    def apply(self, stream: StreamId, take: int, message: FromChild, at: datetime) -> bool:
        """What the child of a take says; True if the manifest has changed."""
        known = self._takes.setdefault((stream, take), _Take())
        match message:
            case SegmentOpened(path=path, tracks=tracks, feed=feed):
                part = known.parts[feed] = known.parts.get(feed, 0) + 1
                recording = Recording(
                    file=_base_name(path), stream=printable(stream), take=take, part=part, tracks=tracks, opened=at
                )
                self._opened(known, recording)
            case SegmentClosed():
                _closed(known, message, at)
            case TrackStarted(track=track, codec=codec, width=width, height=height):
                known.codecs[track] = codec
                for recording in known.open:
                    _name_codecs(recording, known)
                _learn(known, _picture(width, height), at)
            case Stats(width=width, height=height):
                return _learn(known, _picture(width, height), at)
            case GuestInfo(label=label):
                said = {
                    "label": None if label is None else printable(label),
                    "audio_muted": message.audio_muted,
                    "video_muted": message.video_muted,
                    "rotation": message.rotation,
                    "queued": message.queued,
                }
                return _learn(known, said, at)
            case _:
                return False
        return True

    def end(self, stream: StreamId, take: int, reason: str, at: datetime) -> None:
        """The take is over. Its last file gets `reason`; files that nobody closed are not final."""
        known = self._takes.pop((stream, take), _Take())
        for recording in known.open:
            recording.closed = at
        if known.last is not None:
            known.last.end_reason = printable(reason)

    def finish(self, at: datetime) -> None:
        """The run is over."""
        for stream, take in list(self._takes):
            self.end(stream, take, "recorder stopped", at)
        self.document.ended = at

    def render(self) -> bytes:
        """The document as JSON."""
        return render(self.document)

    def _opened(self, known: _Take, recording: Recording) -> None:
        if known.last is not None:
            known.last.end_reason = "continued in another file"
        known.last = recording
        known.open.append(recording)
        _name_codecs(recording, known)
        for what, value in known.facts.items():
            _note(recording, what, value, recording.opened)
        if len(self.document.recordings) < MAX_FILES:
            self.document.recordings.append(recording)
        else:
            self.document.recordings_left_out += 1


def note_mended(document: Document, file: str, mended: Mended | None, *, repaired: bool = True) -> bool:
    """A file is final now, by repair or because its writer outlived the run, or is gone, being empty (None).

    True if the document knows it.
    """
    for recording in document.recordings:
        if recording.file == file:
            if mended is None:
                recording.removed = True
            else:
                recording.final, recording.repaired = True, repaired
                recording.closed = recording.closed or mended.written
                recording.size_bytes, recording.frames = mended.size_bytes, mended.frames
                recording.duration_s = round(mended.duration_s, 3)
            return True
    return False


def _base_name(path: str) -> str:
    return printable(PurePath(path).name)


def _picture(width: int, height: int) -> dict[str, str | None]:
    return {"picture": f"{width}x{height}" if width and height else None}


def _name_codecs(recording: Recording, known: _Take) -> None:
    if TrackKind.VIDEO in recording.tracks:
        recording.video_codec = known.codecs.get(TrackKind.VIDEO)
    if TrackKind.AUDIO in recording.tracks:
        recording.audio_codec = known.codecs.get(TrackKind.AUDIO)


def _closed(known: _Take, message: SegmentClosed, at: datetime) -> None:
    for recording in known.open:
        if recording.file == _base_name(message.path):
            recording.closed, recording.removed = at, not message.size_bytes
            recording.final = not message.torn and not recording.removed
            recording.size_bytes, recording.frames = message.size_bytes, message.frames
            recording.duration_s = round(message.duration_ns / 1e9, 3)
    known.open = [recording for recording in known.open if recording.closed is None]


def _learn(known: _Take, said: Mapping[str, str | int | bool | None], at: datetime) -> bool:
    """Notes what is new in every open file; True if anything is."""
    new = {what: value for what, value in said.items() if value is not None and known.facts.get(what) != value}
    known.facts |= new
    for recording in known.open:
        for what, value in new.items():
            _note(recording, what, value, at)
    return bool(new)


def _note(recording: Recording, what: str, value: str | int | bool, at: datetime) -> None:
    if what == "label":
        recording.label = str(value)
    if what == "picture" and TrackKind.VIDEO not in recording.tracks:
        return
    if len(recording.changes) >= MAX_CHANGES:
        recording.changes_left_out += 1
        return
    recording.changes.append(Change(at, what, value))
    if what == "picture" and value not in recording.pictures:
        recording.pictures.append(str(value))


def render(document: Document) -> bytes:
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"


def file_name(prefix: str, started: datetime) -> str:
    """The manifest's file name, like room_20261122T182113Z.manifest.json."""
    return f"{safe_name(prefix)}_{started:%Y%m%dT%H%M%SZ}.manifest.json"


def write(path: Path, data: bytes) -> None:
    """Replaces the file at `path` at once and for good: a reader sees the old content or the new one.

    Raises:
        DiskFull, FileRefused, StorageError: the old file, if any, is left as it was.
    """
    fresh = path.with_name(path.name + ".new")
    try:
        fresh.unlink(missing_ok=True)
        _write_through(fresh, data)
        fresh.replace(path)
    except OSError as error:
        with suppress(OSError):
            fresh.unlink(missing_ok=True)
        raise _storage_error(error) from error


def _write_through(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, MODE)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(descriptor, MODE)  # whatever the umask
        file.write(data)
        file.flush()
        os.fsync(descriptor)


def _storage_error(error: OSError) -> StorageError:
    sentence = f"the manifest cannot be written: {error.strerror}"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFull(sentence)
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG):
        return FileRefused(sentence)
    return StorageError(sentence)
