"""The one registry of a recording run: signals, children and timers in, effects out.

A message of a peer reaches a child only if its sender and session are those of that child's connection; everything
else is counted and dropped, never guessed.
"""

from collections.abc import Callable
from itertools import count
from typing import Final

from roomtape.config import Deadlines
from roomtape.errors import InvalidTransition, WrongPassword
from roomtape.ipc.messages import FromChild
from roomtape.model import PeerId, SdpType, StreamId, WireStreamId
from roomtape.room.early import EarlyCandidates
from roomtape.room.effects import ChildId, Count, Effect, Report, Send, Timer, Warn
from roomtape.room.outcome import Outcome, SessionState
from roomtape.room.places import Places, holds_place, to_vacate
from roomtape.room.session import StreamSession
from roomtape.signaling.identity import Identity
from roomtape.signaling.messages import (
    CandidatesReceived,
    DescriptionReceived,
    Dropped,
    IceRestartRequested,
    Listing,
    MemberJoined,
    OfferRequested,
    PeerLeft,
    SayBye,
    ServerAlert,
    Side,
    Signal,
    StreamAppeared,
    Undecryptable,
)

MAX_SESSIONS: Final = 500
"""Streams known at a time; for more, those that ended are forgotten."""
MAX_WARNED: Final = 1000


