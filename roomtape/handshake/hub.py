"""The handshake server without its sockets: frames in, deliveries out (protocol.md 12.1 and 12.2).

Both dialects meet here. A member's first frame decides which it speaks: with `from` it is fan-out. Among themselves
hosted members live by 12.1 (`hosted.py`) and fan-out members by 12.2 (`fanout.py`); what one kind does is told to the
other in the other's words. Members reach each other only in the same room, or both in none.

Beside the protocol a recorder says which streams it records, `{"request":"recording","streamIDs":[...]}` in either
dialect. It is told to nobody; the watch page asks for it by HTTP.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from roomtape.handshake import frames
from roomtape.handshake.effects import Close, Effect
from roomtape.handshake.fanout import FanoutRules
from roomtape.handshake.hosted import HostedRules
from roomtape.handshake.limits import Allowance, HubCounters, HubLimits
from roomtape.handshake.rooms import Member, Registry
from roomtape.signaling.messages import Dialect

POLICY_VIOLATION: Final = 1008
TRY_AGAIN_LATER: Final = 1013
"""WebSocket close codes (RFC 6455 section 7.4 and its IANA registry)."""


class MemberSnapshot(msgspec.Struct, frozen=True):
    uuid: str
    dialect: Dialect
    stream: str | None
    is_director: bool


class RoomSnapshot(msgspec.Struct, frozen=True):
    """A room as it was when asked for; members in the order of their arrival."""

    name: str
    members: tuple[MemberSnapshot, ...]


class Hub:
    """All rooms of one server. No input raises; none reaches others than those it is addressed to."""

    def __init__(self, limits: HubLimits | None = None) -> None:
        self.limits = limits or HubLimits()
        self.counters = HubCounters()
        self._registry = Registry()
        self._hosted = HostedRules(self._registry, self.limits, self.counters)
        self._fanout = FanoutRules(self._registry, self.limits, self.counters)

    def connect(self, conn_id: int, uuid: str) -> Sequence[Effect]:
        """A new connection, known to others as `uuid` unless it names itself; a Close when there is no place."""
        if len(self._registry) >= self.limits.max_connections or self._registry.by_uuid(uuid) is not None:
            self.counters.full += 1
            return [Close(conn_id, TRY_AGAIN_LATER, "too many connections")]
        self._registry.add(conn_id, uuid, Allowance(self.limits))
        return []

    def disconnect(self, conn_id: int) -> None:
        """The connection is gone; nobody is told (12.1)."""
        if (member := self._registry.member(conn_id)) is not None:
            self._registry.remove(member)

    def receive(self, conn_id: int, text: str | bytes, now: float) -> Sequence[Effect]:
        """One message at `now`, in seconds of a monotonic clock; bytes are a binary message."""
        member = self._registry.member(conn_id)
        if member is None:
            return []
        self.counters.received += 1
        if not member.allowance.spend(len(text), now):
            return self._over_limit(member, len(text))
        frame = frames.load(text)
        if frame is None or isinstance(text, bytes):
            self.counters.malformed += 1
            return []
        if member.dialect is None and not frames.has(frame, "from"):
            member.dialect = Dialect.HOSTED
        if frames.name(frame, "request") == "recording":
            self._note_recording(member, frame)
            return []
        rules = self._hosted if member.dialect is Dialect.HOSTED else self._fanout
        effects = rules.handle(member, frame, text)
        member.allowance.charge(len(effects), sum(len(e.text) for e in effects))
        self.counters.delivered += len(effects)
        return effects

    def rooms(self) -> tuple[RoomSnapshot, ...]:
        """Every room that has members."""
        return tuple(
            RoomSnapshot(name, tuple(_snapshot(member) for member in room.members.values()))
            for name, room in self._registry.rooms()
        )

    def recorded(self, room: str) -> frozenset[str]:
        """The wire ids of the streams of `room` (its hashed id) that a member says it records."""
        return self._registry.recorded(room)

    def _note_recording(self, member: Member, frame: frames.Frame) -> None:
        streams = frames.names(frame, "streamIDs", self.limits.max_recording)
        if streams is None:
            self.counters.invalid += 1
        else:
            member.recording = streams

    def _over_limit(self, member: Member, characters: int) -> Sequence[Effect]:
        if characters > self.limits.max_frame:
            self.counters.oversized += 1
        else:
            self.counters.rate_limited += 1
        if member.allowance.strikes <= self.limits.max_strikes:
            return []
        self.counters.expelled += 1
        self._registry.remove(member)
        return [Close(member.conn_id, POLICY_VIOLATION, "too many or too large messages")]


def _snapshot(member: Member) -> MemberSnapshot:
    return MemberSnapshot(member.uuid, member.dialect or Dialect.AUTO, member.stream, member.is_director)
