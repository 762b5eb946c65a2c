"""The client against real WebSocket servers on loopback: good ones, and some that do not behave."""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from websockets import CloseCode
from websockets.asyncio.server import ServerConnection, serve
from websockets.utils import accept_key

from roomtape.config import Deadlines, ServeSettings
from roomtape.errors import RecorderError
from roomtape.handshake.server import HandshakeServer
from roomtape.model import PeerId, RoomId, StreamId
from roomtape.signaling import client as module
from roomtape.signaling.client import HARD_LIMIT, MAX_UNSENT, SignalingClient
from roomtape.signaling.identity import make_identity
from roomtape.signaling.messages import Dialect, Dropped, Listing, Play, SayRecording, Seed, Signal
from roomtape.signaling.protocol import Joined, Protocol
from roomtape.signaling.wire import MAX_FRAME, Context
from tests.support.turn import LOOPBACK, free_port

pytestmark = pytest.mark.light

ROOM = RoomId("studio")
IDENTITY = make_identity(None)
LISTING = json.dumps({"request": "listing", "list": []})
SOON_S = 10.0
QUICK = Deadlines(join=0.1, dialect=0.1)


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(SOON_S):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


class FakeServer:
    """Answers every `joinroom` with a listing while it `lists`. `frames` holds what came, a list per connection."""

    def __init__(self) -> None:
        self.frames: list[list[dict[str, Any]]] = []
        self.open: list[ServerConnection] = []
        self.arrivals: list[float] = []
        self.lists = True
        self.hangs_up = False

    @asynccontextmanager
    async def run(self, port: int = 0) -> AsyncIterator[str]:
        """The server's address."""
        async with serve(self._serve, LOOPBACK, port) as running:
            yield f"ws://{LOOPBACK}:{next(iter(running.sockets)).getsockname()[1]}"

    async def _serve(self, connection: ServerConnection) -> None:
        self.arrivals.append(time.monotonic())
        frames: list[dict[str, Any]] = []
        self.frames.append(frames)
        if self.hangs_up:
            return
        self.open.append(connection)
        async for text in connection:
            frames.append(json.loads(text))
            if self.lists and frames[-1]["request"] == "joinroom":
                await connection.send(LISTING)
        self.open.remove(connection)

    def requests(self, connection: int) -> list[str]:
        return [frame["request"] for frame in self.frames[connection]]


class Watched:
    """A client that runs, and all that it told."""

    def __init__(self, server: str, dialect: Dialect = Dialect.HOSTED, *, insecure: bool = False) -> None:
        self.signals: list[Signal] = []
        self.joined: list[Joined] = []
        self.lost: list[RecorderError] = []
        self.client = SignalingClient(
            server,
            Protocol(Context(PeerId("me"), IDENTITY.phrase, ROOM), dialect, deadlines=QUICK),
            on_signal=self.signals.append,
            on_joined=self.joined.append,
            on_lost=self.lost.append,
            insecure=insecure,
        )

    @property
    def reasons(self) -> list[str]:
        return [error.detail for error in self.lost]


@asynccontextmanager
async def running(server: str, dialect: Dialect = Dialect.HOSTED, *, insecure: bool = False) -> AsyncIterator[Watched]:
    watched = Watched(server, dialect, insecure=insecure)
    task = asyncio.create_task(watched.client.run())
    try:
        yield watched
        assert not task.done(), "it stays until it is cancelled"
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


class Waits:
    """Stands for the back-off: no wait, but the numbers of the attempts are kept."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.attempts: list[int] = []
        monkeypatch.setattr(module, "delay", self)

    def __call__(self, attempt: int, *, base_s: float, ceiling_s: float, jitter: float) -> float:
        assert 0 <= jitter <= 1 <= base_s <= ceiling_s
        self.attempts.append(attempt)
        return 0.0


Streams = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def raw(handler: Streams) -> AsyncIterator[str]:
    """Host and port of a server that does nothing but `handler`."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await handler(reader, writer)
        writer.close()

    async with await asyncio.start_server(handle, LOOPBACK, 0) as listening:
        yield f"{LOOPBACK}:{listening.sockets[0].getsockname()[1]}"


async def fall_silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Opens a WebSocket (RFC 6455 section 4.2.2), and answers nothing any more."""
    request = (await reader.readuntil(b"\r\n\r\n")).decode()
    [key] = re.findall(r"Sec-WebSocket-Key: (\S+)", request)
    lines = ("HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade")
    writer.write("\r\n".join((*lines, f"Sec-WebSocket-Accept: {accept_key(key)}", "", "")).encode())
    await reader.read()


async def speak_another_protocol(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"SSH-2.0-example\r\n")
    await reader.read(1)


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections are made again at once."""
    monkeypatch.setattr(module, "RETRY_BASE_S", 0.01)


@pytest.fixture
def server() -> FakeServer:
    return FakeServer()


