"""Hand-made AV1: OBUs, temporal units and RTP packets of them."""

from roomtape.child.av1 import Obu, ObuType, Packet, leb128

SEQUENCE_320X180 = bytes.fromhex("000000043cfecf81b5f20080")
"""As libaom writes it: 320x180, profile 0, 8 bits, 4:2:0. What follows the OBU's header and size."""
KEY_FRAME = b"\x10" + bytes(range(40))  # show_existing_frame 0, frame_type KEY_FRAME, show_frame 1
DELTA_FRAME = b"\x30" + bytes(range(25))
DELIMITER = b"\x12\x00"


def obu(kind: int, payload: bytes, extension: bytes = b"") -> Obu:
    return Obu(bytes((kind << 3 | (0x04 if extension else 0),)) + extension, payload)


def bare(kind: int, payload: bytes) -> bytes:
    return obu(kind, payload).bare()


def sized(kind: int, payload: bytes) -> bytes:
    return obu(kind, payload).sized()


SEQUENCE = bare(ObuType.SEQUENCE_HEADER, SEQUENCE_320X180)
KEY = bare(ObuType.FRAME, KEY_FRAME)
DELTA = bare(ObuType.FRAME, DELTA_FRAME)
KEY_UNIT = sized(ObuType.SEQUENCE_HEADER, SEQUENCE_320X180) + sized(ObuType.FRAME, KEY_FRAME)
DELTA_UNIT = sized(ObuType.FRAME, DELTA_FRAME)


def payload(*elements: bytes, counted: bool = True, z: bool = False, y: bool = False, n: bool = False) -> bytes:
    """A payload; `counted` writes the number of elements into W and leaves out the last one's length."""
    first = z << 7 | y << 6 | (len(elements) << 4 if counted else 0) | n << 3
    parts = [leb128(len(element)) + element for element in elements]
    if counted and parts:
        parts[-1] = elements[-1]
    return bytes((first,)) + b"".join(parts)


class Sender:
    """Numbers packets as an RTP sender does."""

    def __init__(self, sequence: int = 65_533) -> None:
        self.sequence, self.timestamp = sequence, 0xFFFF_F000

    def packet(self, data: bytes, *, marker: bool = False) -> Packet:
        self.sequence = (self.sequence + 1) & 0xFFFF
        return Packet(self.sequence, self.timestamp, marker, data)

    def unit(self, *payloads: bytes) -> list[Packet]:
        """The packets of a temporal unit of its own, the marker on the last."""
        self.timestamp = (self.timestamp + 3000) & 0xFFFF_FFFF
        return [self.packet(data, marker=n == len(payloads)) for n, data in enumerate(payloads, start=1)]

    def key(self) -> list[Packet]:
        return self.unit(payload(SEQUENCE, KEY, n=True))

    def delta(self) -> list[Packet]:
        return self.unit(payload(DELTA))
