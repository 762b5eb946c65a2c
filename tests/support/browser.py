"""Debian's Chromium as a guest: tabs on the pages that the embedded server serves, driven by Playwright.

    async with Studio(tmp_path) as studio, Chromium(tmp_path) as chromium:
        anna = await chromium.join(studio, "anna", guest=1, codec="vp8")
        recorder = await studio.recorder()
        await recording(recorder, "anna")
        await anna.mute()
        sent = await anna.sent()
        await anna.leave()

A tab's guest is the synthetic one (`source=pattern`), which tests.support.content can read back. Nothing but the
studio's server is contacted; the browser has a fresh profile, which goes with it.
"""

import asyncio
from pathlib import Path
from types import TracebackType
from typing import Any, Final, NamedTuple, Self
from urllib.parse import quote, urlencode

from playwright.async_api import BrowserContext, Error, Locator, Page, Playwright, async_playwright

from tests.support.content import HEIGHT, WIDTH, read_code
from tests.support.studio import ROOM, Studio

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
    "--disable-features=WebRtcHideLocalIpsWithMdns,Translate,OptimizationHints,MediaRouter",
)
ALLOWED: Final = ("--use-fake-device-for-media-stream=device-count=2", "--use-fake-ui-for-media-stream")
REFUSED: Final = ("--use-fake-device-for-media-stream", "--deny-permission-prompts")

PAGE_DEADLINE_S: Final = 20.0
"""For whatever a page is asked to do."""
DESKTOP: Final = (1100, 760)
PHONE: Final = (360, 740)
"""Insides of windows, in pixels."""
SIZE: Final = (320, 180)
FRAMERATE: Final = 15

_GRAB: Final = """([stream, width, height]) => {
    const video = document.querySelector(`[data-stream="${stream}"] video`);
    if (!video?.videoWidth) return null;
    const context = new OffscreenCanvas(width, height).getContext("2d");
    context.imageSmoothingQuality = "high";
    context.drawImage(video, 0, 0, width, height);
    const { data } = context.getImageData(0, 0, width, height);
    return Array.from({ length: width * height }, (_, i) => data[4 * i + 1]);
}"""
POLL_S: Final = 0.1


class Sent(NamedTuple):
    """What a tab's getStats (W3C WebRTC statistics, outbound-rtp) says it sent to one viewer on one slot."""

    frames: int
    width: int
    height: int
    codec: str
    bytes: int


class Tab:
    """One page in the browser. Whatever it is asked to do ends within PAGE_DEADLINE_S, or fails."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.messages: list[str] = []
        """What the page said on the console, and its uncaught errors."""
        page.on("console", lambda message: self.messages.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: self.messages.append(f"uncaught: {error}"))

    @property
    def errors(self) -> list[str]:
        return [line for line in self.messages if line.startswith(("error:", "uncaught:"))]

    async def state(self) -> str:
        """lobby, connecting, waiting, live, reconnecting or ended."""
        return str(await self.page.evaluate("document.body.dataset.state"))

    async def wait_for(self, *states: str) -> None:
        """Wait until the page is in one of these states."""
        try:
            await self.page.wait_for_function("names => names.includes(document.body.dataset.state)", arg=list(states))
        except Error as error:
            said = await self.page.inner_text("body")
            raise AssertionError(f"not {' or '.join(states)} but {await self.state()}: {said}\n{error}") from None

    async def reads(self, text: str) -> None:
        """Wait until a person could read `text` on the page."""
        await self.page.get_by_text(text).first.wait_for()

    async def call(self, expression: str) -> Any:
        """Evaluate something on `window.roomtape`, as in `call("share(true)")`."""
        return await self.page.evaluate(f"globalThis.roomtape.{expression}")

    async def stats(self) -> list[dict[str, Any]]:
        """Of each viewer: uuid, label, state, and an outbound-rtp report for each of the slots that it is sent."""
        found: list[dict[str, Any]] = await self.call("stats()")
        return found

    async def sent(self, slot: str = "video", viewer: int = 0) -> Sent:
        """What was sent to a viewer until now; slots are video, audio, screenVideo and screenAudio."""
        report = (await self.stats())[viewer][slot]
        size = report.get("frameWidth", 0), report.get("frameHeight", 0)
        return Sent(report.get("framesSent", 0), *size, report["codec"], report["bytesSent"])

    async def frame(self) -> int:
        """The number of the pattern's next frame."""
        return int(await self.call("frame"))

    async def look(self, *, dark: bool, window: tuple[int, int]) -> None:
        """As a user who prefers dark or light pages, and no motion, sees it in a window of this size."""
        await self.page.emulate_media(color_scheme="dark" if dark else "light", reduced_motion="reduce")
        await self.page.set_viewport_size({"width": window[0], "height": window[1]})

    # --- the watch page -------------------------------------------------------------------------------------------

    def tile(self, stream: str) -> Locator:
        """A guest's tile; that of a shared screen is `NAME:screen`."""
        return self.page.locator(f'[data-stream="{stream}"]')

    async def grab(self, stream: str) -> bytes | None:
        """What a tile's picture shows now, in grey and as small as read_code wants it; None if it shows nothing."""
        levels: list[int] | None = await self.page.evaluate(_GRAB, [stream, WIDTH, HEIGHT])
        return None if levels is None else bytes(levels)

    async def moves(self, stream: str) -> int:
        """Wait until a tile shows a synthetic guest whose picture moves; returns the guest's number."""
        first: tuple[bytes, int] | None = None
        async with asyncio.timeout(PAGE_DEADLINE_S):
            while True:
                image = await self.grab(stream)
                guest, counter = read_code(image) if image is not None else (None, None)
                if image is not None and guest is not None and counter is not None:
                    if first is not None and counter != first[1]:
                        assert image != first[0]
                        return guest
                    first = first or (image, counter)
                await asyncio.sleep(POLL_S)

    # --- what its guest does --------------------------------------------------------------------------------------

    async def mute(self, off: bool = True) -> None:
        await self.call(f"mute({str(off).lower()})")

    async def hide_camera(self, off: bool = True) -> None:
        await self.call(f"hideCamera({str(off).lower()})")

    async def scale(self, factor: float) -> None:
        """Make the sent picture smaller by this factor."""
        await self.call(f"scale({factor})")

    async def share(self, on: bool = True) -> None:
        """Start or stop the second stream; a pattern too, if the tab was joined with `screenguest`."""
        await self.call(f"share({str(on).lower()})")

    async def leave(self) -> None:
        await self.call("leave()")
        await self.wait_for("ended")

    async def rejoin(self) -> None:
        await self.call("join()")
        await self.wait_for("waiting", "live")

    async def reload(self) -> None:
        """As with F5; with `autostart` the guest joins again."""
        await self.page.reload()

    async def crash(self) -> None:
        """The tab's process dies, with no goodbye."""
        session = await self.page.context.new_cdp_session(self.page)
        crashed = asyncio.Event()
        self.page.on("crash", lambda _: crashed.set())
        # It never answers: the process is gone.
        answer = asyncio.ensure_future(session.send("Page.crash"))
        await asyncio.wait_for(crashed.wait(), PAGE_DEADLINE_S)
        answer.cancel()
        await asyncio.gather(answer, return_exceptions=True)

    async def close(self) -> None:
        """As when the tab is closed; the page may say goodbye."""
        await self.page.close()


