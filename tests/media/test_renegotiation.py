"""What a browser does to its tracks in the middle of a connection, and what becomes of the file."""

import asyncio
from itertools import pairwise
from pathlib import Path

import pytest

from roomtape.ipc.messages import Failed, Finished, Log, RecordConfig, SegmentOpened
from roomtape.storage.verify import verify
from tests.support.content import inspect
from tests.support.tab_pair import TabPair, tab_pair

pytestmark = pytest.mark.asyncio(loop_scope="session")

CAMERA = "pc.getTransceivers().find((t) => t.sender.track?.kind === 'video')"


def record(folder: Path) -> RecordConfig:
    return RecordConfig(stream_id="anna", folder=str(folder / "tapes"), stem="room_anna_01")


async def recorded(tab: TabPair, files: int = 1) -> Path:
    """The last file, once everything is final."""
    finished = await tab.recorder.stop()
    assert isinstance(finished, Finished)
    assert tab.recorder.all(Failed) == []
    assert len(finished.files) == files
    return Path(finished.files[-1])


async def returns(tab: TabPair, times: int = 1) -> None:
    """Wait until a track has come back into the file so often."""
    seen = 0

    def counts(log: Log) -> bool:
        nonlocal seen
        seen = sum(each.message == "track comes back into the file" for each in tab.recorder.all(Log))
        return seen >= times

    await tab.recorder.wait_for(Log, counts)


@pytest.mark.parametrize(
    ("pause", "go_on"),
    [
        (f"camera = {CAMERA}, camera.direction = 'inactive'", "camera.direction = 'sendonly'"),
        (f"camera = {CAMERA}, pc.removeTrack(camera.sender)", "pc.addTrack(stream.getVideoTracks()[0], stream)"),
        (f"camera = {CAMERA}, camera.stop()", "pc.addTrack(stream.getVideoTracks()[0], stream)"),
    ],
    ids=["m-line inactive for a while", "track removed and added", "transceiver stopped, m-line used again"],
)
async def test_a_camera_that_goes_and_comes_back_stays_in_the_file(tmp_path: Path, pause: str, go_on: str) -> None:
    async with tab_pair(record(tmp_path)) as tab:
        await tab.negotiate()
        opened = await tab.recorder.wait_for(SegmentOpened)
        assert len(opened.tracks) == 2
        await asyncio.sleep(2)
        assert "a=inactive" in (answer := await tab.negotiate(pause)) or "m=video 0 " in answer
        await tab.recorder.wait_for(Log, lambda log: "it leaves the file" in log.message)
        await asyncio.sleep(1)
        await tab.negotiate(go_on)
        await returns(tab)
        await asyncio.sleep(3)
        sent = await tab.frames_sent()
        file = await recorded(tab)
        tape = inspect(file)
        assert not tape.decode_errors
        assert verify(file).ok
        assert tape.codecs == ("vp8", "opus")
        times = [frame.pts_ns / 1e9 for frame in tape.frames]
        assert max(late - early for early, late in pairwise(times)) > 2.5, "the pause"
        assert times[-1] > times[0] + 6
        # Of what is sent again, the frames before the first key frame that was asked for are of no use.
        assert len(times) >= 0.8 * sent


async def test_a_camera_that_comes_back_with_another_codec_gets_a_second_file(tmp_path: Path) -> None:
    codecs = "RTCRtpReceiver.getCapabilities('video').codecs.filter((codec) => /VP9|rtx/.test(codec.mimeType))"
    async with tab_pair(record(tmp_path)) as tab:
        await tab.negotiate()
        await tab.recorder.wait_for(SegmentOpened)
        await asyncio.sleep(1)
        await tab.negotiate(f"pc.removeTrack({CAMERA}.sender)")
        await asyncio.sleep(1)
        again = "pc.addTrack(stream.getVideoTracks()[0], stream)"
        await tab.negotiate(f"{again}, camera = {CAMERA}, camera.setCodecPreferences({codecs})")
        await tab.recorder.wait_for(SegmentOpened, lambda _: len(tab.recorder.all(SegmentOpened)) == 2)
        await asyncio.sleep(2)
        tape = inspect(await recorded(tab, files=2))
        assert not tape.decode_errors
        assert tape.codecs == ("vp9", "opus")
