"""Visits to handshake servers: real ones in both dialects, and some that do not behave."""

import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve

from roomtape.config import Deadlines, ServeSettings, SignalingSettings
from roomtape.errors import SignalingError, SignalingUnreachable
from roomtape.handshake.server import HandshakeServer
from roomtape.signaling import visit as module
from roomtape.signaling.identity import make_identity
from roomtape.signaling.messages import Dialect
from roomtape.signaling.visit import Visit, visit
from tests.support.turn import LOOPBACK, free_port

pytestmark = pytest.mark.light

ROOM = "studio"
QUICK = Deadlines(dialect=0.2)
SHORT_S = 0.3


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[HandshakeServer]:
    async with HandshakeServer(ServeSettings(port=0), tmp_path) as running:
        yield running


def settings(url: str, room: str | None = ROOM, dialect: str = "auto", *, insecure: bool = False) -> SignalingSettings:
    return SignalingSettings(server=url, room=room, dialect=dialect, insecure=insecure)


@asynccontextmanager
async def behaving(handler: Callable[[ServerConnection], Awaitable[None]]) -> AsyncIterator[str]:
    """The address of a server that does nothing but `handler`."""
    async with serve(handler, LOOPBACK, 0) as running:
        yield f"ws://{LOOPBACK}:{next(iter(running.sockets)).getsockname()[1]}"


async def test_the_members_of_a_room_are_seen(server: HandshakeServer) -> None:
    room = make_identity(None).room_id(ROOM)
    async with connect(server.url) as guest:
        await guest.send(json.dumps({"request": "joinroom", "roomid": room}))
        await guest.recv()
        await guest.send(json.dumps({"request": "seed", "streamID": "ann808d64"}))
        # The pong comes after the seed was taken.
        await (await guest.ping())
        seen = await visit(settings(server.url), QUICK)
    assert seen.dialect is Dialect.HOSTED
    assert [member.stream for member in seen.members or ()] == ["ann808d64"]


async def test_an_empty_room_has_no_members(server: HandshakeServer) -> None:
    assert await visit(settings(server.url), QUICK) == Visit(Dialect.HOSTED, ())


async def test_nobody_is_left_behind(server: HandshakeServer) -> None:
    await visit(settings(server.url), QUICK)
    assert await visit(settings(server.url), QUICK) == Visit(Dialect.HOSTED, ())


@pytest.mark.parametrize("dialect", ["auto", "fanout"])
async def test_a_fan_out_server_tells_no_members(dialect: str) -> None:
    async def listen(connection: ServerConnection) -> None:
        async for _ in connection:
            pass

    async with behaving(listen) as url:
        assert await visit(settings(url, dialect=dialect), QUICK) == Visit(Dialect.FANOUT)


async def test_without_a_room_the_connection_is_enough(server: HandshakeServer) -> None:
    assert await visit(settings(server.url, room=None), QUICK) == Visit(Dialect.AUTO)


async def test_a_closed_port_is_unreachable() -> None:
    with pytest.raises(SignalingUnreachable, match="cannot reach the handshake server"):
        await visit(settings(f"ws://{LOOPBACK}:{free_port()}"), QUICK)


async def test_a_server_that_hangs_up_is_unreachable() -> None:
    async def hang_up(connection: ServerConnection) -> None:
        await connection.close()

    async with behaving(hang_up) as url:
        with pytest.raises(SignalingUnreachable, match="closed the connection"):
            await visit(settings(url, dialect="hosted"), QUICK)


async def test_a_refusal_is_told_in_the_server_s_words() -> None:
    async def refuse(connection: ServerConnection) -> None:
        await connection.send(json.dumps({"request": "alert", "message": "the room is full\x1b[2J"}))
        await connection.wait_closed()

    async with behaving(refuse) as url:
        with pytest.raises(SignalingError) as refused:
            await visit(settings(url, dialect="hosted"), QUICK)
    assert refused.value.detail == r"the handshake server says: the room is full\x1b[2J"


async def test_silence_ends_at_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "VISIT_DEADLINE_S", SHORT_S)
    with socket.create_server((LOOPBACK, 0)) as silent, pytest.raises(SignalingUnreachable, match="does not answer"):
        await visit(settings(f"ws://{LOOPBACK}:{silent.getsockname()[1]}"), QUICK)


async def test_a_certificate_of_ones_own_must_be_allowed(tmp_path: Path) -> None:
    async with HandshakeServer(ServeSettings(port=0, tls=True), tmp_path) as server:
        with pytest.raises(SignalingUnreachable, match="certificate is not trusted"):
            await visit(settings(server.url), QUICK)
        assert await visit(settings(server.url, insecure=True), QUICK) == Visit(Dialect.HOSTED, ())
