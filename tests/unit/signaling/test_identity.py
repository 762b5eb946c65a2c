from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roomtape.model import StreamId
from roomtape.signaling.identity import (
    DEFAULT_PASSWORD,
    DEFAULT_SALT,
    Identity,
    _sha256_hex,
    make_identity,
    salt_for_page,
    sanitise_password,
    sanitise_room,
    sanitise_stream,
)
from tests.unit.signaling.vectors import VECTORS, named

SDK_STREAM_LENGTH = 64


def identity_of(vector: dict[str, Any]) -> Identity:
    """`false` in a vector is what a user writes as the text "false"."""
    password = vector["password_input"]
    return make_identity("false" if password is False else password, vector["salt"])


def test_the_default_password_is_that_of_the_vectors() -> None:
    assert VECTORS["default_password"] == DEFAULT_PASSWORD


@pytest.mark.parametrize("vector", **named(VECTORS["identity"]))
def test_identity(vector: dict[str, Any]) -> None:
    identity = identity_of(vector)
    assert identity.phrase == vector["crypto_phrase"]
    assert identity.suffix == vector["suffix"]
    assert sanitise_room(vector["room_input"]) == vector["room_sanitised"]
    assert identity.room_id(vector["room_input"]) == vector["roomid"]
    stream = sanitise_stream(vector["stream_input"])
    assert stream == vector["stream_sanitised_page"]
    assert identity.wire_id(stream) == vector["wire_streamID"]
    assert identity.clean_id(vector["wire_streamID"]) == stream


@pytest.mark.parametrize("vector", **named([v for v in VECTORS["identity"] if v["crypto_phrase"] is not None]))
def test_the_suffix_is_the_start_of_the_key(vector: dict[str, Any]) -> None:
    assert _sha256_hex(vector["crypto_phrase"]) == vector["key_sha256_hex"]
    assert identity_of(vector).suffix[:4] == vector["url_hash_param_4"]
    phrase = identity_of(vector).phrase
    assert phrase == vector["effective_password"] + vector["salt"]


@pytest.mark.parametrize("vector", **named(VECTORS["identity"]))
def test_the_sdk_cuts_long_streams_shorter_than_the_page_and_we_do(vector: dict[str, Any]) -> None:
    """Trap T23: ours is the page's id; the SDK's differs for streams of more than 64 characters."""
    ours = sanitise_stream(vector["stream_input"])
    assert ours[:SDK_STREAM_LENGTH] == vector["stream_sanitised_sdk"]
    assert identity_of(vector).wire_id(StreamId(ours[:SDK_STREAM_LENGTH])) == vector["wire_streamID_sdk"]
    assert (vector["wire_streamID"] == vector["wire_streamID_sdk"]) == (len(ours) <= SDK_STREAM_LENGTH)


@pytest.mark.parametrize(("host", "salt"), VECTORS["salt_by_host"].items())
def test_salt_by_host(host: str, salt: str) -> None:
    assert salt_for_page(host) == salt
    assert salt_for_page(host.upper()) == salt


@pytest.mark.parametrize("host", ["", "::1", "[2001:db8::1]"])
def test_hosts_without_a_name_have_the_default_salt(host: str) -> None:
    assert salt_for_page(host) == DEFAULT_SALT


@pytest.mark.parametrize("vector", VECTORS["sanitise_stream"], ids=lambda vector: repr(vector["input"]))
def test_sanitise_stream(vector: dict[str, str]) -> None:
    assert sanitise_stream(vector["input"]) == vector["output"]


@pytest.mark.parametrize(("length", "kept"), [(63, 63), (64, 64), (65, 65), (70, 70), (71, 70), (300, 70)])
def test_streams_longer_than_64_are_cut_to_70(length: int, kept: int) -> None:
    assert sanitise_stream("s" * length) == "s" * kept


@pytest.mark.parametrize("vector", VECTORS["strip_suffix"], ids=lambda vector: vector["wire"])
def test_strip_suffix(vector: dict[str, str]) -> None:
    assert Identity("phrase", vector["suffix"]).clean_id(vector["wire"]) == vector["clean"]


@pytest.mark.parametrize("vector", **named(VECTORS["misc"]))
def test_the_director_s_hash_is_made_like_the_others(vector: dict[str, str]) -> None:
    """A recorder never claims a room; the vector confirms the primitive."""
    assert _sha256_hex(vector["input"])[:12] == vector["hash"]


@pytest.mark.parametrize("space", ["\ufeff", "\xa0", "\u2028", "\u200a", "\t", "\v"])
def test_what_javascript_trims(space: str) -> None:
    assert sanitise_stream(f"{space}a{space}") == "a"
    assert make_identity(f"{space}hunter2") == make_identity("hunter2")


@pytest.mark.parametrize("control", ["\x1c", "\x1f", "\x85", "\u200b"])
def test_what_only_python_would_trim(control: str) -> None:
    """Trap T22."""
    assert sanitise_stream(f"{control}a") == "_a"


@pytest.mark.parametrize("password", ["false", "0", "off", " False ", "OFF"])
def test_a_disabled_password(password: str) -> None:
    identity = make_identity(password)
    assert (identity.phrase, identity.suffix) == (None, "")
    assert identity.room_id(" my room ") == "my_room"
    assert identity.wire_id(StreamId("ann")) == "ann"


@pytest.mark.parametrize("password", [None, "", "  ", "\ufeff"])
def test_no_password_is_the_default_one(password: str | None) -> None:
    assert make_identity(password) == make_identity(DEFAULT_PASSWORD)


def test_a_password_is_encoded_once() -> None:
    """Trap T13: an encoded password, encoded again, is another one."""
    assert sanitise_password("my päss!") == "my%20p%C3%A4ss!"
    assert make_identity(sanitise_password("my päss!")) != make_identity("my päss!")


def test_streams_of_others_are_recognised() -> None:
    identity = make_identity(None)
    assert identity.is_mine("ann808d64")
    assert not identity.is_mine("ann1c2bdc")
    assert not identity.is_mine("808d64")
    assert make_identity("false").is_mine("ann1c2bdc")


@pytest.mark.parametrize("password", ["opensesame", "open sesame", None])
def test_no_password_is_shown(password: str | None) -> None:
    identity = make_identity(password)
    assert identity.phrase is not None
    for shown in (repr(identity), str(identity)):
        assert identity.phrase not in shown
        assert (password or DEFAULT_PASSWORD) not in shown


# Lone surrogates too: an argument may hold any bytes.
any_text = st.lists(st.characters() | st.characters(categories=["Cs"])).map("".join)


@given(any_text)
def test_any_text_has_a_sanitised_form_that_stays(text: str) -> None:
    stream, room = sanitise_stream(text), sanitise_room(text)
    assert sanitise_stream(stream) == stream
    assert sanitise_room(room) == room
    for word, most in ((stream, 70), (room, 30)):
        assert len(word) <= most
        assert all(c == "_" or (c.isascii() and c.isalnum()) for c in word)


@given(any_text, any_text)
def test_any_password_and_salt_make_an_identity(password: str, salt: str) -> None:
    identity = make_identity(password, salt)
    assert len(identity.suffix) == (0 if identity.phrase is None else 6)
    assert sanitise_password(password).isascii()


@given(st.text(), st.sampled_from([None, "hunter2", "false"]))
def test_a_wire_id_comes_clean_again(stream: str, password: str | None) -> None:
    identity = make_identity(password)
    wire = identity.wire_id(StreamId(stream))
    if stream:
        assert identity.clean_id(wire) == stream
        assert identity.is_mine(wire)
