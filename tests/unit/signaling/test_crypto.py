import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roomtape.errors import DecryptError
from roomtape.signaling.crypto import decrypt, encrypt
from roomtape.signaling.envelope import read_description
from tests.unit.signaling.vectors import VECTORS, named

PAGE = VECTORS["crypto_page_text_codec"]


@pytest.mark.parametrize("vector", **named(VECTORS["crypto"]))
def test_vectors_both_ways(vector: dict[str, Any]) -> None:
    data, iv = vector["ciphertext"], vector["vector"]
    assert encrypt(vector["plaintext"], vector["phrase"], bytes.fromhex(iv)) == (data, iv)
    assert decrypt(data, iv, vector["phrase"]) == vector["plaintext"]
    assert vector["plaintext"].isascii() == vector["ascii_plaintext"]


@pytest.mark.parametrize("vector", **named(VECTORS["crypto_negative"]))
def test_a_wrong_phrase_is_an_error_however_it_shows(vector: dict[str, Any]) -> None:
    """As padding error, as invalid UTF-8 or as garbage that is no JSON."""
    obj = {"description": vector["ciphertext"], "vector": vector["vector"]}
    with pytest.raises(DecryptError):
        read_description(obj, vector["phrase"])


@pytest.mark.parametrize("number", range(300))
def test_no_wrong_phrase_opens_an_envelope(number: int) -> None:
    """About one wrong phrase in 256 gives valid padding."""
    vector = VECTORS["crypto"][0]
    obj = {"description": vector["ciphertext"], "vector": vector["vector"]}
    with pytest.raises(DecryptError):
        read_description(obj, f"wrong{number}")


def test_the_page_s_text_codec_agrees_on_ascii_alone() -> None:
    """Trap T11: what the page makes of other text is not UTF-8, and so is refused like a wrong password."""
    phrase, iv = PAGE["phrase"], PAGE["vector"]
    assert encrypt(PAGE["plaintext"], phrase, bytes.fromhex(iv))[0] == PAGE["ciphertext_utf8"]
    assert decrypt(PAGE["ciphertext_utf8"], iv, phrase) == PAGE["plaintext"]
    with pytest.raises(DecryptError):
        decrypt(PAGE["ciphertext_page"], iv, phrase)
    escaped = decrypt(PAGE["ciphertext_ascii_escaped"], iv, phrase)
    assert escaped == PAGE["ascii_escaped_plaintext"]
    assert json.loads(escaped) == json.loads(PAGE["plaintext"])
    assert encrypt(escaped, phrase, bytes.fromhex(iv))[0] == PAGE["ciphertext_ascii_escaped"]


def test_every_envelope_has_a_vector_of_its_own() -> None:
    envelopes = {encrypt("text", "phrase") for _ in range(20)}
    assert len({vector for _, vector in envelopes}) == len({data for data, _ in envelopes}) == 20
    assert all(len(vector) == 32 for _, vector in envelopes)


@pytest.mark.parametrize(
    ("data", "vector"),
    [
        ("", "00" * 16),
        ("ef8c", "00" * 16),
        ("ef8c8b5e44634dfe2fb4eb065b40271", "00" * 16),  # truncated hex
        ("zz" * 16, "00" * 16),
        ("ä" * 32, "00" * 16),
        ("ef" * 16, "00" * 15),
        ("ef" * 16, "00" * 17),
        ("ef" * 16, ""),
        ("ef" * 16, "no hex"),
    ],
)
def test_damaged_envelopes(data: str, vector: str) -> None:
    with pytest.raises(DecryptError) as error:
        decrypt(data, vector, "hunter2")
    assert "hunter2" not in error.value.detail


@given(st.text(), st.text(), st.binary(min_size=16, max_size=16))
def test_what_is_encrypted_can_be_decrypted(text: str, phrase: str, iv: bytes) -> None:
    data, vector = encrypt(text, phrase, iv)
    assert vector == iv.hex()
    assert decrypt(data, vector, phrase) == text
    assert decrypt(data.upper(), vector.upper(), phrase) == text


odd_text = st.lists(st.characters() | st.characters(categories=["Cs"])).map("".join)
hexadecimal = st.binary(max_size=64).map(bytes.hex)


@given(odd_text | hexadecimal, odd_text | hexadecimal, st.text())
def test_anything_else_is_a_decrypt_error(data: str, vector: str, phrase: str) -> None:
    try:
        decrypt(data, vector, phrase).encode()
    except DecryptError as error:
        assert error.code == "decrypt"
