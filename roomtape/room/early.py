"""Candidates that came before their offer (protocol.md 7, trap T7): kept for a while, bounded in every way."""

from typing import Final

from roomtape.model import Candidate, PeerId, SessionId

MAX_PER_QUEUE: Final = 100
MAX_QUEUES: Final = 500
MAX_AGE_S: Final = 15.0

Key = tuple[PeerId, SessionId | None]


class EarlyCandidates:
    """Queues by sender and session. A queue's age counts from its first candidate."""

    def __init__(self) -> None:
        self._queues: dict[Key, tuple[float, list[Candidate]]] = {}
        self._dropped = 0

    def keep(self, peer: PeerId, session: SessionId | None, candidates: tuple[Candidate, ...], now: float) -> None:
        self._forget_old(now)
        if (peer, session) not in self._queues and len(self._queues) >= MAX_QUEUES:
            self._drop(next(iter(self._queues)))
        _, queue = self._queues.setdefault((peer, session), (now, []))
        room = MAX_PER_QUEUE - len(queue)
        self._dropped += max(0, len(candidates) - room)
        queue.extend(candidates[:room])

    def take(self, peer: PeerId, session: SessionId | None, now: float) -> tuple[Candidate, ...]:
        """What was kept for a connection: of its session, and of this sender without any session."""
        self._forget_old(now)
        keys = [key for key in self._queues if key[0] == peer and (session is None or key[1] in (None, session))]
        return tuple(candidate for key in keys for candidate in self._queues.pop(key)[1])

    def take_dropped(self) -> int:
        """How many candidates were dropped since last asked."""
        dropped, self._dropped = self._dropped, 0
        return dropped

    def _forget_old(self, now: float) -> None:
        for key in [key for key, (since, _) in self._queues.items() if now - since > MAX_AGE_S]:
            self._drop(key)

    def _drop(self, key: Key) -> None:
        self._dropped += len(self._queues.pop(key)[1])
