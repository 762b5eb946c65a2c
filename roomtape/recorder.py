"""A recording run: router, signaling, console and manifest put together."""

import asyncio
import random
import time
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from rich.console import Console as Terminal

from roomtape.config import Settings
from roomtape.crash_reports import CrashReports
from roomtape.errors import StorageError, TurnUnreachable
from roomtape.folders import Folders
from roomtape.former import former_session
from roomtape.ice.results import explain
from roomtape.ice.servers import by_relay
from roomtape.ice.turn_list import TurnList, ice_for_a_child
from roomtape.ipc.ceilings import RECORDING, ceilings
from roomtape.ipc.messages import Failed, FromChild, RecordConfig, SegmentClosed, SegmentOpened, Unwritten
from roomtape.ipc.storing import Storing
from roomtape.logs import get_logger
from roomtape.model import Feed, IceServers, StreamId, WireStreamId
from roomtape.observe.board import Board, GuestState
from roomtape.observe.console import Console
from roomtape.observe.metrics import Metrics
from roomtape.observe.redactor import Redactor
from roomtape.room.effects import ChildId, Report
from roomtape.room.router import Router
from roomtape.runner import Runner
from roomtape.salvage import Salvage
from roomtape.signaling.identity import Identity, sanitise_stream
from roomtape.signaling.messages import SayRecording
from roomtape.signaling.protocol import Joined
from roomtape.space_guard import SpaceGuard
from roomtape.storage import manifest
from roomtape.storage.layout import next_take, stem
from roomtape.storage.recovery import note
from roomtape.storage.repair import Repair
from roomtape.supervisor.crash import Crash
from roomtape.supervisor.launcher import launch
from roomtape.supervisor.manager import exit_words
from roomtape.supervisor.process import Launch

DEFAULT_PREFIX: Final = "roomtape"
MANIFEST_S: Final = 2.0
"""How often the manifest is written at most."""
EMPTY_ROOM_S: Final = 2.0
PROBE_INTERVAL_S: Final = 60.0
"""How often the TURN servers are tried, at most, to explain failures."""

HINT: Final = "it may be slow or full; one at a loopback address is reached with ?transport=tcp only"

CLEAN_EXIT: Final = exit_words(0)

log = get_logger(__name__)


