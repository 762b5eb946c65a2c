"""What a publisher needs to know of the RTCP that its viewers send. Pure; packets are hostile.

RFC 3550 section 6.4 (report blocks), RFC 4585 section 6.1 (feedback), draft-alvestrand-rmcat-remb-03 section 2.2.
"""

from collections.abc import Iterator
from typing import Final

import msgspec

_VERSION: Final = 2
_SENDER_REPORT: Final = 200
_RECEIVER_REPORT: Final = 201
_PAYLOAD_FEEDBACK: Final = 206
_APPLICATION_LAYER: Final = 15
_BLOCKS_AT: Final = {_SENDER_REPORT: 28, _RECEIVER_REPORT: 8}
_BLOCK_BYTES: Final = 24
_REMB_AT: Final = 12
_REMB_BYTES: Final = 20


class Report(msgspec.Struct, frozen=True):
    """`lost`: by SSRC, which fraction of the packets since the former report was lost, 0 to 1.

    `remb_kbps`: receiver estimated maximum bitrate in kbit/s, None if none was sent.
    """

    lost: dict[int, float] = {}
    remb_kbps: int | None = None


def read(packet: bytes) -> Report:
    """The report in a compound packet; what is not understood is left out."""
    lost: dict[int, float] = {}
    remb: int | None = None
    for count, kind, part in _parts(packet):
        if kind in _BLOCKS_AT:
            lost |= _blocks(part[_BLOCKS_AT[kind] :], count)
        elif kind == _PAYLOAD_FEEDBACK and count == _APPLICATION_LAYER:
            remb = _remb(part) if remb is None else remb
    return Report(lost, remb)


def _parts(packet: bytes) -> Iterator[tuple[int, int, bytes]]:
    """The packets of a compound: count or format, packet type, bytes with the header."""
    while len(packet) >= 4 and packet[0] >> 6 == _VERSION:
        length = 4 * (int.from_bytes(packet[2:4]) + 1)
        if length > len(packet):
            return
        yield packet[0] & 0x1F, packet[1], packet[:length]
        packet = packet[length:]


def _blocks(data: bytes, count: int) -> dict[int, float]:
    starts = range(0, min(count * _BLOCK_BYTES, len(data) - _BLOCK_BYTES + 1), _BLOCK_BYTES)
    return {int.from_bytes(data[i : i + 4]): data[i + 4] / 256 for i in starts}


def _remb(part: bytes) -> int | None:
    if len(part) < _REMB_BYTES or part[_REMB_AT : _REMB_AT + 4] != b"REMB":
        return None
    exponent = part[_REMB_AT + 5] >> 2
    mantissa = (part[_REMB_AT + 5] & 0x3) << 16 | int.from_bytes(part[_REMB_AT + 6 : _REMB_AT + 8])
    return (mantissa << exponent) // 1000
