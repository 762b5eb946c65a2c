"""`roomtape doctor` as a user runs it: a real handshake server, a real coturn, and what is wrong with them."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from websockets.asyncio.client import connect

from roomtape.config import ServeSettings
from roomtape.handshake.server import HandshakeServer
from roomtape.ice.servers import turn_uri
from roomtape.model import TurnServer, TurnTransport
from roomtape.signaling.identity import make_identity
from tests.support.turn import LOOPBACK, Coturn, free_port

ROOM, PASSWORD = "studio", "grüße an alle"
TURN_USER, TURN_PASSWORD, WRONG_PASSWORD = "alice", "relaysecret", "hunter2secret"
DEADLINE_S = 30


@pytest.fixture(scope="session")
def coturn() -> Iterator[Coturn]:
    with Coturn(TURN_USER, TURN_PASSWORD) as server:
        yield server


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[HandshakeServer]:
    async with HandshakeServer(ServeSettings(port=0), tmp_path) as running:
        yield running


async def doctor(*arguments: str, password: str = PASSWORD, turn: str = "false") -> tuple[int | None, str]:
    """Exit code, and what is on a wide terminal."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("ROOMTAPE_")}
    secrets = {"ROOMTAPE_PASSWORD": password, "ROOMTAPE_TURN_SERVER": turn}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "roomtape", "doctor", *arguments),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=inherited | secrets | {"COLUMNS": "200"},
    )
    output, _ = await asyncio.wait_for(process.communicate(), DEADLINE_S)
    return process.returncode, output.decode()


def rows(text: str) -> dict[str, tuple[str, str]]:
    """Result and remark of each check; for several of a kind the last."""
    found: dict[str, tuple[str, str]] = {}
    for line in text.splitlines()[1:]:
        for result in (" ok ", " warning ", " problem "):
            name, there, remark = line.partition(result)
            if there and not line.startswith(" "):
                found[name.strip()] = (result.strip(), remark.strip())
                break
    return found


async def test_all_is_well(server: HandshakeServer, coturn: Coturn, tmp_path: Path) -> None:
    identity = make_identity(PASSWORD)
    async with connect(server.url) as guest:
        await guest.send(json.dumps({"request": "joinroom", "roomid": identity.room_id(ROOM)}))
        await guest.recv()
        await guest.send(json.dumps({"request": "seed", "streamID": f"ann{identity.suffix}"}))
        await (await guest.ping())
        where = (f"--server={server.url}", f"--stun-server=stun:{coturn.host}:{coturn.port}")
        code, text = await doctor(ROOM, *where, f"--output-dir={tmp_path}", turn=coturn.uri())
    found = rows(text)
    assert code == 0, text
    assert {result for result, _ in found.values()} == {"ok"}, text
    assert found["elements"][1] == "all are there"
    assert found["handshake server"][1].endswith("dialect hosted, members beside us: 1, streams: 1")
    assert f"sees this machine as {coturn.host}:" in found["STUN"][1]
    assert f"relays by {coturn.host}:" in found["TURN"][1]
    assert not any(secret in text for secret in (TURN_PASSWORD, PASSWORD, "gr%C3%BC"))


async def test_a_wrong_turn_password_and_a_closed_port(coturn: Coturn, tmp_path: Path) -> None:
    turn = turn_uri(TurnServer(coturn.host, coturn.port, TurnTransport.TCP, TURN_USER, WRONG_PASSWORD))
    server = f"ws://{LOOPBACK}:{free_port()}"
    where = (f"--server={server}", "--stun-server=false", f"--output-dir={tmp_path}")
    code, text = await doctor(ROOM, *where, turn=turn)
    found = rows(text)
    assert code == 1
    assert {name for name, (result, _) in found.items() if result != "ok"} == {"handshake server", "TURN"}, text
    assert found["handshake server"][0] == found["TURN"][0] == "problem"
    assert found["handshake server"][1].startswith(f"{server}: cannot reach the handshake server")
    assert found["TURN"][1].endswith("refused the user name or password (401)")
    assert "check the user name and password in --turn-server" in text
    assert WRONG_PASSWORD not in text
    assert "Traceback" not in text


async def test_with_another_password_the_room_is_empty(server: HandshakeServer, tmp_path: Path) -> None:
    where = (f"--server={server.url}", "--stun-server=false", f"--output-dir={tmp_path}")
    async with connect(server.url) as guest:
        await guest.send(json.dumps({"request": "joinroom", "roomid": make_identity(PASSWORD).room_id(ROOM)}))
        await guest.recv()
        remarks = [rows((await doctor(ROOM, *where, password=one))[1])["handshake server"] for one in (PASSWORD, "no")]
    assert remarks[0][1].endswith("members beside us: 1, streams: 0")
    assert "nobody is in the room" in remarks[1][1]


async def test_what_cannot_work_together_is_said_before_anything_is_tried() -> None:
    code, text = await doctor(f"--server=ws://{LOOPBACK}:1", "--ice-transport-policy=relay")
    assert (code, text.count("\n")) == (2, 1)
    assert "relay-only needs a TURN server" in text
