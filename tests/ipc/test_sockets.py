"""What the kernel keeps for sockets, of which others than their makers see to the size."""

import socket
from pathlib import Path

import pytest

from roomtape.child.sockets import RECEIVE_BYTES, make_room

pytestmark = pytest.mark.light


def room(one: socket.socket) -> int:
    return one.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)


def test_udp_sockets_get_as_much_as_the_system_allows_and_others_are_left_alone() -> None:
    allowed = min(RECEIVE_BYTES, int(Path("/proc/sys/net/core/rmem_max").read_text()))
    families = (socket.AF_INET, socket.AF_INET6)
    udp = [socket.socket(family, socket.SOCK_DGRAM) for family in families]
    others = [socket.socket(family, socket.SOCK_STREAM) for family in families] + [*socket.socketpair()]
    before = [room(one) for one in (*udp, *others)]
    descriptors = len([*Path("/proc/self/fd").iterdir()])
    assert make_room() >= len(udp)
    assert len([*Path("/proc/self/fd").iterdir()]) == descriptors
    assert [room(one) for one in udp] == [2 * allowed] * len(udp)
    assert [room(one) for one in others] == before[len(udp) :]
    assert all(now > then for now, then in zip(map(room, udp), before, strict=False))
    for one in (*udp, *others):
        one.close()
