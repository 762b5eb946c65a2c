"""JSON lines <-> messages. Bounded: a line may not exceed MAX_LINE bytes."""

import re
from functools import cache
from typing import Any, Final, Generic, TypeVar

import msgspec

from roomtape.errors import IpcError
from roomtape.ipc.messages import FromChild, ToChild

MAX_LINE: Final = 1 << 20
"""Bytes in one line; an SDP is at most some tens of kilobytes."""

MAX_REASON: Final = 200
"""Characters of an error's text: it may repeat a key as long as the line."""

M = TypeVar("M")
_QUOTED_VALUE: Final = re.compile(r"(?<= value )(['\"]).*\1", re.DOTALL)
_NO_OBJECT: Final = IpcError("not a message: no JSON object")
_encoder = msgspec.json.Encoder()


def encode(message: ToChild | FromChild) -> bytes:
    """One message as one line of JSON with its line feed."""
    return _encoder.encode(message) + b"\n"


@cache
def _decode_of(catalogue: Any) -> Any:
    """Made once in a process: what a fork server has made, its children share."""
    return msgspec.json.Decoder(catalogue).decode


class Decoder(Generic[M]):
    """Splits a byte stream into lines and decodes each.

    A bad line costs itself alone: it is returned as an IpcError in its place and decoding goes on with the next line.
    """

    def __init__(self, catalogue: Any) -> None:
        self._decode = _decode_of(catalogue)
        self._rest = bytearray()
        self._skipping = False

    def feed(self, data: bytes) -> list[M | IpcError]:
        """Messages completed by `data`, in order, with an IpcError for each line that is none."""
        out: list[M | IpcError] = []
        start = 0
        while (end := data.find(b"\n", start)) >= 0:
            self._keep(data[start:end], out)
            start = end + 1
            if self._skipping:
                self._skipping = False
            else:
                self._line(bytes(self._rest), out)
            self._rest.clear()
        self._keep(data[start:], out)
        return out

    def _keep(self, part: bytes, out: list[M | IpcError]) -> None:
        if self._skipping:
            return
        if len(self._rest) + len(part) > MAX_LINE:
            self._skipping = True
            self._rest.clear()
            out.append(IpcError(f"a line of more than {MAX_LINE} bytes was dropped"))
            return
        self._rest += part

    def _line(self, line: bytes, out: list[M | IpcError]) -> None:
        if line[:1] != b"{" and not (line := line.lstrip()).startswith(b"{"):
            if line:
                out.append(_NO_OBJECT)  # one for all: there may be very many, and each is only counted
            return
        try:
            out.append(self._decode(line))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            out.append(IpcError(f"not a message: {_reason(error)}"))


def _reason(error: Exception) -> str:
    """What is wrong with a line: it names the field, never its value, which may be a secret."""
    return _QUOTED_VALUE.sub("…", str(error))[:MAX_REASON]


def decoder_in_child() -> Decoder[ToChild]:
    """For a child's stdin."""
    return Decoder(ToChild)


def decoder_in_parent() -> Decoder[FromChild]:
    """For a child's stdout."""
    return Decoder(FromChild)
