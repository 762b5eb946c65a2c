"""What browsers get by HTTP, and the files that are served."""

import re
from collections.abc import Iterable
from html.parser import HTMLParser

import pytest

from roomtape.handshake.assets import read_assets
from roomtape.handshake.pages import MEDIA_TYPES, Page, Pages

ROOMS = {"r": frozenset({"ben808d64", "anna808d64"})}
FILES = {
    "index.html": "first",
    "join.html": "join",
    "room.html": "watch",
    "js/join.js": "code",
    "icon.svg": "<svg/>",
    "secret.pem": "key",
}
ASSETS = read_assets()


def recorded(room: str) -> Iterable[str]:
    return ROOMS.get(room, ())


@pytest.fixture
def pages() -> Pages:
    return Pages(FILES, recorded)


@pytest.mark.parametrize(
    ("target", "text"),
    [
        ("/", "first"),
        ("/?room=r", "first"),
        ("/join", "join"),
        ("/join?room=r&name=n", "join"),
        ("/room/r", "watch"),
        ("/room/R%C3%A4um%20x?stun=false", "watch"),
        ("/js/join.js", "code"),
        ("/icon.svg", "<svg/>"),
    ],
)
def test_pages_and_their_files(pages: Pages, target: str, text: str) -> None:
    page = pages.answer(target)
    assert (page.status, page.text) == (200, text)


@pytest.mark.parametrize(
    "target",
    [
        *("", "//", "/other", "/room", "/room/", "/room/a/b", "/join/", "/JOIN", "/js", "/js/", "/js/join.js/", "x"),
        *("/js/../secret.pem", "/js/%2e%2e/secret.pem", "/../../etc/passwd", "/%2fetc/passwd", "/js\\join.js"),
        *("/secret.pem", "/room/../secret.pem", "/room/" + "x" * 301, "/index.html\0", "http://x/", "*", "/é"),
    ],
)
def test_nothing_else_can_be_reached(pages: Pages, target: str) -> None:
    page = pages.answer(target)
    assert page.status == 404
    assert page.headers["Content-Type"].startswith("text/plain")
    assert "key" not in page.text


def test_who_is_recorded(pages: Pages) -> None:
    page = pages.answer("/recording?room=r")
    assert (page.status, page.headers["Content-Type"]) == (200, "application/json")
    assert page.text == '{"streamIDs":["anna808d64","ben808d64"]}'
    assert pages.answer("/recording?room=nobody").text == '{"streamIDs":[]}'


@pytest.mark.parametrize(
    "query",
    [
        "",
        "?",
        "?room=",
        "?rooms=r",
        "?room=r&room=s",
        "?room=" + "x" * 513,
        "?" + "&".join(f"a{n}=1" for n in range(30)),
    ],
)
def test_a_room_must_be_named(pages: Pages, query: str) -> None:
    assert pages.answer(f"/recording{query}").status == 400


def every_kind(pages: Pages) -> list[Page]:
    return [pages.answer(target) for target in ("/", "/js/join.js", "/recording?room=r", "/recording", "/other")]


def test_every_answer_is_confined(pages: Pages) -> None:
    for page in every_kind(pages):
        assert page.headers["X-Content-Type-Options"] == "nosniff"
        assert page.headers["Cache-Control"] == "no-cache"
        assert page.headers["Referrer-Policy"] == "no-referrer"
        policy = dict(rule.split(" ", 1) for rule in page.headers["Content-Security-Policy"].split("; "))
        assert policy["default-src"] == "'none'"
        assert policy["frame-ancestors"] == "'none'"
        assert all("unsafe" not in sources and "http" not in sources for sources in policy.values())


def test_the_package_brings_its_pages() -> None:
    assert {"index.html", "join.html", "room.html", "css/base.css", "js/join.js"} <= set(ASSETS)
    assert {name.rpartition(".")[2] for name in ASSETS} == set(MEDIA_TYPES)


class Links(HTMLParser):
    """What a page refers to, and what its policy forbids."""

    def __init__(self) -> None:
        super().__init__()
        self.targets: list[str] = []
        self.forbidden: list[str] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.ids += [value for key, value in found.items() if key == "id" and value]
        self.targets += [value for key in ("href", "src") if (value := found.get(key)) and not value.startswith("#")]
        self.forbidden += [key for key in found if key == "style" or key.startswith("on")]
        if tag == "style" or (tag == "script" and "src" not in found):
            self.forbidden.append(tag)


@pytest.mark.parametrize("name", [name for name in ASSETS if name.endswith(".html")])
def test_a_page_refers_to_what_is_served_here(name: str) -> None:
    pages, links = Pages(ASSETS, recorded), Links()
    links.feed(ASSETS[name])
    assert links.targets
    assert [target for target in links.targets if pages.answer(target).status != 200] == []
    assert links.forbidden == []
    assert len(links.ids) == len(set(links.ids))


@pytest.mark.parametrize("name", [name for name in ASSETS if name.endswith(".js")])
def test_a_module_imports_what_is_there(name: str) -> None:
    for target in re.findall(r"""(?:from|import|new URL\() ?["']([^"']+)["']""", ASSETS[name]):
        assert target.startswith("./")
        assert f"js/{target[2:]}" in ASSETS


@pytest.mark.parametrize("name", sorted(ASSETS))
def test_nothing_is_loaded_from_elsewhere(name: str) -> None:
    addresses = set(re.findall(r"(?:https?|wss?)://[^\s\"'`]+", ASSETS[name])) - {"http://www.w3.org/2000/svg"}
    # Sentences for people may name this machine.
    assert {address for address in addresses if not address.startswith("http://localhost")} == set()


@pytest.mark.parametrize("name", [name for name in ASSETS if not name.endswith(".svg")])
def test_files_are_short(name: str) -> None:
    lines = len(ASSETS[name].splitlines())
    assert lines <= 400, f"{lines} lines: what wants to be two things?"
