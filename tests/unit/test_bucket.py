import pytest
from hypothesis import given
from hypothesis import strategies as st

from roomtape.bucket import Bucket


def test_a_burst_and_then_the_rate() -> None:
    bucket = Bucket(rate=10, burst=3)
    assert [bucket.take(1, 100.0) for _ in range(4)] == [True, True, True, False]
    assert not bucket.take(1, 100.0625)
    assert bucket.take(1, 100.125)
    assert not bucket.take(1, 100.125)


def test_what_cannot_be_paid_costs_nothing() -> None:
    bucket = Bucket(rate=1, burst=5)
    assert not bucket.take(6, 0.0)
    assert bucket.take(5, 0.0)


def test_a_debt_is_told_in_seconds() -> None:
    bucket = Bucket(rate=10, burst=10)
    assert bucket.owe(10, 0.0) == 0
    assert bucket.owe(5, 0.0) == pytest.approx(0.5)
    assert bucket.owe(0, 1.0) == 0


@given(st.lists(st.tuples(st.floats(0, 10), st.floats(0, 5))))
def test_never_more_than_the_burst_and_what_came_back(steps: list[tuple[float, float]]) -> None:
    bucket, now, paid = Bucket(rate=2, burst=4), 0.0, 0.0
    for pause, cost in steps:
        now += pause
        paid += cost * bucket.take(cost, now)
        assert paid <= 4 + 2 * now + 1e-6
