import pytest

from roomtape.errors import Scope
from roomtape.ipc.messages import (
    Failed,
    Finished,
    FromChild,
    GuestInfo,
    NoMedia,
    PeerState,
    Ready,
    SegmentClosed,
    SegmentOpened,
    Stats,
    TrackStarted,
)
from roomtape.model import Codec, StreamId, TrackKind
from roomtape.observe.board import MAX_ENDED, MAX_LABEL, Board, GuestRow, GuestState

ANN = StreamId("ann")
PICTURE = TrackStarted(track=TrackKind.VIDEO, codec=Codec.VP8, width=1280, height=720)
SOUND = TrackStarted(track=TrackKind.AUDIO, codec=Codec.OPUS)


def stats(media_bytes: int, packets: int = 100, lost: int = 0, width: int = 0, height: int = 0) -> Stats:
    return Stats(
        video_frames=0,
        audio_frames=0,
        media_bytes=media_bytes,
        packets=packets,
        packets_lost=lost,
        silent_ms=0,
        width=width,
        height=height,
    )


def peer(connection: str) -> PeerState:
    return PeerState(ice="new", gathering="new", connection=connection, signaling="stable")


def board_after(*messages: FromChild, state: GuestState = GuestState.RECORDING) -> Board:
    """The state is entered at 0; one message per second, beginning at 1."""
    board = Board()
    board.set_state(ANN, state, 0)
    for now, message in enumerate(messages, start=1):
        board.apply(ANN, message, now)
    return board


def row_after(*messages: FromChild, state: GuestState = GuestState.RECORDING) -> GuestRow:
    (row,) = board_after(*messages, state=state).rows()
    return row


def test_a_recording_has_tracks_a_file_and_a_length() -> None:
    row = row_after(PICTURE, SOUND, SegmentOpened(path="/out/room_ann_01.webm", tracks=(TrackKind.VIDEO,)))
    assert (row.video, row.audio, row.width, row.height) == ("VP8", "OPUS", 1280, 720)
    assert row.file == "room_ann_01.webm"
    assert row.duration_s(4) == 4


def test_rate_comes_from_successive_stats_and_size_from_files_and_stats() -> None:
    row = row_after(PICTURE, stats(1000), stats(126_000, width=640, height=360))
    assert row.bitrate_kbps == 1000
    assert row.size_bytes == 126_000
    assert (row.width, row.height) == (640, 360)
    closed = SegmentClosed(path="x", size_bytes=130_000, frames=1, duration_ns=1)
    assert row_after(PICTURE, stats(1000), stats(126_000), closed).size_bytes == 130_000
    assert row_after(PICTURE, stats(126_000), closed, stats(127_000)).size_bytes == 131_000


def test_a_new_child_counts_from_nothing_and_the_row_adds_up() -> None:
    ready = Ready(version=1, pid=1, gstreamer="1.22")
    row = row_after(PICTURE, stats(5000, lost=10), ready, stats(700))
    assert row.size_bytes == 5700
    assert row.bitrate_kbps == 0
    assert row.loss_percent == 0


def test_stats_at_one_and_the_same_moment_divide_nothing() -> None:
    board = board_after(PICTURE, stats(0))
    board.apply(ANN, stats(5000), 2)
    assert board.rows()[0].bitrate_kbps == 0


@pytest.mark.parametrize(("packets", "lost", "percent"), [(98, 2, 2), (100, -3, 0), (0, 0, 0), (0, 5, 100)])
def test_loss(packets: int, lost: int, percent: float) -> None:
    assert row_after(PICTURE, stats(1, packets, lost)).loss_percent == percent


def test_a_guest_speaks_for_itself_and_only_of_what_it_says() -> None:
    row = row_after(
        GuestInfo(label="Ann\x1b[2J" + "n" * 100, audio_muted=True, video_muted=True), GuestInfo(video_muted=False)
    )
    assert row.label.startswith("Ann\\x1b[2J")
    assert len(row.label) <= MAX_LABEL + 1
    assert row.remarks == "microphone off"
    assert row_after(GuestInfo(queued=True), NoMedia(detail="no media yet")).remarks == "no media yet, held in queue"


