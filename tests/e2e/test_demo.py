"""`roomtape demo`: the real one, and what is left of it when it is interrupted or fails."""

import os
import re
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from roomtape.storage.verify import SUFFIXES

SECONDS = 4
DEADLINE_S = 60
GONE_S = 10
"""What a killed demo leaves behind has that long to end."""


class Demo:
    """A demo in a folder of its own. All processes that come of it have its mark in their environment."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        mark = f"GST_DEMO_MARK={secrets.token_hex(8)}"
        self._mark = mark.encode()
        # What a user has set for other recordings must not disturb it.
        others = {"ROOMTAPE_SERVER": "ws://127.0.0.1:1", "ROOMTAPE_PASSWORD": "another", "ROOMTAPE_NOVIDEO": "true"}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "roomtape", "demo", f"--seconds={SECONDS}", f"--output-dir={folder}"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=os.environ | others | {"COLUMNS": "160"} | dict([mark.split("=")]),
        )

    def end(self) -> tuple[int, str]:
        """Exit code and output, when it has ended by itself."""
        output, _ = self._process.communicate(timeout=DEADLINE_S)
        return self._process.returncode, output

    def signal(self, number: int) -> None:
        self._process.send_signal(number)

    def processes(self) -> dict[int, str]:
        """Process ids and command lines of all that is there of it."""
        return {pid: command for pid, command in self._marked() if command}

    def wait_for(self, *words: str) -> int:
        """The id of the first process with all `words` in its command line."""
        deadline = time.monotonic() + DEADLINE_S
        while time.monotonic() < deadline:
            for pid, command in self.processes().items():
                if all(word in command for word in words):
                    return pid
            time.sleep(0.05)
        raise AssertionError(f"no process with {words}")

    def wait_for_recording(self) -> None:
        deadline = time.monotonic() + DEADLINE_S
        while len(self.files()) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def files(self) -> list[Path]:
        return sorted(path for path in self.folder.glob("*") if path.suffix in SUFFIXES)

    def _marked(self) -> Iterator[tuple[int, str]]:
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if self._mark in (folder / "environ").read_bytes().split(b"\0"):
                    yield int(folder.name), (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue  # it has just ended, or is not ours


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    running = Demo(tmp_path / "tapes")
    yield running
    for pid in running.processes():
        os.kill(pid, signal.SIGKILL)
    running.end()


def test_the_demo(demo: Demo) -> None:
    code, text = demo.end()
    assert demo.processes() == {}
    assert code == 0, text
    rows = re.findall(
        r"^(anna|ben) +(\S+) +(\S+) opus +640x360 +(\d+\.\d) s +(\d+) +\S+ MB +(.*\S)", text, re.MULTILINE
    )
    assert [(guest, codec, verdict) for guest, _, codec, _, _, verdict in rows] == [
        ("anna", "vp8", "plays"),
        ("ben", "h264", "plays"),
    ], text
    assert sorted(name for _, name, *_ in rows) == [path.name for path in demo.files()]
    for _, _, _, duration, frames, _ in rows:
        assert float(duration) >= SECONDS - 1.5
        assert int(frames) >= 30 * (SECONDS - 1.5) * 0.9
    assert "All is well" in text
    assert "another" not in text


def test_an_interrupted_demo_leaves_files_and_no_process(demo: Demo) -> None:
    demo.wait_for_recording()
    demo.signal(signal.SIGINT)
    demo.signal(signal.SIGTERM)  # told twice, it still ends in good order
    code, text = demo.end()
    assert (code, demo.processes()) == (130, {}), text
    assert text.count("file is final") == 2, text
    assert "Traceback" not in text


def test_a_guest_that_dies_is_told(demo: Demo) -> None:
    os.kill(demo.wait_for("roomtape publish", "--streamid=ben"), signal.SIGKILL)
    code, text = demo.end()
    assert (code, demo.processes()) == (1, {}), text
    assert re.search(r"^roomtape: ben ended before its time with code -9", text, re.MULTILINE), text


def test_a_demo_that_is_killed_leaves_no_process(demo: Demo) -> None:
    demo.wait_for("roomtape record")
    demo.signal(signal.SIGKILL)
    deadline = time.monotonic() + GONE_S
    while left := demo.processes():
        assert time.monotonic() < deadline, left
        time.sleep(0.1)
