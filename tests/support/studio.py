"""A handshake server, guests and a recorder as users run them: real programs, real encoders, real files."""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypedDict, Unpack

from roomtape.config import ServeSettings
from roomtape.handshake.server import HandshakeServer
from tests.support.company import COMPANY, Companion
from tests.support.content import Content, inspect
from tests.support.words import Words

ROOT = Path(__file__).parents[2]
ROOM = "testroom123"
PASSWORD = "ROOMTAPE_PASSWORD"


class Program(Words):
    """One of roomtape's commands; `output` is what it has written so far, stdout and stderr together.

    With `stdout`, a descriptor, that is where standard output goes, and `output` is stderr alone.
    """

    def __init__(self, process: asyncio.subprocess.Process, name: str) -> None:
        super().__init__(name)
        self.process = process
        self._reader = asyncio.create_task(self._read())

    @classmethod
    async def start(cls, name: str, *command: str, stdout: int | None = None, **environment: str) -> Self:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *command,
            cwd=ROOT,
            env={**os.environ, "COLUMNS": "200", **environment},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE if stdout is None else stdout,
            stderr=asyncio.subprocess.STDOUT if stdout is None else asyncio.subprocess.PIPE,
        )
        return cls(process, name)

    @property
    def is_gone(self) -> bool:
        return self.process.returncode is not None

    async def _read(self) -> None:
        pipe = self.process.stdout or self.process.stderr
        assert pipe is not None
        while data := await pipe.read(65536):
            self.hear(data.decode(errors="replace"))
        self.hear("")

    def send(self, number: signal.Signals) -> None:
        if self.process.returncode is None:
            self.process.send_signal(number)

    async def vanish(self) -> None:
        """As when its computer loses power: no process of it says goodbye, not even to the network's other end."""
        for pid in [*children_of(self.process.pid), self.process.pid]:
            os.kill(pid, signal.SIGKILL)
        await self.process.wait()
        await self._reader

    async def stop(self, number: signal.Signals = signal.SIGINT, timeout_s: float = 10.0) -> int:
        """End it; returns its exit code."""
        self.send(number)
        code = await asyncio.wait_for(self.process.wait(), timeout_s)
        await self._reader
        return code


class Wishes(TypedDict, total=False):
    """Of a synthetic guest, beside its options; the bitrate is in kbit/s."""

    room: str | None
    size: tuple[int, int]
    bitrate: int


class Studio:
    """Everything that was started is gone at the end. `server` is another server's address, if not the embedded one."""

    def __init__(self, folder: Path, server: str | None = None, password: str | None = None) -> None:
        self.folder = folder / "tapes"
        self._state = folder / "state"
        self._address = server
        self._environment = {} if password is None else {PASSWORD: password}
        self._server: HandshakeServer | None = None
        self._programs: list[Program] = []
        self._company: list[Companion] = []

    async def __aenter__(self) -> Self:
        if self._address is None:
            self._server = await HandshakeServer(ServeSettings(port=0), self._state).__aenter__()
            self._address = self._server.url
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for program in self._programs:
            program.send(signal.SIGKILL)
        for program in self._programs:
            await program.process.wait()
        await asyncio.gather(*(companion.stop(kill=True) for companion in self._company))
        if self._server is not None:
            await self._server.__aexit__(kind, error, trace)

    @property
    def url(self) -> str:
        assert self._address is not None
        return self._address

    @property
    def _here(self) -> tuple[str, ...]:
        return ("--server", self.url, "--stun-server", "false")

    async def program(self, name: str, *arguments: str, stdout: int | None = None) -> Program:
        """`publish.py` with this studio's server; nothing else on the network is contacted."""
        return await self.run(name, "publish.py", *self._here, *arguments, stdout=stdout)

    async def run(self, name: str, *command: str, stdout: int | None = None, **environment: str) -> Program:
        """Any program, gone at the end."""
        program = await Program.start(name, *command, stdout=stdout, **self._environment, **environment)
        self._programs.append(program)
        return program

    async def guest(self, name: str, number: int, *options: str, **wishes: Unpack[Wishes]) -> Program:
        """A synthetic guest in the room, a program of its own; returns when it has joined."""
        guest = await self.program(name, *_synthetic(name, number, **wishes), *options)
        await guest.says("joined")
        return guest

    async def company(self, name: str, number: int, *options: str, **wishes: Unpack[Wishes]) -> Companion:
        """The same, cheaper: tests.support.company."""
        password = self._environment.get(PASSWORD)
        secret = () if password is None else ("--password", password)
        guest = await COMPANY.enter(name, *self._here, *secret, *_synthetic(name, number, **wishes), *options)
        self._company.append(guest)
        await guest.says("joined")
        return guest

    async def recorder(self, *options: str, room: str | None = ROOM) -> Program:
        """The recorder, when it has joined."""
        place = ("--room", room, "--record-room") if room else ()
        recorder = await self.program("recorder", *place, "--output-dir", str(self.folder), *options)
        await recorder.says("joined")
        return recorder

    async def viewer(self, stream: str, *options: str, stdout: int | None = None, room: str | None = ROOM) -> Program:
        """One who views the stream, when it has joined."""
        place = ("--room", room) if room else ()
        viewer = await self.program("viewer", "--view", stream, *place, *options, stdout=stdout)
        await viewer.says("joined")
        return viewer

    def files(self, stream: str) -> list[Path]:
        """All files of a stream, oldest first."""
        found = [p for p in self.folder.glob(f"*_{stream}_[0-9]*") if p.suffix in (".webm", ".mkv", ".mp4")]
        return sorted(found)

    def screens(self, stream: str) -> list[Path]:
        """All files of the screen that a guest shared, oldest first."""
        return self.files(f"{stream}_screen")

    def manifest(self) -> dict[str, Any]:
        """The only manifest."""
        (path,) = self.folder.glob("*.manifest.json")
        found: dict[str, Any] = json.loads(path.read_text())
        return found

    def tape(self, stream: str) -> Content:
        """The content of a stream's only file."""
        files = self.files(stream)
        assert len(files) == 1, [path.name for path in self.folder.iterdir()]
        return inspect(files[0])


