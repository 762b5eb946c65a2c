import pytest
from hypothesis import given
from hypothesis import strategies as st

from roomtape.child.av1 import Depacketiser, Obu, ObuType, Packet, read_obus
from roomtape.child.av1_packets import MIN_PAYLOAD, packetise
from roomtape.child.av1_sequence import Malformed
from tests.unit.child.av1_stream import (
    DELIMITER,
    DELTA,
    DELTA_UNIT,
    KEY,
    KEY_UNIT,
    SEQUENCE,
    SEQUENCE_320X180,
    obu,
    payload,
    sized,
)


def received(payloads: list[bytes]) -> list[bytes]:
    """What a receiver that has had a key unit makes of them."""
    depacketiser = Depacketiser()
    units: list[bytes] = []
    for n, data in enumerate([*packetise(KEY_UNIT, 100), *payloads]):
        last = n in (0, len(payloads))
        units += [unit.data for unit in depacketiser.feed(Packet(n, min(n, 1), last, data)).units]
    return units[1:]


def test_a_small_unit_is_one_packet_whose_obus_have_no_size_fields() -> None:
    assert packetise(DELTA_UNIT, 1000) == [payload(DELTA, counted=False)]


def test_a_key_unit_begins_a_coded_video_sequence() -> None:
    assert packetise(DELIMITER + KEY_UNIT, 1000) == [payload(SEQUENCE, KEY, counted=False, n=True)]


def test_a_large_obu_is_cut_and_every_packet_is_filled() -> None:
    payloads = packetise(KEY_UNIT, 20)
    assert [len(data) for data in payloads[:-1]] == [20] * (len(payloads) - 1)
    assert [data[0] & 0xC8 for data in payloads] == [0x48, 0xC0, 0xC0, 0x80]
    assert received(payloads) == [KEY_UNIT]


def test_what_is_for_decoders_of_files_alone_is_not_sent() -> None:
    assert packetise(DELIMITER + sized(ObuType.TILE_LIST, b"x"), 1000) == []


def test_an_obu_without_size_field_ends_the_unit() -> None:
    assert packetise(DELTA, 1000) == packetise(DELTA_UNIT, 1000)


@pytest.mark.parametrize("unit", [b"\x80", sized(ObuType.FRAME, b"abc")[:-1]])
def test_what_is_no_av1_is_refused(unit: bytes) -> None:
    with pytest.raises(Malformed):
        packetise(unit, 1000)


def test_packets_cannot_be_of_any_smallness() -> None:
    with pytest.raises(ValueError, match="too small"):
        packetise(DELTA_UNIT, MIN_PAYLOAD - 1)


kinds = st.sampled_from([ObuType.FRAME_HEADER, 4, 5, ObuType.FRAME])
units = st.lists(st.builds(obu, kinds, st.binary(max_size=400), st.sampled_from([b"", b"\x08"])), min_size=1)


@given(units, st.integers(MIN_PAYLOAD, 300), st.booleans())
def test_any_unit_survives_any_packet_size(obus: list[Obu], size: int, key: bool) -> None:
    head = [obu(ObuType.SEQUENCE_HEADER, SEQUENCE_320X180)] if key else []
    unit = b"".join(one.sized() for one in [*head, *obus])
    payloads = packetise(unit, size)
    assert all(len(data) <= size for data in payloads)
    assert received(payloads) == [unit]


@given(st.binary(max_size=200))
def test_any_bytes_are_packets_or_malformed(unit: bytes) -> None:
    try:
        payloads = packetise(unit, 50)
    except Malformed:
        return
    assert bool(payloads) == any(
        one.type not in (ObuType.TEMPORAL_DELIMITER, ObuType.TILE_LIST) for one in read_obus(unit)
    )
