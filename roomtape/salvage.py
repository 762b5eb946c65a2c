"""Repairs, beside a running recorder, what earlier runs and children that died left unfinished."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from roomtape.errors import MissingElement
from roomtape.folders import Folders
from roomtape.logs import get_logger
from roomtape.observe.metrics import Metrics
from roomtape.storage.recovery import find, recover
from roomtape.storage.repair import Done, Repair
from roomtape.storage.tools import Tools

AGAIN_S: Final = 60.0
"""When a copy did not fit on the disk."""
IN_USE_AGAIN_S: Final = 3.0
"""When a file is still being written: recording processes outlive a main process that was killed."""

log = get_logger(__name__)


class Salvage:
    """The run's own manifest is kept by `on_repaired`. `spare_bytes` of the disk are left to the recordings."""

    def __init__(
        self,
        folders: Folders,
        spare_bytes: int,
        metrics: Metrics,
        on_repaired: Callable[[Repair], None],
    ) -> None:
        self._folders, self.spare_bytes = folders, spare_bytes
        self._metrics, self._on_repaired = metrics, on_repaired
        self._queue: asyncio.Queue[Path] = asyncio.Queue()
        # A thread of its own: the one that writes the manifest must not wait for ffmpeg.
        self._thread = ThreadPoolExecutor(1, "repair")
        self._tools: Tools | None = None

    def add(self, path: Path) -> None:
        """A child that died left this file behind."""
        self._queue.put_nowait(path)

    async def run(self) -> None:
        """First what lies in the folders, then what is added; until cancelled."""
        try:
            self._tools = Tools()
        except MissingElement as error:
            log.warning("files that were cut off are not repaired", reason=error.detail)
            return
        loop = asyncio.get_running_loop()
        for path in await loop.run_in_executor(self._thread, find, self._folders.all):
            self.add(path)
        while True:
            path = await self._queue.get()
            self._tell(await loop.run_in_executor(self._thread, self._recover, path))

    def give_up(self) -> None:
        """The run ends: what is being repaired stays as it is, until the next."""
        if self._tools is not None:
            self._tools.give_up()

    def _recover(self, path: Path) -> Repair:
        assert self._tools is not None
        return recover(
            path,
            self._tools,
            spare_bytes=self.spare_bytes,
            except_in=self._folders.manifest_path,
            folders=self._folders.all,
        )

    def _tell(self, repair: Repair) -> None:
        name, sentence = repair.path.name, repair.sentence
        match repair.done:
            case Done.REPAIRED | Done.REMOVED:
                log.info(f"a file of before {sentence}", file=name)
                self._metrics.files_repaired.add()
                self._on_repaired(repair)
            case Done.NO_SPACE:
                log.warning(f"a file of before {sentence}", file=name)
                asyncio.get_running_loop().call_later(AGAIN_S, self.add, repair.path)
            case Done.IN_USE:
                log.debug(f"a file of before {sentence}", file=name)
                asyncio.get_running_loop().call_later(IN_USE_AGAIN_S, self.add, repair.path)
            case Done.FINAL if repair.mended is not None:
                log.info("a file of before was made final by its own process", file=name)
                self._on_repaired(repair)
            case Done.FAILED:
                log.warning(f"a file of before {sentence}", file=name)
            case _:
                log.debug(f"a file of before {sentence}", file=name)
