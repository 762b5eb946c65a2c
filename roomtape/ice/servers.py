"""Addresses of STUN and TURN servers: how users write them, how GStreamer wants them, the service's own table.

Sources: RFC 7064 (stun), RFC 7065 (turn), protocol.md 13. No error here repeats what it was given: it may hold a
password.
"""

import re
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address
from typing import Any, Final, TypeGuard
from urllib.parse import quote, unquote

from roomtape.errors import ConfigError
from roomtape.model import IcePolicy, IceServers, TurnServer, TurnTransport

STUN_PORT: Final = 3478
"""Also TURN's, over UDP and TCP (RFC 8656 section 20)."""
TURN_TLS_PORT: Final = 5349
MAX_CREDENTIAL: Final = 508
"""Bytes of UTF-8 in a user name (RFC 8489 section 14.3); roomtape holds passwords to the same."""
MAX_URL: Final = 512
MAX_LISTED: Final = 100
"""Entries read from the service's list, and addresses read from each."""

_TURN_FORM: Final = "a TURN server is written turn://user:password@host:port or turns://user:password@host:port"
_STUN_FORM: Final = "a STUN server is written stun:host:port"
_HOST_FORM: Final = "a STUN or TURN server's host must be a name, an IPv4 address or an IPv6 address in brackets"

_TURN_SCHEME: Final = re.compile(r"turn(?P<secure>s?):(?://)?", re.IGNORECASE)
_STUN_SCHEME: Final = re.compile(r"stun:(?://)?", re.IGNORECASE)
_HOST_PORT: Final = re.compile(r"(?:\[(?P<ipv6>[0-9a-f:.]+)\]|(?P<name>[a-z0-9_.-]+))(?::(?P<port>[0-9]{1,5}))?")
_LABEL: Final = re.compile(r"[a-z0-9_-]{1,63}")


DEFAULT_TURN: Final = (
    TurnServer("turn-cae1.vdo.ninja", 3478, TurnTransport.UDP, "steve", "setupYourOwnPlease"),
    TurnServer("turn-usw2.vdo.ninja", 3478, TurnTransport.UDP, "vdoninja", "theyBeSharksHere"),
    TurnServer("turn-eu1.vdo.ninja", 3478, TurnTransport.UDP, "steve", "setupYourOwnPlease"),
    TurnServer("www.turn.obs.ninja", 443, TurnTransport.TLS, "steve", "setupYourOwnPlease"),
)
"""What the hosted service's own clients use; the credentials are public and shared (protocol.md 13)."""


def by_relay(ice: IceServers) -> IceServers:
    """The same by relay only; unchanged without a TURN server."""
    return IceServers((), ice.turn, IcePolicy.RELAY) if ice.turn else ice


def parse_turn(text: str) -> TurnServer:
    """A TURN server as a user writes it.

    `turn://user:password@host:port`, also with `turns` (TLS), without the slashes, and with `?transport=udp` or `tcp`;
    user and password percent-encoded where needed. Or as in the service's links: `user;password;turn:host:port`.

    Raises:
        ConfigError: with one sentence that does not contain the credential.
    """
    text = text.strip()
    if scheme := _TURN_SCHEME.match(text):
        # The last @ and the first : divide, so that a password may contain both as they are.
        userinfo, _, address = text[scheme.end() :].rpartition("@")
        username, _, credential = userinfo.partition(":")
        username, credential = _decode(username), _decode(credential)
        url = scheme.group() + address
    else:
        username, _, rest = text.partition(";")
        credential, _, url = rest.rpartition(";")
    host, port, transport = _parse_url(url)
    if not username or not credential:
        raise ConfigError(f"a TURN server needs a user name and a password; {_TURN_FORM}")
    if not _is_credential(username) or not _is_credential(credential):
        raise ConfigError("a TURN server's user name or password is too long or has characters that cannot be printed")
    return TurnServer(host, port, transport, username, credential)


def turn_uri(server: TurnServer) -> str:
    """The server with its credential, as webrtcbin's `add-turn-server` takes it and `parse_turn` reads it. A secret."""
    scheme = "turns" if server.transport is TurnTransport.TLS else "turn"
    transport = "udp" if server.transport is TurnTransport.UDP else "tcp"
    userinfo = f"{quote(server.username, safe='')}:{quote(server.credential, safe='')}"
    return f"{scheme}://{userinfo}@{join_host_port(server.host, server.port)}?transport={transport}"