# --- a good server ------------------------------------------------------------------------------------------------


async def test_it_joins_hears_and_asks(server: FakeServer) -> None:
    async with server.run() as url, running(url) as watched:
        await until(lambda: watched.joined)
        assert watched.joined == [Joined(Dialect.HOSTED)]
        assert watched.signals == [Listing(())]
        watched.client.request(Play(IDENTITY.wire_id(StreamId("ann"))))
        await until(lambda: len(server.frames[0]) == 2)
        assert server.frames[0][1]["streamID"] == "ann" + IDENTITY.suffix
        await until(lambda: watched.client.frames_out == 2)
        assert (watched.client.frames_in, watched.client.dropped, watched.lost) == (1, 0, [])


async def test_who_ends_says_that_he_goes(server: FakeServer) -> None:
    async with server.run() as url:
        async with running(url) as watched:
            await until(lambda: watched.joined)
            (connection,) = server.open
        await connection.wait_closed()
        assert connection.close_code == CloseCode.GOING_AWAY


async def test_time_is_kept(server: FakeServer) -> None:
    """A server that lists nothing is of the other kind; plays do not come all at once."""
    server.lists = False
    async with server.run() as url, running(url, Dialect.AUTO) as watched:
        await until(lambda: watched.joined)
        assert watched.joined == [Joined(Dialect.FANOUT)]
        for name in ("ann", "bob", "cleo"):
            watched.client.request(Play(IDENTITY.wire_id(StreamId(name))))
        begun = time.monotonic()
        await until(lambda: server.requests(0).count("play") == 3)
        assert time.monotonic() - begun > 0.3


async def test_a_lost_connection_is_made_again_and_the_room_joined_again(server: FakeServer, hasty: None) -> None:
    async with server.run() as url, running(url) as watched:
        for number in range(3):
            await until(lambda: len(watched.joined) == number + 1)  # noqa: B023
            assert server.requests(number) == ["joinroom"]
            await server.open[0].close()
        await until(lambda: len(watched.joined) == 4)
        assert watched.reasons == ["the handshake server closed the connection"] * 3
        assert watched.client.reconnects == 3


async def test_a_server_that_comes_late_is_found(hasty: None) -> None:
    port = free_port()
    async with running(f"ws://{LOOPBACK}:{port}") as watched:
        await until(lambda: watched.lost)
        assert watched.reasons[0] == "cannot reach the handshake server: nothing listens at that address"
        async with FakeServer().run(port):
            await until(lambda: watched.joined)


async def test_what_a_slow_server_does_not_take_is_dropped_and_counted(server: FakeServer) -> None:
    async with server.run() as url, running(url) as watched:
        await until(lambda: watched.joined)
        for _ in range(MAX_UNSENT + 50):
            watched.client.request(Seed(IDENTITY.wire_id(StreamId("ann"))))
        assert watched.client.dropped == 50
        await until(lambda: server.requests(0).count("seed") == MAX_UNSENT)


# --- bad ones -----------------------------------------------------------------------------------------------------


async def test_a_server_that_hangs_up_at_once_is_not_hammered(server: FakeServer) -> None:
    server.hangs_up = True
    async with server.run() as url, running(url) as watched:
        await asyncio.sleep(3)
        gaps = [late - early for early, late in pairwise(server.arrivals)]
        assert 2 <= len(server.arrivals) <= 3
        assert all(gap > 0.4 for gap in gaps)
        assert gaps == sorted(gaps)
        assert not watched.joined


