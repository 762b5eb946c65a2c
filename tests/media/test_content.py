"""The synthetic guest survives real encoders, and the reader reports what is wrong with a recording."""

import array
import subprocess
from pathlib import Path

import pytest

from roomtape.child.pattern import CHUNKS_PER_SECOND, SAMPLE_RATE, Picture, Sound
from tests.support.content import Content, FrameSeen, Mark, inspect, marks, tones

FPS = 30
SIZE = (320, 180)
VIDEO = {
    "vp8": ("-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "300k"),
    "vp9": ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "300k"),
    "h264": ("-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-b:v", "300k"),
}
OPUS = ("-c:a", "libopus", "-b:a", "64k")


def record(
    path: Path,
    *options: str,
    guest: int,
    seconds: int,
    size: tuple[int, int] = SIZE,
    sound_guest: int | None = None,
    sound_delay_s: float = 0.0,
    dropped: frozenset[int] = frozenset(),
) -> Content:
    """Encode a synthetic guest to `path` and read it back; `dropped` frames are never sent."""
    picture, sound = Picture(*size, FPS, guest), Sound(guest if sound_guest is None else sound_guest)
    pcm = path.with_suffix(".pcm")
    pcm.write_bytes(b"".join(sound.chunk(k) for k in range(seconds * CHUNKS_PER_SECOND)))
    video_in = ("-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", "{}x{}".format(*size), "-r", str(FPS), "-i", "pipe:0")
    audio_in = ("-itsoffset", str(sound_delay_s), "-f", "s16le", "-ar", "48000", "-ac", "2", "-i", str(pcm))
    frames = b"".join(picture.frame(n) for n in range(seconds * FPS) if n not in dropped)
    ffmpeg(*video_in, *audio_in, *options, str(path), stdin=frames)
    return inspect(path)


def ffmpeg(*arguments: str, stdin: bytes = b"") -> None:
    subprocess.run(("ffmpeg", "-v", "error", "-y", *arguments), input=stdin, check=True, timeout=60)


def readable(content: Content) -> float:
    return sum(frame.counter is not None for frame in content.frames) / len(content.frames)


@pytest.mark.parametrize("scale", [(), ("-vf", "scale=160:90")], ids=["full", "half"])
@pytest.mark.parametrize("codec", VIDEO)
def test_a_guest_survives_low_bitrates_and_scaling(tmp_path: Path, codec: str, scale: tuple[str, ...]) -> None:
    content = record(tmp_path / "x.mkv", *VIDEO[codec], *scale, *OPUS, guest=201, seconds=6)
    assert content.codecs == (codec, "opus")
    assert content.decode_errors == []
    assert content.sizes == [(160, 90) if scale else SIZE]
    assert len(content.frames) == 180
    assert readable(content) >= 0.995
    assert content.missing(0, 179) == []
    assert content.counters() == sorted(content.counters())
    assert (content.guest, content.heard_guest) == (201, 201)
    assert content.flashes == pytest.approx([1, 2, 3, 4, 5], abs=0.025)
    assert content.beeps == pytest.approx([1, 2, 3, 4, 5], abs=0.025)
    assert content.av_offset() == pytest.approx(0, abs=0.025)
    assert content.duration_s == pytest.approx(6, abs=0.05)


@pytest.mark.parametrize("delay", [-0.3, 0.5, 1.25])
def test_late_or_early_sound_is_reported(tmp_path: Path, delay: float) -> None:
    content = record(tmp_path / "x.mkv", *VIDEO["vp8"], *OPUS, guest=7, seconds=6, sound_delay_s=delay)
    assert content.av_offset() == pytest.approx(delay, abs=0.025)
    assert content.flashes[0] == pytest.approx(1 + max(0, -delay), abs=0.025)


def test_a_short_file_has_an_offset_within_half_a_second(tmp_path: Path) -> None:
    content = record(tmp_path / "x.webm", *VIDEO["vp8"], *OPUS, guest=7, seconds=3, sound_delay_s=0.3)
    assert content.av_offset() == pytest.approx(0.3, abs=0.025)


def test_another_guests_sound_is_noticed(tmp_path: Path) -> None:
    content = record(tmp_path / "x.webm", *VIDEO["vp8"], *OPUS, guest=1, sound_guest=2, seconds=2)
    assert (content.guest, content.heard_guest) == (1, 2)


