"""A room in which one guest, the victim, is brought to a stage of its connection while another is being recorded."""

import asyncio
import contextlib
import os
import re
import signal
import time
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from tests.support.content import Content, inspect
from tests.support.gate import Gate, Toward
from tests.support.studio import Program, Studio, alive, assert_good, recording, recording_children
from tests.support.turn import free_port

VICTIM, BYSTANDER = "anna", "ben"
VICTIM_NUMBER, BYSTANDER_NUMBER = 1, 2
FRAMERATE = 30
NOTICED_S: Final = 0.5
"""For the handshake server to notice that a socket is closed, so that its stream's id is free."""

Figure = Callable[[str, object], None]
"""pytest's `record_property`; what it is given is shown at the end of a run."""


class Stage(Enum):
    """Of the victim's connection, as the recorder sees it."""

    REQUESTING = "before the offer"
    NEGOTIATING = "negotiating"
    CONNECTING = "connecting"
    RECORDING = "recording"
    DRAINING = "draining"


class Scene:
    """`async with Scene(folder) as scene`: the bystander is being recorded, and time can be held at any stage.

    Server, guests and recorder are programs. All that was started is gone at the end, stopped processes too.
    """

    def __init__(self, folder: Path, *options: str) -> None:
        self._port = free_port()
        self._options = options
        self.studio = Studio(folder, f"ws://127.0.0.1:{self._port}")
        self.gate = Gate(self.studio.url)
        self._seen: set[int] = set()
        self._stack = contextlib.AsyncExitStack()
        self.server: Program
        self.recorder: Program
        self.guest: Program

    async def __aenter__(self) -> Self:
        await self._stack.enter_async_context(self.studio)
        await self.serve()
        await self._stack.enter_async_context(self.gate)
        try:
            await self.studio.guest(BYSTANDER, BYSTANDER_NUMBER)
            self.recorder = await self.studio.recorder("--debug", "--server", self.gate.url, *self._options)
            await recording(self.recorder, BYSTANDER)
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.workers()
        await self._stack.aclose()
        for pid in filter(alive, self._seen):
            os.kill(pid, signal.SIGKILL)

    async def serve(self) -> None:
        """Start the handshake server, the first time or again on the same port."""
        arguments = ("-m", "roomtape", "serve", "--port", str(self._port))
        self.server = await self.studio.run("server", *arguments)
        await self.server.says("handshake server is listening")

    def workers(self) -> set[int]:
        """The processes that record now."""
        found = {pid for pid in recording_children(self.recorder.process.pid) if alive(pid)}
        self._seen |= found
        return found

    async def enter(self) -> None:
        """The victim joins."""
        self.guest = await self.studio.guest(VICTIM, VICTIM_NUMBER)

    async def bring_to(self, stage: Stage) -> int:
        """Let the victim's connection come to this stage and stay there; returns the process that records it.

        A process that negotiates or drains is stopped, as it would be done in no time: `thaw` lets it go on.
        """
        before = self.workers()
        match stage:
            case Stage.REQUESTING | Stage.NEGOTIATING:
                self.gate.hold(Toward.CLIENT, "description")
            case Stage.CONNECTING:
                self.gate.hold(Toward.SERVER, "description")
        await self.enter()
        if stage in (Stage.RECORDING, Stage.DRAINING):
            await recording(self.recorder, VICTIM)
            await asyncio.sleep(1.5)
        else:
            await asyncio.wait_for(self.gate.held.wait(), 10)
        (victim,) = self.workers() - before
        if stage is Stage.NEGOTIATING:
            os.kill(victim, signal.SIGSTOP)  # it will not answer
            self.gate.release()
            await self.recorder.says(r"attempt child=(?!1 ).*after=negotiating")
        elif stage is Stage.DRAINING:
            door = await self._stack.enter_async_context(Gate(self.studio.url))
            door.hold(Toward.SERVER, "streamID")
            successor = await self.studio.guest(VICTIM, VICTIM_NUMBER, "--server", door.url)
            await door.hold_of(1)
            await self.guest.vanish()
            self.guest = successor
            await asyncio.sleep(NOTICED_S)
            os.kill(victim, signal.SIGSTOP)  # it will not end, and will be told to before anyone misses its pongs
            door.release()  # its id appears anew, and the recorder doubts the connection that it has
            await self.recorder.says(r"attempt .*after=draining")
        return victim

    def thaw(self, victim: int) -> None:
        """Let time go on."""
        self.gate.release()
        if alive(victim):
            os.kill(victim, signal.SIGCONT)

    async def recorded_anew(self, files_before: int, timeout_s: float = 25.0) -> float:
        """Wait until the victim has one more file with media in it; returns when that began (monotonic)."""
        deadline = time.monotonic() + timeout_s
        while True:
            files = self.studio.files(VICTIM)
            if len(files) > files_before and files[-1].stat().st_size > 0:
                return time.monotonic()
            assert time.monotonic() < deadline, f"not recorded again; the recorder said:\n{self.recorder.output}"
            await asyncio.sleep(0.02)

    def assert_bystander_untouched(self, seconds: float) -> Content:
        """One file, no frame missing, long enough."""
        tape = self.studio.tape(BYSTANDER)
        assert_good(tape, BYSTANDER_NUMBER, seconds=seconds)
        assert tape.missing() == []
        return tape

    def victim_tapes(self) -> list[Content]:
        """Contents of the victim's files, oldest first; those without media are left out."""
        return [inspect(file) for file in self.studio.files(VICTIM) if file.stat().st_size > 0]


def said(program: Program, pattern: str) -> int:
    """How often a program has said so."""
    return len(re.findall(pattern, program.output))


def usage(pid: int) -> dict[str, Any]:
    """CPU seconds, resident bytes, descriptors and threads of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    ticks = os.sysconf("SC_CLK_TCK")
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return {
        "cpu_s": (int(fields[11]) + int(fields[12])) / ticks,
        "rss": pages * os.sysconf("SC_PAGE_SIZE"),
        "descriptors": len(list(Path(f"/proc/{pid}/fd").iterdir())),
        "threads": int(fields[17]),
    }
