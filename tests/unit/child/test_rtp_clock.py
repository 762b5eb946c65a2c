"""A real jitter buffer, fed with packets whose time on the wire and time by their clock are told apart."""

import struct
from collections.abc import Callable, Iterator

import pytest

from roomtape.child import gst, rtp
from roomtape.child.gst import Gst, chain, make
from roomtape.child.retime import Step
from roomtape.child.rtp_clock import MAX_STEPS, RtpClock
from roomtape.model import TrackKind
from tests.unit.child.main_loop import run_until

gst.init()

CAPS = "application/x-rtp,media=audio,encoding-name=OPUS,payload=111,clock-rate=48000"
OPUS_SILENCE = b"\xf8\xff\xfe"
"""20 ms (RFC 6716)."""
UNITS_PER_MS = 48


class Wire:
    """What a jitter buffer gets, and in `times` the time stamps in ms that it gives to it."""

    def __init__(self) -> None:
        self._pipeline = Gst.Pipeline.new()
        stages = (f'appsrc format=time caps="{CAPS}"', "rtpjitterbuffer mode=synced latency=0", "rtpopusdepay")
        self._source, self.jitter_buffer, depayloader = chain(self._pipeline, stages)
        sink = make("fakesink async=false")
        self._pipeline.add(sink)
        depayloader.link(sink)
        self.times: list[float] = []
        sink.get_static_pad("sink").add_probe(Gst.PadProbeType.BUFFER, self._note)
        self.clock = RtpClock(TrackKind.AUDIO, depayloader, lambda: len(self.times))
        self.clock.follow(self.jitter_buffer)
        self._pipeline.set_state(Gst.State.PLAYING)

    def _note(self, _: object, info: Gst.PadProbeInfo) -> Gst.PadProbeReturn:
        self.times.append(info.get_buffer().pts / Gst.MSECOND)
        return Gst.PadProbeReturn.OK

    def packet(self, clock_ms: float, at_ms: float) -> float:
        """The time stamp in ms of one that arrives at `at_ms`."""
        number, timestamp = len(self.times), round(clock_ms * UNITS_PER_MS) % 2**32
        buffer = Gst.Buffer.new_wrapped(struct.pack(">BBHII", 0x80, 111, number, timestamp, 7) + OPUS_SILENCE)
        buffer.pts = buffer.dts = round(at_ms * Gst.MSECOND)
        self._source.emit("push-buffer", buffer)
        run_until(lambda: len(self.times) > number)
        return self.times[-1]

    def report(self, clock_ms: float, at_ms: float) -> None:
        """As after a sender report: this clock's reading was given this time."""
        origin = f"base-rtptime=(guint64){clock_ms * UNITS_PER_MS:.0f},base-time=(guint64){at_ms * Gst.MSECOND:.0f}"
        self.jitter_buffer.emit("handle-sync", Gst.Structure.new_from_string(f"application/x-rtp-sync,{origin}"))

    def stop(self) -> None:
        self._pipeline.set_state(Gst.State.NULL)


@pytest.fixture
def wire() -> Iterator[Wire]:
    made = Wire()
    yield made
    made.stop()


def test_sender_reports_that_move_a_track_at_once_are_noted_with_the_frames_before(wire: Wire) -> None:
    wire.jitter_buffer.set_property("ts-offset", 20_000_000)
    for n in range(3):
        wire.packet(20 * n, 20 * n)
    wire.jitter_buffer.set_property("ts-offset", 15_000_000)
    assert wire.clock.steps == [Step(0, 20_000_000), Step(3, -5_000_000)]
    wire.jitter_buffer.set_property("max-ts-offset-adjustment", 500_000)
    wire.jitter_buffer.set_property("ts-offset", 40_000_000)
    assert len(wire.clock.steps) == 2, "it moves little by little"


def test_a_flood_of_sender_reports_is_not_kept(wire: Wire) -> None:
    for n in range(2 * MAX_STEPS):
        wire.jitter_buffer.set_property("ts-offset", n * 1_000_000)
    assert len(wire.clock.steps) == MAX_STEPS


