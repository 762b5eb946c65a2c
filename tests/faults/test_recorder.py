"""The recorder's main process killed or stopped, at every stage of a guest's connection."""

import asyncio
import os
import signal
import time
from pathlib import Path

import pytest

from roomtape.storage.verify import verify
from tests.support.content import inspect
from tests.support.scene import BYSTANDER, BYSTANDER_NUMBER, VICTIM_NUMBER, Figure, Scene, Stage
from tests.support.studio import alive, assert_good

FINAL_S = 2.0
STOPPED_S = dict.fromkeys(Stage, 2.5) | {Stage.RECORDING: 7.0}
"""Once longer than a child may take for its pong: who was stopped oneself must not blame the children."""
LASTS_S = 2.0
MARKED_S = 1.0
"""In so long there is a flash and a beep."""


@pytest.mark.parametrize("stage", list(Stage))
async def test_killed_it_leaves_final_files_and_no_process(
    tmp_path: Path, stage: Stage, record_property: Figure
) -> None:
    async with Scene(tmp_path) as scene:
        await asyncio.sleep(MARKED_S)
        victim = await scene.bring_to(stage)
        workers = scene.workers()
        os.kill(scene.recorder.process.pid, signal.SIGKILL)
        struck = time.monotonic()
        scene.thaw(victim)
        await scene.recorder.process.wait()
        while any(map(alive, workers)):
            assert time.monotonic() - struck < FINAL_S, "children outlived the main process"
            await asyncio.sleep(0.02)
        record_property("all gone after", f"{time.monotonic() - struck:.2f} s")
        files = [file for file in scene.studio.folder.iterdir() if file.suffix == ".webm"]
        assert len(files) == 1 + (stage in (Stage.RECORDING, Stage.DRAINING))
        for file in files:
            report = verify(file)
            assert report.ok, report
            assert not report.cut_off
        assert_good(inspect(scene.studio.files(BYSTANDER)[0]), BYSTANDER_NUMBER, seconds=0.5)


@pytest.mark.parametrize("stage", list(Stage))
async def test_stopped_and_continued_it_loses_nothing(tmp_path: Path, stage: Stage) -> None:
    async with Scene(tmp_path) as scene:
        victim = await scene.bring_to(stage)
        files = len(scene.studio.files("anna"))
        begun = time.monotonic()
        os.kill(scene.recorder.process.pid, signal.SIGSTOP)
        scene.thaw(victim)
        await asyncio.sleep(STOPPED_S[stage])
        os.kill(scene.recorder.process.pid, signal.SIGCONT)
        if stage is not Stage.RECORDING:
            await scene.recorded_anew(files)
        await asyncio.sleep(LASTS_S)
        lasted = time.monotonic() - begun
        assert await scene.recorder.stop() == 0
        if stage is Stage.RECORDING:
            assert len(scene.victim_tapes()) == 1, "a healthy connection was given up"
        assert_good(scene.victim_tapes()[-1], VICTIM_NUMBER, seconds=LASTS_S - 0.5)
        scene.assert_bystander_untouched(seconds=lasted)
