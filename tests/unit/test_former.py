"""The session that a recorder goes on with, in real folders."""

import logging
from datetime import UTC, datetime
from pathlib import Path

import pytest

from roomtape.folders import Folders
from roomtape.former import former_session
from roomtape.storage import manifest
from roomtape.storage.claim import claimed
from roomtape.storage.manifest import Document

START = datetime(2026, 11, 22, 18, 21, 13, tzinfo=UTC)
NAME = "room_20261122T182113Z.manifest.json"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Of a session that was killed."""
    manifest.write(tmp_path / NAME, manifest.render(Document(room="room", prefix="room", started=START)))
    return tmp_path


def test_the_former_session_is_claimed_until_it_is_written_anew(folder: Path) -> None:
    folders = Folders(str(folder), None, "new.manifest.json")
    with former_session(folders.all, [], "room", "room") as former:
        assert former is not None
        name, document = former
        assert (name, len(document.resumed)) == (NAME, 1)
        folders.go_on_with(name)
        folders.prepare(manifest.render(document))
        with former_session(folders.all, [], "room", "room") as another:
            assert another is None
    with former_session(folders.all, [], "room", "room") as another:
        assert another is None
    folders.release()
    with former_session(folders.all, [], "room", "room") as former:
        assert former is not None
        assert len(former[1].resumed) == 2
    assert [path.name for path in folder.iterdir()] == [NAME]


def test_one_that_another_recorder_keeps_is_left_to_it(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    with claimed(folder / NAME), former_session((folder,), [], "room", "room") as former:
        assert former is None
    assert "a new one begins" in caplog.text


def test_without_one_that_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with former_session((tmp_path / "missing",), [], "room", "room") as former:
        assert former is None
    assert "there is no former session" in caplog.text
