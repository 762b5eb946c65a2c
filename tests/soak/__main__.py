"""Run it: `python -m tests.soak --minutes 30`. Exit code 0 if all was flat and every file is good, 1 if not."""

import argparse
import asyncio
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

from tests.soak.plot import plot
from tests.soak.samples import Sample, growths
from tests.support.content import inspect
from tests.support.scene import usage
from tests.support.studio import Program, Studio, alive, assert_good, children_of, recording, recording_children

STAYING = {"anna": 1, "ben": 2, "cleo": 3}
COMING, COMING_NUMBER = "dan", 4
STAYS_S, AWAY_S = (4.0, 12.0), (0.0, 3.0)
EVERY_S = 2.0
SMALL = ("--framerate", "10")
SEED = 30


class Soak:
    """Guests who stay and one who comes and goes; `samples` is what the recorder's processes held."""

    def __init__(self, studio: Studio, seconds: float) -> None:
        self.samples: list[Sample] = []
        self.visits = 0
        self._studio = studio
        self._end = time.monotonic() + seconds
        self._random = random.Random(SEED)
        self._recorder: Program
        self._pids: dict[str, int] = {}

    async def run(self) -> None:
        self._recorder = await self._studio.recorder()
        main = self._recorder.process.pid
        for name, number in STAYING.items():
            before = set(recording_children(main))
            await self._enter(name, number)
            await recording(self._recorder, name)
            (self._pids[name],) = set(recording_children(main)) - before
        others = set(children_of(main)) - set(recording_children(main))
        self._pids |= {"recorder": main, **dict.fromkeys(["fork server"], next(iter(others)))}
        begun = time.monotonic()
        visiting = asyncio.create_task(self._visit())
        while time.monotonic() < self._end:
            await asyncio.sleep(EVERY_S)
            if visiting.done():
                visiting.result()  # raises what ended it
            self._sample(time.monotonic() - begun)
        await visiting
        assert await self._recorder.stop() == 0

    async def _enter(self, name: str, number: int) -> Program:
        return await self._studio.guest(name, number, *SMALL, size=(160, 90), bitrate=100)

    async def _visit(self) -> None:
        """One guest comes and goes, with and without a goodbye."""
        while time.monotonic() < self._end:
            files = len(self._studio.files(COMING))
            guest = await self._enter(COMING, COMING_NUMBER)
            deadline = time.monotonic() + 20
            while len(self._studio.files(COMING)) == files:
                assert time.monotonic() < deadline, f"{COMING} is not recorded:\n{self._recorder.output}"
                await asyncio.sleep(0.1)
            self.visits += 1
            await asyncio.sleep(self._random.uniform(*STAYS_S))
            await self._random.choice((guest.stop, guest.vanish))()
            await asyncio.sleep(self._random.uniform(*AWAY_S))

    def _sample(self, second: float) -> None:
        for process, pid in self._pids.items():
            assert alive(pid), f"the process of {process} has ended:\n{self._recorder.output}"
            held = usage(pid)
            self.samples.append(Sample(second, process, held["rss"], held["descriptors"], held["threads"]))


async def soak(minutes: float, picture: Path) -> bool:
    """Whether everything stayed as it was; writes the picture."""
    folder = Path(tempfile.mkdtemp(prefix="roomtape-soak-"))
    try:
        async with Studio(folder) as studio:
            run = Soak(studio, minutes * 60)
            await run.run()
        found = growths(run.samples)
        _save(picture, plot(run.samples))
        print(f"{minutes:g} minutes, {run.visits} visits of one guest, {len(STAYING)} who stayed; plot: {picture}")
        for each in found:
            unit, name = (1e6, "MB") if each.measure == "rss" else (1, each.measure)
            verdict = "" if each.is_flat else "  GREW"
            print(f"{each.process:12} {each.before / unit:8.1f} -> {each.after / unit:8.1f} {name}{verdict}")
        for name, number in STAYING.items():
            assert_good(studio.tape(name), number, seconds=minutes * 60 - 15)
        files = studio.files(COMING)
        assert len(files) == run.visits
        for file in files:
            assert_good(inspect(file), COMING_NUMBER, seconds=STAYS_S[0] - 1)
        return bool(found) and all(each.is_flat for each in found)
    finally:
        shutil.rmtree(folder)


def _save(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def main() -> int:
    parser = argparse.ArgumentParser(prog="soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--plot", type=Path, default=Path("soak.svg"))
    arguments = parser.parse_args()
    return 0 if asyncio.run(soak(arguments.minutes, arguments.plot)) else 1


if __name__ == "__main__":
    sys.exit(main())
