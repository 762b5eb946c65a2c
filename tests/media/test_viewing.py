"""A publishing and a viewing child, joined pipe to pipe: what an outlet writes, and when."""

import asyncio
import os
from pathlib import Path

import pytest

from roomtape.ipc.messages import (
    Failed,
    LocalDescription,
    OutputGranted,
    OutputWanted,
    PublishConfig,
    SetResolution,
    SetTrack,
    TrackStarted,
    ViewConfig,
)
from roomtape.model import Codec, TrackKind
from tests.support.content import inspect
from tests.support.pair import pair
from tests.support.studio import assert_good

pytestmark = [pytest.mark.light, pytest.mark.asyncio(loop_scope="session")]

GUEST = 7


def publish(codec: Codec) -> PublishConfig:
    return PublishConfig(stream_id="anna", codec=codec, width=320, height=180, bitrate_kbps=400, guest_number=GUEST)


def grant(wanted: OutputWanted) -> OutputGranted:
    return OutputGranted(header=True, codecs=wanted.codecs, epoch_ns=wanted.first_ns, since_ns=wanted.first_ns)


async def test_nothing_is_written_before_its_turn_and_a_late_picture_is_waited_for(tmp_path: Path) -> None:
    film = tmp_path / "film.mkv"
    with film.open("wb") as file:
        config = ViewConfig(stream_id="anna", descriptor=file.fileno())
        async with pair(publish(Codec.VP8), config, file.fileno()) as joined:
            viewer = joined.recorder
            joined.connect()
            await joined.publisher.wait_for(LocalDescription)
            joined.publisher.send(SetTrack(track=TrackKind.VIDEO, enabled=False))
            await viewer.wait_for(TrackStarted)
            await asyncio.sleep(3.5)  # longer than a reader's backlog
            assert not viewer.all(OutputWanted)
            joined.publisher.send(SetTrack(track=TrackKind.VIDEO, enabled=True))
            wanted = await viewer.wait_for(OutputWanted)
            assert wanted.codecs == (Codec.VP8, Codec.OPUS)
            assert film.stat().st_size == 0
            viewer.send(grant(wanted))
            await asyncio.sleep(3)
            assert await viewer.stop() is not None
    tape = inspect(film)
    assert_good(tape, GUEST, seconds=2.5)
    assert tape.codecs == ("vp8", "opus")


async def test_sound_alone_is_not_held_back_for_ever_and_later_pictures_do_no_harm(tmp_path: Path) -> None:
    film = tmp_path / "film.mkv"
    with film.open("wb") as file:
        config = ViewConfig(stream_id="anna", descriptor=file.fileno())
        async with pair(publish(Codec.H264), config, file.fileno()) as joined:
            viewer = joined.recorder
            joined.connect()
            await joined.publisher.wait_for(LocalDescription)
            joined.publisher.send(SetTrack(track=TrackKind.VIDEO, enabled=False))
            first = await viewer.wait_for(OutputWanted)
            assert first.codecs == (Codec.OPUS,)
            viewer.send(grant(first))
            joined.publisher.send(SetTrack(track=TrackKind.VIDEO, enabled=True))
            second = await viewer.wait_for(OutputWanted, lambda wanted: len(wanted.codecs) == 2)
            again = OutputGranted(header=False, codecs=first.codecs, epoch_ns=first.first_ns, since_ns=second.first_ns)
            viewer.send(again)
            await asyncio.sleep(2)
            assert await viewer.stop() is not None
    tape = inspect(film)
    assert tape.codecs == ("opus",)
    assert_good(tape, GUEST, seconds=2, video=False)


async def test_a_change_of_resolution_and_a_pause_stay_in_the_stream(tmp_path: Path) -> None:
    film = tmp_path / "film.mkv"
    with film.open("wb") as file:
        config = ViewConfig(stream_id="anna", descriptor=file.fileno())
        async with pair(publish(Codec.H264), config, file.fileno()) as joined:
            viewer = joined.recorder
            joined.connect()
            viewer.send(grant(await viewer.wait_for(OutputWanted)))
            await asyncio.sleep(1)
            joined.publisher.send(SetResolution(width=160, height=90))
            await asyncio.sleep(1.5)
            joined.publisher.send(SetTrack(track=TrackKind.VIDEO, enabled=False))
            await asyncio.sleep(1.5)
            joined.publisher.send(SetTrack(track=TrackKind.VIDEO, enabled=True))
            await asyncio.sleep(1.5)
            assert await viewer.stop() is not None
    tape = inspect(film)
    assert not tape.decode_errors
    assert tape.sizes == [(320, 180), (160, 90)]
    assert len(tape.beeps) >= 4, "sound goes on while there is no picture"
    offset = tape.av_offset()
    assert offset is not None
    assert abs(offset) <= 0.04


async def test_a_closed_pipe_is_named(tmp_path: Path) -> None:
    read, write = os.pipe()
    async with pair(publish(Codec.VP8), ViewConfig(stream_id="anna", descriptor=write), write) as joined:
        os.close(write)
        os.close(read)
        joined.connect()
        joined.recorder.send(grant(await joined.recorder.wait_for(OutputWanted)))
        failed = await joined.recorder.wait_for(Failed)
        assert (failed.code, failed.retryable) == ("reader_gone", False)
        await asyncio.wait_for(joined.recorder.process.wait(), 8)
