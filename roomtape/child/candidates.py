"""Candidates on their way: local ones are bundled, remote ones wait for the description (protocol.md 7)."""

from collections.abc import Callable
from typing import Final

from roomtape.child.gst import after_ms
from roomtape.child.sdp import candidate_type
from roomtape.model import Candidate

FIRST_WAIT_MS: Final = 70
LAST_WAIT_MS: Final = 1_000
MAX_WAITING: Final = 100
MAX_TAKEN: Final = 1000
"""Remote candidates of one connection; each costs connectivity checks with every local one."""


def known_type(candidate: Candidate) -> set[str]:
    """The candidate's type; nothing if it has none, since nobody can connect to such a one."""
    return {candidate_type(candidate.candidate)} - {""}


class LocalCandidates:
    """Collects candidates and hands them on in bundles; the wait doubles from bundle to bundle."""

    def __init__(self, send: Callable[[tuple[Candidate, ...]], None]) -> None:
        self._send = send
        self._bundle: list[Candidate] = []
        self._wait_ms = FIRST_WAIT_MS
        self._cancel: Callable[[], None] = lambda: None
        self.types: set[str] = set()

    def add(self, candidate: Candidate) -> None:
        self.types |= known_type(candidate)
        self._bundle.append(candidate)
        if len(self._bundle) == 1:
            self._cancel = after_ms(self._wait_ms, self.flush)

    def flush(self) -> None:
        self._cancel()
        if self._bundle:
            bundle, self._bundle = tuple(self._bundle), []
            self._wait_ms = min(self._wait_ms * 2, LAST_WAIT_MS)
            self._send(bundle)


class RemoteCandidates:
    """Keeps candidates until `open`; the oldest go when there are too many. The first MAX_TAKEN are looked at."""

    def __init__(self, apply: Callable[[Candidate], None]) -> None:
        self._apply = apply
        self._waiting: list[Candidate] = []
        self._open = False
        self.types: set[str] = set()
        self.dropped = self._taken = 0

    def add(self, candidates: tuple[Candidate, ...]) -> None:
        room = max(0, MAX_TAKEN - self._taken)
        self.dropped += max(0, len(candidates) - room)
        self._taken += len(candidates)
        for candidate in candidates[:room]:
            self.types |= known_type(candidate)
            if self._open:
                self._apply(candidate)
            else:
                self._waiting.append(candidate)
        excess = max(0, len(self._waiting) - MAX_WAITING)
        self.dropped += excess
        del self._waiting[:excess]

    def seen_in(self, sdp: str) -> None:
        """A description may hold candidates too; webrtcbin takes those itself."""
        for line in sdp.splitlines():
            if line.startswith("a=candidate:"):
                self.types |= known_type(Candidate(line))

    def open(self) -> None:
        """The remote description is set: apply what waited, and from now on at once."""
        self._open = True
        waiting, self._waiting = self._waiting, []
        for candidate in waiting:
            self._apply(candidate)
