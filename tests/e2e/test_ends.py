"""How runs end: SIGINT with ten guests, SIGKILL of the main process."""

import asyncio
import signal
import time
from pathlib import Path

import pytest

from roomtape.storage.verify import verify
from tests.support.studio import Studio, alive, children_of, recording, recording_children

pytestmark = [pytest.mark.heavy, pytest.mark.asyncio(loop_scope="session")]

GUESTS = 10


async def test_sigint_with_ten_guests_finishes_all_files_within_two_seconds(tmp_path: Path) -> None:
    async with Studio(tmp_path) as studio:
        names = [f"guest{n}" for n in range(GUESTS)]
        programs = [
            await studio.company(name, n, "--framerate", "10", size=(160, 90), bitrate=100)
            for n, name in enumerate(names)
        ]
        recorder = await studio.recorder()
        await recording(recorder, *names)
        children = recording_children(recorder.process.pid)
        assert len(children) == GUESTS
        await asyncio.sleep(2)
        begun = time.monotonic()
        assert await recorder.stop() == 0
        took = time.monotonic() - begun
        assert took < 2.0
        assert not any(map(alive, children))
        for name in names:
            report = verify(studio.files(name)[0])
            assert report.ok, report
            assert not report.cut_off
        for guest in programs:
            await guest.says("the viewer left")  # bye went out on the data channel


async def test_sigkill_of_the_main_process_leaves_final_files_and_no_process(tmp_path: Path) -> None:
    async with Studio(tmp_path) as studio:
        for number, name in enumerate(("anna", "ben"), start=1):
            await studio.company(name, number)
        recorder = await studio.recorder()
        await recording(recorder, "anna", "ben")
        children = children_of(recorder.process.pid)
        assert len(children) == 3, "one for each guest, and the fork server"
        await asyncio.sleep(2)
        recorder.send(signal.SIGKILL)
        await recorder.process.wait()
        deadline = time.monotonic() + 2.0
        while any(map(alive, children)):
            assert time.monotonic() < deadline, "children outlived the main process"
            await asyncio.sleep(0.05)
        for name in ("anna", "ben"):
            report = verify(studio.files(name)[0])
            assert report.ok, report
            assert not report.cut_off
