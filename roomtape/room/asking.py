"""When a stream is asked for: at once, and again as long as there is no answer (protocol.md 4.3)."""

from typing import Final

from roomtape.model import StreamId, WireStreamId
from roomtape.room.effects import Arm, Disarm, Effect, Send, Timer
from roomtape.signaling.messages import Play

PLAY_AGAIN_S: Final = 1.0
"""Announcements of one guest closer together than this are one: they come in pairs."""


class Asking:
    """`waits` are the seconds between one play and the next; the last of them goes on for ever.

    `in_vain` is set from the time when the first play should have been answered, until asking stops or begins anew.
    """

    def __init__(self, stream: StreamId, waits: tuple[float, ...]) -> None:
        self._timer, self._waits = Timer("replay", stream), waits
        self._plays = 0
        self._asked = float("-inf")
        self.in_vain = False

    def ask(self, wire: WireStreamId, now: float) -> list[Effect]:
        """Ask now, and from now on by the schedule."""
        self._plays, self.in_vain = 0, False
        return self._play(wire, now)

    def ask_again(self, wire: WireStreamId, now: float) -> list[Effect]:
        """The timer has run out."""
        self.in_vain = True
        return self._play(wire, now)

    def ask_later(self) -> list[Effect]:
        """Ask by the schedule, as if that had just been done."""
        self._plays = 0
        return [self._arm()]

    def ask_soon(self) -> list[Effect]:
        """Ask when nothing else has started it within a moment."""
        self._plays = 0
        return [Arm(self._timer, PLAY_AGAIN_S)]

    def stop(self) -> list[Effect]:
        self.in_vain = False
        return [Disarm(self._timer)]

    def just_asked(self, now: float) -> bool:
        return now - self._asked < PLAY_AGAIN_S

    def _play(self, wire: WireStreamId, now: float) -> list[Effect]:
        self._asked = now
        return [Send(Play(wire)), self._arm()]

    def _arm(self) -> Effect:
        wait = self._waits[min(self._plays, len(self._waits) - 1)]
        self._plays += 1
        return Arm(self._timer, wait)
