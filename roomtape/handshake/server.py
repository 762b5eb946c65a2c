"""The WebSocket shell round the hub (protocol.md 12), which also serves the pages for guests."""

import asyncio
import errno
import itertools
import logging
import secrets
import time
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import msgspec
from websockets.asyncio.server import Server, ServerConnection, broadcast, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from roomtape import __version__
from roomtape.config import ServeSettings
from roomtape.errors import ConfigError
from roomtape.handshake.assets import read_assets
from roomtape.handshake.effects import Close, Deliver, Effect
from roomtape.handshake.hub import Hub
from roomtape.handshake.limits import HubLimits
from roomtape.handshake.pages import Pages
from roomtape.handshake.tls import ssl_context

BYTES_PER_CHARACTER: Final = 4
"""At most, in UTF-8: what the hub's limit in characters admits, the WebSocket must let through."""
BACKLOG: Final = 1024
"""Connections that the system may hold until they are accepted: hundreds join at once."""
SERVER_HEADER: Final = f"roomtape/{__version__}"
"""By this a recorder knows that it may say what it records."""

logger = logging.getLogger(__name__)


class ServerLimits(msgspec.Struct, frozen=True, kw_only=True):
    """How long one connection may keep the server waiting, in seconds, and how much it may leave unread.

    ping, pong      between keepalives; from one to its answer (RFC 6455 section 5.5.2), else the connection is dropped
    opening         from the TCP connection to the end of the WebSocket handshake
    closing         for the other side's close frame
    shutdown        for all connections to close, when the server ends
    max_unsent      bytes that may wait for a slow reader; with more, its connection is dropped
    """

    ping: float = 30.0
    pong: float = 30.0
    opening: float = 5.0
    closing: float = 2.0
    shutdown: float = 3.0
    max_unsent: int = 8 << 20


class HandshakeServer:
    """Serves ws:// or wss://, and pages over http:// or https://, as long as the context lasts.

    Raises, on entering:
        ConfigError: the address or the certificate cannot be used.
    """

    def __init__(self, settings: ServeSettings, state_dir: Path, limits: ServerLimits | None = None) -> None:
        self.hub = Hub(HubLimits(max_members=settings.max_members))
        self._pages = Pages(read_assets(), self.hub.recorded)
        self.slow_readers = 0
        """Connections dropped because they did not read."""
        self._settings = settings
        self._limits = limits or ServerLimits()
        self._state_dir = state_dir
        self._server: Server | None = None
        self._scheme = "ws"
        self._sockets: dict[int, ServerConnection] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._conn_ids = itertools.count(1)

    async def __aenter__(self) -> Self:
        context = ssl_context(self._settings, self._state_dir)
        self._scheme = "wss" if context is not None else "ws"
        try:
            self._server = await serve(
                self._serve,
                self._settings.host,
                self._settings.port,
                ssl=context,
                process_request=self._answer_http,
                compression=None,
                server_header=SERVER_HEADER,
                open_timeout=self._limits.opening,
                close_timeout=self._limits.closing,
                ping_interval=self._limits.ping,
                ping_timeout=self._limits.pong,
                max_size=self.hub.limits.max_frame * BYTES_PER_CHARACTER,
                backlog=BACKLOG,
            )
        except (OSError, OverflowError) as error:
            raise ConfigError(self._cannot_listen(error)) from error
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        try:
            await asyncio.wait_for(self._server.wait_closed(), self._limits.shutdown)
        except TimeoutError:
            logger.warning("handshake server left connections behind", extra={"seconds": self._limits.shutdown})

    @property
    def port(self) -> int:
        """The port in use, also when any free one was asked for."""
        assert self._server is not None
        port: int = next(iter(self._server.sockets)).getsockname()[1]
        return port

    @property
    def url(self) -> str:
        """How a client on this machine reaches the server."""
        host = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(self._settings.host, self._settings.host)  # noqa: S104
        return f"{self._scheme}://{f'[{host}]' if ':' in host else host}:{self.port}"

    @property
    def page_url(self) -> str:
        """Where a browser on this machine finds the pages."""
        return self.url.replace("ws", "http", 1) + "/"

    async def _serve(self, socket: ServerConnection) -> None:
        """One connection, from its opening to its end."""
        conn_id = next(self._conn_ids)
        self._sockets[conn_id] = socket
        try:
            self._perform(self.hub.connect(conn_id, secrets.token_hex(10)))
            async for message in socket:
                self._perform(self.hub.receive(conn_id, message, time.monotonic()))
        except ConnectionClosed:
            logger.debug("connection lost", extra={"connection": conn_id})
        finally:
            self._sockets.pop(conn_id, None)
            self.hub.disconnect(conn_id)

    def _answer_http(self, connection: ServerConnection, request: Request) -> Response | None:
        """What a browser that is no WebSocket gets; None lets the WebSocket handshake go on."""
        if any("websocket" in value.lower() for value in request.headers.get_all("Upgrade")):
            return None
        page = self._pages.answer(request.path)
        response = connection.respond(page.status, page.text)
        del response.headers["Content-Type"]
        response.headers.update(page.headers)
        return response

    def _perform(self, effects: Iterable[Effect]) -> None:
        """Never waits: what a reader has not taken yet stays in its transport, up to a bound."""
        for effect in effects:
            socket = self._sockets.get(effect.conn_id)
            if socket is None:
                continue
            match effect:
                case Deliver(conn_id, text):
                    broadcast((socket,), text)
                    if socket.transport.get_write_buffer_size() > self._limits.max_unsent:
                        self._drop(conn_id, socket)
                case Close(conn_id, code, reason):
                    logger.warning("connection closed by the rules", extra={"connection": conn_id, "reason": reason})
                    task = asyncio.create_task(socket.close(code, reason))
                    self._closing.add(task)
                    task.add_done_callback(self._closing.discard)

    def _drop(self, conn_id: int, socket: ServerConnection) -> None:
        self.slow_readers += 1
        del self._sockets[conn_id]
        self.hub.disconnect(conn_id)
        socket.transport.abort()
        logger.warning("slow reader dropped", extra={"connection": conn_id, "limit_bytes": self._limits.max_unsent})

    def _cannot_listen(self, error: Exception) -> str:
        host, port = self._settings.host, self._settings.port
        match error:
            case OverflowError():
                return f"port {port} is not between 0 and 65535"
            case OSError(errno=errno.EADDRINUSE):
                return f"port {port} on {host} is already in use: choose another one, or 0 for any that is free"
            case OSError(errno=errno.EACCES):
                return f"port {port} on {host} needs privileges: choose one above 1023"
            case _:
                return f"cannot listen on {host} port {port}: not an address of this machine"
