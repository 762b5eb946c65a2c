"""A child process that is none, for what starts children: it is driven by the test and takes no time."""

import asyncio
from typing import cast

from roomtape.ipc.codec import Decoder, encode
from roomtape.ipc.messages import FromChild, Stop, ToChild


class FakePipe:
    """A child's stdin: collects the messages written to it."""

    def __init__(self, process: "FakeProcess") -> None:
        self._process = process
        self._decoder: Decoder[ToChild] = Decoder(ToChild)
        self._closed = False
        self.transport = self

    def get_write_buffer_size(self) -> int:
        return 0

    def write(self, data: bytes) -> None:
        for message in self._decoder.feed(data):
            assert isinstance(message, ToChild)
            self._process.take(message)

    def is_closing(self) -> bool:
        return self._closed

    def close(self) -> None:
        self._closed = True

    async def wait_closed(self) -> None:
        pass


class FakeProcess:
    """A child that says what the test lets it say, and ends when it is asked to, unless it is stubborn."""

    pid = 1

    def __init__(self, *, stubborn: bool = False) -> None:
        self._stubborn = stubborn
        self._gone = asyncio.Event()
        self.stdin, self.stdout, self.stderr = FakePipe(self), asyncio.StreamReader(), asyncio.StreamReader()
        self.returncode: int | None = None
        self.told: list[ToChild] = []
        self.signals: list[int] = []

    def take(self, message: ToChild) -> None:
        self.told.append(message)
        if isinstance(message, Stop) and not self._stubborn:
            self.exit(0)

    def say(self, message: FromChild) -> None:
        self.stdout.feed_data(encode(message))

    def exit(self, code: int) -> None:
        self.returncode = code
        self.stdout.feed_eof()
        self.stderr.feed_eof()
        self._gone.set()

    def send_signal(self, number: int, /) -> None:
        self.signals.append(number)

    def kill(self) -> None:
        self.exit(-9)

    async def wait(self) -> int | None:
        await self._gone.wait()
        return self.returncode


class FakeLauncher:
    """Starts fake processes; waits while `open` is clear, and raises `refusal` if there is one."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.open.set()
        self.refusal: Exception | None = None
        self.stubborn = False
        self.processes: list[FakeProcess] = []

    async def __call__(self) -> asyncio.subprocess.Process:
        await self.open.wait()
        if self.refusal is not None:
            raise self.refusal
        self.processes.append(FakeProcess(stubborn=self.stubborn))
        return cast(asyncio.subprocess.Process, self.processes[-1])


async def settle() -> None:
    """Lets everything happen that needs no time to pass."""
    for _ in range(20):
        await asyncio.sleep(0)
