"""Watches a connection by its child's figures for what webrtcbin does not report. Pure.

Not answered and not connected in time are timers of the session and the child's own deadline (`child.diagnosis`); that
a guest who is connected sends nothing is the child's `NoMedia`, which is no fault. The rest is here: a guest who falls
silent, packets that make no frames, frames that reach no file.
"""

from typing import Final

import msgspec

from roomtape.config import Deadlines
from roomtape.errors import FileStalled, NoFrames, PeerVanished, RecorderError
from roomtape.ipc.messages import PeerState, Stats

KEYFRAME_WAITS_S: Final = (1.0, 2.0, 4.0)
"""After each request for a key frame; after the last it is over."""
FEW_PACKETS: Final = 30
"""In the time that a picture is missed. Fewer are what is sent to try the network, and hold no picture."""


class Finding(msgspec.Struct, frozen=True):
    """What is to be done: end the attempt with `error`, ask for a key frame, ask for an ICE restart."""

    error: RecorderError | None = None
    keyframe: bool = False
    restart: bool = False


NOTHING: Final = Finding()


class _Still:
    """Since when a figure has not changed. A new track counts from zero again, which is a change too."""

    def __init__(self) -> None:
        self._value: int | None = None
        self._since = 0.0

    def begin_anew(self) -> None:
        self._value = None

    def for_s(self, value: int | None, now: float) -> float:
        if value != self._value or value is None:
            self._value, self._since = value, now
        return now - self._since


class Watchdog:
    """One of each attempt, fed while its guest is connected.

    `lenient`: a former attempt was ended for the want of a picture, and that did not help. As long as there is sound,
    this one only asks for key frames.
    """

    def __init__(self, deadlines: Deadlines, *, lenient: bool = False) -> None:
        self._deadlines, self._lenient = deadlines, lenient
        self._frames, self._sound, self._file = _Still(), _Still(), _Still()
        self._packets_before = self._frames_before = 0
        self._asked, self._ask_at_s = 0, deadlines.frames
        self._restart_asked = False

    def counted(self, stats: Stats, now: float) -> Finding:
        """The figures of a second."""
        silent_s = stats.silent_ms / 1000
        if silent_s >= self._deadlines.vanished:
            return Finding(PeerVanished(f"nothing was heard from the guest for {self._deadlines.vanished:.0f} s"))
        stalled = self._file_stalls(stats, now)
        if stalled is not None:
            return Finding(stalled)
        restart, found = self._restart(silent_s), self._picture(stats, now)
        return Finding(found.error, found.keyframe, restart) if restart else found

    def state(self, state: PeerState) -> Finding:
        """A change of the connection's state."""
        return Finding(restart=self._ask_restart_once()) if state.ice == "disconnected" else NOTHING

    def _restart(self, silent_s: float) -> bool:
        if silent_s >= self._deadlines.trouble:
            return self._ask_restart_once()
        if silent_s < 1:
            self._restart_asked = False
        return False

    def _ask_restart_once(self) -> bool:
        asked, self._restart_asked = self._restart_asked, True
        return not asked

    def _picture(self, stats: Stats, now: float) -> Finding:
        """Packets of a picture come, and frames do not."""
        missed_s = self._frames.for_s(stats.video_frames, now)
        has_sound = self._sound.for_s(stats.audio_frames, now) < 1 + self._deadlines.frames and stats.audio_frames > 0
        if missed_s == 0:
            self._packets_before, self._asked, self._ask_at_s = stats.video_packets, 0, self._deadlines.frames
        if stats.video_packets - self._packets_before < FEW_PACKETS or missed_s < self._ask_at_s:
            return NOTHING
        if self._asked == len(KEYFRAME_WAITS_S) and not (self._lenient and has_sound):
            return Finding(NoFrames(f"the guest's picture arrives, but nothing can be made of it for {missed_s:.0f} s"))
        self._ask_at_s = missed_s + KEYFRAME_WAITS_S[min(self._asked, len(KEYFRAME_WAITS_S) - 1)]
        self._asked = min(self._asked + 1, len(KEYFRAME_WAITS_S))
        return Finding(keyframe=True)

    def _file_stalls(self, stats: Stats, now: float) -> FileStalled | None:
        """Frames come, and the file does not grow; `written_bytes` is None while nothing is to be written."""
        frames = stats.video_frames + stats.audio_frames
        came, self._frames_before = frames != self._frames_before, frames
        if not came:  # without frames nothing is to be expected, and the time does not count
            self._file.begin_anew()
        still_s = self._file.for_s(stats.written_bytes, now)
        if still_s < self._deadlines.file:
            return None
        return FileStalled(f"media arrives, but the file has not grown for {still_s:.0f} s")
