"""Watches the free space of the folders while a recorder runs. What is done at the floor is the children's business."""

import asyncio
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from roomtape.logs import get_logger
from roomtape.observe.metrics import Metrics
from roomtape.storage.space import SpaceWatch

LOOK_S: Final = 5.0

log = get_logger(__name__)


class SpaceGuard:
    """Tells in the log, and by a metric of the first folder."""

    def __init__(self, folders: Sequence[Path], floor_bytes: int, metrics: Metrics) -> None:
        self._watches = [(folder, SpaceWatch(str(folder), floor_bytes)) for folder in folders]
        self._metrics = metrics

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            for folder, watch in self._watches:
                # A network file system that hangs is not to hold up the guests.
                free = await asyncio.to_thread(_free_bytes, folder)
                if free is not None:
                    self._seen(folder, watch, free)
            await asyncio.sleep(LOOK_S)

    def _seen(self, folder: Path, watch: SpaceWatch, free: int) -> None:
        outlook = watch.seen(free, time.monotonic())
        if outlook.warning:
            log.warning(outlook.warning)
        if folder == self._watches[0][0]:
            self._metrics.disk_free.set(free)


def _free_bytes(folder: Path) -> int | None:
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return None
