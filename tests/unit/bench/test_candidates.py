"""Which candidates the bench lets through."""

import pytest

from bench.candidates import as_browsers_write, usable


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("candidate:1 1 UDP 1 192.0.2.7 40000 typ host", True),
        ("candidate:1 1 udp 1 192.0.2.7 40000 typ host generation 0", True),
        ("candidate:1 1 TCP 1 192.0.2.7 9 typ host tcptype active", False),
        ("candidate:1 1 UDP 1 2001:db8::7 40000 typ host", False),
        ("candidate:1 1 UDP 1 127.0.0.1 40000 typ host", False),
        ("candidate:1 1 UDP 1 f00.local 40000 typ host", False),
        ("candidate:1 1 UDP 1 192.0.2.7 40000 typ srflx", False),
        ("candidate:", False),
        ("", False),
    ],
)
def test_only_udp_at_an_ipv4_address_of_this_host(text: str, expected: bool) -> None:
    assert usable(text) is expected


def test_a_description_is_as_a_browser_would_write_it() -> None:
    sdp = "v=0\r\nm=audio 0 X\r\na=bundle-only\r\na=candidate:1 1 TCP 1 192.0.2.7 9 typ host\r\na=mid:0\r\n"
    assert as_browsers_write(sdp) == "v=0\r\nm=audio 9 X\r\na=mid:0\r\n"
