"""Viewing as users do it: a pipe to a player, a file, sinks; with publishers and readers that come and go."""

import asyncio
import os
import re
import signal
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest

from tests.support.content import inspect
from tests.support.studio import Program, Studio, alive, assert_good, children_of

pytestmark = pytest.mark.asyncio(loop_scope="session")

END_S = 15.0
"""For a reader to come to the end of its pipe."""


class Reader:
    """A program that reads the viewer's pipe, such as ffmpeg; `write` is for the viewer."""

    def __init__(self, *command: str) -> None:
        read, self.write = os.pipe()
        self.process = subprocess.Popen(
            command, stdin=read, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace"
        )
        os.close(read)

    def opened(self) -> None:
        """The viewer has its end of the pipe: drop ours, so that the reader sees the end."""
        os.close(self.write)

    async def said(self) -> str:
        """Its errors, once it has come to the end of the pipe; its exit code must be 0."""
        _, err = await asyncio.to_thread(self.process.communicate, timeout=END_S)
        assert self.process.returncode == 0, err
        return err


def copier(path: Path) -> Reader:
    """Has ffmpeg read the stream and write what it understood to a file, as a player would follow it."""
    return Reader("ffmpeg", "-loglevel", "level+warning", "-i", "-", "-map", "0", "-c", "copy", str(path))


async def view_to(studio: Studio, reader: Reader, *options: str) -> Program:
    viewer = await studio.viewer("anna", "--fdsink", *options, stdout=reader.write)
    reader.opened()
    return viewer


@pytest.mark.parametrize("codec", ["--vp8", "--h264"])
async def test_standard_output_holds_the_stream_and_nothing_else(tmp_path: Path, codec: str) -> None:
    film = tmp_path / "film.mkv"
    async with Studio(tmp_path, password="secret") as studio:
        await studio.company("anna", 5, codec)
        with film.open("wb") as file:
            viewer = await studio.viewer("anna", "--fdsink", "--debug", stdout=file.fileno())
        await viewer.says("viewing stream=anna")
        children = children_of(viewer.process.pid)
        assert len(children) == 1
        await asyncio.sleep(5)
        assert await viewer.stop() == 0
        assert not any(map(alive, children))
    assert film.read_bytes().startswith(b"\x1a\x45\xdf\xa3")
    tape = inspect(film)
    assert_good(tape, 5, seconds=4.5)
    assert set(tape.codecs) == {codec.strip("-"), "opus"}


async def test_a_player_goes_on_when_the_publisher_is_killed_and_comes_back(tmp_path: Path) -> None:
    reader = copier(tmp_path / "copy.mkv")
    async with Studio(tmp_path) as studio:
        former = await studio.guest("anna", 1)
        viewer = await view_to(studio, reader)
        await viewer.says("viewing stream=anna")
        await asyncio.sleep(3)
        await former.stop(signal.SIGKILL)
        await studio.company("anna", 2)
        await viewer.says(r"(?s)viewing stream=anna.*viewing stream=anna")
        await asyncio.sleep(3)
        assert await viewer.stop() == 0
        assert await reader.said() == ""
    frames = inspect(tmp_path / "copy.mkv").frames
    guests = [frame.guest for frame in frames if frame.guest is not None]
    assert len(guests) >= 0.98 * len(frames)
    first, second = guests.count(1), guests.count(2)
    assert first >= 60
    assert second >= 60
    assert guests == [1] * first + [2] * second
    assert all(before.pts_ns < after.pts_ns for before, after in pairwise(frames))


async def test_a_player_goes_on_when_the_viewing_process_is_killed(tmp_path: Path) -> None:
    reader = copier(tmp_path / "copy.mkv")
    async with Studio(tmp_path) as studio:
        await studio.company("anna", 1, "--h264")
        viewer = await view_to(studio, reader)
        await viewer.says("viewing stream=anna")
        await asyncio.sleep(2)
        (child,) = children_of(viewer.process.pid)
        os.kill(child, signal.SIGKILL)
        await viewer.says(r"(?s)viewing stream=anna.*viewing stream=anna")
        await asyncio.sleep(5)
        assert await viewer.stop() == 0
        await reader.said()  # ffmpeg may complain of the frame that was cut in two
    tape = inspect(tmp_path / "copy.mkv")
    assert tape.guest == 1
    assert tape.duration_s >= 7
    counters = tape.counters()
    gaps = [(before, after) for before, after in pairwise(counters) if after - before > 30]
    assert len(gaps) == 1, "one gap of about the time without a child"
    assert counters[-1] - gaps[0][1] >= 90


async def test_another_codec_is_told_and_the_sound_goes_on(tmp_path: Path) -> None:
    reader = copier(tmp_path / "copy.mkv")
    async with Studio(tmp_path) as studio:
        former = await studio.company("anna", 1, "--vp8")
        viewer = await view_to(studio, reader)
        await viewer.says("viewing stream=anna")
        await asyncio.sleep(2)
        await former.stop()
        await studio.company("anna", 1, "--h264")
        await viewer.says("came too late for the player.* codecs=H264")
        await asyncio.sleep(4)
        assert await viewer.stop() == 0
        assert await reader.said() == ""
    tape = inspect(tmp_path / "copy.mkv")
    assert tape.heard_guest == 1
    assert tape.beeps[-1] - tape.beeps[0] >= 5


