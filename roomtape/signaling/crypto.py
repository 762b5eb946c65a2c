"""The AES envelope round descriptions and candidates (protocol.md 3): one copy for the main process and children."""

import hashlib
import os
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

from roomtape.errors import DecryptError

_BLOCK: Final = 16


def encrypt(text: str, phrase: str, vector: bytes | None = None) -> tuple[str, str]:
    """AES-256-CBC with PKCS#7; returns (data, vector), both lower-case hex. A new random vector unless given."""
    iv = os.urandom(_BLOCK) if vector is None else vector
    padder = PKCS7(_BLOCK * 8).padder()
    padded = padder.update(text.encode()) + padder.finalize()
    encryptor = _cipher(phrase, iv).encryptor()
    return (encryptor.update(padded) + encryptor.finalize()).hex(), iv.hex()


def decrypt(data: str, vector: str, phrase: str) -> str:
    """The text. CBC has no integrity check: a wrong phrase may also come out as garbage.

    Raises:
        DecryptError: bad hex, length or padding, or not UTF-8.
    """
    try:
        raw, iv = bytes.fromhex(data), bytes.fromhex(vector)
        if len(iv) != _BLOCK:
            raise DecryptError(f"the vector has {len(iv)} bytes instead of {_BLOCK}")
        decryptor = _cipher(phrase, iv).decryptor()
        padded = decryptor.update(raw) + decryptor.finalize()
        unpadder = PKCS7(_BLOCK * 8).unpadder()
        return (unpadder.update(padded) + unpadder.finalize()).decode()
    except ValueError as error:
        raise DecryptError("cannot be decrypted: wrong password or salt, or damaged data") from error


def _cipher(phrase: str, iv: bytes) -> Cipher[modes.CBC]:
    return Cipher(algorithms.AES256(hashlib.sha256(phrase.encode()).digest()), modes.CBC(iv))
