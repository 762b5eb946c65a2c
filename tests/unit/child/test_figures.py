from typing import Any

from roomtape.child.figures import stats
from roomtape.child.receiving import Received
from roomtape.ipc.messages import Stats
from roomtape.model import TrackKind


class FakeTrack:
    """What the figures are made of."""

    def __init__(self, kind: TrackKind, ssrc: int, frames: int, size: tuple[int, int] = (0, 0)) -> None:
        self.kind, self.ssrc, self.frames, self.size = kind, ssrc, frames, size
        self.media_bytes = 10 * frames


SOUND = FakeTrack(TrackKind.AUDIO, 1, 500)
CAMERA = FakeTrack(TrackKind.VIDEO, 2, 300, (640, 360))
SCREEN = FakeTrack(TrackKind.VIDEO, 3, 20, (1920, 1080))
RECEIVED = Received({1: 510, 2: 900, 3: 40}, 7, frozenset())


def test_the_first_picture_is_shown_and_all_bytes_count() -> None:
    tracks: Any = [SOUND, CAMERA, SCREEN]
    assert stats(tracks, RECEIVED, 20, 9000) == Stats(
        video_frames=300,
        audio_frames=500,
        media_bytes=8200,
        packets=1450,
        packets_lost=7,
        silent_ms=20,
        width=640,
        height=360,
        video_packets=900,
        written_bytes=9000,
    )


def test_a_guest_of_whom_nothing_has_come() -> None:
    told = stats([], Received({}, 0, frozenset()), 100, None)
    assert (told.video_frames, told.audio_frames, told.width, told.written_bytes) == (0, 0, 0, None)