async def test_nor_is_one_that_hangs_up_after_the_listing(server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """That it let us in does not make it a good one."""
    waits = Waits(monkeypatch)
    async with server.run() as url, running(url) as watched:
        for number in range(4):
            await until(lambda: len(watched.joined) == number + 1)  # noqa: B023
            await server.open[0].close()
        await until(lambda: len(waits.attempts) == 4)
    assert waits.attempts == [0, 1, 2, 3]


async def test_one_that_was_good_for_long_gets_a_fresh_start(
    server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits = Waits(monkeypatch)
    monkeypatch.setattr(module, "STABLE_S", 0)
    async with server.run() as url, running(url) as watched:
        for number in range(3):
            await until(lambda: len(watched.joined) == number + 1)  # noqa: B023
            await server.open[0].close()
        await until(lambda: len(waits.attempts) == 3)
    assert waits.attempts == [0, 0, 0]


async def test_one_that_lists_nothing_is_left_and_tried_again(server: FakeServer, hasty: None) -> None:
    server.lists = False
    async with server.run() as url, running(url) as watched:
        await until(lambda: watched.lost)
        assert watched.reasons[0].startswith("the server sent no listing within")
        server.lists = True
        await until(lambda: watched.joined)
        await until(lambda: len(server.open) == 1)


async def test_one_that_does_not_even_close_is_left_all_the_same(hasty: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CLOSE_DEADLINE_S", 0.1)
    async with raw(fall_silent) as address, running(f"ws://{address}") as watched:
        await until(lambda: len(watched.lost) == 2)
        assert all(reason.startswith("the server sent no listing within") for reason in watched.reasons)


async def test_a_half_open_socket_is_noticed(hasty: None, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PING_INTERVAL_S", "PING_DEADLINE_S", "CLOSE_DEADLINE_S"):
        monkeypatch.setattr(module, name, 0.1)
    async with raw(fall_silent) as address, running(f"ws://{address}", Dialect.FANOUT) as watched:
        await until(lambda: len(watched.joined) == 2)
        assert "ping" in watched.reasons[0]


async def test_a_frame_that_is_too_big_is_dropped_and_the_connection_stays(server: FakeServer) -> None:
    """On a fan-out server any stranger could otherwise throw us out."""
    async with server.run() as url, running(url) as watched:
        await until(lambda: watched.joined)
        await server.open[0].send('{"x":"' + "x" * MAX_FRAME + '"}')
        await server.open[0].send(LISTING)
        await until(lambda: watched.client.frames_in == 3)
        assert watched.lost == []
        assert Dropped("malformed") in watched.signals


async def test_a_frame_beyond_all_measure_costs_the_connection_alone(server: FakeServer, hasty: None) -> None:
    async with server.run() as url, running(url) as watched:
        await until(lambda: watched.joined)
        await server.open[0].send("x" * (HARD_LIMIT + 1))
        await until(lambda: len(watched.joined) == 2)
        assert len(watched.lost) == 1
        assert "message too big" in watched.reasons[0]


async def test_frames_of_any_kind_do_no_harm(server: FakeServer) -> None:
    async with server.run() as url, running(url) as watched:
        await until(lambda: watched.joined)
        for frame in ("", "null", "[]", "{", "\x00", '{"request":{}}', b"\xff\xfe", "[" * 10_000, '{"list":1}'):
            await server.open[0].send(frame)
        await server.open[0].send(LISTING)
        await until(lambda: watched.client.frames_in == 11)
        assert watched.lost == []
        assert len(server.frames) == 1


async def test_the_server_s_words_cannot_steer_a_terminal(server: FakeServer) -> None:
    async with server.run() as url, running(url) as watched:
        await until(lambda: watched.joined)
        await server.open[0].close(4000, "go\x1b[2J away")
        await until(lambda: watched.lost)
        assert r"go\x1b[2J away" in watched.reasons[0]


# --- addresses and certificates -----------------------------------------------------------------------------------


async def test_a_certificate_of_one_s_own_must_be_allowed(tmp_path: Path) -> None:
    async with HandshakeServer(ServeSettings(port=0, tls=True), tmp_path) as server:
        async with running(server.url) as watched:
            await until(lambda: watched.lost)
            assert "its certificate is not trusted (self-signed certificate)" in watched.reasons[0]
        async with running(server.url, insecure=True) as watched:
            await until(lambda: watched.joined)


async def test_a_server_that_speaks_no_tls_is_told_in_words(server: FakeServer) -> None:
    async with server.run() as url, running(url.replace("ws:", "wss:")) as watched:
        await until(lambda: watched.lost)
        assert watched.reasons[0] == "cannot reach the handshake server: it broke the connection off"


@pytest.mark.parametrize(
    ("scheme", "words"), [("wss", "it does not speak TLS"), ("ws", "did not receive a valid HTTP response")]
)
async def test_so_is_one_of_another_kind(scheme: str, words: str) -> None:
    async with raw(speak_another_protocol) as address, running(f"{scheme}://{address}") as watched:
        await until(lambda: watched.lost)
        assert words in watched.reasons[0]


@pytest.mark.parametrize("host", ["a..b", "a" * 70])
async def test_a_name_that_is_none_is_told_in_words(host: str) -> None:
    async with running(f"ws://{host}:1") as watched:
        await until(lambda: watched.lost)
        assert watched.reasons[0] == "cannot reach the handshake server: its name cannot be looked up"


async def test_the_embedded_server_hears_what_is_recorded(tmp_path: Path) -> None:
    async with HandshakeServer(ServeSettings(port=0), tmp_path) as server, running(server.url) as watched:
        await until(lambda: watched.joined)
        watched.client.request(SayRecording((IDENTITY.wire_id(StreamId("ann")),)))
        await until(lambda: server.hub.recorded(ROOM) == {IDENTITY.wire_id(StreamId("ann"))})


async def test_another_server_does_not() -> None:
    fake = FakeServer()
    async with fake.run() as url, running(url) as watched:
        await until(lambda: watched.joined)
        watched.client.request(SayRecording((IDENTITY.wire_id(StreamId("ann")),)))
        watched.client.request(Play(IDENTITY.wire_id(StreamId("ann"))))
        await until(lambda: len(fake.frames[0]) == 2)
    assert fake.requests(0) == ["joinroom", "play"]