async def test_a_slow_reader_loses_whole_frames_and_the_connection_stays(tmp_path: Path) -> None:
    film = tmp_path / "film.mkv"
    read, write = os.pipe()
    async with Studio(tmp_path) as studio:
        await studio.company("anna", 3)
        viewer = await studio.viewer("anna", "--fdsink", stdout=write)
        os.close(write)
        await viewer.says("standard output is read too slowly: media is dropped")
        (child,) = children_of(viewer.process.pid)
        await asyncio.sleep(2)
        with film.open("wb") as file:
            cat = await asyncio.create_subprocess_exec("cat", stdin=read, stdout=file)
        os.close(read)
        match = await viewer.says(r"standard output is read again frames_dropped=(\d+)")
        assert int(match[1]) >= 60
        await asyncio.sleep(3)
        assert children_of(viewer.process.pid) == [child]
        assert await viewer.stop() == 0
        assert await asyncio.wait_for(cat.wait(), END_S) == 0
    tape = inspect(film)
    assert not tape.decode_errors
    assert tape.guest == 3
    counters = tape.counters()
    gaps = [after - before for before, after in pairwise(counters) if after - before > 30]
    assert len(gaps) == 1
    assert len(tape.missing()) - (gaps[0] - 1) <= 0.02 * len(counters)
    offset = tape.av_offset()
    assert offset is not None
    assert abs(offset) <= 0.04


async def test_a_reader_that_never_reads_does_not_keep_the_viewer(tmp_path: Path) -> None:
    read, write = os.pipe()
    async with Studio(tmp_path) as studio:
        await studio.company("anna", 1)
        viewer = await studio.viewer("anna", "--fdsink", stdout=write)
        os.close(write)
        await viewer.says("standard output is read too slowly")
        children = children_of(viewer.process.pid)
        assert await viewer.stop(timeout_s=3.5) == 0  # before the child would be killed
        assert not any(map(alive, children))
        assert "killed" not in viewer.output
    os.close(read)


@pytest.mark.parametrize("when", ["viewing stream=anna", "waiting for the stream"])
async def test_a_reader_that_goes_ends_the_viewer(tmp_path: Path, when: str) -> None:
    read, write = os.pipe()
    drain = await asyncio.create_subprocess_exec("cat", stdin=read, stdout=subprocess.DEVNULL)
    os.close(read)
    async with Studio(tmp_path) as studio:
        if when.startswith("viewing"):
            await studio.company("anna", 1)
        viewer = await studio.viewer(
            "anna", "--fdsink", stdout=write, room=None if "waiting" in when else "testroom123"
        )
        os.close(write)
        await viewer.says(when)
        children = children_of(viewer.process.pid)
        drain.kill()
        await drain.wait()
        assert await asyncio.wait_for(viewer.process.wait(), END_S) == 0
        assert "nobody reads standard output any more" in viewer.output
        assert "cannot view" not in viewer.output
        assert not any(map(alive, children))


async def test_a_file_and_another_after_the_reconnect(tmp_path: Path) -> None:
    film = tmp_path / "film.mkv"
    async with Studio(tmp_path) as studio:
        former = await studio.company("anna", 4, "--h264")
        viewer = await studio.viewer("anna", "--output", str(film))
        await viewer.says("viewing stream=anna")
        await asyncio.sleep(3)
        assert await former.stop() == 0
        await viewer.says("file is final stream=anna file=film.mkv")
        await studio.company("anna", 4)
        await viewer.says(r"(?s)viewing stream=anna.*viewing stream=anna")
        await asyncio.sleep(3)
        assert await viewer.stop() == 0
        assert_good(inspect(film), 4, seconds=2.5)
        assert_good(inspect(tmp_path / "film-2.mkv"), 4, seconds=2.5)
        refused = await studio.program("second", "--view", "anna", "--output", str(film))
        assert await asyncio.wait_for(refused.process.wait(), END_S) == 2
        assert await refused.stop() == 2
        assert re.fullmatch(r"publish\.py: the file .*film\.mkv exists already\n", refused.output)


@pytest.mark.parametrize("codec", ["--vp8", "--h264"])
async def test_sinks_get_what_was_decoded(tmp_path: Path, codec: str) -> None:
    raw = tmp_path / "pictures.i420"
    async with Studio(tmp_path) as studio:
        await studio.company("anna", 1, codec)
        sink = f"video/x-raw,format=I420 ! filesink location={raw}"
        viewer = await studio.viewer("anna", "--video-sink", sink, "--audio-sink", "fakesink sync=true")
        await viewer.says(r"track stream=anna codec=OPUS")
        await viewer.says(r"track stream=anna codec=\w+ width=320 height=180")
        await viewer.says("viewing stream=anna")
        await asyncio.sleep(3)
        children = children_of(viewer.process.pid)
        assert await viewer.stop() == 0
        assert not any(map(alive, children))
    film = tmp_path / "film.mkv"
    as_raw = ("-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", "320x180", "-r", "30", "-i", str(raw))
    packing = await asyncio.create_subprocess_exec("ffmpeg", "-v", "quiet", *as_raw, "-c:v", "ffv1", str(film))
    assert await asyncio.wait_for(packing.wait(), END_S) in (0, 1)  # the last picture may be cut off
    tape = inspect(film)
    assert tape.guest == 1
    assert len(tape.counters()) >= 75
    assert len(tape.missing()) <= 0.1 * len(tape.counters())


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--video-sink", "nosuchsink"), r"no element \"nosuchsink\""),
        (("--video-sink", "filesink location=/does/not/exist"), "Could not open file"),
    ],
)
async def test_a_sink_that_does_not_work_ends_with_one_sentence(
    tmp_path: Path, options: tuple[str, ...], sentence: str
) -> None:
    async with Studio(tmp_path) as studio:
        await studio.company("anna", 1)
        viewer = await studio.viewer("anna", "--audio-sink", "fakesink", *options)
        assert await asyncio.wait_for(viewer.process.wait(), END_S) == 1
        assert await viewer.stop() == 1
        (line,) = [line for line in viewer.output.splitlines() if " error " in line]
        assert "cannot view the stream" in line
        assert sentence in line
