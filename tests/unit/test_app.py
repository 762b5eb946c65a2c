import asyncio
import json
import os
import signal
from pathlib import Path
from typing import Any, cast

import pytest

from roomtape import app, reloading
from roomtape.app import UUID_LENGTH, signaling_client, state_dir, turn_list
from roomtape.config import IceSettings, Settings, SignalingSettings
from roomtape.model import StreamId, TurnServer, TurnTransport, WireStreamId
from roomtape.observe.metrics import Metrics
from roomtape.runner import Runner
from roomtape.signaling.identity import make_identity
from roomtape.signaling.protocol import Transmit
from tests.support.fake_process import settle

ANN = StreamId("ann")
IDENTITY = make_identity("correct horse")
HOSTED, OWN = "wss://wss.vdo.ninja", "wss://studio.example"
MINE = TurnServer("mine.example", 3478, TurnTransport.UDP, "me", "secret")


class FakeRunner:
    """Leaves when `may_leave` is set, or killed."""

    def __init__(self) -> None:
        self.client: object = None
        self.leaving, self.may_leave = asyncio.Event(), asyncio.Event()
        self.left = self.killed = False

    def on_signal(self, _signal: object) -> None: ...
    def on_joined(self, _joined: object) -> None: ...
    def on_lost(self, _error: object) -> None: ...

    async def leave(self) -> None:
        self.leaving.set()
        await self.may_leave.wait()
        self.left = True

    def kill_all(self) -> None:
        self.killed = True
        self.may_leave.set()

    @property
    def runner(self) -> Runner:
        return cast(Runner, self)


# --- the client of a run ------------------------------------------------------------------------------------------


def frames(signaling: SignalingSettings, seed: WireStreamId | None = None) -> list[dict[str, Any]]:
    """What the client of these settings would send first."""
    fake = FakeRunner()
    client = signaling_client(Settings(signaling=signaling), IDENTITY, fake.runner, Metrics(), seed)
    assert fake.client is client
    return [json.loads(output.text) for output in client._protocol.opened(0) if isinstance(output, Transmit)]


async def test_the_room_is_joined_by_its_hash() -> None:
    [joining] = frames(SignalingSettings(server=OWN, room="studio"))
    assert (joining["request"], joining["roomid"]) == ("joinroom", IDENTITY.room_id("studio"))
    assert "correct" not in json.dumps(joining)


async def test_without_a_room_nothing_is_joined() -> None:
    assert frames(SignalingSettings(server=OWN)) == []


async def test_a_publisher_seeds_its_stream() -> None:
    frame = frames(SignalingSettings(server=OWN), IDENTITY.wire_id(ANN))[-1]
    assert (frame["request"], frame["streamID"]) == ("seed", IDENTITY.wire_id(ANN))


async def test_every_client_has_an_address_of_its_own() -> None:
    settings = SignalingSettings(server=OWN, room="studio", dialect="fanout")
    addresses = {frames(settings)[0]["from"] for _ in range(10)}
    assert len(addresses) == 10
    assert all(len(address) == UUID_LENGTH and address.isalnum() for address in addresses)


# --- TURN ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("server", "turn", "asked"),
    [(HOSTED, None, True), (HOSTED, (), False), (HOSTED, (MINE,), False), (OWN, None, False), (OWN, (MINE,), False)],
)
async def test_the_service_is_asked_for_turn_servers_of_its_own_clients_only(
    server: str, turn: tuple[TurnServer, ...] | None, asked: bool
) -> None:
    settings = Settings(signaling=SignalingSettings(server=server), ice=IceSettings(turn=turn))
    assert (turn_list(settings) is not None) == asked


# --- what outlives a run ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variable", "folder"),
    [
        (None, "/home/ann/.local/state/roomtape"),
        ("", "/home/ann/.local/state/roomtape"),
        ("relative", "/home/ann/.local/state/roomtape"),
        ("/var/state", "/var/state/roomtape"),
    ],
)
def test_the_state_folder_is_where_xdg_says(variable: str | None, folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ann")
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    if variable is not None:
        monkeypatch.setenv("XDG_STATE_HOME", variable)
    assert state_dir() == Path(folder)


# --- SIGHUP -------------------------------------------------------------------------------------------------------


class FakeReloading:
    def __init__(self) -> None:
        self.asked = asyncio.Event()

    def ask(self) -> None:
        self.asked.set()


async def test_a_hangup_reads_the_configuration_again_unless_it_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    controller, terminal = os.openpty()
    monkeypatch.setattr(reloading, "STANDARD", (terminal,))
    fake = FakeReloading()
    ended = app._reload_at_hangup(cast(reloading.Reloading, fake))
    os.kill(os.getpid(), signal.SIGHUP)
    await asyncio.wait_for(fake.asked.wait(), 10)
    assert not ended.is_set()
    fake.asked.clear()
    os.close(controller)
    os.kill(os.getpid(), signal.SIGHUP)
    await asyncio.wait_for(ended.wait(), 10)
    assert not fake.asked.is_set()
    os.close(terminal)


# --- the end of a run ---------------------------------------------------------------------------------------------


async def for_ever() -> None:
    await asyncio.Event().wait()


async def crash() -> None:
    raise ZeroDivisionError


async def test_a_run_that_is_over_is_left_in_good_order() -> None:
    fake, ended = FakeRunner(), asyncio.Event()
    fake.may_leave.set()
    run = asyncio.create_task(app._until_told(fake.runner, (for_ever(),), ended))
    await settle()
    assert not fake.left
    ended.set()
    await run
    assert (fake.left, fake.killed) == (True, False)


async def test_a_crash_of_the_work_is_not_hidden() -> None:
    fake = FakeRunner()
    fake.may_leave.set()
    with pytest.raises(ZeroDivisionError):
        await app._until_told(fake.runner, (for_ever(), crash()))
    assert fake.left


async def test_nor_is_one_of_leaving(monkeypatch: pytest.MonkeyPatch) -> None:
    fake, ended = FakeRunner(), asyncio.Event()
    ended.set()
    monkeypatch.setattr(fake, "leave", crash)
    with pytest.raises(ZeroDivisionError):
        await app._until_told(fake.runner, (for_ever(),), ended)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_first_signal_is_polite_and_a_second_is_not(number: signal.Signals) -> None:
    fake = FakeRunner()
    run = asyncio.create_task(app._until_told(fake.runner, (for_ever(),)))
    await settle()
    os.kill(os.getpid(), number)
    await asyncio.wait_for(fake.leaving.wait(), 10)
    await settle()
    assert (run.done(), fake.killed) == (False, False)
    os.kill(os.getpid(), number)
    await asyncio.wait_for(run, 10)
    assert (fake.left, fake.killed) == (True, True)
