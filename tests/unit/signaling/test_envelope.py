import json
from typing import Any

import pytest
from hypothesis import given

from roomtape.errors import DecryptError, WireError
from roomtape.model import Candidate, Description, SdpType
from roomtape.signaling.crypto import decrypt, encrypt
from roomtape.signaling.envelope import (
    MAX_CANDIDATE,
    MAX_CANDIDATES,
    MAX_SDP,
    has_candidates,
    has_description,
    read_candidates,
    read_description,
    read_json,
    write_candidates,
    write_description,
)
from tests.unit.signaling.hostile import PHRASE, json_objects
from tests.unit.signaling.vectors import VECTORS

LINE = "candidate:1 1 udp 1 192.0.2.1 9 typ host"
OFFER = Description(SdpType.OFFER, "v=0\r\ns=Räum 😀\r\n")
CANDIDATES = (Candidate(LINE, "video", 1), Candidate(LINE, None, 2))


def sealed(field: str, value: object) -> dict[str, Any]:
    data, vector = encrypt(json.dumps(value), PHRASE)
    return {field: data, "vector": vector}


@pytest.mark.parametrize("case", VECTORS["candidate_normalise"])
def test_candidates_of_every_form_become_a_list(case: dict[str, Any]) -> None:
    assert has_candidates(case["in"])
    candidates = read_candidates(case["in"], None)
    assert len(candidates) == case["count"]
    assert all(c.candidate.startswith("candidate:") and c.sdp_mline_index == 0 for c in candidates)


@pytest.mark.parametrize("case", VECTORS["candidate_normalise"])
def test_encrypted_candidates_are_read_like_plain_ones(case: dict[str, Any]) -> None:
    field = "candidates" if "candidates" in case["in"] else "candidate"
    encrypted = {**case["in"], **sealed(field, case["in"][field])}
    assert read_candidates(encrypted, PHRASE) == read_candidates(case["in"], None)


@pytest.mark.parametrize("phrase", [None, PHRASE])
def test_what_is_written_can_be_read(phrase: str | None) -> None:
    obj = write_description(OFFER, phrase)
    assert has_description(obj)
    assert read_description(obj, phrase) == OFFER
    obj = write_candidates(CANDIDATES, phrase)
    assert read_candidates(obj, phrase) == (Candidate(LINE, "video", 1), Candidate(LINE, "2", 2))


def test_what_is_encrypted_is_ascii() -> None:
    """Trap T11."""
    obj = write_description(OFFER, PHRASE)
    assert decrypt(obj["description"], obj["vector"], PHRASE).isascii()


def test_plain_is_accepted_with_a_password_too() -> None:
    """Trap T10: encrypted or plain is decided by type."""
    assert read_description(write_description(OFFER, None), PHRASE) == OFFER


def test_encrypted_with_the_password_off_says_so() -> None:
    with pytest.raises(DecryptError, match="switched off"):
        read_description(write_description(OFFER, PHRASE), None)
    with pytest.raises(DecryptError, match="switched off"):
        read_candidates(write_candidates(CANDIDATES, PHRASE), None)


@pytest.mark.parametrize(
    "value",
    [
        7,
        True,
        [],
        {},
        {"type": "offer"},
        {"sdp": "v=0"},
        {"type": "pranswer", "sdp": "v=0"},
        {"type": ["offer"], "sdp": "v=0"},
        {"type": "offer", "sdp": ""},
        {"type": "offer", "sdp": "hello"},
        {"type": "offer", "sdp": {"v": 0}},
        {"type": "offer", "sdp": "v=0\0"},
        {"type": "offer", "sdp": "v=" + "0" * MAX_SDP},
    ],
)
def test_what_is_no_description(value: object) -> None:
    for obj in ({"description": value}, sealed("description", value)):
        with pytest.raises(WireError):
            read_description(obj, PHRASE)


@pytest.mark.parametrize("vector", [None, 7, [], {}])
def test_a_text_without_a_vector_is_no_description(vector: object) -> None:
    with pytest.raises(WireError):
        read_description({"description": "00", "vector": vector}, PHRASE)


@pytest.mark.parametrize(
    "entry",
    [
        {},
        {"candidate": None},
        {"candidate": 1},
        {"candidate": ""},
        {"candidate": "  \r\n"},
        {"candidate": "a="},
        {"candidate": "candidate:1\r\na=forged"},
        {"candidate": "candidate:1\0"},
        {"candidate": "c" * (MAX_CANDIDATE + 1)},
    ],
)
def test_odd_entries_are_left_out(entry: dict[str, Any]) -> None:
    assert read_candidates({"candidates": [entry, {"candidate": LINE}]}, None) == (Candidate(LINE),)


@pytest.mark.parametrize("value", [7, True, [[]], [None], ["text"], [{"candidate": LINE}, 7]])
def test_what_is_no_candidates(value: object) -> None:
    for obj in ({"candidates": value}, sealed("candidates", value)):
        with pytest.raises(WireError, match="not objects"):
            read_candidates(obj, PHRASE)


@pytest.mark.parametrize(
    ("entry", "mid", "index"),
    [
        ({}, None, 0),
        ({"sdpMid": "0", "sdpMLineIndex": 3}, "0", 3),
        ({"sdpMid": 0, "sdpMLineIndex": -1}, None, 0),
        ({"sdpMid": None, "sdpMLineIndex": True}, None, 0),
        ({"sdpMid": "m" * 65, "sdpMLineIndex": 10**9}, None, 0),
        ({"sdpMid": [], "sdpMLineIndex": "1"}, None, 0),
    ],
)
def test_the_m_line_may_be_missing_or_odd(entry: dict[str, Any], mid: str | None, index: int) -> None:
    """Trap T18."""
    [candidate] = read_candidates({"candidate": {"candidate": f"a={LINE}\r\n", **entry}}, None)
    assert candidate == Candidate(LINE, mid, index)


def test_candidates_of_one_message_are_bounded() -> None:
    many = [{"candidate": LINE}] * (MAX_CANDIDATES + 1)
    assert len(read_candidates({"candidates": many}, None)) == MAX_CANDIDATES


@pytest.mark.parametrize("text", ["", "{", "NaN", '"\\ud800"', "\ud800", "[" * 100_000, "{} x"])
def test_what_is_no_json(text: str) -> None:
    with pytest.raises(WireError, match="not JSON"):
        read_json(text)


@given(json_objects)
def test_any_object_is_read_or_refused(obj: dict[str, Any]) -> None:
    for has, read in ((has_description, read_description), (has_candidates, read_candidates)):
        if has(obj):
            try:
                assert read(obj, PHRASE) is not None
            except WireError as error:
                assert PHRASE not in error.detail
