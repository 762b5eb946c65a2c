"""The hub understands what the client writes, and the client what the hub writes, whichever dialects meet."""

from itertools import product

import pytest

from roomtape.model import Candidate, Description, PeerId, RoomId, SdpType, SessionId, WireStreamId
from roomtape.signaling import wire
from roomtape.signaling.messages import (
    CandidatesReceived,
    DescriptionReceived,
    Dialect,
    JoinRoom,
    Listing,
    Member,
    MemberJoined,
    OfferRequested,
    Play,
    Request,
    Seed,
    SendCandidates,
    SendDescription,
    Side,
    Signal,
    StreamAppeared,
)
from tests.unit.handshake.party import Party

ROOM, STREAM, SESSION = RoomId("r"), WireStreamId("s808d64"), SessionId("k3")
OFFER, ANSWER = Description(SdpType.OFFER, "v=0\r\n"), Description(SdpType.ANSWER, "v=0\r\n")
CANDIDATES = (Candidate("candidate:1 1 UDP 1 192.0.2.1 9 typ host", "0", 0),)


class Client:
    """Speaks one dialect to the hub through the client's own reader and writer."""

    def __init__(self, party: Party, name: str, dialect: Dialect) -> None:
        self._party, self._name, self._dialect = party, name, dialect
        self.uuid = PeerId(f"u-{name}" if dialect is Dialect.HOSTED else f"f-{name}")
        self._context = wire.Context(self.uuid, "phrase", ROOM)
        party.connect(name)

    def send(self, request: Request) -> None:
        self._party.send_text(self._name, wire.render(request, self._context, self._dialect))

    def heard(self) -> list[Signal]:
        return [signal for text in self._party.take_texts(self._name) for signal in wire.parse(text, self._context)]


@pytest.mark.parametrize(("his", "hers"), list(product((Dialect.HOSTED, Dialect.FANOUT, Dialect.AUTO), repeat=2)))
def test_publisher_and_viewer_come_to_terms(his: Dialect, hers: Dialect) -> None:
    party = Party()
    publisher, viewer = Client(party, "pub", his), Client(party, "view", hers)
    viewer.send(JoinRoom(ROOM))
    publisher.send(JoinRoom(ROOM))
    publisher.send(Seed(STREAM))
    assert StreamAppeared(publisher.uuid, STREAM) in viewer.heard()
    publisher.heard()
    viewer.send(Play(STREAM))
    [asked] = publisher.heard()
    assert isinstance(asked, OfferRequested)
    assert asked.peer == viewer.uuid
    publisher.send(SendDescription(viewer.uuid, SESSION, OFFER, STREAM))
    publisher.send(SendCandidates(viewer.uuid, SESSION, Side.PUBLISHER, CANDIDATES))
    assert viewer.heard() == [
        DescriptionReceived(publisher.uuid, SESSION, STREAM, OFFER),
        CandidatesReceived(publisher.uuid, SESSION, Side.PUBLISHER, CANDIDATES),
    ]
    viewer.send(SendDescription(publisher.uuid, SESSION, ANSWER))
    assert publisher.heard() == [DescriptionReceived(viewer.uuid, SESSION, None, ANSWER)]


@pytest.mark.parametrize("his", [Dialect.HOSTED, Dialect.FANOUT])
def test_a_late_hosted_viewer_finds_the_stream_in_the_listing(his: Dialect) -> None:
    party = Party()
    publisher = Client(party, "pub", his)
    publisher.send(JoinRoom(ROOM, STREAM))
    viewer = Client(party, "view", Dialect.HOSTED)
    viewer.send(JoinRoom(ROOM))
    assert viewer.heard() == [Listing((Member(publisher.uuid, STREAM),))]


@pytest.mark.parametrize("his", [Dialect.HOSTED, Dialect.FANOUT])
def test_a_late_fanout_viewer_is_offered_the_stream_unasked(his: Dialect) -> None:
    party = Party()
    publisher = Client(party, "pub", his)
    publisher.send(JoinRoom(ROOM, STREAM))
    publisher.heard()
    viewer = Client(party, "view", Dialect.FANOUT)
    viewer.send(JoinRoom(ROOM))
    asks = [s for s in publisher.heard() if isinstance(s, OfferRequested | MemberJoined)]
    assert [ask.peer for ask in asks if isinstance(ask, OfferRequested) or ask.asks_offer] == [viewer.uuid]
