"""The client's side of the handshake protocol as a state machine, without a socket (protocol.md 1, 4 and 5).

It joins, finds out the server's dialect, seeds, paces plays and keeps what cannot be sent while offline. The shell
calls `opened`, `received`, `closed` and `due`, and performs the outputs that they return, in order.
"""

from collections import deque
from enum import Enum, auto
from typing import Final

import msgspec

from roomtape.config import Deadlines
from roomtape.errors import JoinTimeout, RecorderError
from roomtape.model import PeerId, RoomId, WireStreamId
from roomtape.signaling import wire
from roomtape.signaling.messages import (
    Dialect,
    Dropped,
    JoinRoom,
    Listing,
    Play,
    Request,
    SayRecording,
    Seed,
    SendCandidates,
    SendDescription,
    ServerAlert,
    Signal,
)
from roomtape.signaling.pace import SenderPace

MAX_OFFLINE: Final = 30
"""Peer messages kept while there is no connection; the newest stay (protocol.md 1.3)."""
PLAY_INTERVAL_S: Final = 0.2
"""At most five plays a second (protocol.md 4.3)."""
MAX_PLAYS: Final = 1000
SEED_RETRY_S: Final = 5.0
SEED_RETRIES: Final = 12
"""A refused seed is repeated for a minute: a former connection of our own may still hold it (protocol.md 15.5)."""

ROOMTAPE_SERVER: Final = "roomtape/"
"""How the Server header of the embedded handshake server begins."""


class Transmit(msgspec.Struct, frozen=True):
    """Send this frame."""

    text: str


class Deliver(msgspec.Struct, frozen=True):
    """Hand this signal to the router."""

    signal: Signal


class Joined(msgspec.Struct, frozen=True):
    """The room is joined (or there is none to join): streams may be asked for."""

    dialect: Dialect


class Abandon(msgspec.Struct, frozen=True):
    """Close the connection and make a new one."""

    error: RecorderError


class SeedFailed(msgspec.Struct, frozen=True):
    """Publishing has failed for good."""

    text: str


Output = Transmit | Deliver | Joined | Abandon | SeedFailed


class Phase(Enum):
    OFFLINE = auto()
    PROBING = auto()  # joinroom sent in the hosted form; a listing shows that the server is of that kind
    JOINING = auto()  # hosted: waiting for the listing
    JOINED = auto()


