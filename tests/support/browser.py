"""Debian's Chromium as a guest: tabs on the pages that the embedded server serves, driven by Playwright.

    async with Studio(tmp_path) as studio, Chromium() as chromium:
        anna = await chromium.join(studio, "anna", guest=1, codec="vp8")
        recorder = await studio.recorder()
        await recording(recorder, "anna")
        await anna.mute()
        sent = await anna.sent()
        await anna.leave()

A tab's guest is the synthetic one (`source=pattern`), which tests.support.content can read back. Nothing but the
studio's server is contacted. Each `Chromium` is a fresh profile, which goes with it; the program behind it is started
once per process and command line (tests.support.session), since a start costs as much as a test.
"""

import asyncio
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

from playwright.async_api import Browser as Program
from playwright.async_api import BrowserContext, Error, Locator, Page, Playwright, async_playwright

from tests.support.session import KEPT
from tests.support.tab import PAGE_DEADLINE_S, Browser, RoomTab

EXECUTABLE: Final = "/usr/bin/chromium"
FLAGS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
    # Peers are on this machine: its own addresses are candidates, and not hidden behind names.
    "--allow-loopback-in-peer-connection",
    # With the two pages for the address bar, which nobody sees here, a first tab costs 1.8 CPU seconds instead of 0.4.
    "--disable-features=WebRtcHideLocalIpsWithMdns,Translate,OptimizationHints,MediaRouter"
    ",WebUIOmniboxPopup,WebUIOmniboxAimPopup",
)
ALLOWED: Final = ("--use-fake-device-for-media-stream=device-count=2", "--use-fake-ui-for-media-stream")
REFUSED: Final = ("--use-fake-device-for-media-stream", "--deny-permission-prompts")

DESKTOP: Final = (1100, 760)
PHONE: Final = (360, 740)
"""Insides of windows, in pixels."""
_TURN: Final = """(async () => {
    const [track] = document.getElementById("preview").srcObject.getVideoTracks();
    const { width, height } = track.getSettings();
    await track.applyConstraints({ width: { exact: height }, height: { exact: width } });
})()"""


class Device(NamedTuple):
    """What Chromium makes believe it runs on: a phone with a touch screen. `window` is that of the page, in pixels."""

    window: tuple[int, int]
    agent: str
    scale: float = 3

    def turned(self, upright: bool) -> "Device":
        """Held upright, or lying on its side."""
        short, long = sorted(self.window)
        return self._replace(window=(short, long) if upright else (long, short))

    def settings(self) -> dict[str, Any]:
        """As Playwright wants them for a context."""
        return {
            "viewport": {"width": self.window[0], "height": self.window[1]},
            "user_agent": self.agent,
            "device_scale_factor": self.scale,
            "has_touch": True,
            "is_mobile": True,
        }


