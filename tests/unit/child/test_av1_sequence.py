import pytest
from hypothesis import given
from hypothesis import strategies as st

from roomtape.child.av1_sequence import MIN_SIDE, Malformed, read_sequence
from tests.unit.child.av1_stream import SEQUENCE_320X180


def bits(text: str) -> bytes:
    """A bit string, spaces left out, filled up to whole bytes and some more."""
    digits = text.replace(" ", "")
    digits += "0" * (-len(digits) % 8)
    return int("1" + digits, 2).to_bytes(len(digits) // 8 + 1, "big")[1:] + b"\0\0"


def number(value: int, width: int) -> str:
    return f"{value:0{width}b}"


SIZE = number(10, 4) + number(9, 4) + number(1279, 11) + number(719, 10)
TOOLS = "0 000 0000 0 1 1 000"  # no frame ids, no order hint, choices left to each frame
COLOUR = "0 0 0 0 00"  # 8 bits, not mono, no description, studio range, position unknown


def header(
    timing: str = "0",
    display: str = "0",
    points: str = "00000" + "000000000000" + "00101",
    size: str = SIZE,
    tools: str = TOOLS,
    colour: str = COLOUR,
    *,
    profile: int = 0,
) -> bytes:
    return bits(number(profile, 3) + "0 0" + timing + display + points + size + tools + colour)


def test_libaoms_own() -> None:
    sequence = read_sequence(SEQUENCE_320X180)
    assert (sequence.width, sequence.height, sequence.config) == (320, 180, bytes.fromhex("81000c00"))


def test_level_and_size() -> None:
    sequence = read_sequence(header())
    assert (sequence.width, sequence.height, sequence.config) == (1280, 720, bytes.fromhex("81050c00"))


@pytest.mark.parametrize(
    "different",
    [
        {"timing": "1" + number(1, 32) + number(30, 32) + "0" + "0"},
        {"timing": "1" + number(1, 32) + number(30, 32) + "1" + "00101" + "0"},  # with a uvlc
        {"display": "1", "points": "00000" + "000000000000" + "00101" + "1" + "1001"},
        {
            "timing": "1" + number(1, 64) + "0" + "1" + number(7, 5) + number(1, 32) + number(3, 10),
            "points": "00000" + "000000000000" + "00101" + "1" + number(5, 8) + number(6, 8) + "0",
        },
        {"points": "00001" + "000000000001" + "00101" + "000000000011" + "01000" + "1"},  # a second layer
        {"tools": "1 0100 010 000 0000 0 1 1 000"},  # frame ids
        {"tools": "0 000 0000 1 11 1 1 110 000"},  # order hints of seven bits
        {"tools": "0 000 0000 0 1 0 1 000"},  # integer motion vectors forced
        {"tools": "0 000 0000 0 0 0 000"},  # no screen content tools
        {"tools": "0 000 0000 0 0 1 1 000"},  # they are forced
    ],
)
def test_what_stands_between_is_stepped_over(different: dict[str, str]) -> None:
    colour = "0 1 0 1 "  # mono: the last bit that is read tells
    sequence = read_sequence(header(colour=colour, profile=0, **different))
    assert (sequence.width, sequence.height, sequence.config) == (1280, 720, bytes.fromhex("81051c00"))


@pytest.mark.parametrize(
    ("profile", "colour", "third"),
    [
        (0, "0 0 0 0 10", 0x0E),  # chroma samples colocated
        (0, "1 0 0 0 00", 0x4C),  # ten bits
        (0, "0 0 1" + number(1, 8) + number(1, 8) + number(1, 8) + "0 01", 0x0D),  # BT.709
        (0, "0 0 1" + number(1, 8) + number(13, 8) + number(0, 8), 0x00),  # sRGB
        (1, "0 0 0", 0x00),  # 4:4:4
        (2, "0 0 0 0", 0x08),  # 4:2:2
        (2, "1 1 0 0 0 1 1 01", 0x6D),  # twelve bits, 4:2:0
        (2, "1 1 0 0 0 1 0", 0x68),  # twelve bits, 4:2:2
        (2, "1 1 0 0 0 0", 0x60),  # twelve bits, 4:4:4
    ],
)
def test_depth_and_subsampling(profile: int, colour: str, third: int) -> None:
    assert read_sequence(header(colour=colour, profile=profile)).config[1:3] == bytes((profile << 5 | 5, third))


def test_the_higher_tier() -> None:
    points = "00000" + "000000000000" + "01001" + "1"
    assert read_sequence(header(points=points)).config[1:3] == bytes((9, 0x8C))


def test_a_still_pictures_short_header() -> None:
    sequence = read_sequence(bits("000 1 1 00100" + SIZE + "000 000" + COLOUR))
    assert (sequence.width, sequence.height, sequence.config) == (1280, 720, bytes.fromhex("81040c00"))


@pytest.mark.parametrize("sides", [(MIN_SIDE - 1, 90), (90, MIN_SIDE - 1)])
def test_pictures_too_small_for_a_muxer_are_refused(sides: tuple[int, int]) -> None:
    size = "1111 1111" + number(sides[0] - 1, 16) + number(sides[1] - 1, 16)
    with pytest.raises(Malformed):
        read_sequence(header(size=size))


def test_the_smallest_and_the_largest_picture() -> None:
    size = "1111 1111" + number(MIN_SIDE - 1, 16) + number(65_535, 16)
    sequence = read_sequence(header(size=size))
    assert (sequence.width, sequence.height) == (MIN_SIDE, 65_536)


def test_a_header_that_ends_too_early_is_refused() -> None:
    whole = header().rstrip(b"\0")
    for length in range(len(whole) - 1):
        with pytest.raises(Malformed):
            read_sequence(whole[:length])


@given(st.binary(max_size=300))
def test_any_bytes_are_a_sequence_or_malformed(data: bytes) -> None:
    try:
        sequence = read_sequence(data)
    except Malformed:
        return
    assert min(sequence.width, sequence.height) >= MIN_SIDE
    assert len(sequence.config) == 4
