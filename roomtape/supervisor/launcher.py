"""How a child comes to be: the only place that knows."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Final

from roomtape.errors import ChildStartFailed

PROJECT: Final = Path(__file__).resolve().parents[2]
PIPE_LIMIT: Final = 1 << 16
SCREEN_VARIABLES: Final = ("DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY", "PULSE_SERVER", "PULSE_COOKIE")
"""Where the screen and the speakers are; PULSE_COOKIE and XAUTHORITY are paths."""
KEPT_VARIABLES: Final = (
    *("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR"),
    *SCREEN_VARIABLES,
)
KEPT_PREFIXES: Final = ("GST_", "G_", "LIBGL_", "LIBVA_", "LD_LIBRARY_")


def child_environment() -> dict[str, str]:
    """What a child inherits: nothing that could hold a secret of the main process."""
    return {
        name: value for name, value in os.environ.items() if name in KEPT_VARIABLES or name.startswith(KEPT_PREFIXES)
    } | {"PYTHONDONTWRITEBYTECODE": os.environ.get("PYTHONDONTWRITEBYTECODE", "")}


async def launch(*descriptors: int) -> asyncio.subprocess.Process:
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
