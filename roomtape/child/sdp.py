"""Session descriptions as text: what the recorder reads from an offer and what it leaves of it.

webrtcbin answers what it is offered, so the choice of codecs is made in the offer that it gets to see
(protocol.md 9.2): recordable codecs in order of preference, each with its RTX; everything else is taken out.
"""

import re
from collections.abc import Iterable
from typing import Final

import msgspec

from roomtape.child.codecs import RECIPES, codec_of, profile_rank
from roomtape.child.simulcast import is_simulcast
from roomtape.errors import BadDescription
from roomtape.model import Codec, TrackKind

_ATTRIBUTE: Final = re.compile(r"a=(rtpmap|fmtp|rtcp-fb):(12[0-7]|1[01][0-9]|[1-9]?[0-9]) (.*)")
_PORT: Final = re.compile(r"[0-9]+(/[0-9]+)?")
_PARAMETER: Final = re.compile(r"[\w-]+=[^\s\"\\]*")
_NOT_IN_A_NAME: Final = re.compile(r"[^A-Z0-9._+-]")
_CANDIDATE_TYPES: Final = frozenset({"host", "srflx", "prflx", "relay"})
_STATIC: Final = {"0": "PCMU", "8": "PCMA", "9": "G722"}
_DIRECTIONS: Final = frozenset({"a=sendrecv", "a=sendonly", "a=recvonly", "a=inactive"})
_SENDING: Final = frozenset({"a=sendrecv", "a=sendonly"})
_EXTENSION: Final = re.compile(r"a=extmap:(\d{1,2}) (\S+)")
_TWCC: Final = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
MAX_MEDIA: Final = 32
MAX_FORMATS: Final = 128
"""RTP has no more payload types (RFC 3550 section 5.1)."""
MAX_NAME: Final = 20
"""Characters shown of a codec's name."""


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
    def rejected(self) -> bool:
        """Port 0, unless the section only waits to be bundled (RFC 8843 section 6)."""
        return self.port == "0" and "a=bundle-only" not in self.lines

    @property
    def offers_media(self) -> bool:
        return self.kind in ("audio", "video") and self.direction in _SENDING and not self.rejected

    @property
    def mid(self) -> str:
        return self._value("a=mid:")

    @property
    def stream(self) -> str:
        """The id of the MediaStream that it belongs to (RFC 8830); "" for none."""
        stream = self._value("a=msid:").partition(" ")[0]
        return "" if stream == "-" else stream

    def _value(self, name: str) -> str:
        return next((line.removeprefix(name) for line in self.lines if line.startswith(name)), "")


class Traits(msgspec.Struct, frozen=True):
    """What a section offers beside codecs: retransmission on NACK (RFC 4585), and of the header extensions (RFC 8285)
    with their numbers those that are of use to a recorder."""

    nack: bool
    extensions: tuple[tuple[int, str], ...]


class Media(msgspec.Struct, frozen=True):
    """A section of sound or picture in an offer. `index` is that of its m-line, `stream` the first id of its msid
    (RFC 8830), "" for none; `live` whether media will come by it."""

    index: int
    mid: str
    kind: TrackKind
    stream: str = ""
    live: bool = True


class Selection(msgspec.Struct, frozen=True):
    """An offer cut down to what can be recorded. `refused` names what was offered instead, per refused section."""

    sdp: str
    media: tuple[Media, ...]
    refused: tuple[str, ...]
    offered: int
    """Sections with media in the offer, wanted or not."""

    @property
    def tracks(self) -> tuple[TrackKind, ...]:
        """The kinds of the sections that media will come by."""
        return tuple(media.kind for media in self.media if media.live)


def split(sdp: str) -> tuple[list[str], list[Section]]:
    """Session lines and media sections.

    Raises:
        BadDescription: no usable m-line, or too many; a character that ends the text for C code.
    """
    if "\0" in sdp:
        raise BadDescription("the session description contains a NUL character")
    head: list[str] = []
    blocks: list[list[str]] = []
    for line in _lines(sdp):
        if line.startswith("m="):
            blocks.append([line])
        elif line:
            (blocks[-1] if blocks else head).append(line)
    if not blocks or len(blocks) > MAX_MEDIA:
        raise BadDescription(f"the session description has {len(blocks)} media sections")
    return head, [_section(block) for block in blocks]


