"""The main process's side of the fork server (`roomtape.child.zygote`): kept running, and started again when it ends.

A child that cannot be forked is executed afresh, so nothing depends on the server but speed and memory.
"""

import asyncio
import ctypes
from typing import Final

from roomtape.config import Deadlines
from roomtape.errors import ForkServerFailed
from roomtape.logs import get_logger
from roomtape.observe.metrics import Metrics
from roomtape.supervisor.backoff import delay
from roomtape.supervisor.forkline import Execute, ForkLine
from roomtape.supervisor.process import Launch, Process

RESTART_S: Final = 1.0
"""From one start of the server to the next; longer after failures."""
RESTART_CEILING_S: Final = 60.0
PR_SET_CHILD_SUBREAPER: Final = 36

log = get_logger(__name__)


class ForkServer:
    """A Launch that forks. `execute` starts a server, `otherwise` a child while there is none."""

    def __init__(self, execute: Execute, otherwise: Launch, deadlines: Deadlines, metrics: Metrics) -> None:
        self._execute, self._otherwise = execute, otherwise
        self._deadlines, self._metrics = deadlines, metrics
        self._line: ForkLine | None = None
        self._tried = asyncio.Event()

    async def __call__(self) -> Process:
        """A new child. Only the first server is waited for.

        Raises:
            ChildStartFailed: the system refuses another process.
        """
        await self._tried.wait()
        try:
            if self._line is None:
                raise ForkServerFailed("there is no fork server just now")
            return await self._line.fork()
        except ForkServerFailed as error:
            self._metrics.forks_failed.add()
            log.warning("a child is executed afresh, which takes longer", reason=error.detail)
            return await self._otherwise()

    async def keep(self) -> None:
        """Have a server until cancelled. The children of one that ends go on."""
        adopt_orphans()
        clock, failures = asyncio.get_running_loop().time, 0
        try:
            while True:
                begun = clock()
                self._metrics.fork_servers_started.add()
                try:
                    self._line = await ForkLine.open(self._execute, self._deadlines)
                    self._tried.set()
                    failures = 0
                    reason = await self._line.ended()
                except ForkServerFailed as error:
                    failures += 1
                    reason = error.detail
                self._line = None
                self._tried.set()
                log.warning("the fork server is started again", reason=reason)
                pause = delay(failures, base_s=RESTART_S, ceiling_s=RESTART_CEILING_S, jitter=1)
                await asyncio.sleep(max(0.0, begun + pause - clock()))
        finally:
            self._tried.set()
            if self._line is not None:
                self._line.close()
                await self._line.ended()


def adopt_orphans() -> None:
    """Become the parent of children whose parent ends (prctl(2)), so that their exit codes are not lost with it."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
