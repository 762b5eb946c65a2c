"""The WebSocket shell round `Protocol`: connects, reconnects for ever, performs outputs (protocol.md 1)."""

import asyncio
import os
import random
import ssl
import time
from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

import websockets
from websockets.asyncio.client import ClientConnection, connect

from roomtape.config import SignalingSettings
from roomtape.errors import RecorderError, SignalingUnreachable
from roomtape.logs import get_logger, printable
from roomtape.observe.metrics import Metrics
from roomtape.signaling.messages import Dialect, Request, Signal
from roomtape.signaling.protocol import Abandon, Deliver, Joined, Output, Protocol, SeedFailed, Transmit
from roomtape.signaling.wire import MAX_FRAME
from roomtape.supervisor.backoff import delay

RETRY_BASE_S: Final = 1.0
RETRY_CEILING_S: Final = 30.0
STABLE_S: Final = 10.0
"""A connection that lasted so long after joining was a good one: the back-off starts anew."""
OPEN_DEADLINE_S: Final = 10.0
PING_INTERVAL_S: Final = 15.0
PING_DEADLINE_S: Final = 14.0
"""Protocol pings notice half-open sockets; generous, as the hosted service's own habits are not known (1.2)."""
CLOSE_DEADLINE_S: Final = 1.0
HARD_LIMIT: Final = 16 * MAX_FRAME
"""Bytes. What is above MAX_FRAME is dropped and counted; only far above it the connection is given up."""
MAX_UNSENT: Final = 1000
"""Frames waiting for a slow server; more are dropped and counted."""

log = get_logger(__name__)