class Protocol:
    """One client. `dialect` AUTO finds out; `room` None means none; `seed` is the stream to publish, if any."""

    def __init__(
        self,
        context: wire.Context,
        dialect: Dialect,
        seed: WireStreamId | None = None,
        deadlines: Deadlines | None = None,
    ) -> None:
        self._context, self._configured, self._seed = context, dialect, seed
        self._deadlines = deadlines or Deadlines()
        self.dialect = dialect
        self.phase = Phase.OFFLINE
        self._phase_ends: float | None = None
        self._plays: deque[WireStreamId] = deque(maxlen=MAX_PLAYS)
        self._next_play = 0.0
        self._kept: deque[Request] = deque(maxlen=MAX_OFFLINE)
        self._seed_at: float | None = None
        self._seeds_refused = 0
        self._is_roomtape = False
        self._recording = SayRecording(())
        self._pace = SenderPace()
        self.dropped = 0  # requests that were not kept

    @property
    def me(self) -> PeerId:
        return self._context.me

    # --- inputs ---------------------------------------------------------------------------------------------------

    def opened(self, now: float, server: str = "") -> list[Output]:
        """A new WebSocket is open: join from the start, as a server knows nothing of the former one.

        `server` is what it calls itself (RFC 9110 section 10.2.4). Only roomtape's own is told what is recorded.
        """
        self._is_roomtape = server.startswith(ROOMTAPE_SERVER)
        self.dialect = self._configured
        self._plays.clear()
        self._seeds_refused = 0
        room = self._context.room
        if room is None:
            return self._joined(now)
        if self.dialect is Dialect.FANOUT:
            return self._join_fanout(room, now)
        return self._join_hosted(room, now)

    def closed(self) -> None:
        self.phase = Phase.OFFLINE
        self._phase_ends = self._seed_at = None

    def received(self, text: str | bytes, now: float) -> list[Output]:
        """A frame has arrived."""
        obj = wire.load(text)
        if obj is None:
            return [Deliver(Dropped("malformed"))]
        sender = wire.address(obj, self._context.me)
        if sender and not self._pace.admits(sender, len(text), now):
            return [Deliver(Dropped("too many frames of one sender"))]
        self._learn_dialect(wire.speaks(obj))
        out: list[Output] = []
        for signal in wire.interpret(obj, self._context):
            match signal:
                case Listing(transferred=True) if self._seed is None:
                    out += self._return_to_room(now)
                case Listing():
                    out += self._listed(now)
                case ServerAlert():
                    out += self._alerted(signal, now)
            out.append(Deliver(signal))
        return out

    def request(self, request: Request, now: float) -> list[Output]:
        """Send something, or keep it for later."""
        if isinstance(request, Play):
            if request.stream not in self._plays:
                self.dropped += len(self._plays) == MAX_PLAYS
                self._plays.append(request.stream)
            return self._play_next(now)
        if isinstance(request, SayRecording):
            self._recording = request
            return [self._transmit(request)] if self.phase is Phase.JOINED and self._is_roomtape else []
        if self.phase is not Phase.OFFLINE:
            return [self._transmit(request)]
        if isinstance(request, SendDescription | SendCandidates):
            self.dropped += len(self._kept) == MAX_OFFLINE
            self._kept.append(request)
        else:
            self.dropped += 1
        return []

    @property
    def next_due(self) -> float | None:
        """When `due` is to be called next."""
        play = self._next_play if self._plays and self.phase is Phase.JOINED else None
        return min((t for t in (self._phase_ends, self._seed_at, play) if t is not None), default=None)

    def due(self, now: float) -> list[Output]:
        """Time has passed."""
        out: list[Output] = []
        if self._phase_ends is not None and now >= self._phase_ends:
            self._phase_ends = None
            if self.phase is Phase.PROBING and self._context.room is not None:
                self.dialect = Dialect.FANOUT
                out += self._join_fanout(self._context.room, now)
            elif self.phase is Phase.JOINING:
                out.append(Abandon(JoinTimeout(f"the server sent no listing within {self._deadlines.join:.0f} s")))
        if self._seed_at is not None and now >= self._seed_at and self._seed is not None:
            self._seed_at = None
            out.append(self._transmit(Seed(self._seed)))
        return out + self._play_next(now)

    # --- inside ---------------------------------------------------------------------------------------------------

    def _join_hosted(self, room: RoomId, now: float) -> list[Output]:
        probing = self.dialect is Dialect.AUTO
        self.phase = Phase.PROBING if probing else Phase.JOINING
        self._phase_ends = now + (self._deadlines.dialect if probing else self._deadlines.join)
        return [self._transmit(JoinRoom(room), Dialect.HOSTED)]

    def _join_fanout(self, room: RoomId, now: float) -> list[Output]:
        # A joinroom with a stream stands for the seed (protocol.md 4.4).
        return [self._transmit(JoinRoom(room, self._seed), Dialect.FANOUT), *self._joined(now, seeded=True)]

    def _joined(self, now: float, *, seeded: bool = False) -> list[Output]:
        self.phase = Phase.JOINED
        self._phase_ends = None
        self._next_play = max(self._next_play, now)
        out: list[Output] = [Joined(self.dialect)]
        if self._seed is not None and not seeded:
            out.append(self._transmit(Seed(self._seed)))
        if self._is_roomtape and self._recording.streams:
            out.append(self._transmit(self._recording))
        while self._kept:
            out.append(self._transmit(self._kept.popleft()))
        return out

    def _learn_dialect(self, spoken: Dialect | None) -> None:
        """Without a room there is no listing to tell the dialect; the first frame from a peer does."""
        if spoken is not None and self.dialect is Dialect.AUTO and self.phase is Phase.JOINED:
            self.dialect = spoken

    def _listed(self, now: float) -> list[Output]:
        """A listing ends the wait for it; one that comes after falling back shows that the server was only slow."""
        fell_back = self._configured is Dialect.AUTO and self.dialect is Dialect.FANOUT
        if self.phase is Phase.JOINED and not fell_back:
            return []
        self.dialect = Dialect.HOSTED
        return self._joined(now)

    def _return_to_room(self, now: float) -> list[Output]:
        """A director moved us, but a recorder is bound to its room (protocol.md 11)."""
        room = self._context.room
        return [] if room is None or self._configured is Dialect.FANOUT else self._join_hosted(room, now)

    def _alerted(self, alert: ServerAlert, now: float) -> list[Output]:
        if alert.address_in_use:
            # A fan-out server still holds our former connection.
            return [Abandon(JoinTimeout("the server still holds this client's former connection"))]
        return self._seed_refused(alert, now) if alert.stream_in_use and self._seed is not None else []

    def _play_next(self, now: float) -> list[Output]:
        if self.phase is not Phase.JOINED or not self._plays or now < self._next_play:
            return []
        self._next_play = now + PLAY_INTERVAL_S
        return [self._transmit(Play(self._plays.popleft()))]

    def _seed_refused(self, alert: ServerAlert, now: float) -> list[Output]:
        self._seeds_refused += 1
        if self._seeds_refused > SEED_RETRIES:
            return [SeedFailed(alert.text)]
        self._seed_at = now + SEED_RETRY_S
        return []

    def _transmit(self, request: Request, dialect: Dialect | None = None) -> Transmit:
        return Transmit(wire.render(request, self._context, dialect or self.dialect))
