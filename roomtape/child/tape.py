"""The tracks of one feed and the files they go to: does what `CutPlan` decides."""

import datetime
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Protocol

from roomtape.child.codecs import choose_muxer
from roomtape.child.cut import LIP_SYNC_S, CutPlan, Do
from roomtape.child.gst import after_ms
from roomtape.child.hold import reserve
from roomtape.child.receiving import Received
from roomtape.child.track import Track
from roomtape.child.writer import Writer
from roomtape.errors import RecorderError
from roomtape.ipc.messages import RecordConfig, SegmentClosed, SegmentOpened, TrackStarted
from roomtape.model import Codec, Container, Feed, TrackKind

FLOW_MS: Final = 200
"""For some seconds of media to go from the jitter buffers through the muxer."""


class TapeListener(Protocol):
    """What a Tape and other destinations tell, on the main loop's thread; its end is told to a Deck."""

    def on_track_started(self, message: TrackStarted) -> None: ...
    def on_segment_opened(self, message: SegmentOpened) -> None: ...
    def on_segment_closed(self, message: SegmentClosed) -> None: ...
    def on_track_returned(self, kind: TrackKind) -> None: ...
    def on_note(self, level: str, message: str, **fields: Any) -> None: ...
    def on_tape_failed(self, error: RecorderError) -> None: ...
    def on_tape_finished(self, files: tuple[str, ...]) -> None: ...


