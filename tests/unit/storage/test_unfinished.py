from datetime import UTC, datetime, timedelta

import pytest

from roomtape.storage.manifest import Document, Mended, Recording, note_mended, render
from roomtape.storage.unfinished import read_manifest, unfinished

START = datetime(2026, 11, 22, 18, 21, 13, 500_000, tzinfo=UTC)
LATER = "room_ann_01_20261122T182115Z.webm"


def recording(file: str, final: bool = False) -> Recording:
    return Recording(file=file, stream="ann", take=1, opened=START, final=final)


def document(*recordings: Recording, ended: datetime | None = None) -> Document:
    return Document(room="room", prefix="room", started=START, ended=ended, recordings=list(recordings))


def test_what_a_manifest_calls_open_is_unfinished_if_it_is_there() -> None:
    listed = document(recording("a.webm"), recording("b.webm", final=True), recording("gone.webm"), ended=START)
    assert unfinished([listed], ["a.webm", "b.webm", "c.webm"]) == ["a.webm"]


def test_a_name_that_leads_out_of_the_folder_is_nothing() -> None:
    assert unfinished([document(recording("../a.webm"))], ["a.webm"]) == []


@pytest.mark.parametrize(
    "name",
    [
        "room_ann_01_20261122T182113Z.webm",  # names have no fractions of seconds
        LATER,
        "room_ann_01_p02_20261122T182115Z.webm",
        "room_ann_screen_12_20261122T190000Z-3.mkv",
        "room_ann_01_20261122T182115Z.mp4",
        "room_ann_01_20261122T182115Z-prelude.mkv",
    ],
)
def test_what_a_killed_run_may_have_opened_last_counts(name: str) -> None:
    assert unfinished([document()], [name]) == [name]


@pytest.mark.parametrize(
    "name",
    [
        "room_ann_01_20261122T182112Z.webm",  # of before the run
        "other_ann_01_20261122T182115Z.webm",
        "room_ann_01_20261122T182115Z.webm.repair",
        "room_ann_01_20261122T182115Z.txt",
        "room_ann_01_20261331T182115Z.webm",
        "room_20261122T182113Z.manifest.json",
        "holiday.webm",
    ],
)
def test_anything_else_is_not_ours(name: str) -> None:
    assert unfinished([document()], [name]) == []


def test_what_another_manifest_knows_as_final_is_left_alone() -> None:
    assert unfinished([document(), document(recording(LATER, final=True))], [LATER]) == []


def test_a_run_that_ended_in_order_has_left_nothing_that_it_does_not_list() -> None:
    assert unfinished([document(ended=START + timedelta(hours=1))], [LATER]) == []


def test_what_was_repaired_is_finished_and_what_was_removed_is_no_more() -> None:
    listed = document(recording("a.webm"), recording("b.webm"))
    assert note_mended(listed, "a.webm", Mended(10, 3, 0.12345))
    assert note_mended(listed, "b.webm", None)
    assert not note_mended(listed, "c.webm", None)
    first, second = listed.recordings
    assert (first.final, first.repaired, first.size_bytes, first.frames, first.duration_s) == (True, True, 10, 3, 0.123)
    assert (second.final, second.removed) == (False, True)
    assert unfinished([listed], ["a.webm", "b.webm"]) == []


def test_a_manifest_survives_writing_and_reading() -> None:
    written = document(recording("a.webm"))
    assert read_manifest(render(written)) == written


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b"\xff", b'{"format":1,"recordings":7}'])
def test_what_is_no_manifest_is_none(data: bytes) -> None:
    assert read_manifest(data) is None
