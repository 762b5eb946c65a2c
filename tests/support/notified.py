"""Stands for systemd: a datagram socket that is told how a service is."""

import asyncio
import secrets
import socket
from pathlib import Path
from types import TracebackType
from typing import Self

from roomtape.observe.systemd import Systemd


class Notified:
    """`address` is for $NOTIFY_SOCKET: in `folder`, or without one in the abstract namespace. `news` is in order."""

    def __init__(self, folder: Path | None = None) -> None:
        self.address = str(folder / "notify") if folder is not None else f"@roomtape-{secrets.token_hex(8)}"
        self.news: list[str] = []
        self._more = asyncio.Event()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.bind("\0" + self.address[1:] if folder is None else self.address)

    async def __aenter__(self) -> Self:
        asyncio.get_running_loop().add_reader(self._socket, self._read)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()

    def systemd(self, watchdog_s: float | None = None) -> Systemd:
        """One that tells this."""
        return Systemd(self.address, watchdog_s)

    def _read(self) -> None:
        self.news.append(self._socket.recv(4096).decode())
        self._more.set()

    async def hears(self, start: str, timeout_s: float = 10.0, *, beyond: int = 0) -> str:
        """Wait for news that begin like that, those before number `beyond` left out."""
        async with asyncio.timeout(timeout_s):
            while True:
                for one in self.news[beyond:]:
                    if one.startswith(start):
                        return one
                self._more.clear()
                await self._more.wait()
