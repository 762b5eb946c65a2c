import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from roomtape.config import EncoderChoice, PublishSettings, Settings, SignalingSettings
from roomtape.errors import ConfigError, FileRefused
from roomtape.ipc.messages import FromChild, Ready, Stats
from roomtape.model import Codec, SessionId, StreamId
from roomtape.observe.metrics import Metrics
from roomtape.publishing import BAD_INPUT, DONE, FAILED, PublisherApp, see_that_it_is_there
from roomtape.room.effects import Report
from roomtape.room.outcome import Outcome
from roomtape.signaling.identity import make_identity
from roomtape.signaling.messages import Dialect
from roomtape.signaling.protocol import Joined

ANN = StreamId("ann")
Said = Callable[[], list[tuple[str, dict[str, Any]]]]


def app() -> PublisherApp:
    wanted = PublishSettings(stream_id=ANN, codec=Codec.VP9, encoder=EncoderChoice.SOFTWARE)
    settings = Settings(signaling=SignalingSettings(room="r", password="secret"), publish=wanted)
    identity = make_identity("secret", "vdo.ninja")
    return PublisherApp(settings, identity, None, Metrics(), lambda: SessionId("tag"))


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> Said:
    caplog.set_level(logging.INFO, "roomtape.publishing")
    return lambda: [(record.getMessage(), record.__dict__["fields"]) for record in caplog.records]


def viewers(number: int) -> Stats:
    return Stats(video_frames=0, audio_frames=0, media_bytes=0, packets=0, packets_lost=0, silent_ms=0, viewers=number)


async def test_the_number_of_viewers_is_told_when_it_changes(said: Said) -> None:
    publisher = app()
    ready = Ready(version=1, pid=1, gstreamer="none")
    messages: tuple[FromChild, ...] = (viewers(0), ready, viewers(1), viewers(1), viewers(2), viewers(0))
    for message in messages:
        publisher.child_said(1, ANN, message)
    assert [fields["viewers"] for _, fields in said()] == [1, 2, 0]


def test_what_is_to_be_published_must_be_there(tmp_path: Path) -> None:
    file, nothing = tmp_path / "film.mkv", str(tmp_path / "nothing")
    file.touch()
    for there in (PublishSettings(), PublishSettings(file=str(file)), PublishSettings(v4l2="/dev/null")):
        see_that_it_is_there(there)
    for missing in (PublishSettings(file=nothing), PublishSettings(v4l2=nothing), PublishSettings(file=str(tmp_path))):
        with pytest.raises(ConfigError, match=r"there is no (file|camera)"):
            see_that_it_is_there(missing)


async def test_a_child_that_is_gone_ends_the_run(said: Said) -> None:
    publisher = app()
    publisher.joined(Joined(Dialect.HOSTED))
    publisher.reported(Report(ANN, "waiting", "no viewer yet"))
    assert not publisher.ended.is_set()
    publisher.child_exited(1, ANN, "exited with code 0")
    assert (publisher.ended.is_set(), publisher.code) == (True, DONE)
    assert [message for message, _ in said()] == ["joined", "publishing"]


async def test_a_failure_is_remembered_and_its_reason_told(said: Said) -> None:
    publisher = app()
    publisher.reported(Report(ANN, "failed", "no encoder"))
    assert publisher.code == FAILED
    assert said() == [("publishing failed", {"stream": "ann", "reason": "no encoder"})]


async def test_what_the_user_gave_wrong_is_bad_input() -> None:
    for wrong in map(Outcome.of, (ConfigError("--video-pipeline: no element"), FileRefused("text.txt is no media"))):
        publisher = app()
        publisher.reported(Report(ANN, "failed", wrong.detail, wrong))
        assert publisher.code == BAD_INPUT


async def test_a_refused_stream_id_ends_the_run(said: Said) -> None:
    publisher = app()
    publisher.refused("already in use")
    assert (publisher.ended.is_set(), publisher.code) == (True, FAILED)
    assert said() == [("publishing failed", {"reason": "the server refuses this stream id: already in use"})]


async def test_the_child_gets_the_encoder_that_was_chosen_and_the_phrase() -> None:
    config = await app()._configure(1, ANN)
    assert (config.stream_id, config.codec, config.encoder, config.phrase) == (ANN, Codec.VP9, "", "secretvdo.ninja")


async def test_the_stream_is_announced_under_its_hashed_id() -> None:
    assert app().seed == make_identity("secret", "vdo.ninja").wire_id(ANN)
