import pytest
from hypothesis import given
from hypothesis import strategies as st

from roomtape.child.rtp import RtpPacket, parse

HEAD = bytes.fromhex("806f000100000bb8deadbeef")


def test_a_plain_packet() -> None:
    assert parse(HEAD + b"words") == RtpPacket(timestamp=3000, payload=b"words")


def test_contributors_extension_and_padding_are_no_payload() -> None:
    head = bytes([0x80 | 0x20 | 0x10 | 2]) + HEAD[1:]
    contributors, extension = bytes(8), bytes.fromhex("bede0001") + b"\x10\xff\0\0"
    assert parse(head + contributors + extension + b"words" + b"\0\0\3") == RtpPacket(timestamp=3000, payload=b"words")


@pytest.mark.parametrize(
    "packet",
    [
        b"",
        HEAD[:-1],
        HEAD,
        b"\x40" + HEAD[1:] + b"words",
        b"\x8f" + HEAD[1:] + b"words",
        b"\x90" + HEAD[1:] + bytes.fromhex("bedeffff"),
        b"\x90" + HEAD[1:] + b"\xbe",
        b"\xa0" + HEAD[1:] + b"words\xff",
    ],
)
def test_what_is_no_packet_or_has_no_payload(packet: bytes) -> None:
    assert parse(packet) is None


@given(st.binary(max_size=60))
def test_anything_may_come(packet: bytes) -> None:
    parsed = parse(packet)
    assert parsed is None or parsed.payload in packet
