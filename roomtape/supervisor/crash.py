"""What is kept of a child while it lives, and what is told when it dies in a way that was not announced. Pure."""

from collections import deque
from datetime import datetime
from typing import Final

import msgspec

from roomtape.ipc.messages import (
    BusMessage,
    Failed,
    FromChild,
    LocalDescription,
    Log,
    PeerState,
    Ready,
    RemoteDescription,
    SegmentOpened,
    ToChild,
)
from roomtape.supervisor.scrub import is_sdp, scrub, without_private

KEPT_STDERR: Final = 50
MAX_STDERR_LINE: Final = 1000
KEPT_STACK: Final = 300
KEPT_LOGS: Final = 50
KEPT_STATES: Final = 20
KEPT_FILES: Final = 10
KEPT_BUS: Final = 20
MAX_LOG: Final = 500


class Crash(msgspec.Struct, frozen=True, kw_only=True):
    """One child's death. `exit` is in words; `stack` is that of a child that hung and could still give one.
    `gstreamer` is the version, `bus` what GStreamer complained of last."""

    exit: str
    gstreamer: str
    bus: tuple[str, ...]
    states: tuple[str, ...]
    files: tuple[str, ...]
    log: tuple[str, ...]
    stderr: tuple[str, ...]
    stack: tuple[str, ...]
    offer: tuple[str, ...]
    answer: tuple[str, ...]


class CrashReport(msgspec.Struct, frozen=True, kw_only=True):
    """The document `crash-*.json`. Versions are texts, `at` is UTC."""

    stream: str
    take: int
    at: datetime
    roomtape: str
    python: str
    crash: Crash


class Trail:
    """The last of everything that a child said and was told, bounded. `failed`: it has told of its end itself."""

    def __init__(self) -> None:
        self.failed = False
        self.stderr: deque[str] = deque(maxlen=KEPT_STDERR)
        self._stack: list[str] = []
        self._dumping = False
        self._gstreamer = self._offer = self._answer = ""
        self._logs: deque[str] = deque(maxlen=KEPT_LOGS)
        self._states: deque[str] = deque(maxlen=KEPT_STATES)
        self._files: deque[str] = deque(maxlen=KEPT_FILES)
        self._bus: deque[str] = deque(maxlen=KEPT_BUS)

    def told(self, message: ToChild) -> None:
        if isinstance(message, RemoteDescription):
            self._offer = message.description.sdp

    def said(self, message: FromChild) -> None:
        """A message of the child; most kinds leave no trace."""
        match message:
            case Ready(gstreamer=version):
                self._gstreamer = version
            case LocalDescription(description=description):
                self._answer = description.sdp
            case PeerState(ice=ice, gathering=gathering, connection=connection, signaling=signaling):
                self._states.append(f"ice {ice}, gathering {gathering}, connection {connection}, signaling {signaling}")
            case SegmentOpened(path=path):
                self._files.append(path.rpartition("/")[2])
            case Log():
                self._logs.append(_log_line(message))
            case BusMessage():
                self._bus.append(_bus_line(message))
            case Failed(peer=""):
                self.failed = True
            case _:
                pass

    def dump_begins(self) -> None:
        """What comes on stderr from now on is the stack that was asked for."""
        self._dumping = True

    def line(self, text: str) -> None:
        """A line of stderr; it is cut, and those from long ago are forgotten."""
        text = text[:MAX_STDERR_LINE]
        if not self._dumping:
            self.stderr.append(text)
        elif len(self._stack) < KEPT_STACK:
            self._stack.append(text)

    def crash(self, exit_words: str) -> Crash:
        """What is known of a child that ended so."""
        return Crash(
            exit=exit_words,
            gstreamer=self._gstreamer,
            bus=tuple(self._bus),
            states=tuple(self._states),
            files=tuple(self._files),
            log=tuple(self._logs),
            stderr=tuple(self.stderr),
            stack=tuple(self._stack),
            offer=tuple(scrub(self._offer)),
            answer=tuple(scrub(self._answer)),
        )


def is_crash(code: int, *, hung: bool, killed: bool, announced: bool) -> bool:
    """Whether a process that ended with `code` (negative for signals) died of something that nobody announced.

    `killed`: by us. That is no crash, unless it `hung`.
    """
    if killed:
        return hung
    return code < 0 or (code > 0 and not announced)


def _log_line(message: Log) -> str:
    """In one line, without descriptions."""
    texts = {key: str(value) for key, value in message.fields.items()}
    fields = (f"{key}={'<sdp>' if is_sdp(text) else text}" for key, text in texts.items())
    return " ".join((message.level, message.message, *fields))[:MAX_LOG]


def _bus_line(message: BusMessage) -> str:
    text = "<sdp>" if is_sdp(message.text) else message.text
    before = f" ({message.left_out} before it left out)" if message.left_out else ""
    return f"{message.level} {without_private(text)}"[:MAX_LOG] + before
