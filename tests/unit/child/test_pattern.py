import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roomtape.child.pattern import (
    BEEP_HZ,
    BEEP_LEVEL,
    CHUNK_BYTES,
    CHUNKS_PER_SECOND,
    SAMPLE_RATE,
    TONE_LEVEL,
    Picture,
    Sound,
    code_words,
    crc8,
    mark_ms,
    tone_hz,
)
from roomtape.errors import ConfigError

FPS = 30


def bits_at(picture: Picture, frame: bytes, row: int) -> str:
    """The 18 blocks of a bar code row, sampled in their middles."""
    stride = -(-picture.width // 4) * 4
    y = picture.height * (2 * row + 1) // 16
    return "".join(str(int(frame[y * stride + picture.width * (2 * i + 1) // 36] > 128)) for i in range(18))


def brightness(picture: Picture, frame: bytes) -> float:
    stride = -(-picture.width // 4) * 4
    lower = frame[picture.height // 2 * stride : picture.height * stride]
    return sum(lower) / len(lower)


# Sizes as GstVideoInfo of GStreamer 1.22 gives them.
@pytest.mark.parametrize(
    ("width", "height", "size"),
    [
        (160, 90, 21_600),
        (162, 90, 22_320),
        (161, 91, 22_816),
        (98, 54, 8_208),
        (350, 198, 104_544),
        (320, 180, 86_400),
        (1920, 1080, 3_110_400),
    ],
)
def test_frames_have_the_size_that_gstreamer_expects(width: int, height: int, size: int) -> None:
    picture = Picture(width, height, FPS, 1)
    assert {len(picture.frame(n)) for n in (0, 3, 29)} == {size}


@given(st.integers(0, 255), st.integers(0, 10**6), st.sampled_from([(160, 90), (64, 32), (640, 360), (91, 170)]))
def test_the_bar_code_holds_guest_and_frame_number(guest: int, n: int, size: tuple[int, int]) -> None:
    picture = Picture(*size, FPS, guest)
    first, second = (bits_at(picture, picture.frame(n), row) for row in range(2))
    assert (first[:2], second[:2]) == ("10", "01")
    assert (int(first[2:], 2), int(second[2:], 2)) == code_words(guest, n)
    assert int(first[2:10], 2) == guest
    assert int(second[2:], 2) == n % 65_536


def test_the_checksum_is_crc8() -> None:
    # The known check value of this polynomial with an initial 0xFF.
    assert crc8(b"123456789") == 0xFB
    assert crc8(bytes(3)) != 0


@given(st.binary(min_size=3, max_size=3), st.integers(0, 23))
def test_the_checksum_sees_every_single_bit(data: bytes, bit: int) -> None:
    flipped = (int.from_bytes(data) ^ 1 << bit).to_bytes(3)
    assert crc8(flipped) != crc8(data)


@pytest.mark.parametrize(("fps", "short", "long"), [(30, 3, 9), (25, 3, 8), (15, 2, 5), (60, 6, 18), (1, 1, 1)])
def test_it_flashes_at_each_whole_second(fps: int, short: int, long: int) -> None:
    picture = Picture(64, 36, fps, 9)
    bright = {n for n in range(5 * fps) if brightness(picture, picture.frame(n)) > 200}
    lengths = [long, short, short, short, long]
    assert bright == {second * fps + i for second, length in enumerate(lengths) for i in range(length)}


def test_the_scene_is_darker_than_a_flash_and_moves() -> None:
    picture = Picture(160, 90, FPS, 200)
    scenes = [picture.frame(n)[160 * 24 :] for n in range(10, 30)]
    assert len(set(scenes)) == len(scenes)
    assert max(brightness(picture, picture.frame(n)) for n in range(10, 30)) < 150


def test_guests_differ_in_colour() -> None:
    luma = 160 * 90
    chroma = {Picture(160, 90, FPS, guest).frame(10)[luma:] for guest in range(20)}
    assert len(chroma) == 20


@given(st.integers(0, 10**7))
def test_the_box_stays_in_the_picture(n: int) -> None:
    picture = Picture(64, 400, FPS, 0)
    frame = picture.frame(n - n % FPS + 15)
    assert len(frame) == 64 * 400 * 3 // 2
    assert frame[: 64 * 400].count(190) == 10 * 10


@pytest.mark.parametrize(
    ("width", "height", "fps", "guest"), [(62, 90, 30, 0), (160, 30, 30, 0), (160, 90, 0, 0), (160, 90, 30, 256)]
)
def test_what_cannot_be_drawn_is_refused(width: int, height: int, fps: int, guest: int) -> None:
    with pytest.raises(ConfigError):
        Picture(width, height, fps, guest)


def test_a_guest_that_cannot_be_heard_is_refused() -> None:
    with pytest.raises(ConfigError):
        Sound(-1)


def left(chunks: bytes) -> list[int]:
    return [sample for sample, _ in struct.iter_unpack("<hh", chunks)]


def level(samples: list[int], hertz: int) -> float:
    step = math.tau * hertz / SAMPLE_RATE
    real = sum(sample * math.cos(step * i) for i, sample in enumerate(samples))
    imaginary = sum(sample * math.sin(step * i) for i, sample in enumerate(samples))
    return 2 * math.hypot(real, imaginary) / len(samples)


def test_chunks_are_20_ms_of_16_bit_stereo() -> None:
    sound = Sound(0)
    assert {len(sound.chunk(k)) for k in (0, 5, 49, 50, 10**9)} == {CHUNK_BYTES} == {3840}
    assert all(one == other for one, other in struct.iter_unpack("<hh", sound.chunk(7)))


@pytest.mark.parametrize("guest", [0, 77, 255])
def test_the_tone_tells_the_guest_and_runs_on_over_the_second(guest: int) -> None:
    sound = Sound(guest)
    second = left(b"".join(sound.chunk(k) for k in range(75, 125)))  # half of one second, half of the next
    assert level(second, tone_hz(guest)) == pytest.approx(TONE_LEVEL, rel=0.02)
    assert level(second, tone_hz((guest + 1) % 256)) < TONE_LEVEL / 10


def test_it_beeps_at_each_whole_second_for_as_long_as_it_flashes() -> None:
    sound = Sound(3)
    heard = {k for k in range(5 * CHUNKS_PER_SECOND) if level(left(sound.chunk(k)), BEEP_HZ) > BEEP_LEVEL / 2}
    expected = {second * 50 + i for second in range(5) for i in range(mark_ms(second) // 20)}
    assert heard == expected
    assert [mark_ms(second) for second in range(5)] == [300, 100, 100, 100, 300]


def test_nothing_is_clipped() -> None:
    sound = Sound(41)
    loudest = max(abs(sample) for k in range(CHUNKS_PER_SECOND) for sample in left(sound.chunk(k)))
    assert BEEP_LEVEL < loudest <= BEEP_LEVEL + TONE_LEVEL
