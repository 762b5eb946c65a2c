"""A member of a room that says what it likes on the WebSocket."""

import json
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from roomtape.model import StreamId
from roomtape.signaling.identity import Identity


class Stranger:
    """`async with Stranger(url, identity, room) as stranger`: joined, hosted dialect."""

    def __init__(self, url: str, identity: Identity, room: str) -> None:
        self._url, self._identity, self._room = url, identity, room
        self._socket: ClientConnection | None = None

    async def __aenter__(self) -> "Stranger":
        self._socket = await connect(self._url)
        await self.send(request="joinroom", roomid=self._identity.room_id(self._room))
        await self.receive("listing")
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._socket is not None
        await self._socket.close()

    async def send(self, **message: Any) -> None:
        assert self._socket is not None
        await self._socket.send(json.dumps(message))

    async def receive(self, request: str) -> dict[str, Any]:
        """The next message with this request; others are passed over."""
        while True:
            message = await self.next()
            if message.get("request") == request:
                return message

    async def next(self) -> dict[str, Any]:
        """The next message, whatever it is."""
        assert self._socket is not None
        message: dict[str, Any] = json.loads(await self._socket.recv())
        return message

    async def seed(self, stream: str) -> str:
        """Announce a stream and wait until someone asks for it; returns the viewer's UUID."""
        await self.send(request="seed", streamID=self._identity.wire_id(StreamId(stream)))
        return str((await self.receive("offerSDP"))["UUID"])
