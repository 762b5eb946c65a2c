from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roomtape.child.matroska import Clusters, StreamTrack, header
from roomtape.child.retime import NEAR, Patch, Step, corrections
from roomtape.model import Codec, TrackKind

MS = 1_000_000
VIDEO, AUDIO = TrackKind.VIDEO, TrackKind.AUDIO
CODECS = {VIDEO: Codec.VP8, AUDIO: Codec.OPUS}
PERIODS = {VIDEO: 33.3, AUDIO: 20.0}
HEADER = header([StreamTrack(Codec.VP8, 320, 180), StreamTrack(Codec.OPUS)])


def film(*tracks: tuple[TrackKind, Iterable[int]]) -> bytes:
    """A file with frames of these tracks at these times in ms; each track's frames keep their order."""
    clusters = Clusters()
    frames = sorted((n * PERIODS[kind], kind, at) for kind, times in tracks for n, at in enumerate(times))
    blocks = [
        clusters.block(CODECS[kind], at, bytes([n % 256]) * 40, key=kind is AUDIO or n == 0)
        for n, (_, kind, at) in enumerate(frames)
    ]
    return HEADER + b"".join(blocks)


def times_of(data: bytes) -> dict[TrackKind, list[int]]:
    """Read back by a way of its own: one block begins where its number stands before a known payload."""
    times: dict[TrackKind, list[int]] = {VIDEO: [], AUDIO: []}
    at, cluster = len(HEADER), 0
    while at < len(data):
        if data[at : at + 4] == bytes.fromhex("1F43B675"):
            length = data[at + 13] & 0x7F
            cluster = int.from_bytes(data[at + 14 : at + 14 + length], "big")
            at += 14 + length
        assert data[at] == 0xA3
        number = data[at + 2] & 0x7F
        kind = VIDEO if number == 1 else AUDIO
        times[kind].append(cluster + int.from_bytes(data[at + 3 : at + 5], "big", signed=True))
        at += 2 + (data[at + 1] & 0x7F)
    return times


def patched(data: bytes, patches: list[Patch] | None) -> bytes:
    assert patches is not None
    changed = bytearray(data)
    for patch in patches:
        changed[patch.offset : patch.offset + len(patch.data)] = patch.data
    return bytes(changed)


def every(period: float, count: int, begin: int = 0) -> list[int]:
    return [begin + round(n * period) for n in range(count)]


PICTURES, SOUNDS = every(33.3, 150), every(20, 250)


def stepped(times: list[int], after: int, by: int) -> list[int]:
    """The times as they are written when they jump."""
    return times[:after] + [at + by for at in times[after:]]


@pytest.mark.parametrize("error", range(-NEAR, NEAR + 1))
@pytest.mark.parametrize("by", [12, 230, 700])
def test_what_was_written_before_a_step_is_shifted_by_it_even_if_it_was_miscounted(error: int, by: int) -> None:
    data = film((VIDEO, PICTURES), (AUDIO, stepped(SOUNDS, 60, by)))
    step = Step(60 + error, by * MS)
    times = times_of(patched(data, corrections(data, {AUDIO: [step]}, final=False)))
    assert times == {VIDEO: PICTURES, AUDIO: [at + by for at in SOUNDS]}


def test_both_tracks_and_several_steps() -> None:
    sounds = stepped(stepped(SOUNDS, 50, 300), 120, -40)
    data = film((VIDEO, stepped(PICTURES, 40, 80)), (AUDIO, sounds))
    steps = {VIDEO: [Step(40, 80 * MS)], AUDIO: [Step(50, 300 * MS), Step(120, -40 * MS)]}
    times = times_of(patched(data, corrections(data, steps, final=False)))
    assert times == {VIDEO: [at + 80 for at in PICTURES], AUDIO: [at + 260 for at in SOUNDS]}


def test_it_waits_until_the_frames_round_the_step_are_written() -> None:
    sounds = stepped(SOUNDS[:70], 68, 100)
    data = film((AUDIO, sounds))
    assert corrections(data, {AUDIO: [Step(68, 100 * MS)]}, final=False) is None
    times = times_of(patched(data, corrections(data, {AUDIO: [Step(68, 100 * MS)]}, final=True)))
    assert times[AUDIO] == [at + 100 for at in SOUNDS[:70]]


def test_at_the_end_a_step_that_was_never_written_shifts_all() -> None:
    data = film((AUDIO, SOUNDS[:50]))
    times = times_of(patched(data, corrections(data, {AUDIO: [Step(52, 100 * MS)]}, final=True)))
    assert times[AUDIO] == [at + 100 for at in SOUNDS[:50]]


def test_no_time_stamp_comes_before_the_beginning() -> None:
    data = film((AUDIO, stepped(every(20, 100, begin=200), 30, -150)))
    times = times_of(patched(data, corrections(data, {AUDIO: [Step(30, -150 * MS)]}, final=False)))
    assert times[AUDIO][:30] == [at - 150 for at in every(20, 30, begin=200)]
    data = film((AUDIO, every(20, 100)))
    times = times_of(patched(data, corrections(data, {AUDIO: [Step(30, -50 * MS)]}, final=False)))
    assert min(times[AUDIO]) == 0


def test_a_track_that_is_not_in_the_file_changes_nothing() -> None:
    data = film((VIDEO, PICTURES))
    assert corrections(data, {AUDIO: [Step(5, 100 * MS)]}, final=True) == []


@given(st.integers(0, 3000), st.binary(max_size=60), st.integers(1, 100), st.integers(-(10**10), 10**10))
def test_whatever_the_file_holds_only_two_bytes_a_frame_are_written_inside_it(
    keep: int, garbage: bytes, frames: int, by_ns: int
) -> None:
    data = film((VIDEO, PICTURES[:40]), (AUDIO, SOUNDS[:60]))[:keep] + garbage
    for patch in corrections(data, {VIDEO: [Step(frames, by_ns)], AUDIO: [Step(frames, by_ns)]}, final=True) or []:
        assert len(patch.data) == 2
        assert 0 <= patch.offset <= len(data) - 2


@given(st.binary(max_size=300))
def test_garbage_is_read_as_far_as_it_goes(data: bytes) -> None:
    assert corrections(HEADER[:4] + data, {VIDEO: [Step(1, MS)]}, final=True) is not None
