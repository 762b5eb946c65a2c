"""Does a recording play? Counts its packets with ffprobe and decodes all of it with ffmpeg.

Recordings hold what strangers sent: the tools read nothing but that one file and only our three containers.
"""

import re
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import msgspec

from roomtape.errors import MissingElement, StorageError

SUFFIXES: Final = frozenset({".webm", ".mkv", ".mp4"})
MAX_ERRORS: Final = 20
"""Decode errors that a report quotes; the rest is counted."""
CUT_OFF: Final = re.compile(r"File ended prematurely|partial file$")
"""How Matroska and MP4 readers say that a file was never finished: no decode error."""

_BASE_DEADLINE_S: Final = 120.0
_SLOWEST_BYTES_PER_S: Final = 250_000
"""2 Mbit/s: anything that decodes slower than it was sent is given up."""
_SAFE_INPUT: Final = (
    *("-protocol_whitelist", "file"),
    *("-format_whitelist", "matroska,webm,mov,mp4"),
    # The half packet at the end of a cut-off file is not a decode error.
    *("-fflags", "+discardcorrupt"),
)
_POINTER: Final = re.compile(r" @ 0x[0-9a-f]+")


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


class _Complaints(msgspec.Struct, frozen=True):
    """What a tool wrote to its standard error: the first MAX_ERRORS lines and how many there were."""

    quoted: tuple[str, ...] = ()
    count: int = 0
    cut_off: bool = False


class _Decoded(msgspec.Struct, frozen=True):
    frames: int
    duration_s: float
    complaints: _Complaints


def verify(path: Path) -> Report:
    """A report on one recording; a file that cannot be read or takes too long gets one as well.

    Raises:
        MissingElement: ffmpeg or ffprobe is not installed.
    """
    ffprobe, ffmpeg = _tool("ffprobe"), _tool("ffmpeg")
    size = 0
    try:
        size = _size(path)
        probe = _probe(ffprobe, path, deadline_s(size))
        decoded = _decode(ffmpeg, path, deadline_s(size))
    except (StorageError, OSError) as error:
        reason = error.detail if isinstance(error, StorageError) else error.strerror
        return Report(path=path, ok=False, verdict=f"cannot be read: {reason}", size_bytes=size)
    return _report(path, size, probe, decoded)


def verify_all(paths: Iterable[Path]) -> list[Report]:
    """Reports on files and on all recordings in folders and their subfolders, in order of name."""
    return [verify(file) for path in paths for file in _recordings(path)]


def deadline_s(size_bytes: int) -> float:
    """How long one tool may read a file of that size, in seconds."""
    return _BASE_DEADLINE_S + size_bytes / _SLOWEST_BYTES_PER_S


def _recordings(path: Path) -> Sequence[Path]:
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


def _tool(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise MissingElement(f"{name} is not installed: apt-get install ffmpeg")
    return found


def _probe(ffprobe: str, path: Path, deadline: float) -> _Probe:
    entries = "format=duration:stream=codec_type,codec_name,width,height,nb_read_packets"
    command = [ffprobe, "-v", "error", *_SAFE_INPUT, "-count_packets", "-show_entries", entries, "-of", "json"]
    output, complaints = _run([*command, _url(path)], deadline)
    try:
        probe = msgspec.json.decode(output, type=_Probe)
    except msgspec.MsgspecError:
        probe = _Probe()
    if not probe.streams:
        reason = (complaints.quoted or ("nothing in it",))[-1].removeprefix(f"{_url(path)}: ")
        raise StorageError(f"no WebM, Matroska or MP4 recording ({reason})")
    return probe


def _decode(ffmpeg: str, path: Path, deadline: float) -> _Decoded:
    command = [ffmpeg, "-nostdin", "-v", "error", "-nostats", "-progress", "pipe:1", *_SAFE_INPUT, "-i", _url(path)]
    # In the time base of the file: a coarser one would make frames coincide that do not.
    everything = ("-map", "0:v?", "-map", "0:a?", "-fps_mode", "passthrough", "-enc_time_base", "-1", "-f", "null", "-")
    output, complaints = _run([*command, *everything], deadline)
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


def _run(command: Sequence[str], deadline: float) -> tuple[bytes, _Complaints]:
    """A tool's output and its complaints; a non-zero exit always has one.

    Raises:
        StorageError: not done within `deadline` seconds.
    """
    # A damaged file can cause more complaints than memory should hold.
    with tempfile.TemporaryFile() as stderr:
        try:
            done = subprocess.run(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=stderr, timeout=deadline, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise StorageError(f"not done within {deadline:.1f} s") from error
        stderr.seek(0)
        complaints = _read_complaints(stderr)
    if done.returncode and not complaints.count:
        return done.stdout, _Complaints((f"{Path(command[0]).name} ended with code {done.returncode}",), 1)
    return done.stdout, complaints


def _read_complaints(stderr: Iterable[bytes]) -> _Complaints:
    quoted: list[str] = []
    count, cut_off = 0, False
    for raw in stderr:
        line = _clean(raw.decode(errors="replace"))
        if CUT_OFF.search(line):
            cut_off = True
        elif line:
            count += 1
            if count <= MAX_ERRORS:
                quoted.append(line)
    return _Complaints(tuple(quoted), count, cut_off)


def _clean(line: str) -> str:
    return "".join(char for char in _POINTER.sub("", line).strip() if char.isprintable())


def _url(path: Path) -> str:
    """The file under any name: no protocol, option or pattern can be read into it."""
    return f"file:{path.absolute()}"


def _number(text: str | None) -> int:
    try:
        return int(text or 0)
    except ValueError:  # "N/A"
        return 0
