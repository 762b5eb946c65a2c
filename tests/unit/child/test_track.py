import time
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import pytest

from roomtape.child import gst
from roomtape.child.av1_elements import make_av1_payloader
from roomtape.child.gst import Gst, chain, make
from roomtape.child.track import Track
from roomtape.model import Codec, TrackKind
from tests.unit.child.main_loop import LIMIT_S, run_until, settle

gst.init()

PICTURE = (
    "videotestsrc is-live=true",
    'capsfilter caps="video/x-raw,width=64,height=48,framerate=30/1"',
    "vp8enc deadline=1 keyframe-max-dist=5",
    "rtpvp8pay",
)
AV1 = (
    "videotestsrc is-live=true",
    'capsfilter caps="video/x-raw,format=I420,width=64,height=48,framerate=30/1"',
    "av1enc usage-profile=realtime cpu-used=10 keyframe-max-dist=5 max-quantizer=56 threads=1",
)
SOUND = ("audiotestsrc is-live=true", "opusenc", "rtpopuspay")


def source_of(codec: Codec) -> Sequence[Any]:
    match codec:
        case Codec.OPUS:
            return SOUND
        case Codec.AV1:
            return [*AV1, make_av1_payloader(96)]
        case _:
            return PICTURE


class Stage:
    """A track between a live source, which stands for webrtcbin, and a sink that notes what comes."""

    def __init__(self, codec: Codec) -> None:
        self.ready: list[str] = []
        self.arrived: list[Any] = []
        self._pipeline = Gst.Pipeline.new()
        source = chain(self._pipeline, source_of(codec))
        sink = make("fakesink sync=false async=false")
        self._pipeline.add(sink)
        self.track = Track(self._pipeline, source[-1].get_static_pad("src"), codec)
        pad = sink.get_static_pad("sink")
        pad.add_probe(Gst.PadProbeType.BUFFER, self._note)
        self.track.src.link(pad)

    def _note(self, _pad: Any, info: Any) -> Any:
        self.arrived.append(info.get_buffer())
        return Gst.PadProbeReturn.OK

    def close_gate(self, name: str, *, recording: bool = False) -> None:
        self.track.close_gate(lambda track: self.ready.append(f"{name}: {track.kind}"), recording=recording)

    def start(self) -> None:
        self.track.start()
        self._pipeline.set_state(Gst.State.PLAYING)

    def stop(self) -> None:
        self.track.open_gate()
        self._pipeline.set_state(Gst.State.NULL)


@pytest.fixture(params=[Codec.VP8, Codec.OPUS, Codec.AV1])
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    made = Stage(request.param)
    yield made
    made.stop()


@pytest.fixture
def picture() -> Iterator[Stage]:
    made = Stage(Codec.VP8)
    yield made
    made.stop()


def is_key(buffer: Any) -> bool:
    return not buffer.has_flags(Gst.BufferFlags.DELTA_UNIT)


def test_media_waits_at_the_gate_until_it_is_opened(stage: Stage) -> None:
    stage.close_gate("first")
    stage.start()
    run_until(lambda: stage.ready)
    assert stage.ready == [f"first: {stage.track.kind}"]
    assert stage.arrived == []
    stage.track.open_gate()
    run_until(lambda: len(stage.arrived) > 5)
    assert is_key(stage.arrived[0])
    assert stage.ready == [f"first: {stage.track.kind}"], "it is told once"


def test_a_gate_that_is_closed_anew_tells_the_last_who_closed_it(stage: Stage) -> None:
    """Whoever closed it before must not take the track for waiting there."""
    stage.close_gate("first")
    begun, deadline = stage.track.entered, time.monotonic() + LIMIT_S
    stage.start()
    # The main loop does not run meanwhile, so the first arrival is still to be told when the gate is closed anew.
    while stage.track.entered == begun:
        assert time.monotonic() < deadline
        time.sleep(0.001)
    stage.close_gate("second")
    run_until(lambda: stage.ready)
    settle()
    assert stage.ready == [f"second: {stage.track.kind}"]


def test_a_file_goes_on_until_the_next_key_frame(picture: Stage) -> None:
    picture.close_gate("first")
    picture.start()
    run_until(lambda: picture.ready)
    picture.track.open_gate()
    run_until(lambda: picture.arrived)
    picture.close_gate("second", recording=True)
    run_until(lambda: len(picture.ready) == 2)
    before = len(picture.arrived)
    picture.track.open_gate()
    run_until(lambda: len(picture.arrived) > before)
    assert is_key(picture.arrived[before])
    stamps = [buffer.pts for buffer in picture.arrived]
    assert all(50_000_000 > late - early > 0 for early, late in pairwise(stamps)), "no gap"


def test_what_passes_is_counted(stage: Stage) -> None:
    assert (stage.track.frames, stage.track.media_bytes, stage.track.size) == (0, 0, (0, 0))
    stage.start()
    run_until(lambda: len(stage.arrived) > 3)
    assert stage.track.frames > 3
    assert stage.track.media_bytes >= sum(buffer.get_size() for buffer in stage.arrived[:3])
    assert stage.track.size == ((64, 48) if stage.track.kind is TrackKind.VIDEO else (0, 0))


def test_a_track_that_is_held_still_lets_nothing_pass_and_loses_nothing(stage: Stage) -> None:
    stage.start()
    run_until(lambda: len(stage.arrived) > 3)
    still: list[int] = []
    release = stage.track.hold_still(lambda: still.append(len(stage.arrived)))
    run_until(lambda: still)
    settle()
    run_until(lambda: stage.track.frames > still[0])
    assert len(stage.arrived) == still[0]
    release()
    run_until(lambda: len(stage.arrived) > still[0] + 3)
    stamps = [buffer.pts for buffer in stage.arrived]
    assert all(50_000_000 > late - early > 0 for early, late in pairwise(stamps))
