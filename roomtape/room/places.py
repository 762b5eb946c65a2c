"""Who waits for a place when only so many streams are recorded at a time. Pure."""

from collections.abc import Iterable
from typing import Final

from roomtape.model import PeerId, StreamId, WireStreamId
from roomtape.room.session import StreamSession

MAX_WAITING: Final = 500


class Places:
    """`limit` of them, 0 for any number. Those who wait are served in the order in which they came."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._waiting: dict[StreamId, tuple[PeerId | None, WireStreamId]] = {}

    def __len__(self) -> int:
        """How many wait."""
        return len(self._waiting)

    def __contains__(self, stream: object) -> bool:
        return stream in self._waiting

    @property
    def sentence(self) -> str:
        """Why somebody waits."""
        return f"waits for a place: {self.limit} streams are recorded at a time (--max-streams)"

    def full(self, taken: int) -> bool:
        return bool(self.limit) and taken >= self.limit

    def wait(self, stream: StreamId, peer: PeerId | None, wire: WireStreamId) -> bool:
        """Whether it waits now. A newer address replaces the former; beyond MAX_WAITING nobody waits."""
        if stream not in self._waiting and len(self._waiting) >= MAX_WAITING:
            return False
        self._waiting[stream] = (peer, wire)
        return True

    def left(self, peer: PeerId) -> list[StreamId]:
        """Streams that wait no more, since their owner is gone."""
        gone = [stream for stream, (owner, _) in self._waiting.items() if owner == peer]
        for stream in gone:
            del self._waiting[stream]
        return gone

    def next(self, taken: int) -> tuple[StreamId, PeerId | None, WireStreamId] | None:
        """Whose turn it is, if there is a place."""
        if self.full(taken) or not self._waiting:
            return None
        stream = next(iter(self._waiting))
        return stream, *self._waiting.pop(stream)

    def forget(self, stream: StreamId) -> None:
        self._waiting.pop(stream, None)

    def clear(self) -> None:
        self._waiting.clear()


def holds_place(session: StreamSession) -> bool:
    """Whether it has a child, or will have one."""
    return bool(session.attempts) or not session.final


def in_vain(session: StreamSession) -> bool:
    """Whether it holds a place for nobody: without a connection, and its guest has left or does not answer."""
    if session.final or any(attempt.taken for attempt in session.live()):
        return False
    return session.owners.deserted or session.asking.in_vain


def to_vacate(sessions: Iterable[StreamSession], waiting: int) -> list[StreamSession]:
    """Those that hold a place in vain, as many as `waiting` have need of beside the places that become free anyway."""
    held = [session for session in sessions if holds_place(session)]
    ending = sum(session.final for session in held)
    return [session for session in held if in_vain(session)][: max(0, waiting - ending)]
