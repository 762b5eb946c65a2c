from roomtape.handshake.limits import CHARACTERS_PER_TOKEN, DELIVERY_DISCOUNT, Allowance, HubLimits


def spent(allowance: Allowance, now: float) -> int:
    """How many empty frames pass until one does not."""
    return next(count for count in range(10_000) if not allowance.spend(0, now))


def test_the_burst_passes_and_no_more() -> None:
    assert spent(Allowance(HubLimits(burst=7.0)), 0.0) == 7


def test_tokens_come_back_at_the_rate_up_to_the_burst() -> None:
    allowance = Allowance(HubLimits(rate=2.0, burst=10.0))
    spent(allowance, 100.0)
    assert spent(allowance, 102.0) == 4
    assert spent(allowance, 1000.0) == 10


def test_a_clock_that_goes_back_gives_nothing() -> None:
    allowance = Allowance(HubLimits(burst=3.0))
    spent(allowance, 100.0)
    assert spent(allowance, 50.0) == 0


def test_characters_and_deliveries_are_paid_for() -> None:
    allowance = Allowance(HubLimits(burst=10.0))
    assert allowance.spend(4 * CHARACTERS_PER_TOKEN, 0.0)
    allowance.charge(DELIVERY_DISCOUNT, 2 * DELIVERY_DISCOUNT * CHARACTERS_PER_TOKEN)
    assert spent(allowance, 0.0) == 2


def test_a_frame_above_the_limit_is_a_strike_but_costs_nothing() -> None:
    allowance = Allowance(HubLimits(burst=5.0, max_frame=10))
    assert not allowance.spend(11, 0.0)
    assert allowance.strikes == 1
    assert spent(allowance, 0.0) == 5
