"""What a browser gets from the embedded server by plain HTTP: the pages, their files, and who is being recorded."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Final
from urllib.parse import parse_qs

import msgspec

from roomtape.signaling.wire import MAX_ID

OK: Final = 200
BAD_REQUEST: Final = 400
NOT_FOUND: Final = 404

MEDIA_TYPES: Final = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
"""By the end of a file's name; no other files are served."""

# Only the server itself is spoken to, nothing is embedded, and no script or style stands in a page (CSP level 3).
_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "worker-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
_HEADERS: Final = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": _POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(self), display-capture=(self)",
    # A password may stand in the address.
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_ROOM_PAGE: Final = re.compile(r"/room/[^/]{1,300}")
_MAX_FIELDS: Final = 20


class Page(msgspec.Struct, frozen=True):
    """An HTTP response; `headers` without those that belong to the connection."""

    status: int
    headers: Mapping[str, str]
    text: str


class Pages:
    """Answers GET requests.

    Args:
        files: the texts that are served, by path, as in "js/join.js". Nothing else can be reached.
        recorded: the wire ids of a room's streams that are being recorded, by the room's hashed id.
    """

    def __init__(self, files: Mapping[str, str], recorded: Callable[[str], Iterable[str]]) -> None:
        self._files = {f"/{name}": text for name, text in files.items() if _ending(name) in MEDIA_TYPES}
        self._recorded = recorded

    def answer(self, target: str) -> Page:
        """The response to a request target (RFC 9112 section 3.2): path and query, as they came."""
        path, _, query = target.partition("?")
        if path == "/recording":
            return self._recording(query)
        name = _page(path) or path
        if name in self._files:
            return _page_of(OK, MEDIA_TYPES[_ending(name)], self._files[name])
        return _page_of(NOT_FOUND, "text/plain; charset=utf-8", "Nothing here.\n")

    def _recording(self, query: str) -> Page:
        try:
            rooms = parse_qs(query, max_num_fields=_MAX_FIELDS).get("room", [])
        except ValueError:
            rooms = []
        if len(rooms) != 1 or len(rooms[0]) > MAX_ID:
            return _page_of(BAD_REQUEST, "text/plain; charset=utf-8", "Say which room: /recording?room=ID\n")
        body = msgspec.json.encode({"streamIDs": sorted(self._recorded(rooms[0]))}).decode()
        return _page_of(OK, "application/json", body)


def _page(path: str) -> str | None:
    """The file of a page's address."""
    match path:
        case "/":
            return "/index.html"
        case "/join":
            return "/join.html"
        case _:
            return "/room.html" if _ROOM_PAGE.fullmatch(path) else None


def _page_of(status: int, media_type: str, text: str) -> Page:
    return Page(status, {"Content-Type": media_type} | _HEADERS, text)


def _ending(name: str) -> str:
    return name.rpartition(".")[2]
