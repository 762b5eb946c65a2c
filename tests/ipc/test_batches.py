"""A main context that reads a socket, as nicesrc's does: how often it looks, and that it gets everything."""

import socket
import threading
import time
from collections.abc import Iterator

import pytest
from gi.repository import GLib, GObject

from roomtape.child.batches import Batches

pytestmark = pytest.mark.light

WAIT_S = 0.1
DATAGRAMS = 20
PACE_S = 0.01
DEADLINE_S = 10.0


class Agent(GObject.Object):
    """Reads all that has arrived whenever its context finds the socket readable, and tells of the first, as a NiceAgent
    does."""

    __gsignals__ = {"initial-binding-request-received": (GObject.SignalFlags.RUN_LAST, None, ())}

    def __init__(self) -> None:
        super().__init__()
        self.here, self.there = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.here.setblocking(False)
        self.batches: list[list[bytes]] = []
        self._context = GLib.MainContext()
        self._loop = GLib.MainLoop.new(self._context, False)
        source = GLib.unix_fd_source_new(self.here.fileno(), GLib.IOCondition.IN)
        source.set_callback(self._read)
        source.attach(self._context)
        self._thread = threading.Thread(target=self._loop.run)
        self._thread.start()

    def _read(self, *_: object) -> bool:
        batch = []
        while True:
            try:
                batch.append(self.here.recv(100))
            except BlockingIOError:
                break
        if not self.batches:
            self.emit("initial-binding-request-received")
        self.batches.append(batch)
        return True

    @property
    def received(self) -> list[bytes]:
        return [datagram for batch in self.batches for datagram in batch]

    def send(self, count: int, pace_s: float = 0.0) -> int:
        """Returns in how many batches they were read."""
        before, had = len(self.received), len(self.batches)
        for number in range(before, before + count):
            self.there.send(b"%d" % number)
            time.sleep(pace_s)
        end = time.monotonic() + DEADLINE_S
        while len(self.received) < before + count:
            assert time.monotonic() < end, self.batches
            time.sleep(0.001)
        return len(self.batches) - had

    def close(self) -> None:
        end = GLib.idle_source_new()  # in its thread: a loop that has not begun does not hear of its end
        end.set_callback(lambda _: self._loop.quit())
        end.attach(self._context)
        self._thread.join()
        self.here.close()
        self.there.close()


@pytest.fixture
def agent() -> Iterator[Agent]:
    agent = Agent()
    yield agent
    agent.close()


def one_by_one(agent: Agent) -> int:
    return sum(agent.send(1) for _ in range(DATAGRAMS))


def test_datagrams_wait_for_each_other_while_they_are_to(agent: Agent) -> None:
    batches = Batches(agent)
    assert one_by_one(agent) == DATAGRAMS
    batches.wait(WAIT_S)
    agent.send(1)  # the context may still look as before for this one
    assert agent.send(DATAGRAMS, PACE_S) <= DATAGRAMS // 3
    batches.wait(0.0)
    agent.send(1)
    assert one_by_one(agent) == DATAGRAMS
    assert agent.received == [b"%d" % number for number in range(len(agent.received))]
    batches.close()


def test_at_the_end_it_is_said_how_long_the_last_batch_may_take(agent: Agent) -> None:
    batches = Batches(agent)
    agent.send(1)
    assert batches.end() == 0
    batches.wait(WAIT_S)
    assert batches.end() > WAIT_S * 1000
    assert batches.end() == 0
    batches.close()


def test_an_agent_that_nobody_asked_is_left_alone(agent: Agent) -> None:
    batches = Batches(agent)
    batches.wait(WAIT_S)
    assert batches.end() == 0
    batches.close()
    batches.close()
