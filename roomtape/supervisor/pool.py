"""Children that are started before they are needed, and idle until they get their configuration."""

import asyncio
import contextlib
from collections import deque

from roomtape.errors import ChildStartFailed
from roomtape.logs import get_logger
from roomtape.supervisor.process import Launch, Process

log = get_logger(__name__)


class Pool:
    """A Launch that gives out one of `size` idle children, started by `launcher`, and has the next one started."""

    def __init__(self, launcher: Launch, size: int, stop_s: float) -> None:
        self._launcher, self._size, self._stop_s = launcher, size, stop_s
        self._idle: deque[Process] = deque()
        self._taken = asyncio.Event()

    async def __call__(self) -> Process:
        """An idle child; a new one if there is none.

        Raises:
            ChildStartFailed: the system refuses another process.
        """
        self._taken.set()
        while self._idle:
            process = self._idle.popleft()
            if process.returncode is None:
                return process
        return await self._launcher()

    async def keep(self) -> None:
        """Have idle children until cancelled; then they end."""
        try:
            while True:
                self._taken.clear()
                try:
                    while len(self._idle) < self._size:
                        self._idle.append(await self._launcher())
                except ChildStartFailed as error:
                    log.warning("no child can be held ready", reason=error.detail)
                await self._taken.wait()
        finally:
            await asyncio.gather(*(self._end(process) for process in self._idle))

    async def _end(self, process: Process) -> None:
        if process.stdin is not None:
            process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), self._stop_s)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