def parse_stun(text: str) -> str:
    """`host:port` of a STUN server written `stun:host:port`, `stun://host:port` or `host:port`; the port is optional.

    Raises:
        ConfigError: it is written otherwise.
    """
    text = text.strip()
    scheme = _STUN_SCHEME.match(text)
    try:
        return join_host_port(*split_host_port(text[scheme.end() :] if scheme else text, STUN_PORT))
    except ConfigError as error:
        raise ConfigError(f"{_STUN_FORM}; {error.detail}") from None


def split_host_port(text: str, default_port: int) -> tuple[str, int]:
    """Host and port; the host in lower case, an IPv6 address without its brackets.

    Raises:
        ConfigError: not a host, or not a port from 1 to 65535.
    """
    match = _HOST_PORT.fullmatch(text.lower())
    if match is None or not _is_host(match["ipv6"], match["name"]):
        raise ConfigError(_HOST_FORM)
    port = int(match["port"] or default_port)
    if not 0 < port < 65536:
        raise ConfigError("a STUN or TURN server's port must be a number from 1 to 65535")
    return match["ipv6"] or match["name"], port


def join_host_port(host: str, port: int) -> str:
    """The inverse of `split_host_port`."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def list_url(service_host: str) -> str:
    """Where the service with this handshake server lists its current TURN servers (protocol.md 13)."""
    domain = ".".join(service_host.lower().rstrip(".").split(".")[-2:])
    return f"https://turnservers.{domain if domain in ('rtc.ninja', 'socialstream.ninja') else 'vdo.ninja'}/"


def merge_list(obj: object, defaults: tuple[TurnServer, ...] = DEFAULT_TURN) -> tuple[TurnServer, ...]:
    """The defaults, each with the port and credential that the service's list gives for its host and transport.

    `obj` is the decoded JSON of the list endpoint, of any shape. A default that it lacks stays as it is, and no host
    is added, so that the list cannot send media elsewhere.
    """
    listed: dict[tuple[str, TurnTransport], TurnServer] = {}
    for server in _listed(obj):
        listed.setdefault((server.host, server.transport), server)
    return tuple(listed.get((server.host, server.transport), server) for server in defaults)


def _listed(obj: object) -> Iterator[TurnServer]:
    entries = obj.get("servers") if isinstance(obj, dict) else None
    for entry in _items(entries):
        if not isinstance(entry, dict):
            continue
        username, credential = entry.get("username"), entry.get("credential")
        if not _is_credential(username) or not _is_credential(credential):
            continue
        for url in _items(entry.get("urls")):
            if not isinstance(url, str) or len(url) > MAX_URL:
                continue
            try:
                yield TurnServer(*_parse_url(url), username, credential)
            except ConfigError:
                continue  # a stun: address, or a form of a later day


def _items(value: object) -> list[Any]:
    return value[:MAX_LISTED] if isinstance(value, list) else [value]


def _parse_url(url: str) -> tuple[str, int, TurnTransport]:
    """Host, port and transport of an RFC 7065 URI; the slashes that many write are allowed."""
    scheme = _TURN_SCHEME.match(url)
    if scheme is None:
        raise ConfigError(_TURN_FORM)
    secure = bool(scheme["secure"])
    address, _, query = url[scheme.end() :].partition("?")
    host, port = split_host_port(address, TURN_TLS_PORT if secure else STUN_PORT)
    match secure, query.lower():
        case True, "" | "transport=tcp":
            return host, port, TurnTransport.TLS
        case True, "transport=udp":
            raise ConfigError("turns is TURN over TLS, which has no transport=udp; use turn, or drop the transport")
        case False, "" | "transport=udp":
            return host, port, TurnTransport.UDP
        case False, "transport=tcp":
            return host, port, TurnTransport.TCP
        case _:
            raise ConfigError("after a TURN server's address only ?transport=udp or ?transport=tcp may follow")


def _decode(text: str) -> str:
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise ConfigError("a TURN server's user name or password is percent-encoded, but not as UTF-8") from None


def _is_host(ipv6: str | None, name: str | None) -> bool:
    try:
        if ipv6 is not None:
            return bool(IPv6Address(ipv6))
        labels = (name or "").removesuffix(".").split(".")
        if labels[-1].isdecimal():
            return bool(IPv4Address(name or ""))
    except ValueError:
        return False
    return len(name or "") <= 253 and all(_LABEL.fullmatch(label) for label in labels)


def _is_credential(value: object) -> TypeGuard[str]:
    """Whether a user name or password can be used; control characters would cut it short in C."""
    return isinstance(value, str) and value.isprintable() and 0 < len(value.encode()) <= MAX_CREDENTIAL
