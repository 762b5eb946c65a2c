from collections.abc import Iterator
from typing import Any

import pytest

from roomtape.child.gst import Gst, init
from roomtape.child.screen import Screen
from roomtape.errors import NoOutput
from roomtape.ipc.messages import SegmentClosed, SegmentOpened, TrackStarted, ViewConfig
from roomtape.model import TrackKind

init()


class FakeListener:
    """Notes what a destination tells."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.errors: list[Exception] = []
        self.finished = 0

    def on_track_started(self, message: TrackStarted) -> None: ...
    def on_segment_opened(self, message: SegmentOpened) -> None: ...
    def on_segment_closed(self, message: SegmentClosed) -> None: ...

    def on_note(self, level: str, message: str, **_: Any) -> None:
        self.notes.append(f"{level}: {message}")

    def on_tape_failed(self, error: Exception) -> None:
        self.errors.append(error)

    def on_unwritten(self, detail: str) -> None: ...

    def on_track_returned(self, kind: TrackKind) -> None:
        raise AssertionError("nothing leaves a screen")

    def on_tape_finished(self, files: tuple[str, ...]) -> None:
        assert files == ()
        self.finished += 1


def screen(**changes: Any) -> tuple[Screen, FakeListener]:
    config = ViewConfig(stream_id="anna", **({"video_sink": "fakesink", "audio_sink": "fakesink"} | changes))
    listener = FakeListener()
    return Screen(Gst.Pipeline(), config, listener), listener


@pytest.fixture
def neither_display_nor_sound_device() -> Iterator[None]:
    """The automatic choice finds nothing: all that it could take is out of the running."""
    features = Gst.ElementFactory.list_get_elements(Gst.ELEMENT_FACTORY_TYPE_SINK, Gst.Rank.MARGINAL)
    ranks = [(feature, feature.get_rank()) for feature in features]
    for feature, _ in ranks:
        feature.set_rank(Gst.Rank.NONE)
    yield
    for feature, rank in ranks:
        feature.set_rank(rank)


def test_sinks_that_were_named_are_tried_out_at_once() -> None:
    made, listener = screen()
    assert listener.notes == []
    made.finish()
    made.abandon()
    assert listener.finished == 1


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"video_sink": "nosuchsink"}, r'--video-sink nosuchsink: no element "nosuchsink"'),
        ({"audio_sink": "fakesink colour=red"}, r"--audio-sink fakesink colour=red: no property"),
        ({"video_sink": "!"}, r"--video-sink !: syntax error"),
    ],
)
def test_a_sink_that_cannot_be_made_is_named(changes: dict[str, str], sentence: str) -> None:
    with pytest.raises(NoOutput, match=sentence):
        screen(**changes)


@pytest.mark.usefixtures("neither_display_nor_sound_device")
def test_no_display_is_an_error_and_no_sound_device_is_not() -> None:
    with pytest.raises(NoOutput, match="there is no display to show the picture on"):
        screen(video_sink="autovideosink")
    _, listener = screen(audio_sink="autoaudiosink")
    assert listener.notes == ["warning: there is no sound device: the sound is not heard"]


@pytest.mark.usefixtures("neither_display_nor_sound_device")
def test_what_is_not_wanted_needs_no_device() -> None:
    _, listener = screen(video=False, audio=False, video_sink="autovideosink", audio_sink="autoaudiosink")
    assert listener.notes == []
