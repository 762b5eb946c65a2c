"""Correcting, in a Matroska file that is being written, the time stamps of its first frames (RFC 9559, RFC 8794). Pure.

How a guest's sound and picture relate in time is known only with the first sender reports (RFC 3550 section 6.4.1),
seconds after media began. A file is not held back for them: what was written before is shifted in its place, two bytes
a frame, which leaves everything else of the file as it is.
"""

import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import msgspec

from roomtape.model import TrackKind

MOST_BYTES: Final = 64 << 20
"""So far into a file a correction may reach: some seconds of the best picture there is."""
NEAR: Final = 3
"""Frames by which the counted place of a step may be off: it is told by one thread while another hands frames on."""
NS_PER_MS: Final = 1_000_000

_SEGMENT, _TRACKS, _ENTRY, _NUMBER, _TYPE = 0x18538067, 0x1654AE6B, 0xAE, 0xD7, 0x83
_CLUSTER, _TIME, _GROUP, _BLOCK, _SIMPLE_BLOCK = 0x1F43B675, 0xE7, 0xA0, 0xA1, 0xA3
_ENTERED: Final = frozenset({_SEGMENT, _TRACKS, _ENTRY, _CLUSTER, _GROUP})
_KINDS: Final = {1: TrackKind.VIDEO, 2: TrackKind.AUDIO}
_INT16: Final = range(-(1 << 15), 1 << 15)


class Step(msgspec.Struct, frozen=True):
    """The time stamps of a track jumped by `by_ns` after `frames` frames: those are what has to be shifted."""

    frames: int
    by_ns: int


class Patch(msgspec.Struct, frozen=True):
    """Bytes to be written at `offset`."""

    offset: int
    data: bytes


class _Frame(msgspec.Struct):
    """A block: where its relative time stamp stands, what that is, and its time in the file, both in ms."""

    offset: int
    relative: int
    time: int


def corrections(data: bytes, steps: Mapping[TrackKind, Sequence[Step]], *, final: bool) -> list[Patch] | None:
    """What to write into a file that begins with `data` for the steps of its tracks, in the order they happened.

    None if the frames round a step have not all been written yet; with `final` no more will come. Data that is cut off
    or no Matroska is read as far as it goes. The time scale is taken to be milliseconds, which muxers here write.
    """
    frames = _frames(data)
    changed: dict[int, _Frame] = {}
    for kind, happened in steps.items():
        of_kind = frames.get(kind, [])
        for step in happened:
            if not final and len(of_kind) <= step.frames + NEAR:
                return None
            for frame in of_kind[: _place(of_kind, step)]:
                _shift(frame, round(step.by_ns / NS_PER_MS))
                changed[frame.offset] = frame
    return [Patch(frame.offset, struct.pack(">h", frame.relative)) for frame in changed.values()]


def _place(frames: Sequence[_Frame], step: Step) -> int:
    """How many frames come before the step: near the counted place, where the time stamps jump most, if they do."""
    counted = min(step.frames, len(frames))
    sign = 1 if step.by_ns > 0 else -1

    def jump(n: int) -> tuple[int, int]:
        return sign * (frames[n].time - frames[n - 1].time), -abs(n - step.frames)

    near = range(max(1, step.frames - NEAR), min(len(frames), step.frames + NEAR + 1))
    place = max(near, key=jump, default=counted)
    return place if place in near and jump(place)[0] * NS_PER_MS * 2 >= abs(step.by_ns) else counted


def _shift(frame: _Frame, by_ms: int) -> None:
    """No time stamp may come before the file's beginning, or leave its 16 bits."""
    by_ms = max(by_ms, -frame.time)
    if frame.relative + by_ms in _INT16:
        frame.relative += by_ms
        frame.time += by_ms


def _frames(data: bytes) -> dict[TrackKind, list[_Frame]]:
    """The blocks of each kind of track, in the file's order."""
    kinds: dict[int, TrackKind] = {}
    frames: dict[TrackKind, list[_Frame]] = {}
    number = cluster = 0
    for element, start, end in _elements(data):
        match element:
            case _ if element in (_NUMBER, _TYPE, _TIME):
                value = int.from_bytes(data[start:end], "big")
                if element == _NUMBER:
                    number = value
                elif element == _TYPE and value in _KINDS:
                    kinds[number] = _KINDS[value]
                elif element == _TIME:
                    cluster = value
            case _ if element in (_BLOCK, _SIMPLE_BLOCK):
                track, at = _number(data, start, marker=False)
                kind = kinds.get(track)
                if kind is not None and at + 2 <= len(data):
                    (relative,) = struct.unpack_from(">h", data, at)
                    frames.setdefault(kind, []).append(_Frame(at, relative, cluster + relative))
    return frames


def _elements(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Identifier, start and end of each element that matters, as far as the data goes; what has parts is entered."""
    at = 0
    while at < len(data):
        element, at = _number(data, at, marker=True)
        size, start = _number(data, at, marker=False)
        if start <= at or not element:
            return
        if element in _ENTERED:
            at = start
            continue
        # A block may be cut off, as its time stamp comes first.
        yield element, start, min(start + size, len(data))
        at = start + size


def _number(data: bytes, at: int, *, marker: bool) -> tuple[int, int]:
    """A variable-size integer (RFC 8794 section 4), with its length marker as identifiers are written or without,
    and where it ends; 0 and `at` if there is none."""
    if at >= len(data) or not data[at]:
        return 0, at
    length = 9 - data[at].bit_length()
    if at + length > len(data):
        return 0, at
    value = int.from_bytes(data[at : at + length], "big")
    return (value if marker else value & ((1 << 7 * length) - 1)), at + length
