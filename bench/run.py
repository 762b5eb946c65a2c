"""One run of one recorder: started, offered its streams, measured while it records, stopped, its files read back."""

import contextlib
import os
import queue
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from bench import proc
from bench.candidates import as_browsers_write, usable
from bench.peers.base import Peer
from bench.peers.roomtape import Roomtape
from bench.plan import Plan
from bench.process import Events, Program
from bench.result import Result
from bench.validate import check

FIRST_MEDIA: Final = 16384
"""Bytes in a file that are more than a header."""
LOOK_S: Final = 0.005
DRAIN_S: Final = 0.6
"""After the last packet, for what still waits in jitter buffers."""
DECODED: Final = 1
"""So many streams' files are decoded as well."""
PICTURES_PER_MINUTE: Final = 1800


class Run:
    """The `Host` of its peer."""

    def __init__(self, name: str, make: Callable[["Run", Plan, Path], Peer], plan: Plan, folder: Path) -> None:
        self._plan, self._folder = plan, folder
        self._events: Events = queue.Queue()
        self._peer = make(self, plan, folder)
        self._sender: Program | None = None
        self._sender_ready = False
        self._offered: dict[int, float] = {}
        self._answered: dict[int, float] = {}
        self._connected: set[int] = set()
        self._byte: dict[int, float] = {}
        self._media: dict[int, float] = {}
        self._byte_cpu = 0.0
        self._sent: dict[str, list[int]] | None = None
        self._ended_before = 0.0
        self.result = Result(peer=name, codec=plan.codec, size=plan.size, streams=plan.streams, seconds=plan.seconds)

    # --- for the peer ---------------------------------------------------------------------------------------------

    def spawn(self, tag: str, command: list[str], *, quiet: bool = False) -> Program:
        return Program(tag, command, self._events, self._folder / f"{tag}.log", quiet=quiet)

    def answer(self, stream: int, sdp: str) -> None:
        self._answered.setdefault(stream, time.monotonic())
        self._tell_sender(type="answer", id=stream, sdp=as_browsers_write(sdp))
        for line in sdp.splitlines():  # an answer may carry its candidates
            if line.startswith("a=candidate:"):
                self.candidate(stream, 0, line[2:])

    def candidate(self, stream: int, mline: int, text: str) -> None:
        if usable(text):
            self._tell_sender(type="ice", id=stream, mline=mline, candidate=text)

    def say(self, tag: str, message: dict[str, Any]) -> None:
        self._events.put((tag, message))

    def trouble(self, what: str) -> None:
        self.result.trouble.append(what[:300])

    def wait(self, until: Callable[[], bool], timeout_s: float, what: str) -> None:
        """Handle events until then.

        Raises:
            TimeoutError: it took too long.
        """
        end = time.monotonic() + timeout_s
        while not until():
            left = end - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"{self.result.peer}: {what} {self.result.trouble[:3]}")
            with contextlib.suppress(queue.Empty):
                self._handle(*self._events.get(timeout=min(left, LOOK_S)))
            self._look()

    # --- events ---------------------------------------------------------------------------------------------------

    def _tell_sender(self, **message: Any) -> None:
        assert self._sender is not None
        self._sender.send(**message)

    def _handle(self, tag: str, message: dict[str, Any]) -> None:
        if tag != "sender":
            self._peer.event(tag, message)
            return
        match message:
            case {"type": "ready"}:
                self._sender_ready = True
            case {"type": "offer", "id": stream, "sdp": sdp}:
                self._offered[stream] = time.monotonic()
                self._peer.offer(stream, as_browsers_write(sdp))
            case {"type": "ice", "id": stream, "mline": mline, "candidate": text} if usable(text):
                self._peer.candidate(stream, mline, text)
            case {"type": "connected", "id": stream}:
                self._connected.add(stream)
            case {"type": "paused", "sent": sent}:
                self._sent = sent

    def _look(self) -> None:
        """Note when a stream's first media is on disk."""
        for stream in self._offered.keys() - self._media.keys():
            size = sum(path.stat().st_size for path in self._peer.files(stream))
            now = time.monotonic()
            if size and stream not in self._byte:
                self._byte[stream] = now
                if len(self._byte) == self._plan.streams:
                    self._byte_cpu = self._cpu()
            if size >= FIRST_MEDIA:
                self._media[stream] = now

    def _cpu(self) -> float:
        """Of the recorder so far, with its processes that have ended."""
        ended = resource.getrusage(resource.RUSAGE_CHILDREN)
        return proc.cpu_s(proc.tree(self._peer.roots())) + ended.ru_utime + ended.ru_stime - self._ended_before

    def _pause(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        self.wait(lambda: time.monotonic() >= until, seconds + 5, "")

    # --- the run --------------------------------------------------------------------------------------------------

    def do(self) -> Result:
        """Measure; whatever goes wrong is in the result."""
        ended = resource.getrusage(resource.RUSAGE_CHILDREN)
        self._ended_before = ended.ru_utime + ended.ru_stime
        plan = self._plan
        self._sender = self.spawn(
            "sender", [plan.system_python, "-m", "bench.sender", str(plan.loop), plan.codec, plan.address]
        )
        try:
            self.wait(lambda: self._sender_ready, 30, "the sender did not start")
            self._make_ready()
            self._offer_all()
            self._measure(self._sender)
            if not self._peer.rtp:
                self._let_others_join()
            self._finish()
        except (OSError, ValueError, KeyError) as error:  # TimeoutError is an OSError
            self.result.failed = f"{type(error).__name__}: {error}"
        finally:
            self._peer.close()
            self._tell_sender(type="quit")
            self._sender.end()
        return self.result

    def _make_ready(self) -> None:
        began = time.monotonic()
        self._peer.start()
        for stream in range(self._plan.streams):
            self._peer.add(stream)
        self.wait(self._peer.ready, 90, "not ready")
        self.result.ready_s = round(time.monotonic() - began, 3)
        self._ready_cpu = self._cpu()
        self.result.ready_cpu = round(self._ready_cpu / self._plan.streams, 4)

    def _offer_all(self) -> None:
        streams = self._plan.streams
        for stream in range(streams):
            if self._peer.rtp:
                video, audio = self._peer.ports(stream)
                self._offered[stream] = time.monotonic()
                self._tell_sender(type="add", id=stream, video=video, audio=audio)
            else:
                self._tell_sender(type="add", id=stream)
            self._pause(self._plan.stagger_s)
        self.wait(lambda: len(self._connected) == streams, 30 + 2 * streams, "not all streams were connected")
        self.wait(lambda: len(self._media) == streams, 60, "not all streams have media on disk")
        self.result.byte_s, self.result.media_s = self._after_offer(self._byte), self._after_offer(self._media)
        self.result.byte_cpu = round((self._byte_cpu - self._ready_cpu) / streams, 4)
        if self._answered:
            self.result.answer_s = self._after_offer(self._answered)
        self._pause(self._plan.warmup_s)

    def _after_offer(self, when: dict[int, float]) -> float:
        return round(statistics.median(at - self._offered[stream] for stream, at in when.items()), 4)

    def _measure(self, sender: Program) -> None:
        main = [self._peer.main_process()] if isinstance(self._peer, Roomtape) else []
        before, began = self._counters(sender, main), time.monotonic()
        self._pause(self._plan.seconds)
        after, took = self._counters(sender, main), time.monotonic() - began
        used, sent, in_main, slept = (b - a for a, b in zip(before, after, strict=True))
        pids, streams, result = proc.tree(self._peer.roots()), self._plan.streams, self.result
        minutes = took * streams / 60
        result.cpu, result.sender_cpu = round(used / minutes, 4), round(sent / minutes, 4)
        result.main_share = round(in_main / took, 5)
        result.wakeups_per_s = round(slept / took / streams, 1)
        result.pss_mib = round(proc.pss_bytes(pids) / streams / 2**20, 2)
        result.threads = round(proc.threads_and_wakeups(pids)[0] / streams, 1)
        result.load = round(os.getloadavg()[0], 1)

    def _let_others_join(self) -> None:
        """One by one, while all others are recorded."""
        others = range(self._plan.streams, self._plan.streams + self._plan.late)
        for stream in others:
            self._peer.add(stream)
            self.wait(self._peer.ready, 90, "not ready for another stream")
            self._pause(self._plan.settle_s)
            self._tell_sender(type="add", id=stream)
            self.wait(lambda: stream in self._media, 60, "another stream has no media on disk")  # noqa: B023 - at once
        answers = {stream: self._answered[stream] for stream in others if stream in self._answered}
        self.result.late_answer_s = self._after_offer(answers) if answers else 0.0

    def _counters(self, sender: Program, main: list[int]) -> tuple[float, float, float, float]:
        wakeups = proc.threads_and_wakeups(proc.tree(self._peer.roots()))[1]
        return self._cpu(), proc.cpu_s([sender.pid]), proc.cpu_s(main), wakeups

    def _finish(self) -> None:
        self._tell_sender(type="pause")
        self.wait(lambda: self._sent is not None, 10, "the sender did not pause")
        self._pause(DRAIN_S)
        before, began = self._cpu(), time.monotonic()
        self._peer.stop()
        self.result.stop_s = round(time.monotonic() - began, 3)
        after = self._cpu()
        self.result.stop_cpu = round((after - before) / len(self._offered), 4)
        self._peer.finish()
        assert self._sent is not None
        minutes = sum(pictures for pictures, _ in self._sent.values()) / PICTURES_PER_MINUTE
        self.result.post_cpu = round((self._cpu() - after) / minutes, 4)
        self._validate(self._sent)

    def _validate(self, sent: dict[str, list[int]]) -> None:
        """Missing pictures are counted where the recorder stores what it got, and makes nothing else of it."""
        missing = 0
        for stream in sorted(map(int, sent)):
            files = self._peer.playables(stream)
            if not files:
                return
            verdict = check(files, self._plan.loop, decode=stream < DECODED)
            self.result.verdicts.append(verdict)
            video = verdict.tracks.get("video")
            missing += max(0, sent[str(stream)][0] - (video.packets if video else 0))
        self.result.missing = missing


def run_once(name: str, make: Callable[[Run, Plan, Path], Peer], plan: Plan) -> Result:
    """A run in a folder of its own, which stays if it failed."""
    folder = Path(tempfile.mkdtemp(prefix=f"roomtape-bench-{name}-"))
    result = Run(name, make, plan, folder).do()
    if result.failed:
        print(f"{result.failed}; logs are in {folder}", file=sys.stderr)
    else:
        for path in sorted(folder.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
        folder.rmdir()
    return result
