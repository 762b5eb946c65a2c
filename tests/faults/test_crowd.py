"""Thirty guests who join in the same second."""

import asyncio
import time
from pathlib import Path

import pytest

from tests.support.gate import Gate, Toward
from tests.support.scene import Figure
from tests.support.share import PARTS
from tests.support.studio import Studio, assert_good

GUESTS = 30
AT_ONCE = 5
"""Guests that are started together; what counts is when the guests announce themselves."""
ALL_S = 40.0
"""Until all are recorded, on a computer that also encodes thirty pictures and thirty sounds."""
LASTS_S = 2.0


@pytest.mark.heavy(PARTS)
@pytest.mark.asyncio(loop_scope="session")
async def test_all_of_them_are_recorded(tmp_path: Path, record_property: Figure) -> None:
    names = {f"guest{number:02d}": number for number in range(GUESTS)}
    async with Studio(tmp_path) as studio, Gate(studio.url) as gate:
        recorder = await studio.recorder()
        gate.hold(Toward.SERVER, "streamID")
        starters = asyncio.Semaphore(AT_ONCE)

        async def enter(name: str, number: int) -> None:
            async with starters:
                options = ("--framerate", "5", "--server", gate.url)
                await studio.company(name, number, *options, size=(160, 90), bitrate=60)

        await asyncio.gather(*(enter(name, number) for name, number in names.items()))
        await gate.hold_of(GUESTS)
        gate.release()
        begun = time.monotonic()
        took: dict[str, float] = {}
        while len(took) < GUESTS:
            assert time.monotonic() < begun + ALL_S, f"missing: {names.keys() - took.keys()}\n{recorder.output}"
            for name in names.keys() - took.keys():
                if any(file.stat().st_size for file in studio.files(name)):
                    took[name] = time.monotonic() - begun
            await asyncio.sleep(0.05)
        figure = f"the first after {min(took.values()):.1f} s, the last after {max(took.values()):.1f} s"
        record_property(f"{GUESTS} guests recorded:", figure)
        await asyncio.sleep(LASTS_S)
        assert await recorder.stop() == 0
        for name, number in names.items():
            assert_good(studio.tape(name), number, seconds=LASTS_S - 0.5)
