"""Reads the synthetic guest's picture and sound (roomtape.child.pattern) back from a recording.

All times are the file's own timestamps, so that a file whose sound starts later than its picture is read right.
"""

import array
import json
import math
import re
import statistics
import subprocess
import sys
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import pairwise
from operator import mul
from pathlib import Path
from tempfile import TemporaryFile
from typing import Final, NamedTuple

from roomtape.child.pattern import (
    BEEP_HZ,
    BEEP_LEVEL,
    COLUMNS,
    COUNTER_MODULO,
    MAX_GUEST,
    ROWS,
    SAMPLE_RATE,
    TONE_BASE_HZ,
    TONE_LEVEL,
    TONE_STEP_HZ,
    code_words,
)
from roomtape.storage.tools import CUT_OFF

TOOL_DEADLINE_S: Final = 120.0

CELL: Final = 4  # pixels of a bar code block after scaling; its inner 2x2 are read
WIDTH: Final = COLUMNS * CELL
HEIGHT: Final = ROWS * CELL
LEAST_CONTRAST: Final = 60
FLASH_BRIGHTNESS: Final = 200  # the scene's mean is near 100, a flash near 255

BEEP_WINDOW: Final = SAMPLE_RATE // 200  # 5 ms: a whole number of the beep's periods
SHORTEST_BEEP_S: Final = 0.05  # a click is shorter
TONE_WINDOW: Final = SAMPLE_RATE // 4
LONG_MARK_S: Final = 0.25  # a flash lasts until the next frame: the short one 0.2 s with 5 frames in a second
HALF_A_SECOND: Final = 0.5


class FrameSeen(NamedTuple):
    """A decoded frame; `counter` and `guest` are None where the bar code cannot be read."""

    pts_ns: int
    counter: int | None
    guest: int | None
    bright: bool
    width: int
    height: int


class Mark(NamedTuple):
    """A flash or a beep, in seconds."""

    start: float
    end: float

    @property
    def is_long(self) -> bool:
        return self.end - self.start > LONG_MARK_S


