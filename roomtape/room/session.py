"""One stream that is to be recorded: decides whether there is another attempt, and which one counts.

There may be two attempts at a time: when a guest comes back under a new address while the former connection looks
alive, the newest attempt that delivers media wins and the others are stopped (protocol.md 14.10, traps T4 to T6).
"""

from collections.abc import Callable
from typing import Final

from roomtape.config import Deadlines
from roomtape.errors import ChildDied, ChildStartFailed, NegotiationFailed
from roomtape.ipc.messages import (
    ChannelNegotiated,
    Failed,
    FromChild,
    LocalCandidates,
    LocalDescription,
    NoMedia,
    PeerState,
    Ready,
    RemoteCandidates,
    RemoteDescription,
    RequestKeyframe,
    Stats,
    TrackStarted,
)
from roomtape.model import Candidate, PeerId, SessionId, StreamId, WireStreamId
from roomtape.room.asking import Asking
from roomtape.room.attempt import Attempt, Event, State
from roomtape.room.doubt import LEFT, MOVED, borne_out, doubt, settle
from roomtape.room.effects import Arm, ChildId, Count, Disarm, Effect, Send, Spawn, Stop, Tell, Timer
from roomtape.room.outcome import Next, Outcome, SessionState
from roomtape.room.owners import Owners
from roomtape.room.retries import Retries
from roomtape.room.row import Row, stage
from roomtape.room.watchdog import NOTHING, Finding, Watchdog
from roomtape.signaling.messages import AskIceRestart, DescriptionReceived, SendCandidates, SendDescription, Side

MAX_LIVE: Final = 2
"""The attempt that records, and one that may take its place."""
MAX_CHILDREN: Final = 4
"""Those that are still ending included: nobody can make us start children without end."""
CROWDED_S: Final = 1.0
TOO_EARLY: Final = "too many candidates for a child that is not ready"
UNANSWERED: Final = "no answer so far"
VACATED: Final = "no answer; its place goes to another stream"


