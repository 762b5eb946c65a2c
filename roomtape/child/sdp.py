"""Session descriptions as text: what the recorder reads from an offer and what it leaves of it.

webrtcbin answers what it is offered, so the choice of codecs is made in the offer that it gets to see
(protocol.md 9.2): recordable codecs in order of preference, each with its RTX; everything else is taken out.
"""

import re
from collections.abc import Iterable
from typing import Final

import msgspec

from roomtape.child.codecs import RECIPES, codec_of
from roomtape.errors import BadDescription
from roomtape.model import Codec, TrackKind

_ATTRIBUTE: Final = re.compile(r"a=(rtpmap|fmtp|rtcp-fb):(\d{1,3}) (.*)")
_STATIC: Final = {"0": "PCMU", "8": "PCMA", "9": "G722"}
_DIRECTIONS: Final = frozenset({"a=sendrecv", "a=sendonly", "a=recvonly", "a=inactive"})
_SENDING: Final = frozenset({"a=sendrecv", "a=sendonly"})
MAX_MEDIA: Final = 32


class Section(msgspec.Struct, frozen=True):
    """A media section (RFC 8866 section 5.14): its m-line's words and the lines after it."""

    kind: str
    port: str
    protocol: str
    formats: tuple[str, ...]
    lines: tuple[str, ...]

    def text(self) -> list[str]:
        return [" ".join([f"m={self.kind}", self.port, self.protocol, *self.formats]), *self.lines]

    @property
    def direction(self) -> str:
        return next((line for line in self.lines if line in _DIRECTIONS), "a=sendrecv")

    @property
    def offers_media(self) -> bool:
        # Port 0 means a rejected section, unless it only waits to be bundled (RFC 8843 section 6).
        rejected = self.port == "0" and "a=bundle-only" not in self.lines
        return self.kind in ("audio", "video") and self.direction in _SENDING and not rejected


class Selection(msgspec.Struct, frozen=True):
    """An offer cut down to what can be recorded. `refused` names what was offered instead, per refused section."""

    sdp: str
    tracks: tuple[TrackKind, ...]
    refused: tuple[str, ...]
    offered: int
    """Sections with media in the offer, wanted or not."""


def split(sdp: str) -> tuple[list[str], list[Section]]:
    """Session lines and media sections.

    Raises:
        BadDescription: no usable m-line, or too many.
    """
    head: list[str] = []
    blocks: list[list[str]] = []
    for line in sdp.replace("\r", "\n").split("\n"):
        if line.startswith("m="):
            blocks.append([line])
        elif line:
            (blocks[-1] if blocks else head).append(line)
    if not blocks or len(blocks) > MAX_MEDIA:
        raise BadDescription(f"the session description has {len(blocks)} media sections")
    return head, [_section(block) for block in blocks]


def _section(block: list[str]) -> Section:
    words = block[0][2:].split()
    if len(words) < 4 or not words[1].split("/")[0].isdigit():
        raise BadDescription("the session description has a broken m-line")
    return Section(words[0], words[1], words[2], tuple(words[3:]), tuple(block[1:]))


def join(head: Iterable[str], sections: Iterable[Section]) -> str:
    lines = [*head, *(line for section in sections for line in section.text())]
    return "\r\n".join(lines) + "\r\n"


def select(sdp: str, preference: tuple[Codec, ...], wanted: frozenset[TrackKind]) -> Selection:
    """The offer without what cannot or shall not be recorded.

    A section without a usable codec, or of an unwanted kind, becomes inactive; it must stay, since m-lines are never
    removed (RFC 8829 section 5.2.2).

    Raises:
        BadDescription: see `split`.
    """
    head, sections = split(sdp)
    out: list[Section] = []
    tracks: list[TrackKind] = []
    refused: list[str] = []
    for section in sections:
        if section.kind not in ("audio", "video"):
            out.append(section)
            continue
        kind = TrackKind(section.kind)
        narrowed = _narrow(section, tuple(codec for codec in preference if RECIPES[codec].kind is kind))
        if narrowed is None or kind not in wanted:
            if section.offers_media and kind in wanted:
                refused.append(f"{kind}: {', '.join(sorted(set(_names(section).values()))) or 'nothing'}")
            out.append(_inactive(narrowed or section))
            continue
        if section.offers_media:
            tracks.append(kind)
        out.append(narrowed)
    offered = sum(section.offers_media for section in sections)
    return Selection(join(head, out), tuple(tracks), tuple(refused), offered)


