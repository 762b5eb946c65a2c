"""A computer without a network, where guests and recorder can only meet at the loopback address."""

from pathlib import Path
from typing import Final

LOOPBACK: Final = "127.0.0.1"
_NET: Final = Path("/proc/net")


def is_alone(net: Path = _NET) -> bool:
    """Whether no interface but the loopback one has an address; False where the kernel does not tell.

    `net` is proc(5)'s /proc/net. An IPv4 address comes with a route to its network, which `route` lists after a line of
    headings; `if_inet6` lists IPv6 addresses, each with its interface last.
    """
    try:
        routes = (net / "route").read_text().splitlines()[1:]
        inet6 = (net / "if_inet6").read_text().splitlines() if (net / "if_inet6").exists() else []
    except OSError:
        return False
    return not routes and all(line.split()[-1] == "lo" for line in inet6)
