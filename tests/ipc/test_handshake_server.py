"""The handshake server on real sockets of the loopback interface."""

import asyncio
import json
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from roomtape import __version__
from roomtape.config import ServeSettings
from roomtape.errors import ConfigError
from roomtape.handshake.server import HandshakeServer, ServerLimits
from roomtape.handshake.tls import CERTIFICATE_FILE

pytestmark = pytest.mark.light

ANSWER = 5.0
"""Seconds that anything may take here."""


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[HandshakeServer]:
    async with HandshakeServer(ServeSettings(port=0), tmp_path) as running:
        yield running


async def say(client: ClientConnection, **frame: Any) -> None:
    await client.send(json.dumps(frame))


async def hear(client: ClientConnection) -> dict[str, Any]:
    frame: dict[str, Any] = json.loads(await asyncio.wait_for(client.recv(), ANSWER))
    return frame


async def enter(client: ClientConnection, room: str) -> dict[str, Any]:
    await say(client, request="joinroom", roomid=room)
    return await hear(client)


async def until(condition: Any) -> None:
    async with asyncio.timeout(ANSWER):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def http(server: HandshakeServer, head: str) -> str:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(head.replace("\n", "\r\n").encode() + b"\r\n\r\n")
    answer = await asyncio.wait_for(reader.read(), ANSWER)
    writer.close()
    return answer.decode()


async def test_an_offer_and_its_answer_cross_the_server(server: HandshakeServer) -> None:
    assert server.url == f"ws://127.0.0.1:{server.port}"
    async with connect(server.url) as ann, connect(server.url) as bob:
        await enter(ann, "r")
        await say(ann, request="seed", streamID="a")
        listing = await enter(bob, "r")
        [entry] = listing["list"]
        assert entry["streamID"] == "a"
        assert (await hear(ann))["request"] == "someonejoined"
        await say(bob, request="play", streamID="a")
        wanted = await hear(ann)
        assert wanted["request"] == "offerSDP"
        await say(ann, UUID=wanted["UUID"], session="s", description={"type": "offer", "sdp": "v=0\r\n"})
        assert (await hear(bob))["UUID"] == entry["UUID"]
        await say(bob, UUID=entry["UUID"], session="s", description={"type": "answer", "sdp": "v=0\r\n"})
        assert (await hear(ann))["description"]["type"] == "answer"
    await until(lambda: server.hub.rooms() == ())


async def test_both_dialects_meet_on_one_port(server: HandshakeServer) -> None:
    async with connect(server.url) as hosted, connect(server.url) as fanout:
        await enter(hosted, "r")
        await say(fanout, request="joinroom", roomid="r", streamID="f", **{"from": "fanout-member"})
        assert await hear(hosted) == {"request": "someonejoined", "UUID": "fanout-member", "streamID": "f"}
        await say(hosted, request="play", streamID="f")
        assert (await hear(fanout))["request"] == "play"


async def test_two_hundred_members_join_four_rooms_at_once(server: HandshakeServer) -> None:
    rooms, size = [f"room{n}" for n in range(4)], 50
    ids = {room: {f"{room}-{n}" for n in range(size)} for room in rooms}
    async with AsyncExitStack() as stack, asyncio.timeout(30):

        async def member(room: str, stream: str) -> set[str]:
            """Joins, seeds, and returns the streams of the room once it knows them all."""
            client = await stack.enter_async_context(connect(server.url, compression=None))
            listing = await enter(client, room)
            known = {entry["streamID"] for entry in listing["list"] if "streamID" in entry}
            await say(client, request="seed", streamID=stream)
            while len(known) < size - 1:
                frame = await hear(client)
                if "streamID" in frame:
                    known.add(frame["streamID"])
            return known

        seen = await asyncio.gather(*(member(room, stream) for room in rooms for stream in sorted(ids[room])))
        everyone = [(room, stream) for room in rooms for stream in sorted(ids[room])]
        for (room, stream), known in zip(everyone, seen, strict=True):
            assert known == ids[room] - {stream}
        late = await stack.enter_async_context(connect(server.url, max_size=None))
        listing = await enter(late, rooms[0])
        assert {entry["streamID"] for entry in listing["list"]} == ids[rooms[0]]
        assert server.hub.counters.rate_limited == 0
        assert server.slow_readers == 0


