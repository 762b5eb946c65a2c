"""AV1 into RTP: temporal units in, packet payloads out. Pure; `av1_elements` puts GStreamer round it.

The counterpart of `av1`; see there for the specification.
"""

from typing import Final

from roomtape.child.av1 import Obu, ObuType, is_key, leb128, read_obus

MIN_PAYLOAD: Final = 16
"""Bytes of a payload with which packetising still makes sense."""
_CONTINUES: Final = 0x80
_CONTINUED: Final = 0x40
_BEGINS_SEQUENCE: Final = 0x08


def packetise(unit: bytes, max_payload: int) -> list[bytes]:
    """The payloads of the packets of one temporal unit, in order; the marker belongs to the last.

    `unit` is in the low-overhead format; `max_payload` in bytes. Every packet is filled before the next is begun.

    Raises:
        Malformed: `unit` is no AV1.
        ValueError: `max_payload` is below MIN_PAYLOAD.
    """
    if max_payload < MIN_PAYLOAD:
        raise ValueError(f"a payload of {max_payload} bytes is too small")
    obus = [obu for obu in read_obus(unit) if obu.type not in (ObuType.TEMPORAL_DELIMITER, ObuType.TILE_LIST)]
    packer = _Packer(max_payload)
    for obu in obus:
        packer.add(obu)
    return packer.close(_BEGINS_SEQUENCE if is_key(obus) else 0)


class _Packer:
    """Elements all carry their length (W is 0), which costs one or two bytes in a packet and no second pass."""

    def __init__(self, max_payload: int) -> None:
        self._max = max_payload
        self._packets: list[bytearray] = []

    def add(self, obu: Obu) -> None:
        data, at = obu.bare(), 0
        while at < len(data):
            room = self._room()
            if room < 1:
                self._packets.append(bytearray(1))
                room = self._room()
            part = data[at : at + room]
            packet = self._packets[-1]
            if at:
                packet[0] |= _CONTINUES
            packet += leb128(len(part)) + part
            at += len(part)
            if at < len(data):
                packet[0] |= _CONTINUED

    def _room(self) -> int:
        """Bytes of an element that still go into the last packet, beside its length."""
        if not self._packets:
            return 0
        left = self._max - len(self._packets[-1])
        return next((left - size for size in (1, 2, 3) if left - size < 1 << 7 * size), 0)

    def close(self, flags: int) -> list[bytes]:
        if self._packets:
            self._packets[0][0] |= flags
        return [bytes(packet) for packet in self._packets]
