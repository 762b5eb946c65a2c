"""What a link to the web page says: room, streams, password, salt, servers (protocol.md 1.1, 2.1-2.3, 13). Pure."""

import re
from typing import Final
from urllib.parse import parse_qsl, urlsplit

import msgspec

from roomtape.errors import ConfigError
from roomtape.model import StreamId
from roomtape.signaling.identity import DISABLING_PASSWORDS, salt_for_page
from roomtape.signaling.messages import Dialect

MAX_LINK: Final = 4096
MAX_PARAMETERS: Final = 100
MAX_STREAMS: Final = 100

# The page knows each parameter by several names; the first one that has a value counts.
_ROOM: Final = ("room", "roomid", "r", "director", "dir")
_VIEW: Final = ("view", "streamid", "v", "pull")
_PUSH: Final = ("push", "id", "permaid")
_PASSWORD: Final = ("password", "pass", "pw", "p")
_NO_PASSWORD: Final = frozenset({"nopassword", "nopass", "nopw", "p0"})
_SCREEN_SHARE: Final = ":s"
_LINK: Final = re.compile(r"[a-z][a-z0-9+.-]*://|[\w.-]+(:\d+)?/\S*\?", re.IGNORECASE)


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """None is what the link does not say. Password and streams are as the user sees them, not yet sanitised.

    `view` and `push` are the streams that the page would watch and publish. `turn` holds servers in the form
    `user;password;turn:host:port`; empty for "use none".
    """

    salt: str
    room: str | None = None
    password: str | None = None
    view: tuple[StreamId, ...] = ()
    push: StreamId | None = None
    server: str | None = None
    dialect: Dialect | None = None
    turn: tuple[str, ...] | None = None

    @property
    def streams(self) -> tuple[StreamId, ...]:
        """What to receive. A guest's own link, with neither room nor view, names the stream by push."""
        return self.view or ((self.push,) if self.push and self.room is None else ())

    def __repr__(self) -> str:
        return f"Link(room={self.room!r}, view={self.view!r}, push={self.push!r})"


def is_link(text: str) -> bool:
    """Whether a text given for a room or a stream is a link; names cannot contain slashes."""
    return _LINK.match(text.strip()) is not None


def parse_link(text: str) -> Link:
    """The link, which may lack its scheme.

    Raises:
        ConfigError: not a link to a room or a stream. The text never repeats the link, which may hold a password.
    """
    text = text.strip()
    if len(text) > MAX_LINK:
        raise ConfigError(f"the link is longer than {MAX_LINK} characters")
    try:
        url = urlsplit(text if "://" in text else f"https://{text}")
        host = url.hostname or ""
        pairs = parse_qsl(url.query, keep_blank_values=True, errors="replace", max_num_fields=MAX_PARAMETERS)
    except ValueError:
        raise ConfigError("the link cannot be read: it is not a web address") from None
    if url.scheme not in ("http", "https") or not host:
        raise ConfigError("a link to a room starts with https:// and the name of a web site")
    parameters: dict[str, str] = {}
    for name, value in pairs:
        parameters.setdefault(name.lower(), value.strip())
    link = _read(parameters, host)
    if link.room is None and not link.view and link.push is None:
        raise ConfigError("the link names neither a room (room=…) nor a stream (view=… or push=…)")
    return link


def _read(parameters: dict[str, str], host: str) -> Link:
    def first(names: tuple[str, ...]) -> str | None:
        return next((value for name in names if (value := parameters.get(name))), None)

    server, dialect = _server(parameters)
    return Link(
        salt=first(("salt",)) or salt_for_page(host),
        room=first(_ROOM),
        password="false" if _NO_PASSWORD & parameters.keys() else first(_PASSWORD),
        view=_streams(first(_VIEW) or ""),
        push=StreamId(push) if (push := first(_PUSH)) else None,
        server=server,
        dialect=dialect,
        turn=_turn(first(("turn",))),
    )


def _streams(text: str) -> tuple[StreamId, ...]:
    """`a,b:s` is a, and the screen share of b, which is asked for like b itself (protocol.md 2.1)."""
    names = (name.strip().removesuffix(_SCREEN_SHARE) for name in text.split(",")[:MAX_STREAMS])
    return tuple(StreamId(name) for name in dict.fromkeys(names) if name)


def _server(parameters: dict[str, str]) -> tuple[str | None, Dialect | None]:
    """`wss` is a fan-out server, `wss2` one that speaks like the hosted service; wss:// may be absent (1.1)."""
    for name, dialect in (("wss", Dialect.FANOUT), ("wss2", Dialect.HOSTED)):
        if server := parameters.get(name):
            return server if "://" in server else f"wss://{server}", dialect
    return None, None


def _turn(text: str | None) -> tuple[str, ...] | None:
    if text is None:
        return None
    return () if text.lower() in DISABLING_PASSWORDS else (text,)
