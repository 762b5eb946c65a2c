"""A real srtpdec, whose key comes when the test says so, and packets that srtpenc has encrypted with it."""

import struct
from collections.abc import Iterator
from typing import Any

import pytest

from roomtape.child import gst
from roomtape.child.early import MOST, EarlyMedia
from roomtape.child.gst import Gst, chain, make
from tests.unit.child.main_loop import run_until, settle

gst.init()

KEY = "00112233445566778899" * 3
CAPS = "application/x-rtp,media=audio,encoding-name=OPUS,payload=111,clock-rate=48000,ssrc=(uint)7"
CIPHERS = "srtp-cipher=(string)aes-128-icm,srtp-auth=(string)hmac-sha1-80"


def without_key(pad: Any, info: Any) -> Any:
    """srtpenc tells its key to whom it is linked; over a network it does not."""
    if info.get_event().type != Gst.EventType.CAPS:
        return Gst.PadProbeReturn.OK
    pad.get_peer().send_event(Gst.Event.new_caps(Gst.Caps.from_string("application/x-srtp,ssrc=(uint)7")))
    return Gst.PadProbeReturn.DROP


class Call:
    """Packets to a srtpdec. `came` are the sequence numbers of those that it could decrypt."""

    def __init__(self) -> None:
        self._pipeline = Gst.Pipeline.new()
        self._source, encrypter = chain(self._pipeline, (f'appsrc format=time caps="{CAPS}"', f"srtpenc key={KEY}"))
        self._decrypter, sink = make("srtpdec"), make("fakesink async=false")
        for element in (self._decrypter, sink):
            self._pipeline.add(element)
        encrypted = encrypter.get_static_pad("rtp_src_0")
        encrypted.add_probe(Gst.PadProbeType.EVENT_DOWNSTREAM, without_key)
        encrypted.link(self._decrypter.get_static_pad("rtp_sink"))
        self._decrypter.get_static_pad("rtp_src").link(sink.get_static_pad("sink"))
        self._decrypter.connect("request-key", self._asked_for_key)
        self._key: Any = None
        self.asked = 0
        self._handshake = make("dtlsdec")
        self.early = EarlyMedia()
        self.early.watch_keys(self._handshake)
        self.sent = 0
        self.came: list[int] = []
        sink.get_static_pad("sink").add_probe(Gst.PadProbeType.BUFFER, self._came)

    def watched(self) -> "Call":
        self.early.watch_media(self._decrypter)
        return self

    def start(self) -> "Call":
        self._pipeline.set_state(Gst.State.PLAYING)
        return self

    def _asked_for_key(self, *_: Any) -> Any:
        self.asked += 1
        return self._key

    def _came(self, _: Any, info: Any) -> Any:
        self.came.append(int.from_bytes(info.get_buffer().extract_dup(2, 2), "big"))
        return Gst.PadProbeReturn.OK

    def send(self, count: int) -> None:
        for _ in range(count):
            packet = struct.pack(">BBHII", 0x80, 111, self.sent, self.sent * 960, 7) + b"\xf8\xff\xfe"
            self.sent += 1
            self._source.emit("push-buffer", Gst.Buffer.new_wrapped(packet))

    def get_key(self) -> None:
        self._key = Gst.Caps.from_string(
            f"application/x-srtp,srtp-key=(buffer){KEY},{CIPHERS},{CIPHERS.replace('srtp-', 'srtcp-')}"
        )
        self._handshake.emit("on-key-received")

    def stop(self) -> None:
        self._pipeline.set_state(Gst.State.NULL)


@pytest.fixture
def call() -> Iterator[Call]:
    made = Call()
    yield made
    made.stop()


def test_what_comes_before_the_key_is_lost_if_nobody_keeps_it(call: Call) -> None:
    call.start().send(3)
    run_until(lambda: call.asked == 3)
    call.get_key()
    call.send(2)
    run_until(lambda: len(call.came) == 2)
    assert call.came == [3, 4]


def test_what_comes_before_the_key_is_kept_and_goes_first(call: Call) -> None:
    call.watched().start().send(3)
    settle()
    assert (call.came, call.asked) == ([], 0)
    call.get_key()
    call.send(4)
    run_until(lambda: len(call.came) == 7)
    assert call.came == list(range(7))
    assert call.early.dropped == 0


def test_a_flood_before_the_key_is_not_kept(call: Call) -> None:
    call.watched().start().send(MOST + 5)
    run_until(lambda: call.early.dropped == 5)
    call.get_key()
    call.send(1)
    run_until(lambda: len(call.came) == MOST + 1)
    assert call.came == [*range(MOST), MOST + 5]
    assert call.early.dropped == 5
