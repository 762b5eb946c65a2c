"""A TURN server that dies in the middle of a relayed call, and is back a little later."""

import asyncio
import time
from pathlib import Path

from roomtape.storage.verify import verify
from tests.support.content import inspect
from tests.support.scene import Figure
from tests.support.studio import Studio, assert_good, recording
from tests.support.turn import Coturn

BEFORE_S, AWAY_S, LASTS_S = 3.0, 2.0, 2.0
AGAIN_S = 45.0
"""Until it is certain that nothing comes (Deadlines.vanished), and an attempt or two."""


async def test_the_file_is_final_and_the_guest_is_recorded_again(tmp_path: Path, record_property: Figure) -> None:
    with Coturn(user="ann", password="secret") as turn:
        async with Studio(tmp_path) as studio:
            await studio.guest("anna", 1)
            relay_only = ("--turn-server", turn.uri(), "--ice-transport-policy", "relay")
            recorder = await studio.recorder(*relay_only, "--debug")
            await recording(recorder, "anna")
            await asyncio.sleep(BEFORE_S)
            turn.die()
            await asyncio.sleep(AWAY_S)
            turn.revive()
            back = time.monotonic()
            while len(studio.files("anna")) < 2:
                assert time.monotonic() < back + AGAIN_S, recorder.output
                await asyncio.sleep(0.05)
            record_property("recorded again after", f"{time.monotonic() - back:.1f} s")
            await asyncio.sleep(LASTS_S)
            assert await recorder.stop() == 0
            first, second = studio.files("anna")
            assert not verify(first).cut_off
            assert_good(inspect(first), 1, seconds=BEFORE_S)
            assert_good(inspect(second), 1, seconds=LASTS_S - 0.5)
