"""The one registry of a recording run: signals, children and timers in, effects out.

A message of a peer reaches a child only if its sender and session are those of that child's connection; everything
else is counted and dropped, never guessed.
"""

from collections.abc import Callable
from itertools import count

from roomtape.config import Deadlines
from roomtape.errors import InvalidTransition, WrongPassword
from roomtape.ipc.messages import FromChild
from roomtape.model import PeerId, SdpType, StreamId, WireStreamId
from roomtape.room.early import EarlyCandidates
from roomtape.room.effects import ChildId, Count, Effect, Report, Timer, Warn
from roomtape.room.outcome import Outcome
from roomtape.room.session import SessionState, StreamSession
from roomtape.signaling.identity import Identity
from roomtape.signaling.messages import (
    CandidatesReceived,
    DescriptionReceived,
    Dropped,
    IceRestartRequested,
    Listing,
    Member,
    MemberJoined,
    OfferRequested,
    PeerLeft,
    ServerAlert,
    Side,
    Signal,
    StreamAppeared,
    Undecryptable,
)

MAX_SESSIONS = 500
MAX_WARNED = 1000


class Router:
    """`wanted` empty means every stream of the room; `alone`: there is no room, so streams are asked for at once."""

    def __init__(
        self,
        identity: Identity,
        wanted: frozenset[StreamId],
        deadlines: Deadlines,
        jitter: Callable[[], float],
        *,
        alone: bool = False,
    ) -> None:
        self._identity, self._wanted, self._deadlines = identity, wanted, deadlines
        self._jitter, self._alone = jitter, alone
        self._numbers = count(1)
        self._sessions: dict[StreamId, StreamSession] = {}
        self._children: dict[ChildId, StreamSession] = {}
        self._owners: dict[PeerId, StreamId] = {}
        self._early = EarlyCandidates()
        self._warned: set[str] = set()
        self._leaving = False

    # --- inputs ---------------------------------------------------------------------------------------------------

    def joined(self, now: float) -> list[Effect]:
        """The signaling connection is (again) of use."""
        if self._leaving:
            return []
        effects: list[Effect] = []
        for session in list(self._sessions.values()):
            effects += session.rejoined(now)
        if self._alone:
            for stream in sorted(self._wanted - set(self._sessions)):
                effects += self._session(stream, self._identity.wire_id(stream)).start(now)
        return effects

    def signal(self, signal: Signal, now: float) -> list[Effect]:
        """Something came from the handshake server."""
        if self._leaving:
            return []
        match signal:
            case Listing(members=members):
                return [e for member in members for e in self._member(member, now)]
            case StreamAppeared(peer=peer, stream=stream):
                return self._appeared(peer, stream, now)
            case DescriptionReceived():
                return self._description(signal, now)
            case CandidatesReceived():
                return self._candidates(signal, now)
            case PeerLeft(peer=peer):
                return [e for session in self._sessions.values() for e in session.peer_left(peer)]
            case Undecryptable(peer=peer):
                return self._undecryptable(peer)
            case ServerAlert(text=text):
                return [Warn("the handshake server says", {"text": text})]
            case Dropped(reason=reason):
                return [Count(reason)]
            case MemberJoined() | OfferRequested() | IceRestartRequested():
                return []  # these concern publishers

    def child_said(self, child: ChildId, message: FromChild, now: float) -> list[Effect]:
        session = self._children.get(child)
        attempt = session.attempts.get(child) if session else None
        if session is None or attempt is None:
            return [Count("message of an ended child")]
        try:
            return session.child_said(attempt, message, now)
        except InvalidTransition as error:
            return [Count("invalid transition"), Warn("unexpected event", {"detail": error.detail})]

    def child_exited(self, child: ChildId, detail: str, now: float) -> list[Effect]:
        session = self._children.pop(child, None)
        attempt = session.attempts.get(child) if session else None
        if session is None or attempt is None:
            return [Count("exit of an unknown child")]
        effects = session.child_exited(attempt, detail, now)
        self._register(session)
        return effects

    def due(self, timer: Timer, now: float) -> list[Effect]:
        """A timer has run out."""
        if isinstance(timer.of, int):
            session = self._children.get(timer.of)
            attempt = session.attempts.get(timer.of) if session else None
            effects = session.due(timer.name, attempt, now) if session and attempt else []
        else:
            session = self._sessions.get(timer.of)
            effects = session.due(timer.name, None, now) if session else []
        if session is not None:
            self._register(session)
        return effects

    def leave(self) -> list[Effect]:
        """The recorder ends."""
        self._leaving = True
        return [effect for session in self._sessions.values() for effect in session.leave()]

    # --- who is who -----------------------------------------------------------------------------------------------

    def stream_of(self, child: ChildId) -> StreamId | None:
        session = self._children.get(child)
        return session.stream if session else None

    @property
    def idle(self) -> bool:
        """No child is left."""
        return not self._children

    def count(self, state: SessionState) -> int:
        return sum(session.state is state for session in self._sessions.values())

    def __len__(self) -> int:
        return len(self._sessions)

    def _session(self, stream: StreamId, wire: WireStreamId) -> StreamSession:
        """The stream's session; a new one if it has none, or one that is final."""
        session = self._sessions.get(stream)
        if session is None or session.final:
            session = StreamSession(stream, wire, self._deadlines, lambda: next(self._numbers), self._jitter)
            self._sessions[stream] = session
        return session

    def _register(self, session: StreamSession) -> None:
        for child in session.attempts:
            self._children.setdefault(child, session)

    def _is_wanted(self, stream: StreamId) -> bool:
        full = stream not in self._sessions and len(self._sessions) >= MAX_SESSIONS
        return (not self._wanted or stream in self._wanted) and not full

    # --- signals --------------------------------------------------------------------------------------------------

    def _member(self, member: Member, now: float) -> list[Effect]:
        return [] if member.stream is None else self._appeared(member.peer, member.stream, now)

    def _appeared(self, peer: PeerId, wire: WireStreamId, now: float) -> list[Effect]:
        stream = self._identity.clean_id(wire)
        if not self._identity.is_mine(wire):
            return self._warn_once(wire, "stream of another password or salt is not recorded", stream=wire)
        if not self._is_wanted(stream):
            return [Count("stream not wanted")]
        self._owners[peer] = stream
        session = self._session(stream, wire)
        effects = session.appeared(peer, wire, now)
        self._register(session)
        return effects

    def _description(self, signal: DescriptionReceived, now: float) -> list[Effect]:
        if signal.description.type is not SdpType.OFFER:
            return [Count("answer to a viewer")]
        stream = self._offered_stream(signal)
        if stream is None:
            return [Count("offer not wanted")]
        self._owners[signal.peer] = stream
        session = self._session(stream, signal.stream or self._identity.wire_id(stream))
        early = self._early.take(signal.peer, signal.session, now)
        effects = session.offered(signal, early, now)
        self._register(session)
        return effects

    def _offered_stream(self, signal: DescriptionReceived) -> StreamId | None:
        """Which wanted stream an offer is of (protocol.md 14.5)."""
        if signal.stream is None:
            stream = self._owners.get(signal.peer)
        else:
            stream = self._identity.clean_id(signal.stream)
            if signal.from_scene and stream not in self._sessions:
                return None  # a page that only views offers a connection all the same (trap T17)
        return stream if stream is not None and self._is_wanted(stream) else None

    def _candidates(self, signal: CandidatesReceived, now: float) -> list[Effect]:
        if signal.side is Side.VIEWER:
            return [Count("candidates of a viewer")]
        stream = self._owners.get(signal.peer)
        session = self._sessions.get(stream) if stream is not None else None
        attempt = session.find(signal.peer, signal.session) if session else None
        if session is not None and attempt is not None:
            return session.candidates(attempt, signal.candidates)
        self._early.keep(signal.peer, signal.session, signal.candidates, now)
        return [Count("candidates before their offer")]

    def _undecryptable(self, peer: PeerId) -> list[Effect]:
        stream = self._owners.get(peer)
        sentence = "what the guest sends cannot be decrypted: wrong room password or salt"
        warned = self._warn_once(f"peer {peer}", sentence, stream=stream or "unknown")
        if not warned or stream is None:
            return [*warned, Count("undecryptable")]
        return [
            *warned,
            Count("undecryptable"),
            Report(stream, "failed", sentence, Outcome.of(WrongPassword(sentence))),
        ]

    def _warn_once(self, key: str, message: str, **fields: str) -> list[Effect]:
        if key in self._warned or len(self._warned) >= MAX_WARNED:
            return []
        self._warned.add(key)
        return [Warn(message, fields)]
