"""A queue, as webrtcbin has one behind its sockets, with packets that come to it one by one."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from roomtape.child.batches import Batches
from roomtape.child.gst import Gst, chain, init
from tests.unit.child.main_loop import run_until

pytestmark = pytest.mark.light

init()

PACKETS = 40
BATCHES = 5
PACE_S = 0.01
DEADLINE_S = 10.0


class Flow:
    """Packets through a queue. `stamps` are of those that came out; `emptied` is how often the queue said so."""

    def __init__(self) -> None:
        self.pipeline = Gst.Pipeline()
        self.source, self.queue, sink = chain(
            self.pipeline, ("appsrc format=time is-live=true", "queue", "fakesink sync=false async=false")
        )
        self.sent = 0
        self.stamps: list[int] = []
        self.emptied = 0
        sink.get_static_pad("sink").add_probe(Gst.PadProbeType.BUFFER, self._came_out)
        self.queue.connect("underrun", self._emptied)
        self.pipeline.set_state(Gst.State.PLAYING)
        self.until(lambda: self.emptied)  # it waits for the first packet

    def _emptied(self, _queue: Any) -> None:
        self.emptied += 1

    def _came_out(self, _pad: Any, info: Any) -> Any:
        self.stamps.append(info.get_buffer().pts)
        return Gst.PadProbeReturn.OK

    def send(self, count: int, pace_s: float = PACE_S) -> None:
        for _ in range(count):
            buffer = Gst.Buffer.new_allocate(None, 100, None)
            buffer.pts = self.sent
            self.sent += 1
            self.source.emit("push-buffer", buffer)
            time.sleep(pace_s)

    def arrive(self, count: int) -> None:
        self.until(lambda: len(self.stamps) >= count)

    def until(self, condition: Callable[[], object]) -> None:
        end = time.monotonic() + DEADLINE_S
        while not condition():
            assert time.monotonic() < end, self.stamps
            time.sleep(0.001)


@pytest.fixture
def flow() -> Iterator[Flow]:
    flow = Flow()
    yield flow
    flow.pipeline.set_state(Gst.State.NULL)


class Ends:
    """Notes how many packets had come out whenever it is called."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        self.came_out: list[int] = []

    def __call__(self) -> None:
        self.came_out.append(len(self._flow.stamps))


def watching(flow: Flow) -> Batches:
    batches = Batches()
    batches.watch(flow.queue)
    return batches


def test_packets_wait_for_each_other_and_all_come_out_in_order(flow: Flow) -> None:
    watching(flow).let_wait(True)
    end = time.monotonic() + DEADLINE_S
    while flow.emptied < BATCHES and time.monotonic() < end:
        flow.send(1)
    flow.arrive(flow.sent)
    assert flow.emptied >= BATCHES
    assert flow.sent >= 2 * BATCHES
    assert flow.stamps == list(range(flow.sent))


def test_they_wait_only_while_they_may(flow: Flow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("roomtape.child.batches.HOLD_S", 2 * DEADLINE_S)
    batches = watching(flow)
    for round_ in range(3):
        before, emptied = len(flow.stamps), flow.emptied
        flow.send(1)
        flow.until(lambda: flow.emptied > emptied)  # noqa: B023 - called at once
        batches.let_wait(True)
        flow.send(1)
        flow.until(lambda: len(flow.stamps) == before + 2 and flow.emptied > emptied + 1)  # noqa: B023
        flow.send(PACKETS)
        assert len(flow.stamps) == before + 2, round_
        batches.let_wait(False)
        flow.arrive(before + 2 + PACKETS)


def test_before_the_beginning_none_waits(flow: Flow) -> None:
    batches, ends = watching(flow), Ends(flow)
    for count in range(1, PACKETS + 1):
        flow.send(1, 0)
        flow.until(lambda: flow.emptied > count)  # noqa: B023 - called at once
    assert flow.stamps == list(range(PACKETS))
    batches.end(ends)
    assert ends.came_out == [PACKETS], "at once"


def test_at_the_end_what_waits_is_let_go_at_once(flow: Flow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("roomtape.child.batches.HOLD_S", 2 * DEADLINE_S)
    batches, ends = watching(flow), Ends(flow)
    flow.send(1)
    flow.until(lambda: flow.stamps and flow.emptied >= 2)
    batches.let_wait(True)
    batches.let_wait(True)
    flow.send(1)
    flow.until(lambda: len(flow.stamps) == 2 and flow.emptied >= 3)
    flow.send(PACKETS)
    assert len(flow.stamps) == 2
    batches.end(ends)
    assert ends.came_out == []
    run_until(lambda: ends.came_out)
    assert ends.came_out == [PACKETS + 2], "all that waited"
    batches.let_wait(True)
    flow.send(2, 0.1)
    flow.arrive(PACKETS + 4)
    batches.end(ends)
    assert ends.came_out == [PACKETS + 2, PACKETS + 4]


def test_the_end_does_not_wait_for_ever_for_packets_that_cannot_go_on(flow: Flow) -> None:
    batches, ends = watching(flow), Ends(flow)
    batches.let_wait(True)
    exit_ = flow.queue.get_static_pad("src")
    exit_.add_probe(Gst.PadProbeType.BLOCK_DOWNSTREAM, lambda *_: Gst.PadProbeReturn.OK)
    flow.send(3)
    batches.end(ends)
    run_until(lambda: ends.came_out)
    assert ends.came_out == [0]


def test_a_queue_that_is_held_can_still_be_stopped(flow: Flow) -> None:
    batches = watching(flow)
    batches.let_wait(True)
    flow.send(3)
    stopped = threading.Thread(target=flow.pipeline.set_state, args=(Gst.State.NULL,))
    stopped.start()
    stopped.join(DEADLINE_S)
    assert not stopped.is_alive()
