"""One file: muxer and sink. Files are never overwritten, and every end of one is told exactly once."""

import errno
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from roomtape.child.codecs import Muxer
from roomtape.child.gst import Gst, make, post
from roomtape.child.hold import Hold, storage_error
from roomtape.child.retimer import Retimer
from roomtape.child.track import Track
from roomtape.errors import FileRefused, MediaError, RecorderError
from roomtape.ipc.messages import SegmentClosed
from roomtape.model import TrackKind

BUFFER_BYTES: Final = 4096
"""Small, so that a guest who only speaks also reaches the disk several times a second."""
FLUSH_S: Final = 1.0
"""For a pad of the muxer to let go of its thread."""


class Writer:
    """Writes `tracks` to the file of `hold`. Link while every track stands at its closed gate; then open the gates."""

    def __init__(
        self,
        pipeline: Any,
        hold: Hold,
        muxer: Muxer,
        tracks: Sequence[Track],
        on_closed: Callable[["Writer", SegmentClosed], None],
    ) -> None:
        self.path, self._hold = hold.path, hold
        self.tracks = tuple(tracks)
        self._pipeline, self._on_closed = pipeline, on_closed
        self._mux = make(muxer.element)
        self._sink = make(f"filesink sync=false async=false buffer-size={BUFFER_BYTES}")
        self._sink.set_property("location", str(self.path))
        self._elements = [self._mux, self._sink]
        self._pads: dict[TrackKind, Any] = {}
        self._ended: dict[TrackKind, threading.Thread] = {}
        self._codecs = {track.kind: track.codec for track in tracks}
        self._may_rejoin = muxer.may_rejoin
        self._retimer = Retimer(self.path, self.tracks) if muxer.retimed else None
        self._put_back = 0
        """Sequence number of the segment that was last put back (`_reopen`); no event has 0."""
        self._begun = min(track.entered for track in tracks)
        self._frames_before = _video_frames(tracks)
        self._finishing = self._closed = self._complete = False
        self._end: _Measure | None = None
        for element in self._elements:
            pipeline.add(element)
        self._mux.link(self._sink)
        # A flush is meant for one pad of the muxer; the sink would throw the file away.
        self._mux.get_static_pad("src").add_probe(Gst.PadProbeType.EVENT_FLUSH, lambda *_: Gst.PadProbeReturn.DROP)
        self._sink.get_static_pad("sink").add_probe(Gst.PadProbeType.EVENT_DOWNSTREAM, self._at_sink)

    def start(self) -> None:
        """Link the tracks.

        Raises:
            MediaError: the muxer does not take a track, or the file cannot be opened.
        """
        for track in self.tracks:
            self._pads[track.kind] = self._link(track)
        for element in reversed(self._elements):
            if not element.sync_state_with_parent():
                raise storage_error(None, str(self.path))

    def _link(self, track: Track) -> Any:
        pad = self._mux.request_pad_simple(f"{track.kind}_%u")
        if pad is None:
            raise MediaError(f"the container takes no {track.kind} track")
        if track.recipe.drops_later_caps:
            pad.add_probe(Gst.PadProbeType.EVENT_DOWNSTREAM, _first_caps_only())
        if track.src.link(pad) != Gst.PadLinkReturn.OK:
            raise MediaError(f"the container takes no {track.codec}")
        return pad

    def end_track(self, track: Track) -> None:
        """No more of `track` in this file; the others go on.

        It is unlinked: with the muxer's pad at its end, a new event of the track would fail, and all its media with it.
        """
        pad = self._pads[track.kind]
        if self._retimer is not None:
            self._retimer.leave(track)
        self._ended[track.kind] = _send_eos(pad)
        track.src.unlink(pad)

    def retime(self) -> None:
        """To be called now and then: sender reports may have told more of when the first frames were captured."""
        if self._retimer is not None:
            self._retimer.run()

    @property
    def age_s(self) -> float:
        """Since its first media."""
        return time.monotonic() - self._begun

    @property
    def size_bytes(self) -> int:
        return self._hold.size_bytes

    def holds(self, track: Track) -> bool:
        """Whether the track goes on in this file."""
        return track.kind in self._pads and track.kind not in self._ended and not self._finishing

    def may_rejoin(self, track: Track) -> bool:
        """Whether a track that ended here, or one in its stead, can go on in this file."""
        has_left = track.kind in self._ended and self._codecs[track.kind] is track.codec
        return self._may_rejoin and has_left and not self._finishing and not self._closed

    def rejoin(self, track: Track, then: Callable[[], None]) -> None:
        """`track`, which stands at its gate, goes on in this file; `then` when its gate can be opened.

        A flush takes the end of stream back (found by trial: the muxers of GStreamer 1.22 then go on with the pad as if
        nothing had been). It passes through the muxer, so the other tracks have to hold still for a moment.
        """
        others = [other for other in self.tracks if other.kind not in self._ended and other.src.is_linked()]
        waiting = len(others)

        def still() -> None:
            nonlocal waiting
            waiting -= 1
            if waiting == 0:
                reopen()

        def reopen() -> None:
            if not self._finishing and not self._closed:
                self._reopen(track)
            for release in releases:
                release()
            then()

        releases = [other.hold_still(still) for other in others]
        if not others:
            reopen()

    def _reopen(self, track: Track) -> None:
        pad, source = self._pads[track.kind], self._mux.get_static_pad("src")
        segment = source.get_sticky_event(Gst.EventType.SEGMENT, 0)
        pad.send_event(Gst.Event.new_flush_start())
        self._ended.pop(track.kind).join(FLUSH_S)  # a pad that flushes lets go of what waits in it
        pad.send_event(Gst.Event.new_flush_stop(False))
        # The flush has taken the muxer's segment away; the sink has it still, and would seek if it came once more.
        if not self._put_back:
            source.add_probe(Gst.PadProbeType.EVENT_DOWNSTREAM, self._without_put_back)
        self._put_back = segment.get_seqnum()
        source.store_sticky_event(segment)
        if track not in self.tracks:
            self.tracks += (track,)
            self._frames_before += track.frames if track.kind is TrackKind.VIDEO else 0
        track.src.link(pad)

    def _without_put_back(self, _: Any, info: Any) -> Any:
        """The segments by which the muxer seeks when it ends a cluster or the file have other numbers and pass."""
        return Gst.PadProbeReturn.DROP if info.get_event().get_seqnum() == self._put_back else Gst.PadProbeReturn.OK

    def finish(self) -> None:
        """Make the file final; `on_closed` follows."""
        if self._finishing:
            return
        self._finishing = True
        self._end = self._measure()
        for pad in self._pads.values():
            _send_eos(pad)

    def _at_sink(self, _: Any, info: Any) -> Any:
        if info.get_event().type == Gst.EventType.EOS:
            self._complete = True
            post(self.close)
        return Gst.PadProbeReturn.OK

    def unlink(self) -> None:
        """Take away the tracks that are still linked here; they must stand at their gates."""
        for track in self.tracks:
            entry = self._pads.get(track.kind)
            if entry is not None and track.src.get_peer() == entry:
                track.src.unlink(entry)

    def close(self) -> None:
        """Take the elements down and tell the result. Also after an error, when no end of stream will come."""
        if self._closed:
            return
        self._closed = True
        for element in self._elements:
            element.set_locked_state(True)
            element.set_state(Gst.State.NULL)
        self.unlink()
        for element in self._elements:
            self._pipeline.remove(element)
        if self._retimer is not None:
            self._retimer.run(final=True)
        size = self._hold.release()
        torn = not self._complete and size > 0
        end = self._end or self._measure()
        self._on_closed(
            self,
            SegmentClosed(
                path=str(self.path), torn=torn, size_bytes=size, frames=end.frames, duration_ns=end.duration_ns
            ),
        )

    def _measure(self) -> "_Measure":
        duration_ns = int((time.monotonic() - self._begun) * 1e9)
        return _Measure(_video_frames(self.tracks) - self._frames_before, duration_ns)

    def owns(self, element: Any) -> bool:
        """Whether a message comes from this writer's elements."""
        return element in self._elements

    def error_of(self, message: Any) -> RecorderError:
        """The error that a bus message of one of the elements means."""
        error, _ = message.parse_error()
        if error.matches(Gst.ResourceError.quark(), Gst.ResourceError.NO_SPACE_LEFT):
            return storage_error(errno.ENOSPC, str(self.path))
        if error.domain == "gst-resource-error-quark":
            return FileRefused(f"cannot write {self.path.name}: {error.message}")
        return MediaError(f"cannot write {self.path.name}: {error.message}")


class _Measure(NamedTuple):
    frames: int
    duration_ns: int


def _send_eos(pad: Any) -> threading.Thread:
    """In a thread: a pad's stream lock is held while its track waits in the muxer for the other one."""
    thread = threading.Thread(target=pad.send_event, args=(Gst.Event.new_eos(),), daemon=True)
    thread.start()
    return thread


def _video_frames(tracks: Sequence[Track]) -> int:
    return sum(track.frames for track in tracks if track.kind is TrackKind.VIDEO)


def _first_caps_only() -> Callable[[Any, Any], Any]:
    """A probe that lets the first CAPS event pass: see `Recipe.drops_later_caps`."""
    seen = False

    def probe(_: Any, info: Any) -> Any:
        nonlocal seen
        if info.get_event().type != Gst.EventType.CAPS:
            return Gst.PadProbeReturn.OK
        if seen:
            return Gst.PadProbeReturn.DROP
        seen = True
        return Gst.PadProbeReturn.OK

    return probe
