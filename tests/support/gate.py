"""A gate between one client and a handshake server: it can hold messages back, so that a test can stop time there."""

import asyncio
import contextlib
import json
from enum import Enum
from types import TracebackType
from typing import Self

from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed

Socket = ClientConnection | ServerConnection


class Toward(Enum):
    CLIENT = "client"
    SERVER = "server"


class Gate:
    """`async with Gate(server.url) as gate`: clients connect to `gate.url`.

    A connection that is lost on one side is closed on the other. `held` is set once a message waits.
    `say` puts words into the server's mouth.
    """

    def __init__(self, upstream: str) -> None:
        self._upstream = upstream
        self._server: Server | None = None
        self._holding: tuple[Toward, str] | None = None
        self._open = asyncio.Event()
        self._open.set()
        self.held = asyncio.Event()
        self.members: set[str] = set()
        """UUIDs that the server has named."""
        self._waiting = asyncio.Semaphore(0)
        self._clients: set[ServerConnection] = set()

    async def __aenter__(self) -> Self:
        self._server = await serve(self._serve, "127.0.0.1", 0, compression=None, ping_interval=None)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self.release()
        self._server.close()
        await self._server.wait_closed()

    @property
    def url(self) -> str:
        assert self._server is not None
        return f"ws://127.0.0.1:{next(iter(self._server.sockets)).getsockname()[1]}"

    def hold(self, toward: Toward, key: str) -> None:
        """From the next message on that has `key`, nothing goes that way until `release`."""
        self._holding = (toward, key)
        self._open.clear()
        self.held.clear()

    async def hold_of(self, connections: int) -> None:
        """Wait until so many are held."""
        for _ in range(connections):
            await self._waiting.acquire()

    def release(self) -> None:
        """Let all that waits go, in order."""
        self._holding = None
        self._open.set()

    async def say(self, text: str) -> None:
        """Tell all clients this, as if their server did."""
        for client in list(self._clients):
            with contextlib.suppress(ConnectionClosed):
                await client.send(text)

    async def _serve(self, client: ServerConnection) -> None:
        with contextlib.suppress(OSError, ConnectionClosed, TimeoutError):
            async with connect(self._upstream, compression=None, ping_interval=None, close_timeout=0.2) as server:
                self._clients.add(client)
                pumps = [
                    asyncio.create_task(self._pump(client, server, Toward.SERVER)),
                    asyncio.create_task(self._pump(server, client, Toward.CLIENT)),
                ]
                await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
                self._clients.discard(client)
                for pump in pumps:
                    pump.cancel()
                await asyncio.gather(*pumps, return_exceptions=True)

    async def _pump(self, source: Socket, target: Socket, toward: Toward) -> None:
        with contextlib.suppress(ConnectionClosed):
            async for text in source:
                message = json.loads(text)
                if toward is Toward.CLIENT and "UUID" in message:
                    self.members.add(message["UUID"])
                if self._holding and self._holding[0] is toward and self._holding[1] in message:
                    self.held.set()
                    self._waiting.release()
                    await self._open.wait()
                await target.send(text)
