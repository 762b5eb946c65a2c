"""A recording process that is killed or stopped, at every stage of its guest's connection."""

import asyncio
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.support.scene import VICTIM_NUMBER, Figure, Scene, Stage, said
from tests.support.studio import alive, assert_good

KILLED_AGAIN_S = 3.0
"""From SIGKILL to the new take, counted from when the guest's offer is let through."""
STOPPED_NOTICED_S = 5.0
STOPPED_AGAIN_S = 8.0
LOST_S = 1.0
LASTS_S = 2.0


def age_s(path: Path) -> float:
    """Since the file was made, which is when its first media came; a repaired one would be younger."""
    born = subprocess.run(("stat", "--format=%.W", path), capture_output=True, check=True, text=True).stdout
    return time.time() - float(born)


@pytest.mark.parametrize("stage", list(Stage))
async def test_killed_it_is_replaced_and_nobody_else_notices(
    tmp_path: Path, stage: Stage, record_property: Figure
) -> None:
    async with Scene(tmp_path) as scene:
        begun = time.monotonic()
        victim = await scene.bring_to(stage)
        files = len(scene.studio.files("anna"))
        whole = age_s(scene.studio.files("anna")[0]) if stage is Stage.RECORDING else 0.0
        os.kill(victim, signal.SIGKILL)
        struck = time.monotonic()
        await scene.recorder.says(r"ended by SIGKILL")
        scene.gate.release()
        took = await scene.recorded_anew(files) - struck
        record_property("new take after", f"{took:.2f} s")
        await asyncio.sleep(LASTS_S)
        assert await scene.recorder.stop() == 0
        assert took < KILLED_AGAIN_S
        tapes = scene.victim_tapes()
        assert_good(tapes[-1], VICTIM_NUMBER, seconds=LASTS_S - 0.5)
        if stage is Stage.RECORDING:
            record_property("lost of the old file", f"{whole - tapes[0].duration_s:.2f} s")
            assert tapes[0].duration_s > whole - LOST_S
            assert not tapes[0].decode_errors
        scene.assert_bystander_untouched(seconds=time.monotonic() - begun - 10)


@pytest.mark.parametrize("stage", list(Stage))
async def test_stopped_it_is_noticed_and_replaced_and_nobody_else_notices(
    tmp_path: Path, stage: Stage, record_property: Figure
) -> None:
    async with Scene(tmp_path) as scene:
        victim = await scene.bring_to(stage)
        files = len(scene.studio.files("anna"))
        os.kill(victim, signal.SIGSTOP)
        struck = time.monotonic()
        scene.gate.release()
        while alive(victim):
            assert time.monotonic() - struck < 2 * STOPPED_NOTICED_S
            await asyncio.sleep(0.02)
        noticed = time.monotonic() - struck
        took = await scene.recorded_anew(files) - struck
        record_property("noticed, and new take after", f"{noticed:.2f} s, {took:.2f} s")
        await asyncio.sleep(LASTS_S)
        assert await scene.recorder.stop() == 0
        assert noticed < STOPPED_NOTICED_S
        assert took < STOPPED_AGAIN_S
        assert said(scene.recorder, "child killed") == 1
        assert_good(scene.victim_tapes()[-1], VICTIM_NUMBER, seconds=LASTS_S - 0.5)
        scene.assert_bystander_untouched(seconds=LASTS_S)
