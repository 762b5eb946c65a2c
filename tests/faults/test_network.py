"""Loss, delay and reordering between guest and recorder; a second recorder without them tells what was sent."""

import asyncio
from pathlib import Path

import pytest

from roomtape.ipc.messages import PublishConfig, RecordConfig, SegmentOpened
from roomtape.model import Codec, TrackKind
from roomtape.storage.verify import verify
from tests.support.content import inspect
from tests.support.intact import pictures
from tests.support.pair import ChildProcess, Pair, pair
from tests.support.relay import Relay, Weather
from tests.support.scene import Figure
from tests.support.studio import assert_good

pytestmark = pytest.mark.asyncio(loop_scope="session")

GUEST = 7
ONE_WAY_S = 0.025
"""A round trip of 50 ms."""
LATE, LATE_S = 0.02, 0.015
"""Overtaken by two frames of sound or half a frame of picture."""
PRESENT, INTACT = 0.99, 0.95
LASTS_S = 15.0
END_S = 0.5
"""What may be missing at the end: what is on its way, and what was lost then and has not come again."""
FRAMERATE = 30


def record(folder: Path, stem: str) -> RecordConfig:
    return RecordConfig(stream_id="anna", folder=str(folder), stem=stem)


def newest(folder: Path, stem: str) -> Path:
    """Sound may have begun before the first key frame came through: that is a file of its own."""
    return max(folder.glob(f"{stem}*"))


@pytest.mark.parametrize(
    ("loss", "codec"), [(0.01, Codec.VP8), (0.03, Codec.H264), (0.05, Codec.VP8), (0.05, Codec.H264)]
)
async def test_what_is_lost_on_the_way_is_asked_for_again(
    tmp_path: Path, loss: float, codec: Codec, record_property: Figure
) -> None:
    config = PublishConfig(stream_id="anna", codec=codec, width=640, height=360, bitrate_kbps=1200, guest_number=GUEST)
    weather = Weather(loss=loss, delay_s=ONE_WAY_S, late=LATE, late_s=LATE_S)
    async with Relay(4, weather) as relay, pair(config, record(tmp_path, "lossy")) as joined:
        joined.toward_publisher, joined.toward_recorder = relay.toward_a, relay.toward_b
        clean = Pair(joined.publisher, await ChildProcess.start(record(tmp_path, "clean")), peer="clean")
        try:
            clean.connect()
            await clean.recorder.wait_for(SegmentOpened)
            joined.connect()
            await joined.recorder.wait_for(SegmentOpened, lambda opened: TrackKind.VIDEO in opened.tracks)
            await asyncio.sleep(LASTS_S)
            await asyncio.gather(joined.recorder.stop(), clean.recorder.stop())
            assert (joined.recorder.process.returncode, clean.recorder.process.returncode) == (0, 0)
        finally:
            await clean.recorder.kill()
        assert relay.lost > loss * relay.carried / 2
    lossy_file, clean_file = newest(tmp_path, "lossy"), newest(tmp_path, "clean")
    lossy, sent = inspect(lossy_file), inspect(clean_file)
    seen, reference = pictures(lossy_file, lossy), pictures(clean_file, sent)
    expected = [number for number in reference if min(seen) <= number <= max(seen)]
    present = len([number for number in expected if number in seen]) / len(expected)
    intact = len([number for number in expected if seen.get(number) == reference[number]]) / len(expected)
    record_property("frames", f"{len(expected)} frames, {present:.2%} present, {intact:.2%} intact, lost {relay.lost}")
    assert sent.missing() == []
    cut_off = (sent.counters()[-1] - lossy.counters()[-1]) / FRAMERATE
    assert cut_off < END_S, "what waited behind a lost packet was not written"
    assert lossy.duration_s - lossy.beeps[-1] < 1 + END_S, "nor of the sound"
    assert_good(lossy, GUEST, seconds=LASTS_S - 1)
    assert verify(lossy_file).ok
    assert present >= PRESENT
    assert intact >= INTACT
