"""A guest who is being recorded sends offers that cannot be accepted."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from roomtape.ipc.messages import Failed, Log, PublishConfig, RecordConfig, SegmentOpened
from tests.support.content import inspect
from tests.support.hostile_child import say
from tests.support.pair import pair
from tests.support.studio import ROOT, assert_good

pytestmark = [pytest.mark.light, pytest.mark.asyncio(loop_scope="session")]

GUEST: Final = 7
OFFER: Final = (ROOT / "tests" / "unit" / "child" / "chromium_156.sdp").read_text()
FLOOD: Final = 30


def without_fingerprint(sdp: str) -> str:
    return "".join(line for line in sdp.splitlines(keepends=True) if not line.startswith("a=fingerprint"))


def offer(sdp: str) -> str:
    return json.dumps({"description": {"type": "offer", "sdp": sdp}})


def gives(reason: str) -> Callable[[Log], bool]:
    return lambda log: reason in str(log.fields.get("reason"))


async def test_they_are_dropped_and_the_recording_goes_on(tmp_path: Path) -> None:
    published = PublishConfig(stream_id="anna", width=320, height=180, bitrate_kbps=300, guest_number=GUEST)
    recorded = RecordConfig(stream_id="anna", folder=str(tmp_path), stem="anna")
    async with pair(published, recorded, sender="tests.support.hostile_child") as joined:
        joined.connect()
        await joined.recorder.wait_for(SegmentOpened)
        await asyncio.sleep(1)
        for sdp in (without_fingerprint(OFFER), OFFER):  # of another guest: its certificate is not this one's
            joined.publisher.send(say(offer(sdp)))
        await joined.recorder.wait_for(Log, gives("no usable certificate fingerprint"))
        await joined.recorder.wait_for(Log, gives("another certificate"))
        for _ in range(FLOOD):
            joined.publisher.send(say(offer(OFFER)))
        await asyncio.sleep(2)
        assert joined.recorder.all(Failed) == []
        finished = await joined.recorder.stop()
        assert finished is not None
        (file,) = finished.files
    tape = inspect(Path(file))
    assert_good(tape, GUEST, seconds=3)
    assert tape.missing() == []
