"""The pages on a phone, as Chromium makes believe: fingers, a small window in both directions, a phone's name."""

import asyncio
from pathlib import Path
from typing import Final

import pytest

from roomtape.storage.verify import verify
from tests.support.browser import Chromium, Device
from tests.support.studio import ROOM, Studio, recording
from tests.support.tab import page

PHONE: Final = Device(
    window=(390, 844),
    agent="Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 "
    "Mobile Safari/537.36",
)
CAMERAS: Final = ("--use-fake-device-for-media-stream=device-count=3",)
"""The second of Chromium's fake cameras sees nothing but depth."""
LEAST_TOUCH: Final = 44
"""Of what a finger has to hit, in CSS pixels each way."""
_SMALL: Final = f"""() => [...document.querySelectorAll("button, select, input, a, summary")]
    .filter((element) => element.checkVisibility())
    .map((element) => [element.id || element.innerText, element.getBoundingClientRect()])
    .filter(([, {{ width, height }}]) => width < {LEAST_TOUCH} || height < {LEAST_TOUCH})
    .map(([name, {{ width, height }}]) => `${{name}}: ${{width}}x${{height}}`)"""
_WIDER: Final = """() => [...document.body.querySelectorAll("*")]
    .filter((element) => element.checkVisibility() && !element.closest(".unseen, svg"))
    .filter((element) => element.getBoundingClientRect().right > innerWidth + 1)
    .map((element) => element.outerHTML.slice(0, 80))"""


@pytest.mark.parametrize("upright", [True, False])
async def test_every_page_fits_and_can_be_hit_by_fingers(tmp_path: Path, upright: bool) -> None:
    async with Studio(tmp_path) as studio, Chromium(tmp_path, device=PHONE.turned(upright)) as phone:
        first = await phone.open(page(studio, "", {}))
        lobby = await phone.open(page(studio, "join", {"room": ROOM, "stun": "false"}))
        await lobby.reads("Ready to join.")
        live = await phone.join(studio, "A guest with a long name", guest=1, screen="pattern", screenguest=2)
        watch = await phone.watch(studio)
        await watch.moves("A_guest_with_a_long_name")
        await live.share()
        for name, tab in (("first", first), ("lobby", lobby), ("live", live), ("watch", watch)):
            await tab.page.screenshot(path=tmp_path / f"{name}-{'upright' if upright else 'lying'}.png")
            assert await tab.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
            assert await tab.page.evaluate(_WIDER) == [], name
            assert await tab.page.evaluate(_SMALL) == [], name
        assert await live.page.evaluate("matchMedia('(pointer: coarse)').matches")
        seen = await live.page.evaluate("document.getElementById('preview').getBoundingClientRect().toJSON()")
        tools = await live.page.evaluate("document.querySelector('.toolbar').getBoundingClientRect().toJSON()")
        height = await live.page.evaluate("innerHeight")
        assert seen["height"] >= 0.3 * min(height, seen["width"])
        assert tools["bottom"] <= height, "picture and buttons are seen without scrolling"


async def test_a_guest_with_a_phone(tmp_path: Path) -> None:
    """Joins by touch, changes the camera, turns the phone, locks the screen and looks again: one file."""
    async with Studio(tmp_path) as studio, Chromium(tmp_path, device=PHONE, flags=CAMERAS) as phone:
        recorder = await studio.recorder()
        size: dict[str, str | int] = {"width": 320, "height": 180, "framerate": 15}
        anna = await phone.open(page(studio, "join", {"room": ROOM, "stun": "false", "name": "Anna", **size}))
        await anna.reads("Ready to join.")
        await anna.page.get_by_role("button", name="Join", exact=True).tap()
        await recording(recorder, "Anna")
        await asyncio.sleep(2)
        cameras = anna.page.get_by_label("Camera", exact=True)
        await cameras.select_option(index=2)
        await anna.until("() => document.getElementById('cameras').selectedIndex === 2", [])
        await asyncio.sleep(1)
        await anna.page.get_by_role("button", name="Other camera").tap()
        await anna.until("() => document.getElementById('cameras').selectedIndex === 0", [])
        await asyncio.sleep(2)
        await anna.turn()
        await asyncio.sleep(2)
        await anna.freeze()
        await asyncio.sleep(3)
        await anna.freeze(False)
        assert await anna.state() == "live"
        await asyncio.sleep(1)
        sent = await anna.sent()
        assert (sent.width, sent.height) == (180, 320)
        await anna.page.get_by_role("button", name="Leave").tap()
        await recorder.says("file is final stream=Anna")
        assert await recorder.stop() == 0
        assert anna.errors == []
        tape = studio.tape("Anna")
        assert not tape.decode_errors
        assert tape.sizes == [(320, 180), (180, 320)]
        assert tape.duration_s >= 9.5
        assert len(tape.frames) >= 0.98 * sent.frames
        assert verify(studio.files("Anna")[0]).ok
