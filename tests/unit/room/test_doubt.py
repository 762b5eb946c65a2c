from roomtape.config import Deadlines
from roomtape.errors import PeerSaidBye, PeerVanished
from roomtape.model import HUSH_MS
from roomtape.room.attempt import Attempt
from roomtape.room.doubt import COUNTED_LATE_S, DOUBT_S, LEFT, MOVED, borne_out, doubt, settle
from roomtape.room.effects import Arm, Effect, Timer
from roomtape.room.watchdog import Watchdog


def test_a_doubt_is_borne_out_unless_the_guest_is_heard() -> None:
    attempt = Attempt(1, Watchdog(Deadlines()))
    attempt.heard = 9.0
    assert doubt(attempt, LEFT, 10.0) == [Arm(Timer(LEFT, 1), DOUBT_S)]
    assert doubt(attempt, LEFT, 11.0) == []
    assert doubt(attempt, MOVED, 11.0) == [Arm(Timer(MOVED, 1), DOUBT_S)]
    assert isinstance(borne_out(attempt, LEFT), PeerSaidBye)
    assert isinstance(borne_out(attempt, MOVED), PeerVanished)
    for heard, gone in ((12.5, True), (12.0 + COUNTED_LATE_S, True), (12.1 + COUNTED_LATE_S, False)):
        doubt(attempt, LEFT, 12.0)
        attempt.heard = heard
        assert (borne_out(attempt, LEFT) is not None) is gone, "what is heard of late may have come before"


def test_one_who_still_sends_has_time_to_show_it() -> None:
    """Statistics come once a second, and a little later."""
    assert DOUBT_S - COUNTED_LATE_S > 1.5


def listen(attempt: Attempt, silent_ms: int, now: float) -> list[Effect]:
    """What statistics bring about (room.session)."""
    attempt.hear(now, silent_ms)
    return settle(attempt)


def test_a_stream_that_appears_elsewhere_while_its_guest_is_silent_has_moved() -> None:
    attempt = Attempt(1, Watchdog(Deadlines()))
    listen(attempt, HUSH_MS, 10.0)
    assert doubt(attempt, MOVED, 10.1) == [Arm(Timer(MOVED, 1), 0.0)]
    assert isinstance(borne_out(attempt, MOVED), PeerVanished)
    assert doubt(attempt, LEFT, 10.1) == [Arm(Timer(LEFT, 1), DOUBT_S)], "nobody else waits to be recorded"


def test_silence_settles_that_it_has_moved() -> None:
    attempt = Attempt(1, Watchdog(Deadlines()))
    assert listen(attempt, 20, 9.9) == []
    doubt(attempt, MOVED, 10.0)
    doubt(attempt, LEFT, 10.0)
    assert listen(attempt, HUSH_MS - 1, 10.5) == []
    assert listen(attempt, HUSH_MS, 10.9) == [Arm(Timer(MOVED, 1), 0.0)]
    assert isinstance(borne_out(attempt, MOVED), PeerVanished), "although it was heard after the doubt began"
    assert isinstance(borne_out(attempt, LEFT), PeerSaidBye), "what was heard at 10.2 may have come before 10"
    assert listen(attempt, HUSH_MS, 12.0) == []


def test_one_who_is_heard_again_is_not_silent() -> None:
    attempt = Attempt(1, Watchdog(Deadlines()))
    listen(attempt, HUSH_MS, 10.0)
    listen(attempt, 0, 11.0)
    assert doubt(attempt, MOVED, 11.0) == [Arm(Timer(MOVED, 1), DOUBT_S)]
    listen(attempt, 0, 12.0)
    assert borne_out(attempt, MOVED) is None
