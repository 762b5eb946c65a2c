"""ffmpeg and ffprobe on recordings.

Recordings hold what strangers sent: the tools read nothing but that one file and only our three containers. `Tools`
can be told from another thread to give up.
"""

import re
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

import msgspec

from roomtape.errors import MissingElement, StorageError

MAX_ERRORS: Final = 20
"""Complaints that are quoted; the rest is counted."""
CUT_OFF: Final = re.compile(r"File ended prematurely|partial file$")
"""How Matroska and MP4 readers say that a file was never finished: no decode error."""
SAFE_INPUT: Final = (
    *("-protocol_whitelist", "file"),
    *("-format_whitelist", "matroska,webm,mov,mp4"),
    # The half packet at the end of a cut-off file is not a decode error.
    *("-fflags", "+discardcorrupt"),
)

_BASE_DEADLINE_S: Final = 120.0
_SLOWEST_BYTES_PER_S: Final = 250_000
"""2 Mbit/s: anything that decodes slower than it was sent is given up."""
_POINTER: Final = re.compile(r" @ 0x[0-9a-f]+")


class Complaints(msgspec.Struct, frozen=True):
    """What a tool wrote to its standard error: the first MAX_ERRORS lines and how many there were."""

    quoted: tuple[str, ...] = ()
    count: int = 0
    cut_off: bool = False


class Output:
    """A running tool's standard output; `complaints` are there when it has ended."""

    def __init__(self, stream: IO[bytes]) -> None:
        self.stream = stream
        self.complaints = Complaints()


class Tools:
    """Runs one tool at a time.

    Raises:
        MissingElement: ffmpeg or ffprobe is not installed.
    """

    def __init__(self) -> None:
        self.ffprobe, self.ffmpeg = _find("ffprobe"), _find("ffmpeg")
        setpriv = shutil.which("setpriv")
        self._leash = (setpriv, "--pdeathsig", "KILL") if setpriv else ()
        """No tool outlives us."""
        self._guard = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._given_up = False

    def give_up(self) -> None:
        """End what runs; what would follow is refused."""
        with self._guard:
            self._given_up = True
            if self._process is not None:
                self._process.kill()

    def run(self, command: Sequence[str], deadline_s: float) -> tuple[bytes, Complaints]:
        """A tool's whole output and its complaints; a non-zero exit always has one.

        Raises:
            StorageError: not done within `deadline_s` seconds, or given up.
        """
        with self.running(command, deadline_s) as output:
            data = output.stream.read()
        return data, output.complaints

    @contextmanager
    def running(self, command: Sequence[str], deadline_s: float) -> Iterator[Output]:
        """The tool's output, to be read while it runs. Raises as `run` does, when it has ended."""
        # A damaged file can cause more complaints than memory should hold.
        with tempfile.TemporaryFile() as stderr:
            process = self._start(command, stderr)
            late = threading.Event()

            def too_late() -> None:
                late.set()
                process.kill()

            timer = threading.Timer(deadline_s, too_late)
            timer.start()
            read = False
            assert process.stdout is not None
            try:
                with process.stdout as stream:
                    output = Output(stream)
                    yield output
                    read = True
            finally:
                if not read:
                    process.kill()
                process.wait()
                timer.cancel()
                with self._guard:
                    self._process = None
            if late.is_set():
                raise StorageError(f"not done within {deadline_s:.1f} s")
            if self._given_up:
                raise StorageError("interrupted")
            stderr.seek(0)
            output.complaints = _read_complaints(stderr)
            if process.returncode and not output.complaints.count:
                output.complaints = Complaints((f"{Path(command[0]).name} ended with code {process.returncode}",), 1)

    def _start(self, command: Sequence[str], stderr: IO[bytes]) -> subprocess.Popen[bytes]:
        with self._guard:
            if self._given_up:
                raise StorageError("interrupted")
            self._process = subprocess.Popen(
                [*self._leash, *command],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=stderr,
                start_new_session=True,  # Ctrl-C is for us
            )
            return self._process


def deadline_s(size_bytes: int) -> float:
    """How long one tool may read a file of that size, in seconds."""
    return _BASE_DEADLINE_S + size_bytes / _SLOWEST_BYTES_PER_S


def url(path: Path) -> str:
    """The file under any name: no protocol, option or pattern can be read into it."""
    return f"file:{path.absolute()}"


def _find(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise MissingElement(f"{name} is not installed: apt-get install ffmpeg")
    return found


def _read_complaints(stderr: Iterable[bytes]) -> Complaints:
    quoted: list[str] = []
    count, cut_off = 0, False
    for raw in stderr:
        line = _clean(raw.decode(errors="replace"))
        if CUT_OFF.search(line):
            cut_off = True
        elif line:
            count += 1
            if count <= MAX_ERRORS:
                quoted.append(line)
    return Complaints(tuple(quoted), count, cut_off)


def _clean(line: str) -> str:
    return "".join(char for char in _POINTER.sub("", line).strip() if char.isprintable())
