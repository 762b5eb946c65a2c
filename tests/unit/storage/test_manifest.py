import json
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from roomtape import __version__
from roomtape.errors import FileRefused, StorageError
from roomtape.ipc.messages import FromChild, GuestInfo, NoMedia, SegmentClosed, SegmentOpened, Stats, TrackStarted
from roomtape.model import Codec, Feed, StreamId, TrackKind
from roomtape.storage import manifest as module
from roomtape.storage.manifest import MAX_CHANGES, MODE, Manifest, Mended, file_name, note_mended, write

START = datetime(2026, 11, 22, 18, 21, 13, tzinfo=UTC)
ANN = StreamId("ann")
BOTH = (TrackKind.AUDIO, TrackKind.VIDEO)
PICTURE = TrackStarted(track=TrackKind.VIDEO, codec=Codec.VP8, width=1280, height=720)
SOUND = TrackStarted(track=TrackKind.AUDIO, codec=Codec.OPUS)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def opened(file: str, tracks: tuple[TrackKind, ...] = BOTH) -> SegmentOpened:
    return SegmentOpened(path=f"/out/{file}", tracks=tracks)


def closed(file: str) -> SegmentClosed:
    return SegmentClosed(path=f"/out/{file}", size_bytes=1000, frames=30, duration_ns=1_234_567_890)


def picture(width: int, height: int) -> Stats:
    return Stats(
        video_frames=0,
        audio_frames=0,
        media_bytes=0,
        packets=0,
        packets_lost=0,
        silent_ms=0,
        width=width,
        height=height,
    )


@pytest.fixture
def manifest() -> Manifest:
    return Manifest("testroom", "prefix", START)


def shown(manifest: Manifest) -> Any:
    return json.loads(manifest.render())


def test_parts_of_a_take_are_counted_apart_for_a_screen(manifest: Manifest) -> None:
    for n, feed in enumerate((Feed.CAMERA, Feed.SCREEN, Feed.CAMERA)):
        manifest.apply(ANN, 1, SegmentOpened(path=f"/out/{n}.webm", tracks=BOTH, feed=feed), at(n))
    assert [recording["part"] for recording in shown(manifest)["recordings"]] == [1, 1, 2]


def test_a_file_without_a_byte_has_been_removed(manifest: Manifest) -> None:
    manifest.apply(ANN, 1, opened("a.webm"), at(0))
    manifest.apply(ANN, 1, SegmentClosed(path="/out/a.webm", size_bytes=0, frames=0, duration_ns=0), at(1))
    (recording,) = shown(manifest)["recordings"]
    assert (recording["final"], recording["removed"], recording["closed"]) == (False, True, "2026-11-22T18:21:14Z")


def test_one_recording_from_beginning_to_end(manifest: Manifest) -> None:
    said: tuple[FromChild, ...] = (
        GuestInfo(label="Ann"),
        SOUND,
        opened("a.webm"),
        PICTURE,
        picture(640, 360),
        GuestInfo(audio_muted=True),
    )
    for second, message in enumerate([*said, closed("a.webm")]):
        assert manifest.apply(ANN, 1, message, at(second))
    manifest.end(ANN, 1, "the guest left", at(8))
    manifest.finish(at(9))
    assert shown(manifest) == {
        "format": 1,
        "roomtape": __version__,
        "room": "testroom",
        "prefix": "prefix",
        "started": "2026-11-22T18:21:13Z",
        "ended": "2026-11-22T18:21:22Z",
        "resumed": [],
        "recordings_left_out": 0,
        "recordings": [
            {
                "file": "a.webm",
                "stream": "ann",
                "take": 1,
                "part": 1,
                "label": "Ann",
                "tracks": ["audio", "video"],
                "video_codec": "VP8",
                "audio_codec": "OPUS",
                "pictures": ["1280x720", "640x360"],
                "opened": "2026-11-22T18:21:15Z",
                "closed": "2026-11-22T18:21:19Z",
                "final": True,
                "repaired": False,
                "removed": False,
                "size_bytes": 1000,
                "frames": 30,
                "duration_s": 1.235,
                "end_reason": "the guest left",
                "changes": [
                    {"at": "2026-11-22T18:21:15Z", "what": "label", "value": "Ann"},
                    {"at": "2026-11-22T18:21:16Z", "what": "picture", "value": "1280x720"},
                    {"at": "2026-11-22T18:21:17Z", "what": "picture", "value": "640x360"},
                    {"at": "2026-11-22T18:21:18Z", "what": "audio_muted", "value": True},
                ],
                "changes_left_out": 0,
            }
        ],
    }


