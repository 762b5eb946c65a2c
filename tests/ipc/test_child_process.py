"""The real child at the end of its pipes: what it says, and above all how it ends."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path

import pytest

from roomtape.errors import IpcError, Scope
from roomtape.ipc.codec import decoder_in_parent, encode
from roomtape.ipc.messages import (
    IPC_VERSION,
    Failed,
    Finished,
    FromChild,
    Init,
    Log,
    Ping,
    Pong,
    PublishConfig,
    Ready,
    RecordConfig,
    RequestKeyframe,
    Stop,
    ToChild,
)

ROOT = Path(__file__).parents[2]
AS_MODULE = ("-m", "roomtape.child")
AS_SCRIPT = ("webrtc_subprocess.py",)
STOP = Stop(reason="the test is over", deadline_ms=2000)
START_S = 15.0
"""A first start may have to look through all plugins."""
END_S = 2.0
"""Within this a child is gone, however it is told to end."""


class RealChild:
    """A child process; `items` is everything that came on its stdout, garbage included."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.items: list[FromChild | IpcError] = []
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        assert self.process.stdout is not None
        decoder = decoder_in_parent()
        while data := await self.process.stdout.read(1 << 16):
            self.items += decoder.feed(data)

    def write(self, data: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(data)

    def send(self, *messages: ToChild) -> None:
        self.write(b"".join(map(encode, messages)))

    async def hear(self, expected: FromChild | type[FromChild]) -> FromChild:
        """Wait for a message that equals `expected` or is one."""
        async with asyncio.timeout(START_S):
            while True:
                for item in self.items:
                    if item == expected or (isinstance(expected, type) and isinstance(item, expected)):
                        assert not isinstance(item, IpcError)
                        return item
                await asyncio.sleep(0.005)

    async def ended(self) -> int:
        """The exit code; an error if the end takes too long."""
        code = await asyncio.wait_for(self.process.wait(), END_S)
        await self._reading
        return code

    async def close(self) -> None:
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()
        await self._reading


Run = Callable[..., Awaitable[RealChild]]


@pytest.fixture
async def run() -> AsyncIterator[Run]:
    """Starts real children; none outlives the test."""
    started: list[RealChild] = []

    async def start(arguments: Sequence[str] = AS_MODULE, **environment: str) -> RealChild:
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            sys.executable, *arguments, cwd=ROOT, stdin=pipe, stdout=pipe, env={**os.environ, **environment}
        )
        started.append(RealChild(process))
        return started[-1]

    yield start
    for child in started:
        await child.close()


def is_empty(folder: Path) -> bool:
    return not any(folder.iterdir())


def record(folder: Path) -> Init:
    return Init(config=RecordConfig(stream_id="ann", folder=str(folder), stem="ann"))


@pytest.mark.parametrize("arguments", [AS_MODULE, AS_SCRIPT], ids=["module", "script"])
async def test_a_life(run: Run, tmp_path: Path, arguments: Sequence[str]) -> None:
    # The noise of GStreamer must not reach the protocol.
    child = await run(arguments, GST_DEBUG="4", GST_DEBUG_FILE="/dev/stdout")
    child.send(record(tmp_path))
    ready = await child.hear(Ready)
    assert isinstance(ready, Ready)
    assert (ready.version, ready.pid) == (IPC_VERSION, child.process.pid)
    assert tuple(map(int, ready.gstreamer.split(".")[:2])) >= (1, 22)
    child.send(Ping(seq=41), Ping(seq=42))
    await child.hear(Pong(seq=42))
    child.send(STOP)
    assert await child.ended() == 0
    assert [item for item in child.items if isinstance(item, IpcError)] == []
    assert child.items[0] == ready
    assert child.items[-1] == Finished(files=())
    assert [item for item in child.items if isinstance(item, Pong)] == [Pong(seq=41), Pong(seq=42)]
    assert is_empty(tmp_path)


