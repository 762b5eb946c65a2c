"""How a child comes to be: the only place that knows."""

import asyncio
import contextlib
import os
import socket
import sys
from collections.abc import AsyncIterator, Coroutine
from pathlib import Path
from typing import Any, Final

from roomtape.config import Deadlines, LauncherChoice, SupervisionSettings
from roomtape.errors import ChildStartFailed
from roomtape.observe.metrics import Metrics
from roomtape.supervisor.forkserver import ForkServer
from roomtape.supervisor.pool import Pool
from roomtape.supervisor.process import PIPE_LIMIT, Launch, Process

PROJECT: Final = Path(__file__).resolve().parents[2]
SCREEN_VARIABLES: Final = ("DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY", "PULSE_SERVER", "PULSE_COOKIE")
"""Where the screen and the speakers are; PULSE_COOKIE and XAUTHORITY are paths."""
KEPT_VARIABLES: Final = (
    *("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR"),
    *("LD_LIBRARY_PATH", "LD_PRELOAD"),
    *SCREEN_VARIABLES,
)
KEPT_PREFIXES: Final = ("GST_", "G_", "LIBGL_", "LIBVA_")


def child_environment() -> dict[str, str]:
    """What a child inherits: nothing that could hold a secret of the main process."""
    return {
        name: value for name, value in os.environ.items() if name in KEPT_VARIABLES or name.startswith(KEPT_PREFIXES)
    } | {"PYTHONDONTWRITEBYTECODE": os.environ.get("PYTHONDONTWRITEBYTECODE", "")}


@contextlib.asynccontextmanager
async def launching(settings: SupervisionSettings, deadlines: Deadlines, metrics: Metrics) -> AsyncIterator[Launch]:
    """What starts the children of a run that may have many: forked or executed, as `settings` say."""
    launcher: Launch = launch
    async with contextlib.AsyncExitStack() as stack:
        if settings.launcher is LauncherChoice.FORK:
            launcher = server = ForkServer(_start_fork_server, launch, deadlines, metrics)
            await stack.enter_async_context(_beside(server.keep()))
        if settings.pool:
            launcher = pool = Pool(launcher, settings.pool, deadlines.stop)
            await stack.enter_async_context(_beside(pool.keep()))
        yield launcher


@contextlib.asynccontextmanager
async def _beside(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def launch(*descriptors: int) -> Process:
    """A child executed afresh, in a session of its own so that Ctrl-C reaches only the parent.

    Its configuration goes over its stdin, never by argv or environment. It inherits `descriptors` under their numbers.

    Raises:
        ChildStartFailed: the system refuses another process.
    """
    try:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "roomtape.child",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=PROJECT,
            env=child_environment(),
            start_new_session=True,
            pass_fds=descriptors,
            limit=PIPE_LIMIT,
        )
    except OSError as error:
        raise ChildStartFailed(f"cannot start a child: {error.strerror}") from error


async def _start_fork_server(connection: socket.socket) -> asyncio.subprocess.Process:
    """Execute `roomtape.child.zygote` with this socket. What its children say goes through pipes of their own."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "roomtape.child.zygote",
        stdin=connection.fileno(),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        cwd=PROJECT,
        env=child_environment(),
        start_new_session=True,
    )
