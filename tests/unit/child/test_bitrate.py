import math

import pytest

from roomtape.child.bitrate import MIN_KBPS, REMB_S, ViewerRate, shared

MOST = 1000


def after(*losses: float) -> int:
    """A viewer's rate after one report a second."""
    rate = ViewerRate(MOST)
    for second, loss in enumerate(losses):
        rate.lost(loss, second)
    return rate.kbps(len(losses))


def test_without_wish_and_loss_it_is_what_the_user_allows() -> None:
    assert after() == after(0, 0, 0) == after(0.05, 0.05) == MOST


def test_much_loss_halves_by_its_share_and_no_loss_grows_back() -> None:
    assert after(0.2) == 900
    assert after(0.2, 0.2) == 810
    assert after(0.2, 0.05) == 900
    assert after(0.2, 0) == 945
    assert after(0.2, *[0.0] * 10) == MOST
    assert after(*[1.0] * 20) == MIN_KBPS


def test_reports_that_come_more_often_count_once_a_second_with_the_worst() -> None:
    rate = ViewerRate(MOST)
    rate.lost(0.2, 0)
    for n in range(9):
        rate.lost(0.2 if n == 4 else 0, n / 10)
    assert rate.kbps(1) == 900
    rate.lost(0, 1.0)
    assert rate.kbps(1) == 810


@pytest.mark.parametrize(("wish", "kbps"), [(500, 500), (500.9, 500), (-1, MOST), (9999, MOST), (1, MIN_KBPS)])
def test_a_wish_is_heard_within_bounds(wish: object, kbps: int) -> None:
    rate = ViewerRate(MOST)
    assert rate.wished(wish)
    assert (rate.kbps(0), rate.paused) == (kbps, False)


def test_zero_is_a_pause_that_the_next_wish_ends() -> None:
    rate = ViewerRate(MOST)
    assert rate.wished(0)
    assert rate.paused
    assert rate.wished(-1)
    assert not rate.paused


@pytest.mark.parametrize("wish", [None, "500", True, False, [500], math.nan, math.inf, {}])
def test_what_is_no_bitrate_changes_nothing(wish: object) -> None:
    rate = ViewerRate(MOST)
    rate.wished(300)
    assert not rate.wished(wish)
    assert (rate.kbps(0), rate.paused) == (300, False)


def test_an_estimate_holds_until_it_is_out_of_date() -> None:
    rate = ViewerRate(MOST)
    rate.estimated(400, 0)
    assert rate.kbps(REMB_S) == 400
    assert rate.kbps(REMB_S + 0.1) == MOST
    rate.estimated(1, 20)
    assert rate.kbps(20) == MIN_KBPS


def test_the_smallest_of_those_who_are_not_paused_counts() -> None:
    one, two, three = (ViewerRate(MOST) for _ in range(3))
    assert shared([], MOST, 0) == shared([one, two], MOST, 0) == MOST
    two.wished(300)
    three.wished(0)
    assert shared([one, two, three], MOST, 0) == 300
    two.wished(0)
    assert shared([one, two, three], MOST, 0) == MOST
