"""What the rules of both dialects have in common: relaying, telling a room, asking for offers."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Final

from roomtape.handshake import frames
from roomtape.handshake.effects import Deliver
from roomtape.handshake.frames import Frame
from roomtape.handshake.limits import HubCounters, HubLimits
from roomtape.handshake.rooms import Member, Registry
from roomtape.signaling.messages import Dialect

ROOM_FULL: Final = "Room is full"


class Rules(ABC):
    """How the members of one dialect are served."""

    def __init__(self, registry: Registry, limits: HubLimits, counters: HubCounters) -> None:
        self._registry, self._limits, self._counters = registry, limits, counters

    @abstractmethod
    def handle(self, member: Member, frame: Frame, text: str) -> list[Deliver]:
        """What `frame` (`text` as it came) leads to."""

    def _relay(self, sender: Member, frame: Frame, text: str | None = None) -> list[Deliver]:
        """A peer message (4.3) to its destination; `text` is a fan-out member's original."""
        uuid = frames.name(frame, "UUID")
        target = self._registry.by_uuid(uuid) if uuid is not None else None
        if target is None or target is sender or target.room is not sender.room or target.dialect is None:
            self._counters.unroutable += 1
            return []
        if text is None or target.dialect is Dialect.HOSTED:
            text = frames.relayed(sender, target, frame)
        return [Deliver(target.conn_id, text)]

    def _tell(self, member: Member, words: Callable[[Member, Dialect], str]) -> list[Deliver]:
        """What `member` did, to the room; fan-out members already have the original of their own kind.

        In the lobby only the fan-out dialect announces anything.
        """
        room = member.room
        out: list[Deliver] = []
        if room is not self._registry.lobby:
            hosted = words(member, Dialect.HOSTED)
            out += [Deliver(other.conn_id, hosted) for other in room.others(member, Dialect.HOSTED)]
        if member.dialect is Dialect.HOSTED:
            fanout = words(member, Dialect.FANOUT)
            out += [Deliver(other.conn_id, fanout) for other in room.others(member, Dialect.FANOUT)]
        return out

    def _ask_for_waiting(self, owner: Member) -> list[Deliver]:
        """Hosted plays that came before their stream are answered now."""
        return [Deliver(owner.conn_id, frames.asked(viewer, owner)) for viewer in self._registry.take_waiting(owner)]

    def _has_place(self, room: str) -> bool:
        if self._registry.room_size(room) < self._limits.max_members:
            return True
        self._counters.full += 1
        return False

    def _invalid(self) -> list[Deliver]:
        self._counters.invalid += 1
        return []
