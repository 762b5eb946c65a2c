"""Free ports of this machine."""

import socket


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def free_rtp_ports(count: int) -> list[int]:
    """Even ones, the next of which are free too, as RTP and RTCP want it (RFC 3550 section 11); none twice."""
    found: set[int] = set()
    while len(found) < count:
        port = free_port(socket.SOCK_DGRAM) & ~1
        if _free(port) and _free(port + 1):
            found.add(port)
    return sorted(found)


def _free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
