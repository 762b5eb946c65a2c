from hypothesis import given
from hypothesis import strategies as st

from roomtape.supervisor.backoff import RestartBudget, delay, relay_turn

attempts = st.integers(0, 10_000)
unit = st.floats(0, 1)
seconds = st.floats(0.01, 1000)


def test_delays_double_up_to_the_ceiling() -> None:
    assert [delay(n, base_s=1, ceiling_s=10, jitter=1) for n in range(6)] == [1, 2, 4, 8, 10, 10]


def test_no_jitter_halves_the_delay() -> None:
    assert delay(2, base_s=1, ceiling_s=10, jitter=0) == 2


@given(attempts, seconds, seconds, unit)
def test_delay_stays_between_half_and_all_of_the_full_delay(n: int, base: float, ceiling: float, jitter: float) -> None:
    full = delay(n, base_s=base, ceiling_s=ceiling, jitter=1)
    assert full <= ceiling
    assert full / 2 <= delay(n, base_s=base, ceiling_s=ceiling, jitter=jitter) <= full


@given(attempts, seconds, seconds, unit)
def test_delay_never_shrinks_with_the_attempts(n: int, base: float, ceiling: float, jitter: float) -> None:
    now, later = (delay(m, base_s=base, ceiling_s=ceiling, jitter=jitter) for m in (n, n + 1))
    assert 0 < now <= later


def test_budget_is_spent_and_comes_back_when_the_window_has_passed() -> None:
    budget: RestartBudget | None = RestartBudget(limit=2, window_s=60)
    assert budget is not None
    for now in (0.0, 10.0):
        budget = budget.spend(now)
        assert budget is not None
    assert budget.left(59.9) == 0
    assert budget.spend(59.9) is None
    assert budget.left(60.0) == 1
    assert budget.spend(60.0) is not None


def test_spending_leaves_the_old_budget_alone() -> None:
    budget = RestartBudget(limit=1, window_s=60)
    assert budget.spend(0) is not None
    assert budget.left(0) == 1


@given(st.integers(0, 5), st.floats(1, 100), st.lists(st.floats(0, 30), max_size=40))
def test_never_more_than_the_limit_within_any_window(limit: int, window: float, pauses: list[float]) -> None:
    budget, now, granted = RestartBudget(limit, window), 0.0, list[float]()
    for pause in pauses:
        now += pause
        spent = budget.spend(now)
        assert (spent is None) == (budget.left(now) == 0)
        if spent is not None:
            budget = spent
            granted.append(now)
    for first in granted:
        assert sum(0 <= at - first < window for at in granted) <= limit
    assert len(budget.spent) <= limit


def test_a_relay_is_tried_every_other_time_once_two_paths_were_lost() -> None:
    assert [lost for lost in range(8) if relay_turn(lost)] == [2, 4, 6]
