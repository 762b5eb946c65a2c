import time
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest

from roomtape.child import gst
from roomtape.child.gst import Gst, chain, keyframe_request
from roomtape.child.keyframes import MIN_INTERVAL_NS, KeyframeRequests
from tests.unit.child.main_loop import run_until, settle

gst.init()


class Encoder:
    """Stands for one: a pad that notes what is asked of it upstream. `asker` is where viewers ask."""

    def __init__(self) -> None:
        self.asked_ns: list[int] = []
        self.others = 0
        self._pipeline = Gst.Pipeline.new()
        source, tee = chain(self._pipeline, ("identity", "tee allow-not-linked=true"))
        source.get_static_pad("src").add_probe(Gst.PadProbeType.EVENT_UPSTREAM, self._note)
        pad = tee.get_static_pad("sink")
        KeyframeRequests(pad)
        self.asker = pad
        self._pipeline.set_state(Gst.State.PAUSED)

    def _note(self, _: Any, info: Any) -> Any:
        if info.get_event().has_name("GstForceKeyUnit"):
            self.asked_ns.append(time.monotonic_ns())
        else:
            self.others += 1
        return Gst.PadProbeReturn.DROP

    def ask(self) -> None:
        self.asker.push_event(keyframe_request())

    def close(self) -> None:
        self._pipeline.set_state(Gst.State.NULL)


@pytest.fixture
def encoder() -> Iterator[Encoder]:
    one = Encoder()
    yield one
    one.close()


def test_the_first_request_goes_through_at_once(encoder: Encoder) -> None:
    encoder.ask()
    assert len(encoder.asked_ns) == 1


def test_early_ones_become_a_single_one_that_is_late(encoder: Encoder) -> None:
    for _ in range(50):
        encoder.ask()
    settle()
    assert len(encoder.asked_ns) == 1
    run_until(lambda: len(encoder.asked_ns) == 2)
    encoder.ask()
    run_until(lambda: len(encoder.asked_ns) == 3)
    assert min(after - before for before, after in pairwise(encoder.asked_ns)) >= MIN_INTERVAL_NS * 0.99


def test_after_the_interval_one_goes_through_at_once_again(encoder: Encoder, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder.ask()
    later = time.monotonic_ns() + MIN_INTERVAL_NS
    monkeypatch.setattr(time, "monotonic_ns", lambda: later)
    encoder.ask()
    assert len(encoder.asked_ns) == 2


def test_other_events_are_none_of_its_business(encoder: Encoder) -> None:
    for _ in range(3):
        encoder.asker.push_event(Gst.Event.new_reconfigure())
        encoder.asker.push_event(Gst.Event.new_latency(1))
    assert encoder.others >= 3
    assert not encoder.asked_ns
