from collections.abc import Iterable

import pytest

from roomtape.config import Deadlines
from roomtape.errors import ConnectionLost
from roomtape.model import StreamId
from roomtape.observe.board import GuestState
from roomtape.room.attempt import Attempt, State
from roomtape.room.effects import Report
from roomtape.room.outcome import Outcome
from roomtape.room.row import Row, stage
from roomtape.room.watchdog import Watchdog

ANN = StreamId("ann")


def attempts(states: Iterable[State], *, no_media: bool = False) -> list[Attempt]:
    made = []
    for number, state in enumerate(states, 1):
        attempt = Attempt(number, Watchdog(Deadlines()))
        attempt.state, attempt.no_media = state, no_media
        made.append(attempt)
    return made


@pytest.mark.parametrize(
    ("states", "word"),
    [
        ((), "waiting"),
        ((State.STARTING,), "waiting"),
        ((State.REQUESTING,), "waiting"),
        ((State.NEGOTIATING,), "connecting"),
        ((State.CONNECTING, State.STARTING), "connecting"),
        ((State.CONNECTED,), "connecting"),
        ((State.RECORDING,), "recording"),
        ((State.RECORDING, State.CONNECTING), "recording"),
    ],
)
def test_the_best_attempt_counts(states: tuple[State, ...], word: str) -> None:
    assert stage(attempts(states)) == GuestState(word)


def test_connected_without_media_is_waiting() -> None:
    assert stage(attempts([State.CONNECTED], no_media=True)) == "waiting"
    assert stage(attempts([State.CONNECTED], no_media=True) + attempts([State.CONNECTING])) == "connecting"


def test_news_are_told_once_and_errors_always() -> None:
    row, lost = Row(ANN), Outcome.of(ConnectionLost("gone"))
    assert row.tell("waiting") == [Report(ANN, "waiting")]
    assert row.tell("waiting") == []
    row.note = "no answer"
    assert row.tell("waiting") == [Report(ANN, "waiting", "no answer")]
    assert row.tell("waiting", lost) == [Report(ANN, "waiting", "no answer", lost)]
    assert row.tell("waiting") == []
    assert row.tell("connecting") == [Report(ANN, "connecting", "no answer")]