def test_only_news_is_noted(manifest: Manifest) -> None:
    manifest.apply(ANN, 1, opened("a.webm"), at(0))
    assert manifest.apply(ANN, 1, picture(640, 360), at(1))
    assert not manifest.apply(ANN, 1, picture(640, 360), at(2))
    assert not manifest.apply(ANN, 1, picture(0, 0), at(3))
    assert manifest.apply(ANN, 1, GuestInfo(rotation=90), at(4))
    assert not manifest.apply(ANN, 1, GuestInfo(rotation=90), at(5))
    assert not manifest.apply(ANN, 1, NoMedia(detail="held"), at(6))
    assert [change["what"] for change in shown(manifest)["recordings"][0]["changes"]] == ["picture", "rotation"]


def test_a_file_is_not_credited_with_tracks_that_it_lacks(manifest: Manifest) -> None:
    said: tuple[FromChild, ...] = (SOUND, opened("a.webm", (TrackKind.AUDIO,)), PICTURE)
    for second, message in enumerate(said):
        manifest.apply(ANN, 1, message, at(second))
    sound_only = shown(manifest)["recordings"][0]
    assert (sound_only["audio_codec"], sound_only["video_codec"], sound_only["pictures"]) == ("OPUS", None, [])
    manifest.apply(ANN, 1, opened("b.webm"), at(3))
    manifest.apply(ANN, 1, closed("a.webm"), at(3))
    manifest.apply(ANN, 1, closed("b.webm"), at(4))
    manifest.end(ANN, 1, "bye", at(5))
    first, second_file = shown(manifest)["recordings"]
    assert first["end_reason"] == "continued in another file"
    assert (second_file["end_reason"], second_file["video_codec"]) == ("bye", "VP8")
    assert second_file["pictures"] == ["1280x720"]


def test_a_killed_writer_leaves_a_file_that_is_not_final(manifest: Manifest) -> None:
    manifest.apply(ANN, 1, opened("a.webm"), at(0))
    manifest.end(ANN, 1, "child_died: killed", at(7))
    recording = shown(manifest)["recordings"][0]
    assert (recording["final"], recording["end_reason"]) == (False, "child_died: killed")
    assert recording["closed"] == "2026-11-22T18:21:20Z"


def test_takes_and_guests_are_kept_apart(manifest: Manifest) -> None:
    for stream, take, file in ((ANN, 1, "a1"), (StreamId("bob"), 1, "b1"), (ANN, 2, "a2")):
        manifest.apply(stream, take, opened(file), at(0))
    manifest.apply(ANN, 2, PICTURE, at(1))
    manifest.end(ANN, 1, "gone", at(2))
    manifest.end(StreamId("nobody"), 9, "gone", at(2))
    manifest.finish(at(3))
    told = [(r["file"], r["take"], r["video_codec"], r["end_reason"]) for r in shown(manifest)["recordings"]]
    assert told == [
        ("a1", 1, None, "gone"),
        ("b1", 1, None, "recorder stopped"),
        ("a2", 2, "VP8", "recorder stopped"),
    ]


