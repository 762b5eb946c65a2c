"""Verification of real files: whole, cut off, damaged, hostile."""

import os
import subprocess
from pathlib import Path

import pytest

from roomtape.errors import MissingElement
from roomtape.storage.tools import MAX_ERRORS, deadline_s
from roomtape.storage.verify import verify, verify_all

VP8 = ("-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "300k")
H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-b:v", "300k")
OPUS = ("-c:a", "libopus")
# As a recorder writes it: no duration in the header, which is only known at the end.
LIVE = ("-live", "1")
FRAGMENTED = ("-movflags", "frag_keyframe+empty_moov+default_base_moof", "-frag_duration", "500000")
NOISE = ("-bsf:v", "noise=amount=100")


def make(path: Path, *options: str) -> Path:
    """Two seconds of a test picture, 30 frames per second, and a tone."""
    sources = ("-f", "lavfi", "-i", "testsrc2=s=320x180:r=30:d=2", "-f", "lavfi", "-i", "sine=r=48000:d=2")
    subprocess.run(("ffmpeg", "-nostdin", "-v", "error", *sources, *options, f"file:{path}"), check=True, timeout=60)
    return path


@pytest.fixture(scope="session")
def tone(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A whole recording with sound alone."""
    return make(tmp_path_factory.mktemp("tone") / "tone.webm", "-map", "1:a", *OPUS).read_bytes()


def cut(path: Path) -> Path:
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 3 // 4])
    return path


@pytest.mark.parametrize(
    ("name", "options", "codec"),
    [("x.webm", VP8, "vp8"), ("x.mkv", H264, "h264"), ("x.mp4", (*H264, *FRAGMENTED), "h264")],
)
def test_a_whole_recording_plays(tmp_path: Path, name: str, options: tuple[str, ...], codec: str) -> None:
    path = make(tmp_path / name, *options, *OPUS)
    report = verify(path)
    assert (report.ok, report.verdict, report.cut_off) == (True, "plays", False)
    assert (report.video_codec, report.width, report.height, report.video_frames) == (codec, 320, 180, 60)
    assert report.audio_codec == "opus"
    assert report.duration_s == pytest.approx(2, abs=0.05)
    assert report.size_bytes == path.stat().st_size
    assert report.decode_errors == ()


def test_sound_alone_plays(tmp_path: Path, tone: bytes) -> None:
    path = tmp_path / "x.webm"
    path.write_bytes(tone)
    report = verify(path)
    assert (report.ok, report.video_codec, report.video_frames, report.audio_codec) == (True, None, 0, "opus")
    assert report.duration_s == pytest.approx(2, abs=0.05)


def test_picture_alone_plays(tmp_path: Path) -> None:
    report = verify(make(tmp_path / "x.webm", "-map", "0:v", *VP8))
    assert (report.ok, report.video_frames, report.audio_codec) == (True, 60, None)


@pytest.mark.parametrize(
    ("name", "options"), [("x.webm", (*VP8, *LIVE)), ("x.mkv", (*H264, *LIVE)), ("x.mp4", (*H264, *FRAGMENTED))]
)
def test_a_cut_off_recording_plays_and_is_called_so(tmp_path: Path, name: str, options: tuple[str, ...]) -> None:
    report = verify(cut(make(tmp_path / name, *options, *OPUS)))
    assert (report.ok, report.cut_off, report.decode_errors) == (True, True, ())
    assert "cut off" in report.verdict
    assert 30 < report.video_frames < 60
    assert report.duration_s == pytest.approx(report.video_frames / 30, abs=0.1)


def test_an_unfinished_recording_that_ends_cleanly_is_called_cut_off(tmp_path: Path) -> None:
    report = verify(make(tmp_path / "x.mkv", *H264, *OPUS, *LIVE))
    assert (report.ok, report.cut_off, report.video_frames) == (True, True, 60)
    assert report.duration_s == pytest.approx(2, abs=0.05)


def test_a_damaged_recording_is_not_ok(tmp_path: Path) -> None:
    report = verify(make(tmp_path / "x.mkv", *H264, *OPUS, *NOISE))
    assert not report.ok
    assert report.decode_errors[0] in report.verdict
    assert " @ 0x" not in report.verdict
    assert report.error_count > MAX_ERRORS == len(report.decode_errors)


def test_a_track_without_content_is_not_ok(tmp_path: Path) -> None:
    silent = make(tmp_path / "silent.mkv", *VP8, *OPUS, "-bsf:a", "noise=drop=1")
    blind = make(tmp_path / "blind.mkv", *VP8, *OPUS, "-bsf:v", "noise=drop=1")
    assert "audio track without" in verify(silent).verdict
    assert "video track without" in verify(blind).verdict
    assert not verify(silent).ok
    assert not verify(blind).ok


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"\x1aE\xdf\xa3 hello", "no WebM, Matroska or MP4 recording"),
        # Formats that name other files are not followed.
        (b"ffconcat version 1.0\nfile 'other.webm'\n", "no WebM, Matroska or MP4 recording"),
        (
            b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nother.webm\n#EXT-X-ENDLIST\n",
            "no WebM, Matroska or MP4 recording",
        ),
    ],
)
def test_what_is_no_recording_cannot_be_read(tmp_path: Path, tone: bytes, content: bytes, reason: str) -> None:
    (tmp_path / "other.webm").write_bytes(tone)
    path = tmp_path / "x.webm"
    path.write_bytes(content)
    report = verify(path)
    assert (report.ok, report.size_bytes) == (False, len(content))
    assert report.verdict.startswith("cannot be read: ")
    assert reason in report.verdict
    assert str(tmp_path) not in report.verdict


def test_a_pipe_or_a_folder_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.webm")
    assert verify(tmp_path / "x.webm").verdict == verify(tmp_path).verdict == "cannot be read: not a regular file"


def test_a_missing_file_cannot_be_read(tmp_path: Path) -> None:
    assert verify(tmp_path / "none.webm").verdict == "cannot be read: No such file or directory"


@pytest.mark.parametrize(
    "name", ["-i.webm", "http:a.webm", "%03d.webm", "a b;$(c)'\".webm", "new\nline.webm", "concat:a|b.webm", "*.webm"]
)
def test_hostile_names_are_only_names(tmp_path: Path, tone: bytes, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / name).write_bytes(tone)
    monkeypatch.chdir(tmp_path)
    assert verify(Path(name)).verdict == "plays"


def test_folders_are_searched(tmp_path: Path, tone: bytes) -> None:
    (tmp_path / "a").mkdir()
    for name in ("b.webm", "a/z.MKV", "a/c.mp4", "notes.txt", "b.webm.json"):
        (tmp_path / name).write_bytes(tone)
    (tmp_path / "folder.webm").mkdir()
    (tmp_path / "loop").symlink_to(tmp_path)
    found = [report.path.relative_to(tmp_path).as_posix() for report in verify_all([tmp_path])]
    assert found == ["a/c.mp4", "a/z.MKV", "b.webm"]


def test_files_named_one_by_one_keep_their_order(tmp_path: Path) -> None:
    paths = [tmp_path / "b.webm", tmp_path / "a.txt"]
    assert [report.path for report in verify_all(paths)] == paths


def test_missing_tools_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingElement, match="ffprobe is not installed: apt-get install ffmpeg"):
        verify(tmp_path / "x.webm")


def test_a_tool_that_hangs_is_given_up(tmp_path: Path, tone: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.webm"
    path.write_bytes(tone)
    for tool in ("ffprobe", "ffmpeg"):
        fake = tmp_path / tool
        fake.write_text("#!/bin/sh\nexec sleep 60\n")
        fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr("roomtape.storage.tools._BASE_DEADLINE_S", 0.2)
    report = verify(path)
    assert not report.ok
    assert report.verdict.startswith("cannot be read: not done within 0.")


def test_large_files_get_more_time() -> None:
    hour_at_2_mbit = 3600 * 250_000
    assert deadline_s(0) >= 60
    assert deadline_s(hour_at_2_mbit) == deadline_s(0) + 3600
