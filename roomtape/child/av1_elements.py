"""AV1's depayloader and payloader for a GStreamer that has none: they are in gst-plugins-rs, which Debian 12 lacks.

Imported only when a track is AV1, so that no other codec pays for it. What is decided is in `av1` and `av1_packets`.
"""

import secrets
from typing import Any, Final

from roomtape.child.av1 import Depacketiser, TemporalUnit, read_packet
from roomtape.child.av1_packets import packetise
from roomtape.child.av1_sequence import Malformed, Sequence
from roomtape.child.gst import Gst, crash_later, guarded, keyframe_request

CLOCK_RATE: Final = 90_000
MTU: Final = 1200
"""Bytes of a packet that passes everywhere, with room for SRTP, TURN and IPv6."""
_RTP: Final = f"application/x-rtp,media=(string)video,encoding-name=(string)AV1,clock-rate=(int){CLOCK_RATE}"
_UNITS: Final = "video/x-av1,stream-format=(string)obu-stream,alignment=(string)tu"
_HEADER_BYTES: Final = 12


def make_av1_depayloader() -> Any:
    """An element that takes RTP and gives temporal units with all that a muxer wants to know: no parser is needed."""
    return _Depayloader()


def make_av1_payloader(payload_type: int) -> Any:
    """An element that takes temporal units and gives RTP packets of at most MTU bytes."""
    return _Payloader(payload_type)


def _pad(name: str, direction: Any, caps: str) -> Any:
    template = Gst.PadTemplate.new(name, direction, Gst.PadPresence.ALWAYS, Gst.Caps.from_string(caps))
    return Gst.Pad.new_from_template(template, name)


def _bytes_of(buffer: Any) -> bytes:
    return bytes(buffer.extract_dup(0, buffer.get_size()))


class _Element(Gst.Element):  # type: ignore[misc]
    """One pad in, one out. Not of GStreamer's base classes for RTP: that of payloaders writes into packets that Python
    still holds, and PyGObject fails to override that of depayloaders once another depayloader was made."""

    def __init__(self, takes: str, gives: str) -> None:
        super().__init__()
        self.sinkpad = _pad("sink", Gst.PadDirection.SINK, takes)
        self.srcpad = _pad("src", Gst.PadDirection.SRC, gives)
        self.sinkpad.set_chain_function_full(guarded(self._chain, crash_later, Gst.FlowReturn.OK))
        self.sinkpad.set_event_function_full(self._event)
        self.add_pad(self.sinkpad)
        self.add_pad(self.srcpad)

    def take(self, buffer: Any) -> Any:
        """Of one buffer, make others and push them; returns the flow."""
        raise NotImplementedError

    def hear(self, event: Any) -> bool:
        """Whether an event from upstream goes no further."""
        raise NotImplementedError

    def _chain(self, _pad: Any, _parent: Any, buffer: Any) -> Any:
        return self.take(buffer)

    def _event(self, pad: Any, parent: Any, event: Any) -> bool:
        return self.hear(event) or bool(pad.event_default(parent, event))


class _Depayloader(_Element):
    def __init__(self) -> None:
        super().__init__(_RTP, _UNITS)
        self._depacketiser = Depacketiser()
        self._config = b""
        self._segment: Any = None
        self._begun = (-1, 0)
        """RTP time stamp of the present temporal unit, and the PTS of its first packet."""

    def hear(self, event: Any) -> bool:
        """The caps of what comes out follow from the first sequence header, and a segment must come after caps."""
        if event.type == Gst.EventType.SEGMENT and not self._config:
            self._segment = event
            return True
        return bool(event.type == Gst.EventType.CAPS)

    def take(self, buffer: Any) -> Any:
        try:
            packet = read_packet(_bytes_of(buffer))
        except Malformed:
            return Gst.FlowReturn.OK
        fed = self._depacketiser.feed(packet)
        before = self._begun
        if packet.timestamp != before[0]:
            self._begun = packet.timestamp, buffer.pts
        if fed.ask:
            self.sinkpad.push_event(keyframe_request())
        flow = Gst.FlowReturn.OK
        for unit in fed.units:
            flow = self._give(unit, before[1] if unit.timestamp == before[0] else buffer.pts)
        return flow

    def _give(self, unit: TemporalUnit, pts: int) -> Any:
        if unit.sequence is not None and unit.sequence.config != self._config:
            self._set_caps(unit.sequence)
        buffer = Gst.Buffer.new_wrapped(unit.data)
        buffer.pts = pts
        if unit.sequence is None:
            buffer.set_flags(Gst.BufferFlags.DELTA_UNIT)
        return self.srcpad.push(buffer)

    def _set_caps(self, sequence: Sequence) -> None:
        self._config = sequence.config
        # The frame rate is not known; WebM's muxer insists on the field.
        size = f"width={sequence.width},height={sequence.height},framerate=0/1"
        caps = Gst.Caps.from_string(f"{_UNITS},{size},codec_data=(buffer){sequence.config.hex()}")
        self.srcpad.push_event(Gst.Event.new_caps(caps))
        if self._segment is not None:
            self.srcpad.push_event(self._segment)
            self._segment = None


class _Payloader(_Element):
    def __init__(self, payload_type: int) -> None:
        # Without a stream-format, since GStreamer 1.22's av1enc does not name it.
        super().__init__("video/x-av1,alignment=(string)tu", _RTP)
        self._payload_type = payload_type
        self._sequence, self._offset, self._ssrc = (secrets.randbits(bits) for bits in (16, 32, 32))
        self._segment: Any = None

    def hear(self, event: Any) -> bool:
        if event.type == Gst.EventType.CAPS:
            caps = f"{_RTP},payload=(int){self._payload_type},ssrc=(uint){self._ssrc}"
            self.srcpad.push_event(Gst.Event.new_caps(Gst.Caps.from_string(caps)))
            return True
        if event.type == Gst.EventType.SEGMENT:
            self._segment = event.parse_segment()
        return False

    def take(self, buffer: Any) -> Any:
        try:
            payloads = packetise(_bytes_of(buffer), MTU - _HEADER_BYTES)
        except Malformed:
            return Gst.FlowReturn.OK
        running_ns = self._segment.to_running_time(Gst.Format.TIME, buffer.pts)
        timestamp = (self._offset + running_ns * CLOCK_RATE // Gst.SECOND) & 0xFFFFFFFF
        flow = Gst.FlowReturn.OK
        for n, payload in enumerate(payloads, start=1):
            packet = Gst.Buffer.new_wrapped(self._header(timestamp, last=n == len(payloads)) + payload)
            packet.pts, packet.dts = buffer.pts, buffer.dts
            flow = self.srcpad.push(packet)
        return flow

    def _header(self, timestamp: int, *, last: bool) -> bytes:
        """RFC 3550 section 5.1."""
        self._sequence = (self._sequence + 1) & 0xFFFF
        numbers = ((self._sequence, 2), (timestamp, 4), (self._ssrc, 4))
        first = bytes((0x80, last << 7 | self._payload_type))
        return first + b"".join(number.to_bytes(size, "big") for number, size in numbers)