class Tab(RoomTab):
    """One page in Chromium."""

    def __init__(self, page: Page) -> None:
        super().__init__()
        self.page = page
        page.on("console", lambda message: self.messages.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: self.messages.append(f"uncaught: {error}"))

    async def evaluate(self, script: str, argument: Any = None) -> Any:
        return await self.page.evaluate(script, argument)

    async def until(self, function: str, argument: Any) -> None:
        try:
            await self.page.wait_for_function(function, arg=argument)
        except Error as error:
            said = await self.page.inner_text("body")
            raise AssertionError(f"not {argument}: {said}\n{error}") from None

    async def reads(self, text: str) -> None:
        await self.page.get_by_text(text).first.wait_for()

    async def look(self, *, dark: bool, window: tuple[int, int]) -> None:
        """As a user who prefers dark or light pages, and no motion, sees it in a window of this size."""
        await self.page.emulate_media(color_scheme="dark" if dark else "light", reduced_motion="reduce")
        await self.page.set_viewport_size({"width": window[0], "height": window[1]})

    async def turn(self) -> None:
        """A phone is turned: window and camera change width for height."""
        window = self.page.viewport_size
        assert window is not None
        await self.page.set_viewport_size({"width": window["height"], "height": window["width"]})
        await self.evaluate(_TURN)

    async def freeze(self, frozen: bool = True) -> None:
        """As when a phone's screen is locked: the page is hidden, and its scripts stand still."""
        session = await self.page.context.new_cdp_session(self.page)
        await session.send("Page.setWebLifecycleState", {"state": "frozen" if frozen else "active"})
        await session.detach()

    def tile(self, stream: str) -> Locator:
        """A guest's tile; that of a shared screen is `NAME:screen`."""
        return self.page.locator(f'[data-stream="{stream}"]')

    async def reload(self) -> None:
        """As with F5; with `autostart` the guest joins again."""
        await self.page.reload()

    async def crash(self) -> None:
        """The tab's process dies, with no goodbye."""
        session = await self.page.context.new_cdp_session(self.page)
        crashed = asyncio.Event()
        self.closed = True
        self.page.on("crash", lambda _: crashed.set())
        # It never answers: the process is gone.
        answer = asyncio.ensure_future(session.send("Page.crash"))
        await asyncio.wait_for(crashed.wait(), PAGE_DEADLINE_S)
        answer.cancel()
        await asyncio.gather(answer, return_exceptions=True)

    async def close(self) -> None:
        """As when the tab is closed; the page may say goodbye."""
        self.closed = True
        await self.page.close()


class _Programs:
    """The Chromiums that run, by their command lines."""

    def __init__(self) -> None:
        self._playwright: Playwright | None = None
        self._running: dict[tuple[str, ...], Program] = {}

    async def get(self, flags: tuple[str, ...]) -> Program:
        """One that runs, or a new one."""
        program = self._running.get(flags)
        if program is None or not program.is_connected():
            if self._playwright is None:
                self._playwright = await KEPT.enter_async_context(async_playwright())
            program = await self._playwright.chromium.launch(
                executable_path=EXECUTABLE, headless=True, args=list(flags)
            )
            KEPT.push_async_callback(program.close)
            self._running[flags] = program
        return program


_USUAL: Final = _Programs()


class Chromium(Browser[Tab]):
    """A fresh profile.

    Args:
        refuse_media: asked for camera and microphone, its user says no.
        flags: more arguments for the command line.
        lacks: a global of JavaScript that this browser does not have.
        device: what it makes believe it runs on.
        shares: the title of the tab that its user picks when asked what to share. There is no camera then: fake devices
            come with a fake screen.
    """

    def __init__(
        self,
        *,
        refuse_media: bool = False,
        flags: tuple[str, ...] = (),
        lacks: str | None = None,
        device: Device | None = None,
        shares: str | None = None,
    ) -> None:
        super().__init__()
        self._lacks = lacks
        desktop = {"viewport": {"width": DESKTOP[0], "height": DESKTOP[1]}}
        self._settings = desktop if device is None else device.settings()
        media = (f"--auto-select-tab-capture-source-by-title={shares}",) if shares else ALLOWED
        self._flags = (*FLAGS, *(REFUSED if refuse_media else media), *flags)
        self._context: BrowserContext | None = None

    async def __aenter__(self) -> Self:
        program = await _USUAL.get(self._flags)
        self._context = await program.new_context(**self._settings)
        self._context.set_default_timeout(PAGE_DEADLINE_S * 1000)
        if self._lacks is not None:
            await self._context.add_init_script(f"delete globalThis.{self._lacks}")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._context is not None
        await self._context.close()

    async def open(self, address: str, *, body: str | None = None) -> Tab:
        """A new tab; with `body`, HTML, that is the page, and no server is asked."""
        assert self._context is not None
        tab = Tab(await self._context.new_page())
        if body is not None:
            await tab.page.route(address + "**", lambda route: route.fulfill(body=body, content_type="text/html"))
        await tab.page.goto(address)
        return tab
