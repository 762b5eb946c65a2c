"""Recordings that a kill cut off, repaired: every frame that was on the disk is in the final file, at its time."""

import asyncio
import os
import shutil
from pathlib import Path

import pytest

from roomtape.ipc.messages import PublishConfig, RecordConfig, SegmentOpened
from roomtape.model import Codec, Container
from roomtape.storage.claim import claimed
from roomtape.storage.repair import Done, repair
from roomtape.storage.structure import Structure, structure_of
from roomtape.storage.tools import Tools
from roomtape.storage.verify import verify
from tests.support.content import inspect
from tests.support.pair import pair

pytestmark = pytest.mark.asyncio(loop_scope="session")

GUEST = 7
LOSSY = """#!/bin/sh
for last; do :; done
{ffmpeg} "$@"
case "$last" in *.repair)
    copy="${{last#file:}}"
    {ffmpeg} -v error -i "$copy" -t 0.5 -c copy -f webm "$copy.half" && mv "$copy.half" "$copy"
esac
"""


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def cut_off(folder: Path, codec: Codec, container: Container = Container.AUTO, seconds: float = 4) -> Path:
    """A recording whose writer was killed."""
    published = PublishConfig(
        stream_id="anna", codec=codec, width=320, height=180, bitrate_kbps=400, guest_number=GUEST
    )
    config = RecordConfig(stream_id="anna", folder=str(folder), stem="room_anna_01", container=container)
    async with pair(published, config) as joined:
        joined.connect()
        opened = await joined.recorder.wait_for(SegmentOpened)
        await asyncio.sleep(seconds)
        joined.recorder.process.kill()
    return Path(opened.path)


def structure(path: Path) -> Structure:
    with path.open("rb") as file:
        return structure_of(file)


@pytest.mark.parametrize("codec", [Codec.VP8, Codec.VP9, Codec.AV1, Codec.H264, Codec.H265])
async def test_webm_and_matroska_keep_every_frame_and_its_time(tmp_path: Path, codec: Codec) -> None:
    path = await cut_off(tmp_path, codec)
    before = inspect(path)
    assert verify(path).cut_off
    done = repair(path, Tools())
    assert (done.done, structure(path)) == (Done.REPAIRED, Structure.FINAL)
    after = inspect(path)
    assert len(after.frames) > 60
    assert after.frames == before.frames
    assert after.av_offset() == before.av_offset()
    assert (after.guest, after.heard_guest, after.missing()) == (GUEST, GUEST, [])
    report = verify(path)
    assert (report.ok, report.cut_off) == (True, False)
    assert done.mended is not None
    assert (done.mended.frames, done.mended.size_bytes) == (len(after.frames), path.stat().st_size)
    # Players count from the file's zero; the first frames may have been put some way behind it.
    assert done.mended.duration_s == pytest.approx(after.begins_s + after.duration_s, abs=0.1)
    assert names_in(tmp_path) == [path.name]


async def test_fragmented_mp4(tmp_path: Path) -> None:
    path = await cut_off(tmp_path, Codec.H264, Container.MP4)
    assert structure(path) is Structure.CUT_OFF
    assert repair(path, Tools()).done is Done.REPAIRED
    tape = inspect(path)
    assert (tape.guest, tape.heard_guest, tape.missing(), tape.decode_errors) == (GUEST, GUEST, [], [])
    assert len(tape.frames) > 60
    report = verify(path)
    assert (report.ok, report.cut_off) == (True, False)


async def test_what_cannot_be_repaired_stays_as_it_is(tmp_path: Path) -> None:
    path = await cut_off(tmp_path, Codec.VP8, seconds=1.5)
    original = path.read_bytes()
    tools = Tools()

    with claimed(path):
        assert repair(path, tools).done is Done.IN_USE
    tight = repair(path, tools, spare_bytes=1 << 60)
    assert (tight.done, "free space" in tight.sentence) == (Done.NO_SPACE, True)
    beginning = tmp_path / "beginning.webm"
    beginning.write_bytes(original[:400])
    assert repair(beginning, tools).done is Done.FAILED
    assert beginning.read_bytes() == original[:400]

    # An ffmpeg that loses half of the file on the way.
    half = tmp_path / "half"
    half.write_text(LOSSY.format(ffmpeg=tools.ffmpeg))
    half.chmod(0o755)
    lossy = Tools()
    lossy.ffmpeg = str(half)
    failed = repair(path, lossy)
    assert (failed.done, "does not hold the same" in failed.sentence) == (Done.FAILED, True)

    given_up = Tools()
    given_up.give_up()
    assert "interrupted" in repair(path, given_up).sentence
    assert path.read_bytes() == original
    assert names_in(tmp_path) == sorted(["beginning.webm", "half", path.name])


async def test_final_and_empty_and_foreign_files(tmp_path: Path) -> None:
    path = await cut_off(tmp_path, Codec.VP8, seconds=1)
    tools = Tools()
    times = (1_000_000_000, 2_000_000_000)
    os.utime(path, ns=times)
    assert repair(path, tools).done is Done.REPAIRED
    assert path.stat().st_mtime_ns == times[1]
    final = path.read_bytes()
    assert repair(path, tools).done is Done.FINAL
    assert path.read_bytes() == final
    empty, foreign = tmp_path / "empty.webm", tmp_path / "notes.webm"
    empty.touch()
    foreign.write_text("hello, world")
    assert repair(empty, tools).done is Done.REMOVED
    assert repair(foreign, tools).done is Done.FAILED
    assert repair(tmp_path / "missing.webm", tools).done is Done.FAILED
    (tmp_path / "link.webm").symlink_to(path)
    assert repair(tmp_path / "link.webm", tools).done is Done.FAILED
    shutil.copy(path, tmp_path / "x.avi")
    (tmp_path / "x.avi").write_bytes(final[: len(final) // 2])
    assert repair(tmp_path / "x.avi", tools).done is Done.FAILED
