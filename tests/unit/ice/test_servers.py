import json
from ipaddress import IPv6Address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roomtape.errors import ConfigError
from roomtape.ice.servers import (
    DEFAULT_TURN,
    MAX_LISTED,
    by_relay,
    list_url,
    merge_list,
    parse_stun,
    parse_turn,
    turn_uri,
)
from roomtape.model import IcePolicy, IceServers, TurnServer, TurnTransport

UDP, TCP, TLS = TurnTransport.UDP, TurnTransport.TCP, TurnTransport.TLS


@pytest.mark.parametrize(
    ("text", "server"),
    [
        ("turn://u:p@h:1", TurnServer("h", 1, UDP, "u", "p")),
        ("turn:u:p@h:1", TurnServer("h", 1, UDP, "u", "p")),
        ("turns://u:p@h:443", TurnServer("h", 443, TLS, "u", "p")),
        ("turns:u:p@h:443?transport=tcp", TurnServer("h", 443, TLS, "u", "p")),
        ("turn://u:p@h", TurnServer("h", 3478, UDP, "u", "p")),
        ("turns://u:p@h", TurnServer("h", 5349, TLS, "u", "p")),
        ("turn://u:p@h?transport=udp", TurnServer("h", 3478, UDP, "u", "p")),
        ("turn://u:p@h:1?transport=tcp", TurnServer("h", 1, TCP, "u", "p")),
        ("  TURN://u:p@Turn.Example.ORG:1?transport=TCP\n", TurnServer("turn.example.org", 1, TCP, "u", "p")),
        ("turn://u%40x:p%3Aq%2F%25%20r@h:1", TurnServer("h", 1, UDP, "u@x", "p:q/% r")),
        ("turn://u:a@b:c@h:1", TurnServer("h", 1, UDP, "u", "a@b:c")),
        ("turn://u:a?b/c#d;e;f@h:1", TurnServer("h", 1, UDP, "u", "a?b/c#d;e;f")),
        ("turn://u:50%@h:1", TurnServer("h", 1, UDP, "u", "50%")),
        ("turn://u:a+b@h:1", TurnServer("h", 1, UDP, "u", "a+b")),
        ("turn://j%C3%B6rg:pä@h:1", TurnServer("h", 1, UDP, "jörg", "pä")),
        ("turn://u:p@[2001:db8::1]:1", TurnServer("2001:db8::1", 1, UDP, "u", "p")),
        ("turns://u:p@[::1]", TurnServer("::1", 5349, TLS, "u", "p")),
        ("turn://u:p@192.0.2.1:65535", TurnServer("192.0.2.1", 65535, UDP, "u", "p")),
        ("u;p;turn:h:1", TurnServer("h", 1, UDP, "u", "p")),
        ("u;p%40;turns:h", TurnServer("h", 5349, TLS, "u", "p%40")),
        ("u;p;q@r;turn:h:1?transport=tcp", TurnServer("h", 1, TCP, "u", "p;q@r")),
    ],
)
def test_parse_turn(text: str, server: TurnServer) -> None:
    assert parse_turn(text) == server


