"""What it costs to make a child ready, forked and executed: from the request to its Ready."""

import asyncio
import os
import statistics
import tempfile
import time
from typing import Any, Final

from bench import proc
from roomtape.config import Deadlines, LauncherChoice, SupervisionSettings
from roomtape.ipc.messages import FromChild, RecordConfig
from roomtape.observe.metrics import Metrics
from roomtape.supervisor.launcher import launching
from roomtape.supervisor.manager import WebRTCSubprocessManager

CHILDREN: Final = 12
SETTLED_S: Final = 1.5
"""Also for the fork server, which begins when the launcher does."""


def measure() -> dict[str, Any]:
    """CPU seconds (of all processes) and time for one child, by launcher."""
    figures = {str(choice): asyncio.run(_start_children(choice)) for choice in LauncherChoice}
    ratio = figures["fork"]["cpu"] / figures["exec"]["cpu"]
    return {"children": CHILDREN, **figures, "cpu_ratio": round(ratio, 3)}


async def _start_children(choice: LauncherChoice) -> dict[str, float]:
    deadlines = Deadlines()
    took: list[float] = []
    children: list[WebRTCSubprocessManager] = []
    with tempfile.TemporaryDirectory(prefix="roomtape-bench-") as folder:
        async with launching(SupervisionSettings(launcher=choice), deadlines, Metrics()) as launcher:
            await asyncio.sleep(SETTLED_S)
            before = proc.cpu_s(proc.tree([os.getpid()]))
            for number in range(CHILDREN):
                config = RecordConfig(stream_id=f"s{number}", folder=folder, stem=f"s{number}")
                child = WebRTCSubprocessManager(config, _ignore, deadlines=deadlines, launcher=launcher)
                began = time.monotonic()
                await child.start()
                took.append(time.monotonic() - began)
                children.append(child)
            used = proc.cpu_s(proc.tree([os.getpid()])) - before
            await asyncio.gather(*(child.stop("done") for child in children))
    return {"cpu": round(used / CHILDREN, 4), "ready_s": round(statistics.median(took), 4)}


def _ignore(_message: FromChild) -> None:
    pass
