"""WebDriver BiDi (W3C), as a browser speaks it on a WebSocket of its own: commands with their answers, and events."""

import asyncio
import json
from collections.abc import Callable
from types import TracebackType
from typing import Any, Final, Self

from websockets.asyncio.client import ClientConnection, connect

COMMAND_DEADLINE_S: Final = 30.0
Event = Callable[[str, dict[str, Any]], None]


class BidiError(Exception):
    """The browser refused a command."""


class Bidi:
    """A session on one browser. `on_event` gets the names and parameters of the events that were subscribed to."""

    def __init__(self, address: str, on_event: Event) -> None:
        self._address = address
        self._on_event = on_event
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._socket: ClientConnection | None = None
        self._reader: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._socket = await connect(f"{self._address}/session", proxy=None, max_size=None)
        self._reader = asyncio.create_task(self._read(self._socket))
        await self.command("session.new", capabilities={})
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._socket is not None
        assert self._reader is not None
        await self._socket.close()
        await self._reader

    async def command(self, method: str, **parameters: Any) -> dict[str, Any]:
        """The result of a command.

        Raises:
            BidiError: it was refused.
            TimeoutError: no answer within COMMAND_DEADLINE_S.
        """
        assert self._socket is not None
        number = len(self._answers)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        await self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        return await asyncio.wait_for(answer, COMMAND_DEADLINE_S)

    async def _read(self, socket: ClientConnection) -> None:
        async for text in socket:
            message = json.loads(text)
            if message["type"] == "event":
                self._on_event(message["method"], message["params"])
                continue
            answer = self._answers[message["id"]]
            if answer.done():
                continue
            if message["type"] == "success":
                answer.set_result(message["result"])
            else:
                answer.set_exception(BidiError(f"{message['error']}: {message['message']}"))
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(BidiError("the browser is gone"))
