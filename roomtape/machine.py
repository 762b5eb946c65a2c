"""What `roomtape doctor` looks at: this computer and its network. It says what there is, not what it means."""

import asyncio
import contextlib
import resource
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Final

import msgspec

from roomtape.app import turn_list
from roomtape.config import Settings
from roomtape.errors import FileRefused
from roomtape.ice.probe import probe_stun, probe_turn
from roomtape.ice.results import ProbeResult
from roomtape.model import TurnServer
from roomtape.signaling.visit import Visit, visit
from roomtape.supervisor.launcher import PROJECT, child_environment

INVENTORY: Final = (sys.executable, "-m", "roomtape.child.inventory")
INVENTORY_DEADLINE_S: Final = 20.0
"""GStreamer may have to look through all its plugins first."""
TOOL_DEADLINE_S: Final = 5.0
RECEIVE_LIMIT: Final = Path("/proc/sys/net/core/rmem_max")


class Inventory(msgspec.Struct, frozen=True):
    """What `roomtape.child.inventory` prints: `missing` are elements and their packages, `fault` why nothing loads.

    `landlock` is the kernel's version of it, 0 for none; `unconfined` says why what children lack in protection is not
    there.
    """

    version: str = "0.0"
    missing: dict[str, str] = {}
    landlock: int = 0
    seccomp: bool = False
    unconfined: tuple[str, ...] = ()
    fault: str = ""
    package: str = ""


class Machine:
    """Every look has a deadline of its own; probes and visits bring theirs along."""

    async def inventory(self) -> Inventory:
        """Of GStreamer."""
        return read_inventory(*await run(INVENTORY, INVENTORY_DEADLINE_S))

    async def tool(self, name: str) -> str | None:
        """The version of ffmpeg or ffprobe; None if it is missing or does not run."""
        path = shutil.which(name)
        code, output, _ = await run((path, "-version"), TOOL_DEADLINE_S) if path else (None, b"", b"")
        words = output.decode(errors="replace").split(maxsplit=3)
        return words[2] if code == 0 and len(words) > 2 else None

    def free_space(self, folder: Path) -> int:
        """Bytes free for files in `folder`. It need not exist; then as near to it as can be.

        Raises:
            FileRefused: no file can be written there.
        """
        place = folder.absolute()
        try:
            while not place.exists():
                place = place.parent
            with tempfile.TemporaryFile(dir=place, buffering=0) as file:
                file.write(b"roomtape")
            return shutil.disk_usage(place).free
        except OSError as error:
            raise FileRefused(f"{place} takes no files: {error.strerror}") from error

    def open_files(self) -> int:
        """How many files one process may have open; -1 for any number."""
        return resource.getrlimit(resource.RLIMIT_NOFILE)[0]

    def receive_bytes(self) -> int:
        """What the kernel gives a socket at most for what has arrived and waits to be read; 0 if it does not say."""
        try:
            return int(RECEIVE_LIMIT.read_text())
        except (OSError, ValueError):
            return 0

    async def visit(self, settings: Settings) -> Visit:
        """Raises: SignalingError."""
        return await visit(settings.signaling, settings.deadlines)

    async def service_turn(self, settings: Settings) -> tuple[TurnServer, ...]:
        """The hosted service's own TURN servers, where they are used."""
        known = turn_list(settings)
        return await known.servers() if known is not None else ()

    async def stun(self, address: str) -> ProbeResult:
        return await probe_stun(address)

    async def turn(self, server: TurnServer) -> ProbeResult:
        return await probe_turn(server)


def read_inventory(code: int | None, output: bytes, errors: bytes) -> Inventory:
    """The inventory from what its process left behind; whatever that is, there is one."""
    if code == 0:
        with contextlib.suppress(msgspec.MsgspecError):
            return msgspec.json.decode(output, type=Inventory)
    end = "gave no answer in time" if code is None else f"ended with code {code}"
    last = errors.decode(errors="replace").strip().rpartition("\n")[2]
    return Inventory(fault=f"the process that loads it {end}" + (f": {last}" if last else ""), package="python3-gi")


async def run(command: tuple[str, ...], deadline_s: float) -> tuple[int | None, bytes, bytes]:
    """Exit code, output and errors of a program that reads nothing; code None if it had to be killed."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=PROJECT,
        env=child_environment(),
    )
    try:
        async with asyncio.timeout(deadline_s):
            output, errors = await process.communicate()
        return process.returncode, output, errors
    except TimeoutError:
        return None, b"", b""
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
