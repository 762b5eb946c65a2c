import logging
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from roomtape.observe.systemd import Systemd

PID = 4711


class Listener:
    """Reads at once what was sent."""

    def __init__(self, address: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.bind(address)

    def heard(self) -> str:
        return self._socket.recv(4096).decode()

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def folder() -> Iterator[Path]:
    """With a short name: a socket's address has 108 bytes at most."""
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def test_without_systemd_nothing_is_told() -> None:
    systemd = Systemd.from_environment({})
    systemd.ready()
    assert (systemd.listens, systemd.watchdog_s) == (False, None)


@pytest.mark.parametrize("abstract", [False, True])
def test_each_piece_of_news_is_a_datagram(abstract: bool, folder: Path) -> None:
    name = f"{folder.name}-notify"
    listener = Listener(f"\0{name}" if abstract else str(folder / name))
    systemd = Systemd(f"@{name}" if abstract else str(folder / name))
    systemd.ready()
    assert listener.heard() == "READY=1"
    systemd.reloading()
    first, second = listener.heard().split("\n")
    assert first == "RELOADING=1"
    assert second.removeprefix("MONOTONIC_USEC=").isdecimal()
    systemd.alive()
    systemd.status("recording 2 guests\nREADY=1")
    systemd.stopping()
    assert [listener.heard() for _ in range(3)] == [
        "WATCHDOG=1",
        r"STATUS=recording 2 guests\nREADY=1",
        "STOPPING=1",
    ]
    listener.close()


def test_the_variables_are_taken_away_so_that_no_child_has_them() -> None:
    environment = {"NOTIFY_SOCKET": "@x", "WATCHDOG_USEC": "3000000", "WATCHDOG_PID": str(PID), "HOME": "/"}
    systemd = Systemd.from_environment(environment, PID)
    assert (systemd.listens, systemd.watchdog_s, environment) == (True, 3.0, {"HOME": "/"})


@pytest.mark.parametrize(
    ("interval", "whose", "watchdog_s"),
    [("3000000", "", 3.0), ("3000000", "1", None), ("", "", None), ("0", "", None), ("soon", "", None)],
)
def test_a_watchdog_is_ours_or_nobody_s(interval: str, whose: str, watchdog_s: float | None) -> None:
    environment = {"NOTIFY_SOCKET": "@x", "WATCHDOG_USEC": interval, "WATCHDOG_PID": whose}
    assert Systemd.from_environment(environment, PID).watchdog_s == watchdog_s


@pytest.mark.parametrize("address", ["", "vsock:2:1234", "relative"])
def test_other_addresses_are_nobody(address: str) -> None:
    assert not Systemd.from_environment({"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "1"}, PID).listens


def test_what_cannot_be_sent_ends_nothing_and_is_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    systemd = Systemd(str(tmp_path / "missing"))
    for _ in range(3):
        systemd.alive()
    assert [record.getMessage() for record in caplog.records] == ["systemd cannot be told"]


def test_nor_does_a_socket_that_nobody_reads(tmp_path: Path) -> None:
    listener = Listener(str(tmp_path / "notify"))
    systemd = Systemd(str(tmp_path / "notify"))
    for _ in range(10_000):
        systemd.alive()
    listener.close()
