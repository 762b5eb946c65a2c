"""Fetches the hosted service's current TURN servers (protocol.md 13)."""

import asyncio
import http.client
import json
import logging
import time
import urllib.request
from collections.abc import Awaitable, Callable
from typing import Any, Final
from urllib.parse import urlsplit

from roomtape import __version__
from roomtape.config import IceSettings
from roomtape.ice.servers import DEFAULT_TURN, merge_list
from roomtape.model import IceServers, TurnServer

FETCH_LIMIT_S: Final = 2.0
"""Seconds for the whole fetch; after that the published table must do."""
CACHE_S: Final = 300.0
"""Seconds for which a fetched list is good."""
RETRY_S: Final = 30.0
"""Seconds after a failed fetch without another, so that a guest who joins does not wait for it again."""
MAX_LIST: Final = 256 * 1024
"""Bytes in a list; a real one has some thousands."""

log = logging.getLogger(__name__)

Fetch = Callable[[str], Awaitable[object | None]]


class TurnList:
    """The service's TURN servers with their current credentials, fetched when asked for and kept for `CACHE_S`."""

    def __init__(
        self,
        url: str,
        *,
        defaults: tuple[TurnServer, ...] = DEFAULT_TURN,
        fetch: Fetch | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = url
        self._fetch: Fetch = fetch or fetch_turn_list
        self._clock = clock
        self._servers = defaults
        self._due = float("-inf")
        self._fetching = asyncio.Lock()

    async def servers(self) -> tuple[TurnServer, ...]:
        """The servers, at most `FETCH_LIMIT_S` later; as last known, or as published, if the list cannot be had."""
        async with self._fetching:
            now = self._clock()
            if now >= self._due:
                obj = await self._fetch(self._url)
                if obj is not None:
                    self._servers = merge_list(obj, self._servers)
                self._due = now + (RETRY_S if obj is None else CACHE_S)
            return self._servers


async def ice_for_a_child(settings: IceSettings, turn: TurnList | None, conceal: Callable[[str], None]) -> IceServers:
    """What a child may use now; the service's credentials change (protocol.md 13), and no log is to show them."""
    servers = await turn.servers() if turn is not None else ()
    for server in servers:
        conceal(server.credential)
    return settings.servers(servers)


async def fetch_turn_list(url: str) -> object | None:
    """The decoded JSON of the list at `url`; None, and a warning, if it cannot be had within `FETCH_LIMIT_S`."""
    try:
        async with asyncio.timeout(FETCH_LIMIT_S):
            return await asyncio.to_thread(_get_json, f"{url}?ts={int(time.time() * 1000)}")
    except (OSError, ValueError, RecursionError, http.client.HTTPException) as error:
        log.warning(
            "the service's list of TURN servers cannot be had; using those known",
            extra={"url": url, "reason": str(error) or type(error).__name__},
        )
        return None


class _SameScheme(urllib.request.HTTPRedirectHandler):
    """Follows redirects, but neither to files nor from https to http."""

    def redirect_request(
        self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        if urlsplit(newurl).scheme != req.type:
            raise ValueError("it redirects to another scheme")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _get_json(url: str) -> object:
    """Blocking. The thread outlives the caller's limit by one slow step at most."""
    if urlsplit(url).scheme not in ("https", "http"):
        raise ValueError("not an https address")
    opener = urllib.request.build_opener(_SameScheme)
    opener.addheaders = [("User-Agent", f"roomtape/{__version__}"), ("Accept", "application/json")]
    deadline = time.monotonic() + FETCH_LIMIT_S
    body = bytearray()
    with opener.open(url, timeout=FETCH_LIMIT_S) as response:
        while part := response.read1(MAX_LIST):
            body += part
            if len(body) > MAX_LIST:
                raise ValueError(f"more than {MAX_LIST} bytes")
            if time.monotonic() > deadline:
                raise TimeoutError(f"not complete within {FETCH_LIMIT_S:g} s")
    obj: object = json.loads(body)
    return obj
