"""Descriptions and candidates inside a JSON object, plain or encrypted.

The same object travels on the WebSocket and on the data channel (protocol.md 6 and 7), so the main process and the
children both read and write it here. All input is hostile: everything else than the documented shapes raises WireError.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from roomtape.errors import DecryptError, WireError
from roomtape.model import Candidate, Description, SdpType

MAX_SDP: Final = 256 * 1024
MAX_CANDIDATES: Final = 100
"""Candidates accepted from one message (protocol.md 7)."""
MAX_CANDIDATE: Final = 2048

Object = Mapping[str, Any]


def read_json(text: str) -> Any:
    """JSON as a peer sends it. Stricter than the standard library: no lone surrogates, which no UTF-8 can carry on.

    Raises:
        WireError: it is not JSON.
    """
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise WireError("not JSON") from error


def has_description(obj: Object) -> bool:
    return obj.get("description") is not None


def has_candidates(obj: Object) -> bool:
    return obj.get("candidates") is not None or obj.get("candidate") is not None


def read_description(obj: Object, phrase: str | None) -> Description:
    """The `description` of `obj`.

    Raises:
        DecryptError: it is encrypted and `phrase` does not open it.
        WireError: it is not a session description.
    """
    value = _open(obj, "description", phrase)
    if not isinstance(value, Mapping):
        raise WireError("description is not an object")
    kind, sdp = value.get("type"), value.get("sdp")
    if kind not in (SdpType.OFFER, SdpType.ANSWER):
        raise WireError("description is neither an offer nor an answer")
    if not isinstance(sdp, str) or not sdp.startswith("v=") or "\0" in sdp or len(sdp) > MAX_SDP:
        raise WireError("description has no usable sdp")
    return Description(SdpType(kind), sdp)


def read_candidates(obj: Object, phrase: str | None) -> tuple[Candidate, ...]:
    """`candidates` or `candidate` of `obj` as one list; empty and odd entries are left out (trap T18).

    Raises:
        DecryptError: they are encrypted and `phrase` does not open them.
        WireError: not candidates at all.
    """
    field = "candidates" if obj.get("candidates") is not None else "candidate"
    value = obj[field]
    if isinstance(value, str) and "vector" not in obj:
        value = {**obj, "candidate": value}  # a bare string, its m-line index beside it
    elif isinstance(value, str):
        value = _open(obj, field, phrase)
        if isinstance(value, str):
            value = {**obj, "candidate": value}
    entries = value if isinstance(value, list) else [value]
    if not all(isinstance(entry, Mapping) for entry in entries):
        raise WireError("candidates are not objects")
    return tuple(c for c in map(_candidate, entries[:MAX_CANDIDATES]) if c is not None)


def _candidate(entry: Object) -> Candidate | None:
    text, mid, index = entry.get("candidate"), entry.get("sdpMid"), entry.get("sdpMLineIndex")
    if not isinstance(text, str) or len(text) > MAX_CANDIDATE:
        return None
    text = text.strip().removeprefix("a=")
    if not text or not text.isprintable():
        return None
    return Candidate(
        text,
        mid if isinstance(mid, str) and len(mid) <= 64 else None,
        index if isinstance(index, int) and not isinstance(index, bool) and 0 <= index < 1000 else 0,
    )


def write_description(description: Description, phrase: str | None) -> dict[str, Any]:
    return _seal("description", {"type": str(description.type), "sdp": description.sdp}, phrase)


def write_candidates(candidates: Iterable[Candidate], phrase: str | None) -> dict[str, Any]:
    entries = [
        {"candidate": c.candidate, "sdpMid": c.sdp_mid or str(c.sdp_mline_index), "sdpMLineIndex": c.sdp_mline_index}
        for c in candidates
    ]
    return _seal("candidates", entries, phrase)


def _seal(field: str, value: object, phrase: str | None) -> dict[str, Any]:
    if phrase is None:
        return {field: value}
    from roomtape.signaling.crypto import encrypt

    # ASCII only: the page's text codec differs from UTF-8 (trap T11).
    data, vector = encrypt(json.dumps(value, ensure_ascii=True), phrase)
    return {field: data, "vector": vector}


def _open(obj: Object, field: str, phrase: str | None) -> Any:
    """Encrypted or plain is decided by type, not by configuration (protocol.md 3)."""
    value = obj[field]
    if not isinstance(value, str):
        return value
    vector = obj.get("vector")
    if not isinstance(vector, str):
        raise WireError(f"{field} is a text without a vector")
    if phrase is None:
        raise DecryptError("encrypted, but the password is switched off here")
    # Imported where it is needed: children of a room without password never load it.
    from roomtape.signaling.crypto import decrypt

    try:
        return read_json(decrypt(value, vector, phrase))
    except WireError as error:
        raise DecryptError("cannot be decrypted: wrong password or salt, or damaged data") from error
