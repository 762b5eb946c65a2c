import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roomtape.child.answer import MAX_START_KBPS, complete
from roomtape.child.sdp import select, split
from roomtape.model import TrackKind
from tests.unit.child.offers import CHROMIUM, CHROMIUM_SIMULCAST, audio, data, offer, video

ANSWER = "\r\n".join(
    [
        "v=0",
        "o=- 1 2 IN IP4 0.0.0.0",
        "s=-",
        "t=0 0",
        "a=group:BUNDLE 0 1 2",
        "m=video 9 UDP/TLS/RTP/SAVPF 45 46",
        "a=mid:0",
        "a=rtpmap:45 AV1/90000",
        "a=fmtp:45 level-idx=5;profile=0;tier=0",
        "a=rtpmap:46 rtx/90000",
        "a=fmtp:46 apt=45",
        "a=recvonly",
        "m=audio 9 UDP/TLS/RTP/SAVPF 111",
        "a=mid:1",
        "a=rtpmap:111 OPUS/48000/2",
        "a=fmtp:111 minptime=10;useinbandfec=1",
        "a=recvonly",
        "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
        "a=mid:2",
        "",
    ]
)
"""As webrtcbin writes it to Chromium's offer, what does not matter here left out."""


def completed(answer: str, offered: str, kbps: int | None) -> str:
    return complete(answer, offered, select(offered, (), frozenset(TrackKind)), kbps)


def added(answer: str) -> list[str]:
    """The lines that ANSWER has not."""
    return [line for line in answer.split("\r\n") if line not in ANSWER.split("\r\n")]


def test_nothing_is_changed_without_need() -> None:
    assert completed(ANSWER, CHROMIUM, None) == ANSWER


def test_of_simulcast_the_best_layer_is_asked_for() -> None:
    answer = completed(ANSWER, CHROMIUM_SIMULCAST, None)
    assert added(answer) == [
        "a=extmap:9 urn:ietf:params:rtp-hdrext:sdes:mid",
        "a=extmap:10 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id",
        "a=rid:f recv",
        "a=simulcast:recv f",
    ]
    assert "a=simulcast:recv f" in split(answer)[1][0].lines


def test_an_extension_that_is_answered_already_is_not_repeated() -> None:
    with_mid = ANSWER.replace("a=mid:0\r\n", "a=mid:0\r\na=extmap:9 urn:ietf:params:rtp-hdrext:sdes:mid\r\n")
    assert completed(with_mid, CHROMIUM_SIMULCAST, None).count("sdes:mid") == 1


@pytest.mark.parametrize("change", [("a=recvonly", "a=inactive"), ("m=video 9", "m=video 0")])
def test_of_a_picture_that_is_not_taken_no_layer_is_asked_for(change: tuple[str, str]) -> None:
    refused = ANSWER.replace(*change, 1)
    assert completed(refused, CHROMIUM_SIMULCAST, 500) == refused or change[0] == "a=recvonly"
    assert "simulcast" not in completed(refused, CHROMIUM_SIMULCAST, 500)


def test_a_bitrate_is_asked_for_in_the_pictures_own_parameters() -> None:
    assert added(completed(ANSWER, CHROMIUM, 900)) == [
        "a=fmtp:45 level-idx=5;profile=0;tier=0;x-google-max-bitrate=900;x-google-start-bitrate=900"
    ]


def test_a_high_bitrate_is_not_where_to_begin() -> None:
    [line] = added(completed(ANSWER, CHROMIUM, 8000))
    assert line.endswith(f";x-google-max-bitrate=8000;x-google-start-bitrate={MAX_START_KBPS}")


def test_a_codec_without_parameters_gets_them() -> None:
    vp8 = ANSWER.replace("45 AV1", "45 VP8").replace("a=fmtp:45 level-idx=5;profile=0;tier=0\r\n", "")
    answer = completed(vp8, CHROMIUM, 900)
    assert "a=fmtp:45 x-google-max-bitrate=900;x-google-start-bitrate=900" in split(answer)[1][0].lines
    assert "a=fmtp:46 apt=45\r\n" in answer
    assert answer.count("x-google-max-bitrate") == 1


H264_ANSWER = (
    ANSWER.replace("45 46", "102 103")
    .replace("45 AV1", "102 H264")
    .replace("45 level-idx=5;profile=0;tier=0", "102 packetization-mode=1;level-asymmetry-allowed=1")
)
"""As webrtcbin writes it, without the profile that was offered."""


def test_h264s_profile_is_the_one_that_was_offered() -> None:
    line = "a=fmtp:102 packetization-mode=1;level-asymmetry-allowed=1;profile-level-id=42001f"
    answer = completed(H264_ANSWER, CHROMIUM, None)
    assert line in split(answer)[1][0].lines
    assert completed(answer, CHROMIUM, None) == answer
    assert f"{line};x-google-max-bitrate=900;x-google-start-bitrate=900\r\n" in completed(H264_ANSWER, CHROMIUM, 900)


def test_a_profile_that_is_none_is_not_repeated() -> None:
    assert completed(H264_ANSWER, CHROMIUM.replace("42001f", "42001f00"), None) == H264_ANSWER


def test_what_the_offer_gives_up_is_rejected() -> None:
    offered = offer(data("0"), video("1"), audio("2")).replace("m=video 9", "m=video 0")
    answered = offer(data("0"), video("1"), audio("2"))
    assert [section.port for section in split(completed(answered, offered, 500))[1]] == ["9", "0", "9"]
    assert "x-google" not in completed(answered, offered, 500)


def test_an_offer_of_another_shape_changes_nothing() -> None:
    assert completed(ANSWER, offer(video()), None) == ANSWER


def test_gstreamer_and_the_parameters_agree_on_the_form() -> None:
    line = added(completed(ANSWER, CHROMIUM, 900))[0]
    assert re.fullmatch(r"a=fmtp:45 ([a-z-]+=[0-9]+;)*[a-z-]+=[0-9]+", line)


@given(st.lists(st.sampled_from(CHROMIUM_SIMULCAST.split("\r\n")), min_size=1), st.integers(50, 100_000))
def test_any_offer_leaves_an_answer_with_the_same_sections(lines: list[str], kbps: int) -> None:
    offered = "\r\n".join(["v=0", "m=video 9 X 96", *lines])
    assert len(split(completed(ANSWER, offered, kbps))[1]) == 3
