"""Nonsense on the data channel and from the handshake server, while a recording goes on.

The examples are hypothesis's. It also takes constants out of our modules that are loaded: what is said depends on which
tests ran before. A failure names the last text.
"""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.support.hostile import CANDIDATES, DESCRIPTIONS, VALUES, texts
from tests.support.scene import Figure
from tests.support.unmoved import Tell, a_child_records_on, a_recorder_records_on

pytestmark = pytest.mark.asyncio(loop_scope="session")

EXAMPLES = 400
PACE_S = 0.01
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


async def all_said(what: st.SearchStrategy[str], tell: Tell) -> int:
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


async def test_a_recording_child_records_on_whatever_its_guest_says(tmp_path: Path, record_property: Figure) -> None:
    count = await a_child_records_on(tmp_path, lambda tell: all_said(texts(CHANNEL), tell))
    record_property("said on the data channel", f"{count} texts")


async def test_a_recording_child_records_on_over_what_is_empty_in_c(tmp_path: Path) -> None:
    async def talk(tell: Tell) -> int:
        for text in ("", "\0", "\0 and more", "more \0", "{}"):
            tell(text)
            await asyncio.sleep(0.1)
        await asyncio.sleep(2)
        return 5

    assert await a_child_records_on(tmp_path, talk) == 5


async def test_the_recorder_records_on_whatever_its_server_says(tmp_path: Path, record_property: Figure) -> None:
    count = await a_recorder_records_on(tmp_path, lambda tell, uuids: all_said(texts(signals(uuids)), tell))
    record_property("said by the handshake server", f"{count} texts")
