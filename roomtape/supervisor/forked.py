"""A child process that the fork server has made."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable
from typing import Final

from roomtape.supervisor.pipes import Pipes

EXIT_UNKNOWN: Final = 255
"""As in asyncio: the exit code of a process whose real one is lost."""


class ForkedProcess:
    """A child of the fork server. Its exit code comes from there: by `ended`, or, when the server is gone, after
    `orphaned`. `unreported` is called when it has ended and no report has come within `report_s`."""

    def __init__(self, pid: int, pidfd: int, report_s: float, unreported: Callable[[], None]) -> None:
        self.pid, self._pidfd = pid, pidfd
        self.stdin: asyncio.StreamWriter | None = None
        self.stdout: asyncio.StreamReader | None = None
        self.stderr: asyncio.StreamReader | None = None
        self._report_s, self._unreported = report_s, unreported
        self._code: int | None = None
        self._gone = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._patience: asyncio.TimerHandle | None = None
        self._loop.add_reader(pidfd, self._seen_to_end)

    def take(self, pipes: Pipes) -> None:
        self.stdin, self.stdout, self.stderr = pipes.stdin, pipes.stdout, pipes.stderr

    @property
    def returncode(self) -> int | None:
        return self._code

    def send_signal(self, number: int, /) -> None:
        if self._code is None:
            signal.pidfd_send_signal(self._pidfd, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    async def wait(self) -> int:
        await self._gone.wait()
        assert self._code is not None
        return self._code

    def ended(self, code: int) -> None:
        """The fork server's report."""
        self._code = code
        self._loop.remove_reader(self._pidfd)
        if self._patience is not None:
            self._patience.cancel()
        os.close(self._pidfd)
        self._gone.set()

    def orphaned(self) -> None:
        """The fork server is gone. Its children are ours now: see `adopt_orphans`."""
        if self._patience is not None:
            self._patience.cancel()
        self._loop.add_reader(self._pidfd, self._reap)

    def _seen_to_end(self) -> None:
        self._loop.remove_reader(self._pidfd)
        self._patience = self._loop.call_later(self._report_s, self._unreported)

    def _reap(self) -> None:
        code = EXIT_UNKNOWN
        with contextlib.suppress(ChildProcessError):  # the server had taken the exit code, and ended before it told it
            result = os.waitid(os.P_PIDFD, self._pidfd, os.WEXITED)
            if result is not None:
                code = result.si_status if result.si_code == os.CLD_EXITED else -result.si_status
        self.ended(code)
