from itertools import count

import pytest

from roomtape.errors import MediaError
from roomtape.ipc.messages import (
    AddViewer,
    Failed,
    Finished,
    LocalCandidates,
    LocalDescription,
    Ready,
    RemoteCandidates,
    RemoteDescription,
    RemoveViewer,
    RestartWished,
    ViewerLeft,
)
from roomtape.model import Description, PeerId, SessionId, StreamId
from roomtape.room.effects import Count, Effect, Report, Send, Spawn, Stop, Tell, Timer, Warn
from roomtape.room.outcome import Outcome
from roomtape.room.publisher import CHILD, MAX_VIEWERS, MAX_WARNED, RESTART_S, Publisher
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
from tests.support.router_world import ANSWER, OFFER, candidate, wire

VI, WU = PeerId("vi"), PeerId("wu")
S1, S2 = SessionId("s1"), SessionId("s2")
STREAM = StreamId("ann")
READY = Ready(version=1, pid=1, gstreamer="1.22")
CANDIDATES = (candidate(1), candidate(2))
BROKEN = MediaError("no encoder")
FAILED = Failed(code=BROKEN.code, scope=BROKEN.scope, retryable=True, detail=BROKEN.detail)


def make_publisher(*, ready: bool = True) -> Publisher:
    """Sessions are s1, s2 and so on."""
    numbers = count(1)
    publisher = Publisher(STREAM, wire("ann"), lambda: SessionId(f"s{next(numbers)}"))
    publisher.start()
    if ready:
        assert publisher.child_said(CHILD, READY, 0) == []
    return publisher


def offer_to(publisher: Publisher, peer: PeerId) -> list[Effect]:
    return publisher.signal(OfferRequested(peer, wire("ann")), 0)


def answer(peer: PeerId, session: SessionId | None, description: Description = ANSWER) -> Signal:
    return DescriptionReceived(peer, session, None, description)


def test_it_starts_its_one_child_and_is_idle_when_that_is_gone() -> None:
    publisher = Publisher(STREAM, wire("ann"), lambda: S1)
    assert publisher.idle
    assert publisher.start() == [Spawn(CHILD, STREAM), Report(STREAM, "waiting", "no viewer yet")]
    assert not publisher.idle
    assert publisher.leave() == [Stop(CHILD, "the publisher stops")]
    assert not publisher.idle
    assert publisher.child_exited(CHILD, "exited with code 0", 0) == []
    assert publisher.idle


@pytest.mark.parametrize("request_", [OfferRequested(VI, wire("ann")), OfferRequested(VI), MemberJoined(VI, True)])
def test_who_asks_gets_an_offer(request_: Signal) -> None:
    assert make_publisher().signal(request_, 0) == [Tell(CHILD, AddViewer(peer=VI, session=S1))]


def test_joinroom_and_play_of_one_viewer_are_one_offer() -> None:
    publisher = make_publisher()
    assert len(publisher.signal(MemberJoined(VI, asks_offer=True), 0)) == 1
    assert offer_to(publisher, VI) == []


def test_who_asks_for_another_stream_or_does_not_ask_gets_none() -> None:
    publisher = make_publisher()
    assert publisher.signal(OfferRequested(VI, wire("bob")), 0) == [Count("play of another stream")]
    assert publisher.signal(MemberJoined(VI), 0) == []


def test_viewers_who_come_before_the_child_is_ready_wait_for_it() -> None:
    publisher = make_publisher(ready=False)
    assert offer_to(publisher, VI) == []
    assert publisher.signal(PeerLeft(VI), 0) == []
    assert offer_to(publisher, VI) == []
    assert offer_to(publisher, WU) == []
    assert publisher.signal(answer(VI, None), 0) == [Count("description for nobody")]
    added = [Tell(CHILD, AddViewer(peer=VI, session=S2)), Tell(CHILD, AddViewer(peer=WU, session=SessionId("s3")))]
    assert publisher.child_said(CHILD, READY, 0) == added
    assert publisher.child_said(CHILD, READY, 0) == []


def test_offers_and_candidates_go_out_with_the_viewers_session() -> None:
    publisher = make_publisher()
    offer_to(publisher, VI)
    offer_to(publisher, WU)
    offer = LocalDescription(negotiation=0, description=OFFER, peer=WU)
    assert publisher.child_said(CHILD, offer, 0) == [Send(SendDescription(WU, S2, OFFER, wire("ann")))]
    trickle = LocalCandidates(negotiation=0, candidates=CANDIDATES, peer=VI)
    assert publisher.child_said(CHILD, trickle, 0) == [Send(SendCandidates(VI, S1, Side.PUBLISHER, CANDIDATES))]


@pytest.mark.parametrize("session", [S1, None])
def test_answers_and_candidates_reach_their_viewers_connection(session: SessionId | None) -> None:
    publisher = make_publisher()
    offer_to(publisher, VI)
    told = Tell(CHILD, RemoteDescription(negotiation=0, description=ANSWER, peer=VI))
    assert publisher.signal(answer(VI, session), 0) == [told]
    for side in (Side.VIEWER, None):
        trickled = Tell(CHILD, RemoteCandidates(candidates=CANDIDATES, peer=VI))
        assert publisher.signal(CandidatesReceived(VI, session, side, CANDIDATES), 0) == [trickled]


