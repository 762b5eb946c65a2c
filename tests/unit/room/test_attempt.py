from itertools import product

import pytest

from roomtape.config import Deadlines
from roomtape.errors import InvalidTransition
from roomtape.ipc.messages import RemoteCandidates, RemoteDescription
from roomtape.model import PeerId, SessionId
from roomtape.room.attempt import MAX_KEPT, TRANSITIONS, Attempt, Event, State
from roomtape.room.watchdog import Watchdog
from tests.support.router_world import OFFER, candidate

# Written out once more, by hand: live states and what moves them forward.
FORWARD = {
    State.STARTING: {Event.CHILD_READY: State.REQUESTING},
    State.REQUESTING: {Event.OFFER: State.NEGOTIATING},
    State.NEGOTIATING: {Event.OFFER: State.NEGOTIATING, Event.ANSWER: State.CONNECTING},
    State.CONNECTING: {
        Event.OFFER: State.CONNECTING,
        Event.ANSWER: State.CONNECTING,
        Event.CONNECTED: State.CONNECTED,
        Event.TRACK_STARTED: State.RECORDING,
    },
    State.CONNECTED: {
        Event.OFFER: State.CONNECTED,
        Event.ANSWER: State.CONNECTED,
        Event.CONNECTED: State.CONNECTED,
        Event.TRACK_STARTED: State.RECORDING,
    },
    State.RECORDING: dict.fromkeys((Event.OFFER, Event.ANSWER, Event.CONNECTED, Event.TRACK_STARTED), State.RECORDING),
}
ENDS = {
    Event.STOP: State.DRAINING,
    Event.TIMEOUT: State.DRAINING,
    Event.FAILED: State.DRAINING,
    Event.CHILD_EXITED: State.CLOSED,
}
EXPECTED: dict[State, dict[Event, State]] = {
    **{state: moves | ENDS for state, moves in FORWARD.items()},
    State.DRAINING: dict.fromkeys(Event, State.DRAINING) | {Event.CHILD_EXITED: State.CLOSED},
    State.CLOSED: dict.fromkeys(Event, State.CLOSED),
}


def attempt_in(state: State) -> Attempt:
    attempt = Attempt(1, Watchdog(Deadlines()))
    attempt.state = state
    return attempt


@pytest.mark.parametrize(("state", "event"), list(product(State, Event)))
def test_every_event_in_every_state(state: State, event: Event) -> None:
    attempt, after = attempt_in(state), EXPECTED[state].get(event)
    if after is None:
        with pytest.raises(InvalidTransition, match=f"{event.value} while {state.value}"):
            attempt.move(event)
        assert attempt.state is state
    else:
        assert attempt.move(event) is after
        assert attempt.state is after


def test_states_only_move_forward() -> None:
    order = list(State)
    assert all(order.index(after) >= order.index(before) for (before, _), after in TRANSITIONS.items())


def test_every_state_but_the_first_is_reached() -> None:
    assert {after for (before, _), after in TRANSITIONS.items() if before is not after} == set(State) - {State.STARTING}


def test_live_until_it_drains() -> None:
    assert {state for state in State if not attempt_in(state).live} == {State.DRAINING, State.CLOSED}


@pytest.mark.parametrize(
    ("peer", "session", "belongs"),
    [("ann", "s1", True), ("ann", None, True), ("ann", "s2", False), ("bob", "s1", False), ("bob", None, False)],
)
def test_messages_belong_by_sender_and_session(peer: str, session: str | None, belongs: bool) -> None:
    attempt = Attempt(1, Watchdog(Deadlines()))
    tag = SessionId(session) if session else None
    assert not attempt.belongs(PeerId(peer), tag)
    attempt.peer, attempt.session = PeerId("ann"), SessionId("s1")
    assert attempt.taken
    assert attempt.belongs(PeerId(peer), tag) is belongs


def test_a_connection_without_a_session_takes_any() -> None:
    attempt = Attempt(1, Watchdog(Deadlines()))
    attempt.peer = PeerId("ann")
    assert attempt.belongs(PeerId("ann"), SessionId("s1"))


def test_what_is_kept_comes_back_once_with_the_newest_offer_first() -> None:
    attempt = Attempt(1, Watchdog(Deadlines()))
    early = RemoteCandidates(candidates=(candidate(1),))
    first, second = (RemoteDescription(negotiation=n, description=OFFER) for n in (1, 2))
    assert [attempt.keep(first), attempt.keep(early), attempt.keep(second)] == [0] * 3
    assert attempt.take_kept() == [second, early]
    assert attempt.take_kept() == []


def test_kept_candidates_are_bounded() -> None:
    attempt = Attempt(1, Watchdog(Deadlines()))
    many = tuple(map(candidate, range(MAX_KEPT)))
    assert attempt.keep(RemoteCandidates(candidates=many)) == 0
    assert attempt.keep(RemoteCandidates(candidates=many)) == MAX_KEPT
    assert attempt.keep(RemoteDescription(negotiation=1, description=OFFER)) == 0
    assert attempt.take_kept()[1:] == [RemoteCandidates(candidates=many)]
