"""`roomtape demo`: two synthetic guests are recorded through a handshake server of our own, and the files verified.

Nothing outside this computer is asked for anything, and whatever ends the demo, all that it started ends with it.
"""

import asyncio
import contextlib
import os
import secrets
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Coroutine, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from roomtape.app import state_dir
from roomtape.config import ServeSettings
from roomtape.errors import ChildDied, ChildHung, ChildStartFailed
from roomtape.handshake.server import HandshakeServer
from roomtape.model import TrackKind
from roomtape.observe.console import WIDE
from roomtape.reports import cells
from roomtape.storage.manifest import Document, Recording
from roomtape.storage.verify import Report, verify_all
from roomtape.supervisor.launcher import PROJECT

ROOMTAPE: Final = (sys.executable, "-m", "roomtape")
GUESTS: Final = {"anna": "vp8", "ben": "h264"}
"""Stream ids and how their pictures are encoded."""
PICTURE: Final = ("--width=640", "--height=360", "--framerate=30", "--bitrate=1000")
PREFIX: Final = "demo"
BEGIN_DEADLINE_S: Final = 30.0
"""From the start of the programs until all guests are being recorded."""
POLL_S: Final = 0.2
STOP_DEADLINE_S: Final = 6.0
"""For a program to end after SIGINT, and once more after SIGTERM; then it is killed."""
SHORTER_S: Final = 1.5
"""A file may be that much shorter than the recording was."""
LAST_BYTES: Final = 1000
"""Of a guest's log: its last line is shown if it fails."""
INTERRUPTED: Final = 130

Files = Mapping[str, Sequence[Report]]
"""Reports on each guest's files."""


def run(seconds: int, output_dir: Path) -> int:
    """Records for `seconds`; 0 if every guest has a file of that length and all files play, else 1.

    Raises:
        ChildDied, ChildHung: it did not come to a recording, or it did not end well.
    """
    folder, console = output_dir.absolute(), Console()
    console.print(f"Recording two synthetic guests, {' and '.join(GUESTS)}, for {seconds} s.")
    try:
        recordings = asyncio.run(_record(seconds, folder))
    except asyncio.CancelledError:
        return INTERRUPTED
    files = {guest: verify_all(folder / one.file for one in recordings if one.stream == guest) for guest in GUESTS}
    found = faults(files, seconds)
    console.print("", as_table(files, gap=2 if console.width >= WIDE else 1), "", sep="\n")
    for sentence in found or [f"All is well. The files are in {folder}"]:
        console.print(Text(sentence, "red" if found else "green"), soft_wrap=True)
    return 1 if found else 0


def faults(files: Files, seconds: float) -> list[str]:
    """What is not as it should be, in sentences."""
    found = [
        f"{report.path.name} {report.verdict}" for reports in files.values() for report in reports if not report.ok
    ]
    for guest in GUESTS:
        longest = max((report.duration_s for report in files.get(guest, ())), default=0.0)
        if longest < seconds - SHORTER_S:
            found.append(f"{guest} is on file for {longest:.1f} s instead of {seconds:g} s")
    return found


def as_table(files: Files, *, gap: int = 2) -> Table:
    table = Table("guest", Column("file", overflow="fold"), box=None, padding=(0, gap, 0, 0), header_style="dim")
    for name in ("codecs", "resolution", "duration", "frames", "size", "verdict"):
        table.add_column(name, justify="right" if name in ("duration", "frames", "size") else "left")
    for guest, reports in files.items():
        for report in reports:
            *figures, _ = cells(report)
            verdict = Text(report.verdict, "green") if report.ok else Text("see below", "red")
            table.add_row(guest, Text(report.path.name), *map(Text, figures), verdict)
    return table


# --- the recording -----------------------------------------------------------------------------------------------


async def _record(seconds: float, folder: Path) -> list[Recording]:
    """The recordings of this run, complete. SIGINT and SIGTERM cancel it; it still ends in good order."""
    _cancel_when_told()
    room = f"{PREFIX}_{secrets.token_hex(3)}"
    environment = _environment(password=secrets.token_urlsafe(12))
    async with HandshakeServer(ServeSettings(port=0), state_dir()) as server:
        where = (f"--server={server.url}", "--stun-server=false", "--turn-server=false")
        guests = [Program(guest, (*_publish(guest, room), *where), environment, quiet=True) for guest in GUESTS]
        recorder = Program("the recorder", (*_record_room(room, folder), *where), environment)
        async with running(guests), running([recorder]):
            programs = [*guests, recorder]
            try:
                await while_alive(programs, _all_begun(folder, room), BEGIN_DEADLINE_S)
            except TimeoutError:
                detail = f"not all guests are being recorded after {BEGIN_DEADLINE_S:.0f} s: try `roomtape doctor`"
                raise ChildHung(detail) from None
            with contextlib.suppress(TimeoutError):
                await while_alive(programs, asyncio.Event().wait(), seconds)
    if recorder.code != 0:
        raise ChildDied(f"the recorder did not end well, with code {recorder.code}")
    return recordings_of(folder, room)


