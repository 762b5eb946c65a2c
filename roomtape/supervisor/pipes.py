"""The pipes of a child that somebody else starts."""

import asyncio
import os

from roomtape.supervisor.process import PIPE_LIMIT


class Pipes:
    """The three pipes of a child. `theirs` are the child's ends, for as long as it does not have them."""

    stdin: asyncio.StreamWriter
    stdout: asyncio.StreamReader
    stderr: asyncio.StreamReader

    def __init__(self) -> None:
        """
        Raises:
            OSError: too many open files.
        """
        self._open: list[int] = []
        try:
            pairs = [self._pipe() for _ in range(3)]
        except OSError:
            self.close()
            raise
        (read_in, self._in), (self._out, write_out), (self._err, write_err) = pairs
        self.theirs = (read_in, write_out, write_err)

    def _pipe(self) -> tuple[int, int]:
        ends = os.pipe()
        self._open += ends
        return ends

    def give_away(self) -> None:
        """The child has its ends: it must see the end of its stdin, and we that of its stdout."""
        for descriptor in self.theirs:
            self._open.remove(descriptor)
            os.close(descriptor)

    async def connect(self) -> None:
        """Make streams of our ends."""
        self.stdout = await self._reader(self._out)
        self.stderr = await self._reader(self._err)
        loop = asyncio.get_running_loop()
        transport, protocol = await loop.connect_write_pipe(
            lambda: asyncio.StreamReaderProtocol(asyncio.StreamReader()), self._file(self._in, "wb")
        )
        self.stdin = asyncio.StreamWriter(transport, protocol, None, loop)

    async def _reader(self, descriptor: int) -> asyncio.StreamReader:
        reader = asyncio.StreamReader(limit=PIPE_LIMIT)
        await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), self._file(descriptor, "rb")
        )
        return reader

    def _file(self, descriptor: int, mode: str) -> object:
        self._open.remove(descriptor)
        return os.fdopen(descriptor, mode, buffering=0)

    def close(self) -> None:
        """Whatever is still a bare descriptor."""
        while self._open:
            os.close(self._open.pop())
