import pytest
from hypothesis import given
from hypothesis import strategies as st

from roomtape.child.av1 import (
    MAX_UNIT_BYTES,
    MAX_UNIT_OBUS,
    Depacketiser,
    ObuType,
    Packet,
    TemporalUnit,
    leb128,
    read_elements,
    read_leb128,
    read_obus,
    read_packet,
)
from roomtape.child.av1_sequence import Malformed
from tests.unit.child.av1_stream import (
    DELIMITER,
    DELTA,
    DELTA_FRAME,
    DELTA_UNIT,
    KEY,
    KEY_FRAME,
    KEY_UNIT,
    SEQUENCE,
    SEQUENCE_320X180,
    Sender,
    bare,
    obu,
    payload,
    sized,
)


class Receiver:
    """Feeds a Depacketiser and keeps what comes out."""

    def __init__(self) -> None:
        self.depacketiser = Depacketiser()
        self.units: list[TemporalUnit] = []
        self.asked = 0

    def feed(self, *packets: Packet) -> list[bytes]:
        """What these packets bring."""
        before = len(self.units)
        for packet in packets:
            fed = self.depacketiser.feed(packet)
            self.units += fed.units
            self.asked += fed.ask
        return [unit.data for unit in self.units[before:]]

    @property
    def dropped(self) -> int:
        return self.depacketiser.dropped


@pytest.fixture
def sender() -> Sender:
    return Sender()


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


# --- whole streams ------------------------------------------------------------------------------------------------


def test_a_key_unit_and_what_follows_come_out_with_size_fields(sender: Sender, receiver: Receiver) -> None:
    assert receiver.feed(*sender.key(), *sender.delta(), *sender.delta()) == [KEY_UNIT, DELTA_UNIT, DELTA_UNIT]
    assert [unit.sequence is not None for unit in receiver.units] == [True, False, False]
    assert (receiver.asked, receiver.dropped) == (0, 0)


def test_a_key_unit_tells_size_and_configuration(sender: Sender, receiver: Receiver) -> None:
    receiver.feed(*sender.key())
    sequence = receiver.units[0].sequence
    assert sequence is not None
    assert (sequence.width, sequence.height) == (320, 180)
    assert sequence.config == bytes.fromhex("81000c00") + sized(ObuType.SEQUENCE_HEADER, SEQUENCE_320X180)


def test_time_stamps_are_those_of_the_packets(sender: Sender, receiver: Receiver) -> None:
    packets = [*sender.key(), *sender.delta()]
    receiver.feed(*packets)
    assert [unit.timestamp for unit in receiver.units] == [packet.timestamp for packet in packets]


@pytest.mark.parametrize("counted", [True, False])
def test_elements_with_and_without_the_last_length(sender: Sender, receiver: Receiver, counted: bool) -> None:
    assert receiver.feed(*sender.unit(payload(SEQUENCE, KEY, counted=counted, n=True))) == [KEY_UNIT]


@pytest.mark.parametrize("counted", [True, False])
def test_an_obu_in_fragments(sender: Sender, receiver: Receiver, counted: bool) -> None:
    """The first fragment is the header alone; the packet after the last one's end goes on with another OBU."""
    packets = sender.unit(
        payload(SEQUENCE, KEY[:1], counted=counted, y=True, n=True),
        payload(KEY[1:9], counted=counted, z=True, y=True),
        payload(KEY[9:], bare(5, b"metadata"), counted=counted, z=True),
    )
    assert receiver.feed(*packets) == [KEY_UNIT + sized(5, b"metadata")]


def test_obus_may_carry_size_fields_and_several_of_them_share_an_element(sender: Sender, receiver: Receiver) -> None:
    assert receiver.feed(*sender.unit(payload(KEY_UNIT, n=True))) == [KEY_UNIT]


def test_a_layers_extension_byte_is_kept(sender: Sender, receiver: Receiver) -> None:
    receiver.feed(*sender.key())
    layered = obu(ObuType.FRAME, DELTA_FRAME, b"\x28")
    assert receiver.feed(*sender.unit(payload(layered.bare()))) == [layered.sized()]


