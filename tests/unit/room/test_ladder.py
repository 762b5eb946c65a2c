import pytest

from roomtape.errors import (
    AllCandidatesFailed,
    ChildDied,
    ConnectionLost,
    NoFrames,
    PeerSaidBye,
    PeerVanished,
    RecorderError,
)
from roomtape.room.ladder import Ladder
from roomtape.room.outcome import Outcome


def after(*errors: type[RecorderError]) -> Ladder:
    ladder = Ladder()
    for error in errors:
        ladder.failed(Outcome.of(error("why")))
    return ladder


@pytest.mark.parametrize(
    ("errors", "relay"),
    [
        ((), False),
        ((AllCandidatesFailed,), False),
        ((AllCandidatesFailed, ConnectionLost), True),
        ((PeerVanished, PeerVanished), True),
        ((PeerVanished, PeerVanished, PeerVanished), False),  # the relay did not help: once more without
        ((PeerVanished,) * 4, True),
        ((PeerVanished, ChildDied, PeerVanished), False),
        ((PeerVanished, PeerSaidBye, PeerVanished), False),
    ],
)
def test_two_lost_paths_in_a_row_lead_to_a_relay(errors: tuple[type[RecorderError], ...], relay: bool) -> None:
    assert after(*errors).relay is relay


def test_a_connection_that_held_forgets_what_was_before() -> None:
    ladder = after(PeerVanished, NoFrames, PeerVanished, PeerVanished)
    assert (ladder.relay, ladder.pictureless) == (True, True)
    ladder.held()
    assert (ladder.relay, ladder.pictureless) == (False, False)
