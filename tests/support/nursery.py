"""Children for tests, forked as a recorder's are: a start costs a tenth of that of a program.

The fork server is started once per process of the test run and belongs to the session's event loop:

    pytestmark = pytest.mark.asyncio(loop_scope="session")
"""

import contextlib
from typing import Final

from roomtape.config import Deadlines, SupervisionSettings
from roomtape.observe.metrics import Metrics
from roomtape.supervisor.launcher import launching
from roomtape.supervisor.process import Launch, Process


class _Nursery:
    def __init__(self) -> None:
        self._metrics = Metrics()
        self._stack = contextlib.AsyncExitStack()
        self._launch: Launch | None = None

    async def child(self) -> Process:
        """One that has not been told anything yet."""
        if self._launch is None:
            launcher = launching(SupervisionSettings(), Deadlines(), self._metrics)
            self._launch = await self._stack.enter_async_context(launcher)
        failed = self._metrics.forks_failed.value
        child = await self._launch()
        assert self._metrics.forks_failed.value == failed
        return child

    async def close(self) -> None:
        await self._stack.aclose()
        self._launch = None


NURSERY: Final = _Nursery()
