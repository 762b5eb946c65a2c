from collections.abc import Callable

import pytest

from roomtape.config import Deadlines
from roomtape.errors import FileStalled, NoFrames, PeerVanished
from roomtape.ipc.messages import PeerState, Stats
from roomtape.room.watchdog import FEW_PACKETS, Finding, Watchdog

DEADLINES = Deadlines()
GONE = PeerState(ice="disconnected", gathering="complete", connection="disconnected", signaling="stable")


def figures(
    *, video: int = 0, audio: int = 0, packets: int = 0, silent_s: float = 0, written: int | None = None
) -> Stats:
    return Stats(
        video_frames=video,
        audio_frames=audio,
        media_bytes=0,
        packets=packets,
        packets_lost=0,
        silent_ms=int(silent_s * 1000),
        video_packets=packets,
        written_bytes=written,
    )


def watch(each_second: Callable[[int], Stats], seconds: int, watchdog: Watchdog | None = None) -> dict[int, Finding]:
    """What is found at which second, as long as there is no error."""
    watchdog = watchdog or Watchdog(DEADLINES)
    found: dict[int, Finding] = {}
    for second in range(seconds):
        finding = watchdog.counted(each_second(second), 1000.0 + second)
        if finding != Finding():
            found[second] = finding
        if finding.error is not None:
            break
    return found


def good(second: int) -> Stats:
    return figures(video=30 * second, audio=50 * second, packets=100 * second, written=10_000 * second)


def test_a_good_connection_is_left_alone() -> None:
    assert watch(good, 3600) == {}


# --- silence ------------------------------------------------------------------------------------------------------


def test_silence_asks_for_an_ice_restart_once_and_twelve_seconds_later_it_is_over() -> None:
    found = watch(lambda second: figures(silent_s=second), 60)
    assert list(found) == [5, 17]
    assert found[5] == Finding(restart=True)
    error = found[17].error
    assert isinstance(error, PeerVanished)
    assert error.detail == "nothing was heard from the guest for 17 s"
    assert error.retryable


def test_each_trouble_asks_once() -> None:
    found = watch(lambda second: figures(silent_s=second % 10), 30)
    assert list(found) == [5, 15, 25]


def test_a_guest_who_only_answers_pings_is_in_no_trouble() -> None:
    assert watch(lambda second: figures(silent_s=second % 4), 60) == {}


def test_a_lost_path_asks_at_once_and_not_again_when_it_is_silent_as_well() -> None:
    watchdog = Watchdog(DEADLINES)
    assert watchdog.state(GONE) == Finding(restart=True)
    assert watchdog.state(GONE) == Finding()
    assert list(watch(lambda second: figures(silent_s=second + 2), 60, watchdog)) == [15]


# --- packets without frames ---------------------------------------------------------------------------------------


def test_a_picture_that_stops_is_asked_for_with_back_off_and_then_given_up() -> None:
    found = watch(lambda second: figures(video=7, packets=100 * second), 60)
    assert list(found) == [3, 4, 6, 10]
    assert [found[second] for second in (3, 4, 6)] == [Finding(keyframe=True)] * 3
    error = found[10].error
    assert isinstance(error, NoFrames)
    assert error.retryable


def test_a_picture_that_comes_back_in_time_begins_it_anew() -> None:
    found = watch(lambda second: figures(video=second // 8, packets=100 * second), 33)
    assert [second % 8 for second in found] == [3, 4, 6] * 4
    assert all(finding.keyframe for finding in found.values())


def test_without_packets_no_picture_is_missed() -> None:
    assert watch(lambda second: figures(video=7, audio=50 * second, packets=500), 60) == {}


def test_a_few_packets_hold_no_picture() -> None:
    assert watch(lambda second: figures(video=7, audio=50 * second, packets=min(second, FEW_PACKETS - 1)), 60) == {}


def test_after_a_vain_attempt_sound_is_worth_more_than_a_picture() -> None:
    found = watch(
        lambda second: figures(audio=50 * second, packets=100 * second), 20, Watchdog(DEADLINES, lenient=True)
    )
    assert list(found) == [3, 4, 6, 10, 14, 18]
    assert all(finding == Finding(keyframe=True) for finding in found.values())


def test_without_sound_either_there_is_nothing_to_be_lenient_for() -> None:
    found = watch(lambda second: figures(packets=100 * second), 20, Watchdog(DEADLINES, lenient=True))
    assert isinstance(found[10].error, NoFrames)


def test_a_track_that_takes_anothers_place_counts_from_zero() -> None:
    found = watch(lambda second: good(second if second < 50 else second - 50), 100)
    assert found == {}


# --- frames without a file ----------------------------------------------------------------------------------------


def test_a_file_that_does_not_grow_ends_the_attempt() -> None:
    found = watch(lambda second: figures(video=30 * second, packets=100 * second, written=5000), 60)
    [(second, finding)] = found.items()
    assert second == DEADLINES.file
    assert isinstance(finding.error, FileStalled)
    assert finding.error.retryable


@pytest.mark.parametrize("written", [0, 5000])
def test_a_disk_that_takes_nothing_is_no_stalled_file(written: int) -> None:
    """The child says Unwritten and counts no bytes; afterwards it goes on with the next file."""

    def figures_of(second: int) -> Stats:
        bytes_now = None if 5 <= second < 500 else written + 100 * max(0, second - 500)
        return figures(video=30 * second, packets=100 * second, written=bytes_now)

    assert watch(figures_of, 600) == {}


def test_without_frames_no_file_has_to_grow() -> None:
    assert watch(lambda second: figures(audio=1, written=5000), 60) == {}
