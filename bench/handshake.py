"""The handshake server, over real sockets: members who join at once, and messages from one to another."""

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

from websockets.asyncio.client import ClientConnection, connect

from bench import proc
from bench.peers.roomtape import LISTENING

MEMBERS: Final = 500
MESSAGES: Final = 10
"""From each member to its neighbour, while all others do the same."""
TEXT: Final = "x" * 1000
START_S: Final = 20.0
DEADLINE_S: Final = 120.0
LOOK_S: Final = 0.02


def measure() -> dict[str, Any]:
    """Members and messages per second, by the clock, and per second of the server's CPU time."""
    with tempfile.TemporaryDirectory(prefix="roomtape-bench-") as folder:
        log = Path(folder) / "log"
        with log.open("w") as output:
            command = [sys.executable, "-m", "roomtape", "serve", "--port", "0", "--max-members", str(MEMBERS)]
            server = subprocess.Popen(command, stdout=output, stderr=output, cwd=Path(__file__).parents[1])
        try:
            return asyncio.run(_load(_url(log), server.pid))
        finally:
            server.terminate()
            server.wait()


def _url(log: Path) -> str:
    end = time.monotonic() + START_S
    while not (found := LISTENING.search(log.read_text())):
        if time.monotonic() > end:
            raise TimeoutError("the handshake server did not start")
        time.sleep(0.05)
    return found[0]


class Member:
    """One connection; what comes is counted by a task of its own."""

    def __init__(self, socket: ClientConnection, number: int) -> None:
        self._socket, self._number = socket, number
        self.announced = self.received = 0
        self.asked_by = ""
        self._reader = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for text in self._socket:
            assert isinstance(text, str)
            if TEXT in text:
                self.received += 1
            elif "offerSDP" in text:
                self.asked_by = json.loads(text)["UUID"]
            elif "videoaddedtoroom" in text or "someonejoined" in text:
                self.announced += 1

    async def send(self, **message: Any) -> None:
        await self._socket.send(json.dumps(message))

    async def join(self) -> None:
        await self.send(request="joinroom", roomid="benchroom")
        await self.send(request="seed", streamID=f"stream{self._number}")

    async def ask(self) -> None:
        """The neighbour, who so learns this one's address."""
        await self.send(request="play", streamID=f"stream{(self._number + 1) % MEMBERS}")

    async def answer(self) -> None:
        for _ in range(MESSAGES):
            await self.send(UUID=self.asked_by, session="session", description={"type": "offer", "sdp": TEXT})

    async def leave(self) -> None:
        await self._socket.close()
        await self._reader


async def _load(url: str, pid: int) -> dict[str, Any]:
    members = [Member(await connect(url, compression=None), number) for number in range(MEMBERS)]
    seen = MEMBERS * (MEMBERS - 1)

    async def timed(work: Callable[[Member], Awaitable[None]], done: Callable[[], bool]) -> tuple[float, float]:
        cpu, began = proc.cpu_s([pid]), time.monotonic()
        await asyncio.gather(*map(work, members))
        async with asyncio.timeout(DEADLINE_S):
            while not done():  # noqa: ASYNC110 - hundreds of counters; an event for each would be measured too
                await asyncio.sleep(LOOK_S)
        return time.monotonic() - began, proc.cpu_s([pid]) - cpu

    joined, joined_cpu = await timed(Member.join, lambda: sum(m.announced for m in members) >= seen)
    await timed(Member.ask, lambda: all(m.asked_by for m in members))
    passed, passed_cpu = await timed(Member.answer, lambda: sum(m.received for m in members) == MEMBERS * MESSAGES)
    await asyncio.gather(*map(Member.leave, members))
    return {
        "members": MEMBERS,
        "joins_per_s": round(MEMBERS / joined),
        "joins_per_cpu_s": round(MEMBERS / joined_cpu),
        "announcements_per_cpu_s": round(seen / joined_cpu),
        "messages_per_s": round(MEMBERS * MESSAGES / passed),
        "messages_per_cpu_s": round(MEMBERS * MESSAGES / passed_cpu),
    }
