"""A recorder as systemd runs it: told by the environment whom to tell, and what is told."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from tests.support.notified import Notified
from tests.support.studio import ROOM, Studio, assert_good, children_of, recording

pytestmark = pytest.mark.asyncio(loop_scope="session")

WATCHDOG_S = 1.0


def environment_of(pid: int) -> bytes:
    return Path(f"/proc/{pid}/environ").read_bytes()


@pytest.mark.parametrize("place", ["file", "abstract"])
async def test_systemd_hears_how_a_recorder_is(place: str, tmp_path: Path) -> None:
    async with Studio(tmp_path) as studio, Notified(tmp_path if place == "file" else None) as notified:
        recorder = await studio.run(
            "recorder",
            *("publish.py", "--server", studio.url, "--stun-server", "false", "--room", ROOM, "--record-room"),
            *("--output-dir", str(studio.folder)),
            NOTIFY_SOCKET=notified.address,
            WATCHDOG_USEC=str(int(WATCHDOG_S * 1e6)),
        )
        await notified.hears("READY=1")
        await notified.hears("STATUS=recording 0 guests")
        await studio.company("anna", 1)
        await recording(recorder, "anna")
        await notified.hears("STATUS=recording 1 guest")

        children = children_of(recorder.process.pid)
        assert len(children) >= 2  # the fork server and the guest's
        assert not any(b"NOTIFY_SOCKET" in environment_of(child) for child in children)

        mark = len(notified.news)
        await notified.hears("WATCHDOG=1", timeout_s=WATCHDOG_S, beyond=mark)
        os.kill(recorder.process.pid, signal.SIGSTOP)
        await asyncio.sleep(0.1)
        mark = len(notified.news)
        await asyncio.sleep(1.5 * WATCHDOG_S)
        assert notified.news[mark:] == []
        os.kill(recorder.process.pid, signal.SIGCONT)
        await notified.hears("WATCHDOG=1", beyond=mark)

        mark = len(notified.news)
        recorder.send(signal.SIGHUP)
        await notified.hears("RELOADING=1\nMONOTONIC_USEC=", beyond=mark)
        await notified.hears("READY=1", beyond=mark)
        mark = len(notified.news)
        assert await recorder.stop() == 0
        await notified.hears("STOPPING=1", beyond=mark)
        assert_good(studio.tape("anna"), 1, seconds=2 * WATCHDOG_S)


async def test_it_is_ready_before_there_is_a_handshake_server(tmp_path: Path) -> None:
    """Which may come later than it, or come back."""
    async with Notified() as notified, Studio(tmp_path, server="ws://127.0.0.1:1") as studio:
        recorder = await studio.run(
            "recorder",
            *("publish.py", "--server", studio.url, "--room", ROOM, "--record-room"),
            *("--output-dir", str(studio.folder)),
            NOTIFY_SOCKET=notified.address,
        )
        await notified.hears("READY=1")
        await notified.hears("STATUS=recording 0 guests; the handshake server is not there")
        assert await recorder.stop() == 0
        assert not [news for news in notified.news if news.startswith("WATCHDOG")]
