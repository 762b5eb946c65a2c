"""Members that speak the fan-out dialect: the server repeats frames (protocol.md 12.2; the numbers are its rules)."""

from roomtape.handshake import frames
from roomtape.handshake.effects import Deliver
from roomtape.handshake.frames import Frame
from roomtape.handshake.rooms import Member
from roomtape.handshake.rules import ROOM_FULL, Rules
from roomtape.signaling.messages import Dialect


class FanoutRules(Rules):
    """Passes on the original text, and remembers no play."""

    def handle(self, member: Member, frame: Frame, text: str) -> list[Deliver]:
        sender = frames.name(frame, "from")
        if sender is None or (member.dialect is not None and sender != member.uuid):
            return self._invalid()  # 1; nor may a member speak in another's name
        if member.dialect is None:
            if not self._registry.rename(member, sender):  # 2
                return [self._conflict(member, "uuid already in use")]
            member.dialect = Dialect.FANOUT
        match frames.name(frame, "request"):
            case "joinroom":
                return self._join(member, frame, text)
            case "seed":
                return self._seed(member, frame, text)
            case "play":
                return self._play(member, frame, text)
            case "ping":
                return []  # a probe of the socket that every client ignores (1.2)
            case None if not frames.has(frame, "request") and frames.has(frame, "UUID"):
                return self._relay(member, frame, text)
            case _:
                return self._repeat(member, frame, text)

    def _join(self, member: Member, frame: Frame, text: str) -> list[Deliver]:
        name, stream = frames.name(frame, "roomid"), frames.name(frame, "streamID")
        if name is None:
            return self._invalid()
        entered = name != member.room.name
        if entered and not self._has_place(name):
            return [Deliver(member.conn_id, frames.error(ROOM_FULL.lower()))]
        had = member.stream
        if stream is not None and (refusal := self._refuse_stream(member, stream)) is not None:  # 3
            return [refusal]
        if entered:
            self._registry.enter(member, name)
        out = self._repeat(member, frame, text)
        if entered:
            out += self._tell(member, frames.joined) + self._ask_publishers(member)
        elif member.stream != had:
            out += self._tell(member, frames.seeded)
        return out + self._ask_for_waiting(member)

    def _ask_publishers(self, newcomer: Member) -> list[Deliver]:
        """Fan-out members offer to a newcomer unasked (4.4); hosted ones are asked to, and so do the same."""
        publishers = (m for m in newcomer.room.others(newcomer, Dialect.HOSTED) if m.stream is not None)
        return [Deliver(publisher.conn_id, frames.asked(newcomer, publisher)) for publisher in publishers]

    def _seed(self, member: Member, frame: Frame, text: str) -> list[Deliver]:
        stream, had = frames.name(frame, "streamID"), member.stream
        if stream is None:
            return self._invalid()
        if (refusal := self._refuse_stream(member, stream)) is not None:  # 3
            return [refusal]
        out = self._repeat(member, frame, text)
        if member.stream != had:
            out += self._tell(member, frames.seeded)
        return out + self._ask_for_waiting(member)

    def _refuse_stream(self, member: Member, stream: str) -> Deliver | None:
        """None once the stream is the member's own."""
        if member.stream not in (None, stream):
            return self._conflict(member, "can't change sid")
        if not self._registry.own(member, stream):
            return self._conflict(member, "sid already in use")
        return None

    def _play(self, member: Member, frame: Frame, text: str) -> list[Deliver]:
        stream = frames.name(frame, "streamID")
        if stream is None:
            return self._repeat(member, frame, text)
        owner = self._registry.owner(stream, member.room)
        if owner is None or owner is member or not self._addressed(frame, owner):
            return []
        return [Deliver(owner.conn_id, text if owner.dialect is Dialect.FANOUT else frames.asked(member, owner))]

    def _repeat(self, member: Member, frame: Frame, text: str) -> list[Deliver]:
        """4: the same text to every other fan-out member of the room, or to the one that it addresses."""
        others = member.room.others(member, Dialect.FANOUT)
        return [Deliver(other.conn_id, text) for other in others if self._addressed(frame, other)]

    @staticmethod
    def _addressed(frame: Frame, member: Member) -> bool:
        return not frames.has(frame, "UUID") or frames.name(frame, "UUID") == member.uuid

    def _conflict(self, member: Member, message: str) -> Deliver:
        self._counters.conflicts += 1
        return Deliver(member.conn_id, frames.error(message))
