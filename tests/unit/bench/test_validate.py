"""Whether a recording follows the loop that was sent."""

from bench.validate import follow

LOOP = ["a", "b", "c", "d"]


def test_what_was_sent_is_known_wherever_it_begins_and_however_often_it_goes_round() -> None:
    assert follow(["c", "d", *LOOP, *LOOP, "a"], LOOP) == (0, 0)


def test_a_missing_packet_is_a_break() -> None:
    assert follow(["a", "c", "d"], LOOP) == (0, 1)


def test_a_packet_twice_is_a_break() -> None:
    assert follow(["a", "b", "b", "c"], LOOP) == (0, 1)


def test_what_was_never_sent_is_unknown() -> None:
    assert follow(["a", "x", "c"], LOOP) == (1, 0)


def test_frames_that_are_alike_do_not_confuse_it() -> None:
    loop = ["a", "same", "b", "same", "c"]
    assert follow(["same", "b", "same", "c", "a", "same", "b"], loop) == (0, 0)
    assert follow(["same", "b", "c"], loop) == (0, 1)


def test_nothing_recorded_is_nothing_wrong_here() -> None:
    assert follow([], LOOP) == (0, 0)
