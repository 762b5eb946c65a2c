"""What tests ask of a browser on roomtape's pages, whichever browser it is: see tests.support.browser (Chromium) and
tests.support.firefox."""

import asyncio
import statistics
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final, Generic, NamedTuple, TypeVar
from urllib.parse import quote, urlencode

from tests.support.content import HEIGHT, WIDTH, Content, read_code
from tests.support.studio import ROOM, Studio

PAGE_DEADLINE_S: Final = 20.0
"""For whatever a page is asked to do."""
SIZE: Final = (320, 180)
FRAMERATE: Final = 15

POLL_S: Final = 0.1

_GRAB: Final = """([stream, width, height]) => {
    const video = document.querySelector(`[data-stream="${stream}"] video`);
    if (!video?.videoWidth) return null;
    const context = new OffscreenCanvas(width, height).getContext("2d");
    context.imageSmoothingQuality = "high";
    context.drawImage(video, 0, 0, width, height);
    const { data } = context.getImageData(0, 0, width, height);
    return Array.from({ length: width * height }, (_, i) => data[4 * i + 1]);
}"""


class Sent(NamedTuple):
    """What a tab's getStats (W3C WebRTC statistics, outbound-rtp) says it sent to one viewer on one slot."""

    frames: int
    width: int
    height: int
    codec: str
    bytes: int


class RoomTab(ABC):
    """One page in a browser. Whatever it is asked to do ends within PAGE_DEADLINE_S, or fails."""

    def __init__(self) -> None:
        self.messages: list[str] = []
        """What the page said on the console, and its uncaught errors."""
        self.guests: Sequence[RoomTab] = ()
        """Guests of the same browser, for when nothing is seen of them."""
        self.closed = False

    @abstractmethod
    async def evaluate(self, script: str, argument: Any = None) -> Any:
        """The value of an expression, or of a function of one argument that is not None; both as JSON knows them."""

    @abstractmethod
    async def until(self, function: str, argument: Any) -> None:
        """Wait until a function of one argument is true.

        Raises:
            AssertionError: it never was; says what a person reads on the page.
        """

    @abstractmethod
    async def reads(self, text: str) -> None:
        """Wait until a person could read `text` on the page."""

    @property
    def errors(self) -> list[str]:
        return [line for line in self.messages if line.startswith(("error:", "uncaught:"))]

    async def state(self) -> str:
        """lobby, connecting, waiting, live, reconnecting or ended."""
        return str(await self.evaluate("document.body.dataset.state"))

    async def wait_for(self, *states: str) -> None:
        """Wait until the page is in one of these states."""
        await self.until("names => names.includes(document.body.dataset.state)", list(states))

    async def call(self, expression: str) -> Any:
        """Evaluate something on `window.roomtape`, as in `call("share(true)")`."""
        return await self.evaluate(f"globalThis.roomtape.{expression}")

    async def stats(self) -> list[dict[str, Any]]:
        """Of each viewer of a guest: uuid, session, label, state, and an outbound-rtp report for each of its slots.

        Of each stream on the watch page: what room.js says.
        """
        found: list[dict[str, Any]] = await self.call("stats()")
        return found

    async def sent(self, slot: str = "video", viewer: int = 0) -> Sent:
        """What was sent to a viewer until now; slots are video, audio, screenVideo and screenAudio."""
        report = (await self.stats())[viewer][slot]
        size = report.get("frameWidth", 0), report.get("frameHeight", 0)
        return Sent(report.get("framesSent", 0), *size, report["codec"], report["bytesSent"])

    async def condition(self) -> str:
        """Of a guest: how far its pattern is, what it sends, and what its page said."""
        return "closed" if self.closed else f"frame {await self.frame()}, {await self.stats()}, {self.messages}"

    async def frame(self) -> int:
        """The number of the pattern's next frame."""
        return int(await self.call("frame"))

    # --- the watch page -------------------------------------------------------------------------------------------

    async def grab(self, stream: str) -> bytes | None:
        """What a tile's picture shows now, in grey and as small as read_code wants it; None if it shows nothing."""
        levels: list[int] | None = await self.evaluate(_GRAB, [stream, WIDTH, HEIGHT])
        return None if levels is None else bytes(levels)

    async def moves(self, stream: str) -> int:
        """Wait until a tile shows a synthetic guest whose picture moves; returns the guest's number.

        Raises:
            AssertionError: it never did; says what the tile showed, and what the page received.
        """
        first: tuple[bytes, int] | None = None
        image: bytes | None = None
        with suppress(TimeoutError):
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
        guests = [await guest.condition() for guest in self.guests]
        shown = "nothing" if image is None else f"a picture of {statistics.mean(image):.0f} that cannot be read"
        shown = shown if first is None else f"frame {first[1]} all the time"
        raise AssertionError(f"{stream} does not move: {shown}; {await self.stats()}; {self.messages}; {guests}")

    # --- what its guest does --------------------------------------------------------------------------------------

    async def mute(self, off: bool = True) -> None:
        await self.call(f"mute({str(off).lower()})")

    async def hide_camera(self, off: bool = True) -> None:
        await self.call(f"hideCamera({str(off).lower()})")

    async def unplug(self, *kinds: str, gone: bool = True) -> None:
        """Send nothing of audio or video, as if there were no device."""
        for kind in kinds:
            await self.call(f"unplug('{kind}', {str(gone).lower()})")

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


AnyTab = TypeVar("AnyTab", bound=RoomTab)


class Browser(ABC, Generic[AnyTab]):
    """Opens tabs on the pages of a studio's server."""

    def __init__(self) -> None:
        self._guests: list[RoomTab] = []

    @abstractmethod
    async def open(self, address: str) -> AnyTab:
        """A new tab on any address."""

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
    ) -> AnyTab:
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
        self._guests.append(tab)
        await tab.wait_for("waiting", "live")
        return tab

    async def watch(self, studio: Studio, *, room: str = ROOM, password: str | None = None) -> AnyTab:
        """A tab on the watch page, which has joined the room."""
        secret = {} if password is None else {"password": password}
        tab = await self.open(page(studio, f"room/{quote(room)}", {"stun": "false"}, secret))
        tab.guests = self._guests
        await tab.wait_for("live", "waiting")
        return tab


def page(studio: Studio, path: str, query: dict[str, str | int], fragment: dict[str, str] | None = None) -> str:
    """The address of one of the studio's pages; secrets belong in the fragment."""
    return f"{studio.url.replace('ws', 'http', 1)}/{path}?{urlencode(query)}#{urlencode(fragment or {})}"


def assert_in_step(tape: Content) -> None:
    """Flashes and beeps are within 60 ms of each other, and none that has its counterpart is further off than by one
    picture that a busy browser left out."""
    pairs = [(flash, beep) for flash in tape.flashes for beep in tape.beeps if abs(flash - beep) < 0.5]
    assert pairs
    offsets = [abs(flash - beep) for flash, beep in pairs]
    assert statistics.median(offsets) <= 0.06, pairs
    assert max(offsets) <= 0.06 + 1 / FRAMERATE, pairs
