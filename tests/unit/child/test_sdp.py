import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roomtape.child.codecs import RECIPES, codec_of
from roomtape.child.sdp import (
    MAX_FORMATS,
    MAX_MEDIA,
    Media,
    Section,
    Selection,
    Traits,
    answer_as_offered,
    candidate_type,
    fingerprints,
    select,
    split,
    traits,
)
from roomtape.errors import BadDescription
from roomtape.ipc.messages import RecordConfig
from roomtape.model import Codec, TrackKind
from tests.unit.child.offers import (
    CHROMIUM,
    CHROMIUM_SIMULCAST,
    FINGERPRINT,
    FIREFOX,
    audio,
    data,
    offer,
    page_offer,
    rtx,
    video,
)

AUDIO_VIDEO = frozenset(TrackKind)
PREFERENCE = RecordConfig(stream_id="ann", folder="f", stem="s").codecs
H264 = [103, 109, 117, 107, 115, 39]
"""Packetization mode 1 first."""


def selected(
    sdp: str, preference: tuple[Codec, ...] = PREFERENCE, wanted: frozenset[TrackKind] = AUDIO_VIDEO
) -> Selection:
    return select(sdp, preference, wanted)


def sections(sdp: str) -> list[Section]:
    return split(sdp)[1]


def section_of(selection: Selection, mid: str) -> Section:
    return next(section for section in sections(selection.sdp) if f"a=mid:{mid}" in section.lines)


def formats(section: Section) -> list[int]:
    return [int(pt) for pt in section.formats]


def names(section: Section) -> dict[str, str]:
    found = [re.fullmatch(r"a=rtpmap:(\d+) ([^/]+).*", line) for line in section.lines]
    return {match[1]: match[2].upper() for match in found if match}


TWCC = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"


def line_of(section: Section, start: str) -> str:
    [line] = [line for line in section.lines if line.startswith(start)]
    return line


# --- what a page offers -------------------------------------------------------------------------------------------


def test_a_pages_offer_keeps_what_can_be_recorded_in_the_pages_order_each_with_its_rtx() -> None:
    selection = selected(page_offer())
    expected = [number for pt in [96, *H264, 45, 98, 100] for number in (pt, rtx(pt))]
    assert formats(section_of(selection, "1")) == expected
    assert formats(section_of(selection, "2")) == [111]
    assert selection.tracks == (TrackKind.VIDEO, TrackKind.AUDIO)
    assert (selection.refused, selection.offered) == ((), 2)


def test_the_traits_of_a_pages_sections_are_retransmission_of_the_picture_and_congestion_control() -> None:
    extensions = f"a=extmap:4 {TWCC}\r\na=extmap:3 urn:3gpp:video-orientation"
    sdp = page_offer().replace("a=mid:1\r\n", f"a=mid:1\r\n{extensions}\r\n")
    assert traits(sdp)[1] == Traits(nack=True, extensions=((4, TWCC),))
    assert not traits(sdp)[2].nack


def test_what_the_offer_gives_up_is_rejected_in_the_answer_and_leaves_the_bundle() -> None:
    offered = offer(data("0"), video("1"), audio("2")).replace("m=video 9", "m=video 0")
    answered = offer(data("0"), video("1"), audio("2")).replace("s=-\r\n", "s=-\r\na=group:BUNDLE 0 1 2\r\n", 1)
    head, sections = split(answer_as_offered(answered, selected(offered)))
    assert [section.port for section in sections] == ["9", "0", "9"]
    assert "a=group:BUNDLE 0 2" in head


def test_an_answer_to_an_offer_that_gives_nothing_up_stays_as_it_is() -> None:
    assert answer_as_offered(page_offer(), selected(page_offer())) == page_offer()


def test_what_does_not_send_is_shown_as_sending_and_answered_inactive() -> None:
    """webrtcbin 1.22 refuses a later offer in which an inactive section comes alive."""
    selection = selected(offer(data("0"), video("1", "inactive"), audio("2", "sendrecv")))
    assert section_of(selection, "1").direction == "a=sendonly"
    answered = offer(data("0"), video("1", "recvonly"), audio("2", "recvonly"))
    directions = [section.direction for section in split(answer_as_offered(answered, selection))[1]]
    assert directions[1:] == ["a=inactive", "a=recvonly"]


