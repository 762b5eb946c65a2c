"""Members that speak the hosted dialect: the server tracks rooms and streams (protocol.md 12.1)."""

from typing import Final

from roomtape.handshake import frames
from roomtape.handshake.effects import Deliver
from roomtape.handshake.frames import Frame
from roomtape.handshake.rooms import Member
from roomtape.handshake.rules import ROOM_FULL, Rules
from roomtape.signaling.messages import Dialect

STREAM_IN_USE: Final = "Stream ID is already in use."
ROOM_CLAIMED: Final = "Room is already claimed by someone else."


class HostedRules(Rules):
    """Answers in listings, announcements and alerts; remembers plays of absent streams."""

    def handle(self, member: Member, frame: Frame, text: str) -> list[Deliver]:
        if not frames.has(frame, "request"):
            return self._relay(member, frame)
        match frames.name(frame, "request"):
            case "joinroom":
                return self._join(member, frame)
            case "seed":
                return self._seed(member, frame)
            case "play":
                return self._play(member, frame)
            case "migrate":
                return self._migrate(member, frame)
            case "ping":
                return []
            case _:
                self._counters.unknown += 1
                return []

    def _join(self, member: Member, frame: Frame) -> list[Deliver]:
        name, stream = frames.name(frame, "roomid"), frames.name(frame, "streamID")
        if name is None:
            return self._invalid()
        entered = name != member.room.name
        if entered and not self._has_place(name):
            return [Deliver(member.conn_id, frames.alert(ROOM_FULL))]
        if entered:
            self._registry.enter(member, name)
        claimed = not frames.is_true(frame, "claim") or self._claim(member)
        had = member.stream
        seeded = stream is None or self._registry.own(member, stream)
        out = [Deliver(member.conn_id, frames.listing(member))]
        if not claimed:
            out.append(Deliver(member.conn_id, frames.alert(ROOM_CLAIMED)))
        if not seeded:
            out.append(self._stream_in_use(member))
        if entered:
            out += self._tell(member, frames.joined)
        elif member.stream != had:
            out += self._tell(member, frames.seeded)
        return out + self._ask_for_waiting(member)

    def _claim(self, member: Member) -> bool:
        room = member.room
        room.director = room.director or member
        if room.director is not member:
            self._counters.conflicts += 1
        return room.director is member

    def _seed(self, member: Member, frame: Frame) -> list[Deliver]:
        stream = frames.name(frame, "streamID")
        if stream is None:
            return self._invalid()
        if stream == member.stream:
            return []
        if not self._registry.own(member, stream):
            return [self._stream_in_use(member)]
        return self._tell(member, frames.seeded) + self._ask_for_waiting(member)

    def _stream_in_use(self, member: Member) -> Deliver:
        self._counters.conflicts += 1
        return Deliver(member.conn_id, frames.alert(STREAM_IN_USE))

    def _play(self, member: Member, frame: Frame) -> list[Deliver]:
        stream = frames.name(frame, "streamID")
        if stream is None:
            return self._invalid()
        owner = self._registry.owner(stream, member.room)
        if owner is not None:
            return [Deliver(owner.conn_id, frames.asked(member, owner))] if owner is not member else []
        if stream in member.waiting or len(member.waiting) < self._limits.max_waiting:
            self._registry.wait(member, stream)
        else:
            self._counters.forgotten_plays += 1
        return []

    def _migrate(self, director: Member, frame: Frame) -> list[Deliver]:
        """A director moves a guest of its room; only hosted members know how to be moved."""
        name, uuid = frames.name(frame, "roomid"), frames.name(frame, "target")
        guest = self._registry.by_uuid(uuid) if uuid is not None else None
        if name is None or guest is None or not director.is_director or name == director.room.name:
            return self._invalid()
        if guest is director or guest.room is not director.room or guest.dialect is not Dialect.HOSTED:
            return self._invalid()
        if not self._has_place(name):
            return [Deliver(director.conn_id, frames.alert(ROOM_FULL))]
        self._registry.enter(guest, name)
        moved = Deliver(guest.conn_id, frames.listing(guest, "transferred"))
        return [moved, *self._tell(guest, frames.joined), *self._ask_for_waiting(guest)]
