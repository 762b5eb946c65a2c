"""The guest page of `roomtape serve` in a real browser: joining, being recorded, and what a person reads."""

import asyncio
from pathlib import Path
from typing import Final

import pytest

from roomtape.config import ServeSettings
from roomtape.handshake.server import HandshakeServer
from roomtape.model import StreamId
from roomtape.signaling.crypto import encrypt
from roomtape.signaling.identity import make_identity
from tests.support.browser import Chromium
from tests.support.stranger import Stranger
from tests.support.studio import ROOM, Studio, assert_complete, recording
from tests.support.tab import page

pytestmark = [pytest.mark.heavy, pytest.mark.asyncio(loop_scope="session")]

PASSWORD: Final = "my päss! 😀&#"
PATTERN: Final[dict[str, str | int]] = {"room": ROOM, "source": "pattern", "stun": "false"}


async def test_a_guest_by_browser_is_recorded_with_a_password(tmp_path: Path) -> None:
    async with Studio(tmp_path, password=PASSWORD) as studio, Chromium() as chromium:
        recorder = await studio.recorder()
        anna = await chromium.join(studio, "Anna", guest=7, password=PASSWORD)
        await recording(recorder, "Anna")
        await anna.reads("Live. Received by recorder.")
        await anna.reads("You are being recorded")
        await anna.reads("Sending ")
        await asyncio.sleep(5)
        sent = await anna.sent()
        await anna.leave()
        await recorder.says("file is final stream=Anna")
        assert await recorder.stop() == 0
        assert "päss" not in recorder.output
        assert anna.errors == []
        assert sent.frames >= 60
        assert_complete(studio.tape("Anna"), 7, sent.frames)


async def test_what_the_address_says_of_the_picture(tmp_path: Path) -> None:
    async with Studio(tmp_path) as studio, Chromium() as chromium:
        anna = await chromium.join(studio, "anna", guest=4, codec="vp9", size=(480, 270), streamid="my id")
        recorder = await studio.recorder()
        await recording(recorder, "my_id")
        await asyncio.sleep(1)
        assert (await anna.sent())[1:4] == (480, 270, "video/VP9")
        await anna.scale(1.5)
        await asyncio.sleep(2)
        assert (await anna.sent())[1:4] == (320, 180, "video/VP9")
        assert await recorder.stop() == 0
        tape = studio.tape("my_id")
        assert tape.codecs == ("vp9", "opus")
        assert tape.sizes == [(480, 270), (320, 180)]
        odd = await chromium.open(page(studio, "join", PATTERN | {"autostart": 1, "codec": "none"}))
        await odd.reads("This browser cannot send NONE.")


async def test_the_server_comes_back_and_the_recording_did_not_notice(tmp_path: Path) -> None:
    first = HandshakeServer(ServeSettings(port=0), tmp_path)
    await first.__aenter__()
    settings = ServeSettings(port=first.port)
    async with Studio(tmp_path, first.url) as studio, Chromium() as chromium:
        anna = await chromium.join(studio, "anna", guest=3)
        recorder = await studio.recorder()
        await recording(recorder, "anna")
        await first.__aexit__(None, None, None)
        await anna.wait_for("reconnecting")
        await anna.reads("The server is gone; trying again… Still received by recorder.")
        async with HandshakeServer(settings, tmp_path):
            await anna.wait_for("live")
            await recorder.says("(?s)signaling lost.*joined")
            await asyncio.sleep(2)
            sent = await anna.sent()
            assert await recorder.stop() == 0
        assert_complete(studio.tape("anna"), 3, sent.frames)


async def test_a_password_that_is_not_the_invitation_s(tmp_path: Path) -> None:
    invitation = {"hash": make_identity(PASSWORD).suffix[:4]}
    async with Studio(tmp_path) as studio, Chromium() as chromium:
        anna = await chromium.open(page(studio, "join", PATTERN, invitation))
        await anna.page.get_by_label("Your name").fill("Anna")
        await anna.page.get_by_label("Room password").fill("guessed")
        await anna.page.get_by_role("button", name="Join", exact=True).click()
        await anna.reads("The password is wrong: it is not the one of this room.")
        assert await anna.state() == "lobby"
        await anna.page.get_by_label("Room password").fill(PASSWORD)
        await anna.page.keyboard.press("Enter")
        await anna.wait_for("waiting")
        assert await anna.page.get_by_role("alert").is_hidden()