def test_an_answer_with_other_sections_than_the_offer_is_left_alone() -> None:
    answered = offer(data("0"))
    assert answer_as_offered(answered, selected(page_offer())) == answered


def test_preferred_codecs_come_first_and_the_others_stay() -> None:
    selection = selected(page_offer(), (Codec.VP9, Codec.AV1))
    expected = [number for pt in [98, 100, 45, 96, *H264] for number in (pt, rtx(pt))]
    assert formats(section_of(selection, "1")) == expected
    assert formats(section_of(selection, "2")) == [111]


def test_a_preferred_codec_that_is_not_offered_is_passed_over() -> None:
    selection = selected(page_offer(), (Codec.H265, Codec.AV1))
    assert formats(section_of(selection, "1"))[:2] == [45, 46]


def payload_types(name: str, *parameters: str) -> tuple[str, ...]:
    """Those that are kept of one codec, 96, 97 and so on having these format parameters."""
    numbers = range(96, 96 + len(parameters))
    lines = [f"m=video 9 UDP/TLS/RTP/SAVPF {' '.join(map(str, numbers))}"]
    for pt, text in zip(numbers, parameters, strict=True):
        lines += [f"a=rtpmap:{pt} {name}/90000", *([f"a=fmtp:{pt} {text}"] if text else [])]
    return sections(selected("\r\n".join(lines)).sdp)[0].formats


def test_of_several_profiles_the_one_that_all_players_know_comes_first() -> None:
    assert payload_types("VP9", "profile-id=2", "profile-id=0") == ("97", "96")
    assert payload_types("VP9", "profile-id=1", "") == ("97", "96")
    assert payload_types("AV1", "profile=1", "profile=2", "level-idx=5;profile=0") == ("98", "96", "97")
    assert payload_types("H265", "profile-id=2", "level-id=93") == ("97", "96")


def test_of_h264_whole_frames_come_first_and_the_interleaved_mode_never() -> None:
    assert payload_types("H264", "", "packetization-mode=2", "packetization-mode=1") == ("98", "96")
    assert payload_types("H264", "packetization-mode=x") == ("96",), "the offer is refused, so it stays as it is"
    assert selected("m=video 9 X 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=2\r\n").refused


def test_nothing_speaks_of_a_codec_that_was_taken_out() -> None:
    for mid in ("1", "2"):
        section = section_of(selected(page_offer()), mid)
        spoken_of = {
            match[1] for line in section.lines if (match := re.match(r"a=(?:rtpmap|fmtp|rtcp-fb):(\d+)", line))
        }
        assert spoken_of == set(section.formats)


def test_what_belongs_to_the_kept_codecs_stays_word_for_word() -> None:
    video_lines, audio_lines = (set(section_of(selected(page_offer()), mid).lines) for mid in ("1", "2"))
    assert {f"a=rtcp-fb:96 {kind}" for kind in ("nack", "nack pli", "ccm fir", "transport-cc")} <= video_lines
    assert {"a=fmtp:97 apt=96", "a=rtpmap:97 rtx/90000", "a=rtpmap:111 opus/48000/2"} <= video_lines | audio_lines
    assert "a=fmtp:109 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f" in video_lines
    assert "a=fmtp:111 minptime=10;useinbandfec=1" in audio_lines


def test_ssrcs_transport_and_data_channel_are_left_alone() -> None:
    selection = selected(page_offer())
    head, before = split(page_offer())
    assert split(selection.sdp)[0] == head
    untouched = re.compile(r"a=(?!rtpmap|fmtp|rtcp-fb|sendrecv|sendonly).*|[^a]=.*")
    for old, new in zip(before, sections(selection.sdp), strict=True):
        assert [line for line in new.lines if untouched.fullmatch(line)] == [
            line for line in old.lines if untouched.fullmatch(line)
        ]
    assert "a=ssrc-group:FID 1001 1002" in section_of(selection, "1").lines
    assert section_of(selection, "0") == sections(page_offer())[0]


