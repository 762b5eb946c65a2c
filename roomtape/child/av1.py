"""AV1 out of RTP: packets in, temporal units out. Pure; `av1_elements` puts GStreamer round it.

Follows the "RTP Payload Format For AV1" of the Alliance for Open Media (v1.0, section 4), called "RTP for AV1" here.
What comes out is the low-overhead bitstream format (AV1 specification section 5.2), every OBU with its size field.
"""

from collections.abc import Iterator
from enum import IntEnum
from typing import Final

import msgspec

from roomtape.child.av1_sequence import Malformed, Sequence, read_sequence

MAX_UNIT_BYTES: Final = 8 * 1024 * 1024
"""Of one temporal unit: seconds of video at any bitrate that a call has."""
MAX_UNIT_OBUS: Final = 8192
"""More than a frame can have tiles (AV1 specification section A.3)."""
MAX_LEB128_BYTES: Final = 8

_HAS_EXTENSION: Final = 0x04
_HAS_SIZE: Final = 0x02


class ObuType(IntEnum):
    """Those that mean something here (AV1 specification section 6.2.2)."""

    SEQUENCE_HEADER = 1
    TEMPORAL_DELIMITER = 2
    FRAME_HEADER = 3
    FRAME = 6
    TILE_LIST = 8
    PADDING = 15


_DROPPED: Final = frozenset({ObuType.TEMPORAL_DELIMITER, ObuType.TILE_LIST, ObuType.PADDING})
"""The first two by RTP for AV1 section 5; padding is of no use in a file."""
_FRAMES: Final = frozenset({ObuType.FRAME, ObuType.FRAME_HEADER})


class Obu(msgspec.Struct, frozen=True):
    """An open bitstream unit: its header without the size field, and what follows the header."""

    header: bytes
    payload: bytes

    @property
    def type(self) -> int:
        return (self.header[0] >> 3) & 0xF

    def sized(self) -> bytes:
        """The OBU in the low-overhead format."""
        return b"".join(
            (bytes((self.header[0] | _HAS_SIZE,)), self.header[1:], leb128(len(self.payload)), self.payload)
        )

    def bare(self) -> bytes:
        """The OBU without a size field, as packets carry it."""
        return bytes((self.header[0] & ~_HAS_SIZE,)) + self.header[1:] + self.payload


class TemporalUnit(msgspec.Struct, frozen=True):
    """All OBUs of one time stamp, in the low-overhead format. `timestamp` is RTP's. `sequence` is there in a key unit,
    where decoding can begin; its `config` then ends with the sequence header."""

    data: bytes
    timestamp: int
    sequence: Sequence | None = None


class Packet(msgspec.Struct, frozen=True):
    """The fields of an RTP packet (RFC 3550 section 5.1) that matter here."""

    sequence: int
    timestamp: int
    marker: bool
    payload: bytes


class Fed(msgspec.Struct, frozen=True):
    """What came of one packet. `ask`: something was lost or is of no use, so a key frame is needed."""

    units: tuple[TemporalUnit, ...] = ()
    ask: bool = False


def read_packet(data: bytes) -> Packet:
    """An RTP packet without CSRCs, header extensions and padding.

    Raises:
        Malformed: it is none.
    """
    if len(data) < 12 or data[0] >> 6 != 2:
        raise Malformed("no RTP packet")
    start, end = 12 + 4 * (data[0] & 0x0F), len(data)
    if data[0] & 0x10:
        start += 4 + 4 * int.from_bytes(data[start + 2 : start + 4], "big")
    if data[0] & 0x20:
        end -= data[-1]
    if start > end:
        raise Malformed("the RTP header is longer than the packet")
    numbers = int.from_bytes(data[2:4], "big"), int.from_bytes(data[4:8], "big")
    return Packet(*numbers, marker=bool(data[1] & 0x80), payload=data[start:end])


