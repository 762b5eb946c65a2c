"""The publishing child's work: one source, a viewer for each peer that asked."""

import time
from collections.abc import Callable
from typing import Any, Final

from roomtape.child.bitrate import shared
from roomtape.child.feed import Feed, PatternThread
from roomtape.child.gst import GLib, Gst, after_ms, guarded
from roomtape.child.media import Media
from roomtape.child.source import Source
from roomtape.child.viewer import Viewer
from roomtape.errors import MediaError, RecorderError
from roomtape.ipc.messages import (
    AddViewer,
    Failed,
    Finished,
    FromChild,
    Log,
    PublishConfig,
    RemoteCandidates,
    RemoteDescription,
    RemoveViewer,
    SetResolution,
    SetTrack,
    Stats,
    Stop,
    ToChild,
    ViewerLeft,
)
from roomtape.ipc.source import MediaSource
from roomtape.model import TrackKind

STATS_MS: Final = 1_000
BYE_FLUSH_MS: Final = 200
"""For the byes to go through three threads each and leave, on a busy computer too."""
LAST_MEDIA_MS: Final = 500
"""From the end of a file to the bye: the last pictures are encoded and on their way."""
MAX_VIEWERS: Final = 80
"""As many as a room of the hosted service holds (protocol.md 0)."""


class Publishing:
    """Owner of its Viewers and of its Feed. `quit` is called at the end."""

    def __init__(self, config: PublishConfig, send: Callable[[FromChild], None], quit_: Callable[[], None]) -> None:
        self._config, self.send, self._quit = config, send, quit_
        self._viewers: dict[str, Viewer] = {}
        self._early: dict[str, str] = {}
        self._kinds: frozenset[TrackKind] | None = None
        self._stopping = False
        self._pipeline = Gst.Pipeline()
        self._source = Source(self._pipeline, config)
        bus = self._pipeline.get_bus()
        bus.add_signal_watch()
        bus.connect("message::error", guarded(self._bus_error, self._fail))
        # Sender reports are right only if the payloaders know the pipeline's latency.
        bus.connect("message::latency", lambda *_: self._pipeline.recalculate_latency())
        self._pipeline.use_clock(Gst.SystemClock.obtain())
        self._pipeline.set_state(Gst.State.PLAYING)
        self._feed: Feed = (PatternThread if config.source == MediaSource() else Media)(config, self)
        self._feed.start()
        GLib.timeout_add(STATS_MS, guarded(self._tick, self._fail, otherwise=True))

    # --- the feed -------------------------------------------------------------------------------------------------

    def now(self) -> int:
        return int(self._pipeline.get_clock().get_time() - self._pipeline.get_base_time())

    def base_time(self) -> int:
        return int(self._pipeline.get_base_time())

    def push(self, kind: TrackKind, buffer: Any) -> None:
        self._source.push(kind, buffer)

    def is_watched(self) -> bool:
        return any(viewer.has_media for viewer in list(self._viewers.values()))

    def is_received(self) -> bool:
        return any(viewer.has_media and viewer.receives for viewer in list(self._viewers.values()))

    def on_kinds(self, kinds: frozenset[TrackKind]) -> None:
        """Which tracks there are is known: viewers may be offered them."""
        for kind in self._source.tees.keys() - kinds:
            del self._source.tees[kind]
        self._kinds = kinds
        early, self._early = self._early, {}
        for peer, session in early.items():
            self._add(peer, session)

    def on_feed_end(self) -> None:
        after_ms(LAST_MEDIA_MS, self.stop)

    def on_feed_error(self, error: RecorderError) -> None:
        self._fail(error)

    # --- messages -------------------------------------------------------------------------------------------------

    def handle(self, message: ToChild) -> None:
        match message:
            case AddViewer(peer=peer, session=session):
                self._add(peer, session)
            case RemoveViewer(peer=peer):
                self._remove(peer)
            case RemoteDescription(peer=peer, description=description) if peer in self._viewers:
                self._viewers[peer].accept_answer(description)
            case RemoteCandidates(peer=peer, candidates=candidates) if peer in self._viewers:
                self._viewers[peer].add_candidates(candidates)
            case SetResolution(width=width, height=height) if self._config.video:
                self._source.set_resolution(width, height)
            case SetTrack(track=track, enabled=enabled):
                self._set_track(track, enabled)
            case Stop():
                self.stop()
            case _:
                self.log("debug", "message for nobody", kind=type(message).__name__)

    def _set_track(self, track: TrackKind, enabled: bool) -> None:
        (self._feed.muted.discard if enabled else self._feed.muted.add)(track)
        for viewer in self._viewers.values():
            viewer.tell_muted(track, not enabled)

    @property
    def muted(self) -> frozenset[TrackKind]:
        return frozenset(self._feed.muted)

    def _add(self, peer: str, session: str) -> None:
        self._remove(peer)
        if len(self._viewers) + len(self._early) >= MAX_VIEWERS:
            self.send(ViewerLeft(peer=peer, detail=f"more than {MAX_VIEWERS} viewers"))
        elif self._kinds is None:
            self._early[peer] = session
        else:
            self._viewers[peer] = Viewer(self, self._pipeline, self._source, self._config, peer, session)

    def _remove(self, peer: str) -> None:
        self._early.pop(peer, None)
        viewer = self._viewers.pop(peer, None)
        if viewer is not None:
            viewer.close()

    def viewer_ended(self, viewer: Viewer, detail: str) -> None:
        if self._viewers.get(viewer.peer) is viewer:
            self._remove(viewer.peer)
            self.send(ViewerLeft(peer=viewer.peer, detail=detail))

    # --- every second ---------------------------------------------------------------------------------------------

    def _tick(self) -> bool:
        now = time.monotonic()
        for viewer in list(self._viewers.values()):
            viewer.check_alive(now)
        if self._config.video:
            self._share_bitrate(now)
        viewers = len(self._viewers)
        self.send(
            Stats(
                video_frames=0, audio_frames=0, media_bytes=0, packets=0, packets_lost=0, silent_ms=0, viewers=viewers
            )
        )
        return not self._stopping

    def _share_bitrate(self, now: float) -> None:
        rates = [viewer.rate for viewer in self._viewers.values() if viewer.connected]
        kbps = shared(rates, self._config.bitrate_kbps, now)
        if self._source.set_bitrate(kbps):
            self.log("debug", "the picture's bitrate", kbps=kbps)

    # --- the end --------------------------------------------------------------------------------------------------

    def stop(self) -> None:
        """Say bye to everyone and end."""
        if self._stopping:
            return
        self._stopping = True
        self._feed.stop()
        for viewer in self._viewers.values():
            viewer.say_bye()
        after_ms(BYE_FLUSH_MS if self._viewers else 0, self._end)

    def _end(self) -> None:
        for peer in list(self._viewers):
            self._remove(peer)
        self._pipeline.set_state(Gst.State.NULL)
        self.send(Finished(files=()))
        self._quit()

    def _bus_error(self, _: Any, message: Any) -> None:
        if any(viewer.bus_error(message) for viewer in list(self._viewers.values())):
            return
        error, _debug = message.parse_error()
        self._fail(MediaError(f"{message.src.get_name()}: {error.message}"))

    def _fail(self, error: RecorderError) -> None:
        if not self._stopping:
            self.send(Failed(code=error.code, scope=error.scope, retryable=error.retryable, detail=error.detail))
            self.stop()

    def log(self, level: str, message: str, **fields: Any) -> None:
        self.send(Log(level=level, message=message, fields=fields))
