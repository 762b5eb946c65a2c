from roomtape.errors import ConnectionLost, NoCommonCodec
from roomtape.room.outcome import BUDGET, STABLE_S, Next, Outcome
from roomtape.room.retries import Retries

LOST = Outcome.of(ConnectionLost("gone"))


def fail(retries: Retries, recorded_s: float = 0.0, outcome: Outcome = LOST) -> tuple[Next, float]:
    retries.ended(outcome, recorded_s)
    verdict = retries.judge(outcome, 1.0, 0.0)
    return verdict.next, verdict.delay_s


def test_waits_grow_with_every_failure() -> None:
    retries = Retries()
    assert [fail(retries)[1] for _ in range(3)] == [1, 2, 4]


def test_a_connection_that_lasted_forgives_what_was_before() -> None:
    retries = Retries()
    for _ in range(BUDGET.limit):
        assert fail(retries)[0] is Next.RETRY
    assert fail(retries)[0] is Next.FAIL
    assert fail(retries, STABLE_S - 0.1)[0] is Next.FAIL
    assert fail(retries, STABLE_S) == (Next.RETRY, 1)


def test_the_ladder_is_climbed() -> None:
    retries = Retries()
    fail(retries)
    assert not retries.ladder.relay
    fail(retries)
    assert retries.ladder.relay


def test_what_cannot_be_helped_is_not_tried_again() -> None:
    assert fail(Retries(), outcome=Outcome.of(NoCommonCodec("AV1 only")))[0] is Next.FAIL