def _synthetic(
    name: str, number: int, room: str | None = ROOM, size: tuple[int, int] = (320, 180), bitrate: int = 300
) -> tuple[str, ...]:
    place = ("--room", room) if room else ()
    picture = ("--width", str(size[0]), "--height", str(size[1]), "--bitrate", str(bitrate))
    return "--streamid", name, *place, "--test", "--guest-number", str(number), *picture


async def recording(recorder: Program, *streams: str) -> None:
    """Wait until all these streams are being recorded."""
    for stream in streams:
        await recorder.says(rf"guest recording stream={stream}\b")


def assert_good(tape: Content, guest: int, *, seconds: float, video: bool = True, audio: bool = True) -> None:
    """The right guest, complete, in sync, decodable, and about as long as it was recorded (never shorter)."""
    assert not tape.decode_errors
    assert tape.duration_s >= seconds
    if video:
        assert tape.guest == guest
        counters = tape.counters()
        expected = counters[-1] - counters[0] + 1
        assert len(tape.missing()) <= 0.02 * expected
        assert len(tape.flashes) >= int(seconds) - 1
    if audio:
        assert tape.heard_guest == guest
        assert len(tape.beeps) >= int(seconds) - 1
    if video and audio:
        offset = tape.av_offset()
        assert offset is not None
        assert abs(offset) <= 0.04, (offset, tape.flashes, tape.beeps)


def assert_complete(tape: Content, guest: int, frames_sent: int) -> None:
    """What a browser's guest sent is in the file: the right guest, nearly every frame, sound and picture together."""
    assert not tape.decode_errors
    assert (tape.guest, tape.heard_guest) == (guest, guest)
    assert len(tape.frames) >= 0.98 * frames_sent, (len(tape.frames), frames_sent, tape.counters()[:1])
    offset = tape.av_offset()
    assert offset is not None
    assert abs(offset) <= 0.06, (offset, tape.flashes, tape.beeps)


def children_of(pid: int) -> list[int]:
    """Living descendants of a process."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, task.read_text().split()):
            found += [child, *children_of(child)]
    return found


def recording_children(recorder: int) -> list[int]:
    """The guests' processes of a recorder: all but its fork server."""
    return [pid for pid in children_of(recorder) if not _is_fork_server(pid, recorder)]


def _is_fork_server(pid: int, recorder: int) -> bool:
    program = Path(f"/proc/{pid}/cmdline").read_bytes()
    parent = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    return b"child.zygote" in program and parent == recorder


def alive(pid: int) -> bool:
    """Whether the process exists and is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
