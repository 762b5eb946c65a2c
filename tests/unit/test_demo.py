import io
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from rich.console import Console

from roomtape.demo import GUESTS, as_table, begun, faults, recordings_of
from roomtape.model import TrackKind
from roomtape.storage.manifest import Document, Manifest, Recording, file_name
from roomtape.storage.verify import Report

NOW = datetime(2026, 11, 22, 18, 21, 13, tzinfo=UTC)
BOTH = (TrackKind.AUDIO, TrackKind.VIDEO)


# --- the verdict -------------------------------------------------------------------------------------------------


def report(guest: str, duration_s: float = 10.0, verdict: str = "plays") -> Report:
    return Report(
        path=Path(f"demo_{guest}_01.webm"),
        ok=verdict == "plays",
        verdict=verdict,
        size_bytes=1_234_567,
        duration_s=duration_s,
        video_codec="vp8",
        width=640,
        height=360,
        video_frames=300,
        audio_codec="opus",
    )


def test_two_guests_on_file_are_without_fault() -> None:
    assert faults({guest: [report(guest, 8.5)] for guest in GUESTS}, 10) == []


def test_a_guest_without_a_file() -> None:
    assert faults({"anna": [report("anna")], "ben": []}, 10) == ["ben is on file for 0.0 s instead of 10 s"]


def test_a_file_that_is_too_short() -> None:
    found = faults({"anna": [report("anna", 8.4)], "ben": [report("ben")]}, 10)
    assert found == ["anna is on file for 8.4 s instead of 10 s"]


def test_the_longest_of_several_files_counts_and_all_must_play() -> None:
    files = {"anna": [report("anna", 0.5), report("anna", 9.5)], "ben": [report("ben"), report("ben", 1, "is damaged")]}
    assert faults(files, 10) == ["demo_ben_01.webm is damaged"]


def test_the_table_has_guest_file_figures_and_verdict() -> None:
    console = Console(file=io.StringIO(), width=140)
    console.print(as_table({"anna": [report("anna")], "ben": [report("ben", 1, "is damaged")]}))
    text: str = console.file.getvalue()  # type: ignore[attr-defined]
    assert [" ".join(line.split()) for line in text.splitlines()] == [
        "guest file codecs resolution duration frames size verdict",
        "anna demo_anna_01.webm vp8 opus 640x360 10.0 s 300 1.2 MB plays",
        "ben demo_ben_01.webm vp8 opus 640x360 1.0 s 300 1.2 MB see below",
    ]


# --- the manifest ------------------------------------------------------------------------------------------------


def recording(guest: str, tracks: tuple[TrackKind, ...] = BOTH, closed: datetime | None = None) -> Recording:
    return Recording(file=f"{guest}.webm", stream=guest, take=1, tracks=tracks, opened=NOW, closed=closed)


def test_an_open_file_with_picture_and_sound_has_begun() -> None:
    assert begun([recording("anna"), recording("ben")]) == {"anna", "ben"}


def test_a_closed_file_and_one_without_picture_have_not() -> None:
    assert begun([recording("anna", closed=NOW), recording("ben", (TrackKind.AUDIO,))]) == set()


def write(folder: Path, room: str, minute: int, recordings: Sequence[Recording] = ()) -> None:
    manifest = Manifest(room, "demo", NOW.replace(minute=minute))
    manifest.document = Document(room=room, prefix="demo", started=NOW, recordings=list(recordings))
    (folder / file_name("demo", NOW.replace(minute=minute))).write_bytes(manifest.render())


def test_only_this_run_s_manifest_counts(tmp_path: Path) -> None:
    write(tmp_path, "demo_old", 1, [recording("old")])
    write(tmp_path, "demo_mine", 2, [recording("anna")])
    write(tmp_path, "demo_beside", 3, [recording("beside")])
    assert [one.stream for one in recordings_of(tmp_path, "demo_mine")] == ["anna"]


def test_no_manifest_yet(tmp_path: Path) -> None:
    assert recordings_of(tmp_path / "yet to be made", "demo_mine") == []


@pytest.mark.parametrize("content", [b"", b"[]", b'{"room": 1}', b"\xff"])
def test_what_is_no_manifest_is_passed_over(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "demo_99.manifest.json").write_bytes(content)
    write(tmp_path, "demo_mine", 1, [recording("anna")])
    assert [one.stream for one in recordings_of(tmp_path, "demo_mine")] == ["anna"]
