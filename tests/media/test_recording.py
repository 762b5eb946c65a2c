"""A publishing and a recording child, joined pipe to pipe: what becomes of media in all its changes."""

import asyncio
import re
import signal
import time
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest

from roomtape.ipc.messages import (
    Failed,
    Finished,
    LocalDescription,
    Log,
    NoMedia,
    PeerState,
    PublishConfig,
    RecordConfig,
    SegmentClosed,
    SegmentOpened,
    SetResolution,
    SetTrack,
    Stats,
    TrackStarted,
)
from roomtape.model import HUSH_MS, Codec, Container, TrackKind
from roomtape.storage.verify import verify
from tests.support.content import inspect
from tests.support.pair import Pair, pair
from tests.support.studio import assert_good

pytestmark = [pytest.mark.light, pytest.mark.asyncio(loop_scope="session")]

GUEST = 7
STANDSTILL_S = 1.0


def publish(codec: Codec = Codec.VP8, width: int = 320, height: int = 180) -> PublishConfig:
    return PublishConfig(
        stream_id="anna", codec=codec, width=width, height=height, bitrate_kbps=400, guest_number=GUEST
    )


def record(folder: Path, container: Container = Container.AUTO, connect_deadline_ms: int = 10_000) -> RecordConfig:
    return RecordConfig(
        stream_id="anna",
        folder=str(folder),
        stem="room_anna_01",
        container=container,
        connect_deadline_ms=connect_deadline_ms,
    )


