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

pytestmark = [pytest.mark.heavy, pytest.mark.asyncio(loop_scope="session")]
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

_FACES: Final = """(() => {
    const media = navigator.mediaDevices;
    const open = media.getUserMedia.bind(media);
    const settings = MediaStreamTrack.prototype.getSettings;
    const faces = new WeakMap();
    globalThis.asked = [];
    media.getUserMedia = async ({ video, ...rest }) => {
        if (!video) return open(rest);
        globalThis.asked.push(video);
        const { facingMode, ...known } = video;
        const stream = await open({ ...rest, video: known });
        for (const track of stream.getVideoTracks()) faces.set(track, facingMode?.exact ?? "user");
        return stream;
    };
    MediaStreamTrack.prototype.getSettings = function () {
        const face = faces.get(this);
        return { ...settings.call(this), ...(face ? { facingMode: face } : {}) };
    };
})()"""


@pytest.mark.parametrize("upright", [True, False])
async def test_every_page_fits_and_can_be_hit_by_fingers(tmp_path: Path, upright: bool) -> None:
    async with Studio(tmp_path) as studio, Chromium(device=PHONE.turned(upright)) as phone:
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


async def test_the_other_side_s_camera_is_asked_for_and_shown(tmp_path: Path) -> None:
    """Cameras that say which way they look; Chromium's fake ones do not."""
    async with Studio(tmp_path) as studio, Chromium(device=PHONE, flags=CAMERAS) as phone:
        recorder = await studio.recorder()
        anna = await phone.open(page(studio, "join", {"room": ROOM, "stun": "false", "name": "anna"}))
        await anna.evaluate(_FACES)
        await anna.reads("Ready to join.")
        await anna.page.get_by_label("Camera", exact=True).select_option(index=0)
        await anna.until("wanted => globalThis.asked.length === wanted", 1)
        await anna.page.get_by_role("button", name="Join", exact=True).tap()
        await recording(recorder, "anna")
        for wanted in ("environment", "user"):
            await asyncio.sleep(1)
            await anna.page.get_by_role("button", name="Other camera").tap()
            await anna.until("face => globalThis.asked.at(-1)?.facingMode?.exact === face", wanted)
            await anna.until("face => preview.srcObject.getVideoTracks()[0].getSettings().facingMode === face", wanted)
        await asyncio.sleep(1)
        assert await recorder.stop() == 0
        assert anna.errors == []
        tape = studio.tape("anna")
        assert not tape.decode_errors
        assert tape.duration_s > 2.5


async def test_a_guest_with_a_phone(tmp_path: Path) -> None:
    """Joins by touch, changes the camera, turns the phone, locks the screen and looks again: one file."""
    async with Studio(tmp_path) as studio, Chromium(device=PHONE, flags=CAMERAS) as phone:
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