class StreamSession:
    """`new_child` numbers children; `jitter` draws a random number from 0 to 1."""

    def __init__(
        self,
        stream: StreamId,
        wire: WireStreamId,
        deadlines: Deadlines,
        new_child: Callable[[], ChildId],
        jitter: Callable[[], float],
    ) -> None:
        self.stream, self.wire = stream, wire
        self.state = SessionState.WAITING
        self.attempts: dict[ChildId, Attempt] = {}
        self._deadlines, self._new_child, self._jitter = deadlines, new_child, jitter
        self.owners = Owners()
        self.asking, self._row = Asking(stream, deadlines.replay), Row(stream)
        self.retries = Retries()

    def renew(self) -> None:
        """The stream appears again after its end: what went wrong before counts no more."""
        self.state, self.retries, self._row.note = SessionState.WAITING, Retries(), ""

    # --- who has the stream ---------------------------------------------------------------------------------------

    @property
    def final(self) -> bool:
        return self.state in (SessionState.ENDED, SessionState.FAILED)

    def live(self) -> list[Attempt]:
        """Attempts under way, oldest first."""
        return [attempt for attempt in self.attempts.values() if attempt.live]

    def find(self, peer: PeerId, session: SessionId | None) -> Attempt | None:
        """The live connection that a message belongs to, the newest if the session is not said."""
        return next((a for a in reversed(self.live()) if a.belongs(peer, session)), None)

    def owned_by(self, peer: PeerId) -> bool:
        """Whether the stream was announced or offered by `peer`."""
        return peer in self.owners or self.find(peer, None) is not None

    def appeared(self, peer: PeerId, wire: WireStreamId, now: float) -> list[Effect]:
        """The server announces that `peer` has the stream."""
        self.wire = wire
        known = peer in self.owners
        self.owners.add(peer, now)
        live = self.live()
        if not live:
            return self.start(now)
        newest = live[-1]
        if not newest.taken:
            repeated = known and self.asking.just_asked(now)
            return self._ask(newest, now) if newest.asking and not repeated else []
        if known:
            return []
        return doubt(newest, MOVED, now) if newest.recording else self.start(now)

    def peer_left(self, peer: PeerId, now: float) -> list[Effect]:
        """The server, or the peer through it, says that it is gone; media that still flows is believed more."""
        connected = [attempt for attempt in self.live() if attempt.peer == peer]
        if not connected:
            self.owners.remove(peer)
        return [effect for attempt in connected for effect in doubt(attempt, LEFT, now)]

    # --- attempts -------------------------------------------------------------------------------------------------

    def start(self, now: float) -> list[Effect]:
        """A new attempt, which will ask for the stream; a little later if too many children are still ending."""
        if len(self.attempts) >= MAX_CHILDREN:
            return self._start_later()
        effects = self._make_room()
        attempt = Attempt(self._new_child(), Watchdog(self._deadlines, lenient=self.retries.ladder.pictureless))
        self.attempts[attempt.child] = attempt
        self.state = SessionState.ACTIVE
        return [
            *effects,
            Disarm(Timer("retry", self.stream)),
            *self.asking.stop(),
            Spawn(attempt.child, self.stream),
            Arm(Timer("ready", attempt.child), self._deadlines.child_ready),
            *self._news(),
        ]

    def _start_later(self) -> list[Effect]:
        crowded = Count("too many children of one stream")
        if self.live():
            return [crowded]
        self.state = SessionState.WAITING
        return [crowded, *self.asking.stop(), Arm(Timer("retry", self.stream), CROWDED_S), *self._news()]

    def _make_room(self) -> list[Effect]:
        if len(live := self.live()) < MAX_LIVE:
            return []
        oldest = next(attempt for attempt in live if not attempt.recording)
        return self._stop(oldest, Event.STOP, "replaced by a newer attempt")

    def offered(self, signal: DescriptionReceived, early: tuple[Candidate, ...], now: float) -> list[Effect]:
        """An offer from one who may offer this stream: a renegotiation, the one asked for, or a new connection."""
        attempt = self.find(signal.peer, signal.session) or self._moved(signal) or self._untaken()
        self.owners.add(signal.peer, now)
        effects: list[Effect] = []
        if attempt is None:
            effects += self.start(now)
            attempt = self._untaken()
        if attempt is None:
            return effects
        attempt.peer = signal.peer
        attempt.session = attempt.session or signal.session
        attempt.negotiation += 1
        offer = RemoteDescription(
            negotiation=attempt.negotiation, description=signal.description, session=attempt.session or ""
        )
        self._row.note = ""
        effects += self._pass_on(attempt, offer)
        if early:
            effects += self._pass_on(attempt, RemoteCandidates(candidates=early))
        return effects

    def _untaken(self) -> Attempt | None:
        return next((attempt for attempt in self.live() if not attempt.taken), None)

    def _moved(self, signal: DescriptionReceived) -> Attempt | None:
        """The connection of an owner who goes on under a new address: its session is the same (trap T6)."""
        if signal.session is None or signal.peer not in self.owners:
            return None
        return next((a for a in self.live() if a.session == signal.session), None)

    def candidates(self, attempt: Attempt, candidates: tuple[Candidate, ...]) -> list[Effect]:
        return self._pass_on(attempt, RemoteCandidates(candidates=candidates))

    def _pass_on(self, attempt: Attempt, message: RemoteDescription | RemoteCandidates) -> list[Effect]:
        if attempt.state is State.STARTING:
            return [Count(TOO_EARLY, lost)] if (lost := attempt.keep(message)) else []
        effects: list[Effect] = [Tell(attempt.child, message)]
        if isinstance(message, RemoteDescription):
            attempt.move(Event.OFFER)
            effects += self._ask_no_more(attempt)
            effects += [Arm(Timer("answer", attempt.child), self._deadlines.answer), *self._news()]
        return effects

    def _ask(self, attempt: Attempt, now: float) -> list[Effect]:
        attempt.asking = True
        return self.asking.ask(self.wire, now)

    def _ask_no_more(self, attempt: Attempt) -> list[Effect]:
        asking, attempt.asking = attempt.asking, False
        return self.asking.stop() if asking else []

    # --- what children say ----------------------------------------------------------------------------------------

    def child_said(self, attempt: Attempt, message: FromChild, now: float) -> list[Effect]:
        if not attempt.live:
            return []  # it said so before it heard that it has to stop
        match message:
            case Stats(silent_ms=silent_ms):  # by far the most frequent
                attempt.hear(now, silent_ms)
                if attempt.doubts and (settled := settle(attempt)):
                    return settled
                return self._found(attempt, attempt.watchdog.counted(message, now), now) if attempt.connected else []
            case Ready():
                return self._ready(attempt, now)
            case LocalDescription(negotiation=number, description=description) if attempt.peer is not None:
                if number != attempt.negotiation:
                    return [Count("stale answer")]
                attempt.move(Event.ANSWER)
                return [
                    Disarm(Timer("answer", attempt.child)),
                    Send(SendDescription(attempt.peer, attempt.session, description)),
                ]
            case LocalCandidates(candidates=candidates) if attempt.peer is not None:
                return [Send(SendCandidates(attempt.peer, attempt.session, Side.VIEWER, candidates))]
            case ChannelNegotiated() if attempt.taken:
                attempt.move(Event.OFFER)
                attempt.move(Event.ANSWER)
            case PeerState(connection=connection):
                if connection == "connected":
                    attempt.move(Event.CONNECTED)
                    attempt.hear(now)
                return self._found(attempt, attempt.watchdog.state(message), now)
            case TrackStarted():
                return self._recording(attempt, now)
            case NoMedia(detail=detail):
                return self._no_media(attempt, detail)
            case Failed():
                return self._end(attempt, Event.FAILED, Outcome.of(message), now)
        return []

    def _ready(self, attempt: Attempt, now: float) -> list[Effect]:
        if attempt.state is not State.STARTING:
            return []
        attempt.move(Event.CHILD_READY)
        effects: list[Effect] = [Disarm(Timer("ready", attempt.child))]
        for message in attempt.take_kept():
            effects += self._pass_on(attempt, message)
        return effects if attempt.taken else effects + self._ask(attempt, now)

    def _recording(self, attempt: Attempt, now: float) -> list[Effect]:
        attempt.hear(now)
        if attempt.recording:
            return []
        attempt.move(Event.TRACK_STARTED)
        attempt.recording_since = now
        self._row.note = ""
        effects: list[Effect] = []
        for other in self.live():
            if other.child < attempt.child:
                effects += self._stop(other, Event.STOP, "replaced by a newer connection")
            elif not other.taken:
                effects += self._stop(other, Event.STOP, "the former connection delivers")
        return effects + self._news()

    def _no_media(self, attempt: Attempt, detail: str) -> list[Effect]:
        attempt.no_media = True
        if not self._is_recording:
            self._row.note = detail
        return self._news()

    def _found(self, attempt: Attempt, found: Finding, now: float) -> list[Effect]:
        if found is NOTHING:
            return []
        if found.error is not None:
            return self._end(attempt, Event.TIMEOUT, Outcome.of(found.error), now)
        effects: list[Effect] = [Tell(attempt.child, RequestKeyframe())] if found.keyframe else []
        if found.restart and attempt.peer is not None and attempt.connected:
            effects.append(Send(AskIceRestart(attempt.peer)))
        return effects

    def child_exited(self, attempt: Attempt, detail: str, now: float) -> list[Effect]:
        """Its process is gone, in whatever way."""
        del self.attempts[attempt.child]
        if attempt.live:
            died = ChildDied(f"the recording process is gone: {detail}")
            return self._end(attempt, Event.CHILD_EXITED, Outcome.of(died), now)
        attempt.move(Event.CHILD_EXITED)
        return []

    # --- deadlines ------------------------------------------------------------------------------------------------

    def due(self, name: str, attempt: Attempt | None, now: float) -> list[Effect]:
        """A timer of the stream, or of one of its attempts, has run out."""
        match name, attempt:
            case "retry", None if self.state is SessionState.WAITING:
                return self.start(now)
            case "replay", None:
                return self._replay(now)
            case "ready", Attempt(state=State.STARTING):
                late = ChildStartFailed(f"the child was not ready within {self._deadlines.child_ready:.0f} s")
                return self._end(attempt, Event.TIMEOUT, Outcome.of(late), now)
            case "answer", Attempt(state=State.NEGOTIATING) | Attempt(state=State.CONNECTING):
                late_answer = NegotiationFailed(f"no answer was made within {self._deadlines.answer:.0f} s")
                return self._end(attempt, Event.TIMEOUT, Outcome.of(late_answer), now)
            case name, Attempt(live=True) if name in attempt.doubts:
                return self._doubt_is_over(name, attempt, now)
        return []

    def _replay(self, now: float) -> list[Effect]:
        if self.state is SessionState.ACTIVE and not self._row.note and not self._is_recording:
            self._row.note = UNANSWERED
        return [*self.asking.ask_again(self.wire, now), *self._news()]

    def _doubt_is_over(self, name: str, attempt: Attempt, now: float) -> list[Effect]:
        gone = borne_out(attempt, name)
        return [] if gone is None else self._end(attempt, Event.TIMEOUT, Outcome.of(gone), now)

    # --- ends -----------------------------------------------------------------------------------------------------

    def _stop(self, attempt: Attempt, event: Event, reason: str) -> list[Effect]:
        attempt.move(event)
        return [
            *self._ask_no_more(attempt),
            *(Disarm(Timer(name, attempt.child)) for name in ("ready", "answer", MOVED, LEFT)),
            *([] if event is Event.CHILD_EXITED else [Stop(attempt.child, reason)]),
        ]

    def _end(self, attempt: Attempt, event: Event, outcome: Outcome, now: float) -> list[Effect]:
        """A live attempt ends by itself; see what becomes of the stream."""
        effects = self._stop(attempt, event, outcome.detail)
        if not outcome.clean:
            effects += attempt.say_bye()
        self.retries.ended(outcome, attempt.recorded_for(now))
        if self.live():
            if outcome.clean:
                return effects + self._news()
            self._row.note = f"a connection was given up: {outcome.detail}"
            return effects + self._news(outcome)
        if attempt.peer is not None and self.owners.returned(attempt.peer, now):
            self._row.note = ""
            return effects + self.start(now)
        verdict = self.retries.judge(outcome, self._jitter(), now)
        self._row.note = outcome.detail
        match verdict.next:
            case Next.END:
                self.state = SessionState.ENDED
                # The stream stays wanted: it is asked for now and then (protocol.md 14.9).
                return [*effects, *self._news(), *self.asking.ask_later()]
            case Next.FAIL:
                self.state = SessionState.FAILED
                self._row.note += verdict.note
                return [*effects, *self._news(outcome), *(self.asking.ask_later() if outcome.retryable else [])]
            case Next.RETRY:
                self.state = SessionState.WAITING
                return [*effects, *self._news(outcome), Arm(Timer("retry", self.stream), verdict.delay_s)]

    def vacate(self) -> list[Effect]:
        """Another stream needs the place. Like one that ended, this one is asked for now and then."""
        self._row.note = VACATED
        return [*self.leave(VACATED), *self.asking.ask_later()]

    def leave(self, reason: str = "the recorder stops") -> list[Effect]:
        """Stop everything."""
        if self.state is not SessionState.FAILED:
            self.state = SessionState.ENDED
        effects = [Disarm(Timer("retry", self.stream)), *self.asking.stop()]
        for attempt in self.live():
            effects += self._stop(attempt, Event.STOP, reason)
        return effects + self._news()

    def rejoined(self, now: float) -> list[Effect]:
        """The signaling connection is new, and the server knows nothing of what we asked for before.

        Ask again, unless there is a connection under way or alive (trap T6). One who left is asked for a little later:
        the server's listing, if there is one, says first who is there.
        """
        match self.state:
            case SessionState.WAITING:
                return self.start(now)
            case SessionState.ENDED:
                return self.asking.ask_soon()
            case SessionState.ACTIVE:
                newest = self.live()[-1]
                if newest.asking:
                    return self._ask(newest, now)
                if newest.state in (State.NEGOTIATING, State.CONNECTING):
                    return self.start(now)  # what is still to be said would go to our former address
        return []

    # --- what the user reads --------------------------------------------------------------------------------------

    def unreadable(self, outcome: Outcome) -> list[Effect]:
        """The guest sends what our password does not open. The attempt goes on: the next offer may be readable."""
        if self.final or self._is_recording:
            return []
        self._row.note = outcome.detail
        return self._news(outcome)

    @property
    def _is_recording(self) -> bool:
        return any(attempt.recording for attempt in self.live())

    def _news(self, error: Outcome | None = None) -> list[Effect]:
        words = {SessionState.ENDED: "finished", SessionState.FAILED: "failed"}
        return self._row.tell(words.get(self.state) or stage(self.live()), error)
