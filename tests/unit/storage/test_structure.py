import io
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roomtape.storage.structure import Structure, structure_of

EBML = bytes.fromhex("1a45dfa3 84 42868101")
SEGMENT = bytes.fromhex("18538067")
UNKNOWN = bytes.fromhex("01ffffffffffffff")


def structure(data: bytes) -> Structure:
    return structure_of(io.BytesIO(data))


def box(kind: bytes, content: bytes = b"") -> bytes:
    return struct.pack(">I4s", len(content) + 8, kind) + content


FTYP = box(b"ftyp", b"isom")
WHOLE = box(b"moov", box(b"mvhd") + box(b"trak"))
FRAGMENTED = box(b"moov", box(b"mvhd") + box(b"mvex"))


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", Structure.EMPTY),
        (EBML + SEGMENT + b"\x85hello", Structure.FINAL),
        (EBML + SEGMENT + b"\x01" + bytes(6) + b"\x05hello", Structure.FINAL),
        (EBML + SEGMENT + b"\x86hello", Structure.CUT_OFF),
        (EBML + SEGMENT + UNKNOWN + b"hello", Structure.CUT_OFF),
        (EBML + SEGMENT + b"\xffhello", Structure.CUT_OFF),
        (EBML + SEGMENT + b"\x01\x00", Structure.CUT_OFF),
        (EBML + SEGMENT[:2], Structure.CUT_OFF),
        (EBML[:4], Structure.CUT_OFF),
        (EBML + b"else" + b"\x85hello", Structure.FOREIGN),
        (EBML[:4] + b"\x10\xff\xff\xff" + bytes(100), Structure.FOREIGN),
        (FTYP + WHOLE + box(b"mdat", b"x" * 30), Structure.FINAL),
        (FTYP + box(b"mdat", b"x" * 30) + WHOLE, Structure.FINAL),
        (FTYP + struct.pack(">I4sQ", 1, b"mdat", 20) + b"long" + WHOLE, Structure.FINAL),
        (FTYP + FRAGMENTED + box(b"moof") + box(b"mdat"), Structure.CUT_OFF),
        (FTYP + WHOLE + box(b"mdat", b"x" * 30)[:-1], Structure.CUT_OFF),
        (FTYP + WHOLE + struct.pack(">I4s", 0, b"mdat") + b"xyz", Structure.CUT_OFF),
        (FTYP + box(b"mdat", b"x" * 30), Structure.CUT_OFF),
        (FTYP + WHOLE[:-4], Structure.CUT_OFF),
        (b"RIFF....WAVEfmt ", Structure.FOREIGN),
        (b"x", Structure.FOREIGN),
    ],
)
def test_structure(data: bytes, expected: Structure) -> None:
    assert structure(data) is expected


@given(st.binary(max_size=200))
def test_whatever_follows_the_beginning_of_a_file_is_survived(data: bytes) -> None:
    for beginning in (EBML, EBML + SEGMENT, FTYP, FTYP + FRAGMENTED, FTYP + WHOLE):
        assert structure(beginning + data) in Structure
