"""The registry of a publishing run: one child that holds a connection per viewer (protocol.md 15). Pure."""

from collections.abc import Callable
from typing import Final

from roomtape.ipc.messages import (
    AddViewer,
    Failed,
    Finished,
    FromChild,
    LocalCandidates,
    LocalDescription,
    Ready,
    RemoteCandidates,
    RemoteDescription,
    RemoveViewer,
    RestartWished,
    ViewerLeft,
)
from roomtape.model import PeerId, SdpType, SessionId, StreamId, WireStreamId
from roomtape.room.effects import ChildId, Count, Effect, Report, Send, Spawn, Stop, Tell, Timer, Warn
from roomtape.room.outcome import Outcome
from roomtape.signaling.messages import (
    CandidatesReceived,
    DescriptionReceived,
    Dropped,
    IceRestartRequested,
    MemberJoined,
    OfferRequested,
    PeerLeft,
    SendCandidates,
    SendDescription,
    ServerAlert,
    Side,
    Signal,
    Undecryptable,
)

CHILD: Final[ChildId] = 1
MAX_VIEWERS: Final = 80
MAX_WARNED: Final = 100
RESTART_S: Final = 5.0
"""A viewer gets a new connection in place of an ICE restart no more often than this."""


class Publisher:
    """`new_session` draws the random tag of a connection (protocol.md 2.7)."""

    def __init__(self, stream: StreamId, wire: WireStreamId, new_session: Callable[[], SessionId]) -> None:
        self._stream, self._wire, self._new_session = stream, wire, new_session
        self._viewers: dict[PeerId, SessionId] = {}
        self._restarted: dict[PeerId, float] = {}
        self._warned: set[PeerId] = set()
        self._running = self._ready = self._leaving = self._failed = self._finished = False

    def start(self) -> list[Effect]:
        self._running = True
        return [Spawn(CHILD, self._stream), Report(self._stream, "waiting", "no viewer yet")]

    def joined(self, now: float) -> list[Effect]:
        """Viewers keep their connections over a loss of signaling (protocol.md 1.3)."""
        return []

    def signal(self, signal: Signal, now: float) -> list[Effect]:
        if self._leaving:
            return []
        match signal:
            case OfferRequested(peer=peer, stream=stream):
                return self._offer(peer) if stream in (None, self._wire) else [Count("play of another stream")]
            case MemberJoined(peer=peer, asks_offer=True):
                return self._offer(peer)  # fan-out dialect: members offer to a newcomer unasked (4.4)
            case DescriptionReceived(peer=peer, session=session, description=description):
                if description.type is not SdpType.ANSWER or not self._known(peer, session):
                    return [Count("description for nobody")]
                return [Tell(CHILD, RemoteDescription(negotiation=0, description=description, peer=peer))]
            case CandidatesReceived(peer=peer, session=session, side=side, candidates=candidates):
                if side is Side.PUBLISHER or not self._known(peer, session):
                    return [Count("candidates for nobody")]
                return [Tell(CHILD, RemoteCandidates(candidates=candidates, peer=peer))]
            case IceRestartRequested(peer=peer):
                return self._restart(peer, now)
            case PeerLeft(peer=peer):
                gone = self._viewers.pop(peer, None) is not None
                self._restarted.pop(peer, None)
                return [Tell(CHILD, RemoveViewer(peer=peer))] if gone and self._ready else []
            case Undecryptable(peer=peer):
                return self._undecryptable(peer)
            case ServerAlert(text=text):
                return [Warn("the handshake server says", {"text": text})]
            case Dropped(reason=reason):
                return [Count(reason)]
            case _:
                return []

    def _known(self, peer: PeerId, session: SessionId | None) -> bool:
        """Validate the session whenever both sides have one (protocol.md 7). No viewer knows us before an offer."""
        return self._ready and peer in self._viewers and session in (None, self._viewers[peer])

    def _offer(self, peer: PeerId) -> list[Effect]:
        """A second request of a viewer whose connection lives is ignored, as pages do (protocol.md 5.3)."""
        if peer in self._viewers:
            return []
        if len(self._viewers) >= MAX_VIEWERS:
            return [Count("too many viewers")]
        self._viewers[peer] = self._new_session()
        return [self._add(peer)] if self._ready else []

    def _add(self, peer: PeerId) -> Effect:
        return Tell(CHILD, AddViewer(peer=peer, session=self._viewers[peer]))

    def _restart(self, peer: PeerId, now: float) -> list[Effect]:
        """Another connection with a session of its own, since webrtcbin cannot restart ICE (ADR 014).

        The viewer closes the former one when the offer comes (protocol.md 6).
        """
        if not self._ready or peer not in self._viewers:
            return [Count("ICE restart for nobody")]
        if now - self._restarted.get(peer, -RESTART_S) < RESTART_S:
            return [Count("ICE restart too soon")]
        self._restarted[peer] = now
        self._viewers[peer] = self._new_session()
        return [self._add(peer)]

    def _undecryptable(self, peer: PeerId) -> list[Effect]:
        """Said once for each peer (protocol.md 3)."""
        counted = Count("undecryptable")
        if peer in self._warned or len(self._warned) >= MAX_WARNED:
            return [counted]
        self._warned.add(peer)
        return [counted, Warn("what a viewer sends cannot be decrypted: wrong password or salt", {"peer": peer})]

    def child_said(self, child: ChildId, message: FromChild, now: float) -> list[Effect]:
        if self._leaving:
            return []
        peer = PeerId(getattr(message, "peer", ""))
        session = self._viewers.get(peer)
        match message:
            case Ready() if not self._ready:
                self._ready = True
                return [self._add(viewer) for viewer in self._viewers]
            case LocalDescription(description=description) if session is not None:
                return [Send(SendDescription(peer, session, description, self._wire))]
            case LocalCandidates(candidates=candidates) if session is not None:
                return [Send(SendCandidates(peer, session, Side.PUBLISHER, candidates))]
            case RestartWished():
                return self._restart(peer, now)
            case Finished() if not self._failed:
                self._finished = True
                return [Report(self._stream, "ended", "all has been published")]
            case Failed(peer=""):
                self._failed = True
                return [Report(self._stream, "failed", message.detail, Outcome.of(message))]
            case ViewerLeft(detail=detail) | Failed(detail=detail):
                self._viewers.pop(peer, None)
                self._restarted.pop(peer, None)
                return [Report(self._stream, "waiting", detail)]
            case _:
                return []

    def child_exited(self, child: ChildId, detail: str, now: float) -> list[Effect]:
        self._running = self._ready = False
        if self._leaving or self._failed or self._finished:
            return []  # the user knows why
        return [Report(self._stream, "failed", f"the publishing process is gone: {detail}")]

    def due(self, timer: Timer, now: float) -> list[Effect]:
        return []

    def leave(self) -> list[Effect]:
        stop = self._running and not self._leaving
        self._leaving = True
        return [Stop(CHILD, "the publisher stops")] if stop else []

    @property
    def idle(self) -> bool:
        return not self._running
