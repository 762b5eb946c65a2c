"""What a browser's congestion control makes of a recorder's reports (transport-wide congestion control)."""

import asyncio
import statistics
from pathlib import Path

import pytest

from tests.support.browser import Chromium
from tests.support.scene import Figure
from tests.support.share import MOST
from tests.support.studio import Studio, assert_complete, recording

BITRATE_KBPS = 3000
RAMP_S = 18
"""Until Chromium dares to send what it was asked for."""
LOOKS = 8
LOOK_S = 2.0


@pytest.mark.heavy(MOST)
@pytest.mark.asyncio(loop_scope="session")
async def test_a_browser_dares_to_send_what_it_was_asked_for(tmp_path: Path, record_property: Figure) -> None:
    """Packets of a recording wait for each other. A browser that took that for a full network sent a quarter."""
    async with Studio(tmp_path) as studio, Chromium() as chromium:
        recorder = await studio.recorder()
        anna = await chromium.join(studio, "anna", guest=1, size=(1280, 720), framerate=30, bitrate=BITRATE_KBPS)
        await recording(recorder, "anna")
        await asyncio.sleep(RAMP_S)
        targets = []
        for _ in range(LOOKS):
            await asyncio.sleep(LOOK_S)
            targets.append((await anna.stats())[0]["video"]["targetBitrate"] / 1000)
        record_property("targets_kbps", targets)
        sent = (await anna.sent()).frames
        assert await recorder.stop() == 0
        assert statistics.median(targets) > 0.7 * BITRATE_KBPS, targets
        assert_complete(studio.tape("anna"), 1, sent)