@pytest.mark.parametrize(
    ("told", "gap_ms"),
    [
        (lambda clock: None, 20),
        (lambda clock: clock.forget(), 980),
        (lambda clock: clock.doubt(6.0), 980),  # it fell behind
        (lambda clock: clock.doubt(0.5), 20),  # packets were late
    ],
)
def test_sound_whose_clock_stood_still_goes_on_where_it_ended_unless_the_clock_is_forgotten(
    wire: Wire, told: Callable[[RtpClock], None], gap_ms: int
) -> None:
    wire.packet(0, 0)
    before = wire.packet(20, 20)
    told(wire.clock)
    after = wire.packet(40, 1_000)
    assert after - before == pytest.approx(gap_ms, abs=1)
    assert wire.packet(60, 1_020) - after == pytest.approx(20, abs=1)


SILENCE_MS = 5_000
LATE_MS = 150
"""So late the first packet came, and no other."""


@pytest.mark.parametrize("start_ms", [0, 2**32 / UNITS_PER_MS - 100, 3 * 2**31 / UNITS_PER_MS])
def test_a_clock_that_went_on_in_a_silence_is_kept_however_late_its_first_packet_came(
    wire: Wire, start_ms: float
) -> None:
    wire.packet(start_ms, LATE_MS)
    before = wire.packet(start_ms + 20, 20)
    wire.report(start_ms, LATE_MS)
    wire.clock.doubt(SILENCE_MS / 1000)
    after = wire.packet(start_ms + 20 + SILENCE_MS, 20 + SILENCE_MS)
    assert after - before == pytest.approx(SILENCE_MS, abs=1)
    assert wire.packet(start_ms + 40 + SILENCE_MS, 45 + SILENCE_MS) - after == pytest.approx(20, abs=1)


@pytest.mark.parametrize("origin_ms", [None, -2_000, 2_000])
def test_without_a_report_or_with_one_that_cannot_be_true_it_goes_on_by_arrival(
    wire: Wire, origin_ms: int | None
) -> None:
    wire.packet(0, LATE_MS)
    before = wire.packet(20, 20)
    if origin_ms is not None:
        wire.report(0, origin_ms)
    wire.clock.doubt(SILENCE_MS / 1000)
    after = wire.packet(20 + SILENCE_MS, 20 + SILENCE_MS)
    assert after - before == pytest.approx(SILENCE_MS - LATE_MS, abs=1)


def test_a_report_from_before_the_clock_was_forgotten_is_forgotten_too(wire: Wire) -> None:
    wire.packet(0, LATE_MS)
    wire.report(0, LATE_MS)
    wire.clock.forget()
    begun = wire.packet(20, 20)
    wire.clock.doubt(SILENCE_MS / 1000)
    assert wire.packet(20 + SILENCE_MS, 20 + SILENCE_MS + 30) - begun == pytest.approx(SILENCE_MS + 30, abs=1)


def test_who_is_doubted_several_times_is_looked_at_once(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    """After silences in which nothing but padding came."""
    heard: list[int] = []
    parse = rtp.parse

    def counted(packet: bytes) -> rtp.RtpPacket | None:
        heard.append(1)
        return parse(packet)

    monkeypatch.setattr(rtp, "parse", counted)
    wire.packet(0, LATE_MS)
    before = wire.packet(20, 20)
    wire.report(0, LATE_MS)
    for _ in range(3):
        wire.clock.doubt(SILENCE_MS / 1000)
    after = wire.packet(20 + SILENCE_MS, 20 + SILENCE_MS)
    assert after - before == pytest.approx(SILENCE_MS, abs=1)
    assert heard == [1]


def test_a_packet_whose_time_cannot_be_found_out_goes_on(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> int:
        raise ValueError

    wire.packet(0, LATE_MS)
    before = wire.packet(20, 20)
    wire.report(0, LATE_MS)
    monkeypatch.setattr("roomtape.child.rtp_clock.due_ns", fail)
    wire.clock.doubt(SILENCE_MS / 1000)
    after = wire.packet(20 + SILENCE_MS, 20 + SILENCE_MS)
    assert after - before == pytest.approx(SILENCE_MS - LATE_MS, abs=1), "by its arrival"
    assert wire.packet(40 + SILENCE_MS, 45 + SILENCE_MS) - after == pytest.approx(20, abs=1)
