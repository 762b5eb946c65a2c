from roomtape.model import StreamId
from roomtape.room.asking import PLAY_AGAIN_S, Asking
from roomtape.room.effects import Arm, Disarm, Effect, Send, Timer
from roomtape.signaling.messages import Play
from tests.support.router_world import wire

WAITS = (15.0, 45.0, 180.0)
TIMER = Timer("replay", StreamId("ann"))


def play(wait: float) -> list[Effect]:
    return [Send(Play(wire("ann"))), Arm(TIMER, wait)]


def test_the_waits_grow_and_the_last_one_stays() -> None:
    asking = Asking(StreamId("ann"), WAITS)
    assert asking.ask(wire("ann"), 0) == play(15)
    assert [asking.ask_again(wire("ann"), 0) for _ in range(4)] == [play(45), play(180), play(180), play(180)]
    assert asking.ask(wire("ann"), 0) == play(15)


def test_asking_later_is_one_wait_off() -> None:
    asking = Asking(StreamId("ann"), WAITS)
    assert asking.ask_later() == [Arm(TIMER, 15)]
    assert asking.ask_again(wire("ann"), 0) == play(45)


def test_asking_soon_begins_the_schedule_with_the_play_to_come() -> None:
    asking = Asking(StreamId("ann"), WAITS)
    assert asking.ask_soon() == [Arm(TIMER, PLAY_AGAIN_S)]
    assert asking.ask_again(wire("ann"), 0) == play(15)
    assert asking.stop() == [Disarm(TIMER)]


def test_just_asked() -> None:
    asking = Asking(StreamId("ann"), WAITS)
    assert not asking.just_asked(0)
    asking.ask(wire("ann"), 10)
    assert asking.just_asked(10 + PLAY_AGAIN_S / 2)
    assert not asking.just_asked(10 + PLAY_AGAIN_S)


def test_asked_in_vain_until_it_stops_or_begins_anew() -> None:
    asking = Asking(StreamId("ann"), WAITS)
    asking.ask(wire("ann"), 0)
    assert not asking.in_vain
    asking.ask_again(wire("ann"), 15)
    assert asking.in_vain
    asking.ask(wire("ann"), 20)
    assert not asking.in_vain
    asking.ask_again(wire("ann"), 35)
    asking.stop()
    assert not asking.in_vain
