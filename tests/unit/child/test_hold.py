"""A file's name, its lock and its end."""

import errno
from datetime import UTC, datetime
from pathlib import Path

import pytest

from roomtape.child.hold import reserve, storage_error
from roomtape.errors import DiskFull, FileInUse, FileRefused
from roomtape.storage.claim import claimed

NOW = datetime(2026, 11, 22, 18, 21, 13, tzinfo=UTC)


def test_names_have_the_time_and_are_never_used_twice(tmp_path: Path) -> None:
    holds = [reserve(tmp_path / "new", "room_ann_01", "webm", NOW) for _ in range(2)]
    assert [hold.path.name for hold in holds] == [
        "room_ann_01_20261122T182113Z.webm",
        "room_ann_01_20261122T182113Z-2.webm",
    ]
    assert reserve(tmp_path, "film", "mkv", None).path.name == "film.mkv"


def test_a_file_belongs_to_its_writer_until_it_is_released(tmp_path: Path) -> None:
    hold = reserve(tmp_path, "film", "mkv", None)
    hold.path.write_bytes(b"media")
    with pytest.raises(FileInUse), claimed(hold.path):
        pass
    assert hold.release() == 5
    with claimed(hold.path), pytest.raises(FileInUse), claimed(hold.path):
        pass


def test_a_file_without_a_byte_does_not_stay(tmp_path: Path) -> None:
    assert reserve(tmp_path, "film", "mkv", None).release() == 0
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_somebody_deletes_is_still_released(tmp_path: Path) -> None:
    hold = reserve(tmp_path, "film", "mkv", None)
    hold.path.unlink()
    assert hold.release() == 0


def test_a_folder_that_takes_no_file_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FileRefused, match="cannot write to"):
        reserve(tmp_path / "file", "film", "mkv", None)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_has_a_name(number: int) -> None:
    assert isinstance(storage_error(number, "x"), DiskFull)