@pytest.mark.parametrize(
    "text",
    [
        "",
        "h:1",
        "http://user:hunter2@h:1",
        "stun:user:hunter2@h:1",
        "turn://user:hunter2@",
        "turn://user:hunter2@:1",
        "turn://user:hunter2@h:0",
        "turn://user:hunter2@h:65536",
        "turn://user:hunter2@h:port",
        "turn://h:3478@user:hunter2",
        "turn://user:hunter2@h:1/",
        "turn://user:hunter2@h:1?transport=sctp",
        "turn://user:hunter2@h:1?transport=udp&x=y",
        "turns://user:hunter2@h:1?transport=udp",
        "turn://user:hunter2@h h:1",
        "turn://user:hunter2@a..b:1",
        "turn://user:hunter2@192.0.2.256:1",
        "turn://user:hunter2@2001:db8::1:1",
        "turn://user:hunter2@[fe80::1%25eth0]:1",
        "turn://user:hunter2@[::g]:1",
        f"turn://user:hunter2@{'h' * 64}:1",
        f"turn://user:hunter2@{'h.' * 150}h:1",
        "turn://user:hunter2%00@h:1",
        "turn://user:hunter2%FF@h:1",
        "turn://user:hunter2\udc80@h:1",
        f"turn://user:hunter2{'x' * 600}@h:1",
        "user;hunter2;h:1",
        "user;hunter2",
        "user;hunter2;turn:x@h:1",
    ],
)
def test_a_bad_turn_server_is_refused_in_words_that_do_not_repeat_it(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_turn(text)
    assert caught.value.detail
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("text", ["turn:h:1", "turn://user@h:1", "turn://:hunter2@h:1", "turn://user:@h:1", ";;turn:h"])
def test_turn_needs_a_credential(text: str) -> None:
    with pytest.raises(ConfigError, match="needs a user name and a password") as caught:
        parse_turn(text)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("server", "uri"),
    [
        (TurnServer("h", 1, UDP, "u", "p"), "turn://u:p@h:1?transport=udp"),
        (TurnServer("h", 1, TCP, "u", "p"), "turn://u:p@h:1?transport=tcp"),
        (TurnServer("::1", 443, TLS, "u", "p"), "turns://u:p@[::1]:443?transport=tcp"),
        (TurnServer("h", 1, UDP, "a:b", "c@d/e?f#g%"), "turn://a%3Ab:c%40d%2Fe%3Ff%23g%25@h:1?transport=udp"),
    ],
)
def test_turn_uri(server: TurnServer, uri: str) -> None:
    assert turn_uri(server) == uri


label = st.from_regex(r"[a-z0-9_-]{0,8}[a-z]", fullmatch=True)
hosts = st.one_of(
    st.lists(label, min_size=1, max_size=4).map(".".join),
    st.ip_addresses(v=4).map(str),
    st.ip_addresses(v=6).map(str),
)
ports = st.integers(1, 65535)
credentials = st.text(min_size=1, max_size=100).filter(lambda text: text.isprintable())
servers = st.builds(TurnServer, hosts, ports, st.sampled_from(TurnTransport), credentials, credentials)


@given(servers)
def test_turn_uri_is_read_back(server: TurnServer) -> None:
    assert parse_turn(turn_uri(server)) == server


@given(st.text())
def test_parsing_anything_gives_a_server_or_a_config_error(text: str) -> None:
    for parse in (parse_turn, parse_stun):
        for candidate in (text, "turn:" + text, "stun:" + text, "turn://u:p@" + text):
            try:
                parse(candidate)
            except ConfigError:
                continue


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("stun:stun.example.org:19302", "stun.example.org:19302"),
        ("stun:stun.example.org", "stun.example.org:3478"),
        ("stun://Stun.Example.org:1", "stun.example.org:1"),
        (" h:1 ", "h:1"),
        ("STUN:192.0.2.1", "192.0.2.1:3478"),
        ("stun:[2001:db8::1]:1", "[2001:db8::1]:1"),
        ("[::1]", "[::1]:3478"),
    ],
)
def test_parse_stun(text: str, address: str) -> None:
    assert parse_stun(text) == address
    assert parse_stun(address) == address


@pytest.mark.parametrize("text", ["", "stun:", "stun:19302", "stuns:h:1", "turn:h:1", "u@h:1", "h:0", "h:99999", "::1"])
def test_a_bad_stun_server_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="stun:host:port"):
        parse_stun(text)


def test_the_published_table() -> None:
    assert [str(server) for server in DEFAULT_TURN] == [
        "turn:turn-cae1.vdo.ninja:3478",
        "turn:turn-usw2.vdo.ninja:3478",
        "turn:turn-eu1.vdo.ninja:3478",
        "turns:www.turn.obs.ninja:443",
    ]
    assert all(parse_turn(turn_uri(server)) == server for server in DEFAULT_TURN)


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("wss.vdo.ninja", "https://turnservers.vdo.ninja/"),
        ("wss.rtc.ninja", "https://turnservers.rtc.ninja/"),
        ("rtc.ninja", "https://turnservers.rtc.ninja/"),
        ("vdo.socialstream.ninja", "https://turnservers.socialstream.ninja/"),
        ("notrtc.ninja", "https://turnservers.vdo.ninja/"),
        ("", "https://turnservers.vdo.ninja/"),
    ],
)
def test_list_url(host: str, url: str) -> None:
    assert list_url(host) == url


