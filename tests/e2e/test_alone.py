"""On a computer that has no network but its own loopback interface."""

import asyncio
import sys
from pathlib import Path
from typing import Final

from tests.support.studio import ROOT

DEADLINE_S: Final = 60
ALONE: Final = """
import fcntl, os, socket, struct, sys
SIOCSIFFLAGS, UP, RUNNING = 0x8914, 0x1, 0x40
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_one:
    fcntl.ioctl(any_one, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", UP | RUNNING))
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""
"""netdevice(7), in a namespace where the interface is down at first; then another program takes over."""


async def test_the_demo_works_there_too(tmp_path: Path) -> None:
    demo = ("-m", "roomtape", "demo", "--seconds", "3", "--output-dir", str(tmp_path))
    process = await asyncio.create_subprocess_exec(
        *("unshare", "--net", sys.executable, "-c", ALONE, *demo),
        cwd=ROOT,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await asyncio.wait_for(process.communicate(), DEADLINE_S)
    assert (process.returncode, "All is well" in output.decode()) == (0, True), output.decode()
