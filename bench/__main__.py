"""`make bench`: what recording a stream costs, next to what it costs others.

Peers are taken in turn, in so many rounds; only their ratios in one run mean something, since a shared machine's speed
changes from minute to minute. Options by environment, for make:

    BENCH_STREAMS=1,5,12    BENCH_SECONDS=6    BENCH_ROUNDS=1    BENCH_MEDIA=vp8-360 (vp8|h264 - 360|720, several)
    BENCH_PEERS=minimal,roomtape,...            BENCH_PARTS=recorders,starts,main,server

BENCH_ADD=1 keeps the results of former calls; BENCH_PUBLISH=1 puts tables and plots into docs/performance.md.
"""

import json
import os
import platform
import sys
import time
from pathlib import Path
from typing import Final

import msgspec

from bench import handshake, main_process, report, starts
from bench.candidates import own_address
from bench.media import loop
from bench.peers.janus import Janus
from bench.peers.lines import Aiortc, AiortcRecorder, Minimal
from bench.peers.roomtape import Roomtape, RoomtapeExec
from bench.peers.rtp import Ffmpeg, Floor
from bench.plan import Plan
from bench.run import run_once

BENCH: Final = Path(__file__).parent
RESULTS: Final = BENCH / "results"
BUILT: Final = BENCH / "built"
PEERS: Final = {
    "minimal": Minimal,
    "roomtape": Roomtape,
    "roomtape-exec": RoomtapeExec,
    "janus": Janus,
    "aiortc": Aiortc,
    "aiortc-recorder": AiortcRecorder,
    "ffmpeg-rtp": Ffmpeg,
    "floor": Floor,
}
SHORT: Final = "minimal,roomtape,janus,aiortc-recorder,ffmpeg-rtp,floor"
AIORTC_MOST: Final = 5
"""Streams for aiortc: with more a small machine is full, and it drops packets."""
SYSTEM_PYTHON: Final = "/usr/bin/python3"
PARTS: Final = ("recorders", "starts", "main", "server")


def option(name: str, default: str) -> list[str]:
    return os.environ.get(f"BENCH_{name}", default).split(",")


def recorders() -> None:
    """Every peer with every number of streams and every kind of media, in turn."""
    seconds = float(option("SECONDS", "6")[0])
    for media in option("MEDIA", "vp8-360"):
        codec, _, size = media.partition("-")
        for streams in map(int, option("STREAMS", "1,5,12")):
            plan = Plan(
                streams=streams,
                seconds=seconds,
                codec=codec,
                size=size,
                address=own_address(),
                loop=loop(BUILT / "media", codec, size),
                system_python=SYSTEM_PYTHON,
                aiortc_python=str(BUILT / "venv" / "bin" / "python"),
                floor=BUILT / "floor",
            )
            for _ in range(int(option("ROUNDS", "1")[0])):
                for name in option("PEERS", SHORT):
                    if not (name.startswith("aiortc") and streams > AIORTC_MOST):
                        keep("recorders", msgspec.to_builtins(run_once(name, PEERS[name], plan)))


def keep(part: str, figures: object) -> None:
    """Add a line to this part's results, and show it."""
    RESULTS.mkdir(exist_ok=True)
    line = json.dumps(figures)
    with (RESULTS / f"{part}.jsonl").open("a") as file:
        file.write(line + "\n")
    print(line if len(line) < 500 else f"{line[:500]}…", flush=True)


def main() -> int:
    """Measure what was asked for, and report. An empty BENCH_PARTS reports what there is."""
    parts = option("PARTS", ",".join(PARTS))
    RESULTS.mkdir(exist_ok=True)
    if os.environ.get("BENCH_ADD") != "1":
        for part in parts:
            (RESULTS / f"{part}.jsonl").unlink(missing_ok=True)
    print(f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}", time.strftime("%F %R"))
    if "recorders" in parts:
        recorders()
    if "starts" in parts:
        keep("starts", starts.measure())
    if "main" in parts:
        keep("main", main_process.measure())
    if "server" in parts:
        keep("server", handshake.measure())
    print(report.write(RESULTS))
    if os.environ.get("BENCH_PUBLISH") == "1":
        report.publish(RESULTS, BENCH.parent / "docs")
    return 0


if __name__ == "__main__":
    sys.exit(main())
