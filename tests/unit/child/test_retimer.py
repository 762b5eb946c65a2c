from pathlib import Path
from typing import Any

import pytest

from roomtape.child.retime import Step
from roomtape.child.retimer import Retimer
from roomtape.model import TrackKind
from tests.unit.child.test_retime import AUDIO, PICTURES, SOUNDS, VIDEO, film, stepped, times_of

MS = 1_000_000


class FakeClock:
    def __init__(self) -> None:
        self.steps: list[Step] = []


class FakeTrack:
    """What a Retimer reads of a Track: `frames` have passed, the last of them stands at the gate."""

    def __init__(self, kind: TrackKind, frames: int) -> None:
        self.kind, self.frames, self.clock = kind, frames, FakeClock()


class Case:
    """A file, written in pieces; 10 pictures and 25 frames of sound had passed before it was opened."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.picture, self.sound = FakeTrack(VIDEO, 11), FakeTrack(AUDIO, 26)
        tracks: Any = (self.picture, self.sound)
        self.retimer = Retimer(path, tracks)

    def write(self, sounds: list[int]) -> None:
        self.path.write_bytes(film((VIDEO, PICTURES[: len(sounds) * 3 // 5]), (AUDIO, sounds)))

    @property
    def sounds(self) -> list[int]:
        return times_of(self.path.read_bytes())[AUDIO]


@pytest.fixture
def case(tmp_path: Path) -> Case:
    return Case(tmp_path / "ann.webm")


def test_frames_are_counted_from_the_first_one_in_the_file_and_each_step_is_made_once(case: Case) -> None:
    case.write(stepped(SOUNDS, 60, 100))
    case.sound.clock.steps.append(Step(25 + 60, 100 * MS))
    for _ in range(3):
        case.retimer.run()
    assert case.sounds == [at + 100 for at in SOUNDS]


def test_a_step_waits_for_the_frames_round_it_and_is_made_at_the_end_at_the_latest(case: Case) -> None:
    sounds = stepped(SOUNDS[:61], 60, 100)
    case.write(sounds)
    case.sound.clock.steps.append(Step(25 + 60, 100 * MS))
    case.retimer.run()
    assert case.sounds == sounds
    case.retimer.run(final=True)
    assert case.sounds == [at + 100 for at in SOUNDS[:61]]


def test_what_happened_before_the_file_is_no_business_of_its(case: Case) -> None:
    case.write(SOUNDS)
    case.sound.clock.steps.append(Step(25, 100 * MS))
    case.retimer.run(final=True)
    assert case.sounds == SOUNDS


def test_a_track_that_left_is_not_corrected_any_more(case: Case) -> None:
    case.write(SOUNDS)
    gone: Any = case.sound
    case.retimer.leave(gone)
    case.sound.clock.steps.append(Step(25 + 60, 100 * MS))
    case.retimer.run(final=True)
    assert case.sounds == SOUNDS


def test_a_file_that_is_gone_is_left_to_its_writer(case: Case) -> None:
    case.sound.clock.steps.append(Step(25 + 60, 100 * MS))
    case.retimer.run()
    assert not case.path.exists()
