"""Offers as web pages send them (protocol.md 9.1), put together from a table of codecs; and some word for word of
Chromium 156 and Firefox 153, but for names, numbers and keys of that one connection."""

from pathlib import Path

HEAD = (
    "v=0",
    "o=- 4611731400430051336 2 IN IP4 127.0.0.1",
    "s=-",
    "t=0 0",
    "a=extmap-allow-mixed",
    "a=msid-semantic: WMS camera",
)
FINGERPRINT = ":".join(f"{n:02X}" for n in range(32))
TRANSPORT = (
    "c=IN IP4 0.0.0.0",
    "a=ice-ufrag:Yk3q",
    "a=ice-pwd:0123456789abcdefghijklmn",
    "a=ice-options:trickle",
    f"a=fingerprint:sha-256 {FINGERPRINT}",
    "a=setup:actpass",
)
FEEDBACK = ("goog-remb", "transport-cc", "ccm fir", "nack", "nack pli")
VIDEO = (
    (96, "VP8", ""),
    (103, "H264", "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f"),
    (107, "H264", "level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=42001f"),
    (109, "H264", "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"),
    (115, "H264", "level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=42e01f"),
    (117, "H264", "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=4d001f"),
    (39, "H264", "level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=4d001f"),
    (45, "AV1", "level-idx=5;profile=0;tier=0"),
    (98, "VP9", "profile-id=0"),
    (100, "VP9", "profile-id=2"),
)
AUDIO = (
    (111, "opus/48000/2", "minptime=10;useinbandfec=1"),
    (63, "red/48000/2", "111/111"),
    (9, "G722/8000", ""),
    (0, "PCMU/8000", ""),
    (8, "PCMA/8000", ""),
    (13, "CN/8000", ""),
    (110, "telephone-event/48000", ""),
    (126, "telephone-event/8000", ""),
)


def rtx(pt: int) -> int:
    """The payload type that repeats `pt` here."""
    return {39: 40, 45: 46}.get(pt, pt + 1)


def section(kind: str, mid: str, formats: list[int], lines: list[str], direction: str, port: int = 9) -> list[str]:
    numbers = " ".join(map(str, formats))
    ids = ["a=rtcp-mux", "a=rtcp-rsize", "a=msid:camera track"]
    return [
        f"m={kind} {port} UDP/TLS/RTP/SAVPF {numbers}",
        *TRANSPORT,
        f"a=mid:{mid}",
        f"a={direction}",
        *ids,
        *lines,
    ]


def video(mid: str = "1", direction: str = "sendrecv", port: int = 9) -> list[str]:
    formats: list[int] = []
    lines: list[str] = []
    for pt, name, fmtp in VIDEO:
        formats += [pt, rtx(pt)]
        lines.append(f"a=rtpmap:{pt} {name}/90000")
        lines += [f"a=rtcp-fb:{pt} {kind}" for kind in FEEDBACK]
        if fmtp:
            lines.append(f"a=fmtp:{pt} {fmtp}")
        lines += [f"a=rtpmap:{rtx(pt)} rtx/90000", f"a=fmtp:{rtx(pt)} apt={pt}"]
    lines += ["a=rtpmap:119 red/90000", "a=rtpmap:120 rtx/90000", "a=fmtp:120 apt=119", "a=rtpmap:121 ulpfec/90000"]
    ssrcs = [
        "a=ssrc-group:FID 1001 1002",
        "a=ssrc:1001 cname:x",
        "a=ssrc:1001 msid:camera track",
        "a=ssrc:1002 cname:x",
        "a=ssrc:1002 msid:camera track",
    ]
    return section("video", mid, [*formats, 119, 120, 121], lines + ssrcs, direction, port)


def audio(mid: str = "2", direction: str = "sendrecv", port: int = 9) -> list[str]:
    lines: list[str] = []
    for pt, name, fmtp in AUDIO:
        lines.append(f"a=rtpmap:{pt} {name}")
        if pt == 111:
            lines.append("a=rtcp-fb:111 transport-cc")
        if fmtp:
            lines.append(f"a=fmtp:{pt} {fmtp}")
    lines += ["a=ssrc:2001 cname:x"]
    return section("audio", mid, [pt for pt, _, _ in AUDIO], lines, direction, port)


def data(mid: str = "0") -> list[str]:
    return [
        "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
        *TRANSPORT,
        f"a=mid:{mid}",
        "a=sctp-port:5000",
        "a=max-message-size:262144",
    ]


def offer(*sections: list[str]) -> str:
    mids = [line.removeprefix("a=mid:") for lines in sections for line in lines if line.startswith("a=mid:")]
    lines = [*HEAD, f"a=group:BUNDLE {' '.join(mids)}", *(line for lines in sections for line in lines)]
    return "\r\n".join(lines) + "\r\n"


def page_offer() -> str:
    """Camera and microphone of a Chromium page."""
    return offer(data(), video(), audio())


def _recorded(name: str) -> str:
    return "\r\n".join(Path(__file__).with_name(name).read_text().splitlines()) + "\r\n"


CHROMIUM = _recorded("chromium_156.sdp")
"""Camera, microphone and data channel."""
CHROMIUM_SIMULCAST = _recorded("chromium_156_simulcast.sdp")
"""The same with three layers of the picture: q, h and f."""
FIREFOX = _recorded("firefox_153.sdp")
"""Camera, microphone and data channel, in the order of the pages; its fingerprint is a session's, not a section's."""
