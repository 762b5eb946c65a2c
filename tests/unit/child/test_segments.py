from roomtape.child.segments import Segments


def test_without_a_limit_a_file_lasts_for_ever() -> None:
    segments = Segments(0, 0)
    assert not segments.wanted
    assert not segments.due(1e9, 1 << 60)


def test_a_file_ends_by_its_age() -> None:
    segments = Segments(600_000, 0)
    assert segments.wanted
    assert not segments.due(599.9, 1 << 60)
    assert segments.due(600.0, 0)


def test_a_file_ends_before_it_is_too_big() -> None:
    segments = Segments(0, 1000)
    assert not segments.due(9.0, 890)  # 99 a second
    assert segments.due(9.0, 900)
    assert segments.due(0.1, 500)


def test_what_comes_first_counts() -> None:
    assert Segments(10_000, 1000).due(10.0, 1)
    assert Segments(10_000, 1000).due(1.0, 1000)
