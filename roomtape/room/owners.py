"""Who has a stream: the addresses under which it was announced or offered."""

from typing import Final

from roomtape.model import PeerId

MAX_OWNERS: Final = 16
RETURN_S: Final = 5.0
"""A guest announced under a new address at most so long before its former connection ends has come back."""


class Owners:
    """In the order of their last word, each with the time of its first; the oldest are forgotten.

    `deserted` is set while there were some and the last of them has left.
    """

    def __init__(self) -> None:
        self._since: dict[PeerId, float] = {}
        self.deserted = False

    def __contains__(self, peer: object) -> bool:
        return peer in self._since

    def __len__(self) -> int:
        return len(self._since)

    def add(self, peer: PeerId, now: float) -> None:
        self.deserted = False
        self._since[peer] = self._since.pop(peer, now)
        if len(self._since) > MAX_OWNERS:
            del self._since[next(iter(self._since))]

    def remove(self, peer: PeerId) -> None:
        if self._since.pop(peer, None) is not None and not self._since:
            self.deserted = True

    def returned(self, peer: PeerId, now: float) -> bool:
        """Whether the guest at this address has just been announced under another one."""
        newest, since = next(reversed(self._since.items()), (peer, now))
        return newest != peer and now - since <= RETURN_S
