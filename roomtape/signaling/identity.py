"""Sanitising, effective password, salt and hashes (protocol.md 2)."""

import hashlib
import ipaddress
import re
from typing import Final
from urllib.parse import quote

import msgspec

from roomtape.model import RoomId, StreamId, WireStreamId

DEFAULT_PASSWORD: Final = "someEncryptionKey123"  # noqa: S105 - the service's published default, not a secret
DEFAULT_SALT: Final = "vdo.ninja"
DISABLING_PASSWORDS: Final = frozenset({"false", "0", "off"})
_SALT_DOMAINS: Final = frozenset({"vdo.ninja", "rtc.ninja", "versus.cam", "socialstream.ninja"})
# JavaScript's trim(): WhiteSpace and LineTerminator of ECMA-262, U+FEFF included (trap T22).
_JS_SPACE: Final = "\t\n\v\f\r \xa0\u1680\u2028\u2029\u202f\u205f\u3000\ufeff" + "".join(
    map(chr, range(0x2000, 0x200B))
)
_NON_WORD: Final = re.compile(r"\W+", re.ASCII)
# What encodeURIComponent leaves alone beside letters and digits.
_URI_UNRESERVED: Final = "-_.!~*'()"


def sanitise_stream(text: str) -> StreamId:
    """A stream id as the web page makes it: longer than 64 is cut to 70 (protocol.md 2.1, trap T23)."""
    word = _NON_WORD.sub("_", text.strip(_JS_SPACE))
    return StreamId(word[:70] if len(word) > 64 else word)


def sanitise_room(text: str) -> str:
    """A room name: at most 30 characters (protocol.md 2.1)."""
    return _NON_WORD.sub("_", text.strip(_JS_SPACE))[:30]


def sanitise_password(text: str) -> str:
    """JavaScript's encodeURIComponent of the trimmed text (protocol.md 2.1). Apply it once (trap T13)."""
    return quote(text.strip(_JS_SPACE), safe=_URI_UNRESERVED, errors="replace")


def salt_for_page(host: str) -> str:
    """The salt that a web page on `host` uses (protocol.md 2.3)."""
    host = host.strip("[]").lower()
    labels = ".".join(host.split(".")[-2:])
    if host in ("", "localhost", "steveseguin.github.io") or _is_address(host):
        return DEFAULT_SALT
    return labels if labels in _SALT_DOMAINS else host


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


class Identity(msgspec.Struct, frozen=True):
    """Password and salt in force; the source of every hash. `phrase` is None when the password is disabled."""

    phrase: str | None
    suffix: str

    def __repr__(self) -> str:
        return f"Identity(suffix={self.suffix!r})"

    def room_id(self, room: str) -> RoomId:
        """The room's name on the wire."""
        clean = sanitise_room(room)
        return RoomId(_sha256_hex(clean + self.phrase)[:16] if self.phrase is not None else clean)

    def wire_id(self, stream: StreamId) -> WireStreamId:
        """The stream's name on the wire: clean name and suffix, no separator."""
        return WireStreamId(stream + self.suffix)

    def clean_id(self, wire: str) -> StreamId:
        """Cut my own suffix once, if the id ends with it; never blindly (protocol.md 2.5, trap T20)."""
        if self.suffix and len(wire) > len(self.suffix) and wire.endswith(self.suffix):
            return StreamId(wire[: -len(self.suffix)])
        return StreamId(wire)

    def is_mine(self, wire: str) -> bool:
        """Whether the stream's publisher uses my password and salt, as far as the id tells."""
        return not self.suffix or self.clean_id(wire) != wire


def make_identity(password: str | None, salt: str = DEFAULT_SALT) -> Identity:
    """Identity for a password as the user wrote it (protocol.md 2.2).

    None or an empty text mean the service's default; "false", "0" and "off" disable encryption.
    """
    if password is not None and password.strip(_JS_SPACE).lower() in DISABLING_PASSWORDS:
        return Identity(phrase=None, suffix="")
    effective = sanitise_password(password or "") or DEFAULT_PASSWORD
    phrase = effective + salt.encode(errors="replace").decode()  # an argument may hold bytes that are no text
    return Identity(phrase=phrase, suffix=_sha256_hex(phrase)[:6])


def _sha256_hex(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
