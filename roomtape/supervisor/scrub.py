"""A session description without what is secret or nobody's business (RFC 8866): for crash reports. Pure."""

import re
from typing import Final

MAX_LINES: Final = 400
MAX_LINE: Final = 300

_TYPES: Final = frozenset("vtmb")
_ATTRIBUTES: Final = frozenset(
    (
        *("group", "mid", "setup", "sendrecv", "sendonly", "recvonly", "inactive", "rtpmap", "fmtp", "rtcp-fb"),
        *("extmap", "extmap-allow-mixed", "rtcp-mux", "rtcp-mux-only", "rtcp-rsize", "ssrc-group", "ice-options"),
        *("simulcast", "rid", "sctp-port", "sctpmap", "max-message-size", "framerate", "end-of-candidates"),
    )
)
_LINE: Final = re.compile(r"(?P<type>[a-z])=(?P<attribute>[^:\s]*)")
_PRIVATE: Final = re.compile(
    "|".join(
        (
            r"(?<=://)\S*(?=@)",  # RFC 3986 section 3.2.1
            r"(?<=ice-pwd)[:=]\S+|(?<=ice-ufrag)[:=]\S+|(?<=ufrag )\S+",  # RFC 8839 sections 5.1, 5.4
            r"(?<=inline:)\S+",  # RFC 4568 section 6.1
            r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.]\d)",
            r"(?<![\w:])[0-9a-fA-F]{1,4}:(?:[0-9a-fA-F]{0,4}:)+[0-9a-fA-F.]*",
        )
    )
)
_LOOKS_LIKE_SDP: Final = re.compile(r"(?:\A|[\r\n])[a-z]=")


def scrub(sdp: str) -> list[str]:
    """The lines that say what was negotiated; a last line counts those that were left out.

    Those are credentials, candidates, keys, addresses, fingerprints, and whatever is not known to be harmless.
    """
    lines = sdp.splitlines()
    kept = [line[:MAX_LINE] for line in lines if _is_harmless(line)][:MAX_LINES]
    return [*kept, f"({len(lines) - len(kept)} lines left out)"] if len(kept) < len(lines) else kept


def is_sdp(text: str) -> bool:
    """Whether a text seems to hold a description."""
    return len(_LOOKS_LIKE_SDP.findall(text)) > 1


def without_private(text: str) -> str:
    """A text of GStreamer's with stars for what gives access, and for IP addresses."""
    return _PRIVATE.sub("***", text)


def _is_harmless(line: str) -> bool:
    match = _LINE.match(line)
    if match is None:
        return False
    return match["attribute"] in _ATTRIBUTES if match["type"] == "a" else match["type"] in _TYPES
