"""When something says that a guest is gone: media that still flows is believed more (protocol.md 14.10). Pure."""

from typing import Final

from roomtape.errors import PeerError, PeerSaidBye, PeerVanished
from roomtape.room.attempt import Attempt
from roomtape.room.effects import Arm, Effect, Timer

DOUBT_S: Final = 2.0
"""A connection has so long to show that media still flows when its guest seems to be gone."""


def doubt(attempt: Attempt, name: str, now: float) -> list[Effect]:
    """Begin to doubt, for the reason `name` ("moved" or "left"), that the guest is there."""
    if name in attempt.doubts:
        return []
    attempt.doubts[name] = now
    return [Arm(Timer(name, attempt.child), DOUBT_S)]


def borne_out(attempt: Attempt, name: str) -> PeerError | None:
    """The time is over: why the attempt ends, or None if the guest was heard meanwhile."""
    since = attempt.doubts.pop(name)
    if attempt.heard > since:
        return None
    return PeerSaidBye("the guest left") if name == "left" else PeerVanished("media stopped")
