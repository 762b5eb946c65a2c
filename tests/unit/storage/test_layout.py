import re
from datetime import UTC as UTC_ZONE
from datetime import datetime
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roomtape.model import StreamId
from roomtape.storage.layout import MAX_NAME, Name, next_take, read_name, safe_name, stem

UTC = "20261122T182113Z"
ALICE = StreamId("alice")
SAFE = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,63}", fullmatch=True)
# Surrogates included: JSON can carry them.
ANY_TEXT = st.text(st.characters(), max_size=300)


def on_disk(prefix: str, stream: str, take: int, ext: str = "webm") -> str:
    return f"{stem(prefix, StreamId(stream), take)}_{UTC}.{ext}"


def test_a_plain_id_keeps_its_name() -> None:
    assert stem("testroom123", ALICE, 1) == "testroom123_alice_01"
    assert stem("p", StreamId("Bob_2-x"), 123) == "p_Bob_2-x_123"


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("../../x", "_x-"),
        ("a/b\\c:d", "a_b_c_d-"),
        ("", "_-"),
        ("-rf", "_rf-"),
        (".hidden", "_hidden-"),
        ("x" * 300, "x" * 57 + "-"),
        ("jörg\0", "j_rg_-"),
        ("\ud800", "_-"),
        ("a-1b2c3d", "a-1b2c3d-"),
        ("alice\n", "alice_-"),
    ],
)
def test_a_hostile_id_is_altered_and_marked(text: str, start: str) -> None:
    assert re.fullmatch(re.escape(start) + "[0-9a-f]{6}", safe_name(text))


@given(ANY_TEXT)
def test_every_name_is_safe(text: str) -> None:
    name = safe_name(text)
    assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_-]*", name)
    assert len(name) <= MAX_NAME


@given(ANY_TEXT, ANY_TEXT)
def test_a_recording_stays_in_its_folder(prefix: str, stream: str) -> None:
    name = on_disk(prefix, stream, 99)
    assert PurePosixPath("folder", name).parent == PurePosixPath("folder")
    assert len(name) <= 255


@given(SAFE | ANY_TEXT, SAFE | ANY_TEXT)
def test_different_ids_keep_different_names(one: str, other: str) -> None:
    assert (safe_name(one) == safe_name(other)) == (one == other)


@given(ANY_TEXT)
def test_an_altered_name_is_never_another_ids_plain_name(text: str) -> None:
    name = safe_name(text)
    assert name == text or safe_name(name) != name


def test_the_first_take_is_1() -> None:
    assert next_take([], "p", ALICE) == 1
    assert next_take(["p_alice_01.txt", "p_alice_", "notes", f"p_alice_7_{UTC}.webm"], "p", ALICE) == 1


def test_the_next_take_follows_the_highest() -> None:
    names = [on_disk("p", "alice", 9), on_disk("p", "alice", 100, "mkv"), on_disk("p", "alice", 10)]
    assert next_take(names, "p", ALICE) == 101


def test_unfinished_and_numbered_files_count() -> None:
    assert next_take([f"p_alice_04_{UTC}"], "p", ALICE) == 5
    assert next_take([f"p_alice_05_{UTC}-2.webm"], "p", ALICE) == 6


def test_parts_belong_to_their_take() -> None:
    assert next_take([f"p_alice_04_p12_{UTC}.webm", f"p_alice_07_p_{UTC}.webm"], "p", ALICE) == 5
    assert next_take([f"p_alice_04_p12_{UTC}.webm"], "p", StreamId("alice_04")) == 1


def test_streams_whose_names_look_like_takes_do_not_mix() -> None:
    names = [on_disk("p", "a_01", 7), on_disk("p", f"a_01_{UTC}", 8), on_disk("p", "ab", 9), on_disk("q", "a", 10)]
    assert next_take(names, "p", StreamId("a")) == 1
    assert next_take(names, "p", StreamId("a_01")) == 8


@given(ANY_TEXT, ANY_TEXT, st.integers(1, 10_000))
def test_a_take_is_never_given_twice(prefix: str, stream: str, take: int) -> None:
    assert next_take([on_disk(prefix, stream, take)], prefix, StreamId(stream)) == take + 1


@given(st.lists(ANY_TEXT))
def test_any_names_may_lie_in_the_folder(names: list[str]) -> None:
    assert next_take(["p_alice" + name for name in names] + names, "p", ALICE) >= 1


OPENED = datetime(2026, 11, 22, 18, 21, 13, tzinfo=UTC_ZONE)


@pytest.mark.parametrize(
    ("name", "read"),
    [
        (f"p_alice_07_{UTC}.webm", Name("alice", 7, 1, OPENED)),
        (f"p_alice_07_p12_{UTC}-3.mkv", Name("alice", 7, 12, OPENED)),
        (f"p_alice_screen_100_{UTC}.mp4", Name("alice_screen", 100, 1, OPENED)),
        (f"p_a_01_02_{UTC}.webm", Name("a_01", 2, 1, OPENED)),
        (f"p_alice_07_{UTC}-prelude-2.webm", Name("alice", 7, 1, OPENED, prelude=True)),
        (f"p_alice_7_{UTC}.webm", None),
        (f"q_alice_07_{UTC}.webm", None),
        ("p_alice_07_20261331T182113Z.webm", None),
    ],
)
def test_a_name_says_whose_it_is(name: str, read: Name | None) -> None:
    assert read_name(name, "p") == read


@given(ANY_TEXT, ANY_TEXT, st.integers(1, 10_000))
def test_what_a_name_was_made_of_can_be_read_from_it(prefix: str, stream: str, take: int) -> None:
    read = read_name(on_disk(prefix, stream, take), prefix)
    assert read == Name(safe_name(stream), take, 1, OPENED)
    assert read.is_of(stream)


def test_a_screen_is_its_stream_s() -> None:
    assert Name("alice_screen", 1, 1, OPENED).is_of("alice")
    assert not Name("alice_screen", 1, 1, OPENED).is_of("bob")
