"""How the pages look: pictures for people in pytest's folder, and axe-core's rules for accessibility."""

from pathlib import Path
from typing import Final

import pytest
from axe_playwright_python.async_playwright import Axe

from tests.support.browser import DESKTOP, PHONE, Chromium, Tab
from tests.support.studio import ROOM, Studio
from tests.support.tab import page

pytestmark = [pytest.mark.heavy, pytest.mark.asyncio(loop_scope="session")]

LOOKS: Final = {
    f"{'dark' if dark else 'light'}-{name}": (dark, window)
    for dark in (False, True)
    for name, window in (("desktop", DESKTOP), ("phone", PHONE))
}


async def assert_accessible(tab: Tab, folder: Path, name: str) -> None:
    """Light and dark, on a desktop and on a phone: no violation of axe-core's rules, and nothing wider than the window.

    Pictures are kept.
    """
    for look, (dark, window) in LOOKS.items():
        await tab.look(dark=dark, window=window)
        await tab.page.screenshot(path=folder / f"{name}-{look}.png", full_page=True)
        found = await Axe().run(tab.page)
        assert found.violations_count == 0, f"{name}, {look}: {found.generate_report()}"
        width = await tab.page.evaluate("document.documentElement.scrollWidth")
        assert width <= window[0], f"{name}, {look}: wider than the window"


async def test_every_page_in_every_state_is_accessible(tmp_path: Path) -> None:
    async with Studio(tmp_path) as studio, Chromium() as chromium:
        first = await chromium.open(page(studio, "", {}))
        await assert_accessible(first, tmp_path, "first")
        await first.close()
        lobby = await chromium.open(page(studio, "join", {"room": ROOM, "width": 320, "height": 180}))
        await lobby.reads("Ready to join.")
        await assert_accessible(lobby, tmp_path, "lobby")
        await lobby.close()
        locked = await chromium.open(page(studio, f"room/{ROOM}", {"stun": "false"}, {"hash": "abcd"}))
        await locked.page.get_by_label("Room password").fill("guessed")
        await locked.page.keyboard.press("Enter")
        await locked.reads("The password is wrong")
        await assert_accessible(locked, tmp_path, "locked")
        await locked.close()
        await chromium.join(studio, "Anna", guest=1)
        live = await chromium.join(studio, "Ben", guest=2, screen="pattern", screenguest=3)
        watch = await chromium.watch(studio)
        await watch.moves("Anna")
        await live.share()
        await watch.moves("Ben:screen")
        await assert_accessible(watch, tmp_path, "watch")
        await assert_accessible(live, tmp_path, "live")
        await live.leave()
        await assert_accessible(live, tmp_path, "left")


async def test_the_guest_page_by_keyboard(tmp_path: Path) -> None:
    """From the first field to the room and out again without a mouse; the focus can be seen."""
    async with Studio(tmp_path) as studio, Chromium() as chromium:
        tab = await chromium.open(page(studio, "", {}))
        press = tab.page.keyboard.press
        await tab.page.get_by_label("Room", exact=True).focus()
        await tab.page.keyboard.type(ROOM)
        await press("Tab")
        await press("Enter")
        assert await tab.page.get_by_label("Room", exact=True).input_value() != ROOM
        await press("Control+A")
        await tab.page.keyboard.type(ROOM)
        await press("Enter")
        await tab.reads("Ready to join.")
        assert "/join?room=" in tab.page.url
        await tab.page.get_by_label("Your name").focus()
        await tab.page.keyboard.type("Anna")
        await press("Enter")
        await tab.wait_for("waiting")
        await tab.page.get_by_role("button", name="Leave").focus()
        await press("Shift+Tab")
        focused = "document.activeElement.innerText.trim() + getComputedStyle(document.activeElement).outlineStyle"
        assert await tab.page.evaluate(focused) == "Share screensolid"
        await press("Tab")
        await press("Enter")
        await tab.wait_for("ended")
