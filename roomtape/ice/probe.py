"""Asks STUN and TURN servers whether they would serve us: a real binding request, a real allocation."""

import asyncio
import logging
import ssl
import struct
from typing import Final

from aioice import stun
from aioice.turn import TurnTransport as TurnEndpoint
from aioice.turn import create_turn_endpoint

from roomtape.ice.results import ProbeResult, ProbeStatus
from roomtape.ice.servers import STUN_PORT, join_host_port, split_host_port
from roomtape.model import TurnServer, TurnTransport

PROBE_TIMEOUT_S: Final = 5.0
"""Seconds; a server that takes longer to answer is of no use to a call."""
_RELEASE_TIMEOUT_S: Final = 1.0
"""Seconds to give an allocation back; the server drops a lost one by itself after its lifetime."""
_ALLOCATION_LIFETIME_S: Final = 60

_MEANINGS: Final = {
    400: "the request",
    401: "the user name or password",
    403: "this client",
    441: "the user name or password",
    486: "another allocation for this user: its quota is used up",
    508: "another allocation: it has no capacity left",
}
"""What an error code refuses (RFC 8489 section 14.8, RFC 8656 section 19). The server's own words are not repeated."""

logging.getLogger("aioice").setLevel(logging.WARNING)  # at DEBUG it writes user names


async def probe_turn(server: TurnServer, timeout_s: float = PROBE_TIMEOUT_S) -> ProbeResult:
    """Allocates a relay on `server` and gives it back. `timeout_s` in seconds; never raises for what a server does."""
    name = f"the TURN server {server}"
    try:
        async with asyncio.timeout(timeout_s):
            endpoint, owner = await create_turn_endpoint(
                _Owner,
                (server.host, server.port),
                server.username,
                server.credential,
                lifetime=_ALLOCATION_LIFETIME_S,
                ssl=_tls_unverified() if server.transport is TurnTransport.TLS else None,
                transport="udp" if server.transport is TurnTransport.UDP else "tcp",
            )
    except (OSError, UnicodeError, stun.TransactionError) as error:
        return _failure(name, error, timeout_s)
    host, port = endpoint.get_extra_info("sockname")
    await _release(endpoint, owner)
    return ProbeResult(ProbeStatus.OK, f"{name} relays by {join_host_port(host, port)}")


async def probe_stun(address: str, timeout_s: float = PROBE_TIMEOUT_S) -> ProbeResult:
    """Asks the STUN server at `host:port` for our address. `timeout_s` in seconds.

    Raises:
        ConfigError: `address` is not what `parse_stun` returns.
    """
    server = split_host_port(address, STUN_PORT)
    name = f"the STUN server {address}"
    try:
        async with asyncio.timeout(timeout_s):
            transport, client = await asyncio.get_running_loop().create_datagram_endpoint(
                _BindingClient, remote_addr=server
            )
            try:
                response = await client.ask()
            finally:
                transport.close()
    except (OSError, UnicodeError, stun.TransactionError) as error:
        return _failure(name, error, timeout_s)
    mapped = response.attributes.get("XOR-MAPPED-ADDRESS") or response.attributes.get("MAPPED-ADDRESS")
    if mapped is None:
        return ProbeResult(ProbeStatus.UNREACHABLE, f"{name} answers without an address")
    return ProbeResult(ProbeStatus.OK, f"{name} sees this machine as {join_host_port(*mapped)}")


def _failure(name: str, error: Exception, timeout_s: float) -> ProbeResult:
    match error:
        case stun.TransactionFailed():
            code = error.response.error_code or 0
            return ProbeResult(ProbeStatus.REFUSED, f"{name} refused {_MEANINGS.get(code, 'the request')} ({code})")
        case TimeoutError() | stun.TransactionTimeout():
            reason = f"gave no answer within {timeout_s:g} s"
        case ConnectionRefusedError():
            reason = "cannot be reached: the port is closed"
        case ssl.SSLError():
            reason = "does not speak TLS on this port"
        case ConnectionError():
            reason = "hung up, or gave a broken answer"
        case OSError(strerror=str(words)):
            reason = f"cannot be reached: {words}"
        case UnicodeError():
            reason = "cannot be reached: its name is malformed"
        case _:
            reason = "cannot be reached: none of its addresses accepts a connection"
    return ProbeResult(ProbeStatus.UNREACHABLE, f"{name} {reason}")


def _tls_unverified() -> ssl.SSLContext:
    """The certificate is not looked at, as GStreamer does not either: media is encrypted end to end."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class _Owner(asyncio.DatagramProtocol):
    """Holds an allocation; `released` once the server has deleted it."""

    def __init__(self) -> None:
        self.released = asyncio.Event()

    def connection_lost(self, exc: Exception | None) -> None:
        self.released.set()


async def _release(endpoint: TurnEndpoint, owner: _Owner) -> None:
    endpoint.close()
    try:
        async with asyncio.timeout(_RELEASE_TIMEOUT_S):
            await owner.released.wait()
    except TimeoutError:
        logging.getLogger(__name__).debug("a TURN allocation was left to expire")


class _BindingClient(asyncio.DatagramProtocol):
    """One STUN transaction over UDP (RFC 8489 section 6.2.1); repeats the request until it is cancelled."""

    _transport: asyncio.DatagramTransport

    def __init__(self) -> None:
        self._request = stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.REQUEST)
        self._response: asyncio.Future[stun.Message] = asyncio.get_running_loop().create_future()

    async def ask(self) -> stun.Message:
        wait_s = stun.RETRY_RTO
        while not self._response.done():
            self._transport.sendto(bytes(self._request))
            await asyncio.wait((self._response,), timeout=wait_s)
            wait_s *= 2
        return self._response.result()

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        try:
            message = stun.parse_message(data)
        except (ValueError, struct.error):
            return
        if message.transaction_id != self._request.transaction_id or self._response.done():
            return
        if message.message_class is stun.Class.RESPONSE:
            self._response.set_result(message)
        elif message.message_class is stun.Class.ERROR:
            self._response.set_exception(stun.TransactionFailed(message))

    def error_received(self, exc: Exception) -> None:
        if not self._response.done():
            self._response.set_exception(exc)
