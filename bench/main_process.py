"""The main process alone: messages through it, without sockets, and an offer's way when 500 members join at once.

Its children are replaced by what they would say, so that nothing but parsing, routing and the codecs is measured.
"""

import gc
import statistics
import time
from typing import Any, Final

from bench.samples import ANSWER, CANDIDATES, IDENTITY, OFFER, ROOM
from roomtape.config import Deadlines
from roomtape.ipc.codec import decoder_in_parent, encode
from roomtape.ipc.messages import LocalDescription, PeerState, Ready, Stats
from roomtape.model import PeerId, SessionId, StreamId
from roomtape.room.effects import ChildId, Effect, Send, Spawn, Tell
from roomtape.room.router import Router
from roomtape.signaling.messages import Dialect, SendCandidates, SendDescription, Side
from roomtape.signaling.protocol import Deliver, Protocol, Transmit
from roomtape.signaling.wire import Context, render

MEMBERS: Final = 500
STATS: Final = encode(
    Stats(video_frames=900, audio_frames=1500, media_bytes=4_000_000, packets=5000, packets_lost=0, silent_ms=10)
)
ROUNDS: Final = 20
CONNECTED: Final = encode(PeerState(ice="connected", gathering="complete", connection="connected", signaling="stable"))


class MainProcess:
    """The deciding parts put together as `Runner` and `SignalingClient` do it; time stands still."""

    def __init__(self) -> None:
        self._protocol = Protocol(Context(PeerId("recorder"), IDENTITY.phrase, ROOM), Dialect.HOSTED)
        self._router = Router(IDENTITY, frozenset(), Deadlines(), lambda: 1.0)
        self._decoder = decoder_in_parent()
        self._now = 1000.0
        self._protocol.opened(self._now)
        self.to_children: list[bytes] = []
        self.to_server: list[str] = []
        self.children: list[ChildId] = []

    def frame(self, text: str) -> None:
        """From the server."""
        for output in self._protocol.received(text, self._now):
            if isinstance(output, Deliver):
                self._perform(self._router.signal(output.signal, self._now))

    def line(self, child: ChildId, data: bytes) -> None:
        """From a child."""
        for message in self._decoder.feed(data):
            self._perform(self._router.child_said(child, message, self._now))  # type: ignore[arg-type]

    def _perform(self, effects: list[Effect]) -> None:
        for effect in effects:
            match effect:
                case Spawn(child, _):
                    self.children.append(child)
                case Tell(_, message):
                    self.to_children.append(encode(message))
                case Send(request):
                    sent = self._protocol.request(request, self._now)
                    self.to_server += [output.text for output in sent if isinstance(output, Transmit)]


def guest_frames(number: int) -> tuple[str, str, str]:
    """Of one guest: that it is there, its offer, its candidates, as a hosted server passes them on."""
    context = Context(PeerId(f"guest{number}"), IDENTITY.phrase, ROOM)
    stream, session = IDENTITY.wire_id(StreamId(f"guest{number}")), SessionId(f"session{number}")
    joined = f'{{"request":"someonejoined","UUID":"{context.me}","streamID":"{stream}"}}'
    described = SendDescription(context.me, session, OFFER, stream)
    found = SendCandidates(context.me, session, Side.PUBLISHER, CANDIDATES)
    return joined, render(described, context, Dialect.HOSTED), render(found, context, Dialect.HOSTED)


def measure() -> dict[str, Any]:
    """Messages per second, and seconds from an offer's frame to the answer's, when all members are recorded."""
    gc.collect()
    frames = [guest_frames(number) for number in range(MEMBERS)]
    process = MainProcess()
    process.frame('{"request":"listing","list":[]}')
    began = time.process_time()
    for joined, _, _ in frames:
        process.frame(joined)
    for number, child in enumerate(process.children):
        process.line(child, encode(Ready(version=1, pid=number + 1, gstreamer="1.22")))
    joining = time.process_time() - began
    answers = encode(LocalDescription(negotiation=1, description=ANSWER))
    took = [way_of_an_offer(process, child, frames[n], answers) for n, child in enumerate(process.children)]
    for child in process.children:
        process.line(child, CONNECTED)
    began = time.process_time()
    for _ in range(ROUNDS):
        for child in process.children:
            process.line(child, STATS)
    routing = time.process_time() - began
    assert len(process.children) == MEMBERS
    return {
        "members": MEMBERS,
        "joins_per_s": round(MEMBERS / joining),
        "statistics_per_s": round(MEMBERS * ROUNDS / routing),
        "offer_median_ms": round(statistics.median(took) * 1000, 3),
        "offer_worst_ms": round(max(took) * 1000, 3),
        "last_of_all_at_once_ms": round(sum(took) * 1000, 1),
    }


def way_of_an_offer(process: MainProcess, child: ChildId, frames: tuple[str, str, str], answer: bytes) -> float:
    """CPU seconds for an offer, its candidates and the answer. The child's own time is not in it."""
    before = len(process.to_children), len(process.to_server)
    began = time.process_time()
    process.frame(frames[1])
    process.frame(frames[2])
    process.line(child, answer)
    took = time.process_time() - began
    assert len(process.to_children) >= before[0] + 2, "the offer did not reach the child"
    assert len(process.to_server) > before[1], "the answer did not reach the server"
    return took
