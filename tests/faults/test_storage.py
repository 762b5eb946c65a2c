"""What happens to files when processes are killed and disks fail; asserted on the files."""

import asyncio
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import pairwise
from pathlib import Path

import pytest

from roomtape.child.batches import HOLD_S
from roomtape.storage.packets import take_stock
from roomtape.storage.tools import Tools
from roomtape.storage.verify import verify
from tests.support.content import inspect
from tests.support.studio import Studio, assert_good, children_of, recording, recording_children

FRAME_S, SOUND_S = 1 / 30, 0.02
"""The length of a picture and of a packet of sound."""
LOOKS = 100


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
        (victim,) = recording_children(recorder.process.pid)
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


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """A file system of its own in memory."""
    folder.mkdir(exist_ok=True)
    options = f"size={megabytes}m,mode=755"
    subprocess.run(("mount", "-t", "tmpfs", "-o", options, "roomtape-test", folder), check=True)
    try:
        yield folder
    finally:
        subprocess.run(("umount", "-l", folder), check=False, stderr=subprocess.DEVNULL)


def fill(folder: Path, leave_bytes: int) -> Path:
    """A file that takes all space but this. A recorder may write between the look and the taking: then once more."""
    ballast = folder / f"ballast-{time.monotonic_ns()}"
    with ballast.open("wb") as file:
        for _ in range(LOOKS):
            size = shutil.disk_usage(folder).free - leave_bytes
            if size <= 0:
                break
            with suppress(OSError):
                os.posix_fallocate(file.fileno(), 0, size)
                break
        else:
            raise AssertionError("the disk cannot be filled")
    return ballast


def unmount(folder: Path) -> None:
    subprocess.run(("umount", "-l", folder), check=True)


def make_read_only(disk: Path) -> None:
    subprocess.run(("mount", "-o", "remount,ro", disk), check=True)


def media_files(folder: Path) -> set[Path]:
    """Those with media in them."""
    return {path for path in folder.glob("*_[0-9]*") if path.suffix in (".webm", ".mkv") and path.stat().st_size > 1000}


def manifests(folder: Path) -> list[Path]:
    return list(folder.glob("*.manifest.json"))


