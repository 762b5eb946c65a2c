"""What the user is shown of every guest: a pure state, fed by what the children say and the router decides.

Times (`now`) are seconds of any one steady clock. What guests say of themselves is escaped on the way in.
"""

from enum import StrEnum
from pathlib import PurePath
from typing import Any, Final

import msgspec

from roomtape.ipc.messages import (
    FromChild,
    GuestInfo,
    NoMedia,
    PeerState,
    Ready,
    SegmentClosed,
    SegmentOpened,
    Stats,
    TrackStarted,
)
from roomtape.logs import printable
from roomtape.model import StreamId, TrackKind

MAX_ENDED: Final = 200
"""Ended guests that stay in sight; beyond it the ones that ended first go."""
MAX_LABEL: Final = 40
INTERRUPTED: Final = "connection interrupted"


class GuestState(StrEnum):
    WAITING = "waiting"
    CONNECTING = "connecting"
    RECORDING = "recording"
    FINISHED = "finished"
    FAILED = "failed"

    @property
    def ended(self) -> bool:
        return self in (GuestState.FINISHED, GuestState.FAILED)


class GuestRow(msgspec.Struct, frozen=True, kw_only=True):
    """One guest. `since`: when the state was entered; sizes in pixels and bytes, loss in percent of all packets.

    `media_bytes` counts from the start of the present child, `closed_bytes` are the files before `media_mark` of them.
    """

    stream: StreamId
    since: float
    label: str = ""
    state: GuestState = GuestState.WAITING
    note: str = ""
    microphone_off: bool = False
    camera_off: bool = False
    queued: bool = False
    video: str = ""
    audio: str = ""
    width: int = 0
    height: int = 0
    file: str = ""
    bitrate_kbps: float = 0
    loss_percent: float = 0
    recorded_s: float = 0
    recording_since: float | None = None
    closed_bytes: int = 0
    media_bytes: int = 0
    media_mark: int = 0
    stats_at: float | None = None

    @property
    def size_bytes(self) -> int:
        """Of all files of the guest in this run; media not yet in a final file included."""
        return self.closed_bytes + max(0, self.media_bytes - self.media_mark)

    @property
    def remarks(self) -> str:
        """The note and what the guest switched off, in words."""
        flags = {"microphone off": self.microphone_off, "camera off": self.camera_off, "held in queue": self.queued}
        words = [self.note] if self.note else []
        return ", ".join(words + ([] if self.state.ended else [word for word, on in flags.items() if on]))

    def duration_s(self, now: float) -> float:
        """How long the guest has been recorded, all attempts together."""
        return self.recorded_s + (0 if self.recording_since is None else max(0.0, now - self.recording_since))


class Board:
    """The rows of all guests, in the order in which they appeared."""

    def __init__(self) -> None:
        self._rows: dict[StreamId, GuestRow] = {}

    def rows(self) -> tuple[GuestRow, ...]:
        return tuple(self._rows.values())

    def count(self, state: GuestState) -> int:
        return sum(row.state is state for row in self._rows.values())

    def set_state(self, stream: StreamId, state: GuestState, now: float, note: str = "") -> None:
        """The router's word on a stream, which gets a row by this; replaces the note."""
        self._enter(self._rows.get(stream) or GuestRow(stream=stream, since=now), state, now, note)

    def explain(self, stream: StreamId, note: str) -> None:
        """A better note, found out later; of no interest any more once the guest is recorded."""
        row = self._rows.get(stream)
        if row is not None and row.state not in (GuestState.RECORDING, GuestState.FINISHED):
            self._put(row, note=printable(note))

    def remove(self, stream: StreamId) -> None:
        self._rows.pop(stream, None)

    def apply(self, stream: StreamId, message: FromChild, now: float) -> None:
        """What a child of the stream says: figures, never the state, for a child may already have been replaced.

        Ignored if it does not show, or if `set_state` never named the stream.
        """
        row = self._rows.get(stream)
        if row is None:
            return
        match message:
            case Ready():
                closed, counted = row.size_bytes, {"media_bytes": 0, "media_mark": 0, "stats_at": None}
                self._put(row, closed_bytes=closed, bitrate_kbps=0.0, loss_percent=0.0, **counted)
            case PeerState(connection=connection, peer=""):
                self._connection(row, connection)
            case TrackStarted(track=TrackKind.AUDIO, codec=codec):
                self._put(row, audio=str(codec))
            case TrackStarted(codec=codec, width=width, height=height):
                self._put(row, video=str(codec), width=width, height=height)
            case SegmentOpened(path=path):
                self._put(row, file=printable(PurePath(path).name))
            case SegmentClosed(size_bytes=size):
                self._put(row, closed_bytes=row.closed_bytes + size, media_mark=row.media_bytes)
            case GuestInfo():
                self._guest_info(row, message)
            case Stats():
                self._stats(row, message, now)
            case NoMedia(detail=detail):
                self._put(row, note=printable(detail))

    def _put(self, row: GuestRow, **changes: Any) -> GuestRow:
        row = self._rows[row.stream] = msgspec.structs.replace(row, **changes)
        return row

    def _enter(self, row: GuestRow, state: GuestState, now: float, note: str = "") -> None:
        changes: dict[str, Any] = {"state": state, "note": printable(note)}
        if state is not row.state:
            changes["since"] = now
        if state is GuestState.RECORDING and row.recording_since is None:
            changes["recording_since"] = now
        elif state is not GuestState.RECORDING:
            changes |= {"recorded_s": row.duration_s(now), "recording_since": None, "bitrate_kbps": 0.0}
        self._put(row, **changes)
        if state.ended:
            self._forget_oldest()

    def _forget_oldest(self) -> None:
        ended = [row for row in self._rows.values() if row.state.ended]
        if len(ended) > MAX_ENDED:
            self.remove(min(ended, key=lambda row: row.since).stream)

    def _connection(self, row: GuestRow, connection: str) -> None:
        if connection == "disconnected":
            self._put(row, note=INTERRUPTED)
        elif connection == "connected" and row.note == INTERRUPTED:
            self._put(row, note="")

    def _guest_info(self, row: GuestRow, info: GuestInfo) -> None:
        said = {
            "label": None if info.label is None else printable(info.label, MAX_LABEL),
            "microphone_off": info.audio_muted,
            "camera_off": info.video_muted,
            "queued": info.queued,
        }
        self._put(row, **{name: value for name, value in said.items() if value is not None})

    def _stats(self, row: GuestRow, stats: Stats, now: float) -> None:
        changes: dict[str, Any] = {"media_bytes": stats.media_bytes, "stats_at": now}
        if row.stats_at is not None and now > row.stats_at and row.state is GuestState.RECORDING:
            grown = max(0, stats.media_bytes - row.media_bytes)
            changes["bitrate_kbps"] = grown * 8 / 1000 / (now - row.stats_at)
        lost = max(0, stats.packets_lost)  # RFC 3550 counts duplicates as negative loss
        if lost + stats.packets > 0:
            changes["loss_percent"] = 100 * lost / (lost + stats.packets)
        if stats.width and stats.height:
            changes |= {"width": stats.width, "height": stats.height}
        self._put(row, **changes)
