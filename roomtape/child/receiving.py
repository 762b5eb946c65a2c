"""Counting what arrives, from webrtcbin's RTP session and jitter buffers: a few property reads, nothing per packet."""

from collections.abc import Mapping
from typing import Any

import msgspec

from roomtape.child.gst import post


class Received(msgspec.Struct, frozen=True):
    """Counters since the start: packets received of each SSRC (RFC 3550), in all, and lost for good.

    `synced`: of which SSRCs a sender report has been put to use, so that rtpbin knows when their media was captured.
    """

    packets_of: Mapping[int, int]
    lost: int
    synced: frozenset[int]

    @property
    def packets(self) -> int:
        return sum(self.packets_of.values())


class ReceptionMeter:
    """Reads the counters of the elements that webrtcbin makes inside itself."""

    def __init__(self) -> None:
        self._sessions: list[Any] = []
        self._jitter_buffers: list[Any] = []
        self._packets: dict[int, int] = {}
        self._synced: set[int] = set()

    def watch_session(self, element: Any) -> None:
        """An rtpsession has been made."""
        self._sessions.append(element.get_property("internal-session"))

    def watch_jitter_buffer(self, element: Any, ssrc: int) -> None:
        """The jitter buffer of an SSRC has been made."""
        self._jitter_buffers.append(element)

        def used(*_: Any) -> None:
            # The first one is enough.
            element.disconnect(handler)
            post(self._synced.add, ssrc)

        # rtpbin listens to the same signal and was there first. A report that the session has seen is not enough: the
        # jitter buffer puts one aside that runs ahead of the media.
        handler = element.connect("handle-sync", used)

    def track(self, ssrc: int) -> None:
        """Count the packets of `ssrc`: it is being recorded."""
        self._packets.setdefault(ssrc, 0)

    def read(self) -> Received:
        """The counters now."""
        for ssrc, before in self._packets.items():
            for session in self._sessions:
                source = session.emit("get-source-by-ssrc", ssrc)
                if source is not None:
                    received = source.get_property("stats").get_uint64("packets-received")[1]
                    # An SSRC that falls silent is forgotten after a while; what was received of it stays received.
                    self._packets[ssrc] = max(before, received)
        lost = sum(buffer.get_property("stats").get_uint64("num-lost")[1] for buffer in self._jitter_buffers)
        return Received(dict(self._packets), lost, frozenset(self._synced))