class Chromium:
    """A browser with a fresh profile.

    Args:
        refuse_media: asked for camera and microphone, its user says no.
        flags: more arguments for the command line.
        lacks: a global of JavaScript that this browser does not have.
    """

    def __init__(
        self, folder: Path, *, refuse_media: bool = False, flags: tuple[str, ...] = (), lacks: str | None = None
    ) -> None:
        self._lacks = lacks
        self._profile = folder / "profile"
        self._flags = (*FLAGS, *(REFUSED if refuse_media else ALLOWED), *flags)
        self._playwright: Playwright | None = None
        self._context: BrowserContext | None = None

    async def __aenter__(self) -> Self:
        self._playwright = await async_playwright().start()
        self._context = await self._playwright.chromium.launch_persistent_context(
            str(self._profile),
            executable_path=EXECUTABLE,
            headless=True,
            args=list(self._flags),
            viewport={"width": DESKTOP[0], "height": DESKTOP[1]},
        )
        self._context.set_default_timeout(PAGE_DEADLINE_S * 1000)
        if self._lacks is not None:
            await self._context.add_init_script(f"delete globalThis.{self._lacks}")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._context is not None
        assert self._playwright is not None
        try:
            await self._context.close()
        finally:
            await self._playwright.stop()

    async def open(self, address: str) -> Tab:
        """A new tab on any address."""
        assert self._context is not None
        tab = Tab(await self._context.new_page())
        await tab.page.goto(address)
        return tab

    async def join(
        self,
        studio: Studio,
        name: str,
        *,
        guest: int = 0,
        room: str = ROOM,
        password: str | None = None,
        size: tuple[int, int] = SIZE,
        framerate: int = FRAMERATE,
        **options: str | int,
    ) -> Tab:
        """A guest who has joined the room with the pattern; `options` as in docs/pages.md, such as codec or bitrate.

        The picture keeps its size, whatever the computer can do: `keepsize`.
        """
        chosen: dict[str, str | int] = {
            "room": room,
            "name": name,
            "source": "pattern",
            "guest": guest,
            "width": size[0],
            "height": size[1],
            "framerate": framerate,
            "keepsize": 1,
            "stun": "false",
            "autostart": 1,
        }
        secret = {} if password is None else {"password": password}
        tab = await self.open(page(studio, "join", chosen | options, secret))
        await tab.wait_for("waiting", "live")
        return tab

    async def watch(self, studio: Studio, *, room: str = ROOM, password: str | None = None) -> Tab:
        """A tab on the watch page, which has joined the room."""
        secret = {} if password is None else {"password": password}
        tab = await self.open(page(studio, f"room/{quote(room)}", {"stun": "false"}, secret))
        await tab.wait_for("live", "waiting")
        return tab


def page(studio: Studio, path: str, query: dict[str, str | int], fragment: dict[str, str] | None = None) -> str:
    """The address of one of the studio's pages; secrets belong in the fragment."""
    return f"{studio.url.replace('ws', 'http', 1)}/{path}?{urlencode(query)}#{urlencode(fragment or {})}"
