import pytest

from roomtape.storage.space import LEAST_S, WINDOW_S, SpaceWatch

MB = 1_000_000
FLOOR = 1000 * MB


@pytest.fixture
def watch() -> SpaceWatch:
    return SpaceWatch("/tapes", FLOOR)


def feed(watch: SpaceWatch, free: int, per_second: int, seconds: int, start: int = 0) -> list[str]:
    """What is said while the space shrinks, asked every five seconds."""
    looks = range(start, start + seconds + 1, 5)
    return [text for t in looks if (text := watch.seen(free - per_second * (t - start), float(t)).warning)]


def test_minutes_are_those_to_the_floor_at_the_rate_of_the_last_minute(watch: SpaceWatch) -> None:
    feed(watch, 10_000 * MB, 50 * MB, int(WINDOW_S))
    for t in range(65, 131, 5):
        outlook = watch.seen(7000 * MB - (t - 60) * MB, float(t))
    assert outlook.free_bytes == 6930 * MB
    assert outlook.minutes == pytest.approx(5930 / 60)


def test_nothing_is_known_at_first_and_while_nothing_is_used(watch: SpaceWatch) -> None:
    assert watch.seen(2000 * MB, 0.0).minutes is None
    assert watch.seen(1990 * MB, LEAST_S / 2).minutes is None
    assert watch.seen(1980 * MB, LEAST_S).minutes is not None
    assert watch.seen(2500 * MB, 15.0).minutes is None
    assert watch.seen(2500 * MB, 30.0).minutes is None


def test_each_mark_is_told_once(watch: SpaceWatch) -> None:
    said = feed(watch, FLOOR + 70 * 60 * MB, MB, 69 * 60)
    assert [text.split(" more minutes")[0] for text in said] == [
        f"space for about {minutes}" for minutes in (60, 30, 10, 3, 1)
    ]


def test_one_warning_is_enough_when_little_is_left_from_the_start(watch: SpaceWatch) -> None:
    (said,) = feed(watch, FLOOR + 150 * MB, MB, 60)
    assert "about 2 more minutes" in said
    assert "/tapes" in said


def test_a_mark_is_told_again_after_twice_as_much_was_left(watch: SpaceWatch) -> None:
    assert len(feed(watch, FLOOR + 8 * 60 * MB, MB, 60)) == 1
    assert feed(watch, FLOOR + 25 * 60 * MB, MB, 60, start=100) == []
    assert len(feed(watch, FLOOR + 8 * 60 * MB, MB, 60, start=200)) == 1


def test_below_the_floor_and_above_it_again(watch: SpaceWatch) -> None:
    assert watch.seen(1001 * MB, 0.0).warning == ""
    assert "less than the 1000 MB of --min-free" in watch.seen(999 * MB, 20.0).warning
    assert watch.seen(990 * MB, 40.0).warning == ""
    assert "there is space again" in watch.seen(1500 * MB, 60.0).warning
