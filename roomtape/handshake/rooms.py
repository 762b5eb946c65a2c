"""Who is connected, in which room, with which stream: the hub's memory, without any rule of the protocol."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from roomtape.handshake.limits import Allowance
from roomtape.signaling.messages import Dialect


@dataclass(eq=False, slots=True)
class Member:
    """One connection. `dialect` is None until its first frame; `waiting` holds the absent streams it asked for,
    `recording` those of its room that it says it records.
    """

    conn_id: int
    uuid: str
    room: "Room"
    allowance: Allowance
    dialect: Dialect | None = None
    stream: str | None = None
    waiting: set[str] = field(default_factory=set)
    recording: frozenset[str] = frozenset()

    @property
    def is_director(self) -> bool:
        return self.room.director is self


@dataclass(eq=False, slots=True)
class Room:
    """`name` None is the lobby: those in no room, who meet by stream id alone."""

    name: str | None
    members: dict[int, Member] = field(default_factory=dict)
    director: Member | None = None

    def others(self, member: Member, dialect: Dialect) -> list[Member]:
        """Everyone here who speaks `dialect`, except `member`."""
        return [other for other in self.members.values() if other is not member and other.dialect is dialect]


class Registry:
    """Members by connection, UUID, room and stream; all indexes change together, here only."""

    def __init__(self) -> None:
        self.lobby = Room(None)
        self._members: dict[int, Member] = {}
        self._by_uuid: dict[str, Member] = {}
        self._rooms: dict[str, Room] = {}
        self._owners: dict[str, Member] = {}
        self._waiting: dict[str, dict[int, Member]] = {}

    def __len__(self) -> int:
        return len(self._members)

    def rooms(self) -> Iterable[tuple[str, Room]]:
        """Every room that has members, by name; the lobby is none."""
        return self._rooms.items()

    def member(self, conn_id: int) -> Member | None:
        return self._members.get(conn_id)

    def by_uuid(self, uuid: str) -> Member | None:
        return self._by_uuid.get(uuid)

    def add(self, conn_id: int, uuid: str, allowance: Allowance) -> Member:
        member = Member(conn_id, uuid, self.lobby, allowance)
        self._members[conn_id] = self._by_uuid[uuid] = self.lobby.members[conn_id] = member
        return member

    def remove(self, member: Member) -> None:
        """Forget everything about `member`."""
        self._leave(member)
        if member.stream is not None:
            del self._owners[member.stream]
        del self._by_uuid[member.uuid], self._members[member.conn_id]

    def rename(self, member: Member, uuid: str) -> bool:
        """Give `member` the UUID it invented; False when another has it."""
        if self._by_uuid.get(uuid, member) is not member:
            return False
        del self._by_uuid[member.uuid]
        member.uuid = uuid
        self._by_uuid[uuid] = member
        return True

    # --- rooms ---------------------------------------------------------------------------------------------------

    def room_size(self, name: str) -> int:
        room = self._rooms.get(name)
        return len(room.members) if room is not None else 0

    def recorded(self, name: str) -> frozenset[str]:
        """What the members of a room say they record."""
        room = self._rooms.get(name)
        members = room.members.values() if room is not None else ()
        return frozenset().union(*(member.recording for member in members))

    def enter(self, member: Member, name: str) -> None:
        """Move `member`; its remembered plays and what it records belonged to the room that it leaves."""
        self._leave(member)
        member.recording = frozenset()
        member.room = self._rooms.setdefault(name, Room(name))
        member.room.members[member.conn_id] = member

    def _leave(self, member: Member) -> None:
        for stream in member.waiting:
            self._unwait(stream, member)
        member.waiting.clear()
        room = member.room
        del room.members[member.conn_id]
        if room.director is member:
            room.director = None
        if room.name is not None and not room.members:
            del self._rooms[room.name]

    # --- streams -------------------------------------------------------------------------------------------------

    def own(self, member: Member, stream: str) -> bool:
        """Make `stream` the one that `member` publishes; False when another live connection has it."""
        if self._owners.get(stream, member) is not member:
            return False
        if member.stream is not None:
            del self._owners[member.stream]
        member.stream = stream
        self._owners[stream] = member
        return True

    def owner(self, stream: str, room: Room) -> Member | None:
        """Who publishes `stream` in `room`."""
        owner = self._owners.get(stream)
        return owner if owner is not None and owner.room is room else None

    def wait(self, viewer: Member, stream: str) -> None:
        """Remember that `viewer` asked for an absent stream."""
        viewer.waiting.add(stream)
        self._waiting.setdefault(stream, {})[viewer.conn_id] = viewer

    def take_waiting(self, owner: Member) -> list[Member]:
        """Those in the owner's room who wait for its stream; they wait no longer."""
        stream = owner.stream or ""
        viewers = [v for v in self._waiting.get(stream, {}).values() if v.room is owner.room and v is not owner]
        for viewer in viewers:
            viewer.waiting.discard(stream)
            self._unwait(stream, viewer)
        return viewers

    def _unwait(self, stream: str, viewer: Member) -> None:
        viewers = self._waiting[stream]
        del viewers[viewer.conn_id]
        if not viewers:
            del self._waiting[stream]
