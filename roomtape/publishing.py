"""A publishing run: one stream, one child that holds a connection per viewer."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from roomtape.config import EncoderChoice, PublishSettings, Settings
from roomtape.errors import ConfigError, FileRefused, SeedRefused
from roomtape.ice.turn_list import TurnList, ice_for_a_child
from roomtape.ipc.messages import FromChild, PublishConfig, Stats
from roomtape.logs import get_logger
from roomtape.model import SessionId, StreamId
from roomtape.observe.metrics import Metrics
from roomtape.room.effects import ChildId, Report
from roomtape.room.publication import publish_config
from roomtape.room.publisher import Publisher
from roomtape.runner import Runner
from roomtape.signaling.identity import Identity
from roomtape.signaling.protocol import Joined
from roomtape.supervisor.encoders import working_encoder
from roomtape.supervisor.launcher import launch
from roomtape.supervisor.process import Launch

DONE, FAILED, BAD_INPUT = 0, 1, 2
OF_THE_INPUT: Final = frozenset({ConfigError.code, FileRefused.code})
"""What an option is wrong for, or the file or device that it names."""

log = get_logger(__name__)


def see_that_it_is_there(wanted: PublishSettings) -> None:
    """Before anybody hears of the stream.

    Raises:
        ConfigError: the file or the camera that is to be published is not there.
    """
    for what, path, there in (("file", wanted.file, Path.is_file), ("camera", wanted.v4l2, Path.exists)):
        if path and not there(Path(path)):
            raise ConfigError(f"there is no {what} {path}")


class PublisherApp:
    """Audience of its Runner. `ended` is set when there is nothing left to do; `code` is the run's exit code then.

    `new_session` draws the tag of a viewer's connection. What `conceal` is told must not be seen in a log.
    """

    def __init__(
        self,
        settings: Settings,
        identity: Identity,
        turn: TurnList | None,
        metrics: Metrics,
        new_session: Callable[[], SessionId],
        conceal: Callable[[str], None] = lambda _secret: None,
        launcher: Launch = launch,
    ) -> None:
        self._settings, self._identity, self._turn, self._conceal = settings, identity, turn, conceal
        self._viewers = 0
        self.ended = asyncio.Event()
        self.code = DONE
        stream = settings.publish.stream_id
        self.seed: Final = identity.wire_id(stream)
        self._publisher = Publisher(stream, self.seed, new_session)
        self.runner = Runner(self._publisher, self, self._configure, settings.deadlines, metrics, launcher)

    def start(self) -> None:
        """Start the child. Viewers come when the runner's client has announced the stream."""
        self.runner.perform(self._publisher.start())

    async def _configure(self, _child: ChildId, _stream: StreamId) -> PublishConfig:
        ice = await ice_for_a_child(self._settings.ice, self._turn, self._conceal)
        config = publish_config(self._settings, ice, self._identity.phrase, str(Path.cwd()))
        if self._settings.publish.encoder is EncoderChoice.AUTO and config.video:
            return msgspec.structs.replace(config, encoder=await working_encoder(config))
        return config

    # --- audience -------------------------------------------------------------------------------------------------

    def child_said(self, child: ChildId, stream: StreamId, message: FromChild) -> None:
        if isinstance(message, Stats) and message.viewers != self._viewers:
            self._viewers = message.viewers
            log.info("viewers", stream=stream, viewers=message.viewers)

    def child_exited(self, child: ChildId, stream: StreamId, detail: str) -> None:
        self.ended.set()

    def reported(self, report: Report) -> None:
        if report.state == "failed":
            self.code = BAD_INPUT if report.error is not None and report.error.code in OF_THE_INPUT else FAILED
            log.error("publishing failed", stream=report.stream, reason=report.note)
        else:
            log.info("publishing", stream=report.stream, note=report.note)

    def joined(self, joined: Joined) -> None:
        log.info("joined", dialect=joined.dialect)

    def refused(self, text: str) -> None:
        """The server does not let us have the stream's id."""
        error = SeedRefused(f"the server refuses this stream id: {text}")
        self.code = FAILED
        log.error("publishing failed", reason=error.detail)
        self.ended.set()
