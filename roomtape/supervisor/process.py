"""What the main process needs of a child process, however it came to be."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

PIPE_LIMIT: Final = 1 << 16


class Process(Protocol):
    """As much of `asyncio.subprocess.Process` as is used."""

    stdin: asyncio.StreamWriter | None
    stdout: asyncio.StreamReader | None
    stderr: asyncio.StreamReader | None
    pid: int

    @property
    def returncode(self) -> int | None: ...
    def send_signal(self, signal: int, /) -> None: ...
    def kill(self) -> None: ...
    async def wait(self) -> int: ...


Launch = Callable[[], Awaitable[Process]]
