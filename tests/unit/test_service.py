import asyncio

import pytest

from roomtape.model import StreamId
from roomtape.observe.board import Board, GuestState
from roomtape.service import Service, status_of
from tests.support.notified import Notified

AWAY = "; the handshake server is not there, and is tried again"


def board(*states: GuestState) -> Board:
    board = Board()
    for n, state in enumerate(states):
        board.set_state(StreamId(f"guest{n}"), state, 0)
    return board


@pytest.mark.parametrize(
    ("states", "status"),
    [
        ([], "recording 0 guests"),
        ([GuestState.RECORDING], "recording 1 guest"),
        ([GuestState.RECORDING] * 2 + [GuestState.CONNECTING, GuestState.WAITING], "recording 2 guests, 2 not yet"),
        ([GuestState.FINISHED, GuestState.FAILED], "recording 0 guests"),
    ],
)
def test_the_status_counts_guests_and_names_a_lost_server(states: list[GuestState], status: str) -> None:
    assert status_of(board(*states), connected=True) == status
    assert status_of(board(*states), connected=False) == status + AWAY


async def test_a_service_is_ready_and_alive_while_the_loop_goes_round() -> None:
    async with Notified() as notified:
        guests = board()
        run = asyncio.create_task(Service(notified.systemd(watchdog_s=0.002), guests, lambda: True).run())
        await notified.hears("WATCHDOG=1", beyond=4)
        guests.set_state(StreamId("ann"), GuestState.RECORDING, 0)
        await notified.hears("STATUS=recording 1 guest")
        run.cancel()
    assert notified.news[:3] == ["READY=1", "WATCHDOG=1", "STATUS=recording 0 guests"]


async def test_without_a_watchdog_there_are_no_signs_of_life() -> None:
    async with Notified() as notified:
        run = asyncio.create_task(Service(notified.systemd(), board(), lambda: False).run())
        await notified.hears("STATUS=")
        run.cancel()
    assert notified.news == ["READY=1", f"STATUS=recording 0 guests{AWAY}"]
