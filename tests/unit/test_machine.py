import json
from pathlib import Path

import pytest

from roomtape.errors import FileRefused
from roomtape.machine import Inventory, Machine, read_inventory


def test_an_inventory_is_read() -> None:
    text = json.dumps({"version": "1.24.2", "missing": {"nicesrc": "gstreamer1.0-nice"}})
    assert read_inventory(0, text.encode(), b"noise") == Inventory("1.24.2", {"nicesrc": "gstreamer1.0-nice"})


@pytest.mark.parametrize("output", [b"", b"null", b"[]", b'{"missing": 1}', b'{"version": "1.2'])
def test_what_is_no_inventory_is_a_fault(output: bytes) -> None:
    found = read_inventory(0, output, b"")
    assert (found.package, found.fault) == ("python3-gi", "the process that loads it ended with code 0")


def test_a_crash_is_told_with_the_last_words() -> None:
    found = read_inventory(-6, b'{"version": "1.22.0"}', b"GLib: hm\nGLib: cannot go on\n")
    assert found.fault == "the process that loads it ended with code -6: GLib: cannot go on"


def test_silence_is_told() -> None:
    assert read_inventory(None, b"", b"").fault == "the process that loads it gave no answer in time"


def test_free_space_of_a_folder_that_is_yet_to_be_made(tmp_path: Path) -> None:
    assert Machine().free_space(tmp_path / "not" / "yet") > 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["file", "file/below"])
def test_a_file_takes_no_files(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FileRefused, match=r"takes no files: Not a directory"):
        Machine().free_space(tmp_path / name)
