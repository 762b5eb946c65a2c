"""Packets that are lost before a recording has well begun. For a network that loses all the time see tests.faults."""

import asyncio
from pathlib import Path
from typing import Final

import pytest

from roomtape.ipc.messages import PublishConfig, RecordConfig, SegmentOpened
from roomtape.model import Codec
from roomtape.storage.verify import verify
from tests.support.content import inspect
from tests.support.pair import pair
from tests.support.relay import Relay, Weather
from tests.support.studio import assert_good

pytestmark = [pytest.mark.light, pytest.mark.asyncio(loop_scope="session")]

GUEST: Final = 7
ONE_WAY_S: Final = 0.025
RTP_VERSION: Final = 0x80
PICTURES: Final = 600
"""More bytes than a packet of sound has; one of a picture that is full has more."""


class Swallower:
    """Loses packets of the picture, counted from the first, when they first come (RFC 3550 section 5.1)."""

    def __init__(self, numbers: frozenset[int]) -> None:
        self._numbers = numbers
        self._seen = 0
        self._ssrc: bytes | None = None

    def __call__(self, datagram: bytes) -> bool:
        is_picture = len(datagram) > PICTURES and datagram[0] & 0xC0 == RTP_VERSION
        if self._ssrc is None and is_picture:
            self._ssrc = datagram[8:12]
        if datagram[8:12] != self._ssrc or datagram[0] & 0xC0 != RTP_VERSION:
            return False
        self._seen += 1
        return self._seen in self._numbers


async def test_who_is_stopped_while_packets_are_missing_ends_in_order(tmp_path: Path) -> None:
    record = RecordConfig(stream_id="anna", folder=str(tmp_path), stem="room_anna_01")
    config = PublishConfig(stream_id="anna", width=320, height=180, bitrate_kbps=400, guest_number=GUEST)
    async with Relay(1, Weather(delay_s=ONE_WAY_S)) as relay, pair(config, record) as joined:
        joined.toward_publisher, joined.toward_recorder = relay.toward_a, relay.toward_b
        joined.connect()
        await joined.recorder.wait_for(SegmentOpened)
        await asyncio.sleep(1.5)
        relay.weather = Weather(loss=0.3, delay_s=ONE_WAY_S)
        await asyncio.sleep(0.5)
        finished = await joined.recorder.stop()
        assert joined.recorder.process.returncode == 0
        assert finished is not None
    assert verify(the_file(tmp_path)).ok


def the_file(folder: Path) -> Path:
    (file,) = folder.iterdir()
    return file


@pytest.mark.parametrize("codec", [Codec.H264, Codec.VP8])
async def test_what_is_lost_in_the_first_moments_is_asked_for_again(tmp_path: Path, codec: Codec) -> None:
    config = PublishConfig(stream_id="anna", codec=codec, width=640, height=360, bitrate_kbps=1200, guest_number=GUEST)
    record = RecordConfig(stream_id="anna", folder=str(tmp_path), stem="room_anna_01")
    async with Relay(1, Weather(delay_s=ONE_WAY_S)) as relay, pair(config, record) as joined:
        relay.swallow = Swallower(frozenset({4, 15, 18, 21, 24}))
        joined.toward_publisher, joined.toward_recorder = relay.toward_a, relay.toward_b
        joined.connect()
        await joined.recorder.wait_for(SegmentOpened)
        await asyncio.sleep(4)
        await joined.recorder.stop()
        assert relay.lost == 5
    tape = inspect(the_file(tmp_path))
    assert_good(tape, GUEST, seconds=3.5)
    assert tape.missing() == []
