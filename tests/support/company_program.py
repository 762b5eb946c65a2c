"""The program of tests.support.company: `Order`s on stdin, `News` on stdout, a JSON object per line."""

import asyncio
import logging
import os
import sys
from collections.abc import Sequence
from contextvars import ContextVar
from typing import Final

import msgspec

from roomtape import app, cli
from roomtape.config import Deadlines, Settings, SupervisionSettings
from roomtape.given import Again, Given, settings_of
from roomtape.log import LineHandler, set_debug
from roomtape.observe.metrics import Metrics
from roomtape.observe.redactor import Redactor
from roomtape.options import Command
from roomtape.publishing import PublisherApp
from roomtape.signaling.identity import make_identity
from roomtape.supervisor.launcher import launching
from roomtape.supervisor.process import Launch
from tests.support.company import News, Order

WHO: Final[ContextVar[int]] = ContextVar("WHO", default=0)
"""The guest that the running task belongs to; 0 for none."""


def tell(news: News) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(news) + b"\n")
    sys.stdout.buffer.flush()


class Voices(logging.Handler):
    """A `LineHandler` for each guest: what one has said too often already, the next one may say."""

    def __init__(self) -> None:
        super().__init__()
        self._voices: dict[int, LineHandler] = {}

    def emit(self, record: logging.LogRecord) -> None:
        guest = WHO.get()
        if guest not in self._voices:
            self._voices[guest] = LineHandler(lambda line, _: say(guest, f"{line}\n"), Redactor(()), Metrics())
        self._voices[guest].emit(record)


def say(guest: int, text: str) -> None:
    if guest:
        tell(News(guest, text))
    else:
        sys.stderr.write(text)


def read(arguments: Sequence[str]) -> Settings:
    """The settings that publish.py would make of its arguments."""
    found: list[Settings] = []

    def keep(given: Sequence[Given], _: Again) -> int:
        found.append(settings_of(given))
        return 0

    cli.run(cli._command("publish.py", Command.FLAT, keep, ""), arguments)
    return found[0]


class Company:
    """`guests` are those that are there."""

    def __init__(self, launch: Launch) -> None:
        self._launch = launch
        self._guests: dict[int, PublisherApp] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def obey(self, order: Order) -> None:
        if order.arguments:
            task = asyncio.create_task(self._publish(order))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        elif guest := self._guests.get(order.guest):
            if order.kill:
                guest.runner.kill_all()
            guest.ended.set()

    async def _publish(self, order: Order) -> None:
        WHO.set(order.guest)
        settings = read(order.arguments)
        identity, metrics = make_identity(settings.signaling.password, settings.signaling.salt), Metrics()
        guest = PublisherApp(settings, identity, None, metrics, app.new_session, launcher=self._launch)
        client = app.signaling_client(
            settings, identity, guest.runner, metrics, seed=guest.seed, on_refused=guest.refused
        )
        self._guests[order.guest] = guest
        guest.start()
        try:
            await app._until_told(guest.runner, (client.run(),), guest.ended)
        finally:
            del self._guests[order.guest]
            tell(News(order.guest, code=guest.code))

    async def all_leave(self) -> None:
        for guest in self._guests.values():
            guest.ended.set()
        await asyncio.gather(*self._tasks)


async def main() -> None:
    logging.getLogger().addHandler(Voices())
    set_debug(False)
    orders = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), os.fdopen(0, "rb", buffering=0))
    async with launching(SupervisionSettings(), Deadlines(), Metrics()) as launch:
        company = Company(launch)
        async for line in orders:
            company.obey(msgspec.json.decode(line, type=Order))
        await company.all_leave()


asyncio.run(main())
