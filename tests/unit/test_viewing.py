import asyncio
import logging
import os
from pathlib import Path

import pytest

from roomtape.config import Settings, SignalingSettings, ViewSettings
from roomtape.errors import ConfigError, NegotiationFailed, NoOutput, PeerVanished, ReaderGone, RecorderError
from roomtape.ipc.messages import Failed, OutputWanted, RecordConfig, SegmentClosed, TrackStarted, ViewConfig
from roomtape.model import Codec, Container, StreamId, TrackKind
from roomtape.observe.metrics import Metrics
from roomtape.room.effects import Report
from roomtape.room.outcome import Outcome
from roomtape.signaling.identity import make_identity
from roomtape.viewing import ViewerApp, prepare, watch_reader

ANNA = StreamId("anna")
DEADLINE_S = 5.0


def app(view: ViewSettings, descriptor: int | None = None) -> ViewerApp:
    settings = Settings(signaling=SignalingSettings(room="r", password="secret"), view=view)
    return ViewerApp(settings, make_identity("secret", "vdo.ninja"), None, Metrics(), descriptor)


def failed(error: RecorderError) -> Failed:
    return Failed(code=error.code, scope=error.scope, retryable=error.retryable, detail=error.detail)


async def test_the_screen_s_child_gets_sinks_and_no_descriptor() -> None:
    view = ViewSettings(stream_id=ANNA, video_sink="fakesink", audio=False, jitter_ms=50)
    config = await app(view)._configure(1, ANNA)
    assert isinstance(config, ViewConfig)
    assert (config.descriptor, config.video_sink, config.audio_sink) == (None, "fakesink", "autoaudiosink")
    assert (config.audio, config.video, config.jitter_ms, config.label) == (False, True, 50, "viewer")
    assert config.phrase == "secretvdo.ninja"


async def test_standard_output_s_child_gets_the_descriptor() -> None:
    config = await app(ViewSettings(stream_id=ANNA, output="-"), descriptor=7)._configure(1, ANNA)
    assert isinstance(config, ViewConfig)
    assert config.descriptor == 7


async def test_a_file_is_written_by_a_recording_under_the_name_that_was_given(tmp_path: Path) -> None:
    config = await app(ViewSettings(stream_id=ANNA, output=str(tmp_path / "film.MP4"), jitter_ms=70))._configure(
        1, ANNA
    )
    assert isinstance(config, RecordConfig)
    assert (config.folder, config.stem, config.dated) == (str(tmp_path), "film", False)
    assert (config.container, config.jitter_ms, config.phrase) == (Container.MP4, 70, "secretvdo.ninja")


async def test_what_cannot_be_tried_again_ends_the_run_with_failure(caplog: pytest.LogCaptureFixture) -> None:
    viewer = app(ViewSettings(stream_id=ANNA))
    error = NoOutput("there is no display")
    viewer.child_said(1, ANNA, failed(error))
    assert not viewer.ended.is_set()
    viewer.reported(Report(ANNA, "failed", error.detail, Outcome.of(error)))
    assert viewer.ended.is_set()
    assert viewer.failed
    assert "cannot view the stream" in caplog.text


async def test_what_can_be_tried_again_does_not() -> None:
    viewer = app(ViewSettings(stream_id=ANNA))
    for error in (PeerVanished("gone"), NegotiationFailed("no")):
        viewer.child_said(1, ANNA, failed(error))
        viewer.reported(Report(ANNA, "failed", error.detail, Outcome.of(error)))
    viewer.reported(Report(ANNA, "finished"))
    assert not viewer.ended.is_set()
    assert not viewer.failed


async def test_a_reader_that_has_seen_enough_is_no_failure(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    viewer = app(ViewSettings(stream_id=ANNA, output="-"), descriptor=7)
    error = ReaderGone("nobody reads")
    viewer.child_said(1, ANNA, failed(error))
    assert viewer.ended.is_set()
    viewer.reported(Report(ANNA, "failed", error.detail, Outcome.of(error)))
    viewer.reader_gone("nobody reads")
    assert not viewer.failed
    assert [record.message for record in caplog.records] == ["the end"]


async def test_news_are_told_in_the_words_of_viewing(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    viewer = app(ViewSettings(stream_id=ANNA))
    for state in ("waiting", "connecting", "recording", "finished"):
        viewer.reported(Report(ANNA, state))
    viewer.child_said(1, ANNA, TrackStarted(track=TrackKind.VIDEO, codec=Codec.VP8, width=320, height=180))
    viewer.child_said(1, ANNA, SegmentClosed(path="/x/film.mkv", size_bytes=9, frames=1, duration_ns=1))
    said = [record.message for record in caplog.records]
    assert said == [
        "waiting for the stream",
        "connecting",
        "viewing",
        "the stream has ended",
        "track",
        "file is final",
    ]


async def test_what_has_no_place_in_the_header_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    viewer = app(ViewSettings(stream_id=ANNA, output="-"), descriptor=7)
    viewer.child_said(1, ANNA, OutputWanted(codecs=(Codec.VP8,), first_ns=1))
    viewer.child_exited(1, ANNA, "ended by SIGKILL")
    assert "too late" not in caplog.text
    viewer.child_said(2, ANNA, OutputWanted(codecs=(Codec.H264,), first_ns=2))
    viewer.child_exited(2, ANNA, "ended by SIGKILL")
    viewer.child_said(3, ANNA, OutputWanted(codecs=(Codec.H264,), first_ns=3))
    assert caplog.text.count("came too late for the player") == 1


# --- the output --------------------------------------------------------------------------------------------------


def test_a_file_that_exists_is_not_touched(tmp_path: Path) -> None:
    film = tmp_path / "film.mkv"
    film.write_text("precious")
    with pytest.raises(ConfigError, match="exists already"):
        prepare(ViewSettings(output=str(film)))
    assert film.read_text() == "precious"


def test_a_folder_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"there is no folder .*nowhere"):
        prepare(ViewSettings(output=str(tmp_path / "nowhere" / "film.mkv")))


def test_screen_and_file_need_no_descriptor(tmp_path: Path) -> None:
    assert prepare(ViewSettings()) is None
    assert prepare(ViewSettings(output=str(tmp_path / "film.mkv"))) is None


async def test_the_end_of_a_pipe_s_reader_is_noticed_without_writing() -> None:
    read, write = os.pipe()
    gone = asyncio.Event()
    watch_reader(write, gone.set)
    await asyncio.sleep(0)
    assert not gone.is_set()
    os.close(read)
    await asyncio.wait_for(gone.wait(), DEADLINE_S)
    os.close(write)


async def test_a_file_has_no_reader_to_watch(tmp_path: Path) -> None:
    with (tmp_path / "out").open("wb") as file:
        watch_reader(file.fileno(), lambda: pytest.fail("a file's reader cannot go"))
        await asyncio.sleep(0)
