"""When a file is opened, changed and left: the decisions, without GStreamer.

A Matroska file must know its tracks before the first byte. So the first track waits a moment for the other that was
negotiated. In MP4, where time stamps cannot be corrected afterwards, both also wait for the guest's first sender
reports, which tell how their clocks relate. Media waits at the gate; it is lost only if the process is killed. A track
that comes later starts a new file with both; a track that falls silent while another goes on leaves the file (a muxer
would otherwise hold the other back), and takes its place in it again when it comes back.
"""

from enum import Enum, auto
from typing import Final

import msgspec

from roomtape.model import TrackKind

COMPANY_S: Final = 0.9
"""How long a picture waits at the gate for sound that was negotiated: it is lost if the process is killed."""
PICTURE_S: Final = 3.0
"""How long sound waits for a picture that was negotiated. The first one of a screen on which nothing moves, or of a
slow encoder, takes seconds. Meanwhile the sound is on disk (`child.prelude`)."""
LIP_SYNC_S: Final = 0.9
"""How long two tracks of an MP4 file wait at the gate for sender reports.

Browsers send those of sound after 2.5 s and more; then the time of arrival has to do at first (6 ms off with Chromium
on an idle network), and later reports put the rest right.
"""
CUT_S: Final = 3.0
"""How long a track in the old file is given to reach a key frame when a new file is due."""
SILENCE_S: Final = 2.0
"""A track without a packet for so long, while another has some, has fallen silent."""


class Place(Enum):
    """Where a track is."""

    COMING = auto()  # linked, no frame at the gate yet
    GATE = auto()  # stands at the gate
    FILE = auto()  # is being written
    CUTTING = auto()  # is being written until its next key frame, then stands at the gate
    SILENT = auto()  # has left the file; the gate waits for its next frame


class Do(msgspec.Struct, frozen=True):
    """What the tape has to do, in this order."""

    cut: tuple[TrackKind, ...] = ()
    """Close the gates of these tracks, which are in the file."""
    leave: tuple[TrackKind, ...] = ()
    """End these in the present file and close their gates."""
    rejoin: tuple[TrackKind, ...] = ()
    """Let these, which stand at their gates, go on in the present file."""
    open: tuple[TrackKind, ...] = ()
    """End the present file; open a new one with these tracks, which stand at their gates."""


class _Heard(msgspec.Struct, frozen=True):
    """`count` packets until `last`, without a pause since `since`."""

    count: int
    since: float
    last: float


class CutPlan:
    """Fed with what happens and the time in seconds; every answer is a `Do`.

    `lip_sync_s`: how long two tracks wait for sender reports, 0 if they need not.
    """

    def __init__(self, lip_sync_s: float, expected: frozenset[TrackKind] = frozenset()) -> None:
        self._lip_sync_s = lip_sync_s
        self.expected = expected
        self.synced = False
        """Whether sender reports (RFC 3550) of all tracks have come; set from outside, false after a track came."""
        self.places: dict[TrackKind, Place] = {}
        self._first_at_gate: float | None = None
        self._heard: dict[TrackKind, _Heard] = {}

    def track_came(self, kind: TrackKind) -> Do:
        """A track has been linked. If it replaces one that is in the file, that one leaves."""
        leave = (kind,) if self.places.get(kind) in (Place.FILE, Place.CUTTING) else ()
        self.places[kind] = Place.COMING
        self._heard.pop(kind, None)
        self.synced = False
        return Do(leave=leave)

    def at_gate(self, kind: TrackKind, now: float, *, may_rejoin: bool = False) -> Do:
        """A track stands at the gate. If a file is being written, it goes on there (`may_rejoin`: it had a place in
        that file before), or that file has to be cut."""
        if may_rejoin and self._first_at_gate is None:
            self.places[kind] = Place.FILE
            self._heard.pop(kind, None)
            return Do(rejoin=(kind,))
        self.places[kind] = Place.GATE
        if self._first_at_gate is None:
            self._first_at_gate = now
        writing = self._in(Place.FILE)
        for other in writing:
            self.places[other] = Place.CUTTING
        return msgspec.structs.replace(self.tick(now), cut=writing)

    def cut(self) -> Do:
        """Another file is due. The picture goes first, at its next key frame: the sound follows it there."""
        writing = self._in(Place.FILE)
        if self._first_at_gate is not None or self._in(Place.CUTTING):
            return Do()
        first = (TrackKind.VIDEO,) if TrackKind.VIDEO in writing else writing
        for kind in first:
            self.places[kind] = Place.CUTTING
        return Do(cut=first)

    def tick(self, now: float) -> Do:
        """Time has passed."""
        if self._first_at_gate is None:
            return Do()
        waited = now - self._first_at_gate
        ready = self._in(Place.GATE)
        cutting = self._in(Place.CUTTING)
        if cutting:
            patience = CUT_S
        elif not self.expected <= set(ready):
            patience = COMPANY_S if TrackKind.VIDEO in ready else PICTURE_S
        else:
            patience = 0.0 if self.synced or len(ready) < 2 else self._lip_sync_s
        if waited < patience:
            return Do()
        for kind in ready:
            self.places[kind] = Place.FILE
            self._heard.pop(kind, None)
        for kind in cutting:  # never reached a key frame: it follows with the next file
            self.places[kind] = Place.SILENT
        self._first_at_gate = None
        return Do(leave=cutting, open=ready)

    def counted(self, packets: dict[TrackKind, int], now: float) -> Do:
        """Packets received of each track, before any muxer could hold them back: finds tracks that fell silent."""
        for kind, count in packets.items():
            before = self._heard.get(kind)
            if before is None or count != before.count:
                goes_on = before is not None and now - before.last < SILENCE_S
                self._heard[kind] = _Heard(count, before.since if before and goes_on else now, now)
        writing = [kind for kind in self._in(Place.FILE) if kind in self._heard]
        silent = tuple(kind for kind in writing if any(self._outlasts(other, kind) for other in writing))
        for kind in silent:
            self.places[kind] = Place.SILENT
        return Do(leave=silent)

    def _outlasts(self, other: TrackKind, kind: TrackKind) -> bool:
        """When the whole guest pauses, none does: the silence counts from when `other` is heard again."""
        return self._heard[other].last - max(self._heard[kind].last, self._heard[other].since) >= SILENCE_S

    @property
    def settled(self) -> bool:
        """Whether nothing is waited for: all tracks are being written, and how their clocks relate is known."""
        return self._in(Place.FILE) == tuple(self.places) and (self.synced or not self.places)

    def at_the_gate(self) -> tuple[TrackKind, ...]:
        """Tracks that stand at their gates."""
        return self._in(Place.GATE)

    def missing(self) -> tuple[TrackKind, ...]:
        """Tracks that have yet to reach a gate. Who was silent may go on between two key frames, so ask for one."""
        return self._in(Place.COMING, Place.CUTTING, Place.SILENT)

    def _in(self, *places: Place) -> tuple[TrackKind, ...]:
        return tuple(kind for kind, where in self.places.items() if where in places)
