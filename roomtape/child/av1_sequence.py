"""AV1's sequence header: what a muxer must know of a stream before its first frame. Pure.

AV1 specification section 5.5. The configuration record av1C is that of "AV1 Codec ISO Media File Format Binding",
section 2.3.3; Matroska uses it too.
"""

from typing import Final

import msgspec

MIN_SIDE: Final = 16
"""Pixels; WebM's muxer takes no less."""
_UNSPECIFIED: Final = 2
_SRGB: Final = (1, 13, 0)
"""BT.709 primaries, sRGB transfer, identity matrix: then there is no chroma subsampling (section 6.4.2)."""


class Malformed(ValueError):
    """Bytes that are no AV1, or no RTP payload of it."""


class Sequence(msgspec.Struct, frozen=True):
    """Sizes in pixels, the largest of the sequence. `config` is the av1C record without OBUs."""

    width: int
    height: int
    config: bytes


class _Bits:
    """Reads from the left, as f(n) does (section 4.10.2)."""

    def __init__(self, data: bytes) -> None:
        self._data, self._left = int.from_bytes(data, "big"), 8 * len(data)

    def read(self, n: int) -> int:
        self._left -= n
        if self._left < 0:
            raise Malformed("the sequence header ends too early")
        return self._data >> self._left & ((1 << n) - 1)

    def flag(self) -> bool:
        return bool(self.read(1))

    def skip(self, *widths: int) -> None:
        self.read(sum(widths))

    def skip_uvlc(self) -> None:
        """Section 4.10.3."""
        zeros = 0
        while not self.flag():
            zeros += 1
        if zeros < 32:
            self.skip(zeros)


def read_sequence(payload: bytes) -> Sequence:
    """What follows the header and size of a sequence header OBU.

    Raises:
        Malformed: it ends too early, or the picture is smaller than MIN_SIDE.
    """
    bits = _Bits(payload[:256])  # operating points, the longest part, take up to 200 bytes
    profile, _, reduced = bits.read(3), bits.flag(), bits.flag()
    level, tier = (bits.read(5), 0) if reduced else _operating_points(bits)
    width_bits, height_bits = bits.read(4) + 1, bits.read(4) + 1
    width, height = bits.read(width_bits) + 1, bits.read(height_bits) + 1
    if min(width, height) < MIN_SIDE:
        raise Malformed(f"a picture of {width}x{height}")
    _skip_tools(bits, reduced)
    colour = _colour(bits, profile)
    return Sequence(width, height, bytes((0x81, profile << 5 | level, tier << 7 | colour, 0)))


def _operating_points(bits: _Bits) -> tuple[int, int]:
    """seq_level_idx and seq_tier of the first one."""
    delay_bits = 0
    if bits.flag():  # timing_info
        bits.skip(32, 32)
        if bits.flag():
            bits.skip_uvlc()
        if bits.flag():  # decoder_model_info
            delay_bits = bits.read(5) + 1
            bits.skip(32, 5, 5)
    display_delay = bits.flag()
    points = []
    for _ in range(bits.read(5) + 1):
        bits.skip(12)
        level = bits.read(5)
        points.append((level, bits.read(1) if level > 7 else 0))
        if delay_bits and bits.flag():
            bits.skip(delay_bits, delay_bits, 1)
        if display_delay and bits.flag():
            bits.skip(4)
    return points[0]


def _skip_tools(bits: _Bits, reduced: bool) -> None:
    """From frame_id_numbers_present_flag to enable_restoration."""
    if not reduced and bits.flag():
        bits.skip(4, 3)
    bits.skip(1, 1, 1)
    if not reduced:
        bits.skip(1, 1, 1, 1)
        order_hint = bits.flag()
        if order_hint:
            bits.skip(1, 1)
        chosen_by_frame = bits.flag()
        if (chosen_by_frame or bits.flag()) and not bits.flag():  # screen content tools, then integer_mv
            bits.skip(1)
        if order_hint:
            bits.skip(3)
    bits.skip(1, 1, 1)


def _colour(bits: _Bits, profile: int) -> int:
    """The seven bits of av1C that tell depth and subsampling (color_config, section 5.5.2)."""
    high = bits.flag()
    twelve = profile == 2 and high and bits.flag()
    mono = profile != 1 and bits.flag()
    description = (bits.read(8), bits.read(8), bits.read(8)) if bits.flag() else (_UNSPECIFIED,) * 3
    position = 0
    if mono:
        x = y = True
    elif description == _SRGB:
        x = y = False
    else:
        bits.skip(1)
        if profile == 2 and twelve:
            x = bits.flag()
            y = x and bits.flag()
        else:
            x, y = profile != 1, profile == 0
        if x and y:
            position = bits.read(2)
    return high << 6 | twelve << 5 | mono << 4 | x << 3 | y << 2 | position
