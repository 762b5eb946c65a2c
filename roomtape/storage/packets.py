"""What a recording holds, packet by packet, and whether two hold the same. Nothing is decoded."""

import hashlib
from array import array
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import msgspec

from roomtape.errors import StorageError
from roomtape.storage.tools import SAFE_INPUT, Tools, deadline_s, url

_TIME_BASE: Final = "#tb "
_MEDIA_TYPE: Final = "#media_type "


TOLERANCE_US: Final = 1000
"""Containers count time in steps of their own: Matroska in milliseconds, MP4 in edit lists too."""


class Stream(msgspec.Struct, frozen=True):
    """`digest` is of the bytes of all packets, `times_us` when they are shown, `end_s` when the last one ends."""

    kind: str
    digest: str
    times_us: "array[int]"
    end_s: float

    @property
    def packets(self) -> int:
        return len(self.times_us)

    def same(self, other: "Stream") -> bool:
        """The same packets at the same times."""
        if (self.kind, self.digest, self.packets) != (other.kind, other.digest, other.packets):
            return False
        pairs = zip(self.times_us, other.times_us, strict=True)
        return all(abs(one - other) <= TOLERANCE_US for one, other in pairs)


Inventory = tuple[Stream, ...]


class _Tally:
    def __init__(self) -> None:
        self.kind, self.base = "", Fraction(1, 1000)
        self.times_us, self.end_s = array("q"), 0.0
        self._digest: Any = hashlib.sha256()

    def add(self, pts: int, duration: int, size: str, checksum: str) -> None:
        self.times_us.append(round(pts * self.base * 1_000_000))
        self.end_s = max(self.end_s, float((pts + duration) * self.base))
        self._digest.update(f"{size},{checksum}\n".encode())

    def stream(self) -> Stream:
        return Stream(self.kind, self._digest.hexdigest(), self.times_us, round(self.end_s, 3))


def take_stock(tools: Tools, path: Path) -> Inventory:
    """The streams in the file, in order.

    Raises:
        StorageError: it cannot be read, or holds nothing.
    """
    # Nothing is shifted or left out: times are those of the file.
    command = (tools.ffmpeg, "-nostdin", "-v", "error", "-copyts", *SAFE_INPUT, "-i", url(path))
    what = ("-map", "0", "-c", "copy", "-copyts", "-avoid_negative_ts", "disabled", "-f", "framehash", "-hash", "crc32")
    with tools.running([*command, *what, "pipe:1"], deadline_s(path.stat().st_size)) as output:
        found = read_framehash(line.decode(errors="replace") for line in output.stream)
    if not any(stream.packets for stream in found):
        reason = output.complaints.quoted[-1] if output.complaints.quoted else "not one picture or sound"
        raise StorageError(f"it holds nothing that could be read ({reason.removeprefix(f'{url(path)}: ')})")
    return found


def read_framehash(lines: Iterable[str]) -> Inventory:
    """Of what ffmpeg's framehash muxer writes."""
    tallies: dict[int, _Tally] = {}
    for line in lines:
        if line.startswith((_TIME_BASE, _MEDIA_TYPE)):
            name, value = line.split(":", 1)
            tally = tallies.setdefault(int(name.split()[1]), _Tally())
            if line.startswith(_TIME_BASE):
                tally.base = Fraction(value.strip())
            else:
                tally.kind = value.strip()
        elif not line.startswith("#"):
            stream, _dts, pts, duration, size, checksum = (part.strip() for part in line.split(",")[:6])
            tallies.setdefault(int(stream), _Tally()).add(int(pts), int(duration), size, checksum)
    return tuple(tallies[number].stream() for number in sorted(tallies))
