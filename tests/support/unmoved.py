"""A recording that goes on while nonsense is said: to its child by the guest, to the recorder by its server."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from roomtape.ipc.messages import Failed, Ping, Pong, PublishConfig, RecordConfig, SegmentOpened
from tests.support.content import inspect
from tests.support.gate import Gate
from tests.support.hostile_child import say
from tests.support.pair import pair
from tests.support.studio import Studio, alive, assert_good, recording, recording_children

GUEST: Final = 1
LATENCY_S: Final = 0.5
"""What is on its way, and in the jitter buffer, when a recording ends."""

Tell = Callable[[str], None]


async def a_child_records_on(folder: Path, talk: Callable[[Tell], Awaitable[int]]) -> int:
    """`talk` says texts on the data channel; returns how many it said."""
    published = PublishConfig(
        stream_id="anna", width=320, height=180, framerate=15, bitrate_kbps=200, guest_number=GUEST
    )
    recorded = RecordConfig(stream_id="anna", folder=str(folder), stem="anna")
    async with pair(published, recorded, sender="tests.support.hostile_child") as joined:
        joined.connect()
        await joined.recorder.wait_for(SegmentOpened)
        begun = asyncio.get_running_loop().time()
        count = await talk(lambda text: joined.publisher.send(say(text)))
        joined.recorder.send(Ping(seq=99))
        await joined.recorder.wait_for(Pong, timeout_s=3)
        await asyncio.sleep(1)
        lasted = asyncio.get_running_loop().time() - begun
        assert (joined.publisher.all(Failed), joined.publisher.process.returncode) == ([], None)
        assert joined.recorder.all(Failed) == []
        finished = await joined.recorder.stop()
        assert finished is not None
    (file,) = finished.files
    _assert_whole(Path(file), lasted)
    return count


async def a_recorder_records_on(folder: Path, talk: Callable[[Tell, list[str]], Awaitable[int]]) -> int:
    """`talk` says texts as the server would, and is given the members' UUIDs; returns how many it said."""
    async with Studio(folder, password="false") as studio, Gate(studio.url) as gate:
        await studio.guest("anna", GUEST, "--framerate", "15")
        recorder = await studio.recorder("--server", gate.url)
        await recording(recorder, "anna")
        (child,) = recording_children(recorder.process.pid)
        begun = asyncio.get_running_loop().time()
        saying: set[asyncio.Task[None]] = set()
        uuids = sorted(gate.members)
        assert uuids
        count = await talk(lambda text: saying.add(asyncio.create_task(gate.say(text))), uuids)
        await asyncio.gather(*saying)
        await asyncio.sleep(1)
        assert alive(child), recorder.output
        lasted = asyncio.get_running_loop().time() - begun
        assert await recorder.stop() == 0
    _assert_whole(studio.files("anna")[0], lasted)
    assert {path.parent for path in webm_files(folder)} == {studio.folder}, "files elsewhere"
    assert studio.manifest()["recordings"]
    return count


def webm_files(folder: Path) -> list[Path]:
    return list(folder.rglob("*.webm"))


def _assert_whole(file: Path, lasted_s: float) -> None:
    tape = inspect(file)
    assert_good(tape, GUEST, seconds=lasted_s - LATENCY_S)
    assert tape.missing() == []
