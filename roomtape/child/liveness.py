"""Whether a viewer is still there: RTCP says so by itself; where none is heard, a ping on the data channel asks.

webrtcbin 1.22 does not tell of a peer that vanishes. Pure: `now` is in seconds of any clock that does not jump.
"""

from enum import Enum, auto
from typing import Final

SILENT_S: Final = 30.0
"""A viewer that was not heard for so long is asked."""
PONG_S: Final = 10.0
"""So long it has for anything at all in return."""


class Sign(Enum):
    """ALIVE: nothing to do. ASK: send a ping now. GONE: it did not answer."""

    ALIVE = auto()
    ASK = auto()
    GONE = auto()


class Liveness:
    """One viewer, from the moment that it is connected."""

    def __init__(self, now: float) -> None:
        self._heard = now
        self._asked: float | None = None

    def heard(self, now: float) -> None:
        """Anything came from the viewer."""
        self._heard = now
        self._asked = None

    def check(self, now: float) -> Sign:
        """To be called about once a second."""
        if self._asked is not None:
            return Sign.GONE if now - self._asked >= PONG_S else Sign.ALIVE
        if now - self._heard < SILENT_S:
            return Sign.ALIVE
        self._asked = now
        return Sign.ASK
