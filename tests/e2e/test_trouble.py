"""Guests and networks that misbehave, and what the user reads of it."""

import asyncio
import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from roomtape.config import ServeSettings
from roomtape.handshake.server import HandshakeServer
from roomtape.signaling.crypto import encrypt
from roomtape.signaling.identity import make_identity
from roomtape.storage.verify import verify
from tests.support.stranger import Stranger
from tests.support.studio import ROOM, Studio, alive, assert_good, children_of, recording, recording_children

pytestmark = pytest.mark.asyncio(loop_scope="session")

DESCRIPTIONS: list[Any] = [[], {"type": "offer", "sdp": "v=0\r\nm=\0"}, {"type": "offer"}, 7, "00", {"sdp": {}}]
CANDIDATES: list[Any] = [[{"candidate": 5}], [[[]]], {"candidate": {}}, "x" * 5000, [None] * 300]


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


async def test_a_guest_with_another_password_is_explained_and_the_others_are_recorded(tmp_path: Path) -> None:
    async with Studio(tmp_path) as studio:
        recorder = await studio.recorder()
        async with Stranger(studio.url, make_identity(None), ROOM) as stranger:
            viewer = await stranger.seed("odd")
            data, vector = encrypt('{"type":"offer","sdp":"v=0"}', "another phrase")
            await stranger.send(UUID=viewer, session="s", description=data, vector=vector)
            await recorder.says("wrong room password or salt.*stream=odd|stream=odd.*wrong room password or salt")
            await studio.company("anna", 1)
            await recording(recorder, "anna")
            await asyncio.sleep(1.5)
            assert await recorder.stop() == 0
        assert_good(studio.tape("anna"), 1, seconds=1)
        assert studio.files("odd") == []


async def test_hostile_members_disturb_nobody_and_leave_no_file_outside_the_folder(tmp_path: Path) -> None:
    async with Studio(tmp_path, password="false") as studio:
        recorder = await studio.recorder()
        async with Stranger(studio.url, make_identity("false"), ROOM) as stranger:
            viewer = await stranger.seed("../../../" + "x" * 300)
            for description in DESCRIPTIONS:
                await stranger.send(UUID=viewer, session="s", description=description, vector="zz")
            for candidates in CANDIDATES:
                await stranger.send(UUID=viewer, session="s", type="local", candidates=candidates)
            await studio.company("anna", 1)
            await recording(recorder, "anna")
            await asyncio.sleep(1.5)
            assert await recorder.stop() == 0
        assert_good(studio.tape("anna"), 1, seconds=1)
        assert names_in(tmp_path) == ["tapes"]


async def test_a_killed_child_is_replaced_and_the_other_guest_does_not_notice(tmp_path: Path) -> None:
    async with Studio(tmp_path) as studio:
        await studio.company("anna", 1)
        recorder = await studio.recorder("--debug")
        await recording(recorder, "anna")
        (victim,) = recording_children(recorder.process.pid)
        await studio.company("ben", 2)
        await recording(recorder, "ben")
        os.kill(victim, signal.SIGKILL)
        await recorder.says(r"(?s)ended by SIGKILL.*guest recording stream=anna")
        await asyncio.sleep(1.5)
        assert await recorder.stop() == 0
        assert len(studio.files("anna")) == 2
        assert_good(studio.tape("ben"), 2, seconds=2)


def crash_reports(folder: Path) -> list[Any]:
    return [json.loads(path.read_bytes()) for path in folder.rglob("crash-*.json")]


async def test_a_child_that_hangs_is_noticed_and_replaced_in_time(tmp_path: Path) -> None:
    async with Studio(tmp_path) as studio:
        await studio.company("anna", 1)
        recorder = await studio.recorder()
        await recording(recorder, "anna")
        (victim,) = recording_children(recorder.process.pid)
        os.kill(victim, signal.SIGSTOP)
        begun = time.monotonic()
        await recorder.says("killed: no sign of life")
        assert time.monotonic() - begun < 5
        await recorder.says("(?s)no sign of life.*guest recording stream=anna")
        assert time.monotonic() - begun < 8
        assert await recorder.stop() == 0
        [report] = crash_reports(tmp_path)
        assert report["crash"]["states"]
        assert report["crash"]["gstreamer"]


async def test_a_child_that_hangs_at_the_end_is_no_success(tmp_path: Path) -> None:
    async with Studio(tmp_path) as studio:
        await studio.company("anna", 1)
        recorder = await studio.recorder()
        await recording(recorder, "anna")
        (victim,) = recording_children(recorder.process.pid)
        await asyncio.sleep(1)
        os.kill(victim, signal.SIGSTOP)
        assert await recorder.stop() == 1
        await recorder.says("files lack a proper end.* streams=anna")
        (file,) = studio.files("anna")
        assert verify(file).ok


async def test_a_second_ctrl_c_does_not_wait_for_a_child_that_hangs(tmp_path: Path) -> None:
    async with Studio(tmp_path) as studio:
        await studio.company("anna", 1)
        recorder = await studio.recorder()
        await recording(recorder, "anna")
        children = children_of(recorder.process.pid)
        for child in children:
            os.kill(child, signal.SIGSTOP)
        recorder.send(signal.SIGINT)
        await asyncio.sleep(0.5)
        begun = time.monotonic()
        assert await recorder.stop() == 0
        assert time.monotonic() - begun < 1.5
        assert not any(map(alive, children))


async def test_wss_with_a_self_made_certificate_is_refused_unless_the_user_allows_it(tmp_path: Path) -> None:
    async with HandshakeServer(ServeSettings(port=0, tls=True), tmp_path / "server") as server:
        assert server.url.startswith("wss://")
        async with Studio(tmp_path, server.url) as studio:
            await studio.company("anna", 1, "--insecure-signaling")
            wary = await studio.program("wary", "--room", ROOM, "--record-room", "--output-dir", str(tmp_path / "no"))
            await wary.says("its certificate is not trusted")
            assert await wary.stop() == 0
            recorder = await studio.recorder("--insecure-signaling")
            await recording(recorder, "anna")
            await asyncio.sleep(1)
            assert await recorder.stop() == 0
            assert_good(studio.tape("anna"), 1, seconds=0.5)
