from roomtape.signaling.pace import BURST, CHARACTERS_PER_FRAME, FRAMES_PER_S, MAX_SENDERS, SenderPace


def test_a_flood_of_one_is_bounded_and_the_others_are_heard() -> None:
    pace = SenderPace()
    heard = sum(pace.admits("loud", 0, 100.0) for _ in range(10_000))
    assert heard == BURST
    assert pace.admits("quiet", 0, 100.0)
    assert sum(pace.admits("loud", 0, 101.0) for _ in range(10_000)) == FRAMES_PER_S


def test_long_frames_cost_more() -> None:
    pace = SenderPace()
    assert sum(pace.admits("loud", 9 * CHARACTERS_PER_FRAME, 0.0) for _ in range(1000)) == BURST // 10


def test_many_senders_do_not_fill_the_memory() -> None:
    pace = SenderPace()
    for number in range(MAX_SENDERS * 3):
        assert pace.admits(str(number), 0, 0.0)
    assert len(pace._buckets) == MAX_SENDERS


def test_who_speaks_is_not_forgotten_for_those_who_come_and_go() -> None:
    pace = SenderPace()
    heard = 0
    for number in range(MAX_SENDERS * 3):
        heard += pace.admits("loud", 0, 0.0)
        pace.admits(str(number), 0, 0.0)
    assert heard == BURST
