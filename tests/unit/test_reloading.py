import asyncio
import logging
import os
from collections.abc import AsyncIterator

import pytest

from roomtape import reloading as module
from roomtape.config import Settings, with_values
from roomtape.errors import ConfigError
from roomtape.observe.systemd import Systemd
from roomtape.reloading import Hangup, Reloading
from tests.support.notified import Notified

OLD = with_values(Settings(), {"signaling.server": "wss://studio.example", "signaling.room": "studio"})


class Recorder:
    """What is in the files, and what holds."""

    def __init__(self, systemd: Systemd) -> None:
        self.now: Settings | ConfigError = OLD
        self.applied: list[Settings] = []
        self.hidden: list[str] = []
        self.reloading = Reloading(OLD, self._read, self._apply, self.hidden.append, systemd)

    def _read(self) -> Settings:
        """In a thread."""
        if isinstance(self.now, ConfigError):
            raise self.now
        return self.now

    async def _apply(self, settings: Settings) -> None:
        self.applied.append(settings)

    async def reload(self, caplog: pytest.LogCaptureFixture) -> str:
        """What is said of it."""
        caplog.clear()
        await self.reloading.reload()
        return " ".join(f"{record.getMessage()} {record.__dict__['fields']}" for record in caplog.records)


@pytest.fixture
async def recorder(caplog: pytest.LogCaptureFixture) -> AsyncIterator[Recorder]:
    caplog.set_level(logging.INFO, "roomtape")
    yield Recorder(Systemd())
    logging.getLogger("roomtape").setLevel(logging.NOTSET)


async def test_it_is_done_whenever_it_is_asked_for_and_systemd_is_told() -> None:
    async with Notified() as notified:
        recorder = Recorder(notified.systemd())
        run = asyncio.create_task(recorder.reloading.run())
        for times in (1, 2):
            recorder.reloading.ask()
            await notified.hears("READY=1", beyond=2 * times - 1)
        run.cancel()
    assert [news.partition("\n")[0] for news in notified.news] == ["RELOADING=1", "READY=1"] * 2


async def test_what_can_change_does_and_the_rest_is_named(recorder: Recorder, caplog: pytest.LogCaptureFixture) -> None:
    wanted = with_values(OLD, {"recording.max_bitrate_kbps": 800})
    recorder.now = with_values(wanted, {"recording.prefix": "p"})
    said = await recorder.reload(caplog)
    assert recorder.applied == [wanted]
    assert "'for_new_connections': 'max-bitrate'" in said
    assert "left as it is until the next start {'options': 'prefix'}" in said


async def test_the_log_level_changes_at_once(recorder: Recorder, caplog: pytest.LogCaptureFixture) -> None:
    recorder.now = with_values(OLD, {"debug": True})
    await recorder.reload(caplog)
    assert logging.getLogger("roomtape").level == logging.DEBUG
    recorder.now = OLD
    await recorder.reload(caplog)
    assert logging.getLogger("roomtape").level == logging.INFO


async def test_without_a_change_nothing_is_done(recorder: Recorder, caplog: pytest.LogCaptureFixture) -> None:
    assert "'for_new_connections': 'nothing'" in await recorder.reload(caplog)
    assert recorder.applied == []


async def test_what_cannot_be_used_changes_nothing_and_can_be_mended(
    recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    recorder.now = ConfigError("the file x.toml is not TOML")
    said = await recorder.reload(caplog)
    assert (recorder.applied, len(caplog.records)) == ([], 1)
    assert "nothing has changed {'reason': 'the file x.toml is not TOML'}" in said
    recorder.now = with_values(OLD, {"recording.jitter_ms": 1})
    await recorder.reload(caplog)
    assert len(recorder.applied) == 1


async def test_secrets_are_concealed_before_anything_is_said(
    recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    recorder.now = with_values(OLD, {"signaling.password": "correct horse"})
    assert "'password'" in await recorder.reload(caplog)
    assert "correct horse" in recorder.hidden


def test_a_terminal_that_is_closed_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    controller, terminal = os.openpty()
    monkeypatch.setattr(module, "STANDARD", (terminal,))
    hangup = Hangup()
    assert not hangup.happened()
    os.close(controller)
    assert hangup.happened()
    os.close(terminal)


def test_one_that_was_never_there_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STANDARD", ())
    assert not Hangup().happened()
