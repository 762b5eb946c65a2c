from roomtape.child.liveness import PONG_S, SILENT_S, Liveness, Sign


def test_who_is_heard_is_alive() -> None:
    viewer = Liveness(0)
    for second in range(0, 300, 20):
        viewer.heard(second)
        assert viewer.check(second + 10) is Sign.ALIVE


def test_who_is_silent_is_asked_once_and_gone_without_an_answer() -> None:
    viewer = Liveness(0)
    assert viewer.check(SILENT_S - 1) is Sign.ALIVE
    assert viewer.check(SILENT_S) is Sign.ASK
    assert viewer.check(SILENT_S + PONG_S - 1) is Sign.ALIVE
    assert viewer.check(SILENT_S + PONG_S) is Sign.GONE


def test_an_answer_is_life_for_another_while() -> None:
    viewer = Liveness(0)
    assert viewer.check(SILENT_S) is Sign.ASK
    viewer.heard(SILENT_S + 1)
    assert viewer.check(SILENT_S + PONG_S) is Sign.ALIVE
    assert viewer.check(2 * SILENT_S + 1) is Sign.ASK
