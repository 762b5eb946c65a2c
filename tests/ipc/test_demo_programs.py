"""How the demo runs its programs: real processes that end too early, are deaf, or do not start at all."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from roomtape import demo
from roomtape.demo import Program, running, while_alive
from roomtape.errors import ChildDied, ChildStartFailed

pytestmark = pytest.mark.light


def shell(name: str, script: str) -> Program:
    return Program(name, ("sh", "-c", script), os.environ, quiet=True)


def python(name: str, code: str) -> Program:
    return Program(name, (sys.executable, "-c", code), os.environ, quiet=True)


FOREVER = "import time; time.sleep(60)"


async def never() -> None:
    await asyncio.Event().wait()


async def test_a_program_that_ends_too_early_is_told_with_its_last_line() -> None:
    program = shell("ben", "echo one; echo two >&2; exit 3")
    async with running([program]):
        with pytest.raises(ChildDied) as died:
            await while_alive([program], never(), 5)
    assert died.value.detail == "ben ended before its time with code 3: two"
    assert program.code == 3


async def test_the_work_is_done_while_all_run_or_until_its_deadline() -> None:
    program = python("anna", FOREVER)
    async with running([program]):
        await while_alive([program], asyncio.sleep(0), 5)
        with pytest.raises(TimeoutError):
            await while_alive([program], never(), 0.05)
        assert program.code is None
    assert program.code is not None


async def test_a_failure_of_the_work_is_not_hidden() -> None:
    async def fail() -> None:
        raise ValueError("no")

    program = python("anna", FOREVER)
    async with running([program]):
        with pytest.raises(ValueError, match="no"):
            await while_alive([program], fail(), 5)


DEAF = """
import signal, sys, time
for number in {deaf}: signal.signal(number, signal.SIG_IGN)
open(sys.argv[1], "w").close()
time.sleep(60)
"""


@pytest.mark.parametrize(("deaf", "code"), [([2], -15), ([2, 15], -9)])
async def test_who_does_not_listen_is_ended_more_harshly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, deaf: list[int], code: int
) -> None:
    monkeypatch.setattr(demo, "STOP_DEADLINE_S", 0.1)
    ready = tmp_path / "ready"
    program = Program("deaf", (sys.executable, "-c", DEAF.format(deaf=deaf), str(ready)), os.environ, quiet=True)
    async with running([program]):
        async with asyncio.timeout(5):
            while not ready.exists():  # noqa: ASYNC110 - another process makes it
                await asyncio.sleep(0.01)
    assert program.code == code


async def test_if_one_cannot_start_those_before_it_are_stopped() -> None:
    first, second = python("first", FOREVER), shell("second", "x" * 200_000)
    with pytest.raises(ChildStartFailed, match="cannot start second: Argument list too long"):
        async with running([first, second]):
            pass
    assert (first.code is not None, second.code) == (True, None)
