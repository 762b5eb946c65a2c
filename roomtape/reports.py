"""What `verify` found, as a table for people and as JSON for programs."""

from collections.abc import Iterable, Sequence

import msgspec
from rich.table import Column, Table
from rich.text import Text

from roomtape.storage.verify import Report


def as_table(reports: Iterable[Report]) -> Table:
    table = Table(Column("file", overflow="fold"), "codecs", "resolution", "duration", "frames", "size", "verdict")
    for report in reports:
        # Text takes brackets in a file's name as they are.
        table.add_row(Text(report.path.name), *map(Text, cells(report)), style="" if report.ok else "red")
    return table


def cells(report: Report) -> tuple[str, ...]:
    """Codecs, resolution, duration, frames, size and verdict; empty for what the file lacks."""
    return (
        " ".join(codec for codec in (report.video_codec, report.audio_codec) if codec),
        f"{report.width}x{report.height}" if report.video_codec else "",
        f"{report.duration_s:.1f} s",
        str(report.video_frames) if report.video_codec else "",
        f"{report.size_bytes / 1e6:.1f} MB",
        report.verdict,
    )


def as_json(reports: Sequence[Report]) -> str:
    encoder = msgspec.json.Encoder(enc_hook=str)  # paths
    return msgspec.json.format(encoder.encode(reports), indent=2).decode()
