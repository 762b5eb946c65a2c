import pytest

from roomtape.errors import ConnectionLost, NoCommonCodec, PeerSaidBye, Scope
from roomtape.ipc.messages import Failed
from roomtape.room.outcome import BUDGET, RETRY_BASE_S, RETRY_CEILING_S, Next, Outcome, judge

LOST = Outcome.of(ConnectionLost("gone"))


def test_of_an_error_and_of_a_childs_message_alike() -> None:
    said = Failed(code="connection_lost", scope=Scope.SESSION, retryable=True, detail="gone")
    assert Outcome.of(said) == LOST == Outcome("connection_lost", "gone", retryable=True)


def test_bye_ends_and_costs_nothing() -> None:
    verdict = judge(Outcome.of(PeerSaidBye("the guest left")), 3, BUDGET, 0.5, 0)
    assert (verdict.next, verdict.budget) == (Next.END, BUDGET)


def test_what_cannot_be_helped_fails_at_once() -> None:
    verdict = judge(Outcome.of(NoCommonCodec("AV1 only")), 0, BUDGET, 0.5, 0)
    assert (verdict.next, verdict.budget) == (Next.FAIL, BUDGET)


@pytest.mark.parametrize("jitter", [0.0, 0.4, 1.0])
def test_retries_back_off_with_jitter_up_to_a_ceiling(jitter: float) -> None:
    delays = [judge(LOST, failures, BUDGET, jitter, 0).delay_s for failures in range(8)]
    assert delays[0] == RETRY_BASE_S * (1 + jitter) / 2
    assert delays[1] == 2 * delays[0]
    assert delays == sorted(delays)
    assert delays[-1] == RETRY_CEILING_S * (1 + jitter) / 2


def test_the_budget_is_spent_and_comes_back_with_time() -> None:
    budget = BUDGET
    for number in range(BUDGET.limit):
        verdict = judge(LOST, number, budget, 0.5, float(number))
        assert verdict.next is Next.RETRY
        budget = verdict.budget
    assert judge(LOST, 0, budget, 0.5, float(BUDGET.limit)).next is Next.FAIL
    assert judge(LOST, 0, budget, 0.5, BUDGET.window_s).next is Next.RETRY
