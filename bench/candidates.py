"""Which candidates are let through: UDP at this host's IPv4 addresses, so that all recorders use the same way."""

import socket

NOWHERE = ("192.0.2.1", 9)
"""RFC 5737: connecting a UDP socket to it sends nothing."""


def usable(text: str) -> bool:
    words = text.split()
    if len(words) < 8 or words[2].lower() != "udp" or words[7] != "host":
        return False
    return ":" not in words[4] and not words[4].endswith(".local") and not words[4].startswith("127.")


def as_browsers_write(sdp: str) -> str:
    """Without other candidates, and without the port 0 that webrtcbin gives to bundled media."""
    kept = (line for line in sdp.splitlines() if not line.startswith("a=candidate:") or usable(line[2:]))
    lines = (line.replace("m=audio 0 ", "m=audio 9 ") for line in kept if line != "a=bundle-only")
    return "\r\n".join([*lines, ""])


def own_address() -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(NOWHERE)
        return str(probe.getsockname()[0])
