"""Probes against a real coturn, and against servers that are not there, on this machine."""

import asyncio
import json
import logging
import socket
import struct
import time
from collections.abc import Iterator

import msgspec
import pytest
from aioice import stun
from aioice.turn import create_turn_endpoint

from roomtape.errors import ConfigError, TurnRefused
from roomtape.ice.probe import probe_stun, probe_turn
from roomtape.ice.results import ProbeResult, ProbeStatus, explain
from roomtape.model import TurnServer, TurnTransport
from tests.support.turn import LOOPBACK, Coturn, free_port

pytestmark = pytest.mark.light

USER, PASSWORD = "alice", "p:a@s/s% w#rd"
ALLOCATED, GIVEN_BACK = "ALLOCATE processed, success", "lifetime=0"
"""Words of coturn's log."""
SHORT_S = 0.3
"""Timeout of the probes that are to run into it."""


@pytest.fixture(scope="session")
def coturn() -> Iterator[Coturn]:
    with Coturn(user=USER, password=PASSWORD) as server:
        yield server


@pytest.fixture
def silent_udp() -> Iterator[int]:
    """The port of a socket that takes datagrams and never answers."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind((LOOPBACK, 0))
        yield udp.getsockname()[1]


@pytest.fixture
def silent_tcp() -> Iterator[int]:
    """The port of a socket that lets one connect and never answers."""
    with socket.create_server((LOOPBACK, 0)) as tcp:
        yield tcp.getsockname()[1]


def absent(port: int, transport: TurnTransport) -> TurnServer:
    return TurnServer(LOOPBACK, port, transport, USER, PASSWORD)


@pytest.mark.parametrize("transport", TurnTransport)
async def test_the_right_password_gets_an_allocation_and_gives_it_back(
    coturn: Coturn, transport: TurnTransport
) -> None:
    before = [coturn.log_text().count(event) for event in (ALLOCATED, GIVEN_BACK)]
    target = coturn.server(transport)
    result = await probe_turn(target)
    assert result.status is ProbeStatus.OK
    assert f"{target} relays by {coturn.host}:" in result.detail
    after = [coturn.log_text().count(event) for event in (ALLOCATED, GIVEN_BACK)]
    assert after == [count + 1 for count in before]


@pytest.mark.parametrize("transport", TurnTransport)
async def test_a_wrong_password_is_refused(coturn: Coturn, transport: TurnTransport) -> None:
    result = await probe_turn(msgspec.structs.replace(coturn.server(transport), credential="hunter2"))
    assert result.status is ProbeStatus.REFUSED
    assert result.detail.endswith("refused the user name or password (401)")
    assert "hunter2" not in result.detail
    assert isinstance(explain([result]), TurnRefused)


async def test_an_unknown_user_is_refused(coturn: Coturn) -> None:
    result = await probe_turn(msgspec.structs.replace(coturn.server(), username="mallory"))
    assert result.status is ProbeStatus.REFUSED
    assert "(401)" in result.detail


@pytest.mark.parametrize("transport", TurnTransport)
async def test_a_closed_port_is_unreachable(transport: TurnTransport) -> None:
    result = await probe_turn(absent(free_port(), transport), SHORT_S)
    assert result.status is ProbeStatus.UNREACHABLE
    # TURN over UDP cannot tell a closed port from a silent one.
    assert ("no answer" if transport is TurnTransport.UDP else "closed") in result.detail


async def test_a_name_with_several_closed_addresses_is_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    async def two_addresses(_: str, port: int, **__: object) -> list[tuple[object, ...]]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 0, "", (f"127.0.0.{n}", port)) for n in (1, 2)]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", two_addresses)
    result = await probe_turn(TurnServer("two.example", free_port(), TurnTransport.TCP, USER, PASSWORD))
    assert result.status is ProbeStatus.UNREACHABLE
    assert result.detail.endswith("cannot be reached: none of its addresses accepts a connection")


@pytest.mark.parametrize("transport", TurnTransport)
async def test_a_silent_server_is_unreachable_when_the_time_is_up(
    silent_udp: int, silent_tcp: int, transport: TurnTransport
) -> None:
    port = silent_udp if transport is TurnTransport.UDP else silent_tcp
    start = time.monotonic()
    result = await probe_turn(absent(port, transport), SHORT_S)
    assert time.monotonic() - start < SHORT_S + 1
    assert result == ProbeResult(
        ProbeStatus.UNREACHABLE, f"the TURN server {absent(port, transport)} gave no answer within {SHORT_S} s"
    )


@pytest.mark.parametrize("host", ["fe80::1%no-such-link", "a..b"])
@pytest.mark.parametrize("transport", TurnTransport)
async def test_a_name_that_does_not_resolve_is_unreachable(host: str, transport: TurnTransport) -> None:
    result = await probe_turn(TurnServer(host, 3478, transport, USER, PASSWORD))
    assert result.status is ProbeStatus.UNREACHABLE
    assert host in result.detail


async def test_a_server_that_hangs_up_in_the_tls_handshake_is_unreachable() -> None:
    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with await asyncio.start_server(hang_up, LOOPBACK, 0) as tcp:
        port = tcp.sockets[0].getsockname()[1]
        result = await probe_turn(absent(port, TurnTransport.TLS))
    assert result.status is ProbeStatus.UNREACHABLE
    assert "no answer" not in result.detail


async def test_no_log_line_holds_the_credential(coturn: Coturn, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    await probe_turn(coturn.server())
    assert USER not in caplog.text
    assert PASSWORD not in caplog.text


# --- STUN --------------------------------------------------------------------------------------------------------


class StunServer(asyncio.DatagramProtocol):
    """Answers binding requests with junk first, then with a prepared class and attributes."""

    transport: asyncio.DatagramTransport

    def __init__(self, kind: stun.Class, attributes: dict[str, object]) -> None:
        self.kind, self.attributes = kind, attributes

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        request = stun.parse_message(data)
        truncated = struct.pack("!HHI12sHHB", 0x0101, 5, stun.COOKIE, request.transaction_id, 0x000D, 1, 0)
        stranger = bytes(stun.Message(request.message_method, stun.Class.RESPONSE))
        answer = stun.Message(request.message_method, self.kind, request.transaction_id, dict(self.attributes))
        for reply in (b"", b"junk", truncated, stranger, bytes(answer), bytes(answer)):
            self.transport.sendto(reply, addr)


async def ask(kind: stun.Class, attributes: dict[str, object]) -> ProbeResult:
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: StunServer(kind, attributes), local_addr=(LOOPBACK, 0))
    try:
        return await probe_stun(f"{LOOPBACK}:{transport.get_extra_info('sockname')[1]}")
    finally:
        transport.close()


async def test_a_stun_server_tells_our_address(coturn: Coturn) -> None:
    result = await probe_stun(f"{coturn.host}:{coturn.port}")
    assert result.status is ProbeStatus.OK
    assert f"sees this machine as {coturn.host}:" in result.detail


async def test_junk_and_strangers_do_not_disturb_stun() -> None:
    result = await ask(stun.Class.RESPONSE, {"XOR-MAPPED-ADDRESS": ("192.0.2.7", 9)})
    assert (result.status, "192.0.2.7:9" in result.detail) == (ProbeStatus.OK, True)


async def test_a_stun_error_is_a_refusal_and_its_words_are_not_repeated() -> None:
    result = await ask(stun.Class.ERROR, {"ERROR-CODE": (420, "evil\nwords")})
    assert result.status is ProbeStatus.REFUSED
    assert result.detail.endswith("refused the request (420)")


async def test_a_stun_answer_without_address_is_useless() -> None:
    assert (await ask(stun.Class.RESPONSE, {})).status is ProbeStatus.UNREACHABLE


async def test_a_silent_stun_server_is_unreachable(silent_udp: int) -> None:
    result = await probe_stun(f"{LOOPBACK}:{silent_udp}", SHORT_S)
    assert result.status is ProbeStatus.UNREACHABLE
    assert "no answer" in result.detail


async def test_a_closed_stun_port_is_known_at_once() -> None:
    result = await probe_stun(f"{LOOPBACK}:{free_port()}")
    assert result.status is ProbeStatus.UNREACHABLE
    assert "closed" in result.detail


async def test_a_stun_address_must_be_one() -> None:
    with pytest.raises(ConfigError):
        await probe_stun("not an address")


# --- what the recordings through a relay rely on -----------------------------------------------------------------


class Echo(asyncio.DatagramProtocol):
    transport: asyncio.DatagramTransport

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.transport.sendto(data, addr)


class Listener(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.heard: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self.closed = asyncio.Event()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.heard.set_result(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed.set()


async def test_coturn_relays_to_loopback(coturn: Coturn) -> None:
    loop = asyncio.get_running_loop()
    peer, _ = await loop.create_datagram_endpoint(Echo, local_addr=(LOOPBACK, 0))
    relay, listener = await create_turn_endpoint(Listener, (coturn.host, coturn.port), USER, PASSWORD)
    async with asyncio.timeout(5):
        relay.sendto(b"hello", peer.get_extra_info("sockname"))
        assert await listener.heard == b"hello"
        relay.close()
        await listener.closed.wait()
    peer.close()


def test_results_travel_as_json() -> None:
    result = ProbeResult(ProbeStatus.REFUSED, "because")
    assert json.loads(msgspec.json.encode(result)) == {"status": "refused", "detail": "because"}