def test_delimiters_tile_lists_and_padding_are_left_out(sender: Sender, receiver: Receiver) -> None:
    useless = [DELIMITER, bare(ObuType.TILE_LIST, b"tiles"), bare(ObuType.PADDING, b"\0\0")]
    packets = sender.unit(payload(*useless, SEQUENCE, KEY, counted=False))
    assert receiver.feed(*packets, *sender.unit(payload(*useless))) == [KEY_UNIT]
    assert (receiver.asked, receiver.dropped) == (0, 0)


def test_a_new_time_stamp_ends_a_unit_without_a_marker(sender: Sender, receiver: Receiver) -> None:
    sender.unit()
    unmarked = sender.packet(payload(SEQUENCE, KEY, n=True))
    assert receiver.feed(unmarked) == []
    assert receiver.feed(*sender.delta()) == [KEY_UNIT, DELTA_UNIT]
    assert receiver.units[0].timestamp == unmarked.timestamp


def test_packets_without_payload_count_but_mean_nothing(sender: Sender, receiver: Receiver) -> None:
    """Probing for bandwidth."""
    receiver.feed(*sender.key())
    receiver.feed(sender.packet(b""), sender.packet(b""))
    assert receiver.feed(*sender.delta()) == [DELTA_UNIT]
    assert receiver.asked == 0


# --- where decoding can begin -------------------------------------------------------------------------------------


def test_nothing_comes_before_the_first_key_unit_and_one_is_asked_for(sender: Sender, receiver: Receiver) -> None:
    assert receiver.feed(*sender.delta(), *sender.delta()) == []
    assert (receiver.asked, receiver.dropped) == (2, 2)
    assert receiver.feed(*sender.key(), *sender.delta()) == [KEY_UNIT, DELTA_UNIT]


@pytest.mark.parametrize(
    "elements",
    [
        (SEQUENCE, DELTA),
        (KEY,),
        (SEQUENCE,),
        (SEQUENCE, bare(ObuType.FRAME, b"")),
        (SEQUENCE, bare(ObuType.FRAME, b"\x00" + KEY_FRAME)),  # a key frame that is not shown
        (SEQUENCE, bare(ObuType.FRAME_HEADER, b"\x90")),  # shows an earlier one
        (bare(ObuType.SEQUENCE_HEADER, SEQUENCE_320X180[:5]), KEY),
    ],
)
def test_what_is_no_beginning(sender: Sender, receiver: Receiver, elements: tuple[bytes, ...]) -> None:
    assert receiver.feed(*sender.unit(payload(*elements, n=True))) == []
    assert receiver.asked == 1


def test_a_frame_header_of_its_own_is_as_good(sender: Sender, receiver: Receiver) -> None:
    assert receiver.feed(*sender.unit(payload(SEQUENCE, bare(ObuType.FRAME_HEADER, KEY_FRAME), n=True)))


@pytest.mark.parametrize("first", [DELIMITER, b""])
def test_the_first_packet_seen_is_trusted_if_it_begins_a_unit(sender: Sender, receiver: Receiver, first: bytes) -> None:
    assert receiver.feed(*sender.unit(payload(first, SEQUENCE, KEY, counted=False))) == [KEY_UNIT]


def test_the_end_of_a_unit_that_began_before_the_first_packet_is_dropped(sender: Sender, receiver: Receiver) -> None:
    packets = sender.unit(payload(SEQUENCE, KEY[:9], y=True, n=True), payload(KEY[9:], z=True))
    assert receiver.feed(packets[1]) == []
    assert receiver.asked == 1


# --- loss ---------------------------------------------------------------------------------------------------------


def test_after_a_lost_packet_nothing_comes_until_the_next_key_unit(sender: Sender, receiver: Receiver) -> None:
    receiver.feed(*sender.key())
    sender.delta()  # lost
    assert receiver.feed(*sender.delta(), *sender.delta()) == []
    assert (receiver.asked, receiver.dropped) == (2, 2)
    assert receiver.feed(*sender.key(), *sender.delta()) == [KEY_UNIT, DELTA_UNIT]