@pytest.mark.parametrize("begins_ms", range(0, 1000, 90))
def test_a_beep_is_not_taken_for_another_guests_tone(begins_ms: int) -> None:
    """Wherever in a second the file begins: half of the windows of a short one hold a part of a beep."""
    sound = Sound(1)
    stereo = array.array("h", b"".join(sound.chunk(k) for k in range(4 * CHUNKS_PER_SECOND)))
    heard = list(tones(stereo[::2][begins_ms * SAMPLE_RATE // 1000 :]))
    assert set(heard) <= {1, None}
    assert heard.count(1) > len(heard) / 3


def test_missing_frames_are_named(tmp_path: Path) -> None:
    content = record(tmp_path / "x.webm", *VIDEO["vp8"], *OPUS, guest=1, seconds=2, dropped=frozenset({0, 17, 18}))
    assert content.missing() == [17, 18]
    assert content.missing(0, 60) == [0, 17, 18, 60]


def test_sound_alone(tmp_path: Path) -> None:
    content = record(tmp_path / "x.webm", "-map", "1:a", *OPUS, guest=33, seconds=3)
    assert content.codecs == ("opus",)
    assert (content.frames, content.guest, content.heard_guest) == ([], None, 33)
    assert content.beeps == pytest.approx([1, 2], abs=0.01)
    assert content.av_offset() is None
    assert content.duration_s == pytest.approx(3, abs=0.05)


def test_picture_alone(tmp_path: Path) -> None:
    content = record(tmp_path / "x.mp4", "-map", "0:v", *VIDEO["h264"], guest=33, seconds=3)
    assert content.codecs == ("h264",)
    assert (content.guest, content.heard_guest, content.beeps) == (33, None, [])
    assert content.flashes == pytest.approx([1, 2], abs=0.001)


def test_a_change_of_size_in_mid_file(tmp_path: Path) -> None:
    for name, size in (("a", SIZE), ("b", (160, 90))):
        record(tmp_path / f"{name}.webm", "-map", "0:v", *VIDEO["vp8"], guest=4, seconds=1, size=size)
    parts = tmp_path / "parts.txt"
    parts.write_text("file a.webm\nfile b.webm\n")
    ffmpeg("-f", "concat", "-i", str(parts), "-c", "copy", str(tmp_path / "ab.webm"))
    content = inspect(tmp_path / "ab.webm")
    assert content.decode_errors == []
    assert content.sizes == [SIZE, (160, 90)]
    assert content.counters() == [*range(30), *range(30)]


def test_a_cut_off_file_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    path = tmp_path / "x.mkv"
    record(path, *VIDEO["h264"], *OPUS, "-live", "1", guest=12, seconds=4)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 3 // 4])
    content = inspect(path)
    assert content.decode_errors == []
    assert (content.guest, content.heard_guest) == (12, 12)
    assert 70 < len(content.frames) < 110
    assert content.missing(first=0) == []


def test_damage_is_reported(tmp_path: Path) -> None:
    content = record(tmp_path / "x.mkv", *VIDEO["h264"], *OPUS, "-bsf:v", "noise=amount=100", guest=12, seconds=2)
    assert content.decode_errors != []
    assert content.heard_guest == 12


def test_what_is_no_recording_is_said_so(tmp_path: Path) -> None:
    path = tmp_path / "x.webm"
    path.write_text("nothing")
    content = inspect(path)
    assert content.decode_errors == ["x.webm: no stream"]
    assert (content.frames, content.guest, content.missing(), content.duration_s) == ([], None, [], 0.0)


def test_frame_numbers_run_on_over_the_bar_codes_modulus() -> None:
    seen = [FrameSeen(0, counter, 1, False, *SIZE) for counter in (65_534, None, 65_535, 0, 2, 1)]
    content = Content((), seen, [], [], None, 0.0, [])
    assert content.counters() == [65_534, 65_535, 65_536, 65_538, 65_537]
    assert content.missing() == []


def test_a_mark_without_a_counterpart_says_nothing_of_the_offset() -> None:
    flashes, beeps = [Mark(0.1, 0.15), Mark(1.1, 1.15)], [Mark(1.13, 1.2), Mark(2.13, 2.2)]
    assert Content((), [], flashes, beeps, None, 0.0, []).av_offset() == pytest.approx(0.03)
    assert Content((), [], flashes[:1], beeps[:1], None, 0.0, []).av_offset() == pytest.approx(1.03), "nothing better"


def test_a_beep_that_is_on_after_a_gap_did_not_begin_before_it() -> None:
    before = [(n * 0.005, 100 <= n < 120) for n in range(240)]
    reaching_over = [(1.2, True)]
    after = [(7.4 + n * 0.005, n < 17 or n >= 200) for n in range(240)]
    assert marks([*before, *reaching_over, *after])[0] == Mark(0.5, 0.6)
    assert [mark.start for mark in marks([*before, *reaching_over, *after]) if mark.end > mark.start] == [0.5, 8.4]


def test_a_flash_before_a_pause_of_the_picture_is_no_long_one() -> None:
    """The camera goes off with the first bright picture of second 3, and is on again after 1.5 s; second 4 is long."""
    pictures = [n / 10 for n in range(60) if not 30 < n < 45]
    flashes = marks([(at, at % 1 < 0.05 or 4 <= at < 4.3) for at in pictures])
    assert flashes[2] == Mark(3.0, 3.0)
    beeps = [Mark(second + 0.02, second + 0.12 + (second == 4) * 0.2) for second in range(1, 6)]
    assert Content((), [], flashes, beeps, None, 0.0, []).av_offset() == pytest.approx(0.02)


def test_with_five_frames_in_a_second_a_short_flash_is_no_long_one() -> None:
    """Time stamps are whole milliseconds."""
    short = marks([(0.366, False), (0.567, True), (0.768, False)])
    long = marks([(0.366, False), (0.567, True), (0.767, True), (0.967, False)])
    assert [mark.is_long for mark in (*short, *long)] == [False, True]