async def test_a_publishing_child_lives_too(run: Run) -> None:
    child = await run()
    child.send(Init(config=PublishConfig(stream_id="ann", width=160, height=90, framerate=5)))
    await child.hear(Ready)
    child.send(STOP)
    assert await child.ended() == 0
    assert child.items[-1] == Finished(files=())


# --- how it is told to end ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_is_an_orderly_end(run: Run, tmp_path: Path, number: signal.Signals) -> None:
    child = await run()
    child.send(record(tmp_path))
    await child.hear(Ready)
    child.process.send_signal(number)
    assert await child.ended() == 0
    assert child.items[-1] == Finished(files=())


@pytest.mark.parametrize("working", [True, False])
async def test_the_end_of_stdin_is_an_orderly_end(run: Run, tmp_path: Path, working: bool) -> None:
    child = await run()
    child.send(record(tmp_path) if working else Ping(seq=1))
    await child.hear(Ready if working else Pong)
    assert child.process.stdin is not None
    child.process.stdin.close()
    assert await child.ended() == 0
    assert child.items[-1] == Finished(files=())


async def test_stop_before_init_is_an_orderly_end(run: Run) -> None:
    child = await run()
    child.send(STOP)
    await child.hear(Finished)
    assert await child.ended() == 0


PARENT = """
import asyncio
from roomtape.ipc.messages import RecordConfig
from roomtape.supervisor.manager import WebRTCSubprocessManager

async def main():
    manager = WebRTCSubprocessManager(RecordConfig(stream_id="ann", folder="unused", stem="ann"), lambda _: None)
    await manager.start()
    print(manager.pid, flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


def is_gone(pid: int) -> bool:
    """Whether the process has ended; one that nobody has waited for counts too."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].startswith("Z")
    except (FileNotFoundError, ProcessLookupError):
        return True


async def test_a_child_does_not_outlive_a_killed_parent() -> None:
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PARENT, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert parent.stdout is not None
        pid = int(await asyncio.wait_for(parent.stdout.readline(), START_S))
        assert not is_gone(pid)
    finally:
        parent.kill()
        await parent.wait()
    killed = time.monotonic()
    while not is_gone(pid):
        assert time.monotonic() - killed < END_S
        await asyncio.sleep(0.01)


# --- what it does not take ----------------------------------------------------------------------------------------


async def failure(child: RealChild) -> Failed:
    failed = await child.hear(Failed)
    assert isinstance(failed, Failed)
    assert await child.ended() == 1
    assert isinstance(child.items[-1], Finished)
    return failed


async def test_a_message_before_init_is_a_failure(run: Run) -> None:
    child = await run()
    child.send(RequestKeyframe())
    failed = await failure(child)
    assert (failed.code, failed.scope, failed.detail) == ("ipc", Scope.SYSTEM, "RequestKeyframe before Init")


async def test_another_version_is_a_failure_that_names_both(run: Run, tmp_path: Path) -> None:
    child = await run()
    child.send(Init(version=IPC_VERSION + 6, config=record(tmp_path).config))
    failed = await failure(child)
    assert failed.detail == f"the parent speaks version {IPC_VERSION + 6}, this child {IPC_VERSION}"
    assert not any(isinstance(item, Ready) for item in child.items)


async def test_a_second_init_is_a_failure(run: Run, tmp_path: Path) -> None:
    child = await run()
    child.send(record(tmp_path), record(tmp_path))
    assert (await failure(child)).detail == "a second Init"


async def test_garbage_and_unknown_kinds_are_told_and_change_nothing(run: Run, tmp_path: Path) -> None:
    child = await run()
    child.send(record(tmp_path))
    garbage = [b"hello", b"[]", b'{"kind":"dance"}', b'{"kind":"ping","seq":"x"}', b"\xff\x00", b"x" * (2 << 20)]
    child.write(b"\n".join(garbage) + b"\n")
    child.send(Ping(seq=1))
    await child.hear(Pong(seq=1))
    dropped = [item for item in child.items if isinstance(item, Log) and item.level == "warning"]
    assert [item.message for item in dropped] == ["line from the parent dropped"] * len(garbage)
    child.send(STOP)
    assert await child.ended() == 0
