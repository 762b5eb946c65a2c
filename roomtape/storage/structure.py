"""Whether a recording was finished, by the structure of its file alone: nothing is decoded. Pure but for reading.

Matroska (RFC 8794, RFC 9559): a file that is still written has a Segment of unknown size; its end puts the size there.
MP4 (ISO/IEC 14496-12): a file that is still written is in fragments (`mvex` in its `moov`); its end replaces them.
"""

import os
from collections.abc import Iterator
from enum import Enum, auto
from typing import BinaryIO, Final, NamedTuple

_EBML: Final = bytes.fromhex("1a45dfa3")
_SEGMENT: Final = bytes.fromhex("18538067")
_MAX_HEADER: Final = 4096
"""Bytes of an EBML header, which has some 40."""
_MAX_BOXES: Final = 1_000_000
_MAX_MOOV: Final = 64 << 20


class Structure(Enum):
    """What a file's structure says of it."""

    EMPTY = auto()  # not a byte
    FINAL = auto()
    CUT_OFF = auto()
    FOREIGN = auto()  # neither Matroska nor MP4


class Box(NamedTuple):
    """One box of an MP4 file; `size` includes its header of `header` bytes, and is 0 if it has not been set yet."""

    kind: bytes
    start: int
    size: int
    header: int

    @property
    def end(self) -> int:
        return self.start + self.size


def structure_of(file: BinaryIO) -> Structure:
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    head = file.read(12)
    if not head:
        return Structure.EMPTY
    if head.startswith(_EBML):
        return _of_matroska(file, size)
    if head[4:8] == b"ftyp":
        return _of_mp4(file, size)
    return Structure.FOREIGN


def _of_matroska(file: BinaryIO, size: int) -> Structure:
    file.seek(len(_EBML))
    header = _vint(file)
    if header is None:
        return Structure.CUT_OFF
    if header > _MAX_HEADER:
        return Structure.FOREIGN
    file.seek(header, os.SEEK_CUR)
    name = file.read(len(_SEGMENT))
    if len(name) == len(_SEGMENT) and name != _SEGMENT:
        return Structure.FOREIGN
    length = _vint(file)
    return Structure.FINAL if length is not None and file.tell() + length <= size else Structure.CUT_OFF


def _vint(file: BinaryIO) -> int | None:
    """A data size (RFC 8794, section 6); None if it is unknown or cut off."""
    first = file.read(1)
    if not first or not first[0]:
        return None
    more = 8 - first[0].bit_length()
    rest = file.read(more)
    if len(rest) < more:
        return None
    bits = 7 * (more + 1)
    value = int.from_bytes(first + rest, "big") & ((1 << bits) - 1)
    return None if value == (1 << bits) - 1 else value


def _of_mp4(file: BinaryIO, size: int) -> Structure:
    end, final = 0, False
    for box in boxes(file, size):
        end = box.end if box.size else size + 1
        if box.kind == b"moov" and box.end <= size:
            final = not has_fragments(file, box)
    return Structure.FINAL if final and end == size else Structure.CUT_OFF


def boxes(file: BinaryIO, size: int) -> Iterator[Box]:
    """The boxes at the top of the file, in order; the last may go beyond its end."""
    at = 0
    for _ in range(_MAX_BOXES):
        file.seek(at)
        head = file.read(16)
        if len(head) < 8:
            return
        length, header = int.from_bytes(head[:4], "big"), 8
        if length == 1:
            length, header = int.from_bytes(head[8:], "big"), 16
        yield Box(head[4:8], at, length, header)
        if length < header:
            return
        at += length


def has_fragments(file: BinaryIO, moov: Box) -> bool:
    """Whether the movie goes on in fragments."""
    if moov.size > _MAX_MOOV:
        return False
    file.seek(moov.start + moov.header)
    rest = file.read(moov.size - moov.header)
    return any(kind == b"mvex" for kind, _ in children(rest))


def children(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Kind and content of the boxes in one, as far as they are whole."""
    at = 0
    while at + 8 <= len(content):
        length = int.from_bytes(content[at : at + 4], "big")
        if length < 8 or at + length > len(content):
            return
        yield content[at + 4 : at + 8], content[at + 8 : at + length]
        at += length
