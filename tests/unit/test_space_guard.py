"""What is told of the free space while a recorder runs."""

import asyncio
from pathlib import Path

import pytest

from roomtape import space_guard
from roomtape.observe.metrics import Metrics
from roomtape.space_guard import SpaceGuard

FLOOR = 10**9
MAIN, FALLBACK = Path("/main"), Path("/fallback")


class Disks:
    """What is free in each folder, None if it cannot be said, and what time it is."""

    def __init__(self) -> None:
        self.free: dict[Path, int | None] = {MAIN: 50 * FLOOR, FALLBACK: 50 * FLOOR}
        self.now = 0.0
        self.looks = 0
        self.metrics = Metrics()
        self.guard = SpaceGuard((MAIN, FALLBACK), FLOOR, self.metrics, self.look, lambda: self.now)

    def look(self, folder: Path) -> int | None:
        self.looks += 1
        return self.free[folder]

    async def after(self, seconds: float, folder: Path, free: int | None) -> None:
        self.now += seconds
        self.free[folder] = free
        await self.guard.look()


async def test_the_metric_is_of_the_first_folder() -> None:
    disks = Disks()
    await disks.after(0, FALLBACK, 7 * FLOOR)
    assert disks.metrics.disk_free.value == 50 * FLOOR
    await disks.after(5, MAIN, 40 * FLOOR)
    assert disks.metrics.disk_free.value == 40 * FLOOR


async def test_each_folder_is_watched_for_itself_and_each_thing_said_once(caplog: pytest.LogCaptureFixture) -> None:
    disks = Disks()
    await disks.guard.look()
    for _ in range(3):
        await disks.after(5, FALLBACK, FLOOR // 2)
    assert [message for message in caplog.messages if "nothing is recorded there" in message] == [
        "500 MB are free for /fallback, less than the 1000 MB of --min-free: nothing is recorded there"
    ]
    await disks.after(5, FALLBACK, 2 * FLOOR)
    assert caplog.messages[-1] == "2000 MB are free for /fallback: there is space again"


async def test_minutes_are_told_before_it_is_too_late(caplog: pytest.LogCaptureFixture) -> None:
    disks = Disks()
    for minute in range(3):
        await disks.after(30, MAIN, (12 - minute) * FLOOR)
    assert caplog.messages == [
        "space for about 5 more minutes at the present rate: 11000 MB are free for /main",
    ]


async def test_a_folder_that_cannot_be_looked_at_is_passed_over(caplog: pytest.LogCaptureFixture) -> None:
    disks = Disks()
    await disks.guard.look()
    await disks.after(5, MAIN, None)
    assert disks.metrics.disk_free.value == 50 * FLOOR
    await disks.after(5, FALLBACK, FLOOR // 2)
    assert any("/fallback" in message for message in caplog.messages)


async def test_a_real_folder_has_free_space_and_one_that_is_not_there_has_none_to_tell(tmp_path: Path) -> None:
    metrics = Metrics()
    await SpaceGuard((tmp_path / "gone",), 0, metrics).look()
    assert metrics.disk_free.value == 0
    await SpaceGuard((tmp_path,), 0, metrics).look()
    assert metrics.disk_free.value > 0


async def test_it_looks_again_and_again_until_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(space_guard, "LOOK_S", 0)
    disks = Disks()
    running = asyncio.create_task(disks.guard.run())
    async with asyncio.timeout(5):
        while disks.looks < 6:  # noqa: ASYNC110
            await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
