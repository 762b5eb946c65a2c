from collections.abc import Iterator
from typing import Any

import pytest

from roomtape.child import gst
from roomtape.child.av1_elements import MTU, make_av1_depayloader, make_av1_payloader
from roomtape.child.gst import Gst, chain
from tests.unit.child.av1_stream import DELTA, DELTA_UNIT, KEY, KEY_UNIT, SEQUENCE, SEQUENCE_320X180, Sender, payload
from tests.unit.child.main_loop import run_until

gst.init()

RTP_CAPS = "application/x-rtp,media=video,encoding-name=AV1,clock-rate=90000,payload=45"
UNIT_CAPS = "video/x-av1,alignment=tu"
BEGINNING_NS = 5_000_000_000


class Bench:
    """An element between a source that is pushed into and a sink that notes what comes."""

    def __init__(self, element: Any, caps: str) -> None:
        self.buffers: list[Any] = []
        self.events: list[Any] = []
        self.asked = 0
        self.pipeline = Gst.Pipeline.new()
        source = f'appsrc format=time caps="{caps}"'
        self._source, _, sink = chain(self.pipeline, [source, element, "fakesink sync=false async=false"])
        pad = sink.get_static_pad("sink")
        pad.add_probe(Gst.PadProbeType.BUFFER, self._note_buffer)
        pad.add_probe(Gst.PadProbeType.EVENT_DOWNSTREAM, self._note_event)
        self._source.get_static_pad("src").add_probe(Gst.PadProbeType.EVENT_UPSTREAM, self._note_upstream)
        self.pipeline.set_state(Gst.State.PLAYING)

    def _note_buffer(self, _: Any, info: Any) -> Any:
        self.buffers.append(info.get_buffer())
        return Gst.PadProbeReturn.OK

    def _note_event(self, _: Any, info: Any) -> Any:
        self.events.append(info.get_event())
        return Gst.PadProbeReturn.OK

    def _note_upstream(self, _: Any, info: Any) -> Any:
        structure = info.get_event().get_structure()
        self.asked += structure is not None and structure.get_name() == "GstForceKeyUnit"
        return Gst.PadProbeReturn.OK

    def push(self, data: bytes, pts: int) -> None:
        buffer = Gst.Buffer.new_wrapped(data)
        buffer.pts = pts
        self._source.emit("push-buffer", buffer)

    def end(self) -> None:
        """All that was pushed has passed."""
        self._source.emit("end-of-stream")
        run_until(lambda: any(event.type == Gst.EventType.EOS for event in self.events))
        assert self.pipeline.get_bus().pop_filtered(Gst.MessageType.ERROR | Gst.MessageType.WARNING) is None

    @property
    def data(self) -> list[bytes]:
        return [bytes(buffer.extract_dup(0, buffer.get_size())) for buffer in self.buffers]

    @property
    def caps(self) -> list[Any]:
        return [event.parse_caps().get_structure(0) for event in self.events if event.type == Gst.EventType.CAPS]


@pytest.fixture
def depayloader() -> Iterator[Bench]:
    bench = Bench(make_av1_depayloader(), RTP_CAPS)
    yield bench
    bench.pipeline.set_state(Gst.State.NULL)


@pytest.fixture
def payloader() -> Iterator[Bench]:
    bench = Bench(make_av1_payloader(45), UNIT_CAPS)
    yield bench
    bench.pipeline.set_state(Gst.State.NULL)


class RtpSender(Sender):
    """Pushes its packets, a frame of 1/30 s each, into a bench."""

    def __init__(self, bench: Bench) -> None:
        super().__init__()
        self._bench = bench
        self.pts = BEGINNING_NS

    def send(self, *payloads: bytes) -> int:
        """A temporal unit; returns the PTS of its first packet. The others come a millisecond later each."""
        self.pts += Gst.SECOND // 30
        for n, packet in enumerate(self.unit(*payloads)):
            head = bytes((0x80, packet.marker << 7 | 45))
            numbers = packet.sequence.to_bytes(2, "big") + packet.timestamp.to_bytes(4, "big")
            self._bench.push(head + numbers + b"ssrc" + packet.payload, self.pts + n * 1_000_000)
        return self.pts


def test_units_come_with_time_stamps_and_key_flags(depayloader: Bench) -> None:
    sender = RtpSender(depayloader)
    begun = [
        sender.send(payload(SEQUENCE, KEY[:9], y=True, n=True), payload(KEY[9:], z=True)),
        sender.send(payload(DELTA)),
    ]
    depayloader.end()
    assert depayloader.data == [KEY_UNIT, DELTA_UNIT]
    assert [buffer.pts for buffer in depayloader.buffers] == begun
    assert [buffer.has_flags(Gst.BufferFlags.DELTA_UNIT) for buffer in depayloader.buffers] == [False, True]
    assert depayloader.asked == 0


