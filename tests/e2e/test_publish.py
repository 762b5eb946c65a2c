"""`publish.py` as users run it: seen by a real browser in every codec that it knows, and ended by the end of a file."""

import asyncio
from pathlib import Path

import pytest

from roomtape.model import Codec
from tests.support.browser import Chromium
from tests.support.studio import ROOM, Studio, assert_good, recording

pytestmark = [pytest.mark.heavy, pytest.mark.asyncio(loop_scope="session")]

END_S = 25.0


@pytest.mark.parametrize("codec", [Codec.VP8, Codec.VP9, Codec.H264, Codec.AV1])
async def test_a_browser_shows_the_moving_picture(tmp_path: Path, codec: Codec) -> None:
    """H265 is not here: Chromium cannot decode it in software."""
    async with Studio(tmp_path, password="let me in") as studio, Chromium() as chromium:
        await studio.company("anna", 5, f"--{codec.lower()}")
        watch = await chromium.watch(studio, password="let me in")
        assert await watch.moves("anna") == 5


async def test_two_viewers_of_one_encoder_a_browser_and_a_recorder(tmp_path: Path) -> None:
    async with Studio(tmp_path) as studio, Chromium() as chromium:
        await studio.guest("anna", 5, "--h264")
        watch = await chromium.watch(studio)
        assert await watch.moves("anna") == 5
        recorder = await studio.recorder()
        await recording(recorder, "anna")
        await asyncio.sleep(3)
        assert await watch.moves("anna") == 5
        assert await recorder.stop() == 0
        assert_good(studio.tape("anna"), 5, seconds=2.5)


async def test_a_file_played_once_ends_the_recording_and_the_run(tmp_path: Path) -> None:
    async with Studio(tmp_path) as studio:
        guest = await studio.guest("anna", 5)
        recorder = await studio.recorder()
        await recording(recorder, "anna")
        await asyncio.sleep(3)
        assert await guest.stop() == 0
        await recorder.says("file is final stream=anna")
        (film,) = studio.files("anna")
        size = ("--width", "320", "--height", "180", "--bitrate", "300")
        player = await studio.program("film", "--streamid", "film", "--room", ROOM, "--filesrc", str(film), *size)
        await recorder.says("file is final stream=film", timeout_s=END_S)
        assert await asyncio.wait_for(player.process.wait(), END_S) == 0, player.output
        assert await recorder.stop() == 0
        assert_good(studio.tape("film"), 5, seconds=2)


async def test_a_pipeline_that_cannot_be_is_bad_input(tmp_path: Path) -> None:
    async with Studio(tmp_path) as studio:
        player = await studio.program("player", "--streamid", "a", "--room", ROOM, "--video-pipeline", "nosuchsrc")
        assert await asyncio.wait_for(player.process.wait(), END_S) == 2
        assert "--video-pipeline: no element" in player.output