def test_feedback_for_all_payload_types_stays() -> None:
    lines = [*video(), "a=rtcp-fb:* nack"]
    assert "a=rtcp-fb:* nack" in section_of(selected(offer(lines)), "1").lines


def test_selecting_twice_changes_nothing() -> None:
    once = selected(page_offer())
    assert selected(once.sdp) == once


def test_lines_end_as_the_rfc_wants_whatever_the_guest_sends() -> None:
    for end in ("\n", "\r", "\r\n", "\r\n\r\n"):
        selection = selected(page_offer().replace("\r\n", end))
        assert selection == selected(page_offer())
    assert re.fullmatch(r"([^\r\n]+\r\n)+", selection.sdp)


# --- what Chromium 156 offers -------------------------------------------------------------------------------------


@pytest.mark.parametrize("sdp", [CHROMIUM, CHROMIUM_SIMULCAST])
def test_of_chromiums_own_offer_everything_that_can_be_recorded_is_kept_and_nothing_else(sdp: str) -> None:
    selection = selected(sdp)
    kept = {mid: names(section_of(selection, mid)) for mid in ("0", "1")}
    assert set(kept["0"].values()) == {"VP8", "H264", "AV1", "VP9", "RTX"}
    assert kept["1"] == {"111": "OPUS"}
    assert (selection.tracks, selection.refused) == ((TrackKind.VIDEO, TrackKind.AUDIO), ())
    assert not re.search(" (red|ulpfec|G722|telephone)", selection.sdp)


@pytest.mark.parametrize(
    ("wish", "first"),
    [((), "96"), ((Codec.AV1,), "45"), ((Codec.VP9,), "98"), ((Codec.H264,), "102"), ((Codec.H265, Codec.AV1), "45")],
)
def test_chromium_is_asked_for_the_codec_that_is_preferred(wish: tuple[Codec, ...], first: str) -> None:
    assert section_of(selected(CHROMIUM, wish), "0").formats[0] == first


@pytest.mark.parametrize(("wish", "first"), [((), "120"), ((Codec.AV1,), "99"), ((Codec.H264, Codec.VP9), "121")])
def test_of_firefox_s_own_offer_everything_that_can_be_recorded_is_kept(wish: tuple[Codec, ...], first: str) -> None:
    """It has no H264 without a download; RED and FEC of the picture are not answered, nor is what repairs RED."""
    selection = selected(FIREFOX, wish)
    kept = names(section_of(selection, "0"))
    assert kept == {"120": "VP8", "124": "RTX", "121": "VP9", "125": "RTX", "99": "AV1", "100": "RTX"}
    assert section_of(selection, "0").formats[0] == first
    assert names(section_of(selection, "1")) == {"109": "OPUS"}
    assert (selection.tracks, selection.refused) == ((TrackKind.VIDEO, TrackKind.AUDIO), ())


def test_sound_that_cannot_be_recorded_is_not_answered() -> None:
    """RED would have to be unpacked; the rest are what pages offer with surround or PCM options (protocol.md 9.1)."""
    rest = ("red/48000/2", "multiopus/48000/6", "multiopus/48000/8", "L16/48000/1", "G722/8000", "CN/8000")
    lines = [f"m=audio 9 UDP/TLS/RTP/SAVPF {' '.join(str(63 + n) for n in range(len(rest)))} 111"]
    lines += [f"a=rtpmap:{63 + n} {name}" for n, name in enumerate(rest)]
    lines += ["a=fmtp:63 111/111", "a=rtpmap:111 opus/48000/2", "a=fmtp:111 minptime=10;useinbandfec=1"]
    [section] = sections(selected("\r\n".join(lines)).sdp)
    assert names(section) == {"111": "OPUS"}
    assert not selected("\r\n".join(lines[:-2])).tracks


def test_red_that_is_preferred_by_the_page_is_not_answered() -> None:
    sdp = CHROMIUM.replace("SAVPF 111 63", "SAVPF 63 111")
    assert section_of(selected(sdp), "1").formats == ("111",)