def _lines(sdp: str) -> list[str]:
    """Not `splitlines`, which ends lines at characters where GStreamer does not."""
    return sdp.replace("\r", "\n").split("\n")


def _section(block: list[str]) -> Section:
    words = block[0][2:].split()
    if not 4 <= len(words) <= 3 + MAX_FORMATS or not _PORT.fullmatch(words[1]):
        raise BadDescription("the session description has a broken m-line")
    return Section(words[0], words[1], words[2], tuple(dict.fromkeys(words[3:])), tuple(block[1:]))


def join(head: Iterable[str], sections: Iterable[Section]) -> str:
    lines = [*head, *(line for section in sections for line in section.text())]
    return "\r\n".join(lines) + "\r\n"


def select(sdp: str, preference: tuple[Codec, ...], wanted: frozenset[TrackKind]) -> Selection:
    """The offer without what cannot or shall not be recorded.

    Preferred codecs come first, the others in the guest's own order; of simulcast one layer is left. A section
    without a usable codec, or of an unwanted kind, becomes inactive; it must stay, since m-lines are never removed (RFC
    8829 section 5.2.2). All others are shown as sending, even while they do not: webrtcbin cannot follow when an
    inactive section comes alive. `answer_as_offered` puts that right in the answer.

    Raises:
        BadDescription: see `split`.
    """
    head, sections = split(sdp)
    out: list[Section] = []
    media: list[Media] = []
    refused: list[str] = []
    for index, section in enumerate(sections):
        if section.kind not in ("audio", "video"):
            out.append(section)
            continue
        kind = TrackKind(section.kind)
        narrowed = _narrow(section, _codecs_of(section, preference, kind))
        if narrowed is None or kind not in wanted:
            if section.offers_media and kind in wanted:
                names = sorted({_NOT_IN_A_NAME.sub("", name)[:MAX_NAME] for name in _names(section).values()})
                refused.append(f"{kind}: {', '.join(names) or 'nothing'}")
            out.append(_directed(narrowed or section, "a=inactive"))
            media.append(Media(index, section.mid, kind, section.stream, live=False))
            continue
        out.append(_directed(narrowed, "a=sendonly"))
        media.append(Media(index, section.mid, kind, section.stream, live=section.offers_media))
    offered = sum(section.offers_media for section in sections)
    return Selection(join(head, out), tuple(media), tuple(refused), offered)


def _names(section: Section) -> dict[str, str]:
    """Encoding name of each payload type that the m-line lists. The first rtpmap counts, as it does to GStreamer."""
    names: dict[str, str] = {}
    for line in section.lines:
        if (match := _ATTRIBUTE.fullmatch(line)) and match[1] == "rtpmap" and match[2] in section.formats:
            names.setdefault(match[2], match[3].split("/")[0].strip().upper())
    return {pt: _STATIC[pt] for pt in section.formats if pt in _STATIC} | names


def _codecs_of(section: Section, preference: tuple[Codec, ...], kind: TrackKind) -> tuple[Codec, ...]:
    """The recordable ones of this kind: those preferred first, the others as the guest ranks them (RFC 3264 section
    5.1)."""
    names = _names(section)
    offered = [codec_of(names.get(pt, "")) for pt in section.formats]
    ranked = (*(codec for codec in preference if codec in offered), *offered)
    return tuple(dict.fromkeys(codec for codec in ranked if codec in RECIPES and RECIPES[codec].kind is kind))


def _narrow(section: Section, preference: tuple[Codec, ...]) -> Section | None:
    names = _names(section)
    fmtp = _fmtp(section)
    chosen: list[str] = []
    for codec in preference:
        ranks = {pt: profile_rank(codec, _values(fmtp, pt)) for pt in section.formats}
        for pt in sorted(section.formats, key=lambda pt: ranks[pt] or 0):
            if codec_of(names.get(pt, "")) is codec and pt not in chosen and ranks[pt] is not None:
                chosen += [pt, *(rtx for rtx in section.formats if names.get(rtx) == "RTX" and _apt(fmtp, rtx) == pt)]
    if not chosen:
        return None
    return Section(section.kind, section.port, section.protocol, tuple(chosen), _attributes(section, chosen, fmtp))


