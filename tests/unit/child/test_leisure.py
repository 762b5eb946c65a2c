import pytest

from roomtape.child.leisure import DATAGRAM_BYTES, MOST_S, PAUSE_S, SHARE, STEADY_S, Leisure

TICK_S = 0.25
SOUND, PICTURE = 7, 8
ROOM_BYTES = 4 << 20


class Guest:
    """Sends so many packets a second of each SSRC; `waits` is what came of each tick."""

    def __init__(self, room_bytes: int = ROOM_BYTES) -> None:
        self.leisure, self.now, self.room_bytes = Leisure(), 100.0, room_bytes
        self.counts: dict[int, int] = {}
        self.waits: list[float] = []

    def sends(self, *ssrcs: int, seconds: float, rate: int = 100) -> None:
        for _ in range(round(seconds / TICK_S)):
            self.now += TICK_S
            for ssrc in ssrcs:
                self.counts[ssrc] = self.counts.get(ssrc, 0) + int(rate * TICK_S)
            self.waits.append(self.leisure.counted(self.counts, self.now, self.room_bytes))

    def waits_after(self, *ssrcs: int, seconds: float, rate: int = 100) -> list[float]:
        self.waits.clear()
        self.sends(*ssrcs, seconds=seconds, rate=rate)
        return self.waits


STEADY = round(STEADY_S / TICK_S)


def test_packets_wait_once_all_tracks_have_flowed_for_a_while() -> None:
    assert Guest().waits_after(SOUND, PICTURE, seconds=STEADY_S + 1) == [0.0] * STEADY + [MOST_S] * 4


def test_without_a_track_nothing_waits() -> None:
    assert Guest().waits_after(seconds=10) == [0.0] * 40


def test_a_track_that_joins_is_timed_before_packets_wait_again() -> None:
    guest = Guest()
    guest.sends(SOUND, seconds=10)
    assert guest.waits_after(SOUND, PICTURE, seconds=STEADY_S + TICK_S) == [0.0] * STEADY + [MOST_S]


def test_nothing_waits_while_a_track_pauses_nor_just_after_it_came_back() -> None:
    guest = Guest()
    guest.sends(SOUND, PICTURE, seconds=10)
    assert guest.waits_after(SOUND, seconds=60)[round(PAUSE_S / TICK_S) - 1 :] == [0.0] * 237
    assert guest.waits_after(SOUND, PICTURE, seconds=STEADY_S + TICK_S) == [0.0] * STEADY + [MOST_S]


def test_silence_that_opus_saves_is_no_pause() -> None:
    guest = Guest()
    guest.sends(SOUND, PICTURE, seconds=10)
    for _ in range(10):
        assert guest.waits_after(PICTURE, seconds=0.5) == [MOST_S] * 2
        guest.sends(SOUND, PICTURE, seconds=TICK_S)


@pytest.mark.parametrize("room_bytes", [ROOM_BYTES, 425_984, 0])
@pytest.mark.parametrize("rate", [50, 1_000, 10_000])
def test_what_waits_fills_a_part_of_the_room_at_most(room_bytes: int, rate: int) -> None:
    guest = Guest(room_bytes)
    wait_s = guest.waits_after(PICTURE, seconds=10, rate=rate)[-1]
    assert wait_s * rate * DATAGRAM_BYTES <= room_bytes / SHARE
    assert wait_s == pytest.approx(min(MOST_S, room_bytes / DATAGRAM_BYTES / SHARE / rate), rel=0.05)


def test_a_count_that_is_asked_for_twice_at_a_time_is_no_trouble() -> None:
    guest = Guest()
    guest.sends(PICTURE, seconds=10)
    assert guest.leisure.counted(guest.counts, guest.now, ROOM_BYTES) == 0.0
    assert guest.waits_after(PICTURE, seconds=TICK_S) == [MOST_S]
