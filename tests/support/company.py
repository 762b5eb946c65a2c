"""Guests who are but company: all that a process's tests need come from one program, and their children are forked.

A program and an executed child for each cost more than all that most guests send. Where a guest's program itself is
looked at, or killed, there is `Studio.guest`.
"""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import msgspec

from tests.support.session import KEPT
from tests.support.words import Words

ROOT: Final = Path(__file__).parents[2]
END_DEADLINE_S: Final = 10.0
LINE_LIMIT: Final = 1 << 20


class Order(msgspec.Struct, frozen=True):
    """A guest comes, with the arguments of publish.py; without any it leaves, or is killed."""

    guest: int
    arguments: tuple[str, ...] = ()
    kill: bool = False


class News(msgspec.Struct, frozen=True):
    """A guest says a line, or is gone with an exit code."""

    guest: int
    line: str = ""
    code: int | None = None


class Companion(Words):
    """One guest; `output` is what its program would have written."""

    def __init__(self, name: str, number: int) -> None:
        super().__init__(name)
        self._number = number
        self.gone: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    @property
    def is_gone(self) -> bool:
        return self.gone.done()

    async def stop(self, *, kill: bool = False) -> int:
        """As at Ctrl-C, or by the death of its child; returns the exit code."""
        if not self.is_gone:
            COMPANY.order(Order(self._number, kill=kill))
        try:
            return await asyncio.wait_for(asyncio.shield(self.gone), END_DEADLINE_S)
        except TimeoutError:
            raise AssertionError(f"{self.name} does not leave; it said:\n{self.output}") from None


class _Company:
    def __init__(self) -> None:
        self._program: asyncio.subprocess.Process | None = None
        self._starting = asyncio.Lock()
        self._guests: dict[int, Companion] = {}

    async def enter(self, name: str, *arguments: str) -> Companion:
        """A guest with these arguments of publish.py, who need not have joined yet."""
        async with self._starting:
            if self._program is None:
                self._program = await KEPT.enter_async_context(self._running())
        number = len(self._guests) + 1
        guest = self._guests[number] = Companion(name, number)
        self.order(Order(number, arguments))
        return guest

    def order(self, order: Order) -> None:
        assert self._program is not None
        assert self._program.stdin is not None
        self._program.stdin.write(msgspec.json.encode(order) + b"\n")

    @contextlib.asynccontextmanager
    async def _running(self) -> AsyncIterator[asyncio.subprocess.Process]:
        program = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.support.company_program"),
            cwd=ROOT,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=LINE_LIMIT,
        )
        reading = asyncio.create_task(self._read(program))
        try:
            yield program
        finally:
            assert program.stdin is not None
            program.stdin.close()
            await program.wait()
            await reading

    async def _read(self, program: asyncio.subprocess.Process) -> None:
        assert program.stdout is not None
        async for line in program.stdout:
            news = msgspec.json.decode(line, type=News)
            guest = self._guests[news.guest]
            if news.code is not None:
                guest.gone.set_result(news.code)
            guest.hear(news.line)


COMPANY: Final = _Company()