def test_webrtcbin_sees_nothing_of_simulcast() -> None:
    assert not re.search("a=rid|a=simulcast", selected(CHROMIUM_SIMULCAST).sdp)
    only_sound = selected(CHROMIUM_SIMULCAST, wanted=frozenset({TrackKind.AUDIO}))
    assert not re.search("a=rid|a=simulcast", only_sound.sdp)


# --- which tracks -------------------------------------------------------------------------------------------------


def test_a_data_channel_offer_has_no_tracks_and_stays_as_it_is() -> None:
    sdp = offer(data())
    assert selected(sdp) == Selection(sdp, (), (), 0)


@pytest.mark.parametrize(("wanted", "mid"), [(TrackKind.VIDEO, "2"), (TrackKind.AUDIO, "1")])
def test_an_unwanted_kind_becomes_inactive_and_is_not_called_refused(wanted: TrackKind, mid: str) -> None:
    selection = selected(page_offer(), wanted=frozenset({wanted}))
    section = section_of(selection, mid)
    assert section.direction == "a=inactive"
    assert "a=sendrecv" not in section.lines
    assert (selection.tracks, selection.refused, selection.offered) == ((wanted,), (), 2)


def test_a_section_without_a_usable_codec_stays_inactive_and_tells_what_was_offered() -> None:
    h263 = ["m=video 9 UDP/TLS/RTP/SAVPF 45 46", "a=mid:1", "a=rtpmap:45 H263/90000", "a=rtpmap:46 rtx/90000"]
    selection = selected(offer(data(), h263, audio()))
    assert section_of(selection, "1").direction == "a=inactive"
    assert selection.tracks == (TrackKind.AUDIO,)
    assert selection.refused == ("video: H263, RTX",)
    assert selection.offered == 2


def test_static_payload_types_are_named_without_an_rtpmap() -> None:
    selection = selected("m=audio 9 UDP/TLS/RTP/SAVPF 0 8 9\r\n")
    assert selection.refused == ("audio: G722, PCMA, PCMU",)


def test_a_static_number_with_another_meaning_is_believed() -> None:
    selection = selected("m=audio 9 UDP/TLS/RTP/SAVPF 0 8\r\na=rtpmap:8 opus/48000/2\r\n")
    assert sections(selection.sdp)[0].formats == ("8",)


def test_no_codec_at_all_is_told_as_nothing() -> None:
    assert selected("m=video 9 UDP/TLS/RTP/SAVPF 96\r\n").refused == ("video: nothing",)


def test_names_of_refused_codecs_are_short_and_harmless() -> None:
    sdp = f"m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=rtpmap:96 \x1b[31m{'x' * 5000}/90000\r\n"
    [refused] = selected(sdp).refused
    assert len(refused) < 40
    assert refused.isprintable()


@pytest.mark.parametrize(("direction", "sends"), [("sendonly", 1), ("recvonly", 0), ("inactive", 0), ("sendrecv", 1)])
def test_only_what_the_guest_sends_is_a_track(direction: str, sends: int) -> None:
    selection = selected(offer(data(), video(direction=direction)))
    assert len(selection.tracks) == selection.offered == sends
    assert selection.refused == ()
    assert [media.live for media in selection.media] == [bool(sends)]


def test_no_direction_means_both() -> None:
    lines = [line for line in video() if line != "a=sendrecv"]
    assert selected(offer(lines)).tracks == (TrackKind.VIDEO,)


def test_port_zero_is_a_rejected_section_unless_it_only_waits_to_be_bundled() -> None:
    rejected = offer(video(port=0), audio())
    bundled = offer([*video(port=0), "a=bundle-only"], audio())
    assert selected(rejected).tracks == (TrackKind.AUDIO,)
    assert selected(bundled).tracks == (TrackKind.VIDEO, TrackKind.AUDIO)
    assert section_of(selected(bundled), "1").port == "0"


