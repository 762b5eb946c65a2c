from hypothesis import given
from hypothesis import strategies as st

from roomtape.supervisor.scrub import MAX_LINE, MAX_LINES, is_sdp, scrub

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


def test_a_description_is_known_inside_other_text() -> None:
    assert is_sdp(OFFER)
    assert not is_sdp("no codec that can be recorded: a=b")
    assert scrub("") == []
