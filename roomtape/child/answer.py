"""The last touches to webrtcbin's answer, as text: what the guest is told and webrtcbin need not know. Pure."""

import re
from typing import Final

import msgspec

from roomtape.child.sdp import Section, Selection, answer_as_offered, join, split
from roomtape.child.simulcast import answer_lines, best_layer

MAX_START_KBPS: Final = 1_500
"""A browser begins with 300 kbit/s and therefore with a small picture, for ten seconds and more. It is told to begin
higher, but not so high that an ordinary uplink would be flooded until it finds out."""
_PROFILE: Final = re.compile(r"a=fmtp:(\d+) (?:.*;)?\s*(profile-level-id=[0-9a-fA-F]{6})\b.*")
_FMTP: Final = re.compile(r"a=fmtp:(\d+) .*")
_RTPMAP: Final = re.compile(r"a=rtpmap:(\d+) ([^/]+)/.*")


def complete(answer: str, offer: str, selection: Selection, max_bitrate_kbps: int | None) -> str:
    """The answer as it is sent. `offer` is the guest's own text, `selection` what was left of it for webrtcbin.

    Sections that do not send are inactive, those given up rejected. H264's profile, which webrtcbin leaves
    out and which would then be one with tiny pictures (RFC 6184 section 8.1), is that of the offer. Of simulcast the
    best layer is asked for, and the bitrate is, by parameters that browsers with libwebrtc know (protocol.md 9.2).
    """
    head, sections = split(answer_as_offered(answer, selection))
    offered = split(offer)[1]
    if len(offered) == len(sections):
        pairs = zip(sections, offered, strict=True)
        sections = [_with_layer(_with_profile(section, other), other) for section, other in pairs]
    if max_bitrate_kbps is not None:
        sections = [_with_bitrate(section, max_bitrate_kbps) for section in sections]
    return join(head, sections)


def _with_profile(section: Section, offered: Section) -> Section:
    profiles = {match[1]: match[2] for line in offered.lines if (match := _PROFILE.fullmatch(line))}
    lines = list(section.lines)
    for n, line in enumerate(lines):
        match = _FMTP.fullmatch(line)
        if match and match[1] in profiles and _PROFILE.fullmatch(line) is None:
            lines[n] = f"{line};{profiles.pop(match[1])}"
    return msgspec.structs.replace(section, lines=tuple(lines))


def _with_layer(section: Section, offered: Section) -> Section:
    layer = best_layer(offered.lines)
    if layer is None or section.direction not in ("a=recvonly", "a=sendrecv") or section.rejected:
        return section
    lines = [line for line in answer_lines(layer) if line not in section.lines]
    return msgspec.structs.replace(section, lines=(*section.lines, *lines))


def _with_bitrate(section: Section, kbps: int) -> Section:
    if section.kind != "video" or section.rejected:
        return section
    names = {match[1]: match[2] for line in section.lines if (match := _RTPMAP.fullmatch(line))}
    wish = f"x-google-max-bitrate={kbps};x-google-start-bitrate={min(kbps, MAX_START_KBPS)}"
    lines: list[str] = []
    told: set[str] = set()
    for line in section.lines:
        number = line.removeprefix("a=fmtp:").partition(" ")[0] if line.startswith("a=fmtp:") else ""
        if names.get(number, "rtx").lower() == "rtx" or number in told:
            lines.append(line)
        else:
            told.add(number)
            lines.append(f"{line};{wish}")
    lines += (
        f"a=fmtp:{n} {wish}" for n in section.formats if n in names and names[n].lower() != "rtx" and n not in told
    )
    return msgspec.structs.replace(section, lines=tuple(lines))
