from typing import Any

import pytest

from roomtape.changes import AT_ONCE, FOR_NEW_CONNECTIONS, OF_A_RECORDER, Changes, compare, option_of
from roomtape.config import Segment, Settings, with_values
from roomtape.errors import ConfigError
from roomtape.model import Codec, Container, IcePolicy, TurnServer, TurnTransport
from roomtape.options import TABLE, Command

TURN = TurnServer("mine.example", 3478, TurnTransport.UDP, "me", "secret")
OWN = with_values(Settings(), {"signaling.server": "wss://studio.example", "signaling.room": "studio"})
TAKEN: dict[str, Any] = {
    "recording.fallback_dir": "/spare",
    "recording.min_free_bytes": 5,
    "recording.segment": Segment(seconds=600),
    "recording.container": Container.MKV,
    "recording.jitter_ms": 500,
    "recording.codecs": (Codec.VP9,),
    "recording.max_bitrate_kbps": 800,
    "recording.audio": False,
    "recording.video": False,
    "ice.stun": (),
    "ice.turn": (TURN,),
    "ice.policy": IcePolicy.RELAY,
}


def changed(**values: Any) -> Changes:
    """By settings of which `__` stands for the dot in the path."""
    return compare(OWN, with_values(OWN, {path.replace("__", "."): value for path, value in values.items()}))


def test_without_a_change_nothing_changes() -> None:
    assert changed() == Changes(settings=OWN)


def test_what_is_logged_changes_at_once() -> None:
    changes = changed(debug=True)
    assert (changes.settings.debug, changes.at_once) == (True, ("debug",))


@pytest.mark.parametrize("path", FOR_NEW_CONNECTIONS)
def test_what_concerns_one_connection_holds_from_the_next(path: str) -> None:
    base = with_values(OWN, {"ice.turn": (TURN,)}) if path == "ice.policy" else OWN
    new = with_values(base, {path: TAKEN[path]})
    assert compare(base, new) == Changes(settings=new, for_new_connections=(option_of(path),))


def test_the_rest_stays_as_it_is_and_is_named() -> None:
    changes = changed(
        signaling__password="other", signaling__insecure=True, recording__output_dir="x", recording__segment=Segment(9)
    )
    assert changes.settings == with_values(OWN, {"recording.segment": Segment(9)})
    assert changes.after_a_restart == ("insecure-signaling", "output-dir", "password")


def test_what_was_not_taken_is_named_again_next_time() -> None:
    new = with_values(OWN, {"recording.prefix": "p"})
    assert compare(compare(OWN, new).settings, new).after_a_restart == ("prefix",)


def test_options_of_other_commands_are_no_change() -> None:
    assert changed(view__jitter_ms=9, publish__bitrate_kbps=9, serve__port=1) == Changes(settings=OWN)


def test_what_does_not_go_together_changes_nothing() -> None:
    """Relay only is fine on the new server, which brings its own relays, but not on this one."""
    with pytest.raises(ConfigError, match="relay-only needs a TURN server"):
        changed(signaling__server="wss://wss.vdo.ninja", ice__policy=IcePolicy.RELAY)


def test_every_option_is_called_by_its_name() -> None:
    of_a_recorder = [option for option in TABLE if option.on & (Command.RECORD | Command.FLAT)]
    paths = {path for option in of_a_recorder for path in option.paths if path.partition(".")[0] in OF_A_RECORDER}
    assert paths >= {*AT_ONCE, *FOR_NEW_CONNECTIONS}
    for path in paths:
        assert any(option.name == option_of(path) and path in option.paths for option in of_a_recorder), path
