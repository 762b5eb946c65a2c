"""The tapes of one guest: one for the camera, one for a screen shared beside it."""

from collections.abc import Sequence
from functools import partial
from typing import Any, Final

from roomtape.child.placement import Placement
from roomtape.child.receiving import Received
from roomtape.child.sdp import Media
from roomtape.child.tape import Tape, TapeListener
from roomtape.child.track import Track
from roomtape.ipc.messages import RecordConfig
from roomtape.model import Codec, Feed

MAX_TRACKS: Final = 64
"""Tracks of one connection, replaced ones included: none is taken out of the pipeline before the end."""


class Deck:
    """The Destination of a recording. The listener hears that it is finished when the files of both tapes are final."""

    live: Final = False

    def __init__(self, pipeline: Any, config: RecordConfig, listener: TapeListener) -> None:
        self._placement = Placement()
        self._listener = listener
        self._unfinished = set(Feed)
        self._taken = 0
        self._tapes = {feed: Tape(pipeline, config, feed, listener, partial(self._finished, feed)) for feed in Feed}

    @property
    def tracks(self) -> Sequence[Track]:
        return [track for tape in self._tapes.values() for track in tape.tracks.values()]

    @property
    def settled(self) -> bool:
        return all(tape.settled for tape in self._tapes.values())

    @property
    def written_bytes(self) -> int | None:
        used = [tape for tape in self._tapes.values() if tape.tracks]
        if any(tape.refused for tape in used) or all(tape.idle for tape in used):
            return None
        return sum(tape.written_bytes for tape in self._tapes.values())

    def offered(self, media: tuple[Media, ...], screen: Sequence[int]) -> None:
        """What the last offer says will come; `screen` as in `Placement.offered`."""
        self._placement.offered(media, screen)
        for feed, tape in self._tapes.items():
            tape.expect(self._placement.live(feed))

    def add(self, pad: Any, codec: Codec, ssrc: int, index: int) -> Track | None:
        """Take a track in that comes by the m-line of this index; None if there is no place for it."""
        feed = self._placement.of(index)
        if feed is None or self._taken >= MAX_TRACKS:
            return None
        self._taken += 1
        return self._tapes[feed].add(pad, codec, ssrc)

    def screen_stopped(self, stopped: bool) -> None:
        """The guest ends or resumes sharing the screen (protocol.md 8.3)."""
        screen = self._tapes[Feed.SCREEN]
        if stopped:
            screen.pause()
        else:
            screen.resume()

    def tick(self, received: Received) -> None:
        for tape in self._tapes.values():
            tape.tick(received)

    def bus_error(self, message: Any) -> bool:
        """Whether an error on the bus is of a file."""
        return any(tape.bus_error(message) for tape in self._tapes.values())

    def finish(self) -> None:
        for tape in self._tapes.values():
            tape.finish()

    def abandon(self) -> None:
        """The deadline has passed: close the files as they are."""
        for tape in self._tapes.values():
            tape.abandon()

    def _finished(self, feed: Feed) -> None:
        if feed in self._unfinished:
            self._unfinished.remove(feed)
            if not self._unfinished:
                self._listener.on_tape_finished(tuple(path for tape in self._tapes.values() for path in tape.files))
