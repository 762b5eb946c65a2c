from typing import get_args

from roomtape.model import StreamId
from roomtape.room import effects
from roomtape.room.effects import Arm, Effect, Timer


def test_arming_a_timer_again_replaces_it() -> None:
    armed = {arm.timer: arm.delay_s for arm in (Arm(Timer("answer", 1), 5), Arm(Timer("answer", 1), 7))}
    assert armed == {Timer("answer", 1): 7}


def test_timers_differ_by_name_and_owner() -> None:
    timers = {Timer("answer", 1), Timer("answer", 2), Timer("ready", 1), Timer("answer", StreamId("1"))}
    assert len(timers) == 4


def test_the_union_names_every_effect() -> None:
    assert set(effects._Effect.__subclasses__()) == set(get_args(Effect))
