"""The jitter buffers that webrtcbin makes, one for each SSRC: how patient they are, and how they are emptied."""

from typing import Any, Final

from roomtape.child.gst import Gst

START_PACKETS: Final = 2
"""In order, and a track begins. Otherwise it waits for its jitter buffer's time, in case an earlier packet was
overtaken; and what was lost in that time was given up before it could be asked for again."""
PATIENCE_MS: Final = 2_000
"""For a lost packet to be asked for again and again, and for two clocks to drift: by 50 ppm that takes 11 hours."""
PLAIN_PATIENCE_MS: Final = 500
"""For one that cannot be asked for: all that follows waits for it, and would be lost with the process. When two clocks
have drifted apart by more (by 50 ppm after four hours), packets that were overtaken are lost, and no others."""


class JitterBuffers:
    """Of one connection; they begin with `jitter_ms`."""

    def __init__(self, jitter_ms: int) -> None:
        self._jitter_ms = jitter_ms
        self._buffers: dict[int, Any] = {}

    def __getitem__(self, ssrc: int) -> Any:
        """What times the media of an SSRC."""
        return self._buffers[ssrc]

    def made(self, buffer: Any, ssrc: int, *, may_ask: bool) -> None:
        """`may_ask`: lost packets of the very first key frame are asked for, too; `wait_for` puts right which track is
        to do so."""
        self._buffers[ssrc] = buffer
        # A lost packet is missed when the one after it arrives. By default there is a timer for each one to come: the
        # first after a pause was given up before it was sent, and the picture had to wait for another key frame.
        buffer.set_property("rtx-next-seqnum", False)
        buffer.set_property("faststart-min-packets", START_PACKETS)
        buffer.set_property("do-retransmission", may_ask)

    def wait_for(self, pad: Any, *, live: bool) -> None:
        """Webrtcbin answers that it sends NACK, and then leaves its jitter buffer not doing so.

        Where nobody listens live, the jitter buffer also gets more time for lost packets; it has to cover the drift
        between the guest's clock and ours as well. Not from its first packet on, which would wait so long.
        """
        caps = pad.get_current_caps() or pad.query_caps(None)
        buffer = self._buffers.get(caps.get_structure(0).get_uint("ssrc")[1])
        if buffer is not None:
            again = pad.get_property("transceiver").get_property("do-nack")
            buffer.set_property("do-retransmission", again)
            if not live:
                buffer.set_property("latency", self._jitter_ms + (PATIENCE_MS if again else PLAIN_PATIENCE_MS))

    def drain(self) -> None:
        """What waits for lost packets waits no more: everything ends.

        Only the end of stream lets it go at once: a shorter latency comes too late for a packet that is missed already
        and cannot be asked for again. Packets that come later are dropped; upstream they would be an error.
        """
        for buffer in self._buffers.values():
            # Else what is still to be asked for is asked for without a pause at the end of stream, until there is no
            # memory left.
            buffer.set_property("rtx-max-retries", 0)
            entry = buffer.get_static_pad("sink")
            source = entry.get_peer()
            if source is not None:
                source.add_probe(Gst.PadProbeType.BUFFER, lambda *_: Gst.PadProbeReturn.DROP)
            entry.send_event(Gst.Event.new_eos())