@pytest.mark.parametrize("lost", [0, 1, 2])
def test_a_unit_with_a_hole_is_dropped_whole(sender: Sender, receiver: Receiver, lost: int) -> None:
    receiver.feed(*sender.key())
    packets = sender.unit(
        payload(DELTA[:9], y=True),
        payload(DELTA[9:], z=True),
        payload(bare(5, b"metadata")),
    )
    del packets[lost]
    assert receiver.feed(*packets) == []
    assert receiver.feed(*sender.delta()) == []
    assert receiver.asked >= 1
    assert receiver.feed(*sender.key()) == [KEY_UNIT]


def test_a_key_unit_right_after_a_hole_needs_no_waiting(sender: Sender, receiver: Receiver) -> None:
    receiver.feed(*sender.key())
    sender.delta()
    assert receiver.feed(*sender.key(), *sender.delta()) == [KEY_UNIT, DELTA_UNIT]


def test_a_hole_before_a_packet_without_payload_is_not_forgotten(sender: Sender, receiver: Receiver) -> None:
    receiver.feed(*sender.key())
    sender.packet(b"lost")
    receiver.feed(sender.packet(b""))
    assert receiver.feed(*sender.unit(payload(DELTA))) == []


def test_a_unit_without_marker_before_a_hole_may_lack_its_end(sender: Sender, receiver: Receiver) -> None:
    receiver.feed(*sender.key())
    sender.unit()
    receiver.feed(sender.packet(payload(DELTA)))
    sender.packet(b"lost")
    assert receiver.feed(*sender.key()) == [KEY_UNIT]
    assert receiver.dropped == 1


# --- garbage ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "broken",
    [
        payload(DELTA, z=True),  # continues nothing
        payload(DELTA, y=True),  # is never continued
        b"\x00\x7f" + DELTA,  # a length beyond the end
        b"\x00" + b"\xff" * 9,  # a length without end
        b"\x20\x03abc",  # two elements announced
        b"\x10",  # one announced, none there
        payload(b"\x80" + DELTA),  # the forbidden bit
        payload(b"\x32\x7f" + DELTA),  # an OBU that is longer than its element
        payload(b"\x34"),  # an extension that is not there
    ],
)
def test_a_broken_unit_is_dropped_and_asked_for(sender: Sender, receiver: Receiver, broken: bytes) -> None:
    receiver.feed(*sender.key())
    assert receiver.feed(*sender.unit(broken)) == []
    assert (receiver.asked, receiver.dropped) == (1, 1)
    assert receiver.feed(*sender.delta()) == []
    assert receiver.feed(*sender.key()) == [KEY_UNIT]


