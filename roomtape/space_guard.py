"""Watches the free space of the folders while a recorder runs. What is done at the floor is the children's business."""

import asyncio
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from roomtape.logs import get_logger
from roomtape.observe.metrics import Metrics
from roomtape.storage.space import SpaceWatch

LOOK_S: Final = 5.0

log = get_logger(__name__)


def _free_bytes(folder: Path) -> int | None:
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return None


class SpaceGuard:
    """Tells in the log, and by a metric of the first folder. `free_bytes` may block, and gives None for a folder that
    cannot be looked at; `clock` gives seconds."""

    def __init__(
        self,
        folders: Sequence[Path],
        floor_bytes: int,
        metrics: Metrics,
        free_bytes: Callable[[Path], int | None] = _free_bytes,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._metrics, self._free_bytes, self._clock = metrics, free_bytes, clock
        self.watch(folders, floor_bytes)

    def watch(self, folders: Sequence[Path], floor_bytes: int) -> None:
        """These from now on."""
        self._watches = [(folder, SpaceWatch(str(folder), floor_bytes)) for folder in folders]

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_S)

    async def look(self) -> None:
        """Once at every folder."""
        for folder, watch in tuple(self._watches):
            # A network file system that hangs is not to hold up the guests.
            free = await asyncio.to_thread(self._free_bytes, folder)
            if free is not None:
                self._seen(folder, watch, free)

    def _seen(self, folder: Path, watch: SpaceWatch, free: int) -> None:
        outlook = watch.seen(free, self._clock())
        if outlook.warning:
            log.warning(outlook.warning)
        if folder == self._watches[0][0]:
            self._metrics.disk_free.set(free)
