from hypothesis import example, given
from hypothesis import strategies as st

from roomtape.child.backlog import Backlog, Frame
from roomtape.model import Codec, TrackKind

MS = 1_000_000


def picture(at_ms: int, *, key: bool = False, size: int = 10) -> Frame:
    return Frame(TrackKind.VIDEO, Codec.VP8, at_ms * MS, key, bytes(size))


def sound(at_ms: int, size: int = 1) -> Frame:
    return Frame(TrackKind.AUDIO, Codec.OPUS, at_ms * MS, True, bytes(size))


def taken(backlog: Backlog) -> list[Frame]:
    frames = []
    while (frame := backlog.take()) is not None:
        frames.append(frame)
    return frames


def test_first_in_first_out() -> None:
    backlog = Backlog()
    frames = [picture(0, key=True), sound(5), picture(33)]
    assert all(map(backlog.add, frames))
    assert len(backlog) == 3
    assert taken(backlog) == frames
    assert backlog.take() is None


def test_a_picture_begins_with_a_key_frame_and_sound_does_not_wait_for_it() -> None:
    backlog = Backlog()
    assert backlog.needs_key
    assert [backlog.add(f) for f in (picture(0), sound(1), picture(33, key=True), picture(66))] == [False, *[True] * 3]
    assert not backlog.needs_key
    assert backlog.dropped == 0  # nobody was slow


def test_too_many_bytes_drop_everything_until_half_is_taken_and_a_key_frame_comes() -> None:
    backlog = Backlog(max_bytes=100)
    kept = [picture(n, key=n == 0) for n in range(10)]
    assert all(map(backlog.add, kept))
    assert not backlog.add(picture(10))
    assert backlog.full
    assert not backlog.needs_key  # a key frame now would be of no use
    assert not backlog.add(picture(11, key=True))
    assert [backlog.take() for _ in range(6)] == kept[:6]
    assert backlog.add(sound(12))
    assert not backlog.full
    assert backlog.needs_key
    assert not backlog.add(picture(13))
    assert backlog.add(picture(14, key=True))
    assert backlog.add(picture(15))
    assert backlog.dropped == 3
    assert taken(backlog) == [*kept[6:], sound(12), picture(14, key=True), picture(15)]


def test_what_is_too_old_counts_as_too_much() -> None:
    backlog = Backlog(max_ns=1_000 * MS)
    assert backlog.add(picture(0, key=True))
    assert backlog.add(sound(1_000))
    assert not backlog.add(sound(1_001))
    assert backlog.full
    backlog.take()
    assert backlog.add(sound(1_020))
    assert (backlog.full, backlog.dropped) == (False, 1)


def test_a_frame_larger_than_all_room_is_dropped_and_the_rest_goes_on() -> None:
    backlog = Backlog(max_bytes=100)
    assert not backlog.add(picture(0, key=True, size=101))
    assert not backlog.add(picture(33))
    assert backlog.add(sound(40))
    assert backlog.add(picture(66, key=True))
    assert backlog.dropped == 2


def test_forgetting_what_is_older_leaves_no_picture_without_its_key_frame() -> None:
    backlog = Backlog()
    for frame in (picture(0, key=True), sound(5), picture(33), sound(40), picture(66, key=True), picture(99)):
        backlog.add(frame)
    backlog.forget_before(33 * MS)
    assert not backlog.needs_key
    assert taken(backlog) == [sound(40), picture(66, key=True), picture(99)]


def test_forgetting_the_only_key_frame_asks_for_another() -> None:
    backlog = Backlog()
    for frame in (picture(0, key=True), picture(33), sound(40)):
        backlog.add(frame)
    backlog.forget_before(20 * MS)
    assert backlog.needs_key
    assert taken(backlog) == [sound(40)]
    assert not backlog.add(picture(66))


def test_forgetting_nothing_changes_nothing() -> None:
    backlog = Backlog()
    frames = [picture(0, key=True), picture(33)]
    for frame in frames:
        backlog.add(frame)
    taken(backlog)
    backlog.forget_before(0)
    assert backlog.add(picture(66))


@example([("key", 0), ("key", 41), ("key", 60), ("forget", 2), ("delta", 0)])
@given(st.lists(st.tuples(st.sampled_from(["key", "delta", "sound", "take", "forget"]), st.integers(0, 60))))
def test_it_stays_bounded_and_no_picture_follows_a_gap(steps: list[tuple[str, int]]) -> None:
    """Between two pictures that come out, none that was offered is missing, unless the second is a key frame."""
    backlog, offered, out = Backlog(max_bytes=100, max_ns=50 * MS), [], []
    for at_ms, (what, size) in enumerate(steps):
        if what == "take":
            frame = backlog.take()
            out += [frame] if frame else []
        elif what == "forget":
            backlog.forget_before((at_ms - size) * MS)
        else:
            frame = sound(at_ms, size) if what == "sound" else picture(at_ms, key=what == "key", size=size)
            offered += [frame] if what != "sound" else []
            backlog.add(frame)
        assert sum(len(frame.data) for frame in backlog._frames) == backlog._bytes <= 100
    out += taken(backlog)
    shown = [frame for frame in out if frame.kind is TrackKind.VIDEO]
    assert not shown or shown[0].key
    for n, frame in enumerate(shown[1:], start=1):
        assert frame.key or offered.index(frame) == offered.index(shown[n - 1]) + 1
