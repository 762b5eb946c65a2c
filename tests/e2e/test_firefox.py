"""Firefox on the pages: a guest who is recorded, and a viewer who sees."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest
import pytest_asyncio

from roomtape.storage.verify import verify
from tests.support.content import inspect
from tests.support.firefox import Firefox
from tests.support.share import MOST
from tests.support.studio import ROOM, Studio, assert_complete, recording
from tests.support.tab import page

pytestmark = [pytest.mark.heavy(MOST), pytest.mark.asyncio(loop_scope="session")]

PASSWORD: Final = "Füße 42"
CODECS: Final = ("vp8", "vp9", "av1")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def program(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Firefox]:
    """One for all tests: a start costs as much as a test."""
    async with Firefox(tmp_path_factory.mktemp("firefox")) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def firefox(program: Firefox) -> AsyncIterator[Firefox]:
    yield program
    await program.close_tabs()


@pytest.mark.parametrize("codec", CODECS)
async def test_a_guest_is_recorded_with_every_codec_that_firefox_has(
    tmp_path: Path, firefox: Firefox, codec: str
) -> None:
    async with Studio(tmp_path, password=PASSWORD) as studio:
        anna = await firefox.join(studio, "Anna", guest=7, codec=codec, password=PASSWORD, bitrate=250)
        recorder = await studio.recorder()
        await recording(recorder, "Anna")
        await anna.reads("Live. Received by recorder.")
        await anna.reads("You are being recorded")
        await asyncio.sleep(6)
        sent = await anna.sent()
        await anna.leave()
        await recorder.says("file is final stream=Anna")
        assert await recorder.stop() == 0
        assert anna.errors == []
        assert sent.frames >= 60
        assert sent.codec.lower() == f"video/{codec}"
        # On a busy computer an encoder may take so long to begin that the sound has a file of its own before.
        file = studio.files("Anna")[-1]
        tape = inspect(file)
        assert set(tape.codecs) == {codec, "opus"}
        assert_complete(tape, 7, sent.frames)
        assert verify(file).ok


async def test_camera_and_microphone_through_the_form_and_all_that_a_guest_does(
    tmp_path: Path, firefox: Firefox
) -> None:
    """With the browser's fake devices: one file through microphone off and camera off, final when the guest leaves."""
    async with Studio(tmp_path, password=PASSWORD) as studio:
        recorder = await studio.recorder()
        anna = await firefox.open(page(studio, "join", {"room": ROOM, "stun": "false"}))
        await anna.reads("Ready to join.")
        await anna.fill("Your name", "Anna")
        await anna.fill("Room password", PASSWORD)
        await anna.press("Join")
        await recording(recorder, "Anna")
        await asyncio.sleep(2)
        for off, on in (("Mute", "Unmute"), ("Camera off", "Camera on")):
            await anna.press(off)
            await asyncio.sleep(2)
            await anna.press(on)
        await asyncio.sleep(2)
        sent = await anna.sent()
        await anna.press("Leave")
        await anna.wait_for("ended")
        await recorder.says("file is final stream=Anna")
        assert await recorder.stop() == 0
        assert anna.errors == []
        tape = studio.tape("Anna")
        assert not tape.decode_errors
        assert set(tape.codecs) == {"vp8", "opus"}
        assert tape.duration_s >= 7.5
        assert sent.frames >= 60
        assert len(tape.frames) >= 0.98 * sent.frames, (sent, [frame.pts_ns // 10**6 for frame in tape.frames])
        assert verify(studio.files("Anna")[0]).ok
        (entry,) = studio.manifest()["recordings"]
        assert entry["label"] == "Anna"
        changes = [(change["what"], change["value"]) for change in entry["changes"]]
        for kind in ("audio_muted", "video_muted"):
            assert [value for what, value in changes if what == kind][-2:] == [True, False]


async def test_synthetic_guests_are_seen_on_the_watch_page(tmp_path: Path, firefox: Firefox) -> None:
    async with Studio(tmp_path, password=PASSWORD) as studio:
        await studio.company("anna", 1, "--vp8")
        await studio.company("ben", 2, "--vp9", "--offer-on-request")
        await firefox.join(studio, "Cleo", guest=3, password=PASSWORD)
        watch = await firefox.watch(studio, password=PASSWORD)
        assert [await watch.moves(name) for name in ("anna", "ben", "Cleo")] == [1, 2, 3]
        await watch.reads("Watching 3 guests.")
        await watch.press("Unmute anna")
        assert await watch.evaluate("""(({ muted, paused }) => !muted && !paused)(
            document.querySelector('[data-stream="anna"] video'))""")
        assert watch.errors == []
