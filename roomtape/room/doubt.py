"""When something says that a guest is gone: media that still flows is believed more (protocol.md 14.10). Pure."""

from typing import Final

from roomtape.errors import PeerError, PeerSaidBye, PeerVanished
from roomtape.model import HUSH_MS
from roomtape.room.attempt import Attempt
from roomtape.room.effects import Arm, Effect, Timer

DOUBT_S: Final = 2.5
"""A connection has so long to show that media still flows when its guest seems to be gone."""
COUNTED_LATE_S: Final = 0.7
"""A packet may be heard of so long after it came: it waits (`child.batches`) and is counted in the next round
(`child.rounds`)."""
MOVED: Final = "moved"
"""The stream has appeared anew, at another peer, whom to record is urgent: that the old one is silent settles it."""
LEFT: Final = "left"


def doubt(attempt: Attempt, name: str, now: float) -> list[Effect]:
    """Begin to doubt, for the reason `name` (MOVED or LEFT), that the guest is there."""
    if name in attempt.doubts:
        return []
    attempt.doubts[name] = now
    return [Arm(Timer(name, attempt.child), 0.0 if name == MOVED and _is_silent(attempt) else DOUBT_S)]


def settle(attempt: Attempt) -> list[Effect]:
    """A doubt that new statistics end before its time."""
    return [Arm(Timer(MOVED, attempt.child), 0.0)] if MOVED in attempt.doubts and _is_silent(attempt) else []


def borne_out(attempt: Attempt, name: str) -> PeerError | None:
    """The time is over: why the attempt ends, or None if the guest was heard meanwhile."""
    since = attempt.doubts.pop(name)
    if attempt.heard > since + COUNTED_LATE_S and not (name == MOVED and _is_silent(attempt)):
        return None
    return PeerSaidBye("the guest left") if name == LEFT else PeerVanished("media stopped")


def _is_silent(attempt: Attempt) -> bool:
    return attempt.silent_ms >= HUSH_MS
