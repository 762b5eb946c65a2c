"""Which of the children that view writes to the output: one at a time, each going on where the former one stopped."""

from roomtape.ipc.messages import OutputGranted, OutputWanted
from roomtape.model import Codec
from roomtape.room.effects import ChildId, Tell


class Turns:
    """Fed with what children want and with their ends; answers with the messages that grant the output.

    The first child writes the header, and its tracks are those of the stream for good: players take no second header.
    """

    def __init__(self) -> None:
        self._waiting: dict[ChildId, OutputWanted] = {}
        self._holder: ChildId | None = None
        self._codecs: tuple[Codec, ...] = ()
        self._epoch_ns: int | None = None
        self.left_out: frozenset[Codec] = frozenset()
        """Codecs that came too late for the header."""

    def wanted(self, child: ChildId, wish: OutputWanted, now_ns: int) -> list[Tell]:
        """A child has media to write."""
        self._waiting[child] = wish
        return self._grant(now_ns)

    def exited(self, child: ChildId, now_ns: int) -> list[Tell]:
        """A child is gone, so it writes no more."""
        self._waiting.pop(child, None)
        if self._holder == child:
            self._holder = None
        return self._grant(now_ns)

    def _grant(self, now_ns: int) -> list[Tell]:
        child = max(self._waiting, default=None) if self._holder is None else self._holder
        wish = self._waiting.pop(child, None) if child is not None else None
        if child is None or wish is None:
            return []
        # What was there before the turn would be older than the last that was written.
        since_ns = now_ns if self._epoch_ns is not None and child != self._holder else wish.first_ns
        self._holder = child
        header = self._epoch_ns is None
        if self._epoch_ns is None:
            self._codecs, self._epoch_ns = wish.codecs, wish.first_ns
        self.left_out |= set(wish.codecs) - set(self._codecs)
        grant = OutputGranted(header=header, codecs=self._codecs, epoch_ns=self._epoch_ns, since_ns=since_ns)
        return [Tell(child, grant)]
