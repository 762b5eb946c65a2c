"""Rooms full of guests, recorded as users do it: both dialects, every kind of password, both kinds of offer."""

import asyncio
import signal
from pathlib import Path

import pytest

from tests.support.fanout import FanoutServer
from tests.support.studio import Studio, assert_good, recording

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_three_codecs_a_late_guest_and_one_that_leaves(tmp_path: Path) -> None:
    async with Studio(tmp_path) as studio:
        recorder = await studio.recorder()
        await recorder.says("waiting for guests")
        anna = await studio.guest("anna", 1, "--vp8")
        ben = await studio.guest("ben", 2, "--h264")
        await recording(recorder, "anna", "ben")
        await asyncio.sleep(3)
        await studio.guest("cleo", 3, "--vp9")
        await recording(recorder, "cleo")
        assert await ben.stop() == 0
        await recorder.says("file is final stream=ben")
        await asyncio.sleep(4)
        assert await recorder.stop() == 0
        assert "recorder stopped" not in recorder.output.split("file is final stream=ben")[0]
        assert_good(studio.tape("anna"), 1, seconds=7)
        assert_good(studio.tape("ben"), 2, seconds=2.5)
        assert_good(studio.tape("cleo"), 3, seconds=3.5)
        assert [studio.files(name)[0].suffix for name in ("anna", "ben", "cleo")] == [".webm", ".mkv", ".webm"]
        assert await anna.stop() == 0


async def test_two_stage_offers_with_a_password_that_is_not_ascii(tmp_path: Path) -> None:
    async with Studio(tmp_path, password="my päss! 😀&#") as studio:
        await studio.company("anna", 1, "--vp8", "--offer-on-request")
        await studio.company("ben", 2, "--h264", "--offer-on-request")
        recorder = await studio.recorder()
        await recording(recorder, "anna", "ben")
        await asyncio.sleep(4)
        assert await recorder.stop(signal.SIGTERM) == 0
        assert_good(studio.tape("anna"), 1, seconds=3.5)
        assert_good(studio.tape("ben"), 2, seconds=3.5)
        assert "päss" not in recorder.output


async def test_a_filtered_fanout_server_without_password(tmp_path: Path) -> None:
    async with FanoutServer() as server, Studio(tmp_path, server.url, password="false") as studio:
        await studio.company("anna", 1, "--vp8")
        recorder = await studio.recorder("--record", "myprefix")
        assert "dialect=fanout" in recorder.output
        await studio.company("ben", 2, "--h264", "--offer-on-request")
        await recording(recorder, "anna", "ben")
        await asyncio.sleep(3)
        assert await recorder.stop() == 0
        assert_good(studio.tape("anna"), 1, seconds=2.5)
        assert_good(studio.tape("ben"), 2, seconds=2.5)
        assert all(path.name.startswith("myprefix_") for path in studio.folder.iterdir())


async def test_the_embedded_server_takes_fanout_clients_beside_hosted_ones(tmp_path: Path) -> None:
    async with Studio(tmp_path) as studio:
        await studio.company("anna", 1, "--server-dialect", "fanout")
        recorder = await studio.recorder()
        await studio.company("ben", 2, "--server-dialect", "fanout", "--offer-on-request")
        await recording(recorder, "anna", "ben")
        await asyncio.sleep(2)
        assert await recorder.stop() == 0
        assert "dialect=hosted" in recorder.output
        assert_good(studio.tape("anna"), 1, seconds=1.5)
        assert_good(studio.tape("ben"), 2, seconds=1.5)


async def test_a_guest_without_picture_one_without_sound_and_a_recorder_that_wants_no_sound(tmp_path: Path) -> None:
    async with Studio(tmp_path) as studio:
        await studio.company("voice", 1, "--novideo")
        await studio.company("mute", 2, "--noaudio", "--h264")
        await studio.company("both", 3)
        first = await studio.recorder("--record-streams", "voice,mute")
        second = await studio.recorder("--record-streams", "both", "--noaudio")
        await recording(first, "voice", "mute")
        await recording(second, "both")
        await asyncio.sleep(3)
        assert [await first.stop(), await second.stop()] == [0, 0]
        assert_good(studio.tape("voice"), 1, seconds=2.5, video=False)
        assert_good(studio.tape("mute"), 2, seconds=2.5, audio=False)
        assert_good(studio.tape("both"), 3, seconds=2.5, audio=False)
        assert studio.tape("both").codecs == ("vp8",)


async def test_one_stream_without_a_room_also_when_it_comes_later_and_again(tmp_path: Path) -> None:
    async with Studio(tmp_path) as studio:
        recorder = await studio.recorder("--record", "anna", room=None)
        guest = await studio.company("anna", 1, room=None)
        await recording(recorder, "anna")
        await asyncio.sleep(1.5)
        await guest.stop()
        await recorder.says("guest finished stream=anna")
        await studio.company("anna", 1, room=None)
        await recorder.says(r"(?s)guest finished.*guest recording stream=anna")
        await asyncio.sleep(1)
        assert await recorder.stop() == 0
        assert len(studio.files("anna")) == 2
