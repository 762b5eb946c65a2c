"""A recorder as a service: readiness, signs of life and a status line for systemd, while the event loop goes round."""

import asyncio
from collections.abc import Callable
from typing import Final

from roomtape.observe.board import Board, GuestState
from roomtape.observe.systemd import Systemd

LOOK_S: Final = 2.0
"""How often the status is looked at."""


class Service:
    """`connected` tells whether the handshake server is there."""

    def __init__(self, systemd: Systemd, board: Board, connected: Callable[[], bool]) -> None:
        self._systemd, self._board, self._connected = systemd, board, connected

    async def run(self) -> None:
        """Until cancelled. A loop that is held up gives no sign of life."""
        systemd, status = self._systemd, ""
        interval = min(LOOK_S, (systemd.watchdog_s or float("inf")) / 2)
        systemd.ready()
        while True:
            if systemd.watchdog_s is not None:
                systemd.alive()
            now = status_of(self._board, self._connected())
            if now != status:
                status = now
                systemd.status(status)
            await asyncio.sleep(interval)


def status_of(board: Board, connected: bool) -> str:
    """One line on the guests and on the handshake server."""
    recorded = board.count(GuestState.RECORDING)
    coming = board.count(GuestState.CONNECTING) + board.count(GuestState.WAITING)
    guests = f"recording {recorded} guest{'' if recorded == 1 else 's'}" + (f", {coming} not yet" if coming else "")
    return guests if connected else f"{guests}; the handshake server is not there, and is tried again"
