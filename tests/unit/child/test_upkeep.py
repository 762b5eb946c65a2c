"""Looking after a file that is being written. Time passes when a test says so: the sleep of the thread is its own."""

import errno
import os
import queue
from collections.abc import Callable
from pathlib import Path

import pytest

from roomtape.child.hold import Hold, reserve
from roomtape.child.upkeep import INTERVAL_S, Upkeep
from roomtape.errors import DiskFull, FileRefused, FolderGone, StorageError
from tests.unit.child.main_loop import LIMIT_S, run_until, settle

NO_DISK_HAS_SO_MUCH = 1 << 60


class Seconds:
    """The sleep of the thread: `pass_one` ends it, once something has been done to the file."""

    def __init__(self) -> None:
        self.slept: list[float] = []
        self._begun: queue.Queue[None] = queue.Queue()
        self._over: queue.Queue[None] = queue.Queue()

    def __call__(self, seconds: float) -> None:
        self.slept.append(seconds)
        self._begun.put(None)
        self._over.get(timeout=LIMIT_S)

    def pass_one(self, meanwhile: Callable[[], object] = lambda: None) -> None:
        self._begun.get(timeout=LIMIT_S)
        meanwhile()
        self._over.put(None)

    def await_sleep(self) -> None:
        """Returns when the thread has looked, and sleeps."""
        self._begun.get(timeout=LIMIT_S)
        self._begun.put(None)


class WornHold(Hold):
    """Of a file on a disk that refuses data from the second look on."""

    problem = errno.EIO
    looks = 0

    def look_after(self, min_free_bytes: int) -> bool:
        self.looks += 1
        if self.looks > 1:
            raise OSError(self.problem, "refused")
        return super().look_after(min_free_bytes)


class Kept:
    """A file with its upkeep."""

    def __init__(self, hold: Hold, min_free_bytes: int = 0) -> None:
        self.hold, self.seconds = hold, Seconds()
        self.troubles: list[StorageError] = []
        Upkeep(hold, min_free_bytes, self.troubles.append, self.seconds)

    def trouble(self) -> StorageError:
        run_until(lambda: self.troubles)
        settle()
        (only,) = self.troubles
        return only


def new_hold(folder: Path) -> Hold:
    hold = reserve(folder, "film", "mkv", None)
    hold.append(b"media")
    return hold


def worn_hold(folder: Path, problem: int) -> WornHold:
    path = folder / "film.mkv"
    hold = WornHold(path, os.open(path, os.O_CREAT | os.O_WRONLY))
    hold.problem = problem
    return hold


def allocated(path: Path) -> int:
    return path.stat().st_blocks * 512


def test_once_a_second_until_the_file_is_released(tmp_path: Path) -> None:
    kept = Kept(new_hold(tmp_path))
    for _ in range(3):
        kept.seconds.pass_one()
    kept.seconds.pass_one(kept.hold.release)
    assert set(kept.seconds.slept) == {INTERVAL_S}
    assert len(kept.seconds.slept) == 4
    settle()
    assert not kept.troubles


def test_the_reserve_is_there_after_the_first_look(tmp_path: Path) -> None:
    kept = Kept(new_hold(tmp_path))
    kept.seconds.await_sleep()
    assert kept.hold.path.read_bytes() == b"media"
    assert allocated(kept.hold.path) > 1 << 19
    kept.seconds.pass_one(kept.hold.release)
    assert allocated(kept.hold.path) < 1 << 19


def test_a_file_that_vanishes_is_told_once(tmp_path: Path) -> None:
    kept = Kept(new_hold(tmp_path))
    kept.seconds.pass_one(kept.hold.path.unlink)
    assert isinstance(kept.trouble(), FolderGone)
    assert len(kept.seconds.slept) == 1


def test_a_disk_below_the_floor_is_told_at_the_first_look(tmp_path: Path) -> None:
    kept = Kept(new_hold(tmp_path), NO_DISK_HAS_SO_MUCH)
    assert isinstance(kept.trouble(), DiskFull)
    assert not kept.seconds.slept


@pytest.mark.parametrize(("problem", "error"), [(errno.ENOSPC, DiskFull), (errno.EIO, FileRefused)])
def test_what_the_disk_says_becomes_an_error_of_ours(tmp_path: Path, problem: int, error: type[StorageError]) -> None:
    kept = Kept(worn_hold(tmp_path, problem))
    kept.seconds.pass_one()
    trouble = kept.trouble()
    assert type(trouble) is error
    assert "film.mkv" in trouble.detail
