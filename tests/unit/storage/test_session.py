from datetime import UTC, datetime, timedelta
from pathlib import Path

from roomtape import __version__
from roomtape.storage.layout import safe_name
from roomtape.storage.manifest import FORMAT, MAX_FILES, Document, Recording
from roomtape.storage.session import CUT_OFF, MAX_RESUMED, go_on, latest

START = datetime(2026, 11, 22, 18, 21, 13, 500_000, tzinfo=UTC)
NOW = START + timedelta(hours=2)
FIRST = "room_ann_01_20261122T182113Z.webm"


def recording(file: str = FIRST, stream: str = "ann", closed: datetime | None = None) -> Recording:
    return Recording(file=file, stream=stream, take=1, opened=START, closed=closed, final=closed is not None)


def document(
    *recordings: Recording,
    hours: float = 0,
    room: str | None = "room",
    prefix: str = "room",
    ended: datetime | None = None,
    version: int = FORMAT,
) -> Document:
    return Document(
        format=version,
        roomtape="0.0.1",
        room=room,
        prefix=prefix,
        started=START + timedelta(hours=hours),
        ended=ended,
        recordings=list(recordings),
    )


def chosen(*documents: Document, room: str | None = "room") -> Document | None:
    found = latest([(Path(f"{n}.manifest.json"), one) for n, one in enumerate(documents)], room, "room")
    return found[1] if found else None


# --- which session ------------------------------------------------------------------------------------------------


def test_the_latest_goes_on_whether_it_was_ended_or_killed() -> None:
    killed, ended = document(), document(hours=1, ended=NOW)
    assert chosen(ended, killed) is ended
    assert chosen(killed) is killed


def test_without_a_former_session_there_is_none() -> None:
    assert chosen() is None


def test_other_rooms_prefixes_and_formats_are_not_ours() -> None:
    assert chosen(document(room="other"), document(prefix="other"), document(version=2), document(room=None)) is None


def test_single_streams_have_sessions_without_a_room() -> None:
    streams = document(room=None)
    assert chosen(streams, document(), room=None) is streams


def test_of_two_copies_the_one_that_knows_more() -> None:
    stale, fuller = document(), document(recording())
    assert chosen(fuller, stale) is fuller


def test_a_session_that_is_full_does_not_go_on() -> None:
    assert chosen(document(*[recording()] * MAX_FILES)) is None


# --- how it goes on -----------------------------------------------------------------------------------------------


def test_it_is_under_way_again_and_says_since_when() -> None:
    former = document(recording(closed=NOW), ended=NOW)
    go_on(former, [], [FIRST], NOW)
    assert (former.ended, former.resumed, former.roomtape, former.started) == (None, [NOW], __version__, START)
    assert [(one.file, one.final, one.end_reason) for one in former.recordings] == [(FIRST, True, None)]


def test_what_was_open_was_cut_off() -> None:
    former = document(recording())
    go_on(former, [], [FIRST], NOW)
    assert [(one.final, one.closed, one.end_reason) for one in former.recordings] == [(False, None, CUT_OFF)]


def test_what_was_opened_last_is_listed_by_its_name() -> None:
    former = document(recording(stream="ann b"))
    names = [f"room_{safe_name('ann b')}_screen_02_p03_20261122T182115Z.webm", "room_eve_01_20261122T182116Z.mkv"]
    others = ["room_eve_01_20261122T182112Z.webm", "room_eve_01_20261122T182116Z-prelude.webm", "holiday.webm"]
    go_on(former, [], [FIRST, *names, *others], NOW)
    told = [(one.file, one.stream, one.take, one.part, one.final) for one in former.recordings[1:]]
    assert told == [(names[0], "ann b", 2, 3, False), (names[1], "eve", 1, 1, False)]
    assert former.recordings[2].opened == datetime(2026, 11, 22, 18, 21, 16, tzinfo=UTC)


def test_what_another_manifest_lists_is_another_session_s() -> None:
    former = document()
    go_on(former, [document(recording())], [FIRST], NOW)
    assert former.recordings == []


def test_a_session_that_ended_in_order_has_listed_everything() -> None:
    former = document(ended=NOW)
    go_on(former, [], [FIRST], NOW)
    assert former.recordings == []


def test_a_recorder_that_is_restarted_for_ever_fills_no_manifest() -> None:
    former = document()
    for n in range(MAX_RESUMED + 5):
        go_on(former, [], [], START + timedelta(seconds=n))
    assert len(former.resumed) == MAX_RESUMED
    assert former.resumed[-1] == START + timedelta(seconds=MAX_RESUMED + 4)
