"""The synthetic guest's picture and sound: pure bytes that a reader can find again in a recording.

Top quarter of the picture: a bar code of two rows of 18 blocks (a reference pair and 16 bits, high bit first), so large
that it survives low bitrates and scaling:

    row 0:  white black | guest (8) | CRC-8 (8)
    row 1:  black white | frame number modulo 65536 (16)

Below it a box moves over a gradient in the guest's colour. At each whole second the picture flashes white below the bar
code and the sound beeps, for 100 ms; every fourth second for 300 ms, so that a reader can tell seconds apart and sees
offsets of up to two seconds. Picture and sound share one clock: frame n is at n/framerate s, chunk k at k*20 ms.
"""

import math
import struct
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

from roomtape.errors import ConfigError

COLUMNS: Final = 18
CODE_ROWS: Final = 2
ROWS: Final = 8
"""The bar code's blocks are 1/COLUMNS of the picture wide and 1/ROWS high."""
COUNTER_MODULO: Final = 1 << 16
MAX_GUEST: Final = 255

SAMPLE_RATE: Final = 48_000
CHUNKS_PER_SECOND: Final = 50
CHUNK_BYTES: Final = SAMPLE_RATE // CHUNKS_PER_SECOND * 2 * 2
"""20 ms of 16-bit stereo."""
BEEP_HZ: Final = 4000
"""Far above every guest's tone."""
BEEP_LEVEL: Final = 16_000
TONE_LEVEL: Final = 1600
TONE_BASE_HZ: Final = 300
TONE_STEP_HZ: Final = 5

_MARK_MS: Final = 100
_LONG_MARK_MS: Final = 300
_LONG_MARK_EVERY: Final = 4
_BLACK: Final = 16  # luma of ITU-R BT.601, limited range
_WHITE: Final = 235
_BOX: Final = 190
_GRADIENT: Final = range(40, 140)
_NEUTRAL: Final = 128
_GOLDEN_ANGLE: Final = 2.399963  # radians: neighbouring guests get colours far apart
_MIN_SIZE: Final = (64, 32)


def crc8(data: bytes) -> int:
    """CRC-8 with polynomial x^8+x^2+x+1; it starts at 0xFF so that zeros do not check as right."""
    crc = 0xFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1 ^ 0x07) & 0xFF if crc & 0x80 else crc << 1
    return crc


def code_words(guest: int, n: int) -> tuple[int, int]:
    """The two 16-bit words in the bar code of a guest's frame n."""
    counter = n % COUNTER_MODULO
    return guest << 8 | crc8(struct.pack(">BH", guest, counter)), counter


def mark_ms(second: int) -> int:
    """Length of the flash and beep at a whole second, in milliseconds."""
    return _MARK_MS if second % _LONG_MARK_EVERY else _LONG_MARK_MS


def tone_hz(guest: int) -> int:
    """The guest's continuous tone; a whole number, so that one second holds whole periods."""
    return TONE_BASE_HZ + TONE_STEP_HZ * guest