class RecorderApp:
    """Audience of its Runner. `run` returns when cancelled; `leave` ends the recordings first."""

    def __init__(
        self,
        settings: Settings,
        identity: Identity,
        terminal: Terminal,
        turn: TurnList | None,
        metrics: Metrics,
        launcher: Launch = launch,
        redactor: Redactor | None = None,
    ) -> None:
        self._settings, self._identity, self._turn, self._metrics = settings, identity, turn, metrics
        redactor = redactor or Redactor()
        self.conceal = redactor.add
        self._prefix = settings.recording.prefix or settings.signaling.room or DEFAULT_PREFIX
        self._takes: dict[ChildId, int] = {}
        self._last_take: dict[StreamId, int] = {}
        self._reasons: dict[ChildId, str] = {}
        self._said_recording: tuple[WireStreamId, ...] = ()
        self._probed = float("-inf")
        self._changed = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self.board = Board()
        self.console = Console(self.board, terminal)
        started = datetime.now(UTC)
        self._manifest = manifest.Manifest(settings.signaling.room, self._prefix, started)
        recording = settings.recording
        name = manifest.file_name(self._prefix, started)
        self._folders = Folders(recording.output_dir, recording.fallback_dir, name)
        self.space = SpaceGuard(self._folders.all, recording.min_free_bytes, metrics)
        # One thread: what was begun is written first, also if nobody waits for it any more.
        self._disk = ThreadPoolExecutor(1, "manifest")
        self._crashes = CrashReports(self._folders, self._prefix, self._disk, metrics, redactor.clean)
        self._open_files: dict[ChildId, set[Path]] = {}
        self.salvage = Salvage(self._folders, recording.min_free_bytes, metrics, self._repaired)
        self.router = Router(
            identity,
            frozenset(map(sanitise_stream, settings.recording.streams)),
            settings.deadlines,
            random.random,
            alone=settings.signaling.room is None,
            max_streams=settings.supervision.max_streams,
        )
        self.runner = Runner(
            self.router, self, self._configure, settings.deadlines, metrics, launcher, self._child_crashed
        )

    def prepare(self) -> None:
        """See that there is a folder that takes files; go on with the session that is there, if that is wanted.

        Raises:
            ConfigError: there is none.
        """
        if not self._settings.recording.resume:
            self._folders.prepare(self._manifest.render())
            return
        room, names = self._settings.signaling.room, list(self._folders.names())
        with former_session(self._folders.all, names, room, self._prefix) as former:
            if former is not None:
                name, document = former
                self._manifest = manifest.Manifest.of(document)
                self._folders.go_on_with(name)
            self._folders.prepare(self._manifest.render())

    async def apply(self, settings: Settings, turn: TurnList | None) -> None:
        """Other settings from now on: those that `roomtape.changes` lets change while guests are recorded."""
        self._settings, self._turn = settings, turn
        recording = settings.recording
        # A network file system that hangs is not to hold up the guests.
        await asyncio.to_thread(self._folders.use_fallback, recording.fallback_dir)
        self.space.watch(self._folders.all, recording.min_free_bytes)
        self.salvage.spare_bytes = recording.min_free_bytes

    async def ice_servers(self) -> IceServers:
        """What children may use now."""
        return await ice_for_a_child(self._settings.ice, self._turn, self.conceal)

    async def _configure(self, child: ChildId, stream: StreamId) -> RecordConfig:
        recording, deadlines = self._settings.recording, self._settings.deadlines
        take = self._next_take(stream)
        self._takes[child] = take
        ice = await self.ice_servers()
        return RecordConfig(
            stream_id=stream,
            folder=str(self._folders.main.absolute()),
            storing=self._storing(),
            ceilings=ceilings(self._settings.supervision.child_memory_bytes, RECORDING),
            stem=stem(self._prefix, stream, take),
            screen_stem=stem(self._prefix, stream, take, Feed.SCREEN),
            container=recording.container,
            audio=recording.audio,
            video=recording.video,
            codecs=recording.codecs,
            max_bitrate_kbps=recording.max_bitrate_kbps,
            jitter_ms=recording.jitter_ms,
            ice=by_relay(ice) if self.router.by_relay(stream) else ice,
            phrase=self._identity.phrase,
            connect_deadline_ms=int(deadlines.connect * 1000),
            media_deadline_ms=int(deadlines.media * 1000),
        )

    def _storing(self) -> Storing:
        fallback, recording = self._folders.fallback, self._settings.recording
        return Storing(
            fallback_folder=str(fallback.absolute()) if fallback is not None else "",
            mount=self._folders.mount,
            min_free_bytes=recording.min_free_bytes,
            segment_ms=int(recording.segment.seconds * 1000),
            segment_bytes=recording.segment.size_bytes,
        )

    def _next_take(self, stream: StreamId) -> int:
        known = max(self._manifest.last_take(stream), self._last_take.get(stream, 0))
        take = max(next_take(self._folders.names(), self._prefix, stream), known + 1)
        self._last_take[stream] = take
        return take

    # --- audience -------------------------------------------------------------------------------------------------

    def child_said(self, child: ChildId, stream: StreamId, message: FromChild) -> None:
        self.board.apply(stream, message, time.monotonic())
        if self._manifest.apply(stream, self._takes[child], message, datetime.now(UTC)):
            self._changed.set()
        if isinstance(message, Failed):
            self._reasons[child] = message.detail
            self._metrics.attempts_ended.add(message.code)
        if isinstance(message, SegmentOpened):
            self._open_files.setdefault(child, set()).add(Path(message.path))
            log.info("file opened", stream=stream, file=Path(message.path).name)
        if isinstance(message, Unwritten):
            self._unwritten(stream, message.detail)
        if isinstance(message, SegmentClosed) and not message.torn:
            self._open_files.get(child, set()).discard(Path(message.path))
            self._metrics.files_closed.add()
            self._metrics.bytes_recorded.add(message.size_bytes)
            log.info("file is final", stream=stream, file=Path(message.path).name, bytes=message.size_bytes)

    def _child_crashed(self, child: ChildId, stream: StreamId, crash: Crash) -> None:
        self._crashes.add(stream, self._takes[child], crash)

    def child_exited(self, child: ChildId, stream: StreamId, detail: str) -> None:
        reason = self._reasons.pop(child, "stopped" if detail == CLEAN_EXIT else detail)
        self._manifest.end(stream, self._takes.pop(child, 0), reason, datetime.now(UTC))
        self._changed.set()
        for path in sorted(self._open_files.pop(child, ())):
            self.salvage.add(path)

    def _unwritten(self, stream: StreamId, detail: str) -> None:
        if detail:
            log.error("nothing can be recorded", stream=stream, reason=detail)
            self.board.explain(stream, f"not recorded: {detail}")
        else:
            log.info("there is room for recordings again", stream=stream)
            self.board.explain(stream, "")

    def _repaired(self, repair: Repair) -> None:
        if note(self._manifest.document, repair):
            self._changed.set()

    def reported(self, report: Report) -> None:
        self.board.set_state(report.stream, GuestState(report.state), time.monotonic(), report.note)
        self._say_recording()
        write = log.warning if report.error is not None else log.info
        fields = {"code": report.error.code} if report.error is not None else {}
        write(f"guest {report.state}", stream=report.stream, **fields, **({"note": report.note} if report.note else {}))
        if report.error is not None and report.error.code == TurnUnreachable.code:
            self._task(self._explain_turn(report.stream))

    def _say_recording(self) -> None:
        """To the handshake server, when it has changed."""
        rows = self.board.rows()
        streams = tuple(self._identity.wire_id(row.stream) for row in rows if row.state is GuestState.RECORDING)
        if streams != self._said_recording and self.runner.client is not None:
            self._said_recording = streams
            self.runner.client.request(SayRecording(streams))

    def joined(self, joined: Joined) -> None:
        settings = self._settings.signaling
        server = urlsplit(settings.server)._replace(query="", fragment="").geturl()  # there may be a token in it
        log.info("joined", room=settings.room or "(none)", server=server, dialect=joined.dialect)
        self._task(self._say_if_empty())

    async def _say_if_empty(self) -> None:
        await asyncio.sleep(EMPTY_ROOM_S)
        room = self._settings.signaling.room
        if room is not None and not len(self.router):
            whom = "the wanted streams" if self._settings.recording.streams else "guests"
            log.info(f"waiting for {whom}; with another password they would be in another room", room=room)
        elif room is None and not self.board.count(GuestState.RECORDING):
            log.info("waiting for the stream; it needs the same password, and --room if it is in a room")

    async def _explain_turn(self, stream: StreamId) -> None:
        """Webrtcbin does not say why a TURN server gave no address; a real allocation does."""
        from roomtape.ice.probe import probe_turn  # its library is a sixth of all imports, and rarely needed

        now = time.monotonic()
        if now - self._probed < PROBE_INTERVAL_S:
            return
        self._probed = now
        servers = (await self.ice_servers()).turn
        error = explain(await asyncio.gather(*(probe_turn(server) for server in servers)))
        if error is None and servers:
            log.warning(
                "a TURN server relays for the recorder itself, and for this guest's process none did", hint=HINT
            )
        elif error is not None:
            log.error("TURN does not work", code=error.code, reason=error.detail)
            self.board.explain(stream, error.detail)

    def _task(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # --- the manifest ---------------------------------------------------------------------------------------------

    async def keep_manifest(self) -> None:
        """Write it when it has changed, until cancelled."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            await self._write_manifest()
            await asyncio.sleep(MANIFEST_S)

    async def finish_manifest(self) -> None:
        self._manifest.finish(datetime.now(UTC))
        await self._write_manifest()
        self._folders.release()

    async def _write_manifest(self) -> None:
        try:
            await asyncio.get_running_loop().run_in_executor(
                self._disk, self._folders.write_manifest, self._manifest.render()
            )
        except StorageError as error:
            log.error("cannot write the manifest", reason=error.detail)
