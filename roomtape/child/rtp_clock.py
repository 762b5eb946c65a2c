"""How the jitter buffer of one track makes times out of its RTP clock, and what becomes of that in a silence."""

import time
from collections.abc import Callable
from typing import Any, Final

from roomtape.child import rtp
from roomtape.child.gst import Gst, guarded
from roomtape.child.retime import Step
from roomtape.child.silences import Origin, due_ns, stood_still
from roomtape.model import TrackKind

MAX_STEP_NS: Final = 1_000_000_000
"""Networks keep sound and picture no further apart; a browser whose clock stood still reports such things."""
CLOCK_RATES: Final = {TrackKind.AUDIO: 48_000, TrackKind.VIDEO: 90_000}
"""Of Opus (RFC 7587 section 4.1), and of all codecs of pictures."""
MAX_STEPS: Final = 64
"""Honest guests need a few; one who sends more sender reports than that is out of step by its own doing."""


class RtpClock:
    """Of one track, whose packets go through `depayloader` to its `frames`, which counts those that have passed."""

    def __init__(self, kind: TrackKind, depayloader: Any, frames: Callable[[], int]) -> None:
        self._rate, self._depayloader, self._frames = CLOCK_RATES[kind], depayloader, frames
        self._jitter_buffer: Any = None
        self._origin: Origin | None = None
        self._doubt = 0
        self.steps: list[Step] = []
        """Jumps of the time stamps, counted in `frames`; added to from other threads."""
        self.network: Any = None
        """The pad to which the track's RTP packets come; known once it is followed."""

    def follow(self, jitter_buffer: Any) -> None:
        """The track is timed there; note when sender reports give it another place in time at once."""
        self._jitter_buffer = jitter_buffer
        self.network = jitter_buffer.get_static_pad("sink")
        jitter_buffer.connect("request-pt-map", self._clock_rate)
        jitter_buffer.connect("handle-sync", self._reported)
        before = jitter_buffer.get_property("ts-offset")

        def changed(*_: Any) -> None:
            nonlocal before
            offset = jitter_buffer.get_property("ts-offset")
            at_once = not jitter_buffer.get_property("max-ts-offset-adjustment")
            if at_once and abs(offset - before) <= MAX_STEP_NS and len(self.steps) < MAX_STEPS:
                self.steps.append(Step(self._frames(), offset - before))
            before = offset

        jitter_buffer.connect("notify::ts-offset", changed)

    def forget(self) -> None:
        """Time what comes next by its arrival, as in the beginning."""
        if self._jitter_buffer is not None:
            self._jitter_buffer.emit("clear-pt-map")  # in 1.22 this also forgets where the RTP clock began
        self._origin = None

    def doubt(self, silent_s: float) -> None:
        """The track has been silent for so long. If its clock turns out to have stood still when the next packet comes,
        it is forgotten (where a depayloader tells its last reading); if it has gone on, its times go on as well."""
        if self.network is None:
            return
        if self._doubt:  # of a former silence, after which nothing but padding came
            self.network.remove_probe(self._doubt)
        last, begun = self._last_timestamp(), time.monotonic() - silent_s

        def heard(_: Any, info: Any) -> Any:
            buffer = info.get_buffer()
            packet = rtp.parse(buffer.extract_dup(0, buffer.get_size()))
            if packet is None:
                return Gst.PadProbeReturn.OK
            if last is not None and stood_still(packet.timestamp - last, self._rate, time.monotonic() - begun):
                self.forget()
            else:
                self._keep_time(buffer, packet.timestamp)
            self._doubt = 0
            return Gst.PadProbeReturn.REMOVE

        # Whatever fails here, the packet is timed by its arrival and goes on: a callback that fails would drop it.
        probe = guarded(heard, lambda _: None, Gst.PadProbeReturn.REMOVE)
        self._doubt = self.network.add_probe(Gst.PadProbeType.BUFFER, probe)

    def _keep_time(self, buffer: Any, timestamp: int) -> None:
        """After 3 s the jitter buffer begins anew by arrival, whatever the RTP clock says. So let the packet arrive
        when it says."""
        origin, arrived_ns = self._origin, buffer.dts  # another thread may change the origin meanwhile
        if origin is not None and arrived_ns != Gst.CLOCK_TIME_NONE:
            buffer.dts = buffer.pts = due_ns(origin, timestamp, self._rate, arrived_ns)

    def _reported(self, _: Any, report: Any) -> None:
        """With each sender report, about one a second, the jitter buffer tells where its times begin. That changes."""
        (has_timestamp, timestamp), (has_ns, ns) = report.get_uint64("base-rtptime"), report.get_uint64("base-time")
        self._origin = Origin(timestamp, ns) if has_timestamp and has_ns else None

    def _last_timestamp(self) -> int | None:
        """The RTP timestamp of what came last; None where a depayloader does not tell."""
        depayloader = self._depayloader
        stats = depayloader.get_property("stats") if depayloader.find_property("stats") is not None else None
        known, timestamp = stats.get_uint("timestamp") if stats is not None else (False, 0)
        return timestamp if known else None

    def _clock_rate(self, *_: Any) -> Any:
        """What it then asks for; rtpbin's answer has a sequence number with it, which may be that of another packet."""
        return Gst.Caps.from_string(f"application/x-rtp,clock-rate={self._rate}")
