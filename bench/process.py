"""A program that speaks JSON lines on its stdin and stdout, or says nothing."""

import contextlib
import json
import queue
import signal
import subprocess
import threading
from pathlib import Path
from typing import Any

Events = queue.Queue[tuple[str, dict[str, Any]]]


class Program:
    """Started at once. What it says is put into `events` with its `tag`; `quiet` ones go to the log whole."""

    def __init__(self, tag: str, command: list[str], events: Events, log: Path, *, quiet: bool = False) -> None:
        self._tag, self._events = tag, events
        self._log = log.open("ab")
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=self._log if quiet else subprocess.PIPE,
            stderr=self._log,
            cwd=Path(__file__).parents[1],
            start_new_session=True,
        )
        self.pid = self._process.pid
        if not quiet:
            threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with contextlib.suppress(ValueError):
                self._events.put((self._tag, json.loads(line)))
        self._events.put((self._tag, {"type": "ended"}))

    def send(self, **message: Any) -> None:
        """A line to its stdin, if it still reads."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError, ValueError):
            self._process.stdin.write(json.dumps(message).encode() + b"\n")
            self._process.stdin.flush()

    def tell(self, number: signal.Signals) -> None:
        if self._process.poll() is None:
            self._process.send_signal(number)

    def end(self, number: signal.Signals = signal.SIGTERM, wait_s: float = 15.0) -> None:
        """Signal it, wait, kill it if that does not help."""
        self.tell(number)
        try:
            self._process.wait(wait_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()
