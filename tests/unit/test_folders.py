"""The folder that was asked for, and the one in its stead."""

from pathlib import Path

import pytest

from roomtape.errors import ConfigError, FileRefused, FolderGone
from roomtape.folders import Folders

NAME = "room_20261122T182113Z.manifest.json"


@pytest.fixture
def nowhere(tmp_path: Path) -> Path:
    """A place where no folder can be made."""
    (tmp_path / "file").touch()
    return tmp_path / "file" / "tapes"


def test_the_manifest_goes_to_the_folder_that_was_asked_for(tmp_path: Path) -> None:
    folders = Folders(str(tmp_path / "a"), str(tmp_path / "b"), NAME)
    folders.prepare(b"one")
    folders.write_manifest(b"two")
    assert (tmp_path / "a" / NAME).read_bytes() == b"two"
    assert list((tmp_path / "b").iterdir()) == []
    assert folders.all == (tmp_path / "a", tmp_path / "b")


def test_a_name_that_is_taken_gets_a_number(tmp_path: Path) -> None:
    (tmp_path / NAME).write_text("of another recorder")
    folders = Folders(str(tmp_path), None, NAME)
    folders.prepare(b"one")
    assert folders.manifest_path == tmp_path / f"2-{NAME}"
    assert (tmp_path / NAME).read_text() == "of another recorder"


def test_without_a_folder_there_is_no_recording(nowhere: Path) -> None:
    with pytest.raises(ConfigError, match="tapes: Not a directory"):
        Folders(str(nowhere), None, NAME).prepare(b"")
    with pytest.raises(ConfigError):
        Folders(str(nowhere), str(nowhere), NAME).prepare(b"")


def test_the_fallback_takes_the_manifest_while_the_other_refuses(nowhere: Path, tmp_path: Path) -> None:
    folders = Folders(str(nowhere), str(tmp_path / "b"), NAME)
    folders.prepare(b"one")
    assert (tmp_path / "b" / NAME).read_bytes() == b"one"
    folders.write_manifest(b"two")
    assert (tmp_path / "b" / NAME).read_bytes() == b"two"
    with pytest.raises(FileRefused):
        Folders(str(nowhere), None, NAME).write_manifest(b"")


def test_another_fallback_may_be_named_and_is_tried(
    nowhere: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folders = Folders(str(tmp_path / "a"), None, NAME)
    folders.prepare(b"one")
    folders.use_fallback(str(tmp_path / "b"))
    assert (folders.all, (tmp_path / "b").is_dir()) == ((tmp_path / "a", tmp_path / "b"), True)
    assert not caplog.records
    folders.use_fallback(str(nowhere))
    assert "takes no files" in caplog.text
    folders.use_fallback(None)
    assert folders.all == (tmp_path / "a",)


def test_a_disk_that_should_be_mounted_is_waited_for(tmp_path: Path) -> None:
    folders = Folders(str(tmp_path), None, NAME)
    folders.prepare(b"one")
    folders.mount = str(tmp_path)  # no file system begins here
    with pytest.raises(FolderGone, match="nothing is mounted"):
        folders.write_manifest(b"two")
    assert (tmp_path / NAME).read_bytes() == b"one"


def test_names_are_those_of_both_folders_as_far_as_there_are_any(nowhere: Path, tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "one.webm").touch()
    assert list(Folders(str(nowhere), str(tmp_path / "b"), NAME).names()) == ["one.webm"]


def test_a_new_file_goes_where_there_is_a_place_and_replaces_none(nowhere: Path, tmp_path: Path) -> None:
    folders = Folders(str(nowhere), str(tmp_path), NAME)
    assert [folders.write_new("a.json", data).name for data in (b"1", b"2")] == ["a.json", "2-a.json"]
    assert [(tmp_path / name).read_bytes() for name in ("a.json", "2-a.json")] == [b"1", b"2"]
    with pytest.raises(FileRefused):
        Folders(str(nowhere), None, NAME).write_new("a.json", b"")
