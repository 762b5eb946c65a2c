"""The line to one running fork server: its answers given to those who asked, its end noticed."""

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import Awaitable, Callable
from itertools import count
from typing import Self

import msgspec

from roomtape.config import Deadlines
from roomtape.errors import ChildStartFailed, ForkServerFailed
from roomtape.ipc.forking import (
    PACKET,
    Exited,
    Fork,
    Forked,
    FromForkServer,
    Refused,
    Serving,
    encode_packet,
    read_answer,
)
from roomtape.supervisor.forked import ForkedProcess
from roomtape.supervisor.pipes import Pipes
from roomtape.supervisor.process import Process

Execute = Callable[[socket.socket], Awaitable[asyncio.subprocess.Process]]
"""Starts a fork server that has this socket as its stdin."""


class ForkLine:
    """Made by `open`. Every fork server that does not do its work in time is killed: there will be another."""

    def __init__(self, connection: socket.socket, server: asyncio.subprocess.Process, deadlines: Deadlines) -> None:
        self._connection, self._server, self._deadlines = connection, server, deadlines
        self._numbers = count(1)
        self._asked: dict[int, asyncio.Future[ForkedProcess]] = {}
        self._children: dict[int, ForkedProcess] = {}
        self._serving = asyncio.Event()
        self._reason = ""
        # asyncio's kill() may take the exit code of a process that has just ended away from its own wait().
        self._pidfd = os.pidfd_open(server.pid)
        self._loop = asyncio.get_running_loop()
        self._over = asyncio.create_task(self._server.wait())
        self._over.add_done_callback(lambda _: self._lost())
        connection.setblocking(False)
        self._loop.add_reader(connection, self._readable)

    @classmethod
    async def open(cls, execute: Execute, deadlines: Deadlines) -> Self:
        """Start a fork server; returns when it serves.

        Raises:
            ForkServerFailed: it did not start, or not in time.
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            try:
                server = await execute(theirs)
            except OSError as error:
                ours.close()
                raise ForkServerFailed(f"the fork server cannot be started: {error.strerror}") from error
        line = cls(ours, server, deadlines)
        try:
            await line._until_it_serves()
            return line
        finally:
            if not line._serving.is_set():
                line.close()

    async def fork(self) -> Process:
        """A new child.

        Raises:
            ForkServerFailed: the server has ended, or does not answer in time.
            ChildStartFailed: the system refuses another process.
        """
        try:
            pipes = Pipes()
        except OSError as error:
            raise ChildStartFailed(f"cannot start a child: {error.strerror}") from error
        try:
            child = await self._ask(pipes)
            await pipes.connect()
            child.take(pipes)
            return child
        finally:
            pipes.close()

    async def _ask(self, pipes: Pipes) -> ForkedProcess:
        number = next(self._numbers)
        answer = self._asked[number] = self._loop.create_future()
        try:
            try:
                socket.send_fds(self._connection, [encode_packet(Fork(number=number))], pipes.theirs)
            except OSError as error:
                raise ForkServerFailed(f"the fork server takes no request: {error.strerror}") from error
            pipes.give_away()
            return await asyncio.wait_for(answer, self._deadlines.fork)
        except TimeoutError:
            self._give_up(f"it has not forked within {self._deadlines.fork:g} s")
            raise ForkServerFailed(f"the fork server has not answered within {self._deadlines.fork:g} s") from None
        finally:
            del self._asked[number]

    async def ended(self) -> str:
        """Wait for the end of the server; returns the reason in words."""
        code = await asyncio.shield(self._over)
        return self._reason or f"it ended with code {code}"

    def close(self) -> None:
        """End the server. Its children go on."""
        self._give_up("closed")

    async def _until_it_serves(self) -> None:
        serving = asyncio.create_task(self._serving.wait())
        try:
            await asyncio.wait(
                (serving, self._over), timeout=self._deadlines.child_ready, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            serving.cancel()
        if self._over.done():
            raise ForkServerFailed(f"the fork server ended with code {self._over.result()} when it began")
        if not self._serving.is_set():
            raise ForkServerFailed(f"the fork server was not ready within {self._deadlines.child_ready:g} s")

    def _readable(self) -> None:
        """Take everything that has come."""
        try:
            while True:
                packet, descriptors, *_ = socket.recv_fds(self._connection, PACKET, 1, socket.MSG_CMSG_CLOEXEC)
                if not packet:
                    self._give_up("it has closed its socket")
                    break
                self._take(read_answer(packet), descriptors)
        except BlockingIOError:
            return
        except (OSError, msgspec.MsgspecError) as error:
            self._give_up(f"it cannot be understood: {error}")
        self._loop.remove_reader(self._connection)

    def _take(self, message: FromForkServer, descriptors: list[int]) -> None:
        match message:
            case Serving():
                self._serving.set()
            case Forked(number=number, pid=pid) if descriptors:
                # One that nobody waits for any more ends by itself, since its stdin has ended.
                child = ForkedProcess(pid, descriptors.pop(), self._deadlines.report, self._unreported)
                self._children[pid] = child
                if self._waits(number):
                    self._asked[number].set_result(child)
            case Refused(number=number, reason=reason) if self._waits(number):
                self._asked[number].set_exception(ChildStartFailed(f"cannot start a child: {reason}"))
            case Exited(pid=pid, code=code) if pid in self._children:
                self._children.pop(pid).ended(code)
            case _:
                pass  # refused to one who no longer waits
        for descriptor in descriptors:
            os.close(descriptor)

    def _waits(self, number: int) -> bool:
        return number in self._asked and not self._asked[number].done()

    def _unreported(self) -> None:
        self._give_up(f"it has not reported the end of a child within {self._deadlines.report:g} s")

    def _give_up(self, reason: str) -> None:
        self._reason = self._reason or reason
        if self._over.done():
            return
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)

    def _lost(self) -> None:
        """The server is gone: what it still said counts, and its children are ours."""
        if self._loop.remove_reader(self._connection):
            self._readable()
            self._loop.remove_reader(self._connection)
        self._connection.close()
        os.close(self._pidfd)
        for answer in self._asked.values():
            if not answer.done():
                answer.set_exception(ForkServerFailed("the fork server has ended"))
        for child in self._children.values():
            child.orphaned()