def _names(section: Section) -> dict[str, str]:
    """Encoding name of each payload type."""
    names = {pt: _STATIC[pt] for pt in section.formats if pt in _STATIC}
    for line in section.lines:
        if (match := _ATTRIBUTE.fullmatch(line)) and match[1] == "rtpmap":
            names[match[2]] = match[3].split("/")[0].strip().upper()
    return names


def _narrow(section: Section, preference: tuple[Codec, ...]) -> Section | None:
    names = _names(section)
    fmtp = _fmtp(section)
    chosen: list[str] = []
    for codec in preference:
        for pt in section.formats:
            if codec_of(names.get(pt, "")) is codec and pt not in chosen:
                chosen += [pt, *(rtx for rtx in section.formats if names.get(rtx) == "RTX" and _apt(fmtp, rtx) == pt)]
    if not chosen:
        return None
    return Section(section.kind, section.port, section.protocol, tuple(chosen), _attributes(section, chosen, fmtp))


def _attributes(section: Section, chosen: list[str], fmtp: dict[str, list[str]]) -> tuple[str, ...]:
    lines: list[str] = []
    written: set[str] = set()
    for line in section.lines:
        match = _ATTRIBUTE.fullmatch(line)
        if match is None or (match[2] in chosen and match[1] != "fmtp"):
            lines.append(line)
        elif match[2] in chosen and match[2] not in written:
            written.add(match[2])
            if fmtp[match[2]]:
                lines.append(f"a=fmtp:{match[2]} {';'.join(fmtp[match[2]])}")
    return tuple(lines)


def _fmtp(section: Section) -> dict[str, list[str]]:
    """Format parameters of each payload type: several lines become one, malformed ones are left out (trap T14)."""
    out: dict[str, list[str]] = {}
    for line in section.lines:
        if (match := _ATTRIBUTE.fullmatch(line)) and match[1] == "fmtp":
            known = out.setdefault(match[2], [])
            seen = {parameter.split("=")[0] for parameter in known}
            for parameter in (part.strip() for part in match[3].split(";")):
                name = parameter.split("=")[0]
                if re.fullmatch(r"[\w-]+=[^\s\"\\]*", parameter) and name not in seen:
                    known.append(parameter)
                    seen.add(name)
    return out


def _apt(fmtp: dict[str, list[str]], pt: str) -> str | None:
    return next((p.partition("=")[2] for p in fmtp.get(pt, ()) if p.startswith("apt=")), None)


def _inactive(section: Section) -> Section:
    kept = tuple(line for line in section.lines if line not in _DIRECTIONS)
    return msgspec.structs.replace(section, lines=(*kept, "a=inactive"))


def fingerprints(sdp: str) -> dict[str, set[str]]:
    """Certificate fingerprints by lower-case hash name, as lower-case hex without colons (RFC 8122 section 5)."""
    out: dict[str, set[str]] = {}
    for line in sdp.splitlines():
        if line.startswith("a=fingerprint:"):
            name, _, value = line.removeprefix("a=fingerprint:").strip().partition(" ")
            out.setdefault(name.lower(), set()).add(value.strip().replace(":", "").lower())
    return out


def candidate_type(candidate: str) -> str:
    """host, srflx, prflx or relay; "" if the line does not say (RFC 8839 section 5.1)."""
    words = candidate.split()
    return words[words.index("typ") + 1] if "typ" in words[:-1] else ""