def test_a_restless_guest_is_bounded(manifest: Manifest) -> None:
    manifest.apply(ANN, 1, opened("a.webm"), at(0))
    for n in range(MAX_CHANGES + 50):
        manifest.apply(ANN, 1, picture(100 + n, 100), at(n))
    recording = shown(manifest)["recordings"][0]
    assert len(recording["changes"]) == len(recording["pictures"]) == MAX_CHANGES
    assert recording["changes_left_out"] == 50


def test_the_number_of_files_is_bounded(manifest: Manifest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_FILES", 3)
    for n in range(5):
        manifest.apply(ANN, n, opened(f"{n}.webm"), at(n))
    assert len(shown(manifest)["recordings"]) == 3
    assert shown(manifest)["recordings_left_out"] == 2


def test_hostile_text_is_bounded_and_can_be_written() -> None:
    hostile = "\ud800\x00\n" + "x" * 100_000
    manifest = Manifest(hostile, hostile, START)
    manifest.apply(StreamId(hostile), 1, GuestInfo(label=hostile), at(0))
    manifest.apply(StreamId(hostile), 1, opened(hostile), at(0))
    manifest.end(StreamId(hostile), 1, hostile, at(1))
    assert len(manifest.render()) < 5000
    assert shown(manifest)["recordings"][0]["stream"].startswith("\\ud800\\x00\\nxxx")


def test_the_manifest_has_a_name_of_its_own() -> None:
    assert file_name("room", START) == "room_20261122T182113Z.manifest.json"
    assert "/" not in file_name("../../x", START)


def test_writing_replaces_the_file_and_leaves_nothing_beside_it(tmp_path: Path, manifest: Manifest) -> None:
    path = tmp_path / "m.json"
    write(path, manifest.render())
    manifest.apply(ANN, 1, opened("a.webm"), at(0))
    write(path, manifest.render())
    assert path.read_bytes() == manifest.render()
    assert stat.S_IMODE(path.stat().st_mode) == MODE
    assert list(tmp_path.iterdir()) == [path]


def test_a_planted_link_is_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / "m.json.new").symlink_to(victim)
    write(tmp_path / "m.json", b"{}")
    assert victim.read_text() == "precious"


def test_a_refused_file_has_a_name_for_it(tmp_path: Path) -> None:
    with pytest.raises(FileRefused):
        write(tmp_path / "missing" / "m.json", b"{}")
    with pytest.raises(FileRefused):
        write(tmp_path / ("n" * 300), b"{}")
    (tmp_path / "folder").mkdir()
    with pytest.raises(StorageError):
        write(tmp_path / "folder", b"{}")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


# --- sessions that go on ------------------------------------------------------------------------------------------


def test_takes_are_counted_by_stream(manifest: Manifest) -> None:
    for n, (stream, take) in enumerate([("ann", 3), ("ann", 12), ("bob", 40)]):
        manifest.apply(StreamId(stream), take, opened(f"{n}.webm"), at(n))
    assert [manifest.last_take(StreamId(name)) for name in ("ann", "bob", "eve")] == [12, 40, 0]


def test_a_manifest_grows_where_another_ended(manifest: Manifest) -> None:
    manifest.apply(ANN, 1, opened("a.webm"), at(0))
    manifest.finish(at(1))
    resumed = Manifest.of(manifest.document)
    resumed.apply(ANN, 2, opened("b.webm"), at(5))
    assert [recording["file"] for recording in shown(resumed)["recordings"]] == ["a.webm", "b.webm"]
    assert (shown(resumed)["started"], shown(resumed)["room"]) == ("2026-11-22T18:21:13Z", "testroom")


def test_a_file_that_became_final_without_its_run_is_closed_when_it_was_written_last(manifest: Manifest) -> None:
    manifest.apply(ANN, 1, opened("a.webm"), at(0))
    assert note_mended(manifest.document, "a.webm", Mended(10, 3, 1.5, at(7)), repaired=False)
    (recording,) = shown(manifest)["recordings"]
    assert (recording["final"], recording["repaired"]) == (True, False)
    assert (recording["closed"], recording["size_bytes"]) == ("2026-11-22T18:21:20Z", 10)
