from roomtape.config import Deadlines
from roomtape.errors import PeerSaidBye, PeerVanished
from roomtape.room.attempt import Attempt
from roomtape.room.doubt import DOUBT_S, borne_out, doubt
from roomtape.room.effects import Arm, Timer
from roomtape.room.watchdog import Watchdog


def test_a_doubt_is_borne_out_unless_the_guest_is_heard() -> None:
    attempt = Attempt(1, Watchdog(Deadlines()))
    attempt.heard = 9.0
    assert doubt(attempt, "left", 10.0) == [Arm(Timer("left", 1), DOUBT_S)]
    assert doubt(attempt, "left", 11.0) == []
    assert doubt(attempt, "moved", 11.0) == [Arm(Timer("moved", 1), DOUBT_S)]
    assert isinstance(borne_out(attempt, "left"), PeerSaidBye)
    assert isinstance(borne_out(attempt, "moved"), PeerVanished)
    doubt(attempt, "left", 12.0)
    attempt.heard = 12.5
    assert borne_out(attempt, "left") is None
