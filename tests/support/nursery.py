"""Children for tests, forked as a recorder's are: a start costs a tenth of that of a program.

The fork server is started once per process of the test run (tests.support.session).
"""

import asyncio
from typing import Final

from roomtape.config import Deadlines, SupervisionSettings
from roomtape.observe.metrics import Metrics
from roomtape.supervisor.launcher import launching
from roomtape.supervisor.process import Launch, Process
from tests.support.session import KEPT


class _Nursery:
    def __init__(self) -> None:
        self._metrics = Metrics()
        self._launch: Launch | None = None
        self._starting = asyncio.Lock()

    async def child(self) -> Process:
        """One that has not been told anything yet."""
        async with self._starting:
            if self._launch is None:
                launcher = launching(SupervisionSettings(), Deadlines(), self._metrics)
                self._launch = await KEPT.enter_async_context(launcher)
        failed = self._metrics.forks_failed.value
        child = await self._launch()
        assert self._metrics.forks_failed.value == failed
        return child


NURSERY: Final = _Nursery()