class Content(NamedTuple):
    """What is in a recording. `guest` comes from the picture, `heard_guest` from the sound.

    A mark that is already on when the track starts is not listed: nobody knows when it began.
    """

    codecs: tuple[str, ...]
    frames: list[FrameSeen]
    flash_marks: list[Mark]
    beep_marks: list[Mark]
    heard_guest: int | None
    duration_s: float
    decode_errors: list[str]
    begins_s: float = 0.0
    """The first time stamp of any track."""

    @property
    def guest(self) -> int | None:
        return _majority(frame.guest for frame in self.frames)

    @property
    def flashes(self) -> list[float]:
        return [mark.start for mark in self.flash_marks]

    @property
    def beeps(self) -> list[float]:
        return [mark.start for mark in self.beep_marks]

    @property
    def sizes(self) -> list[tuple[int, int]]:
        """Width and height of the picture, one entry for each change."""
        sizes = [(frame.width, frame.height) for frame in self.frames]
        return sizes[:1] + [after for before, after in pairwise(sizes) if before != after]

    def counters(self) -> list[int]:
        """Frame numbers read, in the file's order; the bar code's modulus is undone."""
        numbers: list[int] = []
        for frame in self.frames:
            if frame.counter is not None:
                last = numbers[-1] if numbers else frame.counter
                step = (frame.counter - last + COUNTER_MODULO // 2) % COUNTER_MODULO - COUNTER_MODULO // 2
                numbers.append(last + step)
        return numbers

    def missing(self, first: int | None = None, last: int | None = None) -> list[int]:
        """Frame numbers from `first` to `last` that are not there; by default between the first and last seen."""
        seen = set(self.counters())
        if seen:
            first = min(seen) if first is None else first
            last = max(seen) if last is None else last
        return [] if first is None or last is None else [n for n in range(first, last + 1) if n not in seen]

    def av_offset(self) -> float | None:
        """Median of beep minus flash in seconds: positive when the sound is late. None if either is missing.

        Unambiguous within 2 s if the file holds a long mark of each, within 0.5 s otherwise.
        """
        flashes, beeps = self.flash_marks, self.beep_marks
        coarse = _offset([m for m in flashes if m.is_long], [m for m in beeps if m.is_long], 0.0)
        return _offset(flashes, beeps, coarse or 0.0)


def inspect(path: Path) -> Content:
    """Decode a recording, whole or cut off, with any of sound and picture."""
    shown = _tool(
        "ffprobe", "-v", "quiet", "-show_entries", "stream=codec_type,codec_name", "-of", "json", f"file:{path}"
    )
    streams = {
        stream["codec_type"]: stream["codec_name"] for stream in json.loads(shown.stdout or "{}").get("streams", [])
    }
    errors = [] if streams else [f"{path.name}: no stream"]
    picture, sound, lines = _decode(path, "video" in streams, "audio" in streams) if streams else (b"", b"", [])
    errors += [line for line in lines if re.search(r"\[(error|fatal|panic)\]", line) and not CUT_OFF.search(line)]
    frames = list(_watch(picture, lines, errors))
    samples, clock = _listen(sound, lines)
    times = [frame.pts_ns / 1e9 for frame in frames] + ([clock.at(0), clock.at(len(samples))] if samples else [])
    return Content(
        codecs=tuple(streams.values()),
        frames=frames,
        flash_marks=marks([(frame.pts_ns / 1e9, frame.bright) for frame in frames]),
        beep_marks=[mark for mark in _beeps(samples, clock) if mark.end - mark.start >= SHORTEST_BEEP_S],
        heard_guest=_majority(tones(samples)),
        begins_s=min(times, default=0.0),
        duration_s=max(times) - min(times) if times else 0.0,
        decode_errors=errors,
    )


# --- picture -----------------------------------------------------------------------------------------------------

_SEE: Final = f"showinfo=checksum=0,scale={WIDTH}:{HEIGHT}:flags=area,format=gray"
_SEEN: Final = re.compile(r"pts_time:(\S+) .* s:(\d+)x(\d+) ")


def _watch(raw: bytes, lines: list[str], errors: list[str]) -> Iterator[FrameSeen]:
    infos = [match for line in lines if (match := _SEEN.search(line))]
    images = [raw[i : i + WIDTH * HEIGHT] for i in range(0, len(raw), WIDTH * HEIGHT)]
    for (time, width, height), image in zip((info.groups() for info in infos), images, strict=True):
        if time == "NOPTS":
            errors.append("a frame has no timestamp")
            continue
        guest, counter = read_code(image)
        lower = image[WIDTH * HEIGHT // 2 :]
        bright = sum(lower) / len(lower) > FLASH_BRIGHTNESS
        yield FrameSeen(round(float(time) * 1e9), counter, guest, bright, int(width), int(height))


def read_code(image: bytes) -> tuple[int | None, int | None]:
    """Guest and frame number in a grey picture of WIDTH x HEIGHT; None where the bar code cannot be read."""
    rows = [[_block(image, row, column) for column in range(COLUMNS)] for row in range(2)]
    white, black = (rows[0][0] + rows[1][1]) / 2, (rows[0][1] + rows[1][0]) / 2
    if white - black < LEAST_CONTRAST:
        return None, None
    middle = (white + black) / 2
    first, counter = (int("".join("01"[level > middle] for level in row[2:]), 2) for row in rows)
    guest = first >> 8
    return (guest, counter) if (first, counter) == code_words(guest, counter) else (None, None)


def _block(image: bytes, row: int, column: int) -> float:
    start = (row * CELL + 1) * WIDTH + column * CELL + 1
    return (sum(image[start : start + 2]) + sum(image[start + WIDTH : start + WIDTH + 2])) / 4


# --- sound -------------------------------------------------------------------------------------------------------


class _Clock(NamedTuple):
    """Timestamps of the decoded audio frames: sample number `positions[i]` is at `times[i]` seconds."""

    positions: list[int]
    times: list[float]

    def at(self, sample: int) -> float:
        i = max(0, bisect_right(self.positions, sample) - 1)
        return self.times[i] + (sample - self.positions[i]) / SAMPLE_RATE


_HEAR: Final = f"aformat=sample_fmts=s16:channel_layouts=mono:sample_rates={SAMPLE_RATE},ashowinfo"
_HEARD: Final = re.compile(r"pts_time:(\S+) .* nb_samples:(\d+) ")


def _listen(raw: bytes, lines: list[str]) -> tuple["array.array[int]", _Clock]:
    samples = array.array("h", raw)
    if sys.byteorder == "big":
        samples.byteswap()
    clock, position = _Clock([], []), 0
    for match in filter(None, map(_HEARD.search, lines)):
        clock.positions.append(position)
        clock.times.append(float(match[1]))
        position += int(match[2])
    return samples, clock


def _beeps(samples: "array.array[int]", clock: _Clock) -> list[Mark]:
    step = math.tau * BEEP_HZ / SAMPLE_RATE
    cosine = [math.cos(step * i) for i in range(BEEP_WINDOW)]
    sine = [math.sin(step * i) for i in range(BEEP_WINDOW)]

    def level(start: int) -> float:
        window = samples[start : start + BEEP_WINDOW]
        return math.hypot(sum(map(mul, window, cosine)), sum(map(mul, window, sine))) * 2 / BEEP_WINDOW

    starts = range(0, len(samples), BEEP_WINDOW)
    return marks([(clock.at(start), level(start) > BEEP_LEVEL / 2) for start in starts])


def tones(samples: "array.array[int]") -> Iterator[int | None]:
    """The guest heard in each window, by the time between the tone's rises; None in silence, and where a beep is heard:
    its rises would make the tone another guest's."""
    for start in range(0, len(samples) - TONE_WINDOW + 1, TONE_WINDOW):
        window = samples[start : start + TONE_WINDOW]
        if max(window) > 2 * TONE_LEVEL:
            yield None
            continue
        rises: list[int] = []
        low = False
        for i, sample in enumerate(window):
            if sample < -TONE_LEVEL // 4:
                low = True
            elif low and sample > TONE_LEVEL // 4:
                rises.append(i)
                low = False
        if len(rises) < 2:
            yield None
            continue
        hertz = (len(rises) - 1) * SAMPLE_RATE / (rises[-1] - rises[0])
        guest = round((hertz - TONE_BASE_HZ) / TONE_STEP_HZ)
        yield guest if 0 <= guest <= MAX_GUEST else None


# --- both --------------------------------------------------------------------------------------------------------


def marks(states: Iterable[tuple[float, bool]]) -> list[Mark]:
    """Spans of on-states that begin after an off-state; one that is still on at the end, or at a gap, ends there.

    What is on right after a gap may have begun in it; a window of sound that reaches over one has no time of its own,
    and a picture that stands while the camera is off says nothing of when its flash would have ended.
    """
    marks: list[Mark] = []
    start: float | None = None
    was_on, time = True, 0.0
    for at, is_on in states:
        if at - time > HALF_A_SECOND:
            if start is not None:
                marks.append(Mark(start, time))
            start, was_on = None, True
        time = at
        if is_on and not was_on:
            start = time
        elif was_on and not is_on and start is not None:
            marks.append(Mark(start, time))
            start = None
        was_on = is_on
    return marks if start is None else [*marks, Mark(start, time)]


def _offset(flashes: list[Mark], beeps: list[Mark], expected: float) -> float | None:
    """Median of beep minus the flash nearest to it once the expected offset is taken off.

    A track that is longer has marks without a counterpart: those of the other one count. So does each of two tracks
    that begin and end at different times; marks come once a second: what is further off than half of that has none.
    """
    if not flashes or not beeps:
        return None
    if len(flashes) < len(beeps):
        offsets = [[beep.start - flash.start for beep in beeps] for flash in flashes]
    else:
        offsets = [[beep.start - flash.start for flash in flashes] for beep in beeps]
    nearest = [min(each, key=lambda offset: abs(offset - expected)) for each in offsets]
    paired = [offset for offset in nearest if abs(offset - expected) <= HALF_A_SECOND]
    return statistics.median(paired or nearest)


def _majority(votes: Iterable[int | None]) -> int | None:
    counts = Counter(vote for vote in votes if vote is not None)
    return counts.most_common(1)[0][0] if counts else None


def _decode(path: Path, video: bool, audio: bool) -> tuple[bytes, bytes, list[str]]:
    """Raw picture and sound, and what is logged about them, by one ffmpeg: its start costs more than the work."""
    head = ("-nostdin", "-nostats", "-loglevel", "level+info", "-fflags", "+discardcorrupt", "-copyts")
    watched = ("-map", "0:v:0", "-vf", _SEE, "-fps_mode", "passthrough", "-enc_time_base", "-1", "-f", "rawvideo")
    heard = ("-map", "0:a:0", "-af", _HEAR, "-f", "s16le")
    with TemporaryFile() as sound:
        picture_out = (*watched, "pipe:1") if video else ()
        sound_out = (*heard, f"pipe:{sound.fileno()}") if audio else ()
        done = _tool("ffmpeg", *head, "-i", f"file:{path}", *picture_out, *sound_out, inherited=(sound.fileno(),))
        sound.seek(0)
        return done.stdout, sound.read(), done.stderr.decode(errors="replace").splitlines()


def _tool(*command: str, inherited: tuple[int, ...] = ()) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=TOOL_DEADLINE_S,
        check=False,
        pass_fds=inherited,
    )