# --- the service's list ------------------------------------------------------------------------------------------

A = TurnServer("a.example", 3478, UDP, "old", "old")
B = TurnServer("b.example", 443, TLS, "old", "old")


def listing(*urls: Any, username: Any = "new", credential: Any = "secret") -> dict[str, Any]:
    return {"username": username, "credential": credential, "urls": list(urls), "tz": 300, "udp": True, "locale": "xx1"}


def test_the_list_gives_current_credentials_and_ports() -> None:
    obj = {"servers": [listing("turns:B.example:5349", "turn:a.example:80"), listing("turn:other.example:1")]}
    assert merge_list(obj, (A, B)) == (
        TurnServer("a.example", 80, UDP, "new", "secret"),
        TurnServer("b.example", 5349, TLS, "new", "secret"),
    )


def test_a_server_that_the_list_lacks_stays_as_published() -> None:
    obj = {"servers": [listing("turns:a.example:443", "turn:a.example:80?transport=tcp", "turn:b.example:443")]}
    assert merge_list(obj, (A, B)) == (A, B)


def test_the_first_entry_for_a_host_counts() -> None:
    obj = {"servers": [listing("turn:a.example"), listing("turn:a.example", username="later")]}
    assert merge_list(obj, (A,))[0].username == "new"


def test_one_address_may_stand_without_a_list() -> None:
    entry = listing() | {"urls": "turn:a.example:1"}
    assert merge_list({"servers": [entry]}, (A,))[0].port == 1


@pytest.mark.parametrize("bad", [None, 5, "", [], {}, "new\nline", "\ud800", "x" * 600])
def test_an_entry_with_a_bad_credential_is_left_out(bad: Any) -> None:
    for entry in (listing("turn:a.example", username=bad), listing("turn:a.example", credential=bad)):
        assert merge_list({"servers": [entry]}, (A,)) == (A,)


def test_the_list_is_read_up_to_a_bound() -> None:
    filler = [listing("turn:other.example")] * MAX_LISTED
    assert merge_list({"servers": [*filler, listing("turn:a.example")]}, (A,)) == (A,)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=10,
)
almost_lists = st.fixed_dictionaries(
    {
        "servers": json_values
        | st.lists(
            st.fixed_dictionaries(
                {},
                optional={
                    "username": json_values | credentials,
                    "credential": json_values | credentials,
                    "urls": json_values | st.lists(json_values | hosts.map("turn:{}".format), max_size=3),
                },
            ),
            max_size=3,
        )
    }
)


@given(json_values | almost_lists)
def test_any_json_leaves_the_same_hosts(obj: object) -> None:
    merged = merge_list(obj, DEFAULT_TURN)
    assert [(server.host, server.transport) for server in merged] == [(s.host, s.transport) for s in DEFAULT_TURN]
    assert all(parse_turn(turn_uri(server)) == server for server in merged)


def test_a_real_shaped_list() -> None:
    text = '{"servers":[{"username":"n","credential":"c","urls":["turn:turn-eu1.vdo.ninja:3478"],"tz":-60,"udp":true}]}'
    merged = merge_list(json.loads(text))
    assert merged[2] == TurnServer("turn-eu1.vdo.ninja", 3478, UDP, "n", "c")
    assert merged[:2] + merged[3:] == DEFAULT_TURN[:2] + DEFAULT_TURN[3:]


def test_an_ipv6_host_is_matched() -> None:
    server = TurnServer(str(IPv6Address("2001:db8::1")), 3478, UDP, "old", "old")
    assert merge_list({"servers": [listing("turn:[2001:DB8::1]:3478")]}, (server,))[0].username == "new"


def test_by_relay_there_is_nothing_but_turn_if_there_is_that() -> None:
    assert by_relay(IceServers(("stun.example:3478",), DEFAULT_TURN)) == IceServers((), DEFAULT_TURN, IcePolicy.RELAY)
    without = IceServers(("stun.example:3478",))
    assert by_relay(without) == without
