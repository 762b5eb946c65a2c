"""A data channel that fails is no reason to give up the media beside it."""

import asyncio
from pathlib import Path
from typing import Final

import pytest

from roomtape.ipc.messages import Failed, Log, PublishConfig, RecordConfig, SegmentOpened, ViewerLeft
from tests.support.broken_channel import BREAK
from tests.support.content import inspect
from tests.support.pair import pair
from tests.support.studio import assert_good

pytestmark = [pytest.mark.light, pytest.mark.asyncio(loop_scope="session")]

GUEST: Final = 7
BROKEN: Final = "tests.support.broken_channel"


def about_it(log: Log) -> bool:
    return "data channel has failed" in log.message


async def test_a_recording_goes_on_when_either_end_s_fails(tmp_path: Path) -> None:
    published = PublishConfig(stream_id="anna", width=320, height=180, bitrate_kbps=300, guest_number=GUEST)
    recorded = RecordConfig(stream_id="anna", folder=str(tmp_path), stem="anna")
    async with pair(published, recorded, sender=BROKEN, module=BROKEN) as joined:
        joined.connect()
        await joined.recorder.wait_for(SegmentOpened)
        await asyncio.sleep(1)
        for child in (joined.publisher, joined.recorder):
            child.send(BREAK)
            await child.wait_for(Log, about_it)
        await asyncio.sleep(2)
        assert (joined.publisher.all(Failed), joined.publisher.all(ViewerLeft)) == ([], [])
        assert joined.recorder.all(Failed) == []
        finished = await joined.recorder.stop()
        assert finished is not None
        (file,) = finished.files
    tape = inspect(Path(file))
    assert_good(tape, GUEST, seconds=3)
    assert tape.missing() == []
