"""SIGHUP to a recorder that runs: its configuration file is read again, and no recording is disturbed."""

import asyncio
import signal
from pathlib import Path

import pytest

from tests.support.studio import Studio, assert_good, recording

pytestmark = pytest.mark.asyncio(loop_scope="session")

LASTS_S = 1.5


async def test_the_configuration_is_read_again_and_nobody_is_disturbed(tmp_path: Path) -> None:
    config = tmp_path / "roomtape.toml"
    config.write_text('prefix = "p"\nbuffer = 100')
    async with Studio(tmp_path) as studio:
        await studio.company("anna", 1)
        recorder = await studio.recorder("--config", str(config), "--buffer", "150")
        await recording(recorder, "anna")

        config.write_text("prefix = ")
        recorder.send(signal.SIGHUP)
        await recorder.says(r"error +the configuration cannot be used, and nothing has changed reason=.*is not TOML")

        config.write_text('prefix = "q"\nbuffer = 300\ncontainer = "mkv"\ndebug = true')
        recorder.send(signal.SIGHUP)
        await recorder.says(r"the configuration was read again at_once=debug for_new_connections=container\b")
        await recorder.says(r"left as it is until the next start options=prefix\b")

        await studio.company("ben", 2)
        await recording(recorder, "ben")
        await recorder.says(r"debug +attempt")
        await asyncio.sleep(LASTS_S)
        assert await recorder.stop() == 0
        assert [path.suffix for path in (*studio.files("anna"), *studio.files("ben"))] == [".webm", ".mkv"]
        assert_good(studio.tape("anna"), 1, seconds=LASTS_S)
        assert studio.tape("anna").missing() == []
        assert_good(studio.tape("ben"), 2, seconds=LASTS_S - 0.5)