class Tape:
    """Holds at most one track of each kind. All methods run on the main loop's thread."""

    def __init__(
        self, pipeline: Any, config: RecordConfig, feed: Feed, listener: TapeListener, on_finished: Callable[[], None]
    ) -> None:
        self._pipeline, self._config, self._listener, self._on_finished = pipeline, config, listener, on_finished
        self.feed = feed
        self._stem = config.stem if feed is Feed.CAMERA else config.screen_stem
        self._plan = self._new_plan(frozenset())
        self._writer: Writer | None = None
        self._open_writers: list[Writer] = []
        self._started: dict[TrackKind, Codec] = {}
        self._finishing = self._paused = False
        self.tracks: dict[TrackKind, Track] = {}
        self.files: list[str] = []

    def _new_plan(self, expected: frozenset[TrackKind]) -> CutPlan:
        return CutPlan(LIP_SYNC_S if self._config.container is Container.MP4 else 0.0, expected)

    def expect(self, kinds: frozenset[TrackKind]) -> None:
        """Which tracks were negotiated."""
        self._plan.expected = kinds

    def add(self, pad: Any, codec: Codec, ssrc: int) -> Track | None:
        """Take a track in, in the place of the one of its kind if there is one; None when everything ends."""
        if self._finishing:
            return None
        track = Track(self._pipeline, pad, codec, ssrc)
        self._do(self._plan.track_came(track.kind))
        former = self.tracks.get(track.kind)
        if former is not None:
            former.retire()
        self.tracks[track.kind] = track
        if self._paused:
            track.shut_gate()
        else:
            track.close_gate(self._at_gate, recording=False)
        track.start()
        return track

    def pause(self) -> None:
        """End the file; what comes until `resume` is dropped."""
        if self._paused or self._finishing:
            return
        self._paused = True
        for track in self.tracks.values():
            track.shut_gate()
        if self._writer is not None:
            self._writer.finish()
            self._writer.unlink()
            self._writer = None

    def resume(self) -> None:
        """Begin a new file with what comes."""
        if not self._paused or self._finishing:
            return
        self._paused = False
        self._plan = self._new_plan(self._plan.expected)
        for track in self.tracks.values():
            self._plan.track_came(track.kind)
            track.close_gate(self._at_gate, recording=False)

    def tick(self, received: Received) -> None:
        """A few times a second, with what has been received so far."""
        if self._paused:
            return
        now = time.monotonic()
        ssrcs = {kind: track.ssrc for kind, track in self.tracks.items()}
        self._plan.synced = bool(ssrcs) and received.synced >= set(ssrcs.values())
        counts = {kind: received.packets_of.get(ssrc, 0) for kind, ssrc in ssrcs.items()}
        self._do(self._plan.counted(counts, now))
        self._do(self._plan.tick(now))
        if self._writer is not None:
            self._writer.retime()
        for kind in self._plan.missing():
            self.tracks[kind].ask_keyframe()

    def _at_gate(self, track: Track) -> None:
        if not self._finishing and not self._paused:
            may_rejoin = self._writer is not None and self._writer.may_rejoin(track)
            self._do(self._plan.at_gate(track.kind, time.monotonic(), may_rejoin=may_rejoin))

    def _do(self, do: Do) -> None:
        for kind in do.cut:
            self.tracks[kind].close_gate(self._at_gate, recording=True)
        for kind in do.leave:
            self._listener.on_note(
                "info", "track falls silent or has no key frame: it leaves the file", track=str(kind)
            )
            if self._writer is not None:
                self._writer.end_track(self.tracks[kind])
            self.tracks[kind].close_gate(self._at_gate, recording=False)
        for kind in do.rejoin:
            self._rejoin(self.tracks[kind])
        if do.open:
            # The picture is always the first stream in a file.
            self._change_file([self.tracks[kind] for kind in sorted(do.open, reverse=True)])

    def _rejoin(self, track: Track) -> None:
        writer = self._writer
        assert writer is not None

        def done() -> None:
            if self._writer is writer and self.tracks.get(track.kind) is track and not self._finishing:
                track.open_gate()
                self._tell_started(track)
                self._listener.on_track_returned(track.kind)

        writer.rejoin(track, done)

    def _change_file(self, tracks: list[Track]) -> None:
        """The tracks stand at their gates: end the file they were in and open the next."""
        if self._writer is not None:
            self._writer.finish()
            self._writer.unlink()
            self._writer = None
        try:
            self._writer = self._open_file(tracks)
        except RecorderError as error:
            self._listener.on_tape_failed(error)
            return
        for track in tracks:
            track.open_gate()
            self._tell_started(track)

    def _open_file(self, tracks: list[Track]) -> Writer:
        codecs = frozenset(track.codec for track in tracks)
        muxer, note = choose_muxer(self._config.container, codecs)
        if note:
            self._listener.on_note("warning", "container changed", reason=note)
        now = datetime.datetime.now(datetime.UTC) if self._config.dated else None
        hold = reserve(Path(self._config.folder), self._stem, muxer.extension, now)
        writer = Writer(self._pipeline, hold, muxer, tracks, self._closed)
        self._open_writers.append(writer)
        writer.start()
        self._listener.on_segment_opened(
            SegmentOpened(path=str(hold.path), tracks=tuple(sorted(track.kind for track in tracks)), feed=self.feed)
        )
        return writer

    def _tell_started(self, track: Track) -> None:
        if self._started.get(track.kind) is not track.codec:
            self._started[track.kind] = track.codec
            width, height = track.size
            self._listener.on_track_started(
                TrackStarted(track=track.kind, codec=track.codec, width=width, height=height, feed=self.feed)
            )

    def _closed(self, writer: Writer, closed: SegmentClosed) -> None:
        self._open_writers.remove(writer)
        if self._writer is writer:
            self._writer = None
        self.files.append(closed.path)
        self._listener.on_segment_closed(closed)
        self._check_finished()

    def bus_error(self, message: Any) -> bool:
        """Whether an error on the bus is of a file; if so that file is closed and the error told."""
        writer = next((w for w in self._open_writers if w.owns(message.src)), None)
        if writer is None:
            return False
        error = writer.error_of(message)
        writer.close()
        self._listener.on_tape_failed(error)
        return True

    def finish(self) -> None:
        """Make all files final; `on_finished` follows, at once if there are none."""
        if self._finishing:
            return
        self._finishing = True
        waiting = self._plan.at_the_gate()
        if self._writer is None and waiting:
            # Media that waited for company or sender reports is not to be lost: give it time to flow into a file.
            self._change_file([self.tracks[kind] for kind in sorted(waiting, reverse=True)])
            after_ms(FLOW_MS, self._finish_writers)
        else:
            self._finish_writers()

    def _finish_writers(self) -> None:
        for writer in list(self._open_writers):
            writer.finish()
        self._check_finished()

    def abandon(self) -> None:
        """The deadline has passed: close the files as they are."""
        for writer in list(self._open_writers):
            writer.close()

    def _check_finished(self) -> None:
        if self._finishing and not self._open_writers:
            self._on_finished()
