"""Does a recording play? Counts its packets with ffprobe and decodes all of it with ffmpeg."""

import stat
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import msgspec

from roomtape.errors import StorageError
from roomtape.storage.tools import SAFE_INPUT, Complaints, Tools, deadline_s, url

SUFFIXES: Final = frozenset({".webm", ".mkv", ".mp4"})


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What a recording holds. `verdict` is a sentence for the user; a missing track has no codec.

    `cut_off`: the file was never finished, as after a crash. What it holds may be fine.
    """

    path: Path
    ok: bool
    verdict: str
    size_bytes: int = 0
    duration_s: float = 0.0
    video_codec: str | None = None
    width: int = 0
    height: int = 0
    video_frames: int = 0
    audio_codec: str | None = None
    cut_off: bool = False
    decode_errors: tuple[str, ...] = ()
    error_count: int = 0


class _Stream(msgspec.Struct, frozen=True):
    """One stream as ffprobe shows it; numbers that it counts are texts."""

    codec_type: str = ""
    codec_name: str = "unknown"
    width: int = 0
    height: int = 0
    nb_read_packets: str = "0"


class _Format(msgspec.Struct, frozen=True):
    duration: str | None = None


class _Probe(msgspec.Struct, frozen=True):
    streams: tuple[_Stream, ...] = ()
    format: _Format = _Format()

    def first(self, kind: str) -> _Stream | None:
        return next((stream for stream in self.streams if stream.codec_type == kind), None)


class _Decoded(msgspec.Struct, frozen=True):
    frames: int
    duration_s: float
    complaints: Complaints


def verify(path: Path) -> Report:
    """A report on one recording; a file that cannot be read or takes too long gets one as well.

    Raises:
        MissingElement: ffmpeg or ffprobe is not installed.
    """
    tools = Tools()
    size = 0
    try:
        size = _size(path)
        probe = _probe(tools, path, deadline_s(size))
        decoded = _decode(tools, path, deadline_s(size))
    except (StorageError, OSError) as error:
        reason = error.detail if isinstance(error, StorageError) else error.strerror
        return Report(path=path, ok=False, verdict=f"cannot be read: {reason}", size_bytes=size)
    return _report(path, size, probe, decoded)


def verify_all(paths: Iterable[Path]) -> list[Report]:
    """Reports on files and on all recordings in folders and their subfolders, in order of name."""
    return [verify(file) for path in paths for file in recordings(path)]


def recordings(path: Path) -> Sequence[Path]:
    """The file, or all recordings in a folder and its subfolders, in order of name."""
    if not path.is_dir():
        return [path]
    return sorted(file for file in path.rglob("*") if file.suffix.lower() in SUFFIXES and file.is_file())


def _size(path: Path) -> int:
    """Bytes in a file that may be read; pipes and devices could block for ever."""
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise StorageError("not a regular file")
    if not status.st_size:
        raise StorageError("the file is empty")
    with path.open("rb"):
        return status.st_size


def _probe(tools: Tools, path: Path, deadline: float) -> _Probe:
    entries = "format=duration:stream=codec_type,codec_name,width,height,nb_read_packets"
    command = [tools.ffprobe, "-v", "error", *SAFE_INPUT, "-count_packets", "-show_entries", entries, "-of", "json"]
    output, complaints = tools.run([*command, url(path)], deadline)
    try:
        probe = msgspec.json.decode(output, type=_Probe)
    except msgspec.MsgspecError:
        probe = _Probe()
    if not probe.streams:
        reason = (complaints.quoted or ("nothing in it",))[-1].removeprefix(f"{url(path)}: ")
        raise StorageError(f"no WebM, Matroska or MP4 recording ({reason})")
    return probe


def _decode(tools: Tools, path: Path, deadline: float) -> _Decoded:
    command = [tools.ffmpeg, "-nostdin", "-v", "error", "-nostats", "-progress", "pipe:1", *SAFE_INPUT, "-i", url(path)]
    # In the time base of the file: a coarser one would make frames coincide that do not.
    everything = ("-map", "0:v?", "-map", "0:a?", "-fps_mode", "passthrough", "-enc_time_base", "-1", "-f", "null", "-")
    output, complaints = tools.run([*command, *everything], deadline)
    # Progress is reported again and again: the last value of each key counts.
    progress = dict(line.split("=", 1) for line in output.decode(errors="replace").splitlines() if "=" in line)
    return _Decoded(_number(progress.get("frame")), max(0, _number(progress.get("out_time_us"))) / 1e6, complaints)


def _report(path: Path, size: int, probe: _Probe, decoded: _Decoded) -> Report:
    video, audio = probe.first("video"), probe.first("audio")
    complaints = decoded.complaints
    cut_off = complaints.cut_off or probe.format.duration is None
    fault = _fault(video, audio, decoded)
    return Report(
        path=path,
        ok=fault is None,
        verdict=fault or ("plays, but was cut off before its end" if cut_off else "plays"),
        size_bytes=size,
        duration_s=decoded.duration_s,
        video_codec=video.codec_name if video else None,
        width=video.width if video else 0,
        height=video.height if video else 0,
        video_frames=decoded.frames,
        audio_codec=audio.codec_name if audio else None,
        cut_off=cut_off,
        decode_errors=complaints.quoted,
        error_count=complaints.count,
    )


def _fault(video: _Stream | None, audio: _Stream | None, decoded: _Decoded) -> str | None:
    if video is None and audio is None:
        return "has neither picture nor sound"
    if video is not None and (decoded.frames == 0 or not _number(video.nb_read_packets)):
        return "has a video track without a single frame"
    if audio is not None and not _number(audio.nb_read_packets):
        return "has an audio track without any sound"
    if complaints := decoded.complaints.quoted:
        return f"is damaged; decode errors: {decoded.complaints.count}, the first: {complaints[0]}"
    return None


def _number(text: str | None) -> int:
    try:
        return int(text or 0)
    except ValueError:  # "N/A"
        return 0
