"""The tracks of one feed and the files they go to: does what `CutPlan` decides."""

import time
from collections.abc import Callable
from typing import Any, Final, Protocol

from roomtape.child.cut import LIP_SYNC_S, CutPlan, Do
from roomtape.child.filing import Filing
from roomtape.child.gst import after_ms
from roomtape.child.prelude import Prelude
from roomtape.child.receiving import Received
from roomtape.child.track import Track
from roomtape.child.writer import Writer
from roomtape.errors import RecorderError, StorageError
from roomtape.ipc.messages import RecordConfig, SegmentClosed, SegmentOpened, TrackStarted
from roomtape.model import Codec, Container, Feed, TrackKind

SOON_S: Final = 1.0
"""So long before another file is due it is looked more often whether it is."""
FLOW_MS: Final = 200
"""For some seconds of media to go from the jitter buffers through the muxer."""


class TapeListener(Protocol):
    """What a Tape and other destinations tell, on the main loop's thread; its end is told to a Deck."""

    def on_track_started(self, message: TrackStarted) -> None: ...
    def on_segment_opened(self, message: SegmentOpened) -> None: ...
    def on_segment_closed(self, message: SegmentClosed) -> None: ...
    def on_unwritten(self, detail: str) -> None: ...
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
        self._filing = Filing(pipeline, config, self._stem, listener.on_note)
        self._prelude: Prelude | None = None
        self.refused = False
        """Whether no folder takes a file."""
        self._final_bytes = 0
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
            if track.kind is TrackKind.AUDIO:
                self._forget_prelude()
        self.tracks[track.kind] = track
        if self.idle:
            track.shut_gate()
        else:
            track.close_gate(self._at_gate, recording=False)
        track.start()
        return track

    def _forget_prelude(self) -> None:
        prelude, self._prelude = self._prelude, None
        if prelude is not None:
            prelude.discard()

    def pause(self) -> None:
        """End the file; what comes until `resume` is dropped."""
        if self._paused or self._finishing:
            return
        self._paused = True
        self._leave_file()

    @property
    def written_bytes(self) -> int:
        """The size of all files so far."""
        return self._final_bytes + sum(writer.size_bytes for writer in self._open_writers)

    @property
    def idle(self) -> bool:
        """Whether nothing is to be written now."""
        return self._paused or self.refused

    @property
    def settled(self) -> bool:
        """Whether nothing is waited for, the next file included."""
        return self._plan.settled and self._prelude is None and not self.refused and not self._is_due(SOON_S)

    def _leave_file(self) -> None:
        self._forget_prelude()
        for track in self.tracks.values():
            track.shut_gate()
        self._end_file()

    def _end_file(self) -> None:
        if self._writer is not None:
            self._writer.finish()
            self._writer.unlink()
            self._writer = None

    def resume(self) -> None:
        """Begin a new file with what comes."""
        if not self._paused or self._finishing:
            return
        self._paused = False
        for track in self.tracks.values():
            track.clock.forget()
        if not self.refused:
            self._begin_anew()

    def _begin_anew(self) -> None:
        self._plan = self._new_plan(self._plan.expected)
        for track in self.tracks.values():
            self._plan.track_came(track.kind)
            track.close_gate(self._at_gate, recording=False)

    def tick(self, received: Received) -> None:
        """A few times a second, with what has been received so far."""
        if self.refused and not self._finishing:
            self._try_again()
        if self.idle:
            return
        if self._prelude is not None and not self._prelude.tick():
            self._prelude = None
        now = time.monotonic()
        ssrcs = {kind: track.ssrc for kind, track in self.tracks.items()}
        self._plan.synced = bool(ssrcs) and received.synced >= set(ssrcs.values())
        counts = {kind: received.packets_of.get(ssrc, 0) for kind, ssrc in ssrcs.items()}
        self._do(self._plan.counted(counts, now))
        self._do(self._plan.tick(now))
        if self._writer is not None:
            self._writer.retime()
            if self._is_due():
                self._do(self._plan.cut())
        for kind in self._plan.missing():
            self.tracks[kind].ask_keyframe()

    def _is_due(self, within_s: float = 0.0) -> bool:
        """Whether another file is."""
        writer, segments = self._writer, self._filing.segments
        return segments.wanted and writer is not None and segments.due(writer.age_s + within_s, writer.size_bytes)

    def _at_gate(self, track: Track) -> None:
        if not self._finishing and not self.idle:
            may_rejoin = self._writer is not None and self._writer.may_rejoin(track)
            self._do(self._plan.at_gate(track.kind, time.monotonic(), may_rejoin=may_rejoin))
            if track.kind is TrackKind.AUDIO and TrackKind.AUDIO in self._plan.at_the_gate():
                self._forget_prelude()
                self._prelude = Prelude(track.clock.network, self._filing.reserve_prelude)

    def _do(self, do: Do) -> None:
        for kind in do.cut:
            self.tracks[kind].close_gate(self._at_gate, recording=True, not_before_ns=self._picture_ends())
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

    def _picture_ends(self) -> int:
        """Where a picture that stands at its gate has left the file, so that the sound ends there, too; else 0.

        The muxer has to hear of its end: it would wait for more of the picture, and hold the sound back.
        """
        picture = self.tracks.get(TrackKind.VIDEO)
        if picture is None or self._writer is None or TrackKind.VIDEO not in self._plan.at_the_gate():
            return 0
        if not self._writer.holds(picture):
            return 0
        self._writer.end_track(picture)
        return picture.entry_ns

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
        self._end_file()
        try:
            self._writer = self._open_file(tracks)
        except StorageError as error:
            self._write_nothing(error)
            return
        except RecorderError as error:
            self._listener.on_tape_failed(error)
            return
        for track in tracks:
            track.open_gate()
            self._tell_started(track)
        if self._prelude is not None:
            self._prelude.end()

    def _open_file(self, tracks: list[Track]) -> Writer:
        writer = self._filing.open(tracks, self._closed, self._trouble)
        self._open_writers.append(writer)
        self._listener.on_segment_opened(
            SegmentOpened(path=str(writer.path), tracks=tuple(sorted(track.kind for track in tracks)), feed=self.feed)
        )
        return writer

    def _tell_started(self, track: Track) -> None:
        if self._started.get(track.kind) is not track.codec:
            self._started[track.kind] = track.codec
            width, height = track.size
            self._listener.on_track_started(
                TrackStarted(track=track.kind, codec=track.codec, width=width, height=height, feed=self.feed)
            )

    def _trouble(self, writer: Writer, error: StorageError) -> None:
        """The disk of a file refuses more, or is about to: go on in another folder at the next key frame, if one does
        not refuse, and else end the file while it can still be ended."""
        if self._writer is not writer or self._finishing:
            return
        if self._filing.is_open():
            self._do(self._plan.cut())
        else:
            self._write_nothing(error)

    def _write_nothing(self, error: StorageError) -> None:
        self.refused = True
        self._leave_file()
        self._listener.on_unwritten(error.detail)

    def _try_again(self) -> None:
        if self._filing.is_open():
            self.refused = False
            self._listener.on_unwritten("")
            if not self._paused:
                self._begin_anew()

    def _closed(self, writer: Writer, closed: SegmentClosed) -> None:
        if writer not in self._open_writers:
            return  # it was never opened
        self._open_writers.remove(writer)
        if self._writer is writer:
            self._writer = None
        self.files.append(closed.path)
        self._final_bytes += closed.size_bytes
        self._listener.on_segment_closed(closed)
        self._check_finished()

    def bus_error(self, message: Any) -> bool:
        """Whether an error on the bus is of a file; if so that file is closed and the error told."""
        writer = next((w for w in self._open_writers if w.owns(message.src)), None)
        if writer is None:
            return False
        error, was_current = writer.error_of(message), writer is self._writer
        writer.close()
        if not isinstance(error, StorageError):
            self._listener.on_tape_failed(error)
        elif was_current and not self._finishing:
            self._filing.refused(str(writer.path.parent), error)
            self._write_nothing(error)
        return True

    def finish(self) -> None:
        """Make all files final; `on_finished` follows, at once if there are none."""
        if self._finishing:
            return
        self._finishing = True
        waiting = () if self.idle else self._plan.at_the_gate()
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
            self._forget_prelude()
            self._on_finished()