async def test_somebody_who_cannot_be_understood(tmp_path: Path) -> None:
    """The room's id depends on the password: it takes someone who knows the id and has another password."""
    async with (
        Studio(tmp_path) as studio,
        Chromium() as chromium,
        Stranger(studio.url, make_identity(None), ROOM) as stranger,
    ):
        await stranger.send(request="seed", streamID="odd123456")
        for tab in (await chromium.join(studio, "anna"), await chromium.watch(studio)):
            await tab.reads("Wrong password, yours or somebody else’s")


async def test_a_viewer_that_cannot_be_understood(tmp_path: Path) -> None:
    async with (
        Studio(tmp_path) as studio,
        Chromium() as chromium,
        Stranger(studio.url, make_identity(None), ROOM) as stranger,
    ):
        anna = await chromium.join(studio, "anna")
        await stranger.send(request="play", streamID=make_identity(None).wire_id(StreamId("anna")))
        uuid = (await stranger.receive("someonejoined"))["UUID"]
        data, vector = encrypt('{"type":"answer","sdp":"v=0"}', "another phrase")
        await stranger.send(UUID=uuid, description=data, vector=vector)
        await anna.reads("Wrong password, yours or somebody else’s")


async def test_alone_behind_another_password(tmp_path: Path) -> None:
    async with Studio(tmp_path) as studio, Chromium() as chromium:
        anna = await chromium.join(studio, "anna", password="another")
        await anna.reads("Nobody else is here. If others are, the room’s name or the password is not the same.")


async def test_the_camera_is_refused(tmp_path: Path) -> None:
    async with Studio(tmp_path) as studio, Chromium(refuse_media=True) as chromium:
        anna = await chromium.open(page(studio, "join", {"room": ROOM}))
        await anna.reads("The browser was not allowed to use camera and microphone.")
        assert await anna.state() == "lobby"


async def test_a_page_that_is_not_on_localhost_and_not_https(tmp_path: Path) -> None:
    flags = ("--host-resolver-rules=MAP guests.test 127.0.0.1",)
    async with Studio(tmp_path) as studio, Chromium(flags=flags) as chromium:
        for path in ("join", f"room/{ROOM}"):
            address = page(studio, path, {"room": ROOM}).replace("127.0.0.1", "guests.test")
            tab = await chromium.open(address)
            await tab.reads("Browsers give camera and encryption only to pages on localhost or https")
        first = await chromium.open(address.partition("room")[0])
        await first.page.get_by_label("Room", exact=True).fill(ROOM)
        await first.page.get_by_role("button", name="Watch").click()
        await first.reads("Browsers give camera and encryption only to pages on localhost or https")


async def test_over_tls(tmp_path: Path) -> None:
    async with (
        HandshakeServer(ServeSettings(port=0, tls=True), tmp_path / "server") as server,
        Studio(tmp_path, server.url) as studio,
        Chromium(flags=("--ignore-certificate-errors",)) as chromium,
    ):
        assert server.page_url.startswith("https://")
        await chromium.join(studio, "anna", guest=5)
        watch = await chromium.watch(studio)
        assert await watch.moves("anna") == 5
        assert watch.errors == []


async def test_a_full_room(tmp_path: Path) -> None:
    async with (
        HandshakeServer(ServeSettings(port=0, max_members=1), tmp_path) as server,
        Studio(tmp_path, server.url) as studio,
        Chromium() as chromium,
    ):
        await chromium.join(studio, "anna")
        ben = await chromium.open(page(studio, "join", PATTERN | {"autostart": 1}))
        await ben.reads("The room is full.")
        await ben.wait_for("ended")


async def test_a_name_that_is_still_taken_is_had_as_soon_as_it_is_free(tmp_path: Path) -> None:
    async with Studio(tmp_path) as studio, Chromium() as chromium:
        former = await chromium.join(studio, "anna", guest=1)
        anna = await chromium.join(studio, "anna", guest=2)
        await anna.reads("Somebody in this room already uses this name; trying again for a minute…")
        watch = await chromium.watch(studio)
        assert await watch.moves("anna") == 1
        await former.close()
        await watch.tile("anna").get_by_text("Not connected").wait_for()
        assert await watch.moves("anna") == 2
        await anna.page.get_by_role("alert").wait_for(state="hidden")
