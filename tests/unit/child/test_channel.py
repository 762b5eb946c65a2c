import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from roomtape.child.channel import MAX_BACKLOG, Channel
from roomtape.errors import IpcError
from roomtape.ipc.codec import MAX_LINE, decoder_in_parent, encode
from roomtape.ipc.messages import FromChild, Log, Ping, Pong, Stats, Stop, ToChild
from tests.unit.child.main_loop import run_until, settle

ROOT = Path(__file__).parents[3]
STATS = Stats(video_frames=1, audio_frames=1, media_bytes=1, packets=1, packets_lost=0, silent_ms=0)


class Pipes:
    """A Channel with the parent's ends of its two pipes."""

    def __init__(self) -> None:
        child_reads, self.to_child = os.pipe()
        self.from_child, child_writes = os.pipe()
        self._all = {child_reads, self.to_child, self.from_child, child_writes}
        self.messages: list[ToChild] = []
        self.garbage: list[IpcError] = []
        self.ends = 0
        self.channel = Channel((child_reads, child_writes), self.messages.append, self.garbage.append, self._end)
        self._decoder = decoder_in_parent()

    def _end(self) -> None:
        self.ends += 1

    def write(self, data: bytes) -> None:
        os.write(self.to_child, data)

    def close(self, descriptor: int) -> None:
        self._all.remove(descriptor)
        os.close(descriptor)

    def read(self) -> list[FromChild | IpcError]:
        """What the pipe holds now."""
        os.set_blocking(self.from_child, False)
        items: list[FromChild | IpcError] = []
        try:
            while data := os.read(self.from_child, 1 << 16):
                items += self._decoder.feed(data)
        except BlockingIOError:
            pass
        return items

    def read_exactly(self, count: int) -> list[FromChild | IpcError]:
        """The next messages, while the child's loop runs."""
        items = self.read()

        def enough() -> bool:
            items.extend(self.read())
            return len(items) >= count

        run_until(enough)
        return items

    def close_all(self) -> None:
        if self.to_child in self._all:
            self.close(self.to_child)
        run_until(lambda: self.ends)
        for descriptor in self._all:
            os.close(descriptor)


@pytest.fixture
def pipes() -> Iterator[Pipes]:
    pipes = Pipes()
    yield pipes
    pipes.close_all()


# --- in -----------------------------------------------------------------------------------------------------------


def test_messages_arrive_in_order_however_they_are_cut(pipes: Pipes) -> None:
    sent = [Ping(seq=n) for n in range(20)]
    data = b"".join(map(encode, sent))
    for start in range(0, len(data), 17):
        pipes.write(data[start : start + 17])
        settle()
    assert pipes.messages == sent


def test_garbage_costs_only_itself(pipes: Pipes) -> None:
    for line in (b"hello\n", b'{"kind":"dance"}\n', b'{"kind":"ping"}\n', b"\xff\xfe\n", b'{"kind":"pong","seq":1}\n'):
        pipes.write(line)
    pipes.write(encode(Ping(seq=1)))
    run_until(lambda: pipes.messages)
    assert pipes.messages == [Ping(seq=1)]
    assert len(pipes.garbage) == 5


def test_a_line_too_long_is_dropped(pipes: Pipes) -> None:
    def write() -> None:
        for _ in range(MAX_LINE // 4096 + 1):
            pipes.write(b"x" * 4096)
        pipes.write(b"\n" + encode(Ping(seq=2)))

    writer = threading.Thread(target=write)
    writer.start()
    run_until(lambda: pipes.messages)
    writer.join()
    assert (pipes.messages, len(pipes.garbage)) == ([Ping(seq=2)], 1)


def test_the_end_is_told_once_after_everything_before_it(pipes: Pipes) -> None:
    pipes.write(encode(Stop(reason="enough", deadline_ms=1)) + b'{"kind":"ping","seq"')
    pipes.close(pipes.to_child)
    run_until(lambda: pipes.ends)
    settle()
    assert pipes.ends == 1
    assert pipes.messages == [Stop(reason="enough", deadline_ms=1)]


# --- out ----------------------------------------------------------------------------------------------------------


def test_messages_leave_at_once_and_in_order(pipes: Pipes) -> None:
    sent: list[FromChild] = [Pong(seq=1), Log(level="info", message="two\nlines"), STATS]
    for message in sent:
        pipes.channel.send(message)
    assert pipes.read() == sent


def test_a_parent_that_does_not_read_costs_bounded_memory_and_first_of_all_logs(pipes: Pipes) -> None:
    log = Log(level="info", message="x" * 10_000)
    for _ in range(MAX_BACKLOG // 10_000):
        pipes.channel.send(log)
    first_drops = pipes.channel.dropped
    assert first_drops > 0
    pipes.channel.send(STATS)
    pipes.channel.send(Pong(seq=7))
    assert pipes.channel.dropped == first_drops + 1

    logs = MAX_BACKLOG // 10_000 - first_drops
    assert pipes.read_exactly(logs + 1) == [log] * logs + [Pong(seq=7)]


def test_even_important_messages_are_bounded(pipes: Pipes) -> None:
    for seq in range(MAX_BACKLOG // 10):
        pipes.channel.send(Pong(seq=seq))
    assert pipes.channel.dropped > 0
    kept = MAX_BACKLOG // 10 - pipes.channel.dropped
    assert pipes.read_exactly(kept) == [Pong(seq=seq) for seq in range(kept)]


def test_it_goes_on_when_the_parent_reads_again(pipes: Pipes) -> None:
    for n in range(3):
        for _ in range(30):
            pipes.channel.send(Log(level="info", message="x" * 10_000))
        assert len(pipes.read_exactly(30)) == 30
        assert pipes.channel.dropped == 0, n


def test_a_parent_that_is_gone_is_no_error(pipes: Pipes) -> None:
    pipes.close(pipes.from_child)
    for _ in range(3):
        pipes.channel.send(Pong(seq=1))
    pipes.channel.drain()
    assert pipes.ends == 0


def test_draining_waits_until_all_is_written(pipes: Pipes) -> None:
    for _ in range(50):
        pipes.channel.send(Log(level="info", message="x" * 10_000))
    received: list[FromChild | IpcError] = []
    decoder = decoder_in_parent()

    def read() -> None:
        while len(received) < 50:
            received.extend(decoder.feed(os.read(pipes.from_child, 1 << 16)))

    reader = threading.Thread(target=read)
    reader.start()
    pipes.channel.drain()
    reader.join(5)
    assert len(received) == 50


def test_claimed_standard_streams_keep_prints_out_of_the_protocol() -> None:
    script = """
import os, sys
from roomtape.child.channel import claim_stdio
read, write = claim_stdio()
print("a print", flush=True)
os.system("echo a child of the child; cat")
os.write(write, os.read(read, 100))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, input=b"protocol\n", capture_output=True, check=True, timeout=20
    )
    assert done.stdout == b"protocol\n"
    assert done.stderr.splitlines() == [b"a print", b"a child of the child"]
