"""The watch page in a real browser: every guest's picture moves, and who is recorded says so."""

from pathlib import Path

import pytest

from tests.support.browser import Chromium
from tests.support.studio import ROOM, Studio, recording
from tests.support.tab import page

pytestmark = [pytest.mark.heavy, pytest.mark.asyncio(loop_scope="session")]

LOSES_WISHES = """
    let left = %d;
    const { send } = RTCDataChannel.prototype;
    RTCDataChannel.prototype.send = function (text) {
        if (!text.includes("allowscreenvideo") || left-- <= 0) send.call(this, text);
    };
"""


async def test_synthetic_guests_of_both_kinds_and_one_by_browser_are_seen(tmp_path: Path) -> None:
    async with Studio(tmp_path, password="secret") as studio, Chromium() as chromium:
        await studio.company("anna", 1, "--vp8")
        await studio.company("ben", 2, "--h264", "--offer-on-request", "--novideo")
        await chromium.join(studio, "Cleo", guest=3, password="secret")
        watch = await chromium.watch(studio, password="secret")
        assert [await watch.moves("anna"), await watch.moves("Cleo")] == [1, 3]
        await watch.tile("ben").get_by_text("Sound only").wait_for()
        await watch.reads("Watching 3 guests.")
        sound = watch.page.get_by_role("button", name="Unmute anna")
        await sound.focus()
        await watch.page.keyboard.press("Enter")
        assert await watch.tile("anna").locator("video").evaluate("video => !video.muted && !video.paused")
        await watch.page.get_by_role("button", name="Mute anna").wait_for()
        assert watch.errors == []


@pytest.mark.parametrize("lost", [1, 2])
async def test_who_sends_nothing_is_asked_again_and_then_on_another_connection(tmp_path: Path, lost: int) -> None:
    """The first wishes for media never leave the page."""
    async with Studio(tmp_path) as studio, Chromium() as chromium:
        anna = await chromium.join(studio, "anna", guest=1)
        watch = await chromium.open("about:blank")
        await watch.page.add_init_script(LOSES_WISHES % lost)
        await watch.page.goto(page(studio, f"room/{ROOM}", {"stun": "false"}))
        await anna.wait_for("live")
        (former,) = await anna.stats()
        assert await watch.moves("anna") == 1
        (viewer,) = await anna.stats()
        assert len([text for text in watch.messages if text.startswith("warning: Nothing of anna")]) == lost
        assert (viewer["session"] == former["session"]) is (lost == 1)


async def test_who_is_recorded_is_marked_and_no_longer_when_the_recorder_stops(tmp_path: Path) -> None:
    async with Studio(tmp_path) as studio, Chromium() as chromium:
        await studio.company("anna", 1)
        await studio.company("ben", 2)
        watch = await chromium.watch(studio)
        anna, ben = (watch.tile(name).get_by_text("Recording", exact=True) for name in ("anna", "ben"))
        await watch.moves("ben")
        assert await anna.is_hidden()
        recorder = await studio.recorder("--record-streams", "anna")
        await recording(recorder, "anna")
        await anna.wait_for()
        assert await ben.is_hidden()
        assert await recorder.stop() == 0
        await anna.wait_for(state="hidden")


async def test_a_second_stream_stops_and_goes_on(tmp_path: Path) -> None:
    """The watch page tells the screen from the camera by the indexes that the guest sends (protocol.md 8.3)."""
    async with Studio(tmp_path) as studio, Chromium() as chromium:
        anna = await chromium.join(studio, "anna", guest=1, screen="pattern", screenguest=2)
        watch = await chromium.watch(studio)
        assert await watch.moves("anna") == 1
        await anna.share()
        assert await watch.moves("anna:screen") == 2
        assert (await anna.sent("screenVideo")).frames > 0
        await anna.share(False)
        await watch.tile("anna:screen").wait_for(state="detached")
        await anna.share()
        assert await watch.moves("anna:screen") == 2
        assert await watch.moves("anna") == 1
        late = await chromium.watch(studio)
        assert [await late.moves("anna"), await late.moves("anna:screen")] == [1, 2]
        assert anna.errors + watch.errors + late.errors == []


async def test_a_pattern_in_a_browser_without_track_generators(tmp_path: Path) -> None:
    """Firefox and Safari have none: the picture comes from a canvas."""
    async with Studio(tmp_path) as studio, Chromium(lacks="MediaStreamTrackGenerator") as chromium:
        anna = await chromium.join(studio, "anna", guest=6)
        watch = await chromium.watch(studio)
        assert await watch.moves("anna") == 6
        assert anna.errors == []


async def test_devices_are_chosen_and_switched_off_and_who_watches_reads_it(tmp_path: Path) -> None:
    """With the browser's fake camera and microphone."""
    async with Studio(tmp_path) as studio, Chromium() as chromium:
        small: dict[str, str | int] = {"width": 320, "height": 180, "framerate": 15}
        anna = await chromium.open(page(studio, "join", {"room": ROOM, "stun": "false", **small}))
        await anna.reads("Ready to join.")
        assert "Fake" in await anna.page.get_by_label("Microphone", exact=True).inner_text()
        press = anna.page.get_by_role
        await press("button", name="Mute").click()
        await anna.page.get_by_label("Your name").fill("Anna")
        await anna.page.keyboard.press("Enter")
        await anna.wait_for("waiting")
        watch = await chromium.watch(studio)
        tile = watch.tile("Anna")
        await tile.get_by_text("Live, microphone off").wait_for()
        await press("button", name="Camera off").click()
        await tile.get_by_text("Camera is off").wait_for()
        await press("button", name="Unmute").click()
        await tile.get_by_text("Live", exact=True).wait_for()
        cameras = anna.page.get_by_label("Camera", exact=True)
        used = await cameras.input_value()
        await cameras.select_option(index=1)
        assert await cameras.input_value() != used
        await press("button", name="Camera on").click()
        await tile.get_by_text("Camera is off").wait_for(state="hidden")
        await press("button", name="Leave").click()
        await tile.wait_for(state="detached")
        assert anna.errors + watch.errors == []
