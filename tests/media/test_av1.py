"""AV1 from a real encoder through packets, some of them lost, to a file: what is written is whole."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from roomtape.child import gst
from roomtape.child.av1_elements import make_av1_depayloader, make_av1_payloader
from roomtape.child.gst import Gst, chain
from roomtape.child.pattern import Picture
from roomtape.storage.verify import verify
from tests.support.content import Content, inspect
from tests.unit.child.main_loop import run_until

FPS = 30
KEY_DISTANCE = 15
FRAMES = 90
GUEST = 21
SIZE = (320, 180)
END_DEADLINE_S = 60.0

gst.init()


def record(path: Path, lost: Callable[[int], bool]) -> Content:
    """FRAMES frames to `path`, without the packets that `lost` names by their number."""
    pipeline = Gst.Pipeline()
    raw = f"video/x-raw,format=I420,width={SIZE[0]},height={SIZE[1]},framerate={FPS}/1"
    source, _, payloader, *_, sink = chain(
        pipeline,
        [
            f'appsrc format=time max-bytes=0 caps="{raw}"',
            "av1enc usage-profile=realtime cpu-used=10 end-usage=cbr target-bitrate=600 threads=1"
            f" lag-in-frames=0 min-quantizer=4 max-quantizer=56 keyframe-max-dist={KEY_DISTANCE}",
            make_av1_payloader(45),
            make_av1_depayloader(),
            "webmmux",
            f'filesink location="{path}"',
        ],
    )
    count = 0

    def drop(*_: Any) -> Any:
        nonlocal count
        count += 1
        return Gst.PadProbeReturn.DROP if lost(count) else Gst.PadProbeReturn.OK

    ended: list[Any] = []

    def note_end(_: Any, info: Any) -> Any:
        if info.get_event().type == Gst.EventType.EOS:
            ended.append(True)
        return Gst.PadProbeReturn.OK

    payloader.get_static_pad("src").add_probe(Gst.PadProbeType.BUFFER, drop)
    sink.get_static_pad("sink").add_probe(Gst.PadProbeType.EVENT_DOWNSTREAM, note_end)
    pipeline.set_state(Gst.State.PLAYING)
    picture = Picture(*SIZE, FPS, GUEST)
    for n in range(FRAMES):
        buffer = Gst.Buffer.new_wrapped(picture.frame(n))
        buffer.pts, buffer.duration = n * Gst.SECOND // FPS, Gst.SECOND // FPS
        source.emit("push-buffer", buffer)
    source.emit("end-of-stream")
    run_until(lambda: ended, limit_s=END_DEADLINE_S)
    error = pipeline.get_bus().pop_filtered(Gst.MessageType.ERROR)
    pipeline.set_state(Gst.State.NULL)
    assert error is None
    return inspect(path)


def test_without_loss_every_frame_is_there(tmp_path: Path) -> None:
    content = record(tmp_path / "x.webm", lambda _: False)
    assert content.codecs == ("av1",)
    assert (content.guest, content.sizes) == (GUEST, [SIZE])
    assert content.missing(0, FRAMES - 1) == []
    assert verify(tmp_path / "x.webm").ok


@pytest.mark.parametrize("every", [23, 40])
def test_after_loss_the_file_goes_on_at_the_next_key_frame_and_nothing_in_it_is_damaged(
    tmp_path: Path, every: int
) -> None:
    content = record(tmp_path / "x.webm", lambda n: n % every == 0)
    assert content.decode_errors == []
    assert all(frame.guest == GUEST for frame in content.frames), "a frame that refers to a lost one looks broken"
    missing = content.missing(0, FRAMES - 1)
    assert missing, "loss that loses nothing is none"
    back = [n for n in range(FRAMES) if n not in missing and n - 1 in missing]
    assert all(n % KEY_DISTANCE == 0 for n in back)
    assert back, "it goes on"
    assert verify(tmp_path / "x.webm").ok