def leb128(value: int) -> bytes:
    """`value` in AV1's variable length (AV1 specification section 4.10.5)."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def read_leb128(data: bytes, at: int) -> tuple[int, int]:
    """The value at that position, and the position after it.

    Raises:
        Malformed: it does not end, or is larger than 32 bits.
    """
    value = 0
    for i, byte in enumerate(data[at : at + MAX_LEB128_BYTES]):
        value |= (byte & 0x7F) << (7 * i)
        if byte < 0x80:
            if value >= 1 << 32:
                break
            return value, at + i + 1
    raise Malformed("a length that does not end")


def read_obus(data: bytes) -> Iterator[Obu]:
    """The OBUs in a row of them; one without a size field is the last.

    Raises:
        Malformed: a header is wrong, or a size reaches beyond the end.
    """
    at = 0
    while at < len(data):
        first = data[at]
        body = at + (2 if first & _HAS_EXTENSION else 1)
        if first & 0x80 or body > len(data):
            raise Malformed("no OBU header")
        header = data[at:body]
        size, body = read_leb128(data, body) if first & _HAS_SIZE else (len(data) - body, body)
        at = body + size
        if at > len(data):
            raise Malformed("an OBU is longer than what holds it")
        yield Obu(header, data[body:at])


def read_elements(payload: bytes) -> list[bytes]:
    """The OBU elements of a payload, its first byte being the aggregation header (RTP for AV1 section 4.4).

    Raises:
        Malformed: a length reaches beyond the end, or there are fewer elements than were announced.
    """
    count = payload[0] >> 4 & 0x3
    at = 1
    elements: list[bytes] = []
    while at < len(payload) and not (count and len(elements) == count - 1):
        size, at = read_leb128(payload, at)
        if at + size > len(payload):
            raise Malformed("an OBU element is longer than the packet")
        elements.append(payload[at : at + size])
        at += size
    if count:
        if at >= len(payload):
            raise Malformed("fewer OBU elements than announced")
        elements.append(payload[at:])
    return elements


class Depacketiser:
    """Fed with packets in order of their sequence numbers.

    After loss or damage everything is dropped up to the next key frame: what follows could refer to what is missing.
    `dropped` counts temporal units that came in part or in vain.
    """

    def __init__(self) -> None:
        self.dropped = 0
        self._next: int | None = None
        self._astray = True  # what came before the next payload is not known
        self._waiting = True  # for a key frame
        self._timestamp: int | None = None
        self._clear()

    def _clear(self) -> None:
        self._obus: list[Obu] = []
        self._fragments: list[bytes] = []
        self._bytes = 0
        self._open = self._broken = False

    def feed(self, packet: Packet) -> Fed:
        """The temporal units that are complete with this packet; at most two."""
        lost = self._next is not None and packet.sequence != self._next
        self._next = (packet.sequence + 1) & 0xFFFF
        before, units = self.dropped, []
        if lost:
            self._waiting = self._astray = self._broken = True
        if packet.timestamp != self._timestamp:
            units.append(self._finish())  # had no marker: complete all the same, if nothing was lost
            self._timestamp = packet.timestamp
        if packet.payload:
            if self._astray:
                self._astray = False
                self._broken = not _begins_unit(packet.payload)
            self._open = True
            self._take(packet.payload)
        if packet.marker:
            units.append(self._finish())
        return Fed(tuple(unit for unit in units if unit is not None), ask=lost or self.dropped > before)

    def _take(self, payload: bytes) -> None:
        if self._broken:
            return
        try:
            self._read(payload)
        except Malformed:
            self._broken = True
        if self._bytes > MAX_UNIT_BYTES or len(self._obus) + len(self._fragments) > MAX_UNIT_OBUS:
            self._broken = True
        if self._broken:
            self._obus, self._fragments = [], []

    def _read(self, payload: bytes) -> None:
        elements = read_elements(payload)
        self._bytes += len(payload)
        if bool(payload[0] & 0x80) != bool(self._fragments):
            raise Malformed("a fragment without what it continues, or without its continuation")
        unfinished = bool(payload[0] & 0x40)
        for i, element in enumerate(elements):
            self._fragments.append(element)
            if unfinished and i == len(elements) - 1:
                return
            whole, self._fragments = b"".join(self._fragments), []
            self._obus += (obu for obu in read_obus(whole) if obu.type not in _DROPPED)

    def _finish(self) -> TemporalUnit | None:
        """The open temporal unit, unless it is damaged, of no use or empty."""
        obus, whole = self._obus, not self._broken and not self._fragments
        empty = not self._open or (whole and not obus)
        self._clear()
        if empty or self._timestamp is None:
            return None
        sequence = self._sequence(obus) if whole else None
        self._waiting = sequence is None and (self._waiting or not whole)
        if self._waiting:
            self.dropped += 1
            return None
        return TemporalUnit(b"".join(obu.sized() for obu in obus), self._timestamp, sequence)

    @staticmethod
    def _sequence(obus: list[Obu]) -> Sequence | None:
        """Of a key unit that a muxer can make something of."""
        if not is_key(obus):
            return None
        header = next(obu for obu in obus if obu.type == ObuType.SEQUENCE_HEADER)
        try:
            sequence = read_sequence(header.payload)
        except Malformed:
            return None
        return msgspec.structs.replace(sequence, config=sequence.config + header.sized())


def _begins_unit(payload: bytes) -> bool:
    """Whether a packet, seen without those before it, is the first of its temporal unit for sure."""
    if payload[0] & 0x80:
        return False
    try:
        first = next((element for element in read_elements(payload) if element), b"\0")
    except Malformed:
        return False
    return bool(payload[0] & 0x08) or first[0] >> 3 & 0xF in (ObuType.TEMPORAL_DELIMITER, ObuType.SEQUENCE_HEADER)


def is_key(obus: list[Obu]) -> bool:
    """Whether decoding can begin with these: a sequence header, and a shown key frame first of all frames."""
    header = next((obu for obu in obus if obu.type == ObuType.SEQUENCE_HEADER), None)
    frame = next((obu for obu in obus if obu.type in _FRAMES), None)
    if header is None or frame is None or not header.payload or not frame.payload:
        return False
    # reduced_still_picture_header leaves out the rest; else show_existing_frame, frame_type, show_frame
    return bool(header.payload[0] & 0x08) or frame.payload[0] & 0xF0 == 0x10