class SignalingClient:
    """One WebSocket at a time. Callbacks run on the event loop: `on_signal`, `on_joined`, `on_lost`, `on_refused`."""

    def __init__(
        self,
        server: str,
        protocol: Protocol,
        *,
        on_signal: Callable[[Signal], None],
        on_joined: Callable[[Joined], None],
        on_lost: Callable[[RecorderError], None],
        on_refused: Callable[[str], None] = lambda _text: None,
        insecure: bool = False,
        metrics: Metrics | None = None,
    ) -> None:
        self._server, self._protocol = server, protocol
        self._on_signal, self._on_joined, self._on_lost, self._on_refused = on_signal, on_joined, on_lost, on_refused
        self._insecure, self._metrics = insecure, metrics or Metrics()
        self._failures = 0
        self._joined_at = float("inf")
        self._outbox: asyncio.Queue[str] = asyncio.Queue(MAX_UNSENT)
        self._wake = asyncio.Event()
        self._abandon = asyncio.Event()
        self._abandoned: RecorderError | None = None
        self.frames_in = self.frames_out = self.dropped = self.reconnects = 0

    def request(self, request: Request) -> None:
        """Send, now or when it is possible; see `Protocol.request`."""
        before = self._protocol.dropped
        self._perform(self._protocol.request(request, time.monotonic()))
        if lost := self._protocol.dropped - before:
            self._metrics.requests_dropped.add("requests without a connection", lost)

    async def run(self) -> None:
        """Stay connected until cancelled."""
        while True:
            try:
                await self._once()
                words = "the handshake server closed the connection"
            except (OSError, websockets.WebSocketException, UnicodeError) as problem:
                words = f"cannot reach the handshake server: {_words(problem)}"
            error = self._abandoned or SignalingUnreachable(words)
            self._protocol.closed()
            self._on_lost(error)
            if time.monotonic() - self._joined_at > STABLE_S:
                self._failures = 0
            self._joined_at = float("inf")
            wait = delay(self._failures, base_s=RETRY_BASE_S, ceiling_s=RETRY_CEILING_S, jitter=random.random())
            self._failures += 1
            log.warning("signaling lost", reason=error.detail, retry_s=round(wait, 1))
            await asyncio.sleep(wait)
            self.reconnects += 1
            self._metrics.signaling_reconnects.add()

    async def _once(self) -> None:
        self._abandoned = None
        async with connect(
            self._server,
            ssl=tls_context(self._server, insecure=self._insecure),
            open_timeout=OPEN_DEADLINE_S,
            close_timeout=CLOSE_DEADLINE_S,
            ping_interval=PING_INTERVAL_S,
            ping_timeout=PING_DEADLINE_S,
            max_size=HARD_LIMIT,
            compression=None,
            user_agent_header=None,
        ) as socket:
            self._outbox = asyncio.Queue(MAX_UNSENT)
            self._abandon.clear()
            self._perform(self._protocol.opened(time.monotonic(), _server_of(socket)))
            helpers = [
                asyncio.create_task(work)
                for work in (self._send_all(socket), self._keep_time(), self._close_if_abandoned(socket))
            ]
            try:
                async for text in socket:
                    self.frames_in += 1
                    self._metrics.frames_in.add()
                    self._perform(self._protocol.received(text, time.monotonic()))
            except asyncio.CancelledError:
                await socket.close(websockets.CloseCode.GOING_AWAY)  # left to itself it would call it an internal error
                raise
            finally:
                for helper in helpers:
                    helper.cancel()

    async def _send_all(self, socket: ClientConnection) -> None:
        while True:
            text = await self._outbox.get()
            try:
                await socket.send(text)
            except websockets.ConnectionClosed:
                return
            self.frames_out += 1
            self._metrics.frames_out.add()

    async def _close_if_abandoned(self, socket: ClientConnection) -> None:
        await self._abandon.wait()
        await socket.close()

    async def _keep_time(self) -> None:
        while True:
            self._wake.clear()
            due = self._protocol.next_due
            try:
                await asyncio.wait_for(self._wake.wait(), None if due is None else max(0.0, due - time.monotonic()))
            except TimeoutError:
                self._perform(self._protocol.due(time.monotonic()))

    def _perform(self, outputs: list[Output]) -> None:
        for output in outputs:
            match output:
                case Transmit(text):
                    try:
                        self._outbox.put_nowait(text)
                    except asyncio.QueueFull:
                        self.dropped += 1
                        self._metrics.requests_dropped.add("requests to a slow server")
                case Deliver(signal):
                    self._on_signal(signal)
                case Joined():
                    self._joined_at = time.monotonic()
                    self._on_joined(output)
                case SeedFailed(text):
                    self._on_refused(text)
                case Abandon(error):
                    log.warning("signaling abandoned", reason=error.detail)
                    self._abandoned = error
                    self._abandon.set()
        self._wake.set()


def dialect_of(settings: SignalingSettings) -> Dialect:
    """The dialect to start with: as configured, else hosted on the hosted service and to be found out elsewhere."""
    if settings.dialect != Dialect.AUTO:
        return Dialect(settings.dialect)
    return Dialect.HOSTED if settings.on_hosted_service else Dialect.AUTO


def tls_context(server: str, *, insecure: bool) -> ssl.SSLContext | None:
    """Certificates are verified, unless the user said otherwise; plain ws:// only if the user wrote it."""
    if urlsplit(server).scheme != "wss":
        return None
    context = ssl.create_default_context()
    if insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _server_of(socket: ClientConnection) -> str:
    """What the server calls itself; "" if it does not say, or says several things."""
    names = socket.response.headers.get_all("Server") if socket.response is not None else []
    return names[0] if len(names) == 1 else ""


def _words(problem: Exception) -> str:
    """Why there is no connection, for people. The server's own words may be among them."""
    match problem:
        case ssl.SSLCertVerificationError():
            return f"its certificate is not trusted ({problem.verify_message})"
        case ssl.SSLError():
            return "it does not speak TLS: is it a ws:// address?"
        case UnicodeError():
            return "its name cannot be looked up"
        case ConnectionRefusedError():
            return "nothing listens at that address"
        case ConnectionResetError():
            return "it broke the connection off"
        case OSError(errno=int(number)) if number > 0:
            return os.strerror(number).lower()
        case OSError(strerror=str(words)):
            return words.lower()
    return printable(str(problem) or type(problem).__name__)
