import pytest

from roomtape.child.gst import Gst, init
from roomtape.child.sources import launch_texts, option_of, quoted
from roomtape.ipc.source import MediaSource
from roomtape.model import TrackKind

AUDIO, VIDEO = TrackKind.AUDIO, TrackKind.VIDEO


@pytest.mark.parametrize(
    ("source", "texts", "options"),
    [
        (MediaSource(), {}, {}),
        (MediaSource(file="f"), {}, {}),
        (MediaSource(v4l2="/dev/video0"), {VIDEO: 'v4l2src device="/dev/video0"'}, {VIDEO: "--v4l2 /dev/video0"}),
        (MediaSource(alsa="hw:1"), {AUDIO: 'alsasrc device="hw:1"'}, {AUDIO: "--alsa hw:1"}),
        (MediaSource(pulse="default"), {AUDIO: "pulsesrc"}, {AUDIO: "--pulse default"}),
        (MediaSource(pulse="mic"), {AUDIO: 'pulsesrc device="mic"'}, {AUDIO: "--pulse mic"}),
        (
            MediaSource(video_pipeline="v ! w", audio_pipeline="a"),
            {VIDEO: "v ! w", AUDIO: "a"},
            {VIDEO: "--video-pipeline", AUDIO: "--audio-pipeline"},
        ),
    ],
)
def test_sources_as_gst_launch_texts(
    source: MediaSource, texts: dict[TrackKind, str], options: dict[TrackKind, str]
) -> None:
    assert launch_texts(source) == texts
    assert {kind: option_of(source, kind) for kind in texts} == options


@pytest.mark.parametrize("name", ["plain", "two words", 'a "quoted" one', "back\\slash", "! fakesink", "end\\"])
def test_a_device_s_name_cannot_become_more_of_a_pipeline(name: str) -> None:
    init()
    element = Gst.parse_launch(f"filesrc location={quoted(name)}")
    assert element.get_property("location") == name