def _attributes(section: Section, chosen: list[str], fmtp: dict[str, dict[str, str]]) -> tuple[str, ...]:
    lines: list[str] = []
    written: set[str] = set()
    for line in section.lines:
        match = _ATTRIBUTE.fullmatch(line)
        if is_simulcast(line):
            continue
        if match is None or (match[2] in chosen and match[1] != "fmtp"):
            lines.append(line)
        elif match[2] in chosen and match[2] not in written:
            written.add(match[2])
            if fmtp[match[2]]:
                lines.append(f"a=fmtp:{match[2]} {';'.join(fmtp[match[2]].values())}")
    return tuple(lines)


def _fmtp(section: Section) -> dict[str, dict[str, str]]:
    """Format parameters, as `name=value` by name, of each payload type.

    Several lines become one, of which the first value counts; malformed parameters are left out (trap T14).
    """
    out: dict[str, dict[str, str]] = {}
    for line in section.lines:
        if (match := _ATTRIBUTE.fullmatch(line)) and match[1] == "fmtp":
            known = out.setdefault(match[2], {})
            for parameter in (part.strip() for part in match[3].split(";")):
                if _PARAMETER.fullmatch(parameter):
                    known.setdefault(parameter.partition("=")[0], parameter)
    return out


def _apt(fmtp: dict[str, dict[str, str]], pt: str) -> str:
    """The payload type that `pt` repeats (RFC 4588 section 8.1)."""
    return _values(fmtp, pt).get("apt", "")


def _values(fmtp: dict[str, dict[str, str]], pt: str) -> dict[str, str]:
    return {name: parameter.partition("=")[2] for name, parameter in fmtp.get(pt, {}).items()}


def _directed(section: Section, direction: str) -> Section:
    kept = tuple(line for line in section.lines if line not in _DIRECTIONS and not is_simulcast(line))
    return msgspec.structs.replace(section, lines=(*kept, direction))


def answer_as_offered(answer: str, offer: Selection) -> str:
    """Webrtcbin's answer, made to fit what was really offered.

    A section that does not send is answered inactive. One that the offer gave up, a stopped transceiver, is rejected
    (RFC 3264 section 6): webrtcbin answers it as if it lived and keeps it in the bundle, and a browser then refuses the
    whole answer.
    """
    head, sections = split(answer)
    offered = split(offer.sdp)[1]
    if len(offered) != len(sections):
        return answer
    idle = {media.index for media in offer.media if not media.live}
    sections = [_directed(section, "a=inactive") if n in idle else section for n, section in enumerate(sections)]
    gone = {other.mid for other in offered if other.rejected}
    closed = [
        msgspec.structs.replace(section, port="0") if other.rejected else section
        for section, other in zip(sections, offered, strict=True)
    ]
    return join((_without_mids(line, gone) for line in head), closed)


def _without_mids(line: str, gone: set[str]) -> str:
    if not line.startswith("a=group:BUNDLE "):
        return line
    return " ".join(word for word in line.split(" ") if word not in gone)


def traits(sdp: str) -> tuple[Traits, ...]:
    """Of every section, in order.

    Raises:
        BadDescription: see `split`.
    """
    return tuple(_traits(section) for section in split(sdp)[1])


def _traits(section: Section) -> Traits:
    nack = any((match := _ATTRIBUTE.fullmatch(line)) and match[3].split() == ["nack"] for line in section.lines)
    found = (_EXTENSION.fullmatch(line) for line in section.lines)
    return Traits(nack, tuple((int(match[1]), match[2]) for match in found if match and match[2] == _TWCC))


def fingerprints(sdp: str) -> dict[str, set[str]]:
    """Certificate fingerprints by lower-case hash name, as lower-case hex without colons (RFC 8122 section 5)."""
    out: dict[str, set[str]] = {}
    for line in _lines(sdp):
        if line.startswith("a=fingerprint:"):
            name, _, value = line.removeprefix("a=fingerprint:").strip().partition(" ")
            if digest := value.strip().replace(":", "").lower():
                out.setdefault(name.lower(), set()).add(digest)
    return out


def candidate_type(candidate: str) -> str:
    """host, srflx, prflx or relay; "" if the line does not say (RFC 8839 section 5.1)."""
    words = candidate.split()
    named = words[words.index("typ") + 1] if "typ" in words[:-1] else ""
    return named if named in _CANDIDATE_TYPES else ""
