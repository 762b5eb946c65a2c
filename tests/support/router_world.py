"""A recording run in virtual time: a real Router, and a world that does what it decides and checks that it may."""

from collections import Counter
from collections.abc import Callable
from functools import partial
from heapq import heappop, heappush
from itertools import count

from roomtape.config import Deadlines
from roomtape.errors import PeerSaidBye, RecorderError
from roomtape.ipc.messages import (
    Failed,
    Finished,
    FromChild,
    LocalCandidates,
    LocalDescription,
    PeerState,
    Ready,
    RemoteCandidates,
    RemoteDescription,
    Stats,
    ToChild,
    TrackStarted,
)
from roomtape.model import Candidate, Codec, Description, PeerId, SdpType, SessionId, StreamId, TrackKind, WireStreamId
from roomtape.observe.board import GuestState
from roomtape.room.effects import Arm, ChildId, Count, Disarm, Effect, Report, Send, Spawn, Stop, Tell, Timer, Warn
from roomtape.room.router import Router
from roomtape.room.session import MAX_CHILDREN, MAX_LIVE
from roomtape.signaling.identity import make_identity
from roomtape.signaling.messages import (
    CandidatesReceived,
    DescriptionReceived,
    Listing,
    Member,
    PeerLeft,
    Play,
    Request,
    SendDescription,
    Side,
    Signal,
    StreamAppeared,
)

IDENTITY = make_identity(None)
READY_S = 0.3
ANSWER_S = 0.1
EXIT_S = 0.2
STATS_S = 1.0
OFFER = Description(SdpType.OFFER, "v=0\r\noffer")
ANSWER = Description(SdpType.ANSWER, "v=0\r\nanswer")


def wire(stream: str) -> WireStreamId:
    return IDENTITY.wire_id(StreamId(stream))


def candidate(number: int = 1) -> Candidate:
    return Candidate(f"candidate:{number} 1 udp 1 192.0.2.1 {number} typ host", "0")


class FakeChild:
    """What the world knows of a child process."""

    def __init__(self, number: ChildId, stream: StreamId, now: float) -> None:
        self.number, self.stream = number, stream
        self.ready = self.exited = self.flowing = False
        self.stopped: str | None = None
        self.told: list[ToChild] = []
        self.heard = now

    @property
    def live(self) -> bool:
        return self.stopped is None and not self.exited

    def offers(self) -> list[RemoteDescription]:
        return [message for message in self.told if isinstance(message, RemoteDescription)]

    def candidates(self) -> list[Candidate]:
        return [c for message in self.told if isinstance(message, RemoteCandidates) for c in message.candidates]


