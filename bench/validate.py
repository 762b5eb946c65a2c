"""Is what a recorder stored what was sent? Read back with ffprobe; every VP8 and Opus frame compared by its content."""

import json
import subprocess
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Final

import msgspec

SOUNDS: Final = 500
"""Packets of sound in the loop; the file may have a few more."""


class Track(msgspec.Struct, frozen=True):
    """`unknown` were never sent; at `breaks` one does not follow on the one before. None where that cannot be told."""

    codec: str
    packets: int
    unknown: int | None = None
    breaks: int | None = None


class Verdict(msgspec.Struct, frozen=True):
    """Tracks by kind, and what ffmpeg says when it decodes them."""

    tracks: dict[str, Track]
    complaints: list[str]


def packets(path: Path) -> dict[str, tuple[str, list[str]]]:
    """By kind of track its codec and the hashes of its packets."""
    command = "ffprobe -v error -show_streams -show_packets -show_data_hash md5 -of json"
    done = subprocess.run([*command.split(), str(path)], capture_output=True, check=False)
    told = json.loads(done.stdout or b"{}")
    kinds = {stream["index"]: stream for stream in told.get("streams", [])}
    found: dict[str, tuple[str, list[str]]] = {s["codec_type"]: (s["codec_name"], []) for s in kinds.values()}
    for packet in told.get("packets", []):
        found[kinds[packet["stream_index"]]["codec_type"]][1].append(packet["data_hash"])
    return found


@cache
def reference(loop: Path) -> dict[str, list[str]]:
    found = {kind: hashes for kind, (_, hashes) in packets(loop).items()}
    return found | {"audio": found["audio"][:SOUNDS]}


def follow(hashes: Sequence[str], loop: Sequence[str]) -> tuple[int, int]:
    """How many of `hashes` are not in the endless `loop`, and how often one does not follow on the one before."""
    places: dict[str, set[int]] = {}
    for index, digest in enumerate(loop):
        places.setdefault(digest, set()).add(index)
    unknown = breaks = 0
    expected: set[int] = set(range(len(loop)))
    for digest in hashes:
        here = places.get(digest, set())
        unknown += not here
        breaks += bool(here) and not here & expected
        expected = {(index + 1) % len(loop) for index in (here & expected or here)} or set(range(len(loop)))
    return unknown, breaks


def check(files: Sequence[Path], loop: Path, *, decode: bool) -> Verdict:
    """The files of one stream. H264 is stored in another form than it was sent, so its packets are only counted."""
    tracks: dict[str, Track] = {}
    complaints: list[str] = []
    for path in files:
        for kind, (codec, hashes) in packets(path).items():
            told = follow(hashes, reference(loop)[kind]) if codec in ("vp8", "opus") else (None, None)
            tracks[kind] = Track(codec, len(hashes), *told)
        if decode:
            command = ["ffmpeg", "-v", "error", "-i", str(path), "-f", "null", "-"]
            said = subprocess.run(command, capture_output=True, text=True, check=False).stderr.splitlines()
            # The null muxer's own, about time stamps finer than its frame rate, is no fault of the file.
            complaints += [line for line in said if line.strip() and "dts to muxer" not in line]
    return Verdict(tracks, complaints[:5])
