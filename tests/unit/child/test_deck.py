from pathlib import Path
from typing import Any

import pytest

from roomtape.child.deck import Deck
from roomtape.child.gst import Gst, chain, init, start
from roomtape.child.receiving import Received
from roomtape.child.sdp import Media
from roomtape.child.track import Track
from roomtape.errors import RecorderError
from roomtape.ipc.messages import RecordConfig, SegmentClosed, SegmentOpened, TrackStarted
from roomtape.model import Codec, Feed, TrackKind
from tests.unit.child.main_loop import run_until

init()

CAMERA = Media(1, "1", TrackKind.VIDEO, "camera")
SCREEN = Media(2, "2", TrackKind.VIDEO, "screen")
NOTHING = Received({}, 0, frozenset())


class FakeListener:
    """Notes what a Deck tells."""

    def __init__(self) -> None:
        self.opened: list[SegmentOpened] = []
        self.finished: list[tuple[str, ...]] = []

    def on_track_started(self, message: TrackStarted) -> None: ...
    def on_segment_closed(self, message: SegmentClosed) -> None: ...
    def on_unwritten(self, detail: str) -> None: ...

    def on_track_returned(self, kind: TrackKind) -> None: ...
    def on_note(self, level: str, message: str, **fields: Any) -> None: ...

    def on_segment_opened(self, message: SegmentOpened) -> None:
        self.opened.append(message)

    def on_tape_failed(self, error: RecorderError) -> None:
        raise error

    def on_tape_finished(self, files: tuple[str, ...]) -> None:
        self.finished.append(files)


class Table:
    """A deck with live pictures, which stand for webrtcbin's pads."""

    def __init__(self, folder: Path) -> None:
        self.listener = FakeListener()
        self.pipeline = Gst.Pipeline.new()
        config = RecordConfig(stream_id="ann", folder=str(folder), stem="ann_01", screen_stem="ann_screen_01")
        self.deck = Deck(self.pipeline, config, self.listener)
        self.pipeline.set_state(Gst.State.PLAYING)

    def add(self, ssrc: int, index: int) -> Track | None:
        """A picture comes by the m-line of this index; it begins when the deck has taken it."""
        stages = (
            "videotestsrc is-live=true",
            'capsfilter caps="video/x-raw,width=64,height=48,framerate=30/1"',
            "vp8enc deadline=1 keyframe-max-dist=5",
            "rtpvp8pay",
        )
        elements = chain(self.pipeline, stages)
        track = self.deck.add(elements[-1].get_static_pad("src"), Codec.VP8, ssrc, index)
        if track is not None:
            start(elements)
        return track


@pytest.fixture
def table(tmp_path: Path) -> Any:
    made = Table(tmp_path)
    yield made
    made.pipeline.set_state(Gst.State.NULL)


def test_camera_and_screen_go_to_files_of_their_own(table: Table) -> None:
    table.deck.offered((CAMERA, SCREEN), [1])
    for ssrc, media in enumerate((SCREEN, CAMERA), start=1):
        assert table.add(ssrc, media.index) is not None
    assert [track.ssrc for track in table.deck.tracks] == [2, 1], "the camera's first"
    run_until(lambda: len(table.listener.opened) == 2)
    assert {(opened.feed, Path(opened.path).name[:-22]) for opened in table.listener.opened} == {
        (Feed.CAMERA, "ann_01"),
        (Feed.SCREEN, "ann_screen_01"),
    }
    table.deck.finish()
    run_until(lambda: table.listener.finished)
    [files] = table.listener.finished
    assert set(files) == {opened.path for opened in table.listener.opened}


def test_it_is_settled_when_both_tapes_are(table: Table) -> None:
    assert table.deck.settled, "nothing is expected"
    table.deck.offered((CAMERA, SCREEN), [1])
    table.add(1, CAMERA.index)
    assert not table.deck.settled
    run_until(lambda: len(table.listener.opened) == 1)
    table.deck.tick(Received({1: 10}, 0, frozenset({1})))
    assert table.deck.settled
    table.add(2, SCREEN.index)
    assert not table.deck.settled
    run_until(lambda: len(table.listener.opened) == 2)
    table.deck.tick(Received({1: 20, 2: 10}, 0, frozenset({1, 2})))
    assert table.deck.settled
    table.deck.finish()
    run_until(lambda: table.listener.finished)


def test_a_screen_that_stops_and_goes_on_begins_another_file(table: Table) -> None:
    table.deck.offered((SCREEN,), [0])
    table.add(1, SCREEN.index)
    run_until(lambda: len(table.listener.opened) == 1)
    table.deck.screen_stopped(True)
    table.deck.tick(NOTHING)
    table.deck.screen_stopped(False)
    run_until(lambda: len(table.listener.opened) == 2)
    table.deck.finish()
    run_until(lambda: table.listener.finished)
    assert len(set(table.listener.finished[0])) == 2


def test_what_is_written_counts_all_files_and_is_nothing_while_nothing_is_to_be_written(table: Table) -> None:
    def written() -> int:
        return table.deck.written_bytes or 0

    assert table.deck.written_bytes is None
    table.deck.offered((SCREEN,), [0])
    table.add(1, SCREEN.index)
    assert table.deck.written_bytes == 0
    run_until(lambda: written() > 5000)
    table.deck.screen_stopped(True)
    assert table.deck.written_bytes is None
    table.deck.screen_stopped(False)
    run_until(lambda: len(table.listener.opened) == 2)
    first = Path(table.listener.opened[0].path)
    run_until(lambda: written() > first.stat().st_size > 5000)
    table.deck.finish()
    run_until(lambda: table.listener.finished)
    assert table.deck.written_bytes == sum(Path(path).stat().st_size for path in table.listener.finished[0])


def test_what_no_offer_announced_has_no_place(table: Table) -> None:
    table.deck.offered((CAMERA,), [])
    assert table.add(1, 7) is None
    assert table.deck.tracks == []


def test_without_tracks_it_is_finished_at_once_and_once(table: Table) -> None:
    table.deck.screen_stopped(True)
    table.deck.finish()
    table.deck.finish()
    table.deck.abandon()
    assert table.listener.finished == [()]