class World:
    """`obedient` children become ready, answer, report statistics and exit by themselves; others do as they are told.

    Streams are named by their clean names, children by their numbers from 1.
    """

    def __init__(
        self,
        *wanted: str,
        alone: bool = False,
        obedient: bool = True,
        deadlines: Deadlines | None = None,
        jitter: float = 1.0,
        max_streams: int = 0,
    ) -> None:
        self.now = 1000.0
        self.obedient = obedient
        self.deadlines = deadlines or Deadlines()
        self.router = Router(
            IDENTITY,
            frozenset(map(StreamId, wanted)),
            self.deadlines,
            lambda: jitter,
            alone=alone,
            max_streams=max_streams,
        )
        self.children: dict[ChildId, FakeChild] = {}
        self.timers: dict[Timer, float] = {}
        self.sent: list[tuple[float, Request]] = []
        self.reports: list[Report] = []
        self.counts: Counter[str] = Counter()
        self.warnings: list[Warn] = []
        self.left_room = False
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()

    # --- the effects ----------------------------------------------------------------------------------------------

    def perform(self, effects: list[Effect]) -> None:
        for effect in effects:
            match effect:
                case Send(request):
                    assert not (self.left_room and isinstance(request, Play))
                    self.sent.append((self.now, request))
                case Spawn(child, stream):
                    self._spawn(child, stream)
                case Tell(child, message):
                    self._tell(self.children[child], message)
                case Stop(child, reason):
                    assert self.children[child].live, "stopped twice, or after its exit"
                    self.children[child].stopped = reason
                    self._later(EXIT_S, partial(self._exit_if_there, child))
                case Arm(timer, delay_s):
                    assert delay_s >= 0
                    self.timers[timer] = self.now + delay_s
                case Disarm(timer):
                    self.timers.pop(timer, None)
                case Report():
                    assert GuestState(effect.state)
                    last = next((r for r in reversed(self.reports) if r.stream == effect.stream), None)
                    said = last is not None and (last.state, last.note) == (effect.state, effect.note)
                    assert effect.error is not None or not said, "said twice"
                    self.reports.append(effect)
                case Count(reason, times):
                    assert times > 0
                    self.counts[reason] += times
                case Warn():
                    self.warnings.append(effect)
                case _:
                    raise AssertionError(effect)
        running = [child for child in self.children.values() if not child.exited]
        assert self.router.idle == (not running)
        assert max(Counter(child.stream for child in running).values(), default=0) <= MAX_CHILDREN
        assert max(Counter(child.stream for child in running if child.live).values(), default=0) <= MAX_LIVE

    def _spawn(self, child: ChildId, stream: StreamId) -> None:
        assert not self.left_room
        assert child not in self.children
        self.children[child] = FakeChild(child, stream, self.now)
        assert self.router.stream_of(child) == stream
        self._later(READY_S, lambda: self._ready_if_there(child))

    def _tell(self, child: FakeChild, message: ToChild) -> None:
        assert child.ready, "told before it is ready"
        assert child.live, "told after its end"
        child.told.append(message)
        if isinstance(message, RemoteDescription):
            self._later(ANSWER_S, lambda: self._answer_if_there(child, message.negotiation))

    # --- time -----------------------------------------------------------------------------------------------------

    def advance(self, seconds: float) -> None:
        """Let time pass; whatever is due happens in order."""
        end = self.now + seconds
        while True:
            timer = min(self.timers, key=lambda t: self.timers[t], default=None)
            timer_due = self.timers[timer] if timer is not None else float("inf")
            event_due = self._events[0][0] if self._events else float("inf")
            if min(timer_due, event_due) > end:
                break
            self.now = max(self.now, min(timer_due, event_due))
            if event_due <= timer_due:
                heappop(self._events)[2]()
            elif timer is not None:
                del self.timers[timer]
                self.perform(self.router.due(timer, self.now))
        self.now = end

    def armed(self, name: str) -> bool:
        return any(timer.name == name for timer in self.timers)

    def _later(self, seconds: float, do: Callable[[], None]) -> None:
        if self.obedient:
            heappush(self._events, (self.now + seconds, next(self._order), do))

    # --- what the server says -------------------------------------------------------------------------------------

    def signal(self, signal: Signal) -> None:
        self.perform(self.router.signal(signal, self.now))

    def joined(self) -> None:
        self.perform(self.router.joined(self.now))

    def announce(self, peer: str, stream: str) -> None:
        self.signal(StreamAppeared(PeerId(peer), wire(stream)))

    def listing(self, **streams: str) -> None:
        self.signal(Listing(tuple(Member(PeerId(peer), wire(stream)) for peer, stream in streams.items())))

    def offer(self, peer: str, stream: str | None, session: str | None = "s1", *, from_scene: bool = False) -> None:
        tag = SessionId(session) if session is not None else None
        name = wire(stream) if stream is not None else None
        self.signal(DescriptionReceived(PeerId(peer), tag, name, OFFER, from_scene))

    def trickle(self, peer: str, session: str | None = "s1", *numbers: int, side: Side | None = Side.PUBLISHER) -> None:
        tag = SessionId(session) if session is not None else None
        self.signal(CandidatesReceived(PeerId(peer), tag, side, tuple(map(candidate, numbers or (1,)))))

    def gone(self, peer: str) -> None:
        self.signal(PeerLeft(PeerId(peer)))

    def leave(self) -> None:
        self.left_room = True
        self.perform(self.router.leave())

    # --- what children say ----------------------------------------------------------------------------------------

    def say(self, child: ChildId, message: FromChild) -> None:
        self.perform(self.router.child_said(child, message, self.now))

    def ready(self, child: ChildId) -> None:
        self.children[child].ready = True
        self.say(child, Ready(version=1, pid=child, gstreamer="1.22"))
        self._later(STATS_S, lambda: self._stats_if_there(child))

    def answer(self, child: ChildId, number: int) -> None:
        self.say(child, LocalDescription(negotiation=number, description=ANSWER))

    def local_candidates(self, child: ChildId, number: int = 1) -> None:
        self.say(child, LocalCandidates(negotiation=number, candidates=(candidate(),)))

    def connected(self, child: ChildId) -> None:
        self.children[child].heard = self.now
        self.say(child, PeerState(ice="connected", gathering="complete", connection="connected", signaling="stable"))

    def media(self, child: ChildId, *kinds: TrackKind) -> None:
        """First media of tracks, sound and picture unless said otherwise; it flows from now on."""
        self.children[child].flowing = True
        for kind in kinds or (TrackKind.AUDIO, TrackKind.VIDEO):
            self.say(child, TrackStarted(track=kind, codec=Codec.OPUS if kind is TrackKind.AUDIO else Codec.VP8))

    def stats(self, child: ChildId, silent_ms: int) -> None:
        zeros = dict.fromkeys(("video_frames", "audio_frames", "media_bytes", "packets", "packets_lost"), 0)
        self.say(child, Stats(**zeros, silent_ms=silent_ms))

    def fail(self, child: ChildId, error: RecorderError) -> None:
        said = Failed(code=error.code, scope=error.scope, retryable=error.retryable, detail=error.detail)
        self.say(child, said)

    def bye(self, child: ChildId) -> None:
        """The guest says bye on the data channel."""
        self.children[child].flowing = False
        self.fail(child, PeerSaidBye("the guest left"))

    def exit(self, child: ChildId, detail: str = "exited with code 0") -> None:
        self.children[child].exited = True
        self.perform(self.router.child_exited(child, detail, self.now))

    def _ready_if_there(self, child: ChildId) -> None:
        if not self.children[child].exited:
            self.ready(child)

    def _answer_if_there(self, child: FakeChild, number: int) -> None:
        if not child.exited:
            self.answer(child.number, number)

    def _exit_if_there(self, child: ChildId) -> None:
        if not self.children[child].exited:
            self.say(child, Finished(files=()))
            self.exit(child)

    def _stats_if_there(self, number: ChildId) -> None:
        child = self.children[number]
        if child.exited:
            return
        child.heard = self.now if child.flowing else child.heard
        self.stats(number, int((self.now - child.heard) * 1000))
        self._later(STATS_S, lambda: self._stats_if_there(number))

    # --- whole stories --------------------------------------------------------------------------------------------

    def record(self, peer: str, stream: str, session: str = "s1") -> FakeChild:
        """A guest is announced, asked, offers, connects and sends media."""
        before = set(self.children)
        self.announce(peer, stream)
        self.advance(READY_S + 0.1)
        (child,) = set(self.children) - before
        return self.connect(child, peer, stream, session)

    def connect(self, child: ChildId, peer: str, stream: str, session: str = "s1") -> FakeChild:
        """The guest answers a child's play with an offer, and everything goes well."""
        self.offer(peer, stream, session)
        self.advance(ANSWER_S + 0.1)
        self.connected(child)
        self.media(child)
        assert self.reports_of(stream)[-1][0] == "recording"
        return self.children[child]

    # --- questions ------------------------------------------------------------------------------------------------

    def live(self, stream: str) -> list[FakeChild]:
        return [child for child in self.children.values() if child.stream == stream and child.live]

    def plays(self, stream: str) -> list[float]:
        """When the stream was asked for."""
        return [at for at, request in self.sent if request == Play(wire(stream))]

    def answers(self) -> list[SendDescription]:
        return [request for _, request in self.sent if isinstance(request, SendDescription)]

    def reports_of(self, stream: str) -> list[tuple[str, str]]:
        return [(report.state, report.note) for report in self.reports if report.stream == stream]

    def row(self, stream: str) -> tuple[str, str]:
        """What the user reads of it now."""
        return self.reports_of(stream)[-1]
