"""What forked children record."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from roomtape.config import Deadlines, SupervisionSettings
from roomtape.ipc.messages import Finished, PublishConfig, Ready, RecordConfig, SegmentOpened
from roomtape.model import Codec
from roomtape.observe.metrics import Metrics
from roomtape.storage.verify import verify
from roomtape.supervisor.launcher import launching
from tests.support.content import inspect
from tests.support.pair import ChildProcess, Pair
from tests.support.studio import assert_good

pytestmark = pytest.mark.asyncio(loop_scope="session")

GUESTS = (3, 4)


async def test_recordings_go_on_when_the_fork_server_dies(tmp_path: Path) -> None:
    metrics = Metrics()
    async with launching(SupervisionSettings(), Deadlines(), metrics) as launcher:

        async def recorder(guest: int) -> ChildProcess:
            child = ChildProcess(await launcher())
            child.configure(RecordConfig(stream_id="anna", folder=str(tmp_path), stem=f"guest_{guest}"))
            await child.wait_for(Ready)
            return child

        async def publisher(guest: int) -> ChildProcess:
            config = PublishConfig(
                stream_id="anna", codec=Codec.VP8, width=320, height=180, bitrate_kbps=300, guest_number=guest
            )
            return await ChildProcess.start(config)

        joined = [Pair(await publisher(guest), await recorder(guest)) for guest in GUESTS]
        try:
            for pair in joined:
                pair.connect()
            for pair in joined:
                await pair.recorder.wait_for(SegmentOpened)
            await asyncio.sleep(1)
            os.kill(_parent(joined[0].recorder.process.pid), signal.SIGKILL)
            await asyncio.sleep(2)
            for guest, pair in zip(GUESTS, joined, strict=True):
                finished = await pair.recorder.stop()
                assert isinstance(finished, Finished)
                assert pair.recorder.process.returncode == 0
                (file,) = map(Path, finished.files)
                assert_good(inspect(file), guest, seconds=2.5)
                assert verify(file).ok
        finally:
            for pair in joined:
                await pair.publisher.kill()
                await pair.recorder.kill()
    assert not metrics.forks_failed.value


def _parent(pid: int) -> int:
    parent = int(Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()[1])
    assert parent != os.getpid()
    return parent
