"""The budget's arithmetic, and that what it counts does its work."""

import json
from pathlib import Path

import pytest

from bench.budget import check, work
from bench.samples import IDENTITY, ROOM, frames
from roomtape.model import PeerId
from roomtape.signaling.messages import CandidatesReceived, DescriptionReceived, PeerLeft, StreamAppeared
from roomtape.signaling.wire import Context, parse

BASE = json.loads(check.BASE.read_text())


class Counted:
    """Stands for valgrind: every piece of work costs what it did, `dear` so many times that."""

    def __init__(self, dear: str = "", factor: float = 1.0) -> None:
        costs = {name: BASE.get(name, 1.0) * 1_000_000 for name in work.WORK}
        self._costs = {name: int(cost * (factor if name == dear else 1)) for name, cost in costs.items()}

    def __call__(self, _folder: Path) -> dict[str, int]:
        return self._costs


@pytest.mark.parametrize("name", sorted(BASE))
def test_what_became_dearer_fails(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(check, "count_instructions", Counted(name, 1.12))
    assert check.main([]) == 1
    assert f"more than 1.10 of the base: {name}\n" in capsys.readouterr().out


def test_what_costs_the_same_or_little_more_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in BASE:
        monkeypatch.setattr(check, "count_instructions", Counted(name, 1.08))
        assert check.main([]) == 0


def test_another_python_moves_everything_and_fails_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    counts = {name: count * 3 // 2 for name, count in Counted()(Path()).items()}
    monkeypatch.setattr(check, "count_instructions", lambda _folder: counts)
    assert check.main([]) == 0


def test_work_without_a_base_fails() -> None:
    assert check.compare({"new": 1.0}, {}) == {"new": float("inf")}


def test_every_piece_of_work_has_a_base() -> None:
    assert {"calibration", *BASE} == set(work.WORK)


def test_a_dump_without_a_total_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "dump").write_text("version: 1\n")
    with pytest.raises(ValueError, match="has no total"):
        check.total(tmp_path / "dump")


@pytest.mark.parametrize("name", sorted(work.WORK))
def test_the_work_can_be_done_again_and_again(name: str) -> None:
    for _ in range(2):
        work.WORK[name][0]()


@pytest.mark.parametrize("phrase", [IDENTITY.phrase, None])
def test_the_frames_mean_what_a_guest_says(phrase: str | None) -> None:
    context = Context(PeerId("recorder"), phrase, ROOM)
    signals = [signal for text in frames(phrase) for signal in parse(text, context)]
    assert [type(signal) for signal in signals] == [StreamAppeared, DescriptionReceived, CandidatesReceived, PeerLeft]
