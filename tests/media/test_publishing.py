"""What a publishing child sends, seen by recording children: each source, each codec, wishes, key frames, ends."""

import asyncio
import subprocess
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest

from roomtape.child.keyframes import MIN_INTERVAL_NS
from roomtape.child.publishing import MAX_VIEWERS
from roomtape.ipc.ceilings import OPEN_FILES, PUBLISHING, PUBLISHING_FILES
from roomtape.ipc.messages import (
    AddViewer,
    Failed,
    Finished,
    FromChild,
    GuestInfo,
    LocalCandidates,
    LocalDescription,
    PublishConfig,
    RecordConfig,
    RemoteCandidates,
    RemoteDescription,
    RequestKeyframe,
    RestartWished,
    SegmentOpened,
    SetTrack,
    Stats,
    TrackStarted,
    ViewerLeft,
)
from roomtape.ipc.source import MediaSource
from roomtape.model import Codec, TrackKind
from roomtape.storage.verify import verify
from tests.support.content import inspect
from tests.support.pair import PEER, ChildProcess, Pair, pair
from tests.support.studio import assert_good
from tests.support.wishing_child import wish

pytestmark = [pytest.mark.light, pytest.mark.asyncio(loop_scope="session")]

GUEST = 7
SIZE = (320, 180)
TEST = PublishConfig(stream_id="anna", width=SIZE[0], height=SIZE[1], bitrate_kbps=400, guest_number=GUEST)
WISHING = "tests.support.wishing_child"
END_S = 15.0
"""Within this a file of a few seconds has been played, and the child is gone."""


def publish(source: MediaSource | None = None, codec: Codec = Codec.VP8, **fields: object) -> PublishConfig:
    return msgspec.structs.replace(TEST, source=source or MediaSource(), codec=codec, **fields)


def record(folder: Path, stem: str = "room_anna_01") -> RecordConfig:
    return RecordConfig(stream_id="anna", folder=str(folder), stem=stem)


async def the_file(joined: Pair) -> Path:
    finished = await joined.recorder.stop()
    assert isinstance(finished, Finished)
    (path,) = finished.files
    return Path(path)


def ffmpeg(*arguments: str) -> None:
    subprocess.run(["ffmpeg", "-loglevel", "error", "-y", *arguments], check=True, timeout=60)


async def failure(config: PublishConfig) -> Failed:
    """What a child that cannot publish says; it ends with code 1."""
    child = await ChildProcess.launch()
    try:
        child.configure(config)
        failed = await child.wait_for(Failed)
        assert isinstance(failed, Failed)
        assert await asyncio.wait_for(child.process.wait(), END_S) == 1
        return failed
    finally:
        await child.kill()


# --- codecs -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("codec", [codec for codec in Codec if codec is not Codec.OPUS])
async def test_the_test_pattern_in_each_codec(tmp_path: Path, codec: Codec) -> None:
    async with pair(publish(codec=codec), record(tmp_path)) as joined:
        joined.connect()
        await joined.recorder.wait_for(SegmentOpened)
        await asyncio.sleep(3)
        file = await the_file(joined)
    tape = inspect(file)
    assert tape.codecs == (codec.lower() if codec is not Codec.H265 else "hevc", "opus")
    assert_good(tape, GUEST, seconds=2.5)
    assert verify(file).ok


# --- files --------------------------------------------------------------------------------------------------------


async def a_recording(folder: Path, seconds: float) -> Path:
    """A file with the bar code, flash and beep in it, as a recorder made it."""
    async with pair(TEST, record(folder)) as joined:
        joined.connect()
        await joined.recorder.wait_for(SegmentOpened)
        await asyncio.sleep(seconds)
        return await the_file(joined)


async def test_a_file_is_played_once_from_its_first_frame_to_its_last_and_in_sync(tmp_path: Path) -> None:
    film = await a_recording(tmp_path / "film", 4)
    before = inspect(film)
    source = MediaSource(folder=str(film.parent), file=film.name)
    async with pair(publish(source), record(tmp_path)) as joined:
        joined.connect()
        assert await joined.publisher.wait_for(Finished, timeout_s=END_S)
        assert await asyncio.wait_for(joined.publisher.process.wait(), END_S) == 0
        finished = await joined.recorder.wait_for(Finished)
    assert not joined.publisher.all(Failed)
    (path,) = finished.files
    tape = inspect(Path(path))
    assert_good(tape, GUEST, seconds=before.duration_s - 0.5)
    assert tape.counters()[0] == before.counters()[0]
    assert before.counters()[-1] - tape.counters()[-1] <= 2


