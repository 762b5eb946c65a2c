"""A file's name, its lock and its end."""

import errno
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from roomtape.child.hold import LEAST_RESERVE, reserve, storage_error
from roomtape.errors import DiskFull, FileInUse, FileRefused, FolderGone
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


def test_what_is_written_by_hand_can_be_thrown_away(tmp_path: Path) -> None:
    hold = reserve(tmp_path, "film", "mkv", None)
    hold.append(b"some")
    hold.append(b"thing")
    assert (hold.path.read_bytes(), hold.size_bytes) == (b"something", 9)
    hold.discard()
    assert list(tmp_path.iterdir()) == []


def test_what_is_not_ours_any_more_is_not_thrown_away(tmp_path: Path) -> None:
    hold = reserve(tmp_path, "film", "mkv", None)
    hold.path.unlink()
    hold.path.write_bytes(b"somebody else's")
    hold.discard()
    assert hold.path.read_bytes() == b"somebody else's"


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


def test_looking_after_a_file_makes_it_durable_and_ends_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fdatasync", lambda fd: synced.append(os.fstat(fd).st_ino))
    hold = reserve(tmp_path, "film", "mkv", None)
    hold.path.write_bytes(b"media")
    inode = hold.path.stat().st_ino
    assert hold.look_after(0)
    assert synced == [inode]
    hold.release()
    assert not hold.look_after(0)


def test_a_reserve_is_the_file_s_own_and_given_back_at_the_end(tmp_path: Path) -> None:
    hold = reserve(tmp_path, "film", "mkv", None)
    hold.path.write_bytes(b"media")
    hold.look_after(0)
    status = hold.path.stat()
    assert (status.st_size, status.st_blocks * 512 >= LEAST_RESERVE) == (5, True)
    hold.release()
    assert hold.path.stat().st_blocks * 512 < LEAST_RESERVE


def test_a_file_that_is_gone_or_another_s_is_noticed(tmp_path: Path) -> None:
    hold = reserve(tmp_path, "film", "mkv", None)
    hold.path.unlink()
    with pytest.raises(FolderGone, match=f"{tmp_path} is gone"):
        hold.look_after(0)
    hold.path.write_text("of somebody else")
    with pytest.raises(FolderGone):
        hold.look_after(0)
    assert hold.release() == 0
    assert hold.path.read_text() == "of somebody else"


def test_too_little_free_space_is_full(tmp_path: Path) -> None:
    hold = reserve(tmp_path, "film", "mkv", None)
    with pytest.raises(DiskFull, match="less than --min-free"):
        hold.look_after(1 << 60)
    with pytest.raises(DiskFull):
        reserve(tmp_path, "second", "mkv", None, min_free_bytes=1 << 60)
    assert [path.name for path in tmp_path.iterdir()] == ["film.mkv"]


def test_a_folder_whose_disk_is_not_mounted_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(FolderGone, match="nothing is mounted"):
        reserve(tmp_path / "tapes", "film", "mkv", None, mount=str(tmp_path))
    assert list(tmp_path.iterdir()) == []
