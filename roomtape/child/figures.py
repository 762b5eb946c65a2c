"""What the parent is told of a stream each second."""

from collections.abc import Sequence

from roomtape.child.receiving import Received
from roomtape.child.track import Track
from roomtape.ipc.messages import Stats
from roomtape.model import TrackKind


def stats(tracks: Sequence[Track], received: Received, silent_ms: int, written_bytes: int | None) -> Stats:
    """The figures of all tracks, and the size of the first picture's; `silent_ms` since the guest was heard."""
    video, audio = (next((t for t in tracks if t.kind is kind), None) for kind in (TrackKind.VIDEO, TrackKind.AUDIO))
    width, height = video.size if video else (0, 0)
    return Stats(
        video_frames=video.frames if video else 0,
        audio_frames=audio.frames if audio else 0,
        media_bytes=sum(track.media_bytes for track in tracks),
        packets=received.packets,
        packets_lost=received.lost,
        silent_ms=silent_ms,
        width=width,
        height=height,
        video_packets=received.packets_of.get(video.ssrc, 0) if video else 0,
        written_bytes=written_bytes,
    )