async def test_a_file_that_loops_goes_on_and_on(tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    ffmpeg(*("-f", "lavfi", "-i", "testsrc=size=160x120:rate=15:duration=1"), "-c:v", "libx264", str(film))
    async with pair(publish(MediaSource(file=str(film), loop=True)), record(tmp_path)) as joined:
        joined.connect()
        opened = await joined.recorder.wait_for(SegmentOpened)
        assert opened.tracks == (TrackKind.VIDEO,), "there is no sound in it"
        await asyncio.sleep(4)
        report = verify(await the_file(joined))
    assert report.ok
    assert report.duration_s > 3.5


async def test_a_file_with_sound_alone(tmp_path: Path) -> None:
    song = tmp_path / "song.wav"
    ffmpeg("-f", "lavfi", "-i", "sine=frequency=440:duration=2", str(song))
    async with pair(publish(MediaSource(file=str(song))), record(tmp_path)) as joined:
        joined.connect()
        opened = await joined.recorder.wait_for(SegmentOpened)
        assert opened.tracks == (TrackKind.AUDIO,)
        await joined.publisher.wait_for(Finished, timeout_s=END_S)


async def test_a_file_that_is_none_or_no_media_is_told_in_one_sentence(tmp_path: Path) -> None:
    failed = await failure(publish(MediaSource(file=str(tmp_path / "none.mkv"))))
    assert (failed.code, "there is no file" in failed.detail) == ("config", True)
    text = tmp_path / "text.mkv"
    text.write_text("this is no film\n" * 100)
    failed = await failure(publish(MediaSource(file=str(text))))
    assert failed.code == "file_refused"
    assert str(text) in failed.detail


# --- pipelines ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "video",
    [
        "videotestsrc is-live=true ! video/x-raw,width=640,height=480",
        "videotestsrc is-live=true ! jpegenc",
        "videotestsrc is-live=true ! x264enc tune=zerolatency key-int-max=30",
    ],
    ids=["raw", "jpeg", "h264"],
)
async def test_any_gstreamer_source(tmp_path: Path, video: str) -> None:
    source = MediaSource(video_pipeline=video, audio_pipeline="audiotestsrc is-live=true ! audio/x-raw,rate=44100")
    async with pair(publish(source), record(tmp_path)) as joined:
        joined.connect()
        await joined.recorder.wait_for(SegmentOpened)
        await asyncio.sleep(2)
        tape = inspect(await the_file(joined))
    assert tape.codecs == ("vp8", "opus")
    assert tape.sizes == [SIZE]
    assert tape.duration_s > 1.5
    assert not tape.decode_errors


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("videotestsrc ! nosuchelement", '--video-pipeline: no element "nosuchelement"'),
        ("videotestsrc nosuch=1", '--video-pipeline: no property "nosuch" in element "videotestsrc'),
        ("videotestsrc ! fakesink", "--video-pipeline: its end gives nothing"),
        ("videotestsrc pattern=secret", "--video-pipeline: a property cannot have the value that is given"),
        ("videotestsrc ! ! !", "--video-pipeline: this is no text that gst-launch would take"),
        ("audiotestsrc is-live=true", "--video-pipeline gives no video"),
    ],
)
async def test_a_bad_text_is_bad_input_in_one_sentence(text: str, sentence: str) -> None:
    failed = await failure(publish(MediaSource(video_pipeline=text), audio=False))
    assert (failed.code, sentence in failed.detail) == ("config", True), failed.detail
    assert "secret" not in failed.detail
    assert "\n" not in failed.detail


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        (MediaSource(v4l2="/dev/nosuchcamera"), TrackKind.VIDEO),
        (MediaSource(pulse="nosuchmicrophone"), TrackKind.AUDIO),
    ],
)
async def test_a_device_that_is_not_there_is_named(source: MediaSource, kind: TrackKind) -> None:
    failed = await failure(publish(source, audio=kind is TrackKind.AUDIO, video=kind is TrackKind.VIDEO))
    assert "nosuch" in failed.detail


# --- several viewers ----------------------------------------------------------------------------------------------


