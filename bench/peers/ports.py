"""Free ports of this machine."""

import socket
from typing import Final

MOST_TRIED: Final = 100
"""For each port that is wanted."""


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def free_rtp_ports(count: int) -> list[int]:
    """Even ones, the next of which are free too, as RTP and RTCP want it (RFC 3550 section 11); none twice."""
    found: set[int] = set()
    for _ in range(MOST_TRIED * count):
        if len(found) == count:
            return sorted(found)
        port = free_port(socket.SOCK_DGRAM) & ~1
        if _free(port) and _free(port + 1):
            found.add(port)
    raise OSError(f"only {len(found)} of {count} ports for RTP are free")


def _free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