async def new_file(folder: Path, stream: str, former: set[Path], timeout_s: float) -> Path:
    """The first file of the stream with media in it that is not among the former ones."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        for path in media_files(folder) - former:
            if f"_{stream}_" in path.name:
                return path
        await asyncio.sleep(0.05)
    raise AssertionError(f"no new file of {stream} within {timeout_s} s")


async def test_a_full_disk_finishes_files_and_recording_goes_on_when_there_is_space_again(tmp_path: Path) -> None:
    async with Studio(tmp_path) as studio:
        with small_disk(studio.folder, 60):
            await studio.guest("anna", 1, "--vp8")
            await studio.guest("ben", 2, "--h264")
            recorder = await studio.recorder("--min-free", "0")
            await recording(recorder, "anna", "ben")
            await asyncio.sleep(3 + HOLD_S)  # what still waits for other packets is not on disk (docs/adr/018)
            ballast = [fill(studio.folder, 0)]
            while len(set(re.findall(r"file is final stream=(\w+)", recorder.output))) < 2:
                await asyncio.sleep(0.5)
                ballast.append(fill(studio.folder, 0))  # what an ended file gives back is another's at once
            await recorder.says(r"nothing can be recorded stream=anna.*no space left")
            await recorder.says(r"nothing can be recorded stream=ben.*no space left")
            full = media_files(studio.folder)
            await asyncio.sleep(3)
            assert media_files(studio.folder) == full
            for path, guest in zip(sorted(full), (1, 2), strict=True):
                assert not verify(path).cut_off
                assert_good(inspect(path), guest, seconds=3)
            for path in ballast:
                path.unlink()
            for stream in ("anna", "ben"):
                await new_file(studio.folder, stream, full, timeout_s=5.0)
            await asyncio.sleep(2)
            assert await recorder.stop() == 0
            assert_good(inspect(studio.files("anna")[-1]), 1, seconds=1.5)
            assert_good(inspect(studio.files("ben")[-1]), 2, seconds=1.5)
            assert all(one["final"] for one in studio.manifest()["recordings"])


async def test_a_full_disk_leads_to_the_fallback_without_a_lost_frame(tmp_path: Path) -> None:
    fallback = tmp_path / "fallback"
    async with Studio(tmp_path) as studio:
        with small_disk(studio.folder, 40):
            await studio.guest("anna", 1, "--vp8")
            recorder = await studio.recorder("--min-free", "2M", "--fallback-dir", str(fallback))
            await recording(recorder, "anna")
            await asyncio.sleep(3)
            fill(studio.folder, 1_500_000)
            await recorder.says("recording to the fallback folder")
            await asyncio.sleep(3)
            assert await recorder.stop() == 0
            (before,) = studio.files("anna")
            (after,) = fallback.glob("*.webm")
            assert not verify(before).cut_off
            assert_good(inspect(before), 1, seconds=3)
            assert_good(inspect(after), 1, seconds=2)
            assert inspect(after).counters()[0] == inspect(before).counters()[-1] + 1
            assert "nothing can be recorded" not in recorder.output


async def test_a_folder_that_is_unmounted_is_named_and_used_again_when_it_is_back(tmp_path: Path) -> None:
    async with Studio(tmp_path) as studio:
        with small_disk(studio.folder, 40):
            await studio.guest("anna", 1)
            recorder = await studio.recorder("--min-free", "0")
            await recording(recorder, "anna")
            await asyncio.sleep(2)
            unmount(studio.folder)
            gone = time.monotonic()
            await recorder.says("nothing can be recorded stream=anna.*is gone")
            assert time.monotonic() - gone < 3
            await asyncio.sleep(2)
            assert not media_files(studio.folder) and not manifests(
                studio.folder
            )  # nothing is hidden under where the disk belongs
            with small_disk(studio.folder, 40):
                path = await new_file(studio.folder, "anna", set(), timeout_s=5.0)
                await asyncio.sleep(2)
                assert await recorder.stop() == 0
                assert_good(inspect(path), 1, seconds=1.5)


async def test_a_folder_that_is_deleted_is_made_again(tmp_path: Path) -> None:
    async with Studio(tmp_path) as studio:
        await studio.guest("anna", 1)
        recorder = await studio.recorder("--min-free", "0")
        await recording(recorder, "anna")
        await asyncio.sleep(2)
        shutil.rmtree(studio.folder)
        await recorder.says("a folder takes no recordings.*is gone")
        path = await new_file(studio.folder, "anna", set(), timeout_s=5.0)
        await asyncio.sleep(2)
        assert await recorder.stop() == 0
        assert_good(inspect(path), 1, seconds=1.5)


async def test_a_read_only_folder_leads_to_the_fallback_and_is_refused_without_one(tmp_path: Path) -> None:
    fallback = tmp_path / "fallback"
    async with Studio(tmp_path) as studio:
        with small_disk(studio.folder, 40):
            make_read_only(studio.folder)
            await studio.guest("anna", 1)
            refused = await studio.program(
                "refused", "--room", "r", "--record-room", "--output-dir", str(studio.folder)
            )
            assert await refused.process.wait() == 2
            recorder = await studio.recorder("--fallback-dir", str(fallback))
            await recorder.says("recording to the fallback.*Read-only file system")
            await recording(recorder, "anna")
            await asyncio.sleep(2)
            assert await recorder.stop() == 0
            (path,) = fallback.glob("*.webm")
            assert_good(inspect(path), 1, seconds=1.5)
            assert len(manifests(fallback)) == 1


def shown_at(path: Path) -> dict[str, list[float]]:
    """When the packets of each track are due, in seconds."""
    return {stream.kind: [us / 1e6 for us in stream.times_us] for stream in take_stock(Tools(), path)}


async def test_segments_by_size_in_mp4(tmp_path: Path) -> None:
    async with Studio(tmp_path) as studio:
        await studio.guest("anna", 1, "--h264")
        recorder = await studio.recorder("--segment", "200K", "--container", "mp4", "--min-free", "0")
        await recording(recorder, "anna")
        await asyncio.sleep(14)
        assert await recorder.stop() == 0
        parts = studio.files("anna")
        assert len(parts) >= 2
        assert all(path.stat().st_size < 350_000 for path in parts)
        for before, after in pairwise([inspect(path).counters() for path in parts]):
            assert after[0] == before[-1] + 1
        assert all(inspect(path).missing() == [] and verify(path).ok for path in parts)


@pytest.mark.parametrize("codec", ["--vp8", "--h264"])
async def test_segments_join_frame_to_frame_and_sound_to_sound(tmp_path: Path, codec: str) -> None:
    async with Studio(tmp_path) as studio:
        await studio.guest("anna", 1, codec)
        recorder = await studio.recorder("--segment", "3s", "--min-free", "0")
        await recording(recorder, "anna")
        await asyncio.sleep(10)
        assert await recorder.stop() == 0
        parts = studio.files("anna")
        assert len(parts) >= 3
        counters = [inspect(path).counters() for path in parts]
        for before, after in pairwise(counters):
            assert after[0] == before[-1] + 1
        for n, path in enumerate(parts):
            tape, times = inspect(path), shown_at(path)
            assert not tape.decode_errors
            assert (tape.missing(), verify(path).cut_off) == ([], False)
            assert f"_01_p{n + 1:02d}_" in path.name
            if n:
                assert abs(times["audio"][0] - times["video"][0]) <= FRAME_S
            if path != parts[-1]:
                assert abs(times["audio"][-1] + SOUND_S - times["video"][-1] - FRAME_S) <= FRAME_S
            assert max(b - a for a, b in pairwise(times["audio"])) < 1.5 * SOUND_S
        listed = {one["file"]: one for one in studio.manifest()["recordings"]}
        assert [listed[path.name]["part"] for path in parts] == list(range(1, len(parts) + 1))
        assert all(one["final"] and one["take"] == 1 for one in listed.values())
