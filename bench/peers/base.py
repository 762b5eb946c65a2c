"""What an adapter is."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from bench.plan import Plan
from bench.process import Program


class Host(Protocol):
    """What a run offers to its adapter."""

    def spawn(self, tag: str, command: list[str], *, quiet: bool = False) -> Program: ...
    def answer(self, stream: int, sdp: str) -> None: ...
    def candidate(self, stream: int, mline: int, text: str) -> None: ...
    def say(self, tag: str, message: dict[str, Any]) -> None: ...
    def wait(self, until: Callable[[], bool], timeout_s: float, what: str) -> None: ...
    def trouble(self, what: str) -> None: ...


class Peer:
    """One recorder in one run. Files go to `out`.

    `rtp`: it takes plain RTP at `ports`. `keeps_up`: one server for all, whose start is no stream's. `pattern`: the
    names of a stream's files, and `playable` of those that a player takes, with {} for the stream's number.
    """

    rtp = False
    keeps_up = False
    pattern = "s{}.mkv"
    playable = "s{}.mkv"

    def __init__(self, host: Host, plan: Plan, folder: Path) -> None:
        self.host, self.plan = host, plan
        self.folder, self.out = folder, folder / "out"
        self.out.mkdir()
        self.programs: dict[str, Program] = {}

    def start(self) -> None:
        """Before the first stream."""

    def add(self, stream: int) -> None:
        """Make ready for another stream."""

    def ready(self) -> bool:
        return True

    def offer(self, stream: int, sdp: str) -> None:
        raise NotImplementedError

    def candidate(self, stream: int, mline: int, text: str) -> None:
        raise NotImplementedError

    def event(self, tag: str, message: dict[str, Any]) -> None:
        """One of its programs, or it itself by `Host.say`, has said something."""

    def ports(self, stream: int) -> tuple[int, int]:
        """For picture and sound."""
        raise NotImplementedError

    def roots(self) -> list[int]:
        """The processes that are counted, with all that descend from them."""
        return [program.pid for program in self.programs.values()]

    def stop(self) -> None:
        """Finish all files."""
        raise NotImplementedError

    def finish(self) -> None:
        """Whatever else is needed for files that play; its CPU time is told apart."""

    def close(self) -> None:
        for program in self.programs.values():
            program.end()

    def files(self, stream: int) -> list[Path]:
        return sorted(self.out.glob(self.pattern.format(stream)))

    def playables(self, stream: int) -> list[Path]:
        return sorted(self.out.glob(self.playable.format(stream)))
