"""One stream that is to be recorded: decides whether there is another attempt, and which one counts.

There may be two attempts at a time: when a guest comes back under a new address while the former connection looks
alive, the newest attempt that delivers media wins and the others are stopped (protocol.md 14.10, traps T4 to T6).
"""

from collections.abc import Callable
from enum import Enum
from typing import Final

from roomtape.config import Deadlines
from roomtape.errors import ChildDied, ChildStartFailed, NegotiationFailed, PeerVanished
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
    Stats,
    TrackStarted,
)
from roomtape.model import Candidate, PeerId, SessionId, StreamId, WireStreamId
from roomtape.room.attempt import Attempt, Event, State
from roomtape.room.effects import Arm, ChildId, Count, Disarm, Effect, Report, Send, Spawn, Stop, Tell, Timer
from roomtape.room.outcome import BUDGET, Next, Outcome, judge
from roomtape.signaling.messages import DescriptionReceived, Play, SendCandidates, SendDescription, Side

MAX_OWNERS: Final = 16
CHALLENGE_S: Final = 1.5
"""A former connection has so long to show that media still flows when its stream is announced under a new address."""
HEALTHY_MS: Final = 1_000
PLAY_AGAIN_S: Final = 1.0


class SessionState(Enum):
    """ACTIVE has a live attempt; WAITING will have one; the other two are final."""

    ACTIVE = "active"
    WAITING = "waiting"
    ENDED = "ended"
    FAILED = "failed"


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
        self._owners: list[PeerId] = []
        self._failures = 0
        self._budget = BUDGET
        self._replays = 0
        self._played = float("-inf")

    # --- who has the stream ---------------------------------------------------------------------------------------

    @property
    def final(self) -> bool:
        return self.state in (SessionState.ENDED, SessionState.FAILED)

    def live(self) -> list[Attempt]:
        """Attempts under way, oldest first."""
        return [attempt for attempt in self.attempts.values() if attempt.live]

    def appeared(self, peer: PeerId, wire: WireStreamId, now: float) -> list[Effect]:
        """The server announces that `peer` has the stream."""
        self.wire = wire
        known = peer in self._owners
        self._own(peer)
        live = self.live()
        if not live:
            return self.start(now)
        newest = live[-1]
        if not newest.taken:
            again = newest.state is State.REQUESTING and now - self._played >= PLAY_AGAIN_S
            return self._play(now) if again else []
        if known or newest.peer == peer:
            return []
        if newest.state is not State.RECORDING:
            return self.start(now)
        return [Arm(Timer("challenge", newest.child), CHALLENGE_S)]

    def peer_left(self, peer: PeerId) -> list[Effect]:
        """The server, or the peer through it, says that it is gone; media that still flows is believed more."""
        return [Arm(Timer("challenge", a.child), CHALLENGE_S) for a in self.live() if a.peer == peer]

    def _own(self, peer: PeerId) -> None:
        if peer in self._owners:
            self._owners.remove(peer)
        self._owners = [*self._owners, peer][-MAX_OWNERS:]

    # --- attempts -------------------------------------------------------------------------------------------------

    def start(self, now: float) -> list[Effect]:
        """A new attempt, which will ask for the stream."""
        attempt = Attempt(self._new_child())
        self.attempts[attempt.child] = attempt
        self.state = SessionState.ACTIVE
        self._replays = 0
        return [
            Disarm(Timer("retry", self.stream)),
            Disarm(Timer("replay", self.stream)),
            Spawn(attempt.child, self.stream),
            Arm(Timer("ready", attempt.child), self._deadlines.child_ready),
            Report(self.stream, "waiting"),
        ]

    def offered(self, signal: DescriptionReceived, early: tuple[Candidate, ...], now: float) -> list[Effect]:
        """An offer from one who may offer this stream: a renegotiation, the one asked for, or a new connection."""
        self._own(signal.peer)
        attempt = self.find(signal.peer, signal.session)
        effects: list[Effect] = []
        if attempt is None:
            attempt = next((a for a in self.live() if not a.taken), None)
            if attempt is None:
                effects += self.start(now)
                attempt = self.live()[-1]
            attempt.peer = signal.peer
        if attempt.session is None:
            attempt.session = signal.session
        attempt.negotiation += 1
        offer = RemoteDescription(
            negotiation=attempt.negotiation, description=signal.description, session=attempt.session or ""
        )
        effects += self._pass_on(attempt, offer)
        if early:
            effects += self._pass_on(attempt, RemoteCandidates(candidates=early))
        return effects

    def candidates(self, attempt: Attempt, candidates: tuple[Candidate, ...]) -> list[Effect]:
        return self._pass_on(attempt, RemoteCandidates(candidates=candidates))

    def find(self, peer: PeerId, session: SessionId | None) -> Attempt | None:
        """The live connection that a message belongs to, the newest if the session is not said."""
        return next((a for a in reversed(self.live()) if a.belongs(peer, session)), None)

    def _pass_on(self, attempt: Attempt, message: RemoteDescription | RemoteCandidates) -> list[Effect]:
        if attempt.state is State.STARTING:
            return [] if attempt.keep(message) else [Count("child not ready")]
        effects: list[Effect] = [Tell(attempt.child, message)]
        if isinstance(message, RemoteDescription):
            attempt.move(Event.OFFER)
            effects += [
                Disarm(Timer("replay", self.stream)),
                Arm(Timer("answer", attempt.child), self._deadlines.answer),
            ]
            if attempt.state is State.NEGOTIATING:
                effects.append(Report(self.stream, "connecting"))
        return effects

    def _play(self, now: float) -> list[Effect]:
        self._played = now
        waits = self._deadlines.replay
        wait = waits[min(self._replays, len(waits) - 1)]
        self._replays += 1
        return [Send(Play(self.wire)), Arm(Timer("replay", self.stream), wait)]

    # --- what children say ----------------------------------------------------------------------------------------

    def child_said(self, attempt: Attempt, message: FromChild, now: float) -> list[Effect]:
        match message:
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
            case ChannelNegotiated():
                attempt.move(Event.OFFER)
                attempt.move(Event.ANSWER)
            case PeerState(connection="connected"):
                attempt.move(Event.CONNECTED)
            case TrackStarted():
                return self._recording(attempt)
            case NoMedia(detail=detail):
                return [Report(self.stream, "waiting", detail)]
            case Stats():
                return self._counted(attempt, message, now)
            case Failed():
                return self._end(attempt, Event.FAILED, Outcome.of(message), now)
            case _:
                pass
        return []

    def _ready(self, attempt: Attempt, now: float) -> list[Effect]:
        if attempt.state is not State.STARTING:
            return []
        attempt.move(Event.CHILD_READY)
        effects: list[Effect] = [Disarm(Timer("ready", attempt.child))]
        pending, attempt.pending = attempt.pending, []
        for message in pending:
            effects += self._pass_on(attempt, message)
        return effects if attempt.taken else effects + self._play(now)

    def _recording(self, attempt: Attempt) -> list[Effect]:
        if attempt.move(Event.TRACK_STARTED) is not State.RECORDING:
            return []
        self._failures = 0
        effects: list[Effect] = [Report(self.stream, "recording")]
        for older in self.live():
            if older is attempt:
                break
            effects += self._stop(older, Event.STOP, "replaced by a newer connection")
        return effects

    def _counted(self, attempt: Attempt, stats: Stats, now: float) -> list[Effect]:
        attempt.silent_ms = stats.silent_ms
        watched = attempt.state in (State.RECORDING, State.CONNECTED)
        if watched and stats.silent_ms >= self._deadlines.vanished * 1000:
            gone = PeerVanished(f"nothing was heard from the guest for {self._deadlines.vanished:.0f} s")
            return self._end(attempt, Event.TIMEOUT, Outcome.of(gone), now)
        return []

    def child_exited(self, attempt: Attempt, detail: str, now: float) -> list[Effect]:
        """Its process is gone, in whatever way."""
        was_live = attempt.live
        effects = self._end(attempt, Event.CHILD_EXITED, Outcome.of(ChildDied(detail)), now)
        if not was_live:
            attempt.move(Event.CHILD_EXITED)
        del self.attempts[attempt.child]
        return effects

    # --- deadlines ------------------------------------------------------------------------------------------------

    def due(self, name: str, attempt: Attempt | None, now: float) -> list[Effect]:
        """A timer of the stream, or of one of its attempts, has run out."""
        match name, attempt:
            case "retry", None if self.state is SessionState.WAITING:
                return self.start(now)
            case "replay", None:
                return self._play(now)
            case "ready", Attempt(state=State.STARTING):
                late = ChildStartFailed(f"the child was not ready within {self._deadlines.child_ready:.0f} s")
                return self._end(attempt, Event.TIMEOUT, Outcome.of(late), now)
            case "answer", Attempt() if attempt.live:
                late_answer = NegotiationFailed(f"no answer was made within {self._deadlines.answer:.0f} s")
                return self._end(attempt, Event.TIMEOUT, Outcome.of(late_answer), now)
            case "challenge", Attempt() if attempt.live and attempt.silent_ms >= HEALTHY_MS:
                gone = PeerVanished("the guest came back under a new address, or left")
                return self._end(attempt, Event.TIMEOUT, Outcome.of(gone), now)
        return []

    # --- ends -----------------------------------------------------------------------------------------------------

    def _stop(self, attempt: Attempt, event: Event, reason: str) -> list[Effect]:
        attempt.reason = reason
        attempt.move(event)
        return [
            *(Disarm(Timer(name, attempt.child)) for name in ("ready", "answer", "challenge")),
            *([] if event is Event.CHILD_EXITED else [Stop(attempt.child, reason)]),
        ]

    def _end(self, attempt: Attempt, event: Event, outcome: Outcome, now: float) -> list[Effect]:
        """An attempt ends by itself; see what becomes of the stream."""
        if not attempt.live:
            return []
        effects = self._stop(attempt, event, outcome.detail)
        if self.live() or self.final:
            return effects
        if attempt.peer is not None and self._owners[-1:] not in ([], [attempt.peer]):
            # The guest is there again under another address: no reason to wait.
            return effects + self.start(now)
        verdict = judge(outcome, self._failures, self._budget, self._jitter(), now)
        self._budget = verdict.budget
        match verdict.next:
            case Next.END:
                self.state = SessionState.ENDED
                return [*effects, Report(self.stream, "finished", outcome.detail), *self._wait_for_return()]
            case Next.FAIL:
                self.state = SessionState.FAILED
                return [*effects, Report(self.stream, "failed", outcome.detail, outcome)]
            case Next.RETRY:
                self._failures += 1
                self.state = SessionState.WAITING
                retry = Arm(Timer("retry", self.stream), verdict.delay_s)
                return [*effects, Report(self.stream, "waiting", outcome.detail, outcome), retry]

    def _wait_for_return(self) -> list[Effect]:
        """The stream stays wanted: it is asked for now and then (protocol.md 14.9)."""
        self._replays = 0
        return [Arm(Timer("replay", self.stream), self._deadlines.replay[0])]

    def leave(self) -> list[Effect]:
        """The recorder ends: stop everything."""
        self.state = SessionState.ENDED
        effects: list[Effect] = [Disarm(Timer(name, self.stream)) for name in ("retry", "replay")]
        for attempt in self.live():
            effects += self._stop(attempt, Event.STOP, "the recorder stops")
        return [*effects, Report(self.stream, "finished")]

    def rejoined(self, now: float) -> list[Effect]:
        """The signaling connection is new: ask again, unless there is a connection under way or alive."""
        asking = [a for a in self.live() if a.state is State.REQUESTING]
        return self._play(now) if asking and asking[-1] is self.live()[-1] else []