def test_renegotiation_keeps_number_order_and_names_of_sections() -> None:
    # T27: a screen is shared; the order is not the one of the first offer, and a removed track stays.
    sdp = offer(audio("2"), data("0"), video("1", "inactive"), audio("3", "sendonly"), video("4", "sendonly"))
    selection = selected(sdp)
    kept = sections(selection.sdp)
    assert [section.kind for section in kept] == ["audio", "application", "video", "audio", "video"]
    assert [line_of(section, "a=mid:") for section in kept] == [f"a=mid:{mid}" for mid in "20134"]
    assert selection.tracks == (TrackKind.AUDIO, TrackKind.AUDIO, TrackKind.VIDEO)


def test_of_each_section_its_place_name_and_stream_are_told() -> None:
    selection = selected(offer(data("0"), video("1"), audio("2"), ["m=audio 9 RTP/SAVPF 0", "a=inactive"]))
    assert selection.media == (
        Media(1, "1", TrackKind.VIDEO, "camera"),
        Media(2, "2", TrackKind.AUDIO, "camera"),
        Media(3, "", TrackKind.AUDIO, live=False),
    )


# --- damaged and hostile ------------------------------------------------------------------------------------------


def fmtp_of(*lines: str) -> list[str]:
    """What is left of the format parameters of an opus section (T14)."""
    sdp = "\r\n".join(["m=audio 9 UDP/TLS/RTP/SAVPF 111", "a=rtpmap:111 opus/48000/2", *lines])
    return [line for line in sections(selected(sdp).sdp)[0].lines if line.startswith("a=fmtp")]


def test_malformed_parameters_are_left_out() -> None:
    line = "a=fmtp:111 minptime=10;useinbandfec=1;stereo=1;ptime:20;minptime:10;maxptime:60"
    assert fmtp_of(line) == ["a=fmtp:111 minptime=10;useinbandfec=1;stereo=1"]


def test_several_lines_of_one_payload_type_become_one_and_the_first_value_counts() -> None:
    lines = ("a=fmtp:111 minptime=10; useinbandfec=1", "a=fmtp:111 maxaveragebitrate=65536;minptime=20;cbr=1")
    assert fmtp_of(*lines) == ["a=fmtp:111 minptime=10;useinbandfec=1;maxaveragebitrate=65536;cbr=1"]


def test_no_parameter_left_no_line() -> None:
    assert fmtp_of("a=fmtp:111 ptime:20", 'a=fmtp:111 a="b";c=d e', "a=fmtp:111 ") == []


def test_base64_parameters_survive() -> None:
    assert fmtp_of("a=fmtp:111 sets=Z0IAH5Y1,aM4xsg==") == ["a=fmtp:111 sets=Z0IAH5Y1,aM4xsg=="]


def test_only_rtx_with_the_apt_of_a_kept_codec_stays() -> None:
    sdp = "\r\n".join(
        [
            "m=video 9 UDP/TLS/RTP/SAVPF 96 97 98 99 100",
            "a=rtpmap:96 VP8/90000",
            "a=rtpmap:97 rtx/90000",
            "a=fmtp:97 apt=96;rtx-time=3000",
            "a=rtpmap:98 rtx/90000",
            "a=fmtp:98 apt=45",
            "a=rtpmap:99 rtx/90000",
            "a=rtpmap:100 red/90000",
            "a=fmtp:100 apt=96",
        ]
    )
    assert sections(selected(sdp).sdp)[0].formats == ("96", "97")


def test_a_payload_type_listed_twice_is_kept_once() -> None:
    sdp = "m=video 9 UDP/TLS/RTP/SAVPF 96 97 96 97\na=rtpmap:96 VP8/90000\na=rtpmap:97 rtx/90000\na=fmtp:97 apt=96\n"
    assert sections(selected(sdp).sdp)[0].formats == ("96", "97")


def test_the_first_of_two_rtpmaps_counts() -> None:
    sdp = "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=rtpmap:96 H263/90000\r\na=rtpmap:96 VP8/90000\r\n"
    assert selected(sdp).tracks == ()


@pytest.mark.parametrize("pt", ["128", "999", "096", "٩٦", "-1", "96x"])
def test_numbers_that_are_no_payload_types_are_not_kept(pt: str) -> None:
    sdp = f"m=video 9 UDP/TLS/RTP/SAVPF 96 {pt}\r\na=rtpmap:96 VP8/90000\r\na=rtpmap:{pt} VP8/90000\r\n"
    assert sections(selected(sdp).sdp)[0].formats == ("96",)


