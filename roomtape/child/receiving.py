"""Counting what arrives, from webrtcbin's RTP session and jitter buffers: a few property reads, nothing per packet."""

from typing import Any

import msgspec

from roomtape.model import TrackKind


class Received(msgspec.Struct, frozen=True):
    """Counters since the start: packets received per track, in all, and lost for good.

    `synced`: every track has had a sender report, so rtpbin knows how they relate in time.
    """

    by_track: dict[TrackKind, int]
    packets: int
    lost: int
    synced: bool


class ReceptionMeter:
    """Reads the counters of the elements that webrtcbin makes inside itself."""

    def __init__(self) -> None:
        self._sessions: list[Any] = []
        self._jitter_buffers: list[Any] = []
        self._tracks: dict[int, TrackKind] = {}
        self._packets: dict[int, int] = {}

    def watch(self, factory: str, element: Any) -> None:
        """An element has been added somewhere in webrtcbin."""
        if factory == "rtpsession":
            self._sessions.append(element.get_property("internal-session"))
        elif factory == "rtpjitterbuffer":
            self._jitter_buffers.append(element)

    def track(self, ssrc: int, kind: TrackKind) -> None:
        """Packets of `ssrc` (RFC 3550) belong to the track of this kind."""
        self._tracks[ssrc] = kind

    def read(self) -> Received:
        """The counters now."""
        reported: set[TrackKind] = set()
        for ssrc, kind in self._tracks.items():
            for session in self._sessions:
                source = session.emit("get-source-by-ssrc", ssrc)
                if source is None:
                    continue
                stats = source.get_property("stats")
                # An SSRC that falls silent is forgotten after a while; what was received of it stays received.
                self._packets[ssrc] = max(self._packets.get(ssrc, 0), stats.get_uint64("packets-received")[1])
                if stats.get_boolean("have-sr")[1]:
                    reported.add(kind)
        by_track = dict.fromkeys(self._tracks.values(), 0)
        for ssrc, packets in self._packets.items():
            by_track[self._tracks[ssrc]] += packets
        lost = sum(buffer.get_property("stats").get_uint64("num-lost")[1] for buffer in self._jitter_buffers)
        return Received(by_track, sum(by_track.values()), lost, bool(reported) and reported == by_track.keys())