def test_what_is_not_for_a_viewers_connection_is_counted_and_dropped() -> None:
    publisher = make_publisher()
    offer_to(publisher, VI)
    for signal in (answer(VI, S2), answer(WU, S1), answer(VI, S1, OFFER)):
        assert publisher.signal(signal, 0) == [Count("description for nobody")]
    for peer, session, side in ((VI, S2, None), (WU, S1, None), (VI, S1, Side.PUBLISHER)):
        assert publisher.signal(CandidatesReceived(peer, session, side, CANDIDATES), 0) == [
            Count("candidates for nobody")
        ]


def test_viewers_are_bounded() -> None:
    publisher = make_publisher()
    for number in range(MAX_VIEWERS):
        assert len(offer_to(publisher, PeerId(f"v{number}"))) == 1
    assert offer_to(publisher, VI) == [Count("too many viewers")]
    publisher.signal(PeerLeft(PeerId("v0")), 0)
    assert len(offer_to(publisher, VI)) == 1


def test_a_viewer_who_leaves_may_come_again() -> None:
    publisher = make_publisher()
    offer_to(publisher, VI)
    assert publisher.signal(PeerLeft(VI), 0) == [Tell(CHILD, RemoveViewer(peer=VI))]
    assert publisher.signal(PeerLeft(VI), 0) == []
    assert offer_to(publisher, VI) == [Tell(CHILD, AddViewer(peer=VI, session=S2))]
    late = LocalDescription(negotiation=0, description=OFFER, peer=WU)
    assert publisher.child_said(CHILD, late, 0) == []


@pytest.mark.parametrize(
    "message",
    [
        ViewerLeft(peer=VI, detail="connection lost"),
        Failed(code="connection_lost", scope=BROKEN.scope, retryable=True, detail="connection lost", peer=VI),
    ],
)
def test_a_connection_that_ends_is_told_and_leaves_the_others(message: ViewerLeft | Failed) -> None:
    publisher = make_publisher()
    offer_to(publisher, VI)
    offer_to(publisher, WU)
    assert publisher.child_said(CHILD, message, 0) == [Report(STREAM, "waiting", "connection lost")]
    assert len(offer_to(publisher, VI)) == 1
    assert len(publisher.signal(answer(WU, S2), 0)) == 1


def test_alerts_drops_and_wrong_passwords_are_told() -> None:
    publisher = make_publisher()
    assert publisher.signal(ServerAlert("in use"), 0) == [Warn("the handshake server says", {"text": "in use"})]
    assert publisher.signal(Dropped("malformed"), 0) == [Count("malformed")]
    told = [len(publisher.signal(Undecryptable(PeerId(f"v{n}"), "x"), 0)) for n in (1, 1, *range(MAX_WARNED + 5))]
    assert told[:2] == [2, 1]
    assert sum(told) - len(told) == MAX_WARNED


def test_the_end_of_its_child_is_told_once_with_the_reason() -> None:
    publisher = make_publisher()
    assert publisher.child_said(CHILD, FAILED, 0) == [Report(STREAM, "failed", "no encoder", Outcome.of(FAILED))]
    assert publisher.child_exited(CHILD, "exited with code 1", 0) == []
    died = make_publisher().child_exited(CHILD, "ended by SIGSEGV", 0)
    assert died == [Report(STREAM, "failed", "the publishing process is gone: ended by SIGSEGV")]


def test_nothing_is_told_to_a_child_that_is_gone() -> None:
    publisher = make_publisher()
    offer_to(publisher, VI)
    publisher.child_exited(CHILD, "ended by SIGSEGV", 0)
    for signal in (OfferRequested(WU), answer(VI, S1), CandidatesReceived(VI, S1, None, CANDIDATES), PeerLeft(VI)):
        assert not any(isinstance(effect, Tell) for effect in publisher.signal(signal, 0))


def test_leaving_stops_the_child_once_and_ends_all_else() -> None:
    publisher = make_publisher(ready=False)
    offer_to(publisher, VI)
    assert publisher.leave() == [Stop(CHILD, "the publisher stops")]
    assert publisher.leave() == []
    assert publisher.child_said(CHILD, READY, 0) == []
    assert offer_to(publisher, WU) == []


def test_a_reconnect_or_a_timer_changes_nothing() -> None:
    publisher = make_publisher()
    offer_to(publisher, VI)
    assert publisher.joined(0) == []
    assert publisher.due(Timer("any", CHILD), 0) == []
    assert len(publisher.signal(answer(VI, S1), 0)) == 1


def test_the_end_of_a_file_is_no_failure() -> None:
    publisher = make_publisher()
    assert publisher.child_said(CHILD, Finished(files=()), 0) == [Report(STREAM, "ended", "all has been published")]
    assert publisher.child_exited(CHILD, "exited with code 0", 0) == []
    broken = make_publisher()
    broken.child_said(CHILD, FAILED, 0)
    assert broken.child_said(CHILD, Finished(files=()), 0) == []


def test_an_ice_restart_is_a_new_connection_but_not_too_often() -> None:
    publisher = make_publisher()
    assert publisher.signal(IceRestartRequested(VI), 0) == [Count("ICE restart for nobody")]
    offer_to(publisher, VI)
    assert publisher.signal(IceRestartRequested(VI), 1) == [Tell(CHILD, AddViewer(peer=VI, session=S2))]
    assert publisher.signal(answer(VI, S1), 1) == [Count("description for nobody")]
    assert len(publisher.signal(answer(VI, S2), 1)) == 1
    wished = RestartWished(peer=VI)
    assert publisher.child_said(CHILD, wished, RESTART_S) == [Count("ICE restart too soon")]
    again = Tell(CHILD, AddViewer(peer=VI, session=SessionId("s3")))
    assert publisher.child_said(CHILD, wished, 1 + RESTART_S) == [again]