@pytest.mark.parametrize(
    "sdp",
    [
        "",
        "v=0\r\n",
        "nonsense",
        "m=\r\n",
        "m=video\r\n",
        "m=video 9 UDP/TLS/RTP/SAVPF\r\n",
        "m=video nine UDP/TLS/RTP/SAVPF 96\r\n",
        "m=video ² UDP/TLS/RTP/SAVPF 96\r\n",
        "m=video 9/ UDP/TLS/RTP/SAVPF 96\r\n",
        "m=video 9 UDP/TLS/RTP/SAVPF " + " ".join(map(str, range(MAX_FORMATS + 1))),
        "m=audio 9 X 0\r\n" * (MAX_MEDIA + 1),
        "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=x\0y\r\n",
    ],
)
def test_what_is_no_session_description_is_refused(sdp: str) -> None:
    with pytest.raises(BadDescription):
        selected(sdp)


def test_as_many_sections_and_formats_as_allowed_are_taken() -> None:
    many = f"m=audio 9/2 X {' '.join(map(str, range(MAX_FORMATS)))}\r\n" * MAX_MEDIA
    assert len(sections(selected(many).sdp)) == MAX_MEDIA


def test_the_largest_description_is_worked_through_at_once() -> None:
    parameters = ";".join(f"p{n}=1" for n in range(6000))
    lines = [f"a=fmtp:96 {n}={n};{parameters if n == 0 else ''}" for n in range(8000)]
    sdp = "\r\n".join(["m=video 9 UDP/TLS/RTP/SAVPF 96", "a=rtpmap:96 VP8/90000", *lines])
    begun = time.process_time()
    assert selected(sdp).tracks == (TrackKind.VIDEO,)
    assert time.process_time() - begun < 1


WORDS = ["96", "97", "0", "8", "128", "٣", "x", "9", "UDP/TLS/RTP/SAVPF", "UDP/DTLS/SCTP"]
NAMES = ["VP8", "vp9", "H264", "opus", "AV1", "rtx", "red", "PCMU", "", "VP8/90000/1/2", "ſ"]
numbers = st.sampled_from(["96", "97", "98", "0", "8", "127", "128", "٩٦", ""])
lines = st.one_of(
    st.builds("a=rtpmap:{} {}/90000".format, numbers, st.sampled_from(NAMES)),
    st.builds("a=fmtp:{} apt={}".format, numbers, numbers),
    st.builds("a=fmtp:{} {}".format, numbers, st.text(max_size=20)),
    st.builds("a=rtcp-fb:{} nack".format, numbers),
    st.builds("a=mid:{}".format, numbers),
    st.sampled_from(["a=sendonly", "a=inactive", "a=recvonly", "a=bundle-only", "a=", "c=IN IP4 0.0.0.0", ""]),
    st.builds("a=ssrc:{} cname:x".format, numbers),
    st.text(max_size=20),
)
m_lines = st.builds(
    "m={} {} {} {}".format,
    st.sampled_from(["audio", "video", "application", "text", ""]),
    st.sampled_from(["9", "0", "9/2", "x", ""]),
    st.sampled_from(WORDS),
    st.lists(st.sampled_from(WORDS), max_size=5).map(" ".join),
)
hostile = st.lists(st.one_of(lines, m_lines), max_size=40).map("\r\n".join)
good_m_lines = st.builds(
    "m={} {} UDP/TLS/RTP/SAVPF {}".format,
    st.sampled_from(["audio", "video"]),
    st.sampled_from(["9", "0"]),
    st.permutations(["96", "97", "98", "0", "8", "127"]).map(" ".join),
)
almost_good = st.lists(st.one_of(lines, good_m_lines), max_size=40).map(lambda rest: "\r\n".join(["v=0", *rest]))
preferences = st.lists(st.sampled_from(Codec), unique=True).map(tuple)
wishes = st.frozensets(st.sampled_from(TrackKind))


