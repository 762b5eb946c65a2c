import pytest
from hypothesis import given
from hypothesis import strategies as st

from roomtape.supervisor.scrub import MAX_LINE, MAX_LINES, is_sdp, scrub, without_private

OFFER = "\r\n".join(
    (
        "v=0",
        "o=- 4611731400430051336 2 IN IP4 192.0.2.7",
        "s=secret meeting",
        "c=IN IP4 192.0.2.7",
        "k=clear:secret",
        "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:secret",
        "m=video 9 UDP/TLS/RTP/SAVPF 96",
        "a=ice-ufrag:secret",
        "a=ice-pwd:secret",
        "a=fingerprint:sha-256 AB:CD",
        "a=candidate:1 1 udp 2122260223 192.0.2.7 50000 typ host ufrag secret",
        "a=setup:actpass",
        "a=mid:0",
        "a=rtpmap:96 VP8/90000",
        "a=ssrc:1 cname:secret",
        "a=msid:secret secret",
        "a=x-unheard-of:secret",
        "secret",
        "",
    )
)


def test_what_was_negotiated_stays_and_the_rest_is_counted() -> None:
    assert scrub(OFFER) == [
        "v=0",
        "m=video 9 UDP/TLS/RTP/SAVPF 96",
        "a=setup:actpass",
        "a=mid:0",
        "a=rtpmap:96 VP8/90000",
        "(13 lines left out)",
    ]


def test_it_is_bounded() -> None:
    kept = scrub("v=" + "x" * 2 * MAX_LINE + "\na=mid:0" * 2 * MAX_LINES)
    assert len(kept[0]) == MAX_LINE
    assert len(kept) == MAX_LINES + 1


@given(st.sampled_from(["ice-pwd", "ice-ufrag", "candidate", "crypto", "key-mgmt", "fingerprint", "ssrc"]), st.text())
def test_no_text_in_a_secret_line_comes_through(attribute: str, text: str) -> None:
    first = text.splitlines()[0] if text.splitlines() else ""
    assert scrub(f"a={attribute}:{first}") == ["(1 lines left out)"]


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("cannot use turn://ann:hunter2@turn.example:3478", "cannot use turn://***@turn.example:3478"),
        ("rtmp://ann:p@ss@host and turns://u@host", "rtmp://***@host and turns://***@host"),
        ("bad line a=ice-pwd:secret", "bad line a=ice-pwd***"),
        ("candidate:1 1 udp 1 host ufrag secret x", "candidate:1 1 udp 1 host ufrag *** x"),
        ("no route to 192.0.2.7:5000, fe80::1%eth0 or [2001:db8::7]", "no route to ***:5000, ***%eth0 or [***]"),
        ("gstfilesink.c(1.22.0): GstFileSink::start", "gstfilesink.c(1.22.0): GstFileSink::start"),
        (
            "stun://stun.example:19302 is not reached by ann@host",
            "stun://stun.example:19302 is not reached by ann@host",
        ),
    ],
)
def test_what_gives_access_or_is_an_address_is_starred(text: str, left: str) -> None:
    assert without_private(text) == left


def test_a_description_is_known_inside_other_text() -> None:
    assert is_sdp(OFFER)
    assert not is_sdp("no codec that can be recorded: a=b")
    assert scrub("") == []
