"""Fetching the list of TURN servers from a real HTTP server on loopback."""

import json
import logging
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from roomtape.ice import turn_list
from roomtape.ice.turn_list import MAX_LIST, fetch_turn_list
from tests.support.turn import LOOPBACK, free_port

pytestmark = pytest.mark.light

LIST = {"servers": [{"username": "u", "credential": "c", "urls": ["turn:h:3478"]}]}


class Service(BaseHTTPRequestHandler):
    asked: list[str] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        match self.path.partition("?")[0]:
            case "/list":
                self._answer(json.dumps(LIST).encode())
            case "/moved":
                self._redirect("/list")
            case "/file":
                self._redirect("file:///etc/hostname")
            case "/ftp":
                self._redirect(f"ftp://{LOOPBACK}/list")
            case "/https":
                self._redirect(f"https://{LOOPBACK}/list")
            case "/text":
                self._answer(b"\xff not JSON")
            case "/deep":
                self._answer(b"[" * 100_000)
            case "/huge":
                self._answer(b'"' + b"x" * MAX_LIST + b'"')
            case "/trickle":
                self._trickle()
            case _:
                self.send_error(500)

    def log_message(self, format: str, *args: object) -> None:
        pass

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)

    def _redirect(self, to: str) -> None:
        self.send_response(302)
        self.send_header("Location", to)
        self.end_headers()

    def _trickle(self) -> None:
        self.send_response(200)
        self.end_headers()
        for _ in range(100):
            try:
                self.wfile.write(b" ")
            except OSError:
                return
            time.sleep(0.02)


@pytest.fixture(scope="session")
def service() -> Iterator[str]:
    with ThreadingHTTPServer((LOOPBACK, 0), Service) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://{LOOPBACK}:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("path", ["/list", "/moved"])
async def test_the_list_is_fetched(service: str, path: str) -> None:
    before = int(time.time() * 1000)
    assert await fetch_turn_list(service + path) == LIST
    stamp = next(asked for asked in reversed(Service.asked) if asked.startswith(path)).partition("?ts=")[2]
    assert before <= int(stamp) <= int(time.time() * 1000)


@pytest.mark.parametrize("path", ["/gone", "/file", "/ftp", "/https", "/text", "/deep", "/huge"])
async def test_a_failure_is_a_warning_and_no_list(service: str, path: str, caplog: pytest.LogCaptureFixture) -> None:
    assert await fetch_turn_list(service + path) is None
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


@pytest.mark.parametrize("url", ["file:///etc/hostname", "ftp://127.0.0.1/", "nonsense", "http://", "http://[::1"])
async def test_only_the_web_is_asked(url: str) -> None:
    assert await fetch_turn_list(url) is None


async def test_nobody_there() -> None:
    assert await fetch_turn_list(f"http://{LOOPBACK}:{free_port()}/") is None


async def test_a_trickle_ends_at_the_limit(service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turn_list, "FETCH_LIMIT_S", 0.2)
    start = time.monotonic()
    assert await fetch_turn_list(service + "/trickle") is None
    assert time.monotonic() - start < 1.5
