"""A viewing run: one stream, shown instead of recorded. The router decides as it does for recordings."""

import asyncio
import os
import random
import stat
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

from roomtape.config import STDOUT, Settings, ViewSettings
from roomtape.errors import ConfigError, ReaderGone
from roomtape.ice.turn_list import TurnList, ice_for_a_child
from roomtape.ipc.ceilings import RECORDING, WITH_CODECS, ceilings
from roomtape.ipc.messages import (
    Failed,
    FromChild,
    OutputWanted,
    RecordConfig,
    SegmentClosed,
    TrackStarted,
    Unwritten,
    ViewConfig,
)
from roomtape.logs import get_logger
from roomtape.model import Codec, StreamId
from roomtape.observe.metrics import Metrics
from roomtape.room.effects import ChildId, Report
from roomtape.room.router import Router
from roomtape.room.turns import Turns
from roomtape.runner import Runner
from roomtape.signaling.identity import Identity, sanitise_stream
from roomtape.signaling.protocol import Joined
from roomtape.supervisor.launcher import launch

WORDS: Final = {
    "waiting": "waiting for the stream",
    "connecting": "connecting",
    "recording": "viewing",
    "finished": "the stream has ended",
}
"""For the states of observe.board.GuestState."""

log = get_logger(__name__)


class ViewerApp:
    """Audience of its Runner. `ended` is set when there is nothing left to do: see `failed`.

    `descriptor` is where the stream is written to, None for the screen or a file.
    """

    def __init__(
        self,
        settings: Settings,
        identity: Identity,
        turn: TurnList | None,
        metrics: Metrics,
        descriptor: int | None,
        conceal: Callable[[str], None] = lambda _secret: None,
    ) -> None:
        self._settings, self._identity, self._turn = settings, identity, turn
        self._descriptor, self._conceal = descriptor, conceal
        self._path = Path(settings.view.output).absolute()
        self._turns = Turns()
        self.ended = asyncio.Event()
        self.failed = False
        router = Router(
            identity,
            frozenset({sanitise_stream(settings.view.stream_id)}),
            settings.deadlines,
            random.random,
            alone=settings.signaling.room is None,
        )
        launcher = partial(launch, *([] if descriptor is None else [descriptor]))
        self.runner = Runner(router, self, self._configure, settings.deadlines, metrics, launcher)

    async def _configure(self, _child: ChildId, stream: StreamId) -> RecordConfig | ViewConfig:
        view, deadlines = self._settings.view, self._settings.deadlines
        ice, phrase = await ice_for_a_child(self._settings.ice, self._turn, self._conceal), self._identity.phrase
        memory = self._settings.supervision.child_memory_bytes
        connect_ms, media_ms = int(deadlines.connect * 1000), int(deadlines.media * 1000)
        if view.container is None or self._descriptor is not None:
            return ViewConfig(
                stream_id=stream,
                descriptor=self._descriptor,
                ceilings=ceilings(memory, WITH_CODECS),
                video_sink=view.video_sink,
                audio_sink=view.audio_sink,
                audio=view.audio,
                video=view.video,
                jitter_ms=view.jitter_ms,
                ice=ice,
                phrase=phrase,
                connect_deadline_ms=connect_ms,
                media_deadline_ms=media_ms,
            )
        return RecordConfig(
            stream_id=stream,
            folder=str(self._path.parent),
            ceilings=ceilings(memory, RECORDING),
            stem=self._path.stem,
            dated=False,
            container=view.container,
            audio=view.audio,
            video=view.video,
            jitter_ms=view.jitter_ms,
            ice=ice,
            phrase=phrase,
            label="viewer",
            connect_deadline_ms=connect_ms,
            media_deadline_ms=media_ms,
        )

    # --- audience -------------------------------------------------------------------------------------------------

    def child_said(self, child: ChildId, stream: StreamId, message: FromChild) -> None:
        match message:
            case OutputWanted():
                before = self._turns.left_out
                self.runner.perform([*self._turns.wanted(child, message, time.monotonic_ns())])
                self._tell_left_out(before)
            case Failed(code=ReaderGone.code, detail=detail):
                self.reader_gone(detail)
            case TrackStarted(codec=codec, width=width, height=height):
                size = {"width": width, "height": height} if width else {}
                log.info("track", stream=stream, codec=codec, **size)
            case Unwritten(detail=detail) if detail:
                log.error("nothing can be written", stream=stream, reason=detail)
            case SegmentClosed(path=path, size_bytes=size_bytes):
                log.info("file is final", stream=stream, file=Path(path).name, bytes=size_bytes)

    def _tell_left_out(self, before: frozenset[Codec]) -> None:
        if new := self._turns.left_out - before:
            log.warning("came too late for the player: to see and hear all, start again", codecs=",".join(sorted(new)))

    def child_exited(self, child: ChildId, stream: StreamId, detail: str) -> None:
        self.runner.perform([*self._turns.exited(child, time.monotonic_ns())])

    def reported(self, report: Report) -> None:
        fields = {"note": report.note} if report.note else {}
        if report.state != "failed":
            log.info(WORDS[report.state], stream=report.stream, **fields)
        elif report.error is not None and report.error.code != ReaderGone.code:
            log.error("cannot view the stream", stream=report.stream, reason=report.note)
            if not report.error.retryable:
                self.failed = True
                self.ended.set()

    def joined(self, joined: Joined) -> None:
        log.info("joined", room=self._settings.signaling.room or "(none)", dialect=joined.dialect)

    def reader_gone(self, detail: str) -> None:
        """Whoever looked on has seen enough."""
        if not self.ended.is_set():
            log.info("the end", reason=detail)
            self.ended.set()


def prepare(view: ViewSettings) -> int | None:
    """See that the output takes what is viewed; a descriptor for standard output, to which nothing else goes then.

    Raises:
        ConfigError: there is such a file already, or no such folder, or standard output is closed.
    """
    if view.output != STDOUT:
        path = Path(view.output)
        if view.output and path.exists():
            raise ConfigError(f"the file {view.output} exists already")
        if view.output and not path.parent.is_dir():
            raise ConfigError(f"there is no folder {path.parent}")
        return None
    try:
        descriptor = os.dup(1)
    except OSError:
        raise ConfigError("standard output is closed") from None
    # What prints in spite of that must not get between the media.
    sys.stdout.flush()
    os.dup2(2, 1)
    return descriptor


def watch_reader(descriptor: int, gone: Callable[[], None]) -> None:
    """Call `gone` once the reading end of a pipe is closed, also while there is nothing to write."""
    if not stat.S_ISFIFO(os.fstat(descriptor).st_mode):
        return
    loop = asyncio.get_running_loop()

    def closed() -> None:
        loop.remove_reader(descriptor)
        gone()

    # The writing end of a pipe never has anything to read: what wakes us is the error.
    loop.add_reader(descriptor, closed)
