"""RTP packets as they come from the network (RFC 3550 section 5.1). Pure; packets are hostile."""

from typing import Final

import msgspec

_VERSION: Final = 2
_HEADER_BYTES: Final = 12
_WORD: Final = 4


class RtpPacket(msgspec.Struct, frozen=True):
    """`timestamp` is in units of the codec's RTP clock and wraps around at 32 bits."""

    timestamp: int
    payload: bytes


def parse(packet: bytes) -> RtpPacket | None:
    """None for what is no RTP packet or has nothing in it."""
    if len(packet) < _HEADER_BYTES or packet[0] >> 6 != _VERSION:
        return None
    begin, end = _HEADER_BYTES + _WORD * (packet[0] & 0x0F), len(packet)
    if packet[0] & 0x10:
        begin += _WORD + _WORD * int.from_bytes(packet[begin + 2 : begin + _WORD])
    if packet[0] & 0x20:
        end -= packet[-1]
    payload = packet[begin:end] if begin < end else b""
    return RtpPacket(int.from_bytes(packet[4:8]), payload) if payload else None
