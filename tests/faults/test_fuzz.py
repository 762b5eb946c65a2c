"""Nonsense on the data channel and from the handshake server, while a recording goes on.

The examples are hypothesis's, the same in each run; a failure names the last one that was said.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from roomtape.ipc.messages import Failed, Ping, Pong, PublishConfig, RecordConfig, SegmentOpened
from tests.support.content import Content, inspect
from tests.support.gate import Gate
from tests.support.hostile import CANDIDATES, DESCRIPTIONS, VALUES, texts
from tests.support.hostile_child import say
from tests.support.pair import pair
from tests.support.scene import Figure
from tests.support.studio import Studio, alive, assert_good, recording, recording_children

pytestmark = pytest.mark.asyncio(loop_scope="session")

EXAMPLES = 400
GUEST = 1
PACE_S = 0.01
LATENCY_S = 0.5
"""What is on its way, and in the jitter buffer, when a recording ends."""
NAMES = st.sampled_from(["anna", "odd", "odder", ""]) | VALUES
CHANNEL = {
    # A true "bye" is meant: it ends the recording as it should.
    **dict.fromkeys(("ping", "session", "info", "muteState", "videoMuted", "rotate_video", "screen"), VALUES),
    **dict.fromkeys(("pong", "candidate", "vector", "keyframe", "iceRestartRequest", "chat", "requestAs"), VALUES),
    "screenStopped": VALUES,
    "description": DESCRIPTIONS,
    "candidates": CANDIDATES,
}
REQUESTS = ("listing", "transferred", "someonejoined", "videoaddedtoroom", "seed", "joinroom", "offerSDP", "play")
OTHERS = ("bye", "cleanup", "ping", "migrate", "")


def signals(uuids: list[str]) -> dict[str, st.SearchStrategy[Any]]:
    """Fields of what a server says, of and to these members too."""
    members = st.sampled_from(uuids) | VALUES
    return {
        "request": st.sampled_from((*REQUESTS, *OTHERS)) | VALUES,
        **dict.fromkeys(("UUID", "from", "director"), members),
        "list": st.lists(st.fixed_dictionaries({"UUID": members, "streamID": NAMES}), max_size=4) | VALUES,
        "streamID": NAMES,
        **dict.fromkeys(("session", "vector", "candidate", "type", "roomid", "isScene", "iceRestartRequest"), VALUES),
        "description": DESCRIPTIONS,
        "candidates": CANDIDATES,
    }


async def all_said(what: st.SearchStrategy[str], tell: Callable[[str], Any]) -> int:
    """Say EXAMPLES texts, with a little time between; returns how many they were."""
    loop, count = asyncio.get_running_loop(), 0

    async def one(text: str) -> None:
        tell(text)
        await asyncio.sleep(PACE_S)

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    @given(what)
    def say_all(text: str) -> None:
        nonlocal count
        count += 1
        asyncio.run_coroutine_threadsafe(one(text), loop).result(10)

    await asyncio.to_thread(say_all)
    return count


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def only_tape(folder: Path) -> Content:
    (file,) = folder.iterdir()
    return inspect(file)


async def test_a_recording_child_records_on_whatever_its_guest_says(tmp_path: Path, record_property: Figure) -> None:
    published = PublishConfig(
        stream_id="anna", width=320, height=180, framerate=15, bitrate_kbps=200, guest_number=GUEST
    )
    recorded = RecordConfig(stream_id="anna", folder=str(tmp_path), stem="anna")
    async with pair(published, recorded, sender="tests.support.hostile_child") as joined:
        joined.connect()
        await joined.recorder.wait_for(SegmentOpened)
        begun = asyncio.get_running_loop().time()
        count = await all_said(texts(CHANNEL), lambda text: joined.publisher.send(say(text)))
        joined.recorder.send(Ping(seq=99))
        await joined.recorder.wait_for(Pong, timeout_s=3)
        await asyncio.sleep(1)
        lasted = asyncio.get_running_loop().time() - begun
        assert (joined.publisher.all(Failed), joined.publisher.process.returncode) == ([], None)
        assert joined.recorder.all(Failed) == []
        assert await joined.recorder.stop() is not None
    record_property("said on the data channel", f"{count} texts")
    tape = only_tape(tmp_path)
    assert_good(tape, GUEST, seconds=lasted - LATENCY_S)
    assert tape.missing() == []


async def test_the_recorder_records_on_whatever_its_server_says(tmp_path: Path, record_property: Figure) -> None:
    async with Studio(tmp_path, password="false") as studio, Gate(studio.url) as gate:
        await studio.guest("anna", GUEST, "--framerate", "15")
        recorder = await studio.recorder("--server", gate.url)
        await recording(recorder, "anna")
        (child,) = recording_children(recorder.process.pid)
        begun = asyncio.get_running_loop().time()
        saying: set[asyncio.Task[None]] = set()
        uuids = sorted(gate.members)
        assert uuids
        count = await all_said(texts(signals(uuids)), lambda text: saying.add(asyncio.create_task(gate.say(text))))
        await asyncio.gather(*saying)
        await asyncio.sleep(1)
        assert alive(child), recorder.output
        lasted = asyncio.get_running_loop().time() - begun
        assert await recorder.stop() == 0
    record_property("said by the handshake server", f"{count} texts")
    tape = inspect(studio.files("anna")[0])
    assert_good(tape, GUEST, seconds=lasted - LATENCY_S)
    assert tape.missing() == []
    assert not [path for path in files_in(tmp_path) if path.suffix == ".webm" and path.parent != studio.folder]
    assert studio.manifest()["recordings"]
