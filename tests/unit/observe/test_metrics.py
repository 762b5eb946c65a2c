from roomtape.observe.metrics import MAX_LABELS, Family, Metrics


def test_every_metric_has_a_name_of_its_own_and_a_help_text() -> None:
    metrics = Metrics()
    texts = metrics.help_texts()
    assert len(texts) == len(metrics.all()) == len(vars(metrics))
    assert all(name.startswith("roomtape_") and text for name, text in texts.items())


def test_snapshot_shows_what_was_counted() -> None:
    metrics = Metrics()
    metrics.frames_in.add()
    metrics.bytes_recorded.add(1000)
    metrics.children_alive.set(3)
    metrics.children_alive.set(2)
    metrics.frames_dropped.add("malformed")
    metrics.frames_dropped.add("malformed", 2)
    shown = metrics.snapshot()
    assert shown["roomtape_signaling_frames_in_total"] == 1
    assert shown["roomtape_recorded_bytes_total"] == 1000
    assert shown["roomtape_children_alive"] == 2
    assert shown['roomtape_signaling_dropped_total{reason="malformed"}'] == 3
    assert shown["roomtape_signaling_frames_out_total"] == 0


def test_two_sets_of_metrics_share_nothing() -> None:
    one, other = Metrics(), Metrics()
    one.frames_in.add()
    one.attempts_ended.add("ok")
    assert other.snapshot() == Metrics().snapshot() != one.snapshot()


def test_counters_never_fall() -> None:
    metrics = Metrics()
    metrics.frames_in.add(-5)
    metrics.attempts_ended.add("ok", -5)
    assert not any(metrics.snapshot().values())


def test_a_family_is_bounded_and_loses_no_count() -> None:
    family = Family("things_total", "reason", "things")
    for n in range(MAX_LABELS * 3):
        family.add(f"reason{n}")
    samples = family.samples()
    assert len(samples) == MAX_LABELS + 1
    assert samples['roomtape_things_total{reason="other"}'] == MAX_LABELS * 2
    assert sum(samples.values()) == MAX_LABELS * 3


def test_what_was_too_much_is_told_apart_from_what_concerns_others() -> None:
    metrics = Metrics()
    assert metrics.left_out() == {}
    metrics.frames_dropped.add("not_for_me", 9)
    metrics.frames_dropped.add("too many streams", 2)
    metrics.child_messages_dropped.add("not understood")
    metrics.requests_dropped.add("requests to a slow server", 3)
    metrics.log_suppressed.add(4)
    assert metrics.left_out() == {
        "too_many_streams": 2,
        "not_understood": 1,
        "requests_to_a_slow_server": 3,
        "log_records": 4,
    }


def test_what_was_ignored_is_told_by_reason() -> None:
    metrics = Metrics()
    metrics.frames_dropped.add("unknown session", 2)
    metrics.frames_dropped.add("stream not wanted")
    assert metrics.ignored() == {"unknown_session": 2, "stream_not_wanted": 1}
