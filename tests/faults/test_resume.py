"""A recorder that is killed and started again with --resume."""

import asyncio
import json
import os
import signal
import time
from pathlib import Path

from roomtape.storage.verify import verify
from tests.support.content import inspect
from tests.support.scene import Figure
from tests.support.studio import Studio, alive, assert_good, recording, recording_children

GUESTS = {"anna": 1, "ben": 2}
LASTS_S = 4.0
AGAIN_S = 6.0
"""From the second start of the recorder until all guests are recorded: Python, GStreamer and joining included."""
LISTED_S = 20.0


async def test_killed_it_goes_on_in_the_same_session(tmp_path: Path, record_property: Figure) -> None:
    async with Studio(tmp_path) as studio:
        for name, number in GUESTS.items():
            await studio.guest(name, number)
        first = await studio.recorder("--resume")
        await first.says("there is no former session")
        await recording(first, *GUESTS)
        await asyncio.sleep(LASTS_S)
        workers = recording_children(first.process.pid)
        # One of them has no time for an orderly end: its file is to be repaired.
        torn = workers[0]
        os.kill(torn, signal.SIGSTOP)
        os.kill(first.process.pid, signal.SIGKILL)
        os.kill(torn, signal.SIGKILL)
        struck = time.monotonic()
        await first.process.wait()
        before = {path.name: path.stat().st_ino for path in studio.folder.iterdir()}
        takes = {name: studio.files(name) for name in GUESTS}

        second = await studio.recorder("--resume")
        await recording(second, *GUESTS)
        record_property("recorded again after", f"{time.monotonic() - struck:.2f} s")
        assert time.monotonic() - struck < AGAIN_S
        assert not any(map(alive, workers))
        await asyncio.sleep(LASTS_S)
        while True:
            document = studio.manifest()
            finished = [one for one in document["recordings"] if one["take"] == 1 and one["final"]]
            if len(finished) == len(GUESTS):
                break
            assert time.monotonic() - struck < LISTED_S, json.dumps(document, indent=2)
            await asyncio.sleep(0.2)
        assert await second.stop() == 0

        document = studio.manifest()
        assert (len(document["resumed"]), document["ended"] is not None) == (1, True)
        listed = {one["file"]: one for one in document["recordings"]}
        assert {(one["stream"], one["take"]) for one in listed.values()} == {(g, t) for g in GUESTS for t in (1, 2)}
        assert all(one["final"] and one["closed"] and one["frames"] for one in listed.values())
        assert [one["repaired"] for one in listed.values()].count(True) == 1
        there = {path.name for path in studio.folder.iterdir()}
        assert there - listed.keys() == {name for name in before if name.endswith(".manifest.json")}
        for name, number in GUESTS.items():
            old, new = studio.files(name)
            assert takes[name] == [old], "a file of before is gone, or has another name"
            assert_good(inspect(old), number, seconds=LASTS_S - 1.0)
            assert_good(inspect(new), number, seconds=LASTS_S - 1.0)
            assert all(verify(path).ok and not verify(path).cut_off for path in (old, new))
            if not listed[old.name]["repaired"]:
                assert old.stat().st_ino == before[old.name], "a file that was final has been written anew"