async def test_tls_with_a_self_made_certificate(tmp_path: Path) -> None:
    async with HandshakeServer(ServeSettings(port=0, tls=True), tmp_path) as server:
        assert server.url.startswith("wss://")
        trust = ssl.create_default_context(cafile=str(tmp_path / CERTIFICATE_FILE))
        for host in ("127.0.0.1", "localhost"):
            async with connect(f"wss://{host}:{server.port}", ssl=trust) as client:
                assert await enter(client, "r") == {"request": "listing", "list": []}


async def test_a_slow_reader_is_dropped_and_others_go_on(tmp_path: Path) -> None:
    slow_socket = socket.socket()
    slow_socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    slow_socket.setblocking(False)
    async with HandshakeServer(ServeSettings(port=0), tmp_path, ServerLimits(max_unsent=1 << 20)) as server:
        await asyncio.get_running_loop().sock_connect(slow_socket, ("127.0.0.1", server.port))
        async with connect(server.url) as sender, connect(server.url, sock=slow_socket, max_queue=1) as slow:
            await enter(slow, "r")
            [entry] = (await enter(sender, "r"))["list"]
            async with asyncio.timeout(ANSWER):
                while server.slow_readers == 0:
                    await say(sender, UUID=entry["UUID"], filler="x" * 100_000)
                    await asyncio.sleep(0)
            slow.transport.abort()
            assert [len(room.members) for room in server.hub.rooms()] == [1]
            assert await enter(sender, "other") == {"request": "listing", "list": []}


async def test_garbage_disturbs_nobody(server: HandshakeServer) -> None:
    async with connect(server.url) as good, connect(server.url, compression=None) as bad:
        await enter(good, "r")
        for garbage in ("", "{", "[" * 10_000, b"\x00\xff", '{"request":{}}', '{"UUID":[]}', "x" * 300_000):
            await bad.send(garbage)
        await enter(bad, "r")
        assert (await hear(good))["request"] == "someonejoined"
        assert server.hub.counters.oversized == 1


async def test_a_gigantic_message_closes_its_connection_alone(server: HandshakeServer) -> None:
    async with connect(server.url) as good, connect(server.url, compression=None) as bad:
        await enter(good, "r")
        with pytest.raises(ConnectionClosed):
            await bad.send("x" * (2 << 20))
            await hear(bad)
        assert bad.close_code == 1009
        assert (await enter(good, "r"))["request"] == "listing"


async def test_a_flood_is_closed_with_a_reason(server: HandshakeServer) -> None:
    async with connect(server.url) as flood:
        with pytest.raises(ConnectionClosed) as closed:
            for _ in range(10_000):
                await say(flood, request="ping")
            await hear(flood)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1008
    assert server.hub.counters.expelled == 1


async def test_a_broken_connection_is_forgotten(server: HandshakeServer) -> None:
    async with connect(server.url) as ann, connect(server.url) as bob:
        await enter(ann, "r")
        await enter(bob, "r")
        bob.transport.abort()
        await until(lambda: len(server.hub.rooms()[0].members) == 1)


async def test_a_browser_gets_pages(server: HandshakeServer) -> None:
    assert server.page_url == f"http://127.0.0.1:{server.port}/"
    answer = await http(server, "GET / HTTP/1.1\nHost: x")
    head, _, body = answer.partition("\r\n\r\n")
    assert head.startswith("HTTP/1.1 200")
    assert body.startswith("<!doctype html>")
    assert head.count("Content-Type: ") == 1
    assert "X-Content-Type-Options: nosniff" in head
    assert (await http(server, "GET /other HTTP/1.1\nHost: x")).startswith("HTTP/1.1 404")


