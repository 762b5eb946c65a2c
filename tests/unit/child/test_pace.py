from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roomtape.child.pace import NS_PER_S, Pace, Rate

MS = 1_000_000


def kept(wanted: int, times_ms: list[int]) -> list[int]:
    pace = Pace(wanted)
    return [at for at in times_ms if pace.passes(at * MS)]


@given(st.integers(0, 33))
def test_thirty_pictures_a_second_in_whole_milliseconds_all_pass(first_gap_ms: int) -> None:
    times = [0] + [33 + first_gap_ms + round(n * 1000 / 30) for n in range(300)]
    assert kept(30, times) == times


@given(st.lists(st.integers(-8, 8), min_size=2, max_size=200))
def test_jitter_of_a_quarter_of_a_period_costs_nothing(jitter_ms: list[int]) -> None:
    times = [round(n * 1000 / 30) + jitter for n, jitter in enumerate(jitter_ms)]
    assert kept(30, times) == times


@pytest.mark.parametrize("rate", [60, 50, 120])
def test_of_a_faster_source_as_many_pass_as_are_wanted(rate: int) -> None:
    passed = kept(30, [round(n * 1000 / rate) for n in range(rate * 4)])
    assert 118 <= len(passed) <= 121
    assert max(late - early for early, late in pairwise(passed)) <= 51


def test_slow_sources_and_pauses_pass_as_they_are() -> None:
    times = [0, 100, 200, 5_000, 5_033, 5_067]
    assert kept(30, times) == times


def test_a_file_that_begins_anew_passes() -> None:
    assert kept(30, [5_000, 5_033, 0, 33]) == [5_000, 5_033, 0, 33]


@given(st.lists(st.integers(0, 10 * NS_PER_S), max_size=300), st.integers(1, 120))
def test_whatever_comes_no_window_holds_many_more_than_are_wanted(times: list[int], wanted: int) -> None:
    pace = Pace(wanted)
    passed = [at for at in sorted(times) if pace.passes(at)]
    for begin in range(0, 10 * NS_PER_S, NS_PER_S):
        assert sum(begin <= at < begin + NS_PER_S for at in passed) <= wanted + 2


@pytest.mark.parametrize(
    ("rate", "repeats"),
    [
        (Rate(0), False),
        (Rate(30), False),
        (Rate(30000, 1001), False),
        (Rate(60), False),
        (Rate(15), True),
        (Rate(25), True),
    ],
)
def test_only_a_known_lower_rate_is_filled_up(rate: Rate, repeats: bool) -> None:
    assert rate.below(30) is repeats
