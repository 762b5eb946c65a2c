import pytest
from hypothesis import given
from hypothesis import strategies as st

from roomtape.errors import ConfigError
from roomtape.signaling.identity import make_identity
from roomtape.signaling.link import MAX_LINK, MAX_PARAMETERS, MAX_STREAMS, is_link, parse_link
from roomtape.signaling.messages import Dialect

SITE = "https://vdo.ninja/"


def test_a_room_link() -> None:
    link = parse_link(f"{SITE}?room=testroom123&password=opensesame&hash=1a2b#top")
    assert (link.room, link.password, link.salt) == ("testroom123", "opensesame", "vdo.ninja")
    assert (link.view, link.push, link.server, link.dialect, link.turn) == ((), None, None, None, None)


@pytest.mark.parametrize("name", ["room", "roomid", "r", "director", "dir", "ROOM"])
def test_names_of_the_room(name: str) -> None:
    assert parse_link(f"{SITE}?{name}=a").room == "a"


@pytest.mark.parametrize("name", ["view", "streamid", "v", "pull"])
def test_names_of_the_streams_to_view(name: str) -> None:
    assert parse_link(f"{SITE}?{name}=a,b").view == ("a", "b")


@pytest.mark.parametrize("name", ["push", "id", "permaid"])
def test_names_of_the_stream_to_publish(name: str) -> None:
    assert parse_link(f"{SITE}?{name}=a").push == "a"


@pytest.mark.parametrize("name", ["password", "pass", "pw", "p"])
def test_names_of_the_password(name: str) -> None:
    assert parse_link(f"{SITE}?room=r&{name}=secret").password == "secret"


@pytest.mark.parametrize("parameter", ["nopassword", "nopass", "nopw", "p0", "password=false", "pw=0", "p=off"])
def test_a_password_that_is_switched_off(parameter: str) -> None:
    assert make_identity(parse_link(f"{SITE}?room=r&{parameter}").password).phrase is None


@pytest.mark.parametrize("parameter", ["", "&password", "&password="])
def test_no_password_is_the_default_one(parameter: str) -> None:
    assert parse_link(f"{SITE}?room=r{parameter}").password is None


def test_an_encoded_password_gives_the_hashes_of_the_same_password_typed() -> None:
    assert make_identity(parse_link(f"{SITE}?room=r&password=p%C3%A4ss+w%26rd").password) == make_identity("päss w&rd")


@pytest.mark.parametrize(
    ("host", "salt"),
    [
        ("vdo.ninja", "vdo.ninja"),
        ("beta.rtc.ninja", "rtc.ninja"),
        ("video.example.net:8443", "video.example.net"),
        ("localhost:8000", "vdo.ninja"),
        ("[::1]:8000", "vdo.ninja"),
        ("192.0.2.1", "vdo.ninja"),
    ],
)
def test_the_salt_is_that_of_the_page(host: str, salt: str) -> None:
    assert parse_link(f"http://{host}/x/?room=r").salt == salt


def test_an_explicit_salt_wins() -> None:
    assert parse_link("https://page.example/?room=r&salt=vdo.ninja").salt == "vdo.ninja"


@pytest.mark.parametrize(
    ("parameter", "server", "dialect"),
    [
        ("wss=h:8443", "wss://h:8443", Dialect.FANOUT),
        ("wss=wss://h", "wss://h", Dialect.FANOUT),
        ("wss2=h", "wss://h", Dialect.HOSTED),
        ("wss2=ws%3A%2F%2Fh%3A1", "ws://h:1", Dialect.HOSTED),
        ("wss=", None, None),
    ],
)
def test_servers(parameter: str, server: str | None, dialect: Dialect | None) -> None:
    link = parse_link(f"{SITE}?room=r&{parameter}")
    assert (link.server, link.dialect) == (server, dialect)


def test_turn_servers() -> None:
    assert parse_link(f"{SITE}?room=r&turn=u;p;turn:h:3478").turn == ("u;p;turn:h:3478",)
    assert parse_link(f"{SITE}?room=r&turn=false").turn == ()


def test_viewed_streams_are_not_sanitised_and_lose_the_mark_of_a_screen_share() -> None:
    assert parse_link(f"{SITE}?view=solo-1,bob:s,,bob").view == ("solo-1", "bob")


def test_streams_are_bounded() -> None:
    assert len(parse_link(f"{SITE}?view=" + ",".join(map(str, range(500)))).view) == MAX_STREAMS


def test_a_link_may_lack_its_scheme() -> None:
    assert is_link("vdo.ninja/?room=r")
    assert parse_link("vdo.ninja/?room=r").room == "r"


@pytest.mark.parametrize(
    "text", ["https://vdo.ninja/?room=a", "HTTP://h/?room=a", "localhost:8000/?room=a", " http://x"]
)
def test_what_is_a_link(text: str) -> None:
    assert is_link(text)


@pytest.mark.parametrize("text", ["testroom123", "my room", "room?", "a.b", "", "what/ever"])
def test_what_is_a_name(text: str) -> None:
    assert not is_link(text)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("ftp://h/?room=opensesame", "starts with https://"),
        ("https:///?room=opensesame", "starts with https://"),
        ("https://[h/?room=opensesame", "cannot be read"),
        (SITE + "?" + "&".join(f"opensesame{n}=1" for n in range(MAX_PARAMETERS + 1)), "cannot be read"),
        (SITE + "?password=opensesame", "names neither a room"),
        (SITE, "names neither a room"),
        (SITE + "?room=&view=,&push=", "names neither a room"),
        (SITE + "?room=" + "opensesame" * MAX_LINK, "longer than"),
    ],
)
def test_bad_links_are_refused_without_repeating_them(text: str, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence) as error:
        parse_link(text)
    assert "opensesame" not in str(error.value)


def test_nothing_secret_is_shown() -> None:
    link = parse_link(f"{SITE}?room=r&password=opensesame&turn=u;opensesame;turn:h")
    assert "opensesame" not in repr(link)


@given(st.text(max_size=200))
def test_any_text_is_a_link_or_a_config_error(text: str) -> None:
    for candidate in (text, f"https://{text}", f"{SITE}?{text}", f"{SITE}?room={text}"):
        try:
            link = parse_link(candidate)
        except ConfigError:
            continue
        assert link.room or link.view or link.push
