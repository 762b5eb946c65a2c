"""Fragments as mp4mux of GStreamer 1.22 writes them, the broken ones included."""

import io
import struct
from pathlib import Path

import pytest

from roomtape.errors import StorageError
from roomtape.storage.fragments import Run, Traf, mend, mend_moof
from roomtape.storage.structure import children
from tests.unit.storage.test_structure import FRAGMENTED, FTYP, box

BARE, SIZED, TIMED = 0x1, 0x201, 0x301
DATA = 1000
"""Where the data of the fragment begins."""


def trun(flags: int, offset: int, *samples: tuple[int, int]) -> bytes:
    """Samples are durations and sizes; what the flags do not announce is left out."""
    fields = b"".join(
        (struct.pack(">I", duration) if flags & 0x100 else b"") + (struct.pack(">I", size) if flags & 0x200 else b"")
        for duration, size in samples
    )
    return box(b"trun", struct.pack(">IIi", flags, len(samples), offset) + fields)


def traf(track: int, flags: int, defaults: bytes, *truns: bytes) -> bytes:
    head = struct.pack(">IIQ", flags, track, DATA) + defaults
    return box(b"traf", box(b"tfhd", head) + box(b"tfdt", bytes(8)) + b"".join(truns))


# Two runs of sound with a picture between them; the second run lacks what its one sample shares with the first.
PICTURE = traf(1, 0x9, struct.pack(">I", 100), trun(SIZED, 320, (0, 500)))
SOUND = traf(2, 0x21, bytes(4), trun(TIMED, 0, (960, 160), (960, 160)), trun(BARE, 820, (960, 160)))
MFHD = box(b"mfhd", bytes(8))
DATA_END = DATA + 980


def runs(moof: bytes, number: int) -> list[Run]:
    trafs = [inside for kind, inside in children(moof[8:]) if kind == b"traf"]
    return Traf.read(trafs[number]).runs


def test_size_and_duration_that_lack_are_filled_in() -> None:
    moof = mend_moof(MFHD + PICTURE + SOUND, DATA_END, shift=0)
    first, last = runs(moof, 1)
    assert last.entries == [{0x100: struct.pack(">I", 960), 0x200: struct.pack(">I", 160)}]
    assert last.flags & 0x301 == 0x301
    assert len(first.entries) == 2
    assert len(moof) == 8 + len(MFHD + PICTURE + SOUND) + 8


def test_a_picture_with_a_default_duration_lacks_only_its_size() -> None:
    picture = traf(1, 0x9, struct.pack(">I", 100), trun(SIZED, 0, (0, 500)), trun(BARE, 500, (0, 0), (0, 0)))
    (_, last) = runs(mend_moof(MFHD + picture, DATA + 900, shift=0), 0)
    assert last.entries == [{0x200: struct.pack(">I", 200)}] * 2


def test_what_lacks_nothing_stays_to_the_byte() -> None:
    assert mend_moof(MFHD + PICTURE, DATA_END, shift=0) == box(b"moof", MFHD + PICTURE)


def test_data_that_moves_back_is_found_there() -> None:
    moof = mend_moof(MFHD + PICTURE, DATA_END, shift=24)
    (content,) = (inside for kind, inside in children(moof[8:]) if kind == b"traf")
    assert Traf.read(content).base == DATA + 24


@pytest.mark.parametrize(
    "content",
    [
        MFHD + traf(1, 0x0, b"", trun(SIZED, 0, (0, 500))),  # no base
        MFHD + traf(1, 0x1, b"", trun(BARE, 0, (0, 0), (0, 0), (0, 0))),  # 980 bytes, three samples
        MFHD + traf(1, 0x1, b"", trun(BARE, 2000, (0, 0))),  # beyond the data
        MFHD + traf(1, 0x1, b"", box(b"trun", struct.pack(">IIi", SIZED, 1 << 31, 0))),
        MFHD + traf(1, 0x1, b"", box(b"trun", b"\0")),
        MFHD + box(b"traf", box(b"tfhd", b"")),
    ],
)
def test_what_mp4mux_does_not_write_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError):
        mend_moof(content, DATA_END, shift=0)


def movie(*moofs: bytes) -> bytes:
    """Each fragment's data lies before its moof, at 1000 in the file for the first one."""
    start = FTYP + FRAGMENTED
    padding = box(b"free", bytes(DATA - 8 - len(start) - 8))
    return start + padding + b"".join(box(b"mdat", bytes(980)) + moof for moof in moofs)


def test_a_file_is_copied_with_its_fragments_mended_and_without_its_torn_end(tmp_path: Path) -> None:
    moof = box(b"moof", MFHD + PICTURE + SOUND)
    target = tmp_path / "mended"
    assert mend(io.BytesIO(movie(moof) + box(b"mdat", bytes(100))[:-1]), target)
    assert target.read_bytes() == movie(mend_moof(MFHD + PICTURE + SOUND, DATA_END, 0))


def test_a_file_with_nothing_to_mend_is_not_copied(tmp_path: Path) -> None:
    assert not mend(io.BytesIO(movie(box(b"moof", MFHD + PICTURE))), tmp_path / "mended")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_not_understood_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="fragments"):
        mend(io.BytesIO(movie(box(b"moof", MFHD + traf(1, 0x0, b"", trun(SIZED, 0, (0, 5)))))), tmp_path / "mended")
