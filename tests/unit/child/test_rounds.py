"""Rounds by a clock of their own."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from roomtape.child import rounds
from roomtape.child.receiving import Received
from roomtape.child.rounds import QUIET_S, ROUND_MS, SETTLED_ROUND_MS, SOONEST, Rounds, until_next
from roomtape.child.silences import SILENT_S
from roomtape.errors import MediaError, RecorderError
from roomtape.ipc.messages import Stats
from roomtape.model import HUSH_MS, TrackKind

SSRC = 7


class Meter:
    def __init__(self) -> None:
        self.packets = 0

    def read(self) -> Received:
        return Received({SSRC: self.packets}, 0, frozenset())


class Clock:
    def __init__(self) -> None:
        self.doubted: list[float] = []

    def doubt(self, silent_s: float) -> None:
        self.doubted.append(silent_s)


class Track:
    kind, ssrc, frames, media_bytes, size = TrackKind.VIDEO, SSRC, 0, 0, (640, 360)

    def __init__(self) -> None:
        self.clock = Clock()


class Tapes:
    """`fault` is raised in a round."""

    written_bytes = 0

    def __init__(self) -> None:
        self.settled = False
        self.tracks = [Track()]
        self.fault: RecorderError | None = None

    def tick(self, _received: Received) -> None:
        if self.fault is not None:
            raise self.fault


class Guest:
    """Sends ten packets per round while `sends`. `went` are the times of the rounds."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        self.due: tuple[float, Callable[[], None]] = 0.0, lambda: None
        self.sends = True
        self.went: list[float] = []
        self.told: list[tuple[float, Stats]] = []
        self.asked: list[float] = []
        self.pauses: list[float] = []
        self.errors: list[RecorderError] = []
        self.well: list[bool] = []
        self.meter, self.tapes = Meter(), Tapes()
        monkeypatch.setattr("roomtape.child.rounds.time.monotonic", lambda: self.now)
        monkeypatch.setattr(rounds, "after_ms", self._after_ms)
        meter: Any = self.meter
        tapes: Any = self.tapes
        self.rounds = Rounds(
            meter,
            tapes,
            lambda stats: self.told.append((self.now, stats)),
            lambda: self.pauses.append(self.now),
            lambda: self.asked.append(self.now),
            self.well.append,
        )
        self.rounds.begin(self.errors.append)

    def _after_ms(self, delay_ms: int, function: Callable[[], None]) -> None:
        self.due = self.now + delay_ms / 1000, function

    def go(self, seconds: float) -> list[int]:
        """Returns the milliseconds between its rounds."""
        began = len(self.went)
        end = self.now + seconds
        while self.due[0] <= end + 1e-9:
            self.now, function = self.due
            self.due = float("inf"), lambda: None
            self.meter.packets += 10 * self.sends
            self.went.append(self.now)
            function()
        times = [end - seconds, *self.went[began:]]
        return [round((late - early) * 1000) for early, late in pairwise(times)]


@pytest.fixture
def guest(monkeypatch: pytest.MonkeyPatch) -> Guest:
    return Guest(monkeypatch)


def test_rounds_are_fewer_once_all_is_well_and_packets_flow(guest: Guest) -> None:
    assert guest.go(1) == [ROUND_MS] * 4
    guest.tapes.settled = True
    assert guest.go(2) == [ROUND_MS, ROUND_MS, *[SETTLED_ROUND_MS] * 3], "the first one until the next half second"
    assert guest.well == [False] * 4 + [True] * 5
    guest.sends = False
    assert set(guest.go(3)[2:]) == {ROUND_MS}
    assert not guest.well[-1]
    guest.tapes.settled = False
    guest.sends = True
    assert set(guest.go(3)[2:]) == {ROUND_MS}


@pytest.mark.parametrize("settled", [False, True])
def test_figures_are_told_once_a_second(guest: Guest, settled: bool) -> None:
    guest.tapes.settled = settled
    guest.go(10)
    times = [at for at, _ in guest.told]
    assert times[0] <= 101 + ROUND_MS / 1000
    assert {late - early for early, late in pairwise(times)} == {1.0}


@pytest.mark.parametrize("settled", [False, True])
def test_a_guest_who_falls_silent_is_told_at_once_and_asked_later(guest: Guest, settled: bool) -> None:
    guest.tapes.settled = settled
    guest.go(5)
    guest.sends, began = False, guest.now
    guest.go(10)
    hush = next(at for at, stats in guest.told if stats.silent_ms >= HUSH_MS)
    assert hush - began <= (HUSH_MS + SETTLED_ROUND_MS + ROUND_MS) / 1000
    assert QUIET_S < guest.asked[0] - began <= QUIET_S + 1.5
    assert guest.pauses == [guest.pauses[0]]
    assert SILENT_S <= guest.pauses[0] - began <= SILENT_S + 0.5
    assert guest.tapes.tracks[0].clock.doubted == [SILENT_S]


def test_another_sign_of_life_is_no_silence(guest: Guest) -> None:
    guest.sends = False
    for _ in range(20):
        guest.go(0.5)
        guest.rounds.heard()
    assert guest.asked == []
    assert max(stats.silent_ms for _, stats in guest.told) < HUSH_MS


def test_the_end_is_the_end(guest: Guest) -> None:
    guest.go(1)
    guest.rounds.end()
    told = len(guest.told)
    assert len(guest.go(10)) <= 1
    assert len(guest.told) == told


def test_an_error_is_reported_and_ends_the_rounds(guest: Guest) -> None:
    guest.tapes.fault = MediaError("no")
    guest.go(10)
    assert guest.errors == [guest.tapes.fault]


@pytest.mark.parametrize("interval_ms", [ROUND_MS, SETTLED_ROUND_MS])
@pytest.mark.parametrize("began_ms", range(0, 1_000, 70))
def test_all_recordings_make_their_rounds_at_the_same_times(began_ms: int, interval_ms: int) -> None:
    now_ms = 5_000_000 + began_ms
    for late_ms in (0, 12, 0, 0):
        wait_ms = until_next((now_ms + 0.01) / 1000, interval_ms)
        assert SOONEST * interval_ms < wait_ms <= (1 + SOONEST) * interval_ms
        now_ms += wait_ms
        assert now_ms % interval_ms == 0
        now_ms += late_ms
