import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roomtape.child.rtcp import Report, read


def packet(count: int, kind: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 2 << 6 | count, kind, len(body) // 4) + body


def block(ssrc: int, lost: int) -> bytes:
    return struct.pack(">IB", ssrc, lost) + bytes(19)


def remb(kbps: int) -> bytes:
    mantissa, exponent = kbps * 1000, 0
    while mantissa >= 1 << 18:
        mantissa, exponent = mantissa >> 1, exponent + 1
    bits = struct.pack(">BBH", 1, exponent << 2 | mantissa >> 16, mantissa & 0xFFFF)
    return packet(15, 206, bytes(8) + b"REMB" + bits + bytes(4))


RECEIVER = packet(2, 201, bytes(4) + block(7, 64) + block(8, 0))
SENDER = packet(1, 200, bytes(24) + block(9, 128))
SDES = packet(1, 202, bytes(8))


def test_report_blocks_say_what_was_lost_of_each_track() -> None:
    assert read(RECEIVER) == Report({7: 0.25, 8: 0.0})
    assert read(SENDER + SDES) == Report({9: 0.5})


def test_an_estimate_in_a_compound_packet() -> None:
    report = read(RECEIVER + SDES + remb(2500))
    assert report.lost.keys() == {7, 8}
    assert report.remb_kbps == pytest.approx(2500, abs=1)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x81",
        SDES,
        packet(1, 206, bytes(8)),  # a PLI
        packet(15, 206, bytes(8) + b"OTHER..."),
        packet(15, 206, bytes(8) + b"REMB"),
        packet(31, 201, bytes(4)),
        RECEIVER[:-1],
        b"\x01" + RECEIVER[1:],
    ],
)
def test_everything_else_says_nothing(data: bytes) -> None:
    assert read(data) == Report()


def test_more_blocks_promised_than_there_are() -> None:
    assert read(packet(31, 201, bytes(4) + block(7, 64))) == Report({7: 0.25})


@given(st.binary(max_size=200))
def test_hostile_bytes_are_no_trouble(data: bytes) -> None:
    report = read(b"\x8f\xce" + data)
    assert all(0 <= lost < 1 for lost in report.lost.values())
