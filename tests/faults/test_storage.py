"""What happens to files when processes are killed and disks fail; asserted on the files."""

import asyncio
import os
import signal
from pathlib import Path

from roomtape.storage.verify import verify
from tests.support.content import inspect
from tests.support.studio import Studio, assert_good, children_of, recording


def kill_all(recorder: int) -> None:
    """As in a power cut: the recorder and its children at once."""
    for pid in (recorder, *children_of(recorder)):
        os.kill(pid, signal.SIGKILL)


async def test_files_that_a_power_cut_tore_are_repaired_by_the_next_recorder_in_the_folder(tmp_path: Path) -> None:
    async with Studio(tmp_path) as studio:
        await studio.guest("anna", 1, "--vp8")
        await studio.guest("ben", 2, "--h264")
        first = await studio.recorder()
        await recording(first, "anna", "ben")
        await asyncio.sleep(4)
        kill_all(first.process.pid)
        await first.process.wait()
        torn = [*studio.files("anna"), *studio.files("ben")]
        assert [verify(path).cut_off for path in torn] == [True, True]
        before = [inspect(path) for path in torn]

        # Another recorder is at work in the folder: its files are not touched.
        second = await studio.recorder("--record-streams", "anna", "--debug")
        await recording(second, "anna")
        for path in torn:
            await second.says(rf"was cut off, and is repaired.*file={path.name}")
        third = await studio.recorder("--record-streams", "ben", "--debug")
        await third.says(r"in use|left alone: it is being written")
        await recording(third, "ben")
        await asyncio.sleep(2)
        assert [await second.stop(), await third.stop()] == [0, 0]

        assert [verify(path).cut_off for path in torn] == [False, False]
        for path, was, guest in zip(torn, before, (1, 2), strict=True):
            assert inspect(path).frames == was.frames
            assert_good(inspect(path), guest, seconds=3)
        assert_good(inspect(studio.files("anna")[-1]), 1, seconds=2)
        assert_good(inspect(studio.files("ben")[-1]), 2, seconds=1.5)


async def test_the_file_of_a_killed_child_is_repaired_beside_the_recording_and_the_manifest_says_so(
    tmp_path: Path,
) -> None:
    async with Studio(tmp_path) as studio:
        await studio.guest("anna", 1)
        recorder = await studio.recorder()
        await recording(recorder, "anna")
        await asyncio.sleep(3)
        (victim,) = children_of(recorder.process.pid)
        os.kill(victim, signal.SIGKILL)
        await recorder.says("was cut off, and is repaired")
        await recorder.says(r"(?s)guest recording.*guest recording")
        await asyncio.sleep(1)
        assert await recorder.stop() == 0
        first, second = studio.files("anna")
        assert_good(inspect(first), 1, seconds=2)
        assert not verify(first).cut_off
        listed = {one["file"]: one for one in studio.manifest()["recordings"]}
        assert (listed[first.name]["final"], listed[first.name]["repaired"]) == (True, True)
        assert listed[first.name]["frames"] == len(inspect(first).frames)
        assert (listed[second.name]["final"], listed[second.name]["repaired"]) == (True, False)
