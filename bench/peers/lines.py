"""Receivers that speak the bench's own line protocol, one process per stream.

To a receiver go {"type": "offer", "id", "sdp", "out"}, {"type": "ice", "id", "mline", "candidate"}, {"type": "stop"}
(finish every file) and {"type": "quit"}; from it come {"type": "ready"}, {"type": "answer", "id", "sdp"}, "ice" as
above, {"type": "stopped", "id"} when the files are closed, and {"type": "error", "text"}.
"""

from pathlib import Path
from typing import Any

from bench.peers.base import Host, Peer
from bench.plan import Plan


class LinePeer(Peer):
    def __init__(self, host: Host, plan: Plan, folder: Path) -> None:
        super().__init__(host, plan, folder)
        self._ready: set[str] = set()
        self._stopped: set[int] = set()

    def command(self) -> list[str]:
        raise NotImplementedError

    def add(self, stream: int) -> None:
        self.programs[f"receiver-{stream}"] = self.host.spawn(f"receiver-{stream}", self.command())

    def ready(self) -> bool:
        return self._ready >= self.programs.keys()

    def offer(self, stream: int, sdp: str) -> None:
        self.programs[f"receiver-{stream}"].send(type="offer", id=stream, sdp=sdp, out=str(self.out))

    def candidate(self, stream: int, mline: int, text: str) -> None:
        self.programs[f"receiver-{stream}"].send(type="ice", id=stream, mline=mline, candidate=text)

    def event(self, tag: str, message: dict[str, Any]) -> None:
        match message:
            case {"type": "ready"}:
                self._ready.add(tag)
            case {"type": "answer", "id": stream, "sdp": sdp}:
                self.host.answer(stream, sdp)
            case {"type": "ice", "id": stream, "mline": mline, "candidate": text}:
                self.host.candidate(stream, mline, text)
            case {"type": "stopped", "id": stream}:
                self._stopped.add(stream)
            case _:
                self.host.trouble(f"{tag}: {message}")

    def stop(self) -> None:
        for program in self.programs.values():
            program.send(type="stop")
        self.host.wait(lambda: len(self._stopped) == len(self.programs), 60, "files were not finished")


class Minimal(LinePeer):
    """webrtcbin, depayloaders, matroskamux and filesink, in a fresh process per stream."""

    def command(self) -> list[str]:
        return [self.plan.system_python, "-m", "bench.peers.minimal", self.plan.address]


class Aiortc(LinePeer):
    """aiortc without its recorder: frames are written as they leave its jitter buffer, before any decoder."""

    pattern = "s{}.raw"
    playable = ""
    mode = "depay"

    def command(self) -> list[str]:
        return [self.plan.aiortc_python, "-m", "bench.peers.aiortc_receiver", self.mode]

    def playables(self, stream: int) -> list[Path]:
        return []


class AiortcRecorder(Aiortc):
    """aiortc with its MediaRecorder, which decodes and encodes."""

    pattern = playable = "s{}.mkv"
    mode = "record"

    def playables(self, stream: int) -> list[Path]:
        return Peer.playables(self, stream)