def test_a_muxer_is_told_all_it_needs_once_and_in_order(depayloader: Bench) -> None:
    sender = RtpSender(depayloader)
    for _ in range(2):
        sender.send(payload(SEQUENCE, KEY, n=True))
    depayloader.end()
    assert [event.type for event in depayloader.events] == [
        *(Gst.EventType.STREAM_START, Gst.EventType.CAPS, Gst.EventType.SEGMENT, Gst.EventType.EOS)
    ]
    [caps] = depayloader.caps
    assert [caps.get_int(name)[1] for name in ("width", "height")] == [320, 180]
    assert [caps.get_string(name) for name in ("stream-format", "alignment")] == ["obu-stream", "tu"]
    assert caps.get_fraction("framerate")[1:] == (0, 1)
    assert "codec_data" in caps.to_string()


def test_another_size_is_told_when_it_comes(depayloader: Bench) -> None:
    # After 37 bits of this header come nine with the width less one.
    whole = 8 * len(SEQUENCE_320X180)
    width_at = whole - 37 - 9
    bits = int.from_bytes(SEQUENCE_320X180, "big") & ~(0x1FF << width_at) | 159 << width_at
    smaller = bits.to_bytes(whole // 8, "big")
    sender = RtpSender(depayloader)
    sender.send(payload(SEQUENCE, KEY, n=True))
    sender.send(payload(SEQUENCE[:1] + smaller, KEY, n=True))
    depayloader.end()
    assert [caps.get_int("width")[1] for caps in depayloader.caps] == [320, 160]


def test_after_loss_a_key_frame_is_asked_for(depayloader: Bench) -> None:
    sender = RtpSender(depayloader)
    sender.send(payload(SEQUENCE, KEY, n=True))
    sender.packet(b"lost")
    sender.send(payload(DELTA))
    depayloader.end()
    assert depayloader.data == [KEY_UNIT]
    assert depayloader.asked == 1


def test_garbage_does_no_harm(depayloader: Bench) -> None:
    sender = RtpSender(depayloader)
    depayloader.push(b"no packet at all", BEGINNING_NS)
    sender.send(b"\x00\xff\xff")
    sender.send(payload(SEQUENCE, KEY, n=True))
    depayloader.end()
    assert depayloader.data == [KEY_UNIT]


def test_an_element_works_beside_gstreamers_own_of_that_kind() -> None:
    """With GStreamer's base class for depayloaders it did not, in PyGObject 3.42."""
    gst.make("rtpopusdepay")
    bench = Bench(make_av1_depayloader(), RTP_CAPS)
    RtpSender(bench).send(payload(SEQUENCE, KEY, n=True))
    bench.end()
    bench.pipeline.set_state(Gst.State.NULL)
    assert bench.data == [KEY_UNIT]


def test_packets_are_small_and_numbered_and_the_last_of_a_unit_is_marked(payloader: Bench) -> None:
    large = KEY_UNIT + b"\x2a\xe8\x07" + bytes(1000) + b"\x32\xe8\x07" + bytes(1000)
    payloader.push(large, BEGINNING_NS)
    payloader.push(DELTA_UNIT, BEGINNING_NS + Gst.SECOND // 10)
    payloader.end()
    packets = payloader.data
    assert all(len(data) <= MTU for data in packets)
    assert [(data[0], data[1]) for data in packets] == [(0x80, 45), (0x80, 45 | 0x80), (0x80, 45 | 0x80)]
    sequence = [int.from_bytes(data[2:4], "big") for data in packets]
    assert [(number - sequence[0]) & 0xFFFF for number in sequence] == [0, 1, 2]
    stamps = [int.from_bytes(data[4:8], "big") for data in packets]
    assert [(stamp - stamps[0]) & 0xFFFF_FFFF for stamp in stamps] == [0, 0, 9000]
    [caps] = payloader.caps
    assert [caps.get_string("encoding-name"), caps.get_int("payload")[1]] == ["AV1", 45]
    assert {int.from_bytes(data[8:12], "big") for data in packets} == {caps.get_uint("ssrc")[1]}


def test_what_is_no_av1_is_not_sent(payloader: Bench) -> None:
    payloader.push(b"\x80", BEGINNING_NS)
    payloader.push(DELTA_UNIT, BEGINNING_NS)
    payloader.end()
    assert len(payloader.data) == 1


def test_a_request_for_a_key_frame_passes_the_payloader(payloader: Bench) -> None:
    payloader.push(KEY_UNIT, BEGINNING_NS)
    run_until(lambda: payloader.buffers)
    payloader.pipeline.children[1].get_static_pad("src").send_event(gst.keyframe_request())
    assert payloader.asked == 1
    payloader.end()
