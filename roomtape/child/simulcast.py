"""One layer of a simulcast offer, the best: what the offer is cut down to, and what the answer says of it. Pure.

Layers have names (rid, RFC 8851 and RFC 8853). A browser whose layers are not answered by name sends the first that it
lists, whatever that is. Older pages write an `ssrc-group:SIM` instead: that needs no answer, since Chromium then sends
one stream of full size unless the answer has its `x-google-flag:conference`.
"""

import re
from collections.abc import Sequence
from typing import Final

import msgspec

_RID: Final = re.compile(r"a=rid:([A-Za-z0-9_-]{1,255}) send(?: (\S+))?")
_SIMULCAST: Final = re.compile(r"a=simulcast:\s*(?:recv \S+ )?send (\S+)(?: recv \S+)?\s*")
_EXTENSION: Final = re.compile(r"a=extmap:(\d{1,2})(?:/\w+)? (\S+)")
_SDES: Final = frozenset({"urn:ietf:params:rtp-hdrext:sdes:mid", "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"})
"""Without these in the answer Chromium takes simulcast for refused."""
_BEST_NAMES: Final = ("f", "full", "hi", "high", "h")
"""Names that pages give the layer of full size. `h` alone may be half; it counts if there is no `f`."""
_AREA_LIMITS: Final = ("max-width", "max-height", "max-fs", "max-pps", "max-br")
MAX_LAYERS: Final = 16


class Layer(msgspec.Struct, frozen=True):
    """The chosen one of named layers, and the header extensions that name it, with their numbers."""

    rid: str
    extensions: tuple[tuple[int, str], ...]


def is_simulcast(line: str) -> bool:
    """Whether a line speaks of named layers."""
    return line.startswith(("a=rid:", "a=simulcast:"))


def best_layer(lines: Sequence[str]) -> Layer | None:
    """The best of the layers that a media section offers by name; None if it is no simulcast.

    The largest by its restrictions if all have such; else the one with a name that says so; else the last, which is by
    default the one of full size (W3C WebRTC, RTCPeerConnection.addTransceiver).
    """
    offered = next((match[1] for line in lines if (match := _SIMULCAST.fullmatch(line))), None)
    if offered is None:
        return None
    rids = {match[1]: match[2] or "" for line in lines if (match := _RID.fullmatch(line))}
    streams = [stream.split(",")[0] for stream in offered.split(";")][:MAX_LAYERS]
    awake = [name for name in streams if name in rids] or [
        name.removeprefix("~") for name in streams if name.removeprefix("~") in rids
    ]
    if not awake:
        return None
    found = (_EXTENSION.fullmatch(line) for line in lines)
    extensions = tuple((int(match[1]), match[2]) for match in found if match and match[2] in _SDES)
    return Layer(_best(awake, rids), extensions)


def _best(names: list[str], restrictions: dict[str, str]) -> str:
    limits = {name: _limits(restrictions[name]) for name in names}
    for keys in (_AREA_LIMITS[:2], *((key,) for key in _AREA_LIMITS[2:])):
        if all(key in limits[name] for name in names for key in keys):
            return max(names, key=lambda name: [limits[name][key] for key in keys])
    return next((name for best in _BEST_NAMES for name in names if name.lower() == best), names[-1])


def _limits(restrictions: str) -> dict[str, int]:
    pairs = (part.split("=", 1) for part in restrictions.split(";") if "=" in part)
    return {key: int(value) for key, value in pairs if re.fullmatch("[0-9]{1,9}", value)}


def answer_lines(layer: Layer) -> list[str]:
    """What an answer says of the chosen layer."""
    extensions = [f"a=extmap:{number} {uri}" for number, uri in layer.extensions]
    return [*extensions, f"a=rid:{layer.rid} recv", f"a=simulcast:recv {layer.rid}"]