def others(section: Section) -> list[str]:
    """What `select` must leave alone, the direction apart."""
    changed = r"a=(rtpmap|fmtp|rtcp-fb):.*|a=(sendrecv|sendonly|recvonly|inactive)"
    return [line for line in section.lines if not re.fullmatch(changed, line)]


@given(st.one_of(hostile, almost_good), preferences, wishes)
def test_any_text_gives_a_recordable_offer_or_bad_description(
    sdp: str, preference: tuple[Codec, ...], wanted: frozenset[TrackKind]
) -> None:
    try:
        selection = select(sdp, preference, wanted)
    except BadDescription:
        return
    before, after = sections(sdp), sections(selection.sdp)
    assert [(s.kind, s.port, s.protocol) for s in after] == [(s.kind, s.port, s.protocol) for s in before]
    assert [others(s) for s in after] == [others(s) for s in before]
    sending = [after[media.index] for media in selection.media if media.live]
    assert [TrackKind(s.kind) for s in sending] == list(selection.tracks)
    assert selection.offered == len(selection.tracks) + len(selection.refused) + sum(
        s.offers_media and s.kind not in wanted for s in before
    )
    for section in sending:
        assert section.kind in wanted
        for pt in section.formats:
            codec = codec_of(names(section)[pt])
            assert names(section)[pt] == "RTX" or (codec is not None and RECIPES[codec].kind == section.kind)


@given(st.text())
def test_any_text_is_read_for_fingerprints_and_candidates(text: str) -> None:
    assert all(isinstance(values, set) for values in fingerprints(f"a=fingerprint:{text}").values())
    assert candidate_type(text) in {"", "host", "srflx", "prflx", "relay"}


def test_gstreamer_reads_the_selection_as_it_is_meant() -> None:
    from roomtape.child.gst import init, session_description

    init()
    message = session_description("offer", selected(page_offer()).sdp).sdp
    assert message.medias_len() == 3
    video_media = message.get_media(1)
    kept = [video_media.get_format(n) for n in range(video_media.formats_len())]
    assert kept == list(section_of(selected(page_offer()), "1").formats)
    caps = [video_media.get_caps_from_media(int(pt)).get_structure(0).get_string("encoding-name") for pt in kept]
    assert set(caps) == {"H264", "VP8", "VP9", "AV1", "RTX"}
    assert message.get_media(2).get_attribute_val("rtpmap") == "111 opus/48000/2"


# --- small readings -----------------------------------------------------------------------------------------------


def test_fingerprints_are_read_from_all_sections_in_one_spelling() -> None:
    digest = FINGERPRINT.replace(":", "").lower()
    assert fingerprints(page_offer()) == {"sha-256": {digest}}
    assert fingerprints("a=fingerprint:SHA-1 aa:BB\na=fingerprint:sha-256  CC \r\n") == {
        "sha-1": {"aabb"},
        "sha-256": {"cc"},
    }


def test_a_fingerprint_that_gstreamer_would_not_see_is_not_seen() -> None:
    assert fingerprints("a=tool:x\x0ba=fingerprint:sha-256 aa\u2028a=fingerprint:sha-256 bb") == {}


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("candidate:1 1 udp 2122260223 192.0.2.1 50000 typ host generation 0 ufrag Yk3q", "host"),
        ("candidate:2 1 udp 1686052607 203.0.113.7 50000 typ srflx raddr 0.0.0.0 rport 0", "srflx"),
        ("a=candidate:3 1 tcp 1518280447 192.0.2.1 9 typ prflx tcptype active", "prflx"),
        ("candidate:4 1 udp 41885439 203.0.113.9 60000 typ relay raddr 203.0.113.7 rport 50000", "relay"),
        ("candidate:1 1 udp 1 192.0.2.1 50000", ""),
        ("candidate:1 1 udp 1 192.0.2.1 50000 typ", ""),
        ("candidate:1 1 udp 1 192.0.2.1 50000 typ made-up", ""),
        ("", ""),
    ],
)
def test_a_candidates_type(line: str, kind: str) -> None:
    assert candidate_type(line) == kind