def test_a_unit_without_end_is_given_up(sender: Sender, receiver: Receiver) -> None:
    receiver.feed(*sender.key())
    sender.unit()
    piece = bytes(60_000)
    receiver.feed(sender.packet(payload(b"\x30" + piece, y=True)))
    for _ in range(MAX_UNIT_BYTES // len(piece) + 1):
        receiver.feed(sender.packet(payload(piece, z=True, y=True)))
    assert receiver.feed(sender.packet(payload(piece, z=True), marker=True)) == []
    assert receiver.dropped == 1
    assert receiver.feed(*sender.key()) == [KEY_UNIT]


def test_a_unit_of_countless_obus_is_given_up(sender: Sender, receiver: Receiver) -> None:
    receiver.feed(*sender.key())
    many = payload(*[b"\x28"] * 1000, counted=False)
    assert receiver.feed(*sender.unit(*[many] * (MAX_UNIT_OBUS // 1000 + 1))) == []
    assert receiver.dropped == 1


hostile_payloads = st.one_of(
    st.binary(max_size=40),
    st.builds(
        payload,
        st.sampled_from([SEQUENCE, KEY, DELTA, KEY[:5], KEY[5:], b"", DELIMITER]),
        st.sampled_from([SEQUENCE, KEY, DELTA, KEY[:5], KEY[5:]]),
        counted=st.booleans(),
        z=st.booleans(),
        y=st.booleans(),
        n=st.booleans(),
    ),
)
hostile_packets = st.builds(
    Packet, st.integers(0, 6), st.sampled_from([0, 3000, 6000]), marker=st.booleans(), payload=hostile_payloads
)


@given(st.lists(hostile_packets, max_size=40))
def test_whatever_comes_units_are_whole_and_begin_with_a_key(packets: list[Packet]) -> None:
    receiver = Receiver()
    receiver.feed(*packets)
    for unit in receiver.units:
        assert list(read_obus(unit.data))
        assert b"".join(one.sized() for one in read_obus(unit.data)) == unit.data
    assert not receiver.units or receiver.units[0].sequence is not None


@given(st.data())
def test_a_hole_never_lets_a_unit_through_that_refers_to_what_is_missing(data: st.DataObject) -> None:
    """Between a lost packet and the next whole key unit nothing comes."""
    sender, receiver = Sender(data.draw(st.integers(0, 65_535))), Receiver()
    intact = False
    for _ in range(data.draw(st.integers(1, 12))):
        key = data.draw(st.booleans())
        whole = [SEQUENCE, KEY] if key else [DELTA]
        head, tail = whole[:-1], whole[-1]
        cut = data.draw(st.integers(1, len(tail) - 1))
        packets = sender.unit(payload(*head, tail[:cut], y=True, n=key), payload(tail[cut:], z=True))
        kept = [packet for packet in packets if data.draw(st.integers(0, 5))]
        complete = len(kept) == len(packets)
        intact = complete and (intact or key)
        assert receiver.feed(*kept) == ([KEY_UNIT if key else DELTA_UNIT] if intact else [])


# --- small readings -----------------------------------------------------------------------------------------------


@given(st.integers(0, (1 << 32) - 1), st.binary(max_size=4))
def test_lengths_survive(value: int, rest: bytes) -> None:
    written = leb128(value)
    assert read_leb128(b"x" + written + rest, 1) == (value, 1 + len(written))


@pytest.mark.parametrize("data", [b"", b"\x80", b"\xff" * 8 + b"\x01", leb128(1 << 32)])
def test_lengths_without_end_or_sense_are_refused(data: bytes) -> None:
    with pytest.raises(Malformed):
        read_leb128(data, 0)


def test_a_length_may_be_longer_than_needed() -> None:
    assert read_leb128(b"\x85\x80\x00", 0) == (5, 3)


def test_an_empty_payload_has_no_elements() -> None:
    assert read_elements(b"\x00") == []


def rtp(first: int = 0x80, second: int = 96, rest: bytes = b"payload") -> bytes:
    return bytes((first, second)) + (65_000).to_bytes(2, "big") + (4_000_000_000).to_bytes(4, "big") + b"ssrc" + rest


def test_the_fields_of_a_packet() -> None:
    assert read_packet(rtp()) == Packet(65_000, 4_000_000_000, marker=False, payload=b"payload")
    assert read_packet(rtp(second=0xE0)).marker


@pytest.mark.parametrize(
    ("first", "rest"),
    [
        (0x82, b"csrccsrcpayload"),
        (0x90, b"\xbe\xde\x00\x01abcdpayload"),
        (0x91, b"csrc\xbe\xde\x00\x00payload"),
        (0xA0, b"payload\0\0\x03"),
    ],
)
def test_what_stands_round_the_payload_is_taken_off(first: int, rest: bytes) -> None:
    assert read_packet(rtp(first, rest=rest)).payload == b"payload"


@pytest.mark.parametrize(
    "data", [b"", rtp()[:11], rtp(0x40), rtp(0x8F), rtp(0x90, rest=b"\xbe\xde\xff\xff"), rtp(0xA0, rest=b"\xff")]
)
def test_what_is_no_packet_is_refused(data: bytes) -> None:
    with pytest.raises(Malformed):
        read_packet(data)


@given(st.binary(max_size=60))
def test_any_bytes_are_a_packet_or_malformed(data: bytes) -> None:
    try:
        assert len(read_packet(data).payload) <= len(data)
    except Malformed:
        return
