import json
from urllib.parse import quote

from hypothesis import given
from hypothesis import strategies as st

from roomtape.model import Description, SdpType
from roomtape.observe.redactor import Redactor, without_sdp

SDP = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\na=ice-pwd:abcDEF/+123\r\n"


@given(st.text(min_size=1, max_size=30), st.text(max_size=20), st.text(max_size=20))
def test_no_secret_survives_in_any_form(secret: str, before: str, after: str) -> None:
    redactor = Redactor([secret])
    for form in (secret, quote(secret, safe=""), json.dumps(secret)[1:-1], repr(secret)[1:-1]):
        if len(form) > 3:
            pieces = redactor.clean(f"{before}{form}{after}", sdp=True).split("***")
            assert len(pieces) > 1
            assert not any(form in piece for piece in pieces)


def test_the_longest_secret_goes_first() -> None:
    assert Redactor(["geheim", "geheimvdo.ninja"]).clean("key geheimvdo.ninja, geheim") == "key ***, ***"


def test_a_short_secret_is_hidden_as_a_word_only() -> None:
    assert Redactor(["in"]).clean("in joining: in.") == "*** joining: ***."


def test_secrets_may_come_later() -> None:
    redactor = Redactor()
    assert redactor.clean("s3cret") == "s3cret"
    redactor.add("s3cret")
    redactor.add("")
    assert redactor.clean("s3cret") == "***"


def test_an_unencodable_secret_is_hidden_too() -> None:
    assert Redactor(["pass\udcffword"]).clean("my pass\udcffword") == "my ***"


def test_descriptions_become_their_length() -> None:
    assert without_sdp(SDP) == f"<sdp of {len(SDP)} characters>"
    assert Redactor().clean(f"bad offer:\n{SDP}", sdp=False).startswith("bad offer:\n<sdp of ")


def test_descriptions_inside_a_repr_are_left_out() -> None:
    cleaned = without_sdp(f"refused {Description(SdpType.OFFER, SDP)!r}")
    assert "127.0.0.1" not in cleaned
    assert "ice-pwd" not in cleaned
    assert cleaned.startswith("refused Description(")


def test_other_text_of_many_lines_is_left_alone() -> None:
    text = "Traceback:\n  x = 1\n  y=2\nValueError: a=1"
    assert without_sdp(text) == text


def test_where_descriptions_are_shown_their_password_is_not() -> None:
    shown = Redactor().clean(SDP, sdp=True)
    assert shown == SDP.replace("abcDEF/+123", "***")
