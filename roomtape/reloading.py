"""SIGHUP: the configuration is read again while the recorder runs, or the terminal is gone and the run ends."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import Final

from roomtape.changes import compare
from roomtape.config import Settings
from roomtape.errors import ConfigError
from roomtape.log import secrets_of, set_debug
from roomtape.logs import get_logger
from roomtape.observe.systemd import Systemd

STANDARD: Final = (0, 1, 2)

Apply = Callable[[Settings], Awaitable[None]]

log = get_logger(__name__)


class Reloading:
    """`read` gives the settings as they are now and may block, `apply` has them hold, `conceal` hears secrets first."""

    def __init__(
        self,
        settings: Settings,
        read: Callable[[], Settings],
        apply: Apply,
        conceal: Callable[[str], None],
        systemd: Systemd,
    ) -> None:
        self._settings, self._read, self._apply, self._conceal = settings, read, apply, conceal
        self._systemd = systemd
        self._asked = asyncio.Event()

    def ask(self) -> None:
        self._asked.set()

    async def run(self) -> None:
        """Reload whenever it is asked for, until cancelled."""
        while True:
            await self._asked.wait()
            self._asked.clear()
            self._systemd.reloading()
            try:
                await self.reload()
            finally:
                self._systemd.ready()

    async def reload(self) -> None:
        """Once. Settings that cannot be used change nothing."""
        try:
            new = await asyncio.to_thread(self._read)
            for secret in secrets_of(new):
                self._conceal(secret)
            changes = compare(self._settings, new)
        except ConfigError as error:
            log.error("the configuration cannot be used, and nothing has changed", reason=error.detail)
            return
        if changes.settings != self._settings:
            self._settings = changes.settings
            set_debug(changes.settings.debug)
            await self._apply(changes.settings)
        log.info(
            "the configuration was read again",
            at_once=", ".join(changes.at_once) or "nothing",
            for_new_connections=", ".join(changes.for_new_connections) or "nothing",
        )
        if changes.after_a_restart:
            log.warning("left as it is until the next start", options=", ".join(changes.after_a_restart))


class Hangup:
    """Whether a terminal that was there at the start has been closed, which also comes as SIGHUP."""

    def __init__(self) -> None:
        self._terminals = [descriptor for descriptor in STANDARD if os.isatty(descriptor)]

    def happened(self) -> bool:
        return bool(self._terminals) and not any(map(os.isatty, self._terminals))
