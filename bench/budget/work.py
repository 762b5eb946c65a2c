"""What is counted: the main process's own work, free of sockets, clocks and processes.

Each function does its work once. `calibration` touches nothing of roomtape: the others are told as a ratio to it, so
that another build of Python, which moves all of them alike, does not look like a change of roomtape's.
"""

from collections.abc import Callable
from itertools import count
from typing import Final

from bench.samples import ANSWER, CANDIDATES, IDENTITY, OFFER, ROOM, frames
from roomtape.config import Deadlines
from roomtape.ipc.codec import decoder_in_child, decoder_in_parent, encode
from roomtape.ipc.messages import (
    FromChild,
    LocalCandidates,
    LocalDescription,
    PeerState,
    Ping,
    Pong,
    Ready,
    RemoteCandidates,
    RemoteDescription,
    Stats,
    TrackStarted,
)
from roomtape.model import Codec, PeerId, SessionId, StreamId, TrackKind
from roomtape.room.effects import Spawn
from roomtape.room.router import Router
from roomtape.signaling import wire
from roomtape.signaling.messages import (
    CandidatesReceived,
    DescriptionReceived,
    Dialect,
    PeerLeft,
    Play,
    SendCandidates,
    SendDescription,
    Side,
    StreamAppeared,
)

GUESTS: Final = 10
STATS: Final = Stats(
    video_frames=900, audio_frames=1500, media_bytes=4_000_000, packets=5000, packets_lost=0, silent_ms=10
)
CONNECTED: Final = PeerState(ice="connected", gathering="complete", connection="connected", signaling="stable")
STORY: Final[tuple[FromChild, ...]] = (
    LocalDescription(negotiation=1, description=ANSWER),
    LocalCandidates(negotiation=1, candidates=CANDIDATES),
    CONNECTED,
    TrackStarted(track=TrackKind.AUDIO, codec=Codec.OPUS),
    TrackStarted(track=TrackKind.VIDEO, codec=Codec.VP8, width=640, height=360),
    *[STATS] * 30,
)
"""What a child says in its first half minute, after Ready."""

_CONTEXT: Final = wire.Context(PeerId("recorder"), IDENTITY.phrase, ROOM)
_FRAMES: Final = (*frames(IDENTITY.phrase), *frames(None))
_TO_CHILD: Final = (
    RemoteDescription(negotiation=1, description=OFFER, session="session"),
    RemoteCandidates(candidates=CANDIDATES),
    Ping(seq=1),
)
_FROM_CHILD: Final = b"".join(map(encode, (*STORY, Pong(seq=1))))


def calibration() -> None:
    """A fixed loop of what Python programs do: calls, attributes, dictionaries, texts, exceptions."""
    seen: dict[str, int] = {}
    for number in range(400):
        key = f"key-{number % 50}"
        try:
            seen[key] += number
        except KeyError:
            seen[key] = len(key.split("-"))
    sorted(seen.items(), key=lambda item: (item[1], item[0]))


def parse_frames() -> None:
    """Frames of a guest to signals, encrypted and plain."""
    for text in _FRAMES:
        wire.parse(text, _CONTEXT)


def render_frames() -> None:
    """Requests of a recorder to frames."""
    for request in (
        Play(IDENTITY.wire_id(StreamId("guest"))),
        SendDescription(PeerId("guest"), SessionId("session"), ANSWER),
        SendCandidates(PeerId("guest"), SessionId("session"), Side.VIEWER, CANDIDATES),
    ):
        wire.render(request, _CONTEXT, Dialect.HOSTED)


def routing() -> None:
    """Guests who come, are recorded for half a minute, and leave."""
    router = Router(IDENTITY, frozenset(), Deadlines(), lambda: 1.0)
    clock = count(1000)
    router.joined(next(clock))
    for number in range(GUESTS):
        peer, stream = PeerId(f"peer{number}"), IDENTITY.wire_id(StreamId(f"guest{number}"))
        session = SessionId("session")
        effects = router.signal(StreamAppeared(peer, stream), next(clock))
        (child,) = (effect.child for effect in effects if isinstance(effect, Spawn))
        router.child_said(child, Ready(version=1, pid=number, gstreamer="1.22"), next(clock))
        router.signal(DescriptionReceived(peer, session, stream, OFFER), next(clock))
        router.signal(CandidatesReceived(peer, session, Side.PUBLISHER, CANDIDATES), next(clock))
        for message in STORY:
            router.child_said(child, message, next(clock))
    for number in range(GUESTS):
        router.signal(PeerLeft(PeerId(f"peer{number}")), next(clock))


def ipc() -> None:
    """Messages to a child and from it, through the codec of each side."""
    child = decoder_in_child()
    for message in _TO_CHILD:
        child.feed(encode(message))
    decoder_in_parent().feed(_FROM_CHILD)


WORK: Final[dict[str, tuple[Callable[[], None], int]]] = {
    "calibration": (calibration, 10),
    "wire_parse": (parse_frames, 10),
    "wire_render": (render_frames, 20),
    "routing": (routing, 3),
    "ipc": (ipc, 20),
}
"""How often each is done in one round."""
