"""When something says that a guest is gone: media that still flows is believed more (protocol.md 14.10). Pure."""

from typing import Final

from roomtape.errors import PeerError, PeerSaidBye, PeerVanished
from roomtape.ipc.messages import Stats
from roomtape.model import HUSH_MS
from roomtape.room.attempt import Attempt
from roomtape.room.effects import Arm, Effect, Timer

DOUBT_S: Final = 2.0
"""A connection has so long to show that media still flows when its guest seems to be gone."""
MOVED: Final = "moved"
"""The stream has appeared anew, at another peer, whom to record is urgent: that the old one is silent settles it."""
LEFT: Final = "left"


def doubt(attempt: Attempt, name: str, now: float) -> list[Effect]:
    """Begin to doubt, for the reason `name` (MOVED or LEFT), that the guest is there."""
    if name in attempt.doubts:
        return []
    attempt.doubts[name] = now
    return [Arm(Timer(name, attempt.child), 0.0 if name == MOVED and attempt.silent else DOUBT_S)]


def listen(attempt: Attempt, stats: Stats, now: float) -> list[Effect]:
    """Note when the guest was heard last."""
    attempt.heard = now - stats.silent_ms / 1000
    attempt.silent = stats.silent_ms >= HUSH_MS
    return [Arm(Timer(MOVED, attempt.child), 0.0)] if attempt.silent and MOVED in attempt.doubts else []


def borne_out(attempt: Attempt, name: str) -> PeerError | None:
    """The time is over: why the attempt ends, or None if the guest was heard meanwhile."""
    since = attempt.doubts.pop(name)
    if attempt.heard > since and not (name == MOVED and attempt.silent):
        return None
    return PeerSaidBye("the guest left") if name == LEFT else PeerVanished("media stopped")