def test_an_interruption_is_noted_until_it_is_over() -> None:
    assert row_after(PICTURE, peer("disconnected")).note == "connection interrupted"
    assert row_after(PICTURE, peer("disconnected"), peer("connected")).note == ""
    assert row_after(NoMedia(detail="held"), peer("connected")).note == "held"


def test_an_end_stops_the_clock_and_a_return_starts_it_again() -> None:
    board = board_after(PICTURE, stats(0), stats(1000))
    board.set_state(ANN, GuestState.FINISHED, 4)
    (row,) = board.rows()
    assert (row.state, row.since, row.bitrate_kbps, row.duration_s(100)) == (GuestState.FINISHED, 4, 0, 4)
    board.set_state(ANN, GuestState.WAITING, 100, "will return")
    board.set_state(ANN, GuestState.RECORDING, 200)
    (row,) = board.rows()
    assert (row.note, row.duration_s(205)) == ("", 9)


def test_the_same_state_again_keeps_its_clock() -> None:
    board = board_after(PICTURE)
    board.set_state(ANN, GuestState.RECORDING, 50, "camera off")
    (row,) = board.rows()
    assert (row.since, row.note, row.duration_s(60)) == (0, "camera off", 60)


FAILED = Failed(code="connection_lost", scope=Scope.SESSION, retryable=True, detail="the connection is lost")


@pytest.mark.parametrize("state", GuestState)
@pytest.mark.parametrize("late", [PICTURE, SOUND, FAILED, Finished(files=()), peer("connecting"), peer("failed")])
def test_no_child_s_word_changes_the_state(late: FromChild, state: GuestState) -> None:
    """It may be the last word of a child whose successor records already."""
    row = row_after(late, state=state)
    assert (row.state, row.since, row.note) == (state, 0, "")


def test_what_is_found_out_later_explains_a_failure() -> None:
    board = board_after(state=GuestState.CONNECTING)
    board.set_state(ANN, GuestState.FAILED, 1, "no answer")
    board.explain(ANN, "wrong\npassword")
    (row,) = board.rows()
    assert (row.state, row.since, row.note) == (GuestState.FAILED, 1, "wrong\\npassword")


@pytest.mark.parametrize("state", [GuestState.RECORDING, GuestState.FINISHED])
def test_an_explanation_that_comes_too_late_is_of_no_interest(state: GuestState) -> None:
    board = board_after(state=state)
    board.explain(ANN, "wrong password")
    board.explain(StreamId("nobody"), "wrong password")
    assert [row.note for row in board.rows()] == [""]


def test_what_concerns_a_viewer_leaves_the_row_alone() -> None:
    board = board_after()
    before = board.rows()
    board.apply(ANN, Failed(code="peer", scope=Scope.SESSION, retryable=True, detail="gone", peer="u-1"), 1)
    board.apply(
        ANN, PeerState(ice="failed", gathering="new", connection="disconnected", signaling="stable", peer="u-1"), 1
    )
    assert board.rows() == before


def test_late_messages_of_removed_guests_make_no_row() -> None:
    board = board_after(PICTURE)
    board.remove(ANN)
    board.apply(ANN, stats(1), 9)
    board.remove(ANN)
    assert board.rows() == ()


def test_ended_guests_are_bounded_and_live_ones_stay() -> None:
    board = board_after(PICTURE)
    for n in range(MAX_ENDED + 5):
        board.set_state(StreamId(f"guest{n}"), GuestState.FINISHED, 10 + n)
    names = [row.stream for row in board.rows()]
    assert len(names) == MAX_ENDED + 1
    assert names[:2] == ["ann", "guest5"]
    assert board.count(GuestState.FINISHED) == MAX_ENDED
