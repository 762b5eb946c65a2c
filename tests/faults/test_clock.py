"""The time of day is set while guests are recorded: the recorder's, and a guest's."""

import asyncio
import subprocess
from pathlib import Path

import pytest

from tests.support.set_clock import SetClock
from tests.support.studio import ROOM, Studio, assert_good, recording

HOUR_S = 3600
BEFORE_S, AFTER_S = 3.0, 4.0
HALF_A_SECOND = 0.5


@pytest.mark.parametrize("jump_s", [HOUR_S, -HOUR_S])
async def test_a_recorder_whose_clock_is_set_loses_nothing(tmp_path: Path, jump_s: int) -> None:
    clock = SetClock(tmp_path)
    async with Studio(tmp_path) as studio:
        await studio.guest("anna", 1, "--vp8")
        await studio.guest("ben", 2, "--h264")
        command = ("publish.py", "--server", studio.url, "--stun-server", "false", "--room", ROOM, "--record-room")
        recorder = await studio.run("recorder", *command, "--output-dir", str(studio.folder), LD_PRELOAD=clock.library)
        await recording(recorder, "anna", "ben")
        await asyncio.sleep(BEFORE_S)
        clock.set(jump_s)
        await asyncio.sleep(AFTER_S)
        cleo = await studio.guest("cleo", 3, "--vp8")
        await recording(recorder, "cleo")
        await asyncio.sleep(AFTER_S)
        assert await recorder.stop() == 0
        await cleo.says("the viewer left")
        for name, number, seconds in (("anna", 1, BEFORE_S + 2 * AFTER_S), ("ben", 2, BEFORE_S + 2 * AFTER_S)):
            tape = studio.tape(name)
            assert_good(tape, number, seconds=seconds)
            assert tape.missing() == []
        assert_good(studio.tape("cleo"), 3, seconds=AFTER_S - 1)
        (late,) = studio.files("cleo")
        (early,) = studio.files("anna")
        assert (late.stem[-16:] > early.stem[-16:]) is (jump_s > 0), "the clock was not set"


@pytest.mark.parametrize("jump_s", [HOUR_S, -HOUR_S])
async def test_a_guest_whose_clock_is_set_stays_whole_and_in_step(tmp_path: Path, jump_s: int) -> None:
    """Sender reports (RFC 3550 section 6.4.1) carry the guest's time of day, and the two tracks do not send theirs at
    the same moment."""
    clock = SetClock(tmp_path)
    async with Studio(tmp_path) as studio:
        guest = ("--streamid", "anna", "--room", ROOM, "--test", "--guest-number", "1", "--width", "320")
        command = ("publish.py", "--server", studio.url, "--stun-server", "false", "--height", "180", *guest)
        anna = await studio.run("anna", *command, LD_PRELOAD=clock.library)
        await anna.says("joined")
        recorder = await studio.recorder()
        await recording(recorder, "anna")
        await asyncio.sleep(BEFORE_S)
        clock.set(jump_s)
        await asyncio.sleep(2 * AFTER_S)
        assert await recorder.stop() == 0
        tape = studio.tape("anna")
        assert_good(tape, 1, seconds=BEFORE_S + 2 * AFTER_S - 1)
        assert tape.missing() == []
        flashes = [flash for flash in tape.flashes if flash < tape.beeps[-1] + HALF_A_SECOND]
        assert len(flashes) >= len(tape.flashes) - 1, "the sound of the very last one may come too late for the file"
        pairs = [(flash, min(tape.beeps, key=lambda beep: abs(beep - flash))) for flash in flashes]
        assert max(abs(flash - beep) for flash, beep in pairs) <= 0.06, pairs


def test_the_clock_that_is_set_is_believed(tmp_path: Path) -> None:
    clock = SetClock(tmp_path)
    before = _year(clock)
    clock.set(10 * 366 * 24 * HOUR_S)
    assert _year(clock) >= before + 10


def _year(clock: SetClock) -> int:
    done = subprocess.run(["date", "+%Y"], env={"LD_PRELOAD": clock.library}, capture_output=True, check=True)
    return int(done.stdout)
