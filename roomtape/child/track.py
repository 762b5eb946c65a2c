"""One received track: webrtcbin's pad -> depayloader -> parser -> meter -> gate.

The meter (an `identity`) counts in C. Behind it an `errorignore` keeps a muxer's or a disk's error from travelling
upstream, where it would stop the reception of all tracks. The gate is a pad probe that exists only while a file is
being opened or changed; in the steady state no Python runs per buffer.
"""

import time
from collections.abc import Callable
from typing import Any

from roomtape.child.codecs import RECIPES, begins_h265
from roomtape.child.gst import Gst, chain, exists, post, request_keyframe, start
from roomtape.child.rtp_clock import RtpClock
from roomtape.model import Codec, TrackKind


class Track:
    """Made when media of a track arrives. `src` is the pad to link to a muxer."""

    def __init__(self, pipeline: Any, pad: Any, codec: Codec, ssrc: int = 0) -> None:
        recipe = RECIPES[codec]
        self.codec, self.recipe, self.ssrc = codec, recipe, ssrc
        self.kind: TrackKind = recipe.kind
        self._webrtc_pad = pad
        self._probe = 0
        self._generation = 0
        self.entered = time.monotonic()
        """When its next file begins: the moment it came to the gate."""
        self.entry_ns = 0
        """The time stamp of the frame that stands at the gate, or did last."""
        self._elements = chain(pipeline, _stages(codec))
        self._meter = self._elements[-2]
        self.clock = RtpClock(self.kind, self._elements[0], lambda: self.frames)
        self.src = self._elements[-1].get_static_pad("src")
        if recipe.loses_time:
            self._meter.get_static_pad("sink").add_probe(Gst.PadProbeType.BUFFER, _time_for_all())

    def start(self) -> None:
        """Let media in. Close the gate first."""
        start(self._elements)
        self._webrtc_pad.link(self._elements[0].get_static_pad("sink"))
        self.ask_keyframe()

    def ask_keyframe(self) -> None:
        if self.kind is TrackKind.VIDEO:
            request_keyframe(self._webrtc_pad)

    def close_gate(self, on_ready: Callable[["Track"], None], *, recording: bool, not_before_ns: int = 0) -> None:
        """Hold the track back at its next point of entry: a key frame of video, any frame of sound.

        A frame with a time stamp before `not_before_ns` is none. What comes before goes into the present file if there
        is one (`recording`), otherwise it is of no use and dropped. `on_ready` is called once, on the main loop, when
        the track stands at the gate.
        """
        self._generation += 1
        generation = self._generation
        before = Gst.PadProbeReturn.PASS if recording else Gst.PadProbeReturn.DROP
        told = False

        def arrived() -> None:
            if generation == self._generation:  # the gate may have been closed anew meanwhile
                on_ready(self)

        def at_gate(_: Any, info: Any) -> Any:
            nonlocal told
            if self.kind is TrackKind.VIDEO and not self._begins(info.get_buffer()):
                return before
            pts = info.get_buffer().pts
            if pts < not_before_ns:
                return before
            if not told:
                told = True
                self.entry_ns = pts
                self.entered = time.monotonic()
                post(arrived)
            return Gst.PadProbeReturn.OK  # blocks

        self._remove_probe()
        self._probe = self.src.add_probe(Gst.PadProbeType.BLOCK | Gst.PadProbeType.BUFFER, at_gate)
        self.ask_keyframe()

    def _begins(self, buffer: Any) -> bool:
        if buffer.has_flags(Gst.BufferFlags.DELTA_UNIT):
            return False
        return self.codec is not Codec.H265 or begins_h265(buffer.extract_dup(0, buffer.get_size()))

    def open_gate(self) -> None:
        """Let the track go on."""
        self._remove_probe()

    def shut_gate(self) -> None:
        """Drop whatever comes, until the gate is closed or opened again."""
        self._generation += 1
        before, self._probe = self._probe, self.src.add_probe(Gst.PadProbeType.BUFFER, _drop)
        if before:
            self.src.remove_probe(before)

    def hold_still(self, then: Callable[[], None]) -> Callable[[], None]:
        """Stop between two frames; `then` is called once, on the main loop, when nothing is under way. Returns what
        lets the track go on. Nothing is lost."""

        def idle(*_: Any) -> Any:
            post(then)
            return Gst.PadProbeReturn.REMOVE

        # An idle probe alone holds nothing: it blocks only while its callback runs.
        block = self.src.add_probe(Gst.PadProbeType.BLOCK_DOWNSTREAM, lambda *_: Gst.PadProbeReturn.OK)
        self.src.add_probe(Gst.PadProbeType.IDLE, idle)
        return lambda: self.src.remove_probe(block)

    def retire(self) -> None:
        """The track has been replaced. webrtcbin's pad stays linked: an unlinked one would end all reception."""
        self.shut_gate()
        peer = self.src.get_peer()
        if peer is not None:
            self.src.unlink(peer)

    def _remove_probe(self) -> None:
        if self._probe:
            probe, self._probe = self._probe, 0
            self.src.remove_probe(probe)

    @property
    def frames(self) -> int:
        """Frames that have passed the meter."""
        return int(self._meter.get_property("stats").get_uint64("num-buffers")[1])

    @property
    def media_bytes(self) -> int:
        return int(self._meter.get_property("stats").get_uint64("num-bytes")[1])

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels; zeros for sound and before the first frame."""
        caps = self.src.get_current_caps()
        structure = caps.get_structure(0) if caps is not None and not caps.is_any() else None
        if structure is None or self.kind is TrackKind.AUDIO:
            return 0, 0
        (has_width, width), (has_height, height) = structure.get_int("width"), structure.get_int("height")
        return (width, height) if has_width and has_height else (0, 0)


def _drop(*_: Any) -> Any:
    return Gst.PadProbeReturn.DROP


def _time_for_all() -> Callable[[Any, Any], Any]:
    """A probe that gives a buffer without a time stamp the next one after that of the last; once per picture."""
    last = 0

    def probe(_: Any, info: Any) -> Any:
        nonlocal last
        buffer = info.get_buffer()
        if buffer.pts == Gst.CLOCK_TIME_NONE:
            buffer.pts = last + Gst.MSECOND
        last = buffer.pts
        return Gst.PadProbeReturn.OK

    return probe


def _stages(codec: Codec) -> list[Any]:
    return [
        *(stage for stage in _receiving(codec) if stage),
        "identity silent=true",
        "errorignore ignore-eos=true ignore-notlinked=true convert-to=ok",
    ]


def _receiving(codec: Codec) -> list[Any]:
    recipe = RECIPES[codec]
    if codec is Codec.AV1 and not exists(recipe.depayloader):
        from roomtape.child.av1_elements import make_av1_depayloader  # no other codec pays for it

        return [make_av1_depayloader()]
    caps = f'capsfilter caps="{recipe.caps}"' if recipe.caps else None
    return [recipe.depayloader, recipe.parser, caps, recipe.complement]
