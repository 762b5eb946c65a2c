import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from roomtape.config import Deadlines, Settings
from roomtape.errors import ConfigError
from roomtape.given import Given, Strength, settings_of
from roomtape.model import Codec, IcePolicy, StreamId, TurnServer, TurnTransport
from roomtape.options import BY_NAME, TABLE, Command, Option
from roomtape.signaling.link import parse_link

DOCUMENT = Path(__file__).parents[2] / "docs" / "configuration.md"
FILE, ENVIRONMENT, COMMAND_LINE = Strength
ALICE = TurnServer("h", 3478, TurnTransport.UDP, "u", "p")


def row(option: Option) -> str:
    """The option's row in docs/configuration.md."""
    name = f"`{option.name.upper()}…`" if option.on == option.positional else f"`--{option.name}`"
    commands = ", ".join("publish.py" if one is Command.FLAT else str(one.name).lower() for one in option.on)
    return f"| {name} | {commands} | {option.help} | {option.default_text} |"


def leaves(struct: msgspec.Struct, prefix: str = "") -> set[str]:
    """Paths of everything in the settings that a user may set."""
    paths: set[str] = set()
    for name in struct.__struct_fields__:
        value = getattr(struct, name)
        if isinstance(value, Deadlines):
            continue
        paths |= leaves(value, f"{name}.") if isinstance(value, msgspec.Struct) else {prefix + name}
    return paths


def put(name: str, value: Any, strength: Strength = COMMAND_LINE) -> Given:
    return Given(BY_NAME[name], value, strength, name)


def test_every_option_is_in_the_document_as_the_table_has_it() -> None:
    rows = [line for line in DOCUMENT.read_text().splitlines() if re.match(r"\| `(--[a-z0-9-]+|PATH…)` \|", line)]
    assert sorted(rows) == sorted(map(row, TABLE))


def test_every_setting_can_be_set_and_every_option_sets_one_that_exists() -> None:
    assert {path for option in TABLE for path in option.paths} == leaves(Settings())


def test_no_option_is_defined_twice() -> None:
    assert len(BY_NAME) == len(TABLE)
    assert len({option.environment for option in TABLE}) == len(TABLE)


@pytest.mark.parametrize("option", TABLE, ids=lambda option: option.name)
def test_an_option_has_a_command_a_help_text_and_a_plain_name(option: Option) -> None:
    assert option.on
    assert option.help.endswith(".")
    assert re.fullmatch(r"[a-z][a-z0-9-]+", option.name)


def test_nothing_given_leaves_the_defaults() -> None:
    assert settings_of([]) == Settings()


@pytest.mark.parametrize("order", [1, -1])
def test_the_command_line_beats_the_environment_and_that_the_file(order: int) -> None:
    everywhere = [put("width", 1, FILE), put("width", 2, ENVIRONMENT), put("width", 3)][::order]
    assert settings_of(everywhere).publish.width == 3
    assert settings_of([one for one in everywhere if one.strength < COMMAND_LINE]).publish.width == 2


def test_different_options_for_one_setting_contradict_each_other_only_in_one_place() -> None:
    with pytest.raises(ConfigError, match="--codec and --h264 contradict each other"):
        settings_of([put("codec", Codec.VP9), put("h264", True)])
    assert settings_of([put("codec", Codec.VP9, FILE), put("h264", True)]).publish.codec is Codec.H264
    assert settings_of([put("codec", Codec.H264), put("h264", True)]).publish.codec is Codec.H264


def test_a_contradiction_of_secrets_does_not_show_them() -> None:
    with pytest.raises(ConfigError) as error:
        settings_of([put("password", "opensesame"), put("password-file", "swordfish")])
    assert "opensesame" not in str(error.value)
    assert "swordfish" not in str(error.value)


def test_a_codec_flag_that_is_off_says_nothing() -> None:
    assert settings_of([put("h264", False, FILE), put("vp9", True, FILE)]).publish.codec is Codec.VP9


def test_noaudio_holds_for_recording_and_publishing() -> None:
    settings = settings_of([put("noaudio", True)])
    assert (settings.recording.audio, settings.publish.audio) == (False, False)
    assert (settings.recording.video, settings.publish.video) == (True, True)


def test_repeated_values_are_joined_and_doubles_left_out() -> None:
    settings = settings_of([put("record-streams", (("a", "b"), ("b", "c"))), put("turn-server", ((ALICE,), (ALICE,)))])
    assert settings.recording.streams == ("a", "b", "c")
    assert settings.ice.turn == (ALICE,)


def test_a_turn_server_of_false_means_none_rather_than_the_default() -> None:
    assert settings_of([]).ice.turn is None
    assert settings_of([put("turn-server", ((),))]).ice.turn == ()


def test_an_option_beats_a_link_of_the_same_place_but_not_of_a_stronger_one() -> None:
    link = parse_link("https://page.example/?room=r&password=linked&wss2=link.example")
    settings = settings_of([put("room", link), put("password", "explicit"), put("server", "ws://file.example", FILE)])
    assert settings.signaling.room == "r"
    assert settings.signaling.password == "explicit"
    assert settings.signaling.salt == "page.example"
    assert settings.signaling.server == "wss://link.example"
    assert settings.signaling.dialect == "hosted"


def test_a_link_fills_streams_and_turn() -> None:
    settings = settings_of([put("room", parse_link("https://vdo.ninja/?room=r&view=a,b&push=me&turn=u;p;turn:h:3478"))])
    assert settings.recording.streams == ("a", "b")
    assert settings.publish.stream_id == "me"
    assert settings.ice.turn == (ALICE,)


@pytest.mark.parametrize(
    ("query", "streams"), [("push=me", ("me",)), ("push=me&room=r", ()), ("push=me&view=you", ("you",))]
)
def test_a_guests_own_link_names_the_stream_to_record_if_nothing_else_does(
    query: str, streams: tuple[str, ...]
) -> None:
    assert settings_of([put("room", parse_link(f"https://vdo.ninja/?{query}"))]).recording.streams == streams


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ([put("ice-transport-policy", IcePolicy.RELAY), put("turn-server", ((),))], "relay-only needs a TURN server"),
        ([put("noaudio", True), put("novideo", True)], "leave nothing to do"),
        ([put("server", "https://h")], "must be a ws:// or wss:// address"),
        ([put("server", "wss://[h")], "cannot be read"),
        ([put("server", "wss://h:99999")], "cannot be read"),
        ([put("certificate", "c.pem")], "belong together"),
    ],
)
def test_settings_that_cannot_work_are_refused(given: list[Given], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        settings_of(given)


@pytest.mark.parametrize("server", ["wss://u:opensesame@h", "https://u:opensesame@h", "opensesame@h"])
def test_a_password_in_the_servers_address_is_refused_and_not_shown(server: str) -> None:
    with pytest.raises(ConfigError, match="must not contain a user name or password") as error:
        settings_of([put("server", server)])
    assert "opensesame" not in str(error.value)


def test_the_label_is_trimmed_and_bounded() -> None:
    assert settings_of([put("label", " Ann ")]).publish.label == "Ann"
    assert len(settings_of([put("label", "x" * 1000)]).publish.label) == 100


def test_stream_id_is_what_the_page_makes_of_it() -> None:
    assert BY_NAME["streamid"].type is not None
    assert BY_NAME["streamid"].type.convert("solo-1", None, None) == StreamId("solo_1")
