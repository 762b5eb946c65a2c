"""Shared screens: files of their own beside the camera's."""

import asyncio
from pathlib import Path
from typing import Final

import pytest

from roomtape.storage.verify import verify
from tests.support.browser import Chromium
from tests.support.content import inspect
from tests.support.share import MOST
from tests.support.studio import Studio, assert_complete, recording
from tests.support.tab import assert_in_step

# Two pictures are drawn, encoded and shown, and each flash is compared with its beep: nothing else runs beside.
pytestmark = [pytest.mark.heavy(MOST), pytest.mark.asyncio(loop_scope="session")]

SLIDES: Final = """data:text/html,<title>Slides</title><body style="font: 80px sans-serif">
<p id="slide">Welcome</p><script>function show(text) { slide.textContent = text }</script>"""


async def test_a_shared_screen_gets_files_of_its_own(tmp_path: Path) -> None:
    async with Studio(tmp_path) as studio, Chromium() as chromium:
        recorder = await studio.recorder()
        anna = await chromium.join(studio, "anna", guest=1, screenguest=9, screen="pattern")
        await recording(recorder, "anna")
        await asyncio.sleep(2)
        await anna.share()
        await recorder.says("file opened stream=anna file=.*_screen_")
        await asyncio.sleep(4)
        await anna.share(False)
        await recorder.says("file is final stream=anna.*screen")
        await asyncio.sleep(3)
        await anna.share()
        await recorder.says("(?s)(file opened stream=anna file=\\S*_screen_.*){2}")
        await asyncio.sleep(4)
        shown = (await anna.sent("screenVideo")).frames  # of both
        sent = (await anna.sent()).frames
        assert await recorder.stop() == 0
        screens = studio.screens("anna")
        assert len(screens) == 2
        tapes = [inspect(screen) for screen in screens]
        assert sum(len(tape.frames) for tape in tapes) >= 0.98 * shown
        for screen, tape in zip(screens, tapes, strict=True):
            assert verify(screen).ok
            assert tape.decode_errors == []
            assert (tape.guest, tape.heard_guest) == (9, 9)
            assert tape.duration_s > 2.5
            assert len(tape.flashes) >= 2
            assert_in_step(tape)
        camera = studio.tape("anna")
        assert_complete(camera, 1, sent)
        assert camera.duration_s > 12


async def test_a_screen_on_which_little_moves_is_one_file(tmp_path: Path) -> None:
    """The browser's own dialog, answered with a tab of slides; its first picture comes seconds after its sound."""
    async with Studio(tmp_path) as studio, Chromium(shares="Slides") as chromium:
        recorder = await studio.recorder()
        slides = await chromium.open(SLIDES)
        anna = await chromium.join(studio, "anna", guest=1)
        await recording(recorder, "anna")
        await anna.page.get_by_role("button", name="Share screen").click()
        await recorder.says("file opened stream=anna file=\\S*_screen_")
        for number in range(3):
            await slides.page.bring_to_front()
            await slides.evaluate(f"show('Number {number}')")
            await asyncio.sleep(2)
        sent = (await anna.sent("screenVideo")).frames
        await anna.page.get_by_role("button", name="Stop sharing").click()
        await recorder.says("file is final stream=anna.*screen")
        assert await recorder.stop() == 0
        assert anna.errors == []
        (screen,) = studio.screens("anna")
        report = verify(screen)
        assert report.ok
        assert (report.video_codec, report.audio_codec) == ("vp8", "opus")
        assert report.video_frames >= 0.98 * sent > 3
        assert report.duration_s > 6
