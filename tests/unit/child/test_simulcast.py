import pytest
from hypothesis import given
from hypothesis import strategies as st

from roomtape.child.sdp import split
from roomtape.child.simulcast import Layer, answer_lines, best_layer, is_simulcast
from tests.unit.child.offers import CHROMIUM, CHROMIUM_SIMULCAST

MID = "urn:ietf:params:rtp-hdrext:sdes:mid"
RID = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"


def layers(offered: str, **restrictions: str) -> list[str]:
    """Lines of a section with these layers; what restricts one has `_` for `-`, and no `_` in its name."""
    names = offered.replace("~", "").replace(",", ";").split(";")
    return [
        *(f"a=rid:{name} send {restrictions.get(name, '')}".strip() for name in names),
        f"a=simulcast:send {offered}",
    ]


def best(lines: list[str]) -> str | None:
    layer = best_layer(lines)
    return layer.rid if layer is not None else None


def test_chromiums_best_layer_and_the_extensions_that_name_it() -> None:
    picture, sound, _ = split(CHROMIUM_SIMULCAST)[1]
    assert best_layer(picture.lines) == Layer("f", ((9, MID), (10, RID)))
    assert best_layer(sound.lines) is None


def test_an_offer_without_layers_has_none() -> None:
    assert best_layer(CHROMIUM.split("\r\n")) is None


@pytest.mark.parametrize(
    ("offered", "rid"),
    [
        ("q;h;f", "f"),
        ("f;h;q", "f"),
        ("l;m;h", "h"),
        ("h;m;l", "h"),
        ("hi;mid;lo", "hi"),
        ("low;HIGH", "HIGH"),
        ("r0;r1;r2", "r2"),  # by default the last has full size
        ("1,2;3,4", "3"),  # of alternatives the first
        ("r0;~r1", "r0"),  # one that starts paused sends nothing yet
        ("~r0;~r1", "r1"),
        ("only", "only"),
    ],
)
def test_the_best_layer_by_name_or_place(offered: str, rid: str) -> None:
    assert best(layers(offered)) == rid


@pytest.mark.parametrize(
    ("offered", "restrictions", "rid"),
    [
        ("a;b", {"a": "max-width=1280;max-height=720", "b": "max-width=640;max-height=360"}, "a"),
        ("a;b", {"a": "pt=96;max-br=2000000", "b": "pt=96;max-br=300000"}, "a"),
        ("a;b", {"a": "max-fs=3600", "b": "max-fs=8160"}, "b"),
        ("f;q", {"f": "max-width=9;max-height=9", "q": "max-width=90;max-height=90"}, "q"),
        ("f;q", {"f": "max-width=9"}, "f"),  # not both have one
        ("a;b", {"a": "max-br=x", "b": "max-br=1"}, "b"),
    ],
)
def test_restrictions_of_all_layers_tell_their_sizes(offered: str, restrictions: dict[str, str], rid: str) -> None:
    assert best(layers(offered, **restrictions)) == rid


@pytest.mark.parametrize(
    "lines",
    [
        ["a=simulcast:send a;b"],  # no rid
        ["a=rid:a recv", "a=simulcast:recv a"],  # wants to receive
        ["a=rid:a send"],
        ["a=rid:a/b send", "a=simulcast:send a/b"],
        ["a=simulcast:send"],
    ],
)
def test_what_names_no_layer_to_send(lines: list[str]) -> None:
    assert best_layer(lines) is None


def test_layers_both_ways() -> None:
    assert best(["a=rid:a send", "a=rid:b send", "a=simulcast:send a;b recv c"]) == "b"
    assert best(["a=rid:a send", "a=rid:b send", "a=simulcast:recv c send a;b"]) == "b"


def test_the_answers_lines() -> None:
    assert answer_lines(Layer("f", ((9, MID), (10, RID)))) == [
        f"a=extmap:9 {MID}",
        f"a=extmap:10 {RID}",
        "a=rid:f recv",
        "a=simulcast:recv f",
    ]


words = st.sampled_from(["a", "b", "~a", ";", ",", "a;b", "send", "recv", "max-br=1", "max-br=", " ", "f", "\u0663"])
hostile = st.lists(
    st.builds(
        "{}{}".format, st.sampled_from(["a=rid:", "a=simulcast:", "a=simulcast:send "]), st.lists(words).map("".join)
    )
)


@given(hostile)
def test_any_lines_are_read_and_only_what_was_offered_is_answered(lines: list[str]) -> None:
    layer = best_layer(lines)
    assert all(is_simulcast(line) for line in lines)
    assert layer is None or any(line.startswith(f"a=rid:{layer.rid} send") for line in lines)