class Picture:
    """Frames in I420 with GStreamer's default strides (rows padded to 4 bytes, luma to an even number of rows).

    Args:
        width, height: in pixels, at least 64x32.
        framerate: whole frames per second.
        guest: 0 to 255.

    Raises:
        ConfigError: a value out of range.
    """

    def __init__(self, width: int, height: int, framerate: int, guest: int) -> None:
        if width < _MIN_SIZE[0] or height < _MIN_SIZE[1]:
            raise ConfigError(f"the picture must be at least {_MIN_SIZE[0]}x{_MIN_SIZE[1]}, not {width}x{height}")
        if framerate < 1:
            raise ConfigError(f"the framerate must be at least 1, not {framerate}")
        _check_guest(guest)
        self.width, self.height, self.framerate, self.guest = width, height, framerate, guest
        self._stride = _round_up(width, 4)
        self._box = min(width, height) // 6
        edges = [width * i // COLUMNS for i in range(COLUMNS)] + [self._stride]
        self._blocks = [(bytes([_BLACK]) * (b - a), bytes([_WHITE]) * (b - a)) for a, b in pairwise(edges)]
        self._below_code = self._edge(CODE_ROWS)
        self._scene = self._make_scene()
        self._flash = self._make_flash()

    def frame(self, n: int) -> bytes:
        """Frame n, counted from 0."""
        second, position = divmod(n, self.framerate)
        flashing = position * 1000 < mark_ms(second) * self.framerate
        picture = bytearray(self._flash if flashing else self._scene)
        picture[: self._below_code * self._stride] = b"".join(self._code(n))
        if not flashing:
            self._draw_box(picture, n)
        return bytes(picture)

    def _edge(self, row: int) -> int:
        return self.height * row // ROWS

    def _code(self, n: int) -> Iterator[bytes]:
        for row, word in enumerate(code_words(self.guest, n)):
            references = 0b10 if row == 0 else 0b01
            bits = references << 16 | word
            line = b"".join(block[bits >> COLUMNS - 1 - i & 1] for i, block in enumerate(self._blocks))
            yield line * (self._edge(row + 1) - self._edge(row))

    def _draw_box(self, picture: bytearray, n: int) -> None:
        left = _bounce(n * max(1, self.width // 80), self.width - self._box)
        top = self._below_code + _bounce(n, self.height - self._below_code - self._box)
        line = bytes([_BOX]) * self._box
        for start in range(top * self._stride + left, (top + self._box) * self._stride + left, self._stride):
            picture[start : start + self._box] = line

    def _make_scene(self) -> bytes:
        rows = _round_up(self.height, 2)
        length = self._stride + rows
        ramp = bytes(_GRADIENT[i * len(_GRADIENT) // length] for i in range(length))
        luma = b"".join(ramp[y : y + self._stride] for y in range(rows))
        angle = self.guest * _GOLDEN_ANGLE
        return luma + self._chroma(math.cos(angle)) + self._chroma(math.sin(angle))

    def _make_flash(self) -> bytes:
        return bytes([_WHITE]) * (self._stride * _round_up(self.height, 2)) + self._chroma(0) + self._chroma(0)

    def _chroma(self, saturation: float) -> bytes:
        """One colour plane: grey behind the bar code, the guest's colour below."""
        stride, rows = _round_up(_round_up(self.width, 2) // 2, 4), _round_up(self.height, 2) // 2
        grey = self._below_code // 2
        colour = _NEUTRAL + round(50 * saturation)
        return bytes([_NEUTRAL]) * (stride * grey) + bytes([colour]) * (stride * (rows - grey))


class Sound:
    """Chunks of 20 ms, S16LE, 48 kHz, stereo: a quiet tone that tells the guest, and the beep.

    Raises:
        ConfigError: a guest that is not 0 to 255.
    """

    def __init__(self, guest: int) -> None:
        _check_guest(guest)
        tone, beep = _wave(tone_hz(guest), TONE_LEVEL), _wave(BEEP_HZ, BEEP_LEVEL)
        self._tone = _stereo(tone)
        self._beep = _stereo([sum(pair) for pair in zip(tone, beep, strict=True)])

    def chunk(self, k: int) -> bytes:
        """Chunk k, counted from 0."""
        second, position = divmod(k, CHUNKS_PER_SECOND)
        beeping = position * 1000 < mark_ms(second) * CHUNKS_PER_SECOND
        start = position * CHUNK_BYTES
        return (self._beep if beeping else self._tone)[start : start + CHUNK_BYTES]


def _wave(hertz: int, level: int) -> list[int]:
    """One second of a sine wave."""
    step = math.tau * hertz / SAMPLE_RATE
    return [round(level * math.sin(step * i)) for i in range(SAMPLE_RATE)]


def _stereo(samples: Sequence[int]) -> bytes:
    return struct.pack(f"<{2 * len(samples)}h", *(sample for sample in samples for _ in range(2)))


def _bounce(distance: int, limit: int) -> int:
    """Where something is that runs to and fro between 0 and `limit`."""
    return limit - abs(distance % (2 * limit) - limit)


def _round_up(value: int, multiple: int) -> int:
    return -(-value // multiple) * multiple


def _check_guest(guest: int) -> None:
    if not 0 <= guest <= MAX_GUEST:
        raise ConfigError(f"the guest number must be 0 to {MAX_GUEST}, not {guest}")
