import pytest
from hypothesis import given
from hypothesis import strategies as st

from roomtape.child.codecs import RECIPES, begins_h265, choose_muxer, codec_of, profile_rank
from roomtape.ipc.messages import RecordConfig
from roomtape.model import Codec, Container, TrackKind

recordable = st.frozensets(st.sampled_from(sorted(RECIPES)), min_size=1)


@pytest.mark.parametrize("name", ["VP8", "vp8", "Vp9", "H264", "h265", "av1", "opus", "OPUS"])
def test_names_are_known_in_any_case(name: str) -> None:
    assert codec_of(name) == name.upper()


@pytest.mark.parametrize("name", ["red", "ulpfec", "rtx", "PCMU", "multiopus", "L16", "", "VP8 ", "name"])
def test_what_cannot_be_recorded_has_no_codec(name: str) -> None:
    assert codec_of(name) is None


@given(st.text())
def test_any_name_is_answered(name: str) -> None:
    codec = codec_of(name)
    assert codec is None or codec in RECIPES


def test_opus_is_the_only_sound_and_by_default_the_guest_ranks_the_codecs() -> None:
    assert {codec for codec, recipe in RECIPES.items() if recipe.kind is TrackKind.AUDIO} == {Codec.OPUS}
    assert RecordConfig(stream_id="a", folder="f", stem="s").codecs == ()


@pytest.mark.parametrize(
    ("wanted", "codecs", "extension"),
    [
        (Container.AUTO, {Codec.VP8, Codec.OPUS}, "webm"),
        (Container.AUTO, {Codec.VP9}, "webm"),
        (Container.AUTO, {Codec.OPUS}, "webm"),
        (Container.AUTO, {Codec.AV1, Codec.OPUS}, "webm"),
        (Container.AUTO, {Codec.H264, Codec.OPUS}, "mkv"),
        (Container.AUTO, {Codec.H265}, "mkv"),
        (Container.MKV, {Codec.VP8, Codec.OPUS}, "mkv"),
        (Container.MKV, {Codec.OPUS}, "mkv"),
        (Container.WEBM, {Codec.VP9, Codec.OPUS}, "webm"),
        (Container.MP4, {Codec.H264, Codec.OPUS}, "mp4"),
    ],
)
def test_the_container_suits_the_codecs(wanted: Container, codecs: set[Codec], extension: str) -> None:
    muxer, note = choose_muxer(wanted, frozenset(codecs))
    assert (muxer.extension, note) == (extension, None)


@pytest.mark.parametrize(
    ("wanted", "codecs", "named"),
    [
        (Container.WEBM, {Codec.H264, Codec.OPUS}, "H264, OPUS"),
        (Container.MP4, {Codec.VP8}, "VP8"),
        (Container.MP4, {Codec.VP9}, "VP9"),
        (Container.MP4, {Codec.AV1}, "AV1"),
    ],
)
def test_what_does_not_fit_is_recorded_all_the_same_and_said(wanted: Container, codecs: set[Codec], named: str) -> None:
    muxer, note = choose_muxer(wanted, frozenset(codecs))
    assert muxer.extension == "mkv"
    assert note == f"{named} cannot go into {wanted}: recorded as Matroska instead"


@given(st.sampled_from(Container), recordable)
def test_every_set_of_codecs_finds_a_muxer_and_a_note_only_tells_of_a_change(
    wanted: Container, codecs: frozenset[Codec]
) -> None:
    muxer, note = choose_muxer(wanted, codecs)
    assert (note is None) == (wanted is Container.AUTO or muxer.extension == wanted)


@pytest.mark.parametrize(
    ("codec", "parameters", "rank"),
    [
        (Codec.VP8, {}, 0),
        (Codec.OPUS, {"profile": "7"}, 0),
        (Codec.VP9, {}, 0),
        (Codec.VP9, {"profile-id": "2"}, 1),
        (Codec.AV1, {"level-idx": "5", "profile": "0"}, 0),
        (Codec.AV1, {"profile": "1"}, 1),
        (Codec.H265, {}, 0),
        (Codec.H265, {"profile-id": "2"}, 1),
        (Codec.H264, {"packetization-mode": "1"}, 0),
        (Codec.H264, {}, 1),
        (Codec.H264, {"packetization-mode": "2"}, None),
    ],
)
def test_the_rank_of_a_profile(codec: Codec, parameters: dict[str, str], rank: int | None) -> None:
    assert profile_rank(codec, parameters) == rank


def nal(kind: int, size: int = 20) -> bytes:
    return (size + 2).to_bytes(4, "big") + bytes((kind << 1, 1)) + bytes(size)


SETS = nal(32) + nal(33) + nal(34)


@pytest.mark.parametrize(
    ("frame", "begins"),
    [
        (SETS + nal(19), True),  # IDR
        (SETS + nal(39) + nal(20), True),
        (nal(21), True),  # CRA
        (SETS + nal(1), False),
        (nal(1), False),
        (SETS, False),
        (b"", False),
        (b"\xff\xff\xff\xff\x02", False),
        (bytes(4) * 1000, False),
    ],
)
def test_an_h265_frame_to_begin_with(frame: bytes, begins: bool) -> None:
    assert begins_h265(frame) is begins
