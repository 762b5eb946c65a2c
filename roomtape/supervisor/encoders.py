"""Which hardware encoder works here, as `roomtape.child.probe` finds out in processes of its own."""

import asyncio
import contextlib
import glob
import sys
from typing import Final

import msgspec

from roomtape.ipc.messages import PublishConfig
from roomtape.logs import get_logger
from roomtape.supervisor.launcher import PROJECT, child_environment

DEADLINE_S: Final = 20.0
"""For all encoders together; one that is not found to work by then is not used."""
COMMAND: Final = (sys.executable, "-m", "roomtape.child.probe")
DEVICES: Final = ("/dev/dri/renderD*", "/dev/nvidia*", "/dev/video*", "/dev/dxg")
"""What the kernel shows of hardware that may encode: VA-API and Quick Sync, NVENC, V4L2, and a GPU under WSL."""

log = get_logger(__name__)


class Probed(msgspec.Struct, frozen=True):
    """What the probe writes: an element that works, empty for none, and why others do not."""

    encoder: str
    refused: dict[str, str] = {}


async def working_encoder(
    config: PublishConfig,
    command: tuple[str, ...] = COMMAND,
    deadline_s: float = DEADLINE_S,
    devices: tuple[str, ...] = DEVICES,
) -> str:
    """The hardware encoder for `config`; empty if there is none, or the probe itself fails: it only ever helps.

    Where none of `devices` (glob patterns) exists, nothing is tried, which would cost each start 0.2 CPU seconds.
    """
    if not any(map(glob.glob, devices)):
        log.debug("encoder", encoder="software", reason="no device that encodes")
        return ""
    sizes = (config.width, config.height, config.framerate, config.bitrate_kbps)
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            config.codec,
            *map(str, sizes),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            cwd=PROJECT,
            env=child_environment(),
            start_new_session=True,
        )
    except OSError as error:
        log.warning("cannot look for a hardware encoder", reason=error.strerror)
        return ""
    try:
        output, _ = await asyncio.wait_for(process.communicate(), deadline_s)
        probed = msgspec.json.decode(output, type=Probed)
    except TimeoutError:
        log.warning("no hardware encoder was found to work in time", seconds=deadline_s)
        return ""
    except msgspec.MsgspecError:
        log.warning("looking for a hardware encoder failed", code=process.returncode)
        return ""
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
    for encoder, reason in probed.refused.items():
        log.info("hardware encoder does not work", encoder=encoder, reason=reason)
    log.debug("encoder", encoder=probed.encoder or "software")
    return probed.encoder