def files_in(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


async def finished_files(joined: Pair) -> list[Path]:
    finished = await joined.recorder.stop()
    assert isinstance(finished, Finished)
    assert joined.recorder.process.returncode == 0
    assert not joined.recorder.garbage
    return [Path(path) for path in finished.files]


@pytest.mark.parametrize("codec", [Codec.VP8, Codec.H264, Codec.VP9, Codec.AV1, Codec.H265])
async def test_a_change_of_resolution_stays_in_the_file(tmp_path: Path, codec: Codec) -> None:
    async with pair(publish(codec), record(tmp_path)) as joined:
        joined.connect()
        await joined.recorder.wait_for(SegmentOpened)
        await asyncio.sleep(1)
        joined.publisher.send(SetResolution(width=160, height=90))
        await asyncio.sleep(1.5)
        joined.publisher.send(SetResolution(width=320, height=180))
        await asyncio.sleep(1.5)
        (file,) = await finished_files(joined)
        tape = inspect(file)
        assert tape.sizes == [(320, 180), (160, 90), (320, 180)]
        assert_good(tape, GUEST, seconds=3.5)
        assert verify(file).ok


@pytest.mark.parametrize("late", list(TrackKind))
async def test_a_track_that_comes_seconds_late_starts_a_second_file_and_nothing_is_lost(
    tmp_path: Path, late: TrackKind
) -> None:
    async with pair(publish(), record(tmp_path)) as joined:
        joined.connect()
        await joined.publisher.wait_for(LocalDescription)
        joined.publisher.send(SetTrack(track=late, enabled=False))
        first = await joined.recorder.wait_for(SegmentOpened)
        assert late not in first.tracks
        await asyncio.sleep(2)
        joined.publisher.send(SetTrack(track=late, enabled=True))
        await joined.recorder.wait_for(SegmentOpened, lambda opened: late in opened.tracks)
        await asyncio.sleep(2)
        alone, both = map(inspect, await finished_files(joined))
        assert_good(both, GUEST, seconds=1.5)
        if late is TrackKind.AUDIO:
            assert_good(alone, GUEST, seconds=1.5, audio=False)
            assert both.counters()[0] == alone.counters()[-1] + 1, "no frame may be lost or doubled at the cut"
        else:
            assert_good(alone, GUEST, seconds=1.5, video=False)


def dropped_by_the_kernel(pid: int) -> int:
    """Datagrams for which a process's UDP sockets had no room (the last column of /proc/net/udp)."""
    links = [link for link in Path(f"/proc/{pid}/fd").iterdir() if link.is_socket()]
    inodes = {str(link.readlink()).strip("socket:[]") for link in links}
    rows = [row.split() for table in ("udp", "udp6") for row in Path(f"/proc/net/{table}").read_text().splitlines()[1:]]
    drops = [int(row[12]) for row in rows if row[9] in inodes]
    assert drops
    return sum(drops)


async def test_what_comes_while_a_child_stands_still_waits_for_it(tmp_path: Path) -> None:
    """As on a computer that is too busy. Without being asked, the kernel has room for less."""
    heavy = msgspec.structs.replace(publish(Codec.VP8), width=1280, height=720, bitrate_kbps=4000)
    async with pair(heavy, record(tmp_path)) as joined:
        joined.connect()
        await joined.recorder.wait_for(SegmentOpened)
        await asyncio.sleep(2)
        for _ in range(2):
            joined.recorder.process.send_signal(signal.SIGSTOP)
            await asyncio.sleep(STANDSTILL_S)
            joined.recorder.process.send_signal(signal.SIGCONT)
            await asyncio.sleep(1)
        assert dropped_by_the_kernel(joined.recorder.process.pid) == 0
        (file,) = await finished_files(joined)
        tape = inspect(file)
        assert_good(tape, GUEST, seconds=4)
        assert tape.missing() == []


def waits_of_the_decrypting_thread(pid: int) -> int:
    (thread,) = [task for task in Path(f"/proc/{pid}/task").iterdir() if "queue0:src" in (task / "comm").read_text()]
    return int(re.findall(r"^voluntary_ctxt_switches:\s*(\d+)", (thread / "status").read_text(), re.MULTILINE)[0])


async def test_packets_are_handed_on_several_at_a_time_and_none_is_lost_by_that(tmp_path: Path) -> None:
    async with pair(publish(), record(tmp_path)) as joined:
        joined.connect()
        await joined.recorder.wait_for(SegmentOpened)
        await asyncio.sleep(2)
        waited, received = waits_of_the_decrypting_thread(joined.recorder.process.pid), joined.recorder.all(Stats)[-1]
        await asyncio.sleep(3)
        waited = waits_of_the_decrypting_thread(joined.recorder.process.pid) - waited
        assert 2 * waited < joined.recorder.all(Stats)[-1].packets - received.packets
        (file,) = await finished_files(joined)
        tape = inspect(file)
        assert_good(tape, GUEST, seconds=4)
        assert tape.missing() == []


@pytest.mark.parametrize("codec", [Codec.VP8, Codec.H264])
@pytest.mark.parametrize("silent", list(TrackKind))
async def test_a_track_that_falls_silent_does_not_hold_the_other_back_and_returns_into_the_file(
    tmp_path: Path, silent: TrackKind, codec: Codec
) -> None:
    async with pair(publish(codec), record(tmp_path)) as joined:
        joined.connect()
        await joined.recorder.wait_for(SegmentOpened)
        await asyncio.sleep(1)
        joined.publisher.send(SetTrack(track=silent, enabled=False))
        await asyncio.sleep(5)
        file = Path(joined.recorder.all(SegmentOpened)[0].path)
        watched = inspect(file)  # as a kill would leave it now
        assert watched.duration_s > 4.0
        joined.publisher.send(SetTrack(track=silent, enabled=True))
        await joined.recorder.wait_for(Log, lambda log: log.message == "track comes back into the file")
        await asyncio.sleep(3)
        (file,) = await finished_files(joined)
        whole = inspect(file)
        assert not whole.decode_errors
        assert whole.duration_s > 7.5
        report = verify(file)
        assert report.ok, report
        gaps = [late - early for early, late in pairwise(whole.counters()) if late != early + 1]
        assert len(gaps) == (silent is TrackKind.VIDEO), "no frame may be lost or doubled but in the silence"
        # One of each pair is missing in the silence, so the nearest is looked for.
        pairs = [(flash, beep) for flash in whole.flashes for beep in whole.beeps if abs(flash - beep) < 0.5]
        offsets = [abs(flash - beep) for flash, beep in pairs]
        after = [offset for offset, (flash, _) in zip(offsets, pairs, strict=True) if flash > 5.5]
        before = offsets[: -len(after)]
        assert len(after) >= 2, pairs
        assert max([*before, *after]) <= 0.04, pairs


async def test_a_guest_who_falls_silent_is_told_of_at_once(tmp_path: Path) -> None:
    """Not with the next statistics: a guest who comes back is waiting (room.doubt)."""
    async with pair(publish(), record(tmp_path)) as joined:
        joined.connect()
        await joined.recorder.wait_for(SegmentOpened)
        await asyncio.sleep(1)
        await joined.publisher.kill()
        told = await joined.recorder.wait_for(Stats, lambda stats: stats.silent_ms >= HUSH_MS, timeout_s=3)
        assert told.silent_ms < HUSH_MS + 400


async def test_in_mp4_a_track_that_was_silent_starts_a_second_file(tmp_path: Path) -> None:
    async with pair(publish(Codec.H264), record(tmp_path, Container.MP4)) as joined:
        joined.connect()
        await joined.recorder.wait_for(SegmentOpened)
        await asyncio.sleep(1)
        joined.publisher.send(SetTrack(track=TrackKind.AUDIO, enabled=False))
        await joined.recorder.wait_for(Log, lambda log: "it leaves the file" in log.message)
        joined.publisher.send(SetTrack(track=TrackKind.AUDIO, enabled=True))
        await joined.recorder.wait_for(SegmentClosed)
        await asyncio.sleep(1.5)
        first, second = map(inspect, await finished_files(joined))
        assert first.codecs == second.codecs == ("h264", "opus")
        assert second.counters()[0] == first.counters()[-1] + 1, "no frame may be lost or doubled at the cut"


@pytest.mark.parametrize("codec", [Codec.VP8, Codec.H264, Codec.AV1])
async def test_kill_9_loses_less_than_a_second(tmp_path: Path, codec: Codec) -> None:
    async with pair(publish(codec), record(tmp_path)) as joined:
        joined.connect()
        await joined.recorder.wait_for(TrackStarted)
        begun = time.monotonic()
        await asyncio.sleep(3)
        await joined.recorder.kill()
        lasted = time.monotonic() - begun
        (file,) = files_in(tmp_path)
        tape = inspect(file)
        assert tape.duration_s > lasted - 1.0
        assert not tape.decode_errors
        report = verify(file)
        assert report.ok
        assert report.cut_off


@pytest.mark.parametrize("seconds", [1.2, 1.8])
async def test_kill_9_in_the_first_moments_loses_less_than_a_second(tmp_path: Path, seconds: float) -> None:
    async with pair(publish(), record(tmp_path)) as joined:
        joined.connect()
        await joined.recorder.wait_for(PeerState, lambda state: state.connection == "connected")
        begun = time.monotonic()
        await asyncio.sleep(seconds)
        await joined.recorder.kill()
        lasted = time.monotonic() - begun
        (file,) = files_in(tmp_path)
        assert inspect(file).duration_s > lasted - 1.0


async def test_kill_9_while_sound_waits_for_the_first_key_frame_loses_less_than_a_second(tmp_path: Path) -> None:
    async with pair(publish(), record(tmp_path), sender="tests.support.slow_key_child") as joined:
        joined.connect()
        await joined.recorder.wait_for(PeerState, lambda state: state.connection == "connected")
        begun = time.monotonic()
        await asyncio.sleep(1.2)
        await joined.recorder.kill()
        lasted = time.monotonic() - begun
        assert not joined.recorder.all(SegmentOpened), "the file would have been opened by then anyhow"
        (prelude,) = files_in(tmp_path)
        assert prelude.match("room_anna_01_*-prelude.mkv")
        tape = inspect(prelude)
        assert tape.duration_s > lasted - 1.0
        assert not tape.decode_errors
        assert not tape.frames
        assert verify(prelude).ok


async def test_sound_that_waited_for_the_first_key_frame_is_in_the_file_and_no_other_file_stays(tmp_path: Path) -> None:
    async with pair(publish(), record(tmp_path), sender="tests.support.slow_key_child") as joined:
        joined.connect()
        opened = await joined.recorder.wait_for(SegmentOpened)
        assert opened.tracks == (TrackKind.AUDIO, TrackKind.VIDEO)
        assert len(files_in(tmp_path)) == 2
        await asyncio.sleep(2)
        assert files_in(tmp_path) == [Path(opened.path)]
        (file,) = await finished_files(joined)
        tape = inspect(file)
        assert_good(tape, GUEST, seconds=1.9)
        assert tape.frames[0].pts_ns > 0.8e9, "the sound is from before the first picture"


@pytest.mark.parametrize("codec", [Codec.VP8, Codec.H264])
async def test_sound_that_takes_longer_over_the_network_is_in_step_from_the_first_second_on(
    tmp_path: Path, codec: Codec
) -> None:
    async with pair(publish(codec), record(tmp_path), sender="tests.support.skewed_child") as joined:
        joined.connect()
        await joined.recorder.wait_for(SegmentOpened)
        await asyncio.sleep(6)
        (file,) = await finished_files(joined)
        tape = inspect(file)
        assert_good(tape, GUEST, seconds=5)
        pairs = [(flash, beep) for flash in tape.flashes for beep in tape.beeps if abs(flash - beep) < 0.5]
        assert len(pairs) >= 5
        assert max(abs(flash - beep) for flash, beep in pairs) <= 0.04, pairs


@pytest.mark.parametrize(
    ("codec", "container", "suffix"),
    [
        (Codec.H264, Container.MP4, ".mp4"),
        (Codec.VP8, Container.MP4, ".mkv"),
        (Codec.VP9, Container.MP4, ".mkv"),
        (Codec.VP8, Container.MKV, ".mkv"),
        (Codec.H264, Container.WEBM, ".mkv"),
        (Codec.AV1, Container.MP4, ".mkv"),
        (Codec.H265, Container.MP4, ".mp4"),
    ],
)
async def test_the_container_is_the_one_asked_for_if_the_codec_fits(
    tmp_path: Path, codec: Codec, container: Container, suffix: str
) -> None:
    async with pair(publish(codec), record(tmp_path, container)) as joined:
        joined.connect()
        await joined.recorder.wait_for(SegmentOpened)
        await asyncio.sleep(2.5)
        (file,) = await finished_files(joined)
        assert file.suffix == suffix
        assert_good(inspect(file), GUEST, seconds=2)
        assert verify(file).ok


async def test_a_forged_dtls_fingerprint_is_refused_before_anything_is_recorded(tmp_path: Path) -> None:
    async with pair(publish(), record(tmp_path)) as joined:
        joined.edit_offer = lambda sdp: re.sub(r"(a=fingerprint:sha-256 )..", r"\g<1>00", sdp)
        joined.connect()
        failed = await joined.recorder.wait_for(Failed)
        assert failed.code == "fingerprint_mismatch"
        assert await joined.recorder.process.wait() == 1
        assert files_in(tmp_path) == []


async def test_an_offer_without_any_fingerprint_is_refused(tmp_path: Path) -> None:
    async with pair(publish(), record(tmp_path)) as joined:
        joined.edit_offer = lambda sdp: re.sub(r"a=fingerprint:[^\r\n]*\r\n", "", sdp)
        joined.connect()
        assert (await joined.recorder.wait_for(Failed)).code == "fingerprint_mismatch"


async def test_no_common_codec_is_said_in_words(tmp_path: Path) -> None:
    async with pair(publish(), record(tmp_path)) as joined:
        joined.edit_offer = lambda sdp: sdp.replace("VP8/90000", "H263/90000").replace("OPUS/48000/2", "G722/8000")
        joined.connect()
        failed = await joined.recorder.wait_for(Failed)
        assert failed.code == "no_common_codec"
        assert "H263" in failed.detail
        assert "G722" in failed.detail


async def test_a_guest_that_cannot_be_reached_is_explained(tmp_path: Path) -> None:
    async with pair(publish(), record(tmp_path, connect_deadline_ms=2000)) as joined:
        joined.forward_candidates = False
        joined.connect()
        failed = await joined.recorder.wait_for(Failed)
        assert failed.code == "no_remote_candidates"


async def test_a_description_that_is_none_fails_that_child_alone_and_in_words(tmp_path: Path) -> None:
    async with pair(publish(), record(tmp_path)) as joined:
        joined.edit_offer = lambda _: "v=0\r\nthis is not a description\r\n"
        joined.connect()
        failed = await joined.recorder.wait_for(Failed)
        assert failed.code == "bad_description"
        assert joined.publisher.process.returncode is None


async def test_a_held_guest_who_sends_nothing_is_named_as_such(tmp_path: Path) -> None:
    nothing = PublishConfig(stream_id="anna", audio=False, video=False)
    patient = RecordConfig(stream_id="anna", folder=str(tmp_path), stem="room_anna_01", media_deadline_ms=500)
    async with pair(nothing, patient) as joined:
        joined.connect()
        await joined.recorder.wait_for(NoMedia)
        assert await finished_files(joined) == []
