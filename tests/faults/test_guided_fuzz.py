"""Texts found by coverage (atheris) are said to a recording child, and to a recorder by its handshake server."""

import asyncio
import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support.scene import Figure
from tests.support.studio import ROOT
from tests.support.unmoved import Tell, a_child_records_on, a_recorder_records_on

pytestmark = pytest.mark.asyncio(loop_scope="session")

RUNS: Final = 60_000
DEADLINE_S: Final = 120
MOST_SAID: Final = 500
PACE_S: Final = 0.01
OFFERS: Final = ROOT / "tests" / "unit" / "child"
BEGINNINGS: Final[dict[str, tuple[dict[str, Any], ...]]] = {
    "channel": (
        {"info": {"label": "Ann", "muted": True, "video_muted_init": False, "rotate_video": 90}, "screenStopped": True},
        {"candidates": [{"candidate": "candidate:1 1 udp 1 ::1 9 typ host", "sdpMid": "0", "sdpMLineIndex": 0}]},
        {"ping": 1, "session": "s", "muteState": True, "videoMuted": False, "requestAs": "x", "screen": ["1"]},
        *({"description": {"type": "offer", "sdp": path.read_text()}} for path in sorted(OFFERS.glob("*.sdp"))),
    ),
    "signaling": (
        {"request": "listing", "list": [{"UUID": "a", "streamID": "b"}], "director": "a"},
        {"request": "offerSDP", "UUID": "a", "from": "a", "session": "s", "streamID": "b"},
        {"description": {"type": "offer", "sdp": "v=0"}, "UUID": "a", "session": "s", "streamID": "b"},
        {"candidates": [{"candidate": "c", "sdpMid": "0"}], "type": "local", "UUID": "a", "session": "s"},
        {"request": "videoaddedtoroom", "UUID": "a", "streamID": "b", "from": "c", "roomid": "r", "isScene": False},
    ),
}


async def found(what: str, corpus: Path) -> list[str]:
    """The texts that lead to new places, shortest first; the same in each run."""
    prepare(corpus, BEGINNINGS[what])
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.support.guided", what, str(corpus), f"-runs={RUNS}", "-seed=1", "-max_len=8000"),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await asyncio.wait_for(process.communicate(), DEADLINE_S)
    assert process.returncode == 0, output.decode(errors="replace")[-4000:]
    return sorted(filter(None, texts_in(corpus)), key=lambda text: (len(text), text))[:MOST_SAID]


async def all_said(texts: Sequence[str], tell: Tell) -> int:
    for text in texts:
        tell(text)
        await asyncio.sleep(PACE_S)
    return len(texts)


async def test_a_recording_child_records_on_whatever_was_found(tmp_path: Path, record_property: Figure) -> None:
    texts = await found("channel", tmp_path / "corpus")
    texts = [text for text in texts if '"bye"' not in text and "\0" not in text]  # a true bye is meant
    count = await a_child_records_on(tmp_path / "tapes", lambda tell: all_said(texts, tell))
    record_property("found for the data channel", f"{count} texts")


async def test_the_recorder_records_on_whatever_was_found(tmp_path: Path, record_property: Figure) -> None:
    texts = await found("signaling", tmp_path / "corpus")
    count = await a_recorder_records_on(tmp_path, lambda tell, _: all_said(texts, tell))
    record_property("found for the handshake server", f"{count} texts")


def prepare(corpus: Path, beginnings: Iterable[dict[str, Any]]) -> None:
    corpus.mkdir()
    for number, beginning in enumerate(beginnings):
        (corpus / f"{number}").write_text(json.dumps(beginning))


def texts_in(corpus: Path) -> list[str]:
    return [path.read_bytes().decode(errors="replace") for path in corpus.iterdir()]
