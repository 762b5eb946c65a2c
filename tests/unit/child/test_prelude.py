"""Sound that waits for the picture: on disk when the wait is long, gone when the proper file is there."""

import errno
import struct
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from roomtape.child import prelude
from roomtape.child.hold import Hold, reserve
from roomtape.child.prelude import MOST_PACKETS, OVERLAP_S, PATIENCE_S, Prelude, Words
from roomtape.errors import DiskFull

PACKET_TICKS = 960
"""20 ms of the clock of Opus."""


def packet(number: int, payload: bytes = b"words") -> bytes:
    return struct.pack(">BBHII", 0x80, 111, number & 0xFFFF, number * PACKET_TICKS & 0xFFFFFFFF, 7) + payload


class FakePad:
    """Holds one probe, and lets packets come by."""

    def __init__(self) -> None:
        self.probe: Any = None

    def add_probe(self, _: Any, probe: Any) -> int:
        self.probe = probe
        return 1

    def remove_probe(self, _: int) -> None:
        self.probe = None

    def come(self, *packets: bytes) -> None:
        for one in packets:
            self.probe(self, FakeInfo(one))


class FakeInfo:
    """A probe's information about a buffer."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def get_buffer(self) -> "FakeInfo":
        return self

    def get_size(self) -> int:
        return len(self._data)

    def extract_dup(self, begin: int, size: int) -> bytes:
        return self._data[begin : begin + size]


class FakeClock:
    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


class Case:
    """A guest speaks, and the picture is on its way."""

    def __init__(self, folder: Path, clock: FakeClock) -> None:
        self.folder, self.clock, self.pad = folder, clock, FakePad()
        self.prelude = Prelude(self.pad, self.reserve)

    def reserve(self) -> Hold:
        return reserve(self.folder, "ann-prelude", "mkv", None)

    def after(self, seconds: float) -> bool:
        self.clock.now += seconds
        return self.prelude.tick()

    @property
    def files(self) -> list[Path]:
        return list(self.folder.iterdir())


@pytest.fixture
def case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Case]:
    clock = FakeClock()
    monkeypatch.setattr(prelude, "time", clock)
    one = Case(tmp_path, clock)
    yield one
    one.prelude.discard()


def test_a_short_wait_leaves_no_trace(case: Case) -> None:
    case.pad.come(packet(0))
    assert case.after(PATIENCE_S / 2)
    case.prelude.end()
    assert not case.after(OVERLAP_S)
    assert case.files == []


def test_a_long_wait_is_on_disk_from_its_first_word_on_and_grows(case: Case) -> None:
    case.pad.come(packet(0, b"first"), packet(1, b"second"))
    assert case.after(PATIENCE_S)
    (file,) = case.files
    data = file.read_bytes()
    assert data.index(b"OpusHead") < data.index(b"first") < data.index(b"second")
    case.pad.come(packet(2, b"third"))
    assert case.after(0.25)
    assert file.read_bytes().endswith(b"third")


def test_the_file_stays_until_the_proper_one_has_its_words_and_hears_no_more(case: Case) -> None:
    case.pad.come(packet(0))
    case.after(PATIENCE_S)
    case.prelude.end()
    assert case.pad.probe is None
    assert case.after(OVERLAP_S / 2)
    assert len(case.files) == 1
    assert not case.after(OVERLAP_S / 2)
    assert case.files == []


def test_what_is_of_no_use_any_more_is_removed_at_once(case: Case) -> None:
    case.pad.come(packet(0))
    case.after(PATIENCE_S)
    case.prelude.discard()
    assert case.pad.probe is None
    assert case.files == []
    assert not case.after(0.25)


def test_a_folder_that_takes_no_file_is_no_trouble_here(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    def full() -> Hold:
        raise DiskFull("no space left")

    monkeypatch.setattr(case.prelude, "_reserve", full)
    case.pad.come(packet(0))
    assert not case.after(PATIENCE_S)
    assert case.pad.probe is None


def test_a_disk_that_takes_no_more_is_no_trouble_here(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    case.after(PATIENCE_S)
    monkeypatch.setattr(Hold, "append", partial(_refuse))
    case.pad.come(packet(0))
    assert not case.after(0.25)
    assert case.files == []


def _refuse(*_: Any) -> None:
    raise OSError(errno.ENOSPC, "no space left")


def test_a_guest_who_floods_costs_no_memory(case: Case) -> None:
    case.pad.come(*map(packet, range(3 * MOST_PACKETS)))
    case.after(PATIENCE_S)
    (file,) = case.files
    assert file.read_bytes().count(b"words") == MOST_PACKETS


def test_words_are_timed_from_the_first_on_through_the_wrap_of_the_clock() -> None:
    words, wrap = Words(), 2**32 // PACKET_TICKS
    blocks = [words.block(packet(number)) for number in range(wrap - 1, wrap + 2)]
    at = [int.from_bytes(block[-8:-6], signed=True) for block in blocks]
    assert at == [0, 20, 40]


@pytest.mark.parametrize("odd", [b"", b"\x80", packet(-1), packet(10_000_000)])
def test_what_is_odd_is_left_out(odd: bytes) -> None:
    words = Words()
    words.block(packet(0))
    assert words.block(odd) == b""
