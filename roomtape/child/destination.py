"""Where received media goes. What `Recording` needs to know of it."""

from collections.abc import Sequence
from typing import Any, Protocol

from roomtape.child.receiving import Received
from roomtape.child.sdp import Media
from roomtape.child.track import Track
from roomtape.model import Codec


class Destination(Protocol):
    """A Deck, or what a viewing child has in its place. All on the main loop's thread."""

    @property
    def tracks(self) -> Sequence[Track]:
        """What is being received; the camera's first."""
        ...

    @property
    def live(self) -> bool:
        """Whether somebody looks on."""
        ...

    @property
    def settled(self) -> bool:
        """Whether nothing is waited for, so that a tick may come later."""
        ...

    @property
    def written_bytes(self) -> int | None:
        """The size of all files so far; None while nothing is to be written or nothing can be."""
        ...

    def offered(self, media: tuple[Media, ...], screen: Sequence[int]) -> None: ...
    def add(self, pad: Any, codec: Codec, ssrc: int, index: int) -> Track | None: ...
    def screen_stopped(self, stopped: bool) -> None: ...
    def tick(self, received: Received) -> None: ...
    def bus_error(self, message: Any) -> bool: ...
    def finish(self) -> None: ...
    def abandon(self) -> None: ...
