"""Four guests who reload, leave, come back and share an id, at random moments of a seed."""

import asyncio
import os
import random
import time
from pathlib import Path

from tests.support.content import inspect
from tests.support.scene import Figure
from tests.support.studio import ROOM, Program, Studio, assert_good, recording

SEED = 20
CYCLES = int(os.environ.get("FAULT_CYCLES", "12"))
GUESTS = {"anna": 1, "ben": 2, "cleo": 3, "dan": 4}
AGAIN_S = 3.0
"""From the moment at which the guest can offer to the first frame in a file."""
SHORTEST_S, LONGEST_S = 2.5, 4.5
"""How long a guest stays once it is recorded: long enough for its beeps to say who it is."""
AWAY_S = 1.5
LATENCY_S = 0.5
"""What is on its way, and in the jitter buffer, when a recording ends."""


class Visitor:
    """A guest who comes and goes; `took` is how long each new take needed."""

    def __init__(self, studio: Studio, name: str, number: int) -> None:
        self.name, self.took = name, list[float]()
        self._studio, self._number = studio, number
        self._random = random.Random(f"{SEED} {name}")
        self._program: Program

    async def enter(self) -> None:
        options = ("--framerate", "15")
        self._program = await self._studio.guest(self.name, self._number, *options, size=(160, 90), bitrate=100)

    async def cycle(self) -> None:
        """Stay a while, then reload (nobody hears a goodbye) or leave, and come back."""
        await asyncio.sleep(self._random.uniform(SHORTEST_S, LONGEST_S))
        files = len(self._studio.files(self.name))
        await self._random.choice((self._program.vanish, self._program.stop))()
        await asyncio.sleep(self._random.uniform(0, AWAY_S))
        await self.enter()
        joined = time.monotonic()
        while not any(file.stat().st_size for file in self._studio.files(self.name)[files:]):
            assert time.monotonic() < joined + 10 * AGAIN_S, f"{self.name} is not recorded again"
            await asyncio.sleep(0.02)
        self.took.append(time.monotonic() - joined)


async def test_whoever_reloads_or_comes_back_is_recorded_again(tmp_path: Path, record_property: Figure) -> None:
    async with Studio(tmp_path) as studio:
        visitors = [Visitor(studio, name, number) for name, number in GUESTS.items()]
        await asyncio.gather(*(visitor.enter() for visitor in visitors))
        recorder = await studio.recorder()
        await recording(recorder, *GUESTS)
        shares = [len(range(n, CYCLES, len(visitors))) for n in range(len(visitors))]

        async def come_and_go(visitor: Visitor, times: int) -> None:
            for _ in range(times):
                await visitor.cycle()

        await asyncio.gather(*map(come_and_go, visitors, shares))
        await asyncio.sleep(SHORTEST_S)
        assert await recorder.stop() == 0
        took = sorted(took for visitor in visitors for took in visitor.took)
        again = sum(each < AGAIN_S for each in took)
        record_property("recorded again in time", f"{again} of {CYCLES}, the slowest after {took[-1]:.2f} s")
        for visitor, times in zip(visitors, shares, strict=True):
            files = studio.files(visitor.name)
            assert len(files) == 1 + times
            for file in files:
                assert_good(inspect(file), GUESTS[visitor.name], seconds=SHORTEST_S - 0.5)
        assert again == CYCLES


async def test_two_guests_with_one_id_are_never_mixed_in_one_file(tmp_path: Path) -> None:
    async with Studio(tmp_path) as studio:
        await studio.guest("anna", 1)
        recorder = await studio.recorder()
        await recording(recorder, "anna")
        begun = time.monotonic()
        small = ("--width", "160", "--height", "90", "--bitrate", "100")
        who = ("--streamid", "anna", "--room", ROOM, "--test", "--guest-number", "2")
        double = await studio.program("double", *who, *small)
        await double.says("in use|joined")
        await asyncio.sleep(4)
        lasted = time.monotonic() - begun
        assert await recorder.stop() == 0
        tapes = [inspect(file) for file in studio.files("anna")]
        first = [tape for tape in tapes if tape.guest == 1]
        assert len(first) == 1, "the first guest's recording was given up"
        assert_good(first[0], 1, seconds=lasted - LATENCY_S)
        assert first[0].missing() == []
        for tape in tapes:
            assert len({frame.guest for frame in tape.frames if frame.guest is not None}) == 1
