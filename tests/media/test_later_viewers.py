"""Viewers who come when the publisher has had others before."""

import asyncio
from pathlib import Path
from typing import Final

import pytest

from roomtape.ipc.messages import PublishConfig, RecordConfig, SegmentOpened
from roomtape.model import Codec
from tests.support.content import inspect
from tests.support.pair import ChildProcess, Pair, pair
from tests.support.studio import assert_good

pytestmark = [pytest.mark.light, pytest.mark.asyncio(loop_scope="session")]

GUEST: Final = 7
AT_ONCE_S: Final = 2.5
"""Who waits for sound and picture gives the picture up after 3 s."""
FRAMERATE: Final = 15
TAKES: Final = 2


def record(folder: Path, take: int) -> RecordConfig:
    return RecordConfig(stream_id="anna", folder=str(folder), stem=f"take-{take}")


def the_file(folder: Path, take: int) -> Path:
    (file,) = folder.glob(f"take-{take}_*")
    return file


@pytest.mark.parametrize("codec", [Codec.H264, Codec.H265, Codec.VP8])
async def test_each_begins_at_once_and_hears_nothing_of_the_time_before(tmp_path: Path, codec: Codec) -> None:
    """Media are offered on request, so that all is encoded for the first time when the connection is up already."""
    config = PublishConfig(
        stream_id="anna",
        codec=codec,
        width=320,
        height=180,
        framerate=FRAMERATE,
        bitrate_kbps=400,
        guest_number=GUEST,
        offer_on_request=True,
    )
    async with pair(config, record(tmp_path, 0)) as joined:
        visit = joined
        for take in range(TAKES):
            if take:
                recorder = await ChildProcess.start(record(tmp_path, take))
                visit = Pair(joined.publisher, recorder, peer=f"viewer-{take}")
            visit.connect()
            try:
                opened = await visit.recorder.wait_for(SegmentOpened, timeout_s=AT_ONCE_S)
                assert len(opened.tracks) == 2
                await asyncio.sleep(2.5)
                await visit.recorder.stop()
            finally:
                await visit.recorder.kill()
            await asyncio.sleep(1)
    for take in range(TAKES):
        tape = inspect(the_file(tmp_path, take))
        assert_good(tape, GUEST, seconds=2.2)
        assert tape.duration_s < len(tape.frames) / FRAMERATE + 0.3, "sound of the time before"
