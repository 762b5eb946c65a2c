from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roomtape.child.guest import LABEL_LENGTH, media_request, read_guest_info, screen_sections
from roomtape.ipc.codec import decoder_in_parent, encode
from roomtape.ipc.messages import GuestInfo

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8)
anything = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner)
)
INFO_KEYS = ["label", "muted", "video_muted_init", "rotate_video", "queued"]
infos = st.dictionaries(st.sampled_from(INFO_KEYS), anything)
objects = st.dictionaries(
    st.sampled_from(["info", "muteState", "videoMuted", "rotate_video", "bye"]), st.one_of(anything, infos)
)


def test_the_request_asks_for_what_is_wanted_and_for_nothing_else() -> None:
    request = media_request(audio=True, video=False, screen=True, label="recorder")
    assert request["info"]["label"] == "recorder"
    asked = {key for key, value in request.items() if value is True}
    assert asked == {"audio", "allowscreenaudio"}
    # Resolution and bitrate are not mentioned: absent means the full quality (protocol.md 8.1).
    assert not {"requestResolution", "bitrate", "keyframe"} & request.keys()


def test_a_bitrate_is_wished_for_if_there_is_a_wish() -> None:
    assert media_request(screen=False, audio=True, video=True, label="recorder", max_bitrate_kbps=900)["bitrate"] == 900


def test_a_full_introduction_is_read() -> None:
    info = {
        "label": " Ann ",
        "muted": True,
        "video_muted_init": False,
        "rotate_video": 90,
        "queued": False,
        "version": "26.1",
    }
    assert read_guest_info({"info": info, "miniInfo": {}}) == GuestInfo(
        label="Ann", audio_muted=True, video_muted=False, rotation=90, queued=False
    )


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ({"muteState": True}, GuestInfo(audio_muted=True)),
        ({"videoMuted": False, "bye": True}, GuestInfo(video_muted=False)),
        ({"rotate_video": 270}, GuestInfo(rotation=270)),
        ({"rotate_video": 0}, GuestInfo(rotation=0)),
        ({"muteState": False, "info": {"muted": True}}, GuestInfo(audio_muted=False)),
        ({"muteState": "yes", "info": {"muted": True}}, GuestInfo(audio_muted=True)),
    ],
)
def test_single_changes_are_read(said: dict[str, Any], meant: GuestInfo) -> None:
    assert read_guest_info(said) == meant


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"info": False},
        {"info": []},
        {"info": {"label": False, "queued": None}},
        {"info": {"label": "  "}},
        {"rotate_video": 45},
        {"rotate_video": False},
        {"rotate_video": "90"},
        {"muteState": 1},
        {"miniInfo": {"label": "Ann"}},
    ],
)
def test_what_says_nothing_gives_nothing(said: dict[str, Any]) -> None:
    assert read_guest_info(said) is None


def test_a_long_label_is_cut() -> None:
    found = read_guest_info({"info": {"label": "x" * 1000}})
    assert found is not None
    assert found.label == "x" * LABEL_LENGTH


@given(objects)
def test_anything_said_becomes_a_message_or_nothing(said: dict[str, Any]) -> None:
    found = read_guest_info(said)
    if found is not None:
        assert decoder_in_parent().feed(encode(found)) == [found]


@pytest.mark.parametrize(
    ("named", "sections"),
    [
        ([2, 3], (2, 3)),
        (None, ()),
        ("23", ()),
        ({"2": 3}, ()),
        ([True, -1, 2.0, "3", None, 4], (4,)),
        ([0] * 99, (0,) * 32),
    ],
)
def test_only_positions_name_a_screen(named: object, sections: tuple[int, ...]) -> None:
    assert screen_sections({"screen": named}) == sections
