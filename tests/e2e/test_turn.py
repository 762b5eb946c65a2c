"""Relay-only recordings through a real TURN server, and what the user reads when it does not work."""

import asyncio
from pathlib import Path

import pytest

from tests.support.studio import Studio, assert_good, recording
from tests.support.turn import Coturn

pytestmark = pytest.mark.asyncio(loop_scope="session")

PASSWORD = "s3cret:p@ss w/rd"
RELAY = ("--ice-transport-policy", "relay")


async def test_relay_only_through_coturn(tmp_path: Path) -> None:
    with Coturn(user="ann", password=PASSWORD) as turn:
        async with Studio(tmp_path) as studio:
            await studio.company("anna", 1)
            recorder = await studio.recorder("--turn-server", turn.uri(), *RELAY)
            await recording(recorder, "anna")
            await asyncio.sleep(3)
            assert await recorder.stop() == 0
            assert_good(studio.tape("anna"), 1, seconds=2.5)
            assert "s3cret" not in recorder.output
        assert "Local relay addr" in turn.log_text() or "ALLOCATE" in turn.log_text()


async def test_a_wrong_turn_password_is_said_clearly_and_no_secret_with_it(tmp_path: Path) -> None:
    with Coturn(user="ann", password=PASSWORD) as turn:
        async with Studio(tmp_path) as studio:
            await studio.company("anna", 1)
            wrong = f"turn://ann:wr0ng-p4ss@{turn.host}:{turn.port}"
            recorder = await studio.recorder("--turn-server", wrong, *RELAY, "--debug")
            said = await recorder.says(r"TURN does not work code=turn_refused reason=(.*)", timeout_s=12)
            assert "401" in said[1]
            assert await recorder.stop() == 0
            assert "wr0ng" not in recorder.output
            assert studio.files("anna") == []


async def test_a_turn_server_that_is_not_there_is_said_clearly(tmp_path: Path) -> None:
    async with Studio(tmp_path) as studio:
        await studio.company("anna", 1)
        recorder = await studio.recorder("--turn-server", "turn://ann:pass@127.0.0.1:9?transport=tcp", *RELAY)
        await recorder.says(r"TURN does not work code=turn_unreachable", timeout_s=12)
        assert await recorder.stop() == 0