async def test_a_recorder_says_what_it_records_and_a_page_asks(server: HandshakeServer) -> None:
    async with connect(server.url) as recorder:
        assert recorder.response is not None
        assert recorder.response.headers["Server"] == f"roomtape/{__version__}"
        await enter(recorder, "r")
        await say(recorder, request="recording", streamIDs=["b", "a"])
        await until(lambda: server.hub.recorded("r"))
        assert (await http(server, "GET /recording?room=r HTTP/1.1\nHost: x")).endswith('{"streamIDs":["a","b"]}')
    await until(lambda: not server.hub.recorded("r"))
    assert (await http(server, "GET /recording?room=r HTTP/1.1\nHost: x")).endswith('{"streamIDs":[]}')


@pytest.mark.parametrize(
    "head", ["nonsense", "GET / HTTP/1.1\nUpgrade: a\nUpgrade: WebSocket", "GET / HTTP/1.1\nUpgrade: websocket"]
)
async def test_a_bad_opening_is_refused(server: HandshakeServer, head: str) -> None:
    assert " 101 " not in await http(server, head)
    async with connect(server.url) as client:
        assert (await enter(client, "r"))["request"] == "listing"


async def test_any_path_takes_a_websocket(server: HandshakeServer) -> None:
    async with connect(f"{server.url}/some/path?x=1") as client:
        assert (await enter(client, "r"))["request"] == "listing"


async def test_a_port_in_use_is_named(server: HandshakeServer, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=f"port {server.port} on 127.0.0.1 is already in use"):
        async with HandshakeServer(ServeSettings(port=server.port), tmp_path):
            pass


@pytest.mark.parametrize(("host", "port"), [("192.0.2.1", 0), ("no such host", 0), ("127.0.0.1", 70_000)])
async def test_an_impossible_address_is_named(tmp_path: Path, host: str, port: int) -> None:
    with pytest.raises(ConfigError, match=f"{port}"):
        async with HandshakeServer(ServeSettings(host=host, port=port), tmp_path):
            pass


@pytest.mark.parametrize(("host", "local"), [("0.0.0.0", "127.0.0.1"), ("localhost", "localhost")])
async def test_the_url_is_for_clients_on_this_machine(tmp_path: Path, host: str, local: str) -> None:
    async with HandshakeServer(ServeSettings(host=host, port=0), tmp_path) as server:
        assert server.url == f"ws://{local}:{server.port}"
        async with connect(server.url) as client:
            assert (await enter(client, "r"))["request"] == "listing"


async def test_shutdown_closes_everyone_and_frees_the_port(tmp_path: Path) -> None:
    async with HandshakeServer(ServeSettings(port=0), tmp_path) as server:
        client = await connect(server.url)
        await enter(client, "r")
        port = server.port
    with pytest.raises(ConnectionClosed) as closed:
        await hear(client)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1001
    async with HandshakeServer(ServeSettings(port=port), tmp_path) as again:
        assert again.port == port


async def test_a_silent_connection_does_not_hold_up_the_shutdown(tmp_path: Path) -> None:
    limits = ServerLimits(opening=60.0, shutdown=0.2)
    async with asyncio.timeout(ANSWER), HandshakeServer(ServeSettings(port=0), tmp_path, limits) as server:
        _, silent = await asyncio.open_connection("127.0.0.1", server.port)
    silent.close()


async def test_a_member_without_pongs_is_dropped(tmp_path: Path) -> None:
    limits = ServerLimits(ping=0.05, pong=0.1, closing=0.1)
    async with (
        HandshakeServer(ServeSettings(port=0), tmp_path, limits) as server,
        connect(server.url, ping_interval=None) as client,
    ):
        await enter(client, "r")
        client.transport.pause_reading()
        await until(lambda: server.hub.rooms() == ())
        client.transport.abort()
