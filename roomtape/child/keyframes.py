"""Requests for key frames on their way to an encoder: not too many, and none is lost.

GStreamer 1.22 has a property for this, `min-force-key-unit-interval`. With it x264enc and x265enc, whose time stamps
begin at 1000 hours, now and then heard no request any more once a second viewer had come: they compared those with a
running time that began at 0.
"""

import threading
import time
from typing import Any, Final

from roomtape.child.gst import Gst, after_ms, keyframe_request, post

MIN_INTERVAL_NS: Final = 500_000_000
"""Key frames on request come no closer than this: each costs as much as many others (RFC 5104 section 4.3.1.2)."""
REQUEST: Final = "GstForceKeyUnit"


class KeyframeRequests:
    """Sits at the sink pad that an encoder feeds. A request that comes too early is passed on when it may be."""

    def __init__(self, pad: Any) -> None:
        self._pad = pad
        self._next_ns = 0
        self._waiting = False
        self._lock = threading.Lock()  # each viewer has threads of its own
        pad.add_probe(Gst.PadProbeType.EVENT_UPSTREAM, self._on_event)

    def _on_event(self, _: Any, info: Any) -> Any:
        if not info.get_event().has_name(REQUEST):
            return Gst.PadProbeReturn.OK
        now = time.monotonic_ns()
        with self._lock:
            wait_ns = self._next_ns - now
            if wait_ns <= 0:
                self._next_ns = now + MIN_INTERVAL_NS
                return Gst.PadProbeReturn.OK
            if not self._waiting:
                self._waiting = True
                post(after_ms, wait_ns // 1_000_000 + 1, self._pass_on)
        return Gst.PadProbeReturn.DROP

    def _pass_on(self) -> None:
        self._waiting = False
        self._pad.push_event(keyframe_request())