def _cancel_when_told() -> None:
    """Once: the end is in good order and takes a bounded time."""
    task = asyncio.current_task()
    assert task is not None
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, lambda: task.cancelling() or task.cancel())


def _environment(password: str) -> dict[str, str]:
    """With the room's password, and without what the user has set for recordings of another kind."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("ROOMTAPE_")}
    return inherited | {"ROOMTAPE_PASSWORD": password}


def _publish(guest: str, room: str) -> tuple[str, ...]:
    number = f"--guest-number={1 + list(GUESTS).index(guest)}"
    what = (f"--streamid={guest}", f"--codec={GUESTS[guest]}", number, *PICTURE)
    return *ROOMTAPE, "publish", "--test", f"--room={room}", *what


def _record_room(room: str, folder: Path) -> tuple[str, ...]:
    return *ROOMTAPE, "record", room, f"--prefix={PREFIX}", f"--output-dir={folder}"


async def _all_begun(folder: Path, room: str) -> None:
    """Returns when an open file with picture and sound of every guest is in the manifest."""
    while not GUESTS.keys() <= begun(recordings_of(folder, room)):  # noqa: ASYNC110 - the recorder is another process
        await asyncio.sleep(POLL_S)


def begun(recordings: Iterable[Recording]) -> set[str]:
    """The streams that have an open file with picture and sound."""
    return {one.stream for one in recordings if one.closed is None and set(one.tracks) == set(TrackKind)}


def recordings_of(folder: Path, room: str) -> list[Recording]:
    """What the manifest of a room's run says; nothing if there is none yet."""
    for path in sorted(folder.glob(f"{PREFIX}_*.manifest.json"), reverse=True):  # the newest first
        with contextlib.suppress(OSError, msgspec.MsgspecError):
            document = msgspec.json.decode(path.read_bytes(), type=Document)
            if document.room == room:
                return document.recordings
    return []


# --- programs ----------------------------------------------------------------------------------------------------


class Program:
    """A process. `quiet`: what it says is kept to itself instead of going to the terminal."""

    def __init__(
        self, name: str, command: Sequence[str], environment: Mapping[str, str], *, quiet: bool = False
    ) -> None:
        self.name = name
        self._command, self._environment = command, environment
        self._log = tempfile.TemporaryFile() if quiet else None  # noqa: SIM115 - closed by stop()
        self._process: asyncio.subprocess.Process | None = None

    @property
    def code(self) -> int | None:
        """The exit code; None while it runs."""
        return self._process.returncode if self._process is not None else None

    async def start(self) -> None:
        """In a session of its own, so that Ctrl-C reaches only the demo, which stops everything in order.

        Raises:
            ChildStartFailed: the system refuses another process.
        """
        try:
            self._process = await asyncio.create_subprocess_exec(
                *_ends_with_us(),
                *self._command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=self._log,
                stderr=self._log,
                cwd=PROJECT,
                env=self._environment,
                start_new_session=True,
            )
        except OSError as error:
            raise ChildStartFailed(f"cannot start {self.name}: {error.strerror}") from error

    async def ended(self) -> None:
        """Waits for an end that nobody asked for.

        Raises:
            ChildDied: when it comes.
        """
        assert self._process is not None
        code = await self._process.wait()
        raise ChildDied(f"{self.name} ended before its time with code {code}{self._last_words()}")

    async def stop(self) -> None:
        """Politely, then less so."""
        process = self._process
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
            if process is None or process.returncode is not None:
                break
            process.send_signal(number)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), STOP_DEADLINE_S)
        if self._log is not None:
            self._log.close()

    def _last_words(self) -> str:
        if self._log is None:
            return ""
        self._log.seek(max(0, self._log.seek(0, os.SEEK_END) - LAST_BYTES))
        words = self._log.read().decode(errors="replace").strip().rpartition("\n")[2]
        return f": {words}" if words else ""


@contextlib.asynccontextmanager
async def running(programs: Sequence[Program]) -> AsyncIterator[None]:
    """The programs run; at the end they are gone."""
    try:
        for program in programs:
            await program.start()
        yield
    finally:
        await asyncio.gather(*(program.stop() for program in programs))


async def while_alive(programs: Sequence[Program], work: Coroutine[Any, Any, object], deadline_s: float) -> None:
    """Does `work` as long as all programs run.

    Raises:
        ChildDied: one of them ended.
        TimeoutError: `work` is not done within `deadline_s`.
    """
    tasks = [asyncio.create_task(one) for one in (work, *(program.ended() for program in programs))]
    try:
        async with asyncio.timeout(deadline_s):
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _ends_with_us() -> tuple[str, ...]:
    """What to put before a command so that it is told to stop even if the demo is killed."""
    setpriv = shutil.which("setpriv")
    return (setpriv, "--pdeathsig", "TERM") if setpriv else ()
