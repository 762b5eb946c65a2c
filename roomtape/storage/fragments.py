"""Fragments of an MP4 that was cut off, mended where GStreamer 1.22 leaves out what readers need.

mp4mux writes sizes and durations of samples that are all alike once, as defaults in the `tfhd` (ISO/IEC 14496-12,
8.8.7). With several runs (`trun`) in a fragment it takes the defaults back as soon as one sample differs, and the last
run may stay without either: ffmpeg then gives up the whole file. What is missing follows from where the data lies.
"""

import struct
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from roomtape.errors import StorageError
from roomtape.storage.structure import Box, boxes, children

_BASE_OFFSET, _DESCRIPTION, _DEFAULT_DURATION, _DEFAULT_SIZE = 0x1, 0x2, 0x8, 0x10
"""Flags of a tfhd."""
_DATA_OFFSET, _FIRST_FLAGS, _DURATION, _SIZE = 0x1, 0x4, 0x100, 0x200
_ENTRY: Final = (_DURATION, _SIZE, 0x400, 0x800)
"""Flags of a trun; those of an entry in the order of its fields."""
_MAX_MOOF: Final = 16 << 20
_CHUNK: Final = 1 << 20


class Run(msgspec.Struct):
    """A trun. `offset` is where its data begins, counted from the fragment's base."""

    flags: int
    offset: int
    first_flags: bytes
    entries: list[dict[int, bytes]]

    @classmethod
    def read(cls, content: bytes) -> "Run":
        """Raises ValueError if mp4mux does not write it so."""
        flags, count = int.from_bytes(content[:4], "big"), int.from_bytes(content[4:8], "big")
        offset = int.from_bytes(content[8:12], "big", signed=True)
        at = 16 if flags & _FIRST_FLAGS else 12
        fields = [field for field in _ENTRY if flags & field]
        if not flags & _DATA_OFFSET or len(content) < at + 4 * len(fields) * count or count > len(content) + 1000:
            raise ValueError("not a run of mp4mux")
        entries = []
        for _ in range(count):
            entries.append({field: content[at + 4 * n : at + 4 * n + 4] for n, field in enumerate(fields)})
            at += 4 * len(fields)
        return cls(flags, offset, content[12:16] if flags & _FIRST_FLAGS else b"", entries)

    def render(self) -> bytes:
        body = b"".join(entry[field] for entry in self.entries for field in _ENTRY if self.flags & field)
        head = struct.pack(">IIi", self.flags, len(self.entries), self.offset)
        return _box(b"trun", head + self.first_flags + body)

    def fill_in(self, field: int, value: int) -> None:
        """All entries get this."""
        self.flags |= field
        for entry in self.entries:
            entry[field] = value.to_bytes(4, "big")


class Traf(msgspec.Struct):
    """One track's part of a fragment; `others` are boxes that stay as they are."""

    flags: int
    track: bytes
    base: int
    rest: bytes
    others: list[bytes]
    runs: list[Run]

    @classmethod
    def read(cls, content: bytes) -> "Traf":
        """Raises ValueError if mp4mux does not write it so."""
        traf = cls(0, b"", 0, b"", [], [])
        for kind, inside in children(content):
            if kind == b"tfhd":
                traf.flags, traf.track = int.from_bytes(inside[:4], "big"), inside[4:8]
                traf.base, traf.rest = int.from_bytes(inside[8:16], "big"), inside[16:]
            elif kind == b"trun":
                traf.runs.append(Run.read(inside))
            else:
                traf.others.append(_box(kind, inside))
        if not traf.flags & _BASE_OFFSET or traf.flags & _DESCRIPTION:
            raise ValueError("not a fragment of mp4mux")
        return traf

    def render(self) -> bytes:
        head = struct.pack(">I4sQ", self.flags, self.track, self.base) + self.rest
        return _box(b"traf", _box(b"tfhd", head) + b"".join(self.others) + b"".join(run.render() for run in self.runs))

    def lacking(self, field: int, default: int) -> list[Run]:
        """Runs whose entries have the field neither themselves nor by the track's default."""
        return [] if self.flags & default else [run for run in self.runs if not run.flags & field]

    def stated(self, field: int) -> int | None:
        """What the first sample that states it has there: mp4mux took it for the default."""
        stated = (int.from_bytes(entry[field], "big") for run in self.runs for entry in run.entries if field in entry)
        return next(stated, None)


def mend_moof(content: bytes, data_end: int, shift: int) -> bytes:
    """A moof box made of this content, with nothing lacking.

    `data_end` is where the data of the fragment ends in the file, which will be `shift` bytes further back.

    Raises:
        ValueError: it is not as mp4mux writes it.
    """
    others = [_box(kind, inside) for kind, inside in children(content) if kind != b"traf"]
    trafs = [Traf.read(inside) for kind, inside in children(content) if kind == b"traf"]
    starts = sorted({*(traf.base + run.offset for traf in trafs for run in traf.runs), data_end})
    for traf in trafs:
        for run in traf.lacking(_SIZE, _DEFAULT_SIZE):
            start = traf.base + run.offset
            length = starts[starts.index(start) + 1] - start if start < data_end else -1
            size, odd = divmod(length, len(run.entries))
            if odd or size < 0:
                raise ValueError("data of no known size")
            run.fill_in(_SIZE, size)
        for run in traf.lacking(_DURATION, _DEFAULT_DURATION):
            run.fill_in(_DURATION, traf.stated(_DURATION) or 0)
        traf.base += shift
    return _box(b"moof", b"".join(others) + b"".join(traf.render() for traf in trafs))


def mend(file: BinaryIO, target: Path) -> bool:
    """Write a copy of the file with its fragments mended to `target`, if any has to be.

    Raises:
        StorageError: the fragments cannot be understood.
        OSError: the copy cannot be written.
    """
    size = file.seek(0, 2)
    whole = [box for box in boxes(file, size) if box.size and box.end <= size]
    try:
        if all(len(moof) == box.size for box, moof in _mended(file, whole)):
            return False
        with target.open("wb") as copy:
            done = 0
            for box, moof in _mended(file, whole):
                _copy_range(file, done, box.start, copy)
                copy.write(moof)
                done = box.end
            _copy_range(file, done, whole[-1].end, copy)
    except ValueError as error:
        raise StorageError(f"its fragments cannot be understood ({error})") from error
    return True


def _mended(file: BinaryIO, whole: Iterable[Box]) -> Iterator[tuple[Box, bytes]]:
    data_end = shift = 0
    for box in whole:
        if box.kind == b"mdat":
            data_end = box.end
        elif box.kind == b"moof" and box.size <= _MAX_MOOF:
            file.seek(box.start + box.header)
            moof = mend_moof(file.read(box.size - box.header), data_end, shift)
            yield box, moof
            shift += len(moof) - box.size


def _copy_range(source: BinaryIO, start: int, end: int, target: BinaryIO) -> None:
    source.seek(start)
    while start < end and (data := source.read(min(_CHUNK, end - start))):
        target.write(data)
        start += len(data)


def _box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", len(content) + 8, kind) + content
