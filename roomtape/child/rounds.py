"""What a recording looks at a few times a second: is a file due, has a track fallen silent, what are the figures?"""

import time
from collections.abc import Callable
from typing import Final

from roomtape.child.destination import Destination
from roomtape.child.figures import stats
from roomtape.child.gst import after_ms, guarded
from roomtape.child.receiving import Received, ReceptionMeter
from roomtape.child.silences import SILENT_S, Silences
from roomtape.errors import RecorderError
from roomtape.ipc.messages import Stats
from roomtape.model import HUSH_MS

ROUND_MS: Final = 250
SETTLED_ROUND_MS: Final = 500
"""While all is well: a fifteenth of what a recording costs was for twice as many rounds (docs/performance.md)."""
SOONEST: Final = 1 / 3
"""Of the interval: another round is not due before that."""
STATS_S: Final = 0.9
"""Statistics in the first round after that, once a second; and when the guest falls silent."""
QUIET_S: Final = 3.0
"""Without a packet for so long the guest is pinged on the data channel."""


def until_next(now: float, interval_ms: int) -> int:
    """Milliseconds until the next round by a clock that all recordings have. They make their rounds together, so that
    the main process wakes up for the figures of many at once: it took a third of the time (docs/performance.md)."""
    left = interval_ms - int(now * 1000) % interval_ms
    return left if left > SOONEST * interval_ms else left + interval_ms


class Rounds:
    """`send` gets the figures. `on_pause` is called when a track has fallen silent, `ask` when the whole guest has.
    `on_well` hears in each round whether all is well."""

    def __init__(
        self,
        meter: ReceptionMeter,
        tapes: Destination,
        send: Callable[[Stats], None],
        on_pause: Callable[[], None],
        ask: Callable[[], None],
        on_well: Callable[[bool], None],
    ) -> None:
        self._meter, self._tapes, self._send, self._on_pause, self._ask = meter, tapes, send, on_pause, ask
        self._on_well = on_well
        self._silences = Silences()
        self._heard = self._told = time.monotonic()
        self._packets = self._silent_ms = 0
        self._over = False

    def begin(self, report: Callable[[RecorderError], None]) -> None:
        """Round after round, until the end or an error, which goes to `report`."""

        def go() -> None:
            if not self._over:
                after_ms(until_next(time.monotonic(), self._round()), walk)

        walk = guarded(go, report)
        after_ms(until_next(time.monotonic(), ROUND_MS), walk)

    def end(self) -> None:
        self._over = True

    def heard(self) -> None:
        """The guest has given a sign of life other than media."""
        self._heard = time.monotonic()

    def _round(self) -> int:
        """Returns the interval of those that follow, in milliseconds."""
        received = self._meter.read()
        now = time.monotonic()
        flows = received.packets != self._packets
        if flows:
            self._packets, self._heard = received.packets, now
        self._watch_clocks(received, now)
        self._tapes.tick(received)
        is_well = flows and self._tapes.settled
        self._on_well(is_well)
        silent_ms = int((now - self._heard) * 1000)
        falls_silent = silent_ms >= HUSH_MS > self._silent_ms
        self._silent_ms = silent_ms
        if falls_silent or now - self._told >= STATS_S:
            self._told = now
            if now - self._heard > QUIET_S:
                self._ask()
            self._send(stats(self._tapes.tracks, received, silent_ms, self._tapes.written_bytes))
        return SETTLED_ROUND_MS if is_well else ROUND_MS

    def _watch_clocks(self, received: Received, now: float) -> None:
        hushed = self._silences.counted(received.packets_of, now)
        for track in self._tapes.tracks:
            if track.ssrc in hushed:
                track.clock.doubt(SILENT_S)
                self._on_pause()
