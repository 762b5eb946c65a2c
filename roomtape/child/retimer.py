"""Puts the first frames of a file where they belong in time, once that is known: see `child.retime`."""

import os
from collections.abc import Sequence
from pathlib import Path

from roomtape.child.retime import MOST_BYTES, Patch, Step, corrections
from roomtape.child.track import Track
from roomtape.model import TrackKind


class Retimer:
    """Made while the tracks stand at their gates, each with the first frame that the file will have."""

    def __init__(self, path: Path, tracks: Sequence[Track]) -> None:
        self._path = path
        self._tracks = {track.kind: track for track in tracks}
        self._before = {track.kind: track.frames - 1 for track in tracks}
        self._done = dict.fromkeys(self._tracks, 0)

    def leave(self, track: Track) -> None:
        """What comes of this track later has another beginning than the file."""
        self._tracks.pop(track.kind, None)

    def run(self, *, final: bool = False) -> None:
        """Correct what can be corrected; with `final` the file is complete.

        What a failing disk refuses is left: the file's own writer hears of the disk, too, and tells.
        """
        seen = {kind: len(track.clock.steps) for kind, track in self._tracks.items()}
        steps = {kind: tuple(self._steps(track, seen[kind])) for kind, track in self._tracks.items()}
        if not any(steps.values()) or self._write(steps, final=final):
            self._done.update(seen)

    def _steps(self, track: Track, seen: int) -> list[Step]:
        """The new ones among the first `seen`, counted in the file's frames; earlier ones are none of its business."""
        before = self._before[track.kind]
        new = track.clock.steps[self._done[track.kind] : seen]
        return [Step(step.frames - before, step.by_ns) for step in new if step.frames > before]

    def _write(self, steps: dict[TrackKind, tuple[Step, ...]], *, final: bool) -> bool:
        """False if it is too early."""
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            return True
        try:
            patches = corrections(os.pread(descriptor, MOST_BYTES, 0), steps, final=final)
            _apply(descriptor, patches or [])
        except OSError:
            return True
        finally:
            os.close(descriptor)
        return patches is not None


def _apply(descriptor: int, patches: Sequence[Patch]) -> None:
    for patch in patches:
        os.pwrite(descriptor, patch.data, patch.offset)