class Room:
    """One publisher and several recorders, each with a connection of its own."""

    def __init__(self, publisher: ChildProcess, recorders: Sequence[ChildProcess]) -> None:
        self.publisher, self.recorders = publisher, recorders
        publisher.forward = self._from_publisher
        for number, recorder in enumerate(recorders):
            recorder.forward = lambda message, number=number: self._from_recorder(number, message)  # type: ignore[misc]

    def connect(self, number: int) -> None:
        self.publisher.send(AddViewer(peer=str(number), session=f"s{number}"))

    def _from_publisher(self, message: FromChild) -> None:
        if isinstance(message, LocalDescription):
            offer = RemoteDescription(negotiation=message.negotiation, description=message.description)
            self.recorders[int(message.peer)].send(offer)
        elif isinstance(message, LocalCandidates):
            self.recorders[int(message.peer)].send(RemoteCandidates(candidates=message.candidates))

    def _from_recorder(self, number: int, message: FromChild) -> None:
        if isinstance(message, LocalDescription):
            answer = RemoteDescription(negotiation=1, description=message.description, peer=str(number))
            self.publisher.send(answer)
        elif isinstance(message, LocalCandidates):
            self.publisher.send(RemoteCandidates(candidates=message.candidates, peer=str(number)))


async def test_two_viewers_of_one_encoder_the_second_from_a_key_frame_of_its_own(tmp_path: Path) -> None:
    publisher, first, second = await asyncio.gather(
        ChildProcess.start(TEST), *(ChildProcess.start(record(tmp_path, f"room_anna_0{n}")) for n in (1, 2))
    )
    try:
        room = Room(publisher, [first, second])
        room.connect(0)
        await first.wait_for(SegmentOpened)
        await asyncio.sleep(1.5)
        room.connect(1)
        await second.wait_for(SegmentOpened, timeout_s=5)
        await asyncio.sleep(2.5)
        early, late = [inspect(Path(path)) for path in (await finished_files(first) + await finished_files(second))]
        assert_good(early, GUEST, seconds=4)
        assert_good(late, GUEST, seconds=2)
        assert late.counters()[0] > early.counters()[0]
        assert await publisher.wait_for(ViewerLeft)
    finally:
        await asyncio.gather(*(child.kill() for child in (publisher, first, second)))


async def finished_files(recorder: ChildProcess) -> list[str]:
    finished = await recorder.stop()
    assert finished is not None
    return list(finished.files)


# --- what viewers wish --------------------------------------------------------------------------------------------

SNOW = MediaSource(video_pipeline="videotestsrc pattern=snow is-live=true ! video/x-raw,width=88,height=50")
"""Something that takes as many bits as it gets, and so small that a bad quality needs few of them."""


async def next_stats(child: ChildProcess) -> tuple[float, Stats]:
    """When they came, and what they say. A busy child is late with them."""
    told = len(child.all(Stats))
    async with asyncio.timeout(END_S):
        while len(child.all(Stats)) == told:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    return time.monotonic(), child.all(Stats)[-1]


async def sent_kbps(joined: Pair, seconds: float = 2.0) -> float:
    """What arrives of the picture from now on, in kbit/s."""
    begun, before = await next_stats(joined.recorder)
    await asyncio.sleep(seconds - 0.5)
    ended, after = await next_stats(joined.recorder)
    return (after.media_bytes - before.media_bytes) * 8 / 1000 / (ended - begun)


@pytest.mark.parametrize("codec", [Codec.VP8, Codec.VP9, Codec.H264, Codec.H265])
async def test_the_encoder_follows_a_viewer_s_wish_down_and_up_and_a_pause(tmp_path: Path, codec: Codec) -> None:
    config = publish(SNOW, codec, audio=False, width=88, height=50, bitrate_kbps=800)
    async with pair(config, record(tmp_path), module=WISHING) as joined:
        joined.connect()
        await joined.recorder.wait_for(TrackStarted)
        await asyncio.sleep(2)
        free = await sent_kbps(joined, 3)
        joined.recorder.send(wish(bitrate=250))
        await asyncio.sleep(2.5)
        little = await sent_kbps(joined, 3)
        joined.recorder.send(wish(bitrate=0))
        await asyncio.sleep(1.5)
        paused = await sent_kbps(joined)
        joined.recorder.send(wish(bitrate=-1))
        await asyncio.sleep(2.5)
        again = await sent_kbps(joined, 3)
    assert 600 < free < 1000, (free, little, paused, again)
    assert 150 < little < 350, (free, little, paused, again)
    assert paused == 0, (free, little, paused, again)
    assert 600 < again < 1000, (free, little, paused, again)


