"""Tells systemd how the recorder is: one datagram to $NOTIFY_SOCKET for each piece of news (sd_notify(3))."""

import os
import socket
import time
from collections.abc import MutableMapping
from typing import Final, Self

from roomtape.logs import get_logger, printable

VARIABLES: Final = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")

log = get_logger(__name__)


class Systemd:
    """`address` is a path, or a name in the abstract namespace with `@` in front; empty: there is nobody to tell.

    `watchdog_s`: how long systemd waits for a sign of life; None for ever. What cannot be sent is dropped, and that is
    said the first time.
    """

    def __init__(self, address: str = "", watchdog_s: float | None = None) -> None:
        self.watchdog_s = watchdog_s if address else None
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) if address else None
        if self._socket is not None:
            self._socket.setblocking(False)
        self._said_dropped = False

    @classmethod
    def from_environment(cls, environment: MutableMapping[str, str] = os.environ, pid: int | None = None) -> Self:
        """Takes the variables away: no child is to speak for the recorder. `pid` is our own."""
        address, interval, whose = (environment.pop(name, "") for name in VARIABLES)
        watched = interval.isdecimal() and int(interval) > 0 and whose in ("", str(pid or os.getpid()))
        if not address.startswith(("/", "@")):
            return cls()
        return cls(address, int(interval) / 1_000_000 if watched else None)

    @property
    def listens(self) -> bool:
        return self._socket is not None

    def ready(self) -> None:
        self._tell("READY=1")

    def reloading(self) -> None:
        """To be followed by `ready`."""
        self._tell(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        self._tell("STOPPING=1")

    def alive(self) -> None:
        self._tell("WATCHDOG=1")

    def status(self, sentence: str) -> None:
        """For `systemctl status`."""
        self._tell(f"STATUS={printable(sentence)}")

    def _tell(self, news: str) -> None:
        if self._socket is None:
            return
        try:
            self._socket.sendto(news.encode(), self._address)
        except OSError as error:
            if not self._said_dropped:
                self._said_dropped = True
                log.warning("systemd cannot be told", news=news, reason=error.strerror)
