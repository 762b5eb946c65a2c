"""The handshake server killed or stopped, at every stage of a guest's connection; and gone for a while."""

import asyncio
import os
import signal
import time
from pathlib import Path

import pytest

from tests.support.scene import BYSTANDER, VICTIM_NUMBER, Figure, Scene, Stage, usage
from tests.support.studio import assert_good, recording

AWAY_S = 1.5
LASTS_S = 2.0
GONE_S = float(os.environ.get("FAULT_GONE_S", "10"))
ATTEMPTS = 10
CPU = 0.01


@pytest.mark.parametrize("fault", [signal.SIGKILL, signal.SIGSTOP])
@pytest.mark.parametrize("stage", list(Stage))
async def test_media_goes_on_and_the_guest_is_recorded(tmp_path: Path, stage: Stage, fault: signal.Signals) -> None:
    async with Scene(tmp_path) as scene:
        victim = await scene.bring_to(stage)
        files = len(scene.studio.files("anna"))
        begun = time.monotonic()
        os.kill(scene.server.process.pid, fault)
        scene.thaw(victim)
        await asyncio.sleep(AWAY_S)
        if fault is signal.SIGKILL:
            await scene.serve()
        else:
            os.kill(scene.server.process.pid, signal.SIGCONT)
        if stage is not Stage.RECORDING:
            await scene.recorded_anew(files)
        await asyncio.sleep(LASTS_S)
        lasted = time.monotonic() - begun
        assert await scene.recorder.stop() == 0
        tapes = scene.victim_tapes()
        assert_good(tapes[-1], VICTIM_NUMBER, seconds=LASTS_S - 0.5)
        if stage is Stage.RECORDING:
            assert len(tapes) == 1, "a healthy connection was given up"
            assert tapes[0].missing() == []
        scene.assert_bystander_untouched(seconds=lasted)


async def test_gone_for_a_while_it_is_asked_for_seldom_and_no_frame_is_lost(
    tmp_path: Path, record_property: Figure
) -> None:
    async with Scene(tmp_path) as scene:
        await scene.recorder.stop()
        for file in scene.studio.files(BYSTANDER):
            file.unlink()
        recorder = await scene.studio.recorder("--debug")  # by no gate
        await recording(recorder, BYSTANDER)
        pid, port = recorder.process.pid, int(scene.studio.url.rpartition(":")[2])
        await scene.server.stop(signal.SIGKILL)
        before = usage(pid)["cpu_s"]
        attempts = 0

        async def refuse(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal attempts
            attempts += writer.get_extra_info("peername")[1] in ports_of(pid)
            writer.transport.abort()

        async with await asyncio.start_server(refuse, "127.0.0.1", port):
            await asyncio.sleep(GONE_S)
        share = (usage(pid)["cpu_s"] - before) / GONE_S
        await scene.serve()
        await recorder.says(r"(?s)joined.*joined", timeout_s=40)
        await asyncio.sleep(LASTS_S)
        assert await recorder.stop() == 0
        record_property(f"in {GONE_S:g} s", f"{attempts} attempts, CPU {share:.2%}")
        assert 1 <= attempts <= ATTEMPTS
        assert share < CPU
        scene.assert_bystander_untouched(seconds=GONE_S + LASTS_S)


def ports_of(pid: int) -> set[int]:
    """Local TCP ports that a process has open."""
    inodes = {str(fd.readlink()) for fd in Path(f"/proc/{pid}/fd").iterdir() if fd.is_symlink()}
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return {int(row[1].rpartition(":")[2], 16) for row in rows if f"socket:[{row[9]}]" in inodes}
