"""Performs what a decider decides: requests to the server, children, timers. Inputs are handled one at a time."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

from roomtape.bucket import Bucket
from roomtape.config import Deadlines
from roomtape.errors import RecorderError
from roomtape.ipc.messages import FromChild, Log, PublishConfig, Ready, RecordConfig, ViewConfig
from roomtape.logs import get_logger
from roomtape.model import StreamId
from roomtape.observe.metrics import FLOODS, Metrics
from roomtape.room.effects import (
    Arm,
    ChildId,
    Count,
    Disarm,
    Effect,
    Report,
    Send,
    Spawn,
    Stop,
    Tell,
    Timer,
    Warn,
)
from roomtape.signaling.client import SignalingClient
from roomtape.signaling.messages import Signal
from roomtape.signaling.protocol import Joined
from roomtape.supervisor.crash import Crash
from roomtape.supervisor.manager import WebRTCSubprocessManager
from roomtape.supervisor.process import Launch

LOG_LINES_PER_S: Final = 20.0
LOG_LINES_AT_ONCE: Final = 200.0
"""Of one child; what a guest makes it say must not keep others from being heard."""
TOO_MANY_LINES: Final = "too many log lines"
LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}

log = get_logger(__name__)
child_log = get_logger("roomtape.child")


class Decider(Protocol):
    """`room.router.Router` or `room.publisher.Publisher`."""

    def joined(self, now: float) -> list[Effect]: ...
    def signal(self, signal: Signal, now: float) -> list[Effect]: ...
    def child_said(self, child: ChildId, message: FromChild, now: float) -> list[Effect]: ...
    def child_exited(self, child: ChildId, detail: str, now: float) -> list[Effect]: ...
    def due(self, timer: Timer, now: float) -> list[Effect]: ...
    def leave(self) -> list[Effect]: ...
    @property
    def idle(self) -> bool: ...


class Audience(Protocol):
    """Who is told what happens, beside the decider: console, manifest."""

    def child_said(self, child: ChildId, stream: StreamId, message: FromChild) -> None: ...
    def child_exited(self, child: ChildId, stream: StreamId, detail: str) -> None: ...
    def reported(self, report: Report) -> None: ...
    def joined(self, joined: Joined) -> None: ...


Configure = Callable[[ChildId, StreamId], Awaitable[RecordConfig | ViewConfig | PublishConfig]]


class Runner:
    """`configure` makes the configuration of a child; it may look things up first. `on_crash` comes before the
    audience's `child_exited`."""

    def __init__(
        self,
        decider: Decider,
        audience: Audience,
        configure: Configure,
        deadlines: Deadlines,
        metrics: Metrics,
        launcher: Launch,
        on_crash: Callable[[ChildId, StreamId, Crash], None] = lambda _child, _stream, _crash: None,
    ) -> None:
        self._on_crash = on_crash
        self._decider, self._audience, self._configure = decider, audience, configure
        self._deadlines, self._metrics, self._launcher = deadlines, metrics, launcher
        # A child is in `_streams` from Spawn to its end, in `_starting` until there is a process, then in `_managers`.
        self._streams: dict[ChildId, StreamId] = {}
        self._starting: dict[ChildId, asyncio.Task[None]] = {}
        self._managers: dict[ChildId, WebRTCSubprocessManager] = {}
        self._log_lines: dict[ChildId, Bucket] = {}
        self._timers: dict[Timer, asyncio.TimerHandle] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._all_gone = asyncio.Event()
        self._said_unconfined = self._leaving = False
        self.ended_badly: list[StreamId] = []
        """Streams whose child had to be killed when everything was to end, or died then."""
        self._floods: set[str] = set()
        self.client: SignalingClient | None = None

    # --- inputs ---------------------------------------------------------------------------------------------------

    def on_signal(self, signal: Signal) -> None:
        self.perform(self._decider.signal(signal, time.monotonic()))

    def on_joined(self, joined: Joined) -> None:
        self._metrics.signaling_connected.set(1)
        self._audience.joined(joined)
        self.perform(self._decider.joined(time.monotonic()))

    def on_lost(self, _error: RecorderError) -> None:
        self._metrics.signaling_connected.set(0)

    def _child_said(self, child: ChildId, message: FromChild) -> None:
        self._metrics.child_messages.add()
        stream = self._streams[child]
        if isinstance(message, Log):
            if not self._log_lines[child].take(1, time.monotonic()):
                self._metrics.child_messages_dropped.add(TOO_MANY_LINES)
                self._warn_of_flood(TOO_MANY_LINES)
                return
            fields = {**message.fields, "stream": stream}
            child_log.log(LEVELS.get(message.level, LEVELS["warning"]), message.message, **fields)
            return
        if isinstance(message, Ready) and message.unconfined and not self._said_unconfined:
            self._said_unconfined = True
            log.warning("children run with less protection than they could", missing="; ".join(message.unconfined))
        self._audience.child_said(child, stream, message)
        self.perform(self._decider.child_said(child, message, time.monotonic()))

    def _child_exited(self, child: ChildId, detail: str) -> None:
        stream, manager = self._streams.pop(child), self._managers.pop(child, None)
        del self._log_lines[child]
        if manager is not None:
            self._count_dropped(stream, manager)
        self._metrics.children_alive.set(len(self._managers))
        log.debug("child ended", child=child, detail=detail)
        if manager is not None and detail != "exited with code 0":
            for line in manager.last_lines:
                log.debug("its last words", child=child, text=line)
        if manager is not None and manager.crash is not None:
            self._on_crash(child, stream, manager.crash)
            if self._leaving:
                self.ended_badly.append(stream)
        self._audience.child_exited(child, stream, detail)
        self.perform(self._decider.child_exited(child, detail, time.monotonic()))
        if not self._streams:
            self._all_gone.set()

    def _count_dropped(self, stream: StreamId, manager: WebRTCSubprocessManager) -> None:
        lost = {"not taken by the child": manager.dropped, "not understood": manager.garbage}
        for reason, count in lost.items():
            if count:
                self._metrics.child_messages_dropped.add(reason, count)
                log.warning("messages to or from a child were lost", stream=stream, count=count, reason=reason)

    def _due(self, timer: Timer) -> None:
        del self._timers[timer]
        self.perform(self._decider.due(timer, time.monotonic()))

    # --- effects --------------------------------------------------------------------------------------------------

    def perform(self, effects: list[Effect]) -> None:
        """Do what was decided, in order."""
        for effect in effects:
            match effect:
                case Send(request) if self.client is not None:
                    self.client.request(request)
                case Spawn(child, stream):
                    self._spawn(child, stream)
                case Tell(child, message) if child in self._managers:
                    self._managers[child].send(message)
                case Stop(child) if child in self._starting:
                    self._starting[child].cancel()
                case Stop(child, reason) if child in self._managers:
                    self._task(self._managers[child].stop(reason))
                case Arm(timer, delay_s):
                    self._disarm(timer)
                    self._timers[timer] = asyncio.get_running_loop().call_later(delay_s, self._due, timer)
                case Disarm(timer):
                    self._disarm(timer)
                case Report():
                    self._audience.reported(effect)
                case Count(reason, times):
                    self._metrics.frames_dropped.add(reason, times)
                    if reason in FLOODS:
                        self._warn_of_flood(reason)
                case Warn(message, fields):
                    log.warning(message, **fields)
                case _:
                    log.debug("effect for an ended child", kind=type(effect).__name__)

    def _warn_of_flood(self, reason: str) -> None:
        """Once; how much it was is said at the end."""
        if reason not in self._floods:
            self._floods.add(reason)
            log.warning("more comes than can be of use: the rest is left out", reason=reason)

    def _spawn(self, child: ChildId, stream: StreamId) -> None:
        self._streams[child] = stream
        self._log_lines[child] = Bucket(LOG_LINES_PER_S, LOG_LINES_AT_ONCE)
        self._all_gone.clear()
        self._metrics.attempts_started.add()
        self._starting[child] = self._task(self._start(child, stream))
        # Called also for a task that is cancelled before its first step.
        self._starting[child].add_done_callback(lambda start: self._started(child, start))

    async def _start(self, child: ChildId, stream: StreamId) -> None:
        manager = WebRTCSubprocessManager(
            await self._configure(child, stream),
            lambda message: self._child_said(child, message),
            lambda detail: self._child_exited(child, detail),
            self._deadlines,
            self._launcher,
        )
        await manager.spawn()
        del self._starting[child]
        self._managers[child] = manager
        self._metrics.children_started.add()
        self._metrics.children_alive.set(len(self._managers))

    def _started(self, child: ChildId, start: asyncio.Task[None]) -> None:
        """A child that did not come to be is told like one that ended."""
        if self._starting.pop(child, None) is None:
            return  # it runs
        if start.cancelled():
            self._child_exited(child, "stopped before it began")
        elif error := start.exception():
            log.error("cannot start a child", stream=self._streams[child], reason=_words(error))
            self._child_exited(child, _words(error))

    def _disarm(self, timer: Timer) -> None:
        handle = self._timers.pop(timer, None)
        if handle is not None:
            handle.cancel()

    def _task(self, work: Awaitable[None]) -> asyncio.Task[None]:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    # --- the end --------------------------------------------------------------------------------------------------

    async def leave(self) -> None:
        """Stop all children at once and wait until they are gone; each is killed after its stop deadline."""
        self._leaving = True
        self.perform(self._decider.leave())
        if self._streams:
            await self._all_gone.wait()
        for timer in list(self._timers):
            self._disarm(timer)
        log.debug("frames dropped in this run", **self._metrics.ignored())
        if left_out := self._metrics.left_out():
            log.warning("left out in this run, being too much", **left_out)

    def kill_all(self) -> None:
        """The user does not want to wait."""
        for start in self._starting.values():
            start.cancel()
        for manager in self._managers.values():
            manager.kill("stopped at once")


def _words(error: BaseException) -> str:
    if isinstance(error, RecorderError):
        return error.detail
    return error.strerror.lower() if isinstance(error, OSError) and error.strerror else repr(error)