class Router:
    """`wanted` empty means every stream of the room; `alone`: there is no room, so streams are asked for at once.

    Of more than `max_streams` at a time, if that is not 0, the last ones wait for a place.
    """

    def __init__(
        self,
        identity: Identity,
        wanted: frozenset[StreamId],
        deadlines: Deadlines,
        jitter: Callable[[], float],
        *,
        alone: bool = False,
        max_streams: int = 0,
    ) -> None:
        self._identity, self._wanted, self._deadlines = identity, wanted, deadlines
        self._jitter, self._alone = jitter, alone
        self._numbers = count(1)
        self._sessions: dict[StreamId, StreamSession] = {}
        self._children: dict[ChildId, StreamSession] = {}
        self._early = EarlyCandidates()
        self._places = Places(max_streams)
        self._warned: set[str] = set()
        self._leaving = False

    # --- inputs ---------------------------------------------------------------------------------------------------

    def joined(self, now: float) -> list[Effect]:
        """The signaling connection is (again) of use."""
        if self._leaving:
            return []
        effects = [effect for session in self._sessions.values() for effect in session.rejoined(now)]
        if self._alone:
            for stream in sorted(self._wanted - set(self._sessions)):
                effects += self._enter(stream, None, self._identity.wire_id(stream), now)
        return effects

    def signal(self, signal: Signal, now: float) -> list[Effect]:
        """Something came from the handshake server."""
        if self._leaving:
            return []
        return [*self._signal(signal, now), *self._serve_next(now)]

    def _signal(self, signal: Signal, now: float) -> list[Effect]:
        match signal:
            case Listing():
                return self._listing(signal, now)
            case StreamAppeared(peer=peer, stream=stream):
                return self._appeared(peer, stream, now)
            case DescriptionReceived():
                return self._description(signal, now)
            case CandidatesReceived():
                return self._candidates(signal, now)
            case PeerLeft(peer=peer):
                return self._left(peer, now)
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
        if session is None:
            return [Count("message of an ended child")]
        try:
            return [*session.child_said(session.attempts[child], message, now), *self._serve_next(now)]
        except InvalidTransition as error:
            return [Count("invalid transition"), Warn("unexpected event", {"detail": error.detail})]

    def child_exited(self, child: ChildId, detail: str, now: float) -> list[Effect]:
        session = self._children.pop(child, None)
        if session is None:
            return [Count("exit of an unknown child")]
        return [*session.child_exited(session.attempts[child], detail, now), *self._serve_next(now)]

    def due(self, timer: Timer, now: float) -> list[Effect]:
        """A timer has run out."""
        if isinstance(timer.of, int):
            session = self._children.get(timer.of)
            effects = session.due(timer.name, session.attempts[timer.of], now) if session else []
        else:
            effects = self._stream_due(timer.name, self._sessions.get(timer.of), now)
        return [*effects, *self._serve_next(now)]

    def _stream_due(self, name: str, session: StreamSession | None, now: float) -> list[Effect]:
        if session is None:
            return []
        if name == "replay" and session.stream in self._places:
            return session.asking.ask_later()  # it would answer, and in vain
        return session.due(name, None, now)

    def leave(self) -> list[Effect]:
        """The recorder ends."""
        self._leaving = True
        self._places.clear()
        return [effect for session in self._sessions.values() for effect in session.leave()]

    # --- who is who -----------------------------------------------------------------------------------------------

    def stream_of(self, child: ChildId) -> StreamId | None:
        session = self._children.get(child)
        return session.stream if session else None

    def by_relay(self, stream: StreamId) -> bool:
        """Whether the next connection to the stream is to be by relay only, if there is a relay."""
        session = self._sessions.get(stream)
        return session is not None and session.retries.ladder.relay

    @property
    def idle(self) -> bool:
        """No child is left."""
        return not self._children

    def count(self, state: SessionState) -> int:
        return sum(session.state is state for session in self._sessions.values())

    def __len__(self) -> int:
        return len(self._sessions)

    def _session(self, stream: StreamId, wire: WireStreamId) -> StreamSession:
        """The stream's session, fit for another attempt. Sessions are kept in the order in which they appeared."""
        session = self._sessions.get(stream)
        if session is None:
            session = StreamSession(stream, wire, self._deadlines, lambda: self._new_child(stream), self._jitter)
        elif session.final:
            session.renew()
            del self._sessions[stream]
        self._sessions[stream] = session
        return session

    def _new_child(self, stream: StreamId) -> ChildId:
        child = next(self._numbers)
        self._children[child] = self._sessions[stream]
        return child

    def _make_room(self, stream: StreamId) -> bool:
        """Whether the stream has a session or may have one; the oldest that ended makes room for it."""
        if stream in self._sessions or len(self._sessions) < MAX_SESSIONS:
            return True
        over = (name for name, session in self._sessions.items() if session.final and not session.attempts)
        ended = next(over, None)
        if ended is None:
            return False
        del self._sessions[ended]
        return True

    def _owned_by(self, peer: PeerId) -> StreamId | None:
        return next((s.stream for s in reversed(self._sessions.values()) if s.owned_by(peer)), None)

    def _is_wanted(self, stream: StreamId) -> bool:
        return not self._wanted or stream in self._wanted

    # --- places ---------------------------------------------------------------------------------------------------

    def _enter(self, stream: StreamId, peer: PeerId | None, wire: WireStreamId, now: float) -> list[Effect]:
        """The stream is there: begin with it, or have it wait for a place."""
        if not self._has_place(stream):
            return self._wait(stream, peer, wire)
        self._places.forget(stream)
        session = self._session(stream, wire)
        return session.start(now) if peer is None else session.appeared(peer, wire, now)

    def _has_place(self, stream: StreamId) -> bool:
        session = self._sessions.get(stream)
        return (session is not None and holds_place(session)) or not self._places.full(self._taken)

    @property
    def _taken(self) -> int:
        return sum(holds_place(session) for session in self._sessions.values())

    def _wait(self, stream: StreamId, peer: PeerId | None, wire: WireStreamId) -> list[Effect]:
        known = stream in self._places
        if not self._places.wait(stream, peer, wire):
            return self._full(stream)
        return [Count("waits for a place"), *([] if known else [Report(stream, "waiting", self._places.sentence)])]

    def _serve_next(self, now: float) -> list[Effect]:
        """Whoever waits takes the places that are free, and those that are held in vain."""
        if self._leaving or not self._places:
            return []
        effects = self._serve(now)
        for session in to_vacate(self._sessions.values(), len(self._places)):
            effects += session.vacate()
        return [*effects, *self._serve(now)]

    def _serve(self, now: float) -> list[Effect]:
        effects: list[Effect] = []
        while (turn := self._places.next(self._taken)) is not None:
            effects += self._enter(*turn, now)
        return effects

    def _left(self, peer: PeerId, now: float) -> list[Effect]:
        effects = [effect for session in self._sessions.values() for effect in session.peer_left(peer, now)]
        for stream in self._places.left(peer):
            session = self._sessions.get(stream)
            failed = session is not None and session.state is SessionState.FAILED
            effects.append(Report(stream, "failed" if failed else "finished", "left before there was a place"))
        return effects

    # --- signals --------------------------------------------------------------------------------------------------

    def _listing(self, listing: Listing, now: float) -> list[Effect]:
        if listing.transferred:
            # The recorder is bound to its own room (protocol.md 11).
            return [Warn("a director moved the recorder to another room, which is not recorded", {})]
        announced = [(member.peer, member.stream) for member in listing.members if member.stream is not None]
        return [effect for peer, stream in announced for effect in self._appeared(peer, stream, now)]

    def _appeared(self, peer: PeerId, wire: WireStreamId, now: float) -> list[Effect]:
        if not self._identity.is_mine(wire):
            return self._foreign(wire)
        stream = self._identity.clean_id(wire)
        if not self._is_wanted(stream):
            return [Count("stream not wanted")]
        if not self._make_room(stream):
            return self._full(stream)
        return self._enter(stream, peer, wire, now)

    def _description(self, signal: DescriptionReceived, now: float) -> list[Effect]:
        if signal.description.type is not SdpType.OFFER:
            return [Count("answer to a viewer")]
        if signal.stream is None:
            stream = self._owned_by(signal.peer)
        else:
            stream = self._identity.clean_id(signal.stream)
            if stream not in self._sessions:
                if signal.from_scene:
                    # A page that only views offers a connection all the same (trap T17).
                    return [Count("offer of a viewer")]
                if not self._identity.is_mine(signal.stream):
                    return self._foreign(signal.stream)
        if stream is None or not self._is_wanted(stream):
            return [Count("offer not wanted")]
        if not self._make_room(stream):
            return self._full(stream)
        wire = self._identity.wire_id(stream)
        if not self._has_place(stream):
            # A page that believes itself connected would not answer when its turn comes (trap T28).
            return [*self._wait(stream, signal.peer, wire), Send(SayBye(signal.peer, signal.session))]
        self._places.forget(stream)
        session = self._session(stream, wire)
        return session.offered(signal, self._early.take(signal.peer, signal.session, now), now)

    def _candidates(self, signal: CandidatesReceived, now: float) -> list[Effect]:
        if signal.side is Side.VIEWER:
            return [Count("candidates of a viewer")]
        for session in self._sessions.values():
            attempt = session.find(signal.peer, signal.session)
            if attempt is not None:
                return session.candidates(attempt, signal.candidates)
        self._early.keep(signal.peer, signal.session, signal.candidates, now)
        dropped = self._early.take_dropped()
        return [Count("candidates without an offer", dropped)] if dropped else []

    def _undecryptable(self, peer: PeerId) -> list[Effect]:
        """Said once for each peer (protocol.md 3): in the stream's row, or to all if that would not show it."""
        counted: list[Effect] = [Count("undecryptable")]
        sentence = "what the guest sends cannot be decrypted: wrong room password or salt"
        warned = self._warn_once(f"peer {peer}", sentence, peer=peer)
        stream = self._owned_by(peer)
        if not warned or stream is None:
            return counted + warned
        return counted + (self._sessions[stream].unreadable(Outcome.of(WrongPassword(sentence))) or warned)

    def _foreign(self, wire: WireStreamId) -> list[Effect]:
        sentence = "a stream of another password or salt is not recorded"
        return [Count("stream of another password"), *self._warn_once(f"stream {wire}", sentence, stream=wire)]

    def _full(self, stream: StreamId) -> list[Effect]:
        sentence = f"more than {MAX_SESSIONS} streams at a time are not recorded"
        return [Count("too many streams"), *self._warn_once("full", sentence, stream=stream)]

    def _warn_once(self, key: str, message: str, **fields: str) -> list[Effect]:
        if key in self._warned or len(self._warned) >= MAX_WARNED:
            return []
        self._warned.add(key)
        return [Warn(message, fields)]
