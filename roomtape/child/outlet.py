"""Received media to a descriptor, as one endless Matroska stream that the children of a run write in turns.

The main process says whose turn it is (`room.turns`), so nothing of two children can mix. A thread writes, since a
reader may take its time; what waits for it is bounded (`Backlog`). Python touches each frame here, once: see
docs/adr/010-viewing-writes-its-own-matroska.md.
"""

import os
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from roomtape.child.backlog import Backlog, Frame
from roomtape.child.codecs import RECIPES
from roomtape.child.gst import Gst, chain, guarded, post, start
from roomtape.child.hold import storage_error
from roomtape.child.matroska import CODEC_IDS, NS_PER_MS, Clusters, StreamTrack, header
from roomtape.child.receiving import Received
from roomtape.child.sdp import Media
from roomtape.child.tape import TapeListener
from roomtape.child.track import Track
from roomtape.errors import ReaderGone, RecorderError
from roomtape.ipc.messages import FromChild, OutputGranted, OutputWanted, TrackStarted, ViewConfig
from roomtape.model import Codec, TrackKind

COMPANY_NS: Final = 5_000_000_000
"""How long the first track waits for the other one: nothing can be added to a header."""


class Outlet:
    """A Destination: at most one track of each kind, written once it is this child's turn."""

    live: Final = True
    settled: Final = False
    written_bytes: Final = None

    def __init__(
        self,
        pipeline: Any,
        config: ViewConfig,
        listener: TapeListener,
        send: Callable[[FromChild], None],
    ) -> None:
        assert config.descriptor is not None
        self._pipeline, self._descriptor, self._listener, self._send = pipeline, config.descriptor, listener, send
        self._expected: frozenset[TrackKind] = frozenset()
        self._tracks: dict[TrackKind, Track] = {}
        self._elements: list[Any] = []
        self._first_ns: dict[Codec, int] = {}
        self._asked: frozenset[Codec] = frozenset()
        # Shared with GStreamer's threads and the writing one, under the lock.
        self._changed = threading.Condition()
        self._backlog = Backlog()
        self._grant: OutputGranted | None = None
        self._header = b""
        self._finishing = self._ended = self._writing = False
        self._told_dropped = 0
        self._was_full = False
        self._thread = threading.Thread(target=guarded(self._write_all, self._failed_later), daemon=True)

    # --- tracks ---------------------------------------------------------------------------------------------------

    @property
    def tracks(self) -> Sequence[Track]:
        return list(self._tracks.values())

    def offered(self, media: tuple[Media, ...], screen: Sequence[int]) -> None:
        self._expected = frozenset(section.kind for section in media if section.live)

    def add(self, pad: Any, codec: Codec, ssrc: int, index: int) -> Track | None:
        """Take a track in; None if there is one of its kind already, or Matroska has no name for its codec."""
        if RECIPES[codec].kind in self._tracks or codec not in CODEC_IDS or self._finishing:
            return None
        track = Track(self._pipeline, pad, codec, ssrc)
        (sink,) = chain(self._pipeline, ["appsink emit-signals=true sync=false async=false max-buffers=100"])
        sink.connect("new-sample", guarded(self._on_sample, self._failed_later, Gst.FlowReturn.OK), track)
        track.src.link(sink.get_static_pad("sink"))
        self._elements.append(sink)
        self._tracks[track.kind] = track
        start([sink])
        track.start()
        return track

    def _on_sample(self, sink: Any, track: Track) -> Any:
        """On GStreamer's thread, once per frame."""
        sample = sink.emit("pull-sample")
        buffer = sample.get_buffer()
        running_ns = sample.get_segment().to_running_time(Gst.Format.TIME, buffer.pts)
        if running_ns == Gst.CLOCK_TIME_NONE:
            return Gst.FlowReturn.OK
        key = not buffer.has_flags(Gst.BufferFlags.DELTA_UNIT)
        data = buffer.extract_dup(0, buffer.get_size())
        frame = Frame(track.kind, track.codec, self._pipeline.get_base_time() + running_ns, key, data)
        with self._changed:
            kept = self._backlog.add(frame)
            if self._grant is None and self._backlog.full:
                self._backlog = Backlog()  # there is no reader yet who could be slow
            self._changed.notify()
        if kept and track.codec not in self._first_ns:
            self._first_ns[track.codec] = frame.at_ns
            post(self._first_frame, track)
        return Gst.FlowReturn.OK

    def _first_frame(self, track: Track) -> None:
        width, height = track.size
        self._listener.on_track_started(TrackStarted(track=track.kind, codec=track.codec, width=width, height=height))
        self._ask()

    # --- turns ----------------------------------------------------------------------------------------------------

    def _ask(self) -> None:
        """Ask for the turn when all tracks are here, or the first one has waited long enough."""
        codecs = frozenset(self._first_ns)
        if not codecs or codecs <= self._asked or self._finishing:
            return
        first_ns = min(self._first_ns.values())
        complete = self._expected <= {RECIPES[codec].kind for codec in codecs}
        if complete or time.monotonic_ns() - first_ns > COMPANY_NS:
            self._asked = codecs
            with self._changed:
                first_ns = self._backlog.oldest_ns or first_ns
            # The picture comes first in the header.
            ordered = tuple(sorted(codecs, key=lambda codec: RECIPES[codec].kind, reverse=True))
            self._send(OutputWanted(codecs=ordered, first_ns=first_ns))

    def granted(self, grant: OutputGranted) -> None:
        """It is this child's turn, or its header is to be written anew."""
        if self._finishing:
            return
        with self._changed:
            self._backlog.forget_before(grant.since_ns)
            self._header = header(map(self._described, grant.codecs)) if grant.header else b""
            self._grant = grant
            self._changed.notify()
        if not self._writing:
            self._writing = True
            self._thread.start()

    def _described(self, codec: Codec) -> StreamTrack:
        track = self._tracks[RECIPES[codec].kind]
        structure = track.src.get_current_caps().get_structure(0)
        data = structure.get_value("codec_data") if structure.has_field("codec_data") else None
        has_channels, channels = structure.get_int("channels")
        private = data.extract_dup(0, data.get_size()) if data is not None else b""
        return StreamTrack(codec, *track.size, channels=channels if has_channels else 2, private=private)

    # --- writing --------------------------------------------------------------------------------------------------

    def _write_all(self) -> None:
        """The writing thread."""
        clusters = Clusters()
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._header or len(self._backlog) or self._finishing)
                head, self._header = self._header, b""
                frame = self._backlog.take()
                grant = self._grant
            assert grant is not None
            if head:
                clusters = Clusters()
                self._write(head)
            if frame is None:
                if self._finishing:
                    post(self._end)
                    return
            elif frame.codec in grant.codecs:
                at_ms = max(0, frame.at_ns - grant.epoch_ns) // NS_PER_MS
                self._write(clusters.block(frame.codec, at_ms, frame.data, key=frame.key))

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            try:
                view = view[os.write(self._descriptor, view) :]
            except BrokenPipeError:
                raise ReaderGone("nobody reads standard output any more") from None
            except OSError as error:
                raise storage_error(error.errno, "standard output") from error

    def _failed_later(self, error: RecorderError) -> None:
        post(self._failed, error)

    def _failed(self, error: RecorderError) -> None:
        self._writing = False
        self._listener.on_tape_failed(error)

    # --- the rest of a destination --------------------------------------------------------------------------------

    def tick(self, received: Received) -> None:
        self._ask()
        with self._changed:
            needs_key, full, dropped = self._backlog.needs_key, self._backlog.full, self._backlog.dropped
        video = self._tracks.get(TrackKind.VIDEO)
        if video is not None and needs_key:
            video.ask_keyframe()
        # A turn that is waited for is nobody's slowness.
        if self._grant is None:
            return
        if full and not self._was_full:
            self._listener.on_note("warning", "standard output is read too slowly: media is dropped")
        elif self._was_full and not full:
            count = dropped - self._told_dropped
            self._told_dropped = dropped
            self._listener.on_note("warning", "standard output is read again", frames_dropped=count)
        self._was_full = full

    def bus_error(self, message: Any) -> bool:
        return False

    def screen_stopped(self, stopped: bool) -> None:
        """A shared screen is not asked for."""

    def finish(self) -> None:
        """Write what is there; `on_tape_finished` follows."""
        with self._changed:
            self._finishing = True
            self._changed.notify()
        if not self._writing:
            self._end()

    def abandon(self) -> None:
        """The deadline has passed: the reader does not get the rest."""
        self._end()

    def _end(self) -> None:
        if not self._ended:
            self._ended = True
            self._listener.on_tape_finished(())
