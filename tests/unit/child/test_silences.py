import pytest

from roomtape.child.silences import SILENT_S, Origin, Silences, due_ns, stood_still

TICK_S = 0.25
SOUND, PICTURE = 7, 8


class Guest:
    """Sends a packet of each of `sends` in each tick."""

    def __init__(self) -> None:
        self.silences, self.now = Silences(), 0.0
        self.counts = {SOUND: 0, PICTURE: 0}
        self.told: list[tuple[float, set[int]]] = []

    def sends(self, *ssrcs: int, seconds: float) -> None:
        for _ in range(round(seconds / TICK_S)):
            self.now += TICK_S
            self.counts |= {ssrc: self.counts[ssrc] + 1 for ssrc in ssrcs}
            if hushed := self.silences.counted(self.counts, self.now):
                self.told.append((self.now, hushed))


def test_each_silence_is_told_once() -> None:
    guest = Guest()
    for _ in range(2):
        guest.sends(SOUND, PICTURE, seconds=5)
        guest.sends(PICTURE, seconds=10)
    assert guest.told == [(5 + SILENT_S, {SOUND}), (20 + SILENT_S, {SOUND})]


def test_all_may_be_silent_at_once() -> None:
    guest = Guest()
    guest.sends(SOUND, PICTURE, seconds=5)
    guest.sends(seconds=60)
    assert guest.told == [(5 + SILENT_S, {SOUND, PICTURE})]


def test_a_short_pause_is_none() -> None:
    guest = Guest()
    for _ in range(5):
        guest.sends(SOUND, seconds=1)
        guest.sends(seconds=SILENT_S - TICK_S)
    assert guest.told == []


def test_who_never_sent_anything_is_not_silent() -> None:
    guest = Guest()
    guest.sends(SOUND, seconds=60)
    assert guest.told == []


@pytest.mark.parametrize(
    ("advance", "stood"),
    [(960, True), (48_000, True), (6 * 48_000, False), (5 * 48_000 + 4_800, False), (6 * 48_000 - 2**32, False)],
)
def test_a_clock_stood_still_when_it_fell_behind_the_silence(advance: int, stood: bool) -> None:
    assert stood_still(advance, 48_000, 6.0) is stood


WRAP = 2**32


@pytest.mark.parametrize("wraps", [0, 1, 3])
@pytest.mark.parametrize("late_ms", [-900, -40, 0, 150, 1_000])
def test_a_packet_is_due_when_its_clock_says(late_ms: int, wraps: int) -> None:
    """Long after the origin too, when RTP timestamps have wrapped around."""
    origin = Origin(WRAP - 90_000, 7_000_000_000)
    units = 90_000 * 10 + wraps * WRAP
    due = origin.ns + units * 1_000_000_000 // 90_000
    timestamp = (origin.timestamp + units) % WRAP
    assert due_ns(origin, timestamp, 90_000, due + late_ms * 1_000_000) == pytest.approx(due, abs=20_000)


@pytest.mark.parametrize("late_ms", [-1_100, 1_100, 3_600_000])
def test_a_clock_that_is_far_from_the_time_of_arrival_is_not_believed(late_ms: int) -> None:
    arrived = 10_000_000_000 + late_ms * 1_000_000
    assert due_ns(Origin(0, 0), 900_000, 90_000, arrived) == arrived
