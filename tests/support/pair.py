"""A publishing and a recording child joined pipe to pipe, without any signalling server."""

import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from roomtape.errors import IpcError
from roomtape.ipc.codec import decoder_in_parent, encode
from roomtape.ipc.messages import (
    AddViewer,
    Finished,
    FromChild,
    Init,
    LocalCandidates,
    LocalDescription,
    PublishConfig,
    Ready,
    RecordConfig,
    RemoteCandidates,
    RemoteDescription,
    Stop,
    ToChild,
    ViewConfig,
)
from roomtape.model import Candidate
from roomtape.supervisor.process import Process
from tests.support.nursery import NURSERY

ROOT = Path(__file__).parents[2]
PEER = "viewer"


class ChildProcess:
    """A real child, its messages collected in `seen`."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.seen: list[FromChild] = []
        self.garbage: list[IpcError] = []
        self.forward: Callable[[FromChild], None] = lambda _: None
        self._news = asyncio.Event()
        self._reader = asyncio.create_task(self._read())
        self._complaints = asyncio.create_task(self._complain())

    @classmethod
    async def launch(cls, *descriptors: int, module: str | None = None) -> "ChildProcess":
        """A child that has not been told anything yet: a forked one, or, if it inherits `descriptors` or is one of
        another `module`, a program of its own."""
        if module is None and not descriptors:
            return cls(await NURSERY.child())
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            module or "roomtape.child",
            cwd=ROOT,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            pass_fds=descriptors,
        )
        return cls(process)

    @classmethod
    async def start(
        cls, config: RecordConfig | ViewConfig | PublishConfig, *descriptors: int, module: str | None = None
    ) -> "ChildProcess":
        """A child that is ready."""
        child = await cls.launch(*descriptors, module=module)
        child.configure(config)
        await child.wait_for(Ready)
        return child

    def configure(self, config: RecordConfig | ViewConfig | PublishConfig) -> None:
        self.send(Init(config=config))

    def send(self, message: ToChild) -> None:
        assert self.process.stdin is not None
        with contextlib.suppress(ConnectionError):
            self.process.stdin.write(encode(message))

    async def _read(self) -> None:
        assert self.process.stdout is not None
        decoder = decoder_in_parent()
        while data := await self.process.stdout.read(65536):
            for item in decoder.feed(data):
                if isinstance(item, IpcError):
                    self.garbage.append(item)
                else:
                    self.seen.append(item)
                    self.forward(item)
            self._news.set()

    async def _complain(self) -> None:
        while self.process.stderr is not None and (line := await self.process.stderr.readline()):
            sys.stderr.write(line.decode(errors="replace"))

    def all(self, kind: type[Any]) -> list[Any]:
        return [message for message in self.seen if isinstance(message, kind)]

    async def wait_for(
        self, kind: type[Any], accept: Callable[[Any], bool] = lambda _: True, timeout_s: float = 20.0
    ) -> Any:
        """The first message of this kind that is accepted."""
        deadline = time.monotonic() + timeout_s
        while True:
            for message in self.all(kind):
                if accept(message):
                    return message
            self._news.clear()
            try:
                await asyncio.wait_for(self._news.wait(), deadline - time.monotonic())
            except TimeoutError:
                seen = [type(message).__name__ for message in self.seen]
                raise AssertionError(f"no {kind.__name__} within {timeout_s} s; seen: {seen}") from None

    async def stop(self) -> Finished | None:
        """Polite end; returns what the child said last."""
        self.send(Stop(reason="test", deadline_ms=3000))
        await asyncio.wait_for(self.process.wait(), 8)
        await self._reader
        return next(iter(self.all(Finished)), None)

    async def kill(self) -> None:
        if self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):  # it has just ended
                self.process.kill()
            await self.process.wait()
        await self._reader


Candidates = tuple[Candidate, ...]


class Pair:
    """The recorder's answers go to the publisher and the other way round. One publisher may have several, by `peer`."""

    def __init__(self, publisher: ChildProcess, recorder: ChildProcess, peer: str = PEER) -> None:
        self.publisher, self.recorder, self.peer = publisher, recorder, peer
        self.edit_offer: Callable[[str], str] = lambda sdp: sdp
        self.toward_recorder: Callable[[Candidates], Candidates] = lambda candidates: candidates
        self.toward_publisher: Callable[[Candidates], Candidates] = lambda candidates: candidates
        self.forward_candidates = True
        self._negotiation = 0
        self._others = publisher.forward
        publisher.forward = self._from_publisher
        recorder.forward = self._from_recorder

    def connect(self) -> None:
        self.publisher.send(AddViewer(peer=self.peer, session="s1"))

    def _from_publisher(self, message: FromChild) -> None:
        if isinstance(message, LocalDescription | LocalCandidates) and message.peer != self.peer:
            self._others(message)
        elif isinstance(message, LocalDescription):
            self._negotiation += 1
            offer = type(message.description)(message.description.type, self.edit_offer(message.description.sdp))
            self.recorder.send(RemoteDescription(negotiation=self._negotiation, description=offer))
        elif isinstance(message, LocalCandidates) and self.forward_candidates:
            self.recorder.send(RemoteCandidates(candidates=self.toward_recorder(message.candidates)))

    def _from_recorder(self, message: FromChild) -> None:
        if isinstance(message, LocalDescription):
            self.publisher.send(RemoteDescription(negotiation=1, description=message.description, peer=self.peer))
        elif isinstance(message, LocalCandidates) and self.forward_candidates:
            candidates = self.toward_publisher(message.candidates)
            self.publisher.send(RemoteCandidates(candidates=candidates, peer=self.peer))


@contextlib.asynccontextmanager
async def pair(
    publish: PublishConfig,
    record: RecordConfig | ViewConfig,
    *descriptors: int,
    module: str | None = None,
    sender: str | None = None,
) -> AsyncIterator[Pair]:
    """Both children, ready but not connected; killed at the end if they are still there.

    The one that receives inherits `descriptors`; `module` is what it runs, and `sender` what the other one does.
    """
    publisher, recorder = await asyncio.gather(
        ChildProcess.start(publish, module=sender), ChildProcess.start(record, *descriptors, module=module)
    )
    try:
        yield Pair(publisher, recorder)
    finally:
        await asyncio.gather(publisher.kill(), recorder.kill())
