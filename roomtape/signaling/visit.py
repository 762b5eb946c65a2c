"""A short visit to the handshake server: connect, join the room if there is one, see who is there, leave."""

import asyncio
import secrets
from typing import Final

import msgspec

from roomtape.config import Deadlines, SignalingSettings
from roomtape.errors import RecorderError, SignalingError, SignalingUnreachable
from roomtape.logs import printable
from roomtape.model import PeerId
from roomtape.signaling.client import SignalingClient, dialect_of
from roomtape.signaling.identity import make_identity
from roomtape.signaling.messages import Dialect, Listing, Member, ServerAlert, Signal
from roomtape.signaling.protocol import Joined, Protocol
from roomtape.signaling.wire import Context

VISIT_DEADLINE_S: Final = 10.0
"""From the first packet to the listing."""


class Visit(msgspec.Struct, frozen=True):
    """What was seen. `dialect` AUTO: not known without a room. `members`: the others, if the server told them."""

    dialect: Dialect
    members: tuple[Member, ...] | None = None


async def visit(settings: SignalingSettings, deadlines: Deadlines) -> Visit:
    """Visits the server of these settings, with the client that recordings use.

    Raises:
        SignalingError: it cannot be reached, does not answer in VISIT_DEADLINE_S or does not let us in.
    """
    identity = make_identity(settings.password, settings.salt)
    room = identity.room_id(settings.room) if settings.room else None
    seen: asyncio.Future[Visit] = asyncio.get_running_loop().create_future()

    def fail(error: RecorderError) -> None:
        if not seen.done():
            seen.set_exception(error)

    def succeed(what: Visit) -> None:
        if not seen.done():
            seen.set_result(what)

    def on_joined(joined: Joined) -> None:
        # A hosted room is entered with a listing, which comes next.
        if room is None or joined.dialect is not Dialect.HOSTED:
            succeed(Visit(joined.dialect))

    def on_signal(signal: Signal) -> None:
        if isinstance(signal, Listing):
            succeed(Visit(Dialect.HOSTED, signal.members))
        elif isinstance(signal, ServerAlert):
            fail(SignalingError(f"the handshake server says: {printable(signal.text)}"))

    client = SignalingClient(
        settings.server,
        Protocol(
            Context(PeerId(secrets.token_hex(10)), identity.phrase, room), dialect_of(settings), deadlines=deadlines
        ),
        on_signal=on_signal,
        on_joined=on_joined,
        on_lost=fail,
        insecure=settings.insecure,
    )
    connection = asyncio.create_task(client.run())
    try:
        async with asyncio.timeout(VISIT_DEADLINE_S):
            return await seen
    except TimeoutError:
        raise SignalingUnreachable(f"the handshake server does not answer within {VISIT_DEADLINE_S:.0f} s") from None
    finally:
        connection.cancel()
        await asyncio.gather(connection, return_exceptions=True)
