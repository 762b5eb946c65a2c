import math

from hypothesis import given
from hypothesis import strategies as st

from roomtape.observe.floodgate import FloodGate, Suppressed


def test_admits_the_limit_per_window_and_reports_the_rest_once() -> None:
    gate = FloodGate(limit=3, window_s=10)
    assert [gate.admit("dropped", "ann", 0.1 * n) for n in range(5)] == [True, True, True, False, False]
    assert gate.ended(9.9) == []
    assert gate.ended(10.0) == [Suppressed("dropped", "ann", 2)]
    assert gate.ended(20.0) == []
    assert gate.admit("dropped", "ann", 20.0)


def test_sources_and_messages_do_not_disturb_each_other() -> None:
    gate = FloodGate(limit=1, window_s=10)
    assert gate.admit("dropped", "ann", 0)
    assert not gate.admit("dropped", "ann", 0)
    assert gate.admit("dropped", "bob", 0)
    assert gate.admit("joined", "ann", 0)


def test_many_sources_share_what_is_left() -> None:
    gate = FloodGate(limit=1, window_s=10, max_windows=2)
    assert [gate.admit("dropped", str(n), 0) for n in range(5)] == [True, True, True, False, False]
    assert gate.ended(math.inf) == [Suppressed("other messages", "", 2)]


@given(st.lists(st.tuples(st.floats(0, 5), st.sampled_from("abcdef")), max_size=80))
def test_every_record_is_admitted_or_counted(records: list[tuple[float, str]]) -> None:
    gate, now, admitted, reported = FloodGate(limit=2, window_s=7, max_windows=3), 0.0, 0, 0
    for pause, source in records:
        now += pause
        reported += sum(left_out.count for left_out in gate.ended(now))
        admitted += gate.admit("m", source, now)
    reported += sum(left_out.count for left_out in gate.ended(math.inf))
    assert admitted + reported == len(records)
