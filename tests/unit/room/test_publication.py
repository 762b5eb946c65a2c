import msgspec
import pytest

from roomtape.config import PublishSettings, Settings
from roomtape.ipc.source import MediaSource
from roomtape.model import IceServers
from roomtape.room.publication import publish_config


@pytest.mark.parametrize(
    ("publish", "source", "video", "audio"),
    [
        (PublishSettings(test=True), MediaSource(), True, True),
        (PublishSettings(test=True, audio=False), MediaSource(), True, False),
        (PublishSettings(file="f", loop=True), MediaSource(file="f", loop=True), True, True),
        (PublishSettings(v4l2="/dev/video0"), MediaSource(v4l2="/dev/video0"), True, False),
        (PublishSettings(pulse="default"), MediaSource(pulse="default"), False, True),
        (PublishSettings(v4l2="c", alsa="a"), MediaSource(v4l2="c", alsa="a"), True, True),
        (PublishSettings(v4l2="c", alsa="a", video=False), MediaSource(alsa="a"), False, True),
        (PublishSettings(v4l2="c", audio=False), MediaSource(v4l2="c"), True, False),
        (
            PublishSettings(video_pipeline="v", audio_pipeline="a", audio=False),
            MediaSource(video_pipeline="v"),
            True,
            False,
        ),
    ],
)
def test_tracks_are_those_that_the_source_has_and_the_user_wants(
    publish: PublishSettings, source: MediaSource, video: bool, audio: bool
) -> None:
    config = publish_config(Settings(publish=publish), IceServers(), "phrase", "/home")
    assert msgspec.structs.replace(config.source, folder="") == source
    assert (config.video, config.audio, config.phrase) == (video, audio, "phrase")
    assert config.source.folder == ("" if source == MediaSource() else "/home"), "the test pattern needs none"


def test_addresses_in_pipelines_are_not_shown() -> None:
    assert "secret" not in repr(MediaSource(video_pipeline="rtspsrc location=rtsp://me:secret@h"))
