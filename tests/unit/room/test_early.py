from hypothesis import given
from hypothesis import strategies as st

from roomtape.model import PeerId, SessionId
from roomtape.room.early import MAX_AGE_S, MAX_PER_QUEUE, MAX_QUEUES, EarlyCandidates
from tests.support.router_world import candidate

ANN, BOB = PeerId("ann"), PeerId("bob")
S1, S2 = SessionId("s1"), SessionId("s2")


def test_a_connection_gets_those_of_its_session_and_those_without() -> None:
    early = EarlyCandidates()
    early.keep(ANN, S1, (candidate(1),), 0)
    early.keep(ANN, S2, (candidate(2),), 0)
    early.keep(ANN, None, (candidate(3),), 0)
    early.keep(BOB, S1, (candidate(4),), 0)
    assert early.take(ANN, S1, 1) == (candidate(1), candidate(3))
    assert early.take(ANN, S1, 1) == ()
    assert early.take(ANN, S2, 1) == (candidate(2),)
    assert early.take(BOB, S1, 1) == (candidate(4),)


def test_an_offer_without_session_takes_all_of_its_sender() -> None:
    early = EarlyCandidates()
    early.keep(ANN, S1, (candidate(1),), 0)
    early.keep(ANN, None, (candidate(2),), 0)
    assert early.take(ANN, None, 0) == (candidate(1), candidate(2))


def test_old_ones_are_dropped_and_counted_once() -> None:
    early = EarlyCandidates()
    early.keep(ANN, S1, (candidate(1), candidate(2)), 0)
    early.keep(BOB, S1, (candidate(3),), MAX_AGE_S)
    assert early.take_dropped() == 0
    assert early.take(ANN, S1, MAX_AGE_S + 0.001) == ()
    assert early.take_dropped() == 2
    assert early.take_dropped() == 0
    assert early.take(BOB, S1, MAX_AGE_S + 0.001) == (candidate(3),)


def test_a_queue_is_bounded() -> None:
    early = EarlyCandidates()
    for _ in range(3):
        early.keep(ANN, S1, tuple(map(candidate, range(40))), 0)
    assert len(early.take(ANN, S1, 0)) == MAX_PER_QUEUE
    assert early.take_dropped() == 120 - MAX_PER_QUEUE


def test_the_oldest_queue_makes_room() -> None:
    early = EarlyCandidates()
    for number in range(MAX_QUEUES + 1):
        early.keep(PeerId(f"p{number}"), S1, (candidate(1),), 0)
    assert early.take_dropped() == 1
    assert early.take(PeerId("p0"), S1, 0) == ()
    assert early.take(PeerId("p1"), S1, 0) == (candidate(1),)


PEERS, SESSIONS = st.sampled_from(["ann", "bob"]), st.sampled_from(["s1", "s2", None])


@given(st.lists(st.tuples(PEERS, SESSIONS, st.integers(0, 60), st.booleans())))
def test_every_candidate_is_given_out_or_counted(script: list[tuple[str, str | None, int, bool]]) -> None:
    early, now, kept, taken = EarlyCandidates(), 0.0, 0, 0
    for peer, session, number, take in script:
        tag = SessionId(session) if session else None
        now += number / 10
        if take:
            taken += len(early.take(PeerId(peer), tag, now))
        else:
            early.keep(PeerId(peer), tag, tuple(map(candidate, range(number))), now)
            kept += number
    for peer in ("ann", "bob"):
        taken += len(early.take(PeerId(peer), None, now))
    assert taken + early.take_dropped() == kept
