"""An attempt to record a stream: one child, one peer connection. It is one-shot and only moves forward.

The table below is all there is to know about its states. An event that the table lacks raises InvalidTransition.
"""

from enum import Enum
from typing import Final

from roomtape.errors import InvalidTransition
from roomtape.ipc.messages import RemoteCandidates, RemoteDescription
from roomtape.logs import get_logger
from roomtape.model import Candidate, PeerId, SessionId
from roomtape.room.effects import ChildId, Effect, Send
from roomtape.room.watchdog import Watchdog
from roomtape.signaling.messages import SayBye

MAX_KEPT: Final = 100
"""Candidates kept for a child that is not ready yet (protocol.md 7)."""

log = get_logger(__name__)


class State(Enum):
    STARTING = "starting"
    REQUESTING = "requesting"
    NEGOTIATING = "negotiating"
    CONNECTING = "connecting"
    CONNECTED = "connected"
    RECORDING = "recording"
    DRAINING = "draining"
    CLOSED = "closed"


class Event(Enum):
    CHILD_READY = "child ready"
    OFFER = "offer"
    ANSWER = "answer"
    CONNECTED = "connected"
    TRACK_STARTED = "track started"
    STOP = "stop"
    TIMEOUT = "timeout"
    FAILED = "failed"
    CHILD_EXITED = "child exited"


_FORWARD: Final = {
    (State.STARTING, Event.CHILD_READY): State.REQUESTING,
    (State.REQUESTING, Event.OFFER): State.NEGOTIATING,
    (State.NEGOTIATING, Event.OFFER): State.NEGOTIATING,
    (State.NEGOTIATING, Event.ANSWER): State.CONNECTING,
    (State.CONNECTING, Event.OFFER): State.CONNECTING,
    (State.CONNECTING, Event.ANSWER): State.CONNECTING,
    (State.CONNECTING, Event.CONNECTED): State.CONNECTED,
    # Media may overtake the news of the connection.
    (State.CONNECTING, Event.TRACK_STARTED): State.RECORDING,
    (State.CONNECTED, Event.OFFER): State.CONNECTED,
    (State.CONNECTED, Event.ANSWER): State.CONNECTED,
    (State.CONNECTED, Event.CONNECTED): State.CONNECTED,
    (State.CONNECTED, Event.TRACK_STARTED): State.RECORDING,
    (State.RECORDING, Event.OFFER): State.RECORDING,
    (State.RECORDING, Event.ANSWER): State.RECORDING,
    (State.RECORDING, Event.CONNECTED): State.RECORDING,
    (State.RECORDING, Event.TRACK_STARTED): State.RECORDING,
}
_LIVE: Final = tuple(state for state in State if state not in (State.DRAINING, State.CLOSED))

TRANSITIONS: Final[dict[tuple[State, Event], State]] = {
    **_FORWARD,
    **{(state, event): State.DRAINING for state in _LIVE for event in (Event.STOP, Event.TIMEOUT, Event.FAILED)},
    **{(state, Event.CHILD_EXITED): State.CLOSED for state in _LIVE},
    # What a child said before it heard that it has to stop.
    **{(State.DRAINING, event): State.DRAINING for event in Event},
    (State.DRAINING, Event.CHILD_EXITED): State.CLOSED,
    **{(State.CLOSED, event): State.CLOSED for event in Event},
}


class Attempt:
    """`peer` and `session` are those of the offer that it took; None until then.

    `asking` is set while the stream is asked for on its behalf. `heard` is the time of the last sign of life from the
    guest, `silent_ms` how long ago that was when it was told last; `doubts` holds, for every reason to believe that the
    guest is gone, since when there is one. `no_media` is set while the guest is connected but sends nothing.
    """

    def __init__(self, child: ChildId, watchdog: Watchdog) -> None:
        self.child, self.watchdog = child, watchdog
        self.state = State.STARTING
        self.peer: PeerId | None = None
        self.session: SessionId | None = None
        self.negotiation = 0
        self.asking = False
        self.heard = float("-inf")
        self.silent_ms = 0
        self.doubts: dict[str, float] = {}
        self.no_media = False
        self.recording_since: float | None = None
        self._offer: RemoteDescription | None = None
        self._candidates: list[Candidate] = []

    def hear(self, now: float, silent_ms: int = 0) -> None:
        """The guest was heard so long ago."""
        self.heard, self.silent_ms = now - silent_ms / 1000, silent_ms

    def say_bye(self) -> list[Effect]:
        """Through the server, as the data channel may be dead: who believes us alive ignores a play (trap T28)."""
        return [Send(SayBye(self.peer, self.session))] if self.peer is not None else []

    def recorded_for(self, now: float) -> float:
        """Seconds since recording began; 0 if it has not."""
        return 0.0 if self.recording_since is None else now - self.recording_since

    def move(self, event: Event) -> State:
        """Follow the table; the one place where the state changes, and is logged.

        Raises:
            InvalidTransition: the table has no such entry.
        """
        after = TRANSITIONS.get((self.state, event))
        if after is None:
            raise InvalidTransition(f"{event.value} while {self.state.value}")
        if after is not self.state:
            log.debug("attempt", child=self.child, event=event.value, before=self.state.value, after=after.value)
            self.state = after
        return after

    @property
    def live(self) -> bool:
        """Neither ending nor ended."""
        return self.state in _LIVE

    @property
    def recording(self) -> bool:
        return self.state is State.RECORDING

    @property
    def connected(self) -> bool:
        return self.state in (State.CONNECTED, State.RECORDING)

    @property
    def taken(self) -> bool:
        """It has a peer connection of its own."""
        return self.peer is not None

    def belongs(self, peer: PeerId, session: SessionId | None) -> bool:
        """Whether a message of this peer and session is meant for this connection (protocol.md 6, 7)."""
        if self.peer != peer:
            return False
        return session is None or self.session is None or session == self.session

    def keep(self, message: RemoteDescription | RemoteCandidates) -> int:
        """Keep a message until the child is ready; how many candidates were too many. A newer offer replaces the
        older."""
        if isinstance(message, RemoteDescription):
            self._offer = message
            return 0
        room = MAX_KEPT - len(self._candidates)
        self._candidates += message.candidates[:room]
        return max(0, len(message.candidates) - room)

    def take_kept(self) -> list[RemoteDescription | RemoteCandidates]:
        """What was kept, the offer first."""
        kept: list[RemoteDescription | RemoteCandidates] = [] if self._offer is None else [self._offer]
        if self._candidates:
            kept.append(RemoteCandidates(candidates=tuple(self._candidates)))
        self._offer, self._candidates = None, []
        return kept
