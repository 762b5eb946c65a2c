"""Which folder takes the next file, and when no child with the rights of this one ever will."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from roomtape.child.filing import Filing
from roomtape.child.hold import Hold
from roomtape.errors import DiskFull, FileRefused, FolderReplaced, StorageError
from roomtape.ipc.messages import RecordConfig
from roomtape.ipc.storing import Storing


class ConfinedFiling(Filing):
    """To whose folders only those may write that they were at the beginning; `refusal` is what everything else is."""

    refusal: StorageError = FileRefused("permission denied")

    def _reserve(self, folder: str, stem: str, extension: str) -> Hold:
        if self._identity(folder) != self._permitted[folder]:
            raise self.refusal
        return super()._reserve(folder, stem, extension)


def filing(folder: Path, fallback: Path | None = None) -> ConfinedFiling:
    for one in filter(None, (folder, fallback)):
        one.mkdir()
    storing = Storing(fallback_folder=str(fallback) if fallback else "")
    config = RecordConfig(stream_id="ann", folder=str(folder), stem="ann", storing=storing)

    def note(*_: Any, **__: Any) -> None:
        pass

    return ConfinedFiling(None, config, "ann", note)


def test_a_folder_that_is_as_it_was_takes_a_file(tmp_path: Path) -> None:
    assert filing(tmp_path / "folder").is_open()


@pytest.mark.parametrize("back", [False, True])
def test_a_folder_that_was_made_anew_needs_a_new_child(tmp_path: Path, back: bool) -> None:
    folder = tmp_path / "folder"
    one = filing(folder)
    shutil.rmtree(folder)
    if back:
        (tmp_path / "in between").mkdir()  # so that it is no more what it was
        folder.mkdir()
    with pytest.raises(FolderReplaced, match="new connection"):
        one.is_open()


def test_a_fallback_is_as_good(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    one = filing(folder, tmp_path / "fallback")
    shutil.rmtree(folder)
    assert one.is_open()


def test_what_is_refused_for_other_reasons_may_be_taken_later(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    one = filing(folder)
    one.refusal = DiskFull("no space left")
    shutil.rmtree(folder)
    assert not one.is_open()