def key_frames(file: Path) -> list[float]:
    """Their times in seconds."""
    command = (
        "ffprobe",
        "-v",
        "error",
        "-select_streams",
        "v",
        "-show_entries",
        "packet=pts_time,flags",
        "-of",
        "csv=p=0",
    )
    lines = subprocess.run([*command, str(file)], check=True, capture_output=True, text=True).stdout.split()
    return [float(line.split(",")[0]) for line in lines if "K" in line]


@pytest.mark.parametrize("codec", [Codec.VP8, Codec.H264])
async def test_key_frames_come_on_request_and_not_in_a_flood(tmp_path: Path, codec: Codec) -> None:
    async with pair(publish(codec=codec), record(tmp_path), module=WISHING) as joined:
        joined.connect()
        await joined.recorder.wait_for(SegmentOpened)
        await asyncio.sleep(1.5)
        joined.recorder.send(RequestKeyframe())
        await asyncio.sleep(1.5)
        for _ in range(60):
            joined.recorder.send(wish(keyframe=True))
            joined.recorder.send(RequestKeyframe())
            await asyncio.sleep(0.03)
        await asyncio.sleep(1)
        keys = key_frames(await the_file(joined))
    assert any(1.2 < at < 2.5 for at in keys), f"one for the single request: {keys}"
    flood = [at for at in keys if at > 2.7]
    assert 3 <= len(flood) <= 6, keys
    gaps = [after - before for before, after in pairwise(keys)]
    assert min(gaps) >= MIN_INTERVAL_NS / 1e9 - 0.05, keys


async def test_mute_is_told_and_an_ice_restart_handed_on(tmp_path: Path) -> None:
    async with pair(TEST, record(tmp_path), module=WISHING) as joined:
        joined.connect()
        await joined.recorder.wait_for(GuestInfo, lambda info: info.audio_muted is False)
        joined.publisher.send(SetTrack(track=TrackKind.AUDIO, enabled=False))
        await joined.recorder.wait_for(GuestInfo, lambda info: info.audio_muted is True)
        joined.publisher.send(SetTrack(track=TrackKind.VIDEO, enabled=False))
        await joined.recorder.wait_for(GuestInfo, lambda info: info.video_muted is True)
        joined.recorder.send(wish(iceRestartRequest=True))
        await joined.publisher.wait_for(RestartWished, lambda wished: wished.peer == PEER)


async def test_a_viewer_that_does_not_want_the_picture_any_more_gets_none(tmp_path: Path) -> None:
    async with pair(publish(SNOW, audio=False, bitrate_kbps=800), record(tmp_path), module=WISHING) as joined:
        joined.connect()
        await joined.recorder.wait_for(TrackStarted)
        joined.recorder.send(wish(video=False))
        await asyncio.sleep(1.5)
        assert await sent_kbps(joined) == 0
        joined.recorder.send(wish(video=True))
        await asyncio.sleep(1.5)
        assert await sent_kbps(joined) > 300


# --- viewers that go ----------------------------------------------------------------------------------------------


async def test_a_viewer_that_never_answers_is_given_up(tmp_path: Path) -> None:
    async with pair(publish(connect_deadline_ms=1500), record(tmp_path)) as joined:
        joined.publisher.forward = lambda _: None
        joined.connect()
        left = await joined.publisher.wait_for(ViewerLeft, timeout_s=5)
    assert (left.peer, left.detail) == (PEER, "no answer within 1.5 s")


async def test_there_is_room_for_as_many_viewers_as_a_room_holds() -> None:
    publisher = await ChildProcess.start(publish(width=160, height=96, bitrate_kbps=100))
    try:
        peers = {f"viewer-{number}" for number in range(MAX_VIEWERS)}
        for peer in peers:
            publisher.send(AddViewer(peer=peer, session="s1"))
        heard: set[str] = set()
        while heard < peers:
            news = await publisher.wait_for(LocalCandidates, lambda said: said.peer not in heard, timeout_s=60)
            heard.add(news.peer)
        assert not publisher.all(Failed)
        assert not publisher.all(ViewerLeft)
        folder = Path(f"/proc/{publisher.process.pid}")
        assert OPEN_FILES < len(list((folder / "fd").iterdir())) < PUBLISHING_FILES * 0.75
        data = next(line for line in (folder / "status").read_text().splitlines() if line.startswith("VmData"))
        assert int(data.split()[1]) * 1024 < PUBLISHING * 0.75
    finally:
        await publisher.kill()
