"""A handshake server of the filtered fan-out kind, by the letter of protocol.md 12.2, for trying clients against."""

import json
from typing import Any

from websockets.asyncio.server import Server, ServerConnection, serve


class Member:
    def __init__(self) -> None:
        self.uuid: str | None = None
        self.sid: str | None = None
        self.room: str | None = None


class FanoutServer:
    """`async with FanoutServer() as server: server.url`"""

    def __init__(self) -> None:
        self._members: dict[ServerConnection, Member] = {}
        self._server: Server | None = None

    async def __aenter__(self) -> "FanoutServer":
        self._server = await serve(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()

    @property
    def url(self) -> str:
        assert self._server is not None
        return f"ws://127.0.0.1:{next(iter(self._server.sockets)).getsockname()[1]}"

    async def _serve(self, socket: ServerConnection) -> None:
        self._members[socket] = Member()
        try:
            async for text in socket:
                await self._receive(socket, str(text))
        finally:
            del self._members[socket]

    async def _receive(self, socket: ServerConnection, text: str) -> None:
        try:
            message = json.loads(text)
        except ValueError:
            return
        if not isinstance(message, dict) or "from" not in message:
            return
        me = self._members[socket]
        error = self._learn(me, message)
        if error:
            await socket.send(json.dumps({"error": error}))
            return
        for other, member in list(self._members.items()):
            if member is not me and self._passes(me, member, message):
                await other.send(text)

    def _learn(self, me: Member, message: dict[str, Any]) -> str | None:
        others = [member for member in self._members.values() if member is not me]
        if me.uuid is None:
            if any(member.uuid == message["from"] for member in others):
                return "uuid already in use"
            me.uuid = message["from"]
        if message.get("request") in ("seed", "joinroom") and message.get("streamID"):
            if me.sid not in (None, message["streamID"]):
                return "can't change sid"
            if any(member.sid == message["streamID"] for member in others):
                return "sid already in use"
            me.sid = message["streamID"]
        if message.get("request") == "joinroom":
            me.room = str(message.get("roomid"))
        return None

    @staticmethod
    def _passes(me: Member, other: Member, message: dict[str, Any]) -> bool:
        if "UUID" in message and message["UUID"] != other.uuid:
            return False
        if me.room != other.room:
            return False
        return not (message.get("request") == "play" and message.get("streamID") not in (None, other.sid))
