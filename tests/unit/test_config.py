import re

import msgspec
import pytest

from roomtape import errors
from roomtape.config import (
    DEFAULT_STUN,
    Deadlines,
    IceSettings,
    PublishSettings,
    RecordingSettings,
    ServeSettings,
    Settings,
    SignalingSettings,
    check,
)
from roomtape.errors import ConfigError
from roomtape.model import IcePolicy, IceServers, TurnServer, TurnTransport

SECRET = "opensesame"
TURN = TurnServer("turn.example", 3478, TurnTransport.UDP, "user", SECRET)
DEFAULT = TurnServer("default.example", 3478, TurnTransport.UDP, "user", SECRET)
ELSEWHERE = SignalingSettings(server="ws://localhost:8443")


def test_the_default_settings_are_good() -> None:
    assert check(Settings()) == Settings()


@pytest.mark.parametrize(
    ("server", "hosted"),
    [
        ("wss://wss.vdo.ninja", True),
        ("wss://WSS.vdo.ninja:443/", True),
        ("wss://apibackup.vdo.ninja", True),
        ("wss://vdo.ninja", False),
        ("wss://wss.vdo.ninja.example", False),
        ("ws://[::1]:8443", False),
    ],
)
def test_which_server_is_the_hosted_service(server: str, hosted: bool) -> None:
    assert check(Settings(signaling=SignalingSettings(server=server))).signaling.on_hosted_service is hosted


@pytest.mark.parametrize(
    ("server", "sentence"),
    [
        ("", "must be a ws:// or wss:// address"),
        ("localhost:8443", "must be a ws:// or wss:// address"),
        ("http://localhost", "must be a ws:// or wss:// address"),
        ("wss://", "must be a ws:// or wss:// address"),
        ("wss://:8443", "must be a ws:// or wss:// address"),
        ("wss://host:0", "must be a ws:// or wss:// address"),
        (f"https://vdo.ninja/?room=r&password={SECRET}", "must be a ws:// or wss:// address"),
        ("wss://host:port", "cannot be read"),
        ("wss://host:65536", "cannot be read"),
        ("wss://[host", "cannot be read"),
        (f"wss://user:{SECRET}@host", "must not contain a user name or password"),
        (f"wss://user:{SECRET}@host:port", "cannot be read"),
    ],
)
def test_bad_servers_are_refused_without_repeating_a_password(server: str, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence) as error:
        check(Settings(signaling=SignalingSettings(server=server)))
    assert SECRET not in error.value.detail


@pytest.mark.parametrize(
    ("turn", "signaling", "good"),
    [
        (None, SignalingSettings(), True),  # the service's own servers
        (None, ELSEWHERE, False),
        ((), SignalingSettings(), False),
        ((), ELSEWHERE, False),
        ((TURN,), SignalingSettings(), True),
        ((TURN,), ELSEWHERE, True),
    ],
)
def test_relay_only_needs_a_turn_server(
    turn: tuple[TurnServer, ...] | None, signaling: SignalingSettings, good: bool
) -> None:
    settings = Settings(signaling=signaling, ice=IceSettings(turn=turn, policy=IcePolicy.RELAY))
    if good:
        assert check(settings) is settings
    else:
        with pytest.raises(ConfigError, match="relay-only needs a TURN server"):
            check(settings)


@pytest.mark.parametrize(
    "settings",
    [
        Settings(recording=RecordingSettings(audio=False, video=False)),
        Settings(publish=PublishSettings(audio=False, video=False)),
    ],
)
def test_neither_sound_nor_picture_is_nothing(settings: Settings) -> None:
    with pytest.raises(ConfigError, match="nothing to do"):
        check(settings)


@pytest.mark.parametrize("serve", [ServeSettings(certificate="c.pem"), ServeSettings(key="k.pem")])
def test_a_certificate_needs_its_key(serve: ServeSettings) -> None:
    with pytest.raises(ConfigError, match="belong together"):
        check(Settings(serve=serve))
    both = ServeSettings(certificate="c.pem", key="k.pem")
    assert check(Settings(serve=both)).serve is both


def test_ice_servers_of_a_connection() -> None:
    assert IceSettings().servers((DEFAULT,)) == IceServers(DEFAULT_STUN, (DEFAULT,), IcePolicy.ALL)
    assert IceSettings(turn=()).servers((DEFAULT,)) == IceServers(DEFAULT_STUN, (), IcePolicy.ALL)
    assert IceSettings(turn=(TURN,)).servers((DEFAULT,)) == IceServers(DEFAULT_STUN, (TURN,), IcePolicy.ALL)
    relay = IceSettings(policy=IcePolicy.RELAY).servers((DEFAULT,))
    assert relay == IceServers((), (DEFAULT,), IcePolicy.RELAY)


def test_no_secret_is_shown() -> None:
    settings = Settings(
        signaling=SignalingSettings(room="r", password=SECRET, salt="vdo.ninja"), ice=IceSettings(turn=(TURN,))
    )
    assert SECRET.encode() in msgspec.json.encode(settings)
    for shown in (settings, settings.signaling, settings.ice, settings.ice.servers(())):
        assert SECRET not in repr(shown)
        assert SECRET not in str(shown)


def test_settings_do_not_change() -> None:
    with pytest.raises(AttributeError):
        Settings().signaling.room = "other"  # type: ignore[misc]


def test_every_deadline_is_positive_and_says_how_it_ends() -> None:
    described = {
        name.strip(): rest
        for line in (Deadlines.__doc__ or "").splitlines()
        if (match := re.fullmatch(r" {4}([a-z_]+(?:, [a-z_]+)*) {2,}(\w.*)", line))
        for name in match[1].split(",")
        for rest in [match[2]]
    }
    assert set(described) == set(Deadlines.__struct_fields__)
    for name in Deadlines.__struct_fields__:
        value = getattr(Deadlines(), name)
        assert all(seconds > 0 for seconds in (value if isinstance(value, tuple) else (value,)))
    named = {word for text in described.values() for word in re.findall(r"\b[A-Z][a-z]+[A-Z]\w+", text)}
    assert named >= {"ChildStartFailed", "JoinTimeout", "PeerVanished"}
    assert {word for word in named if not hasattr(errors, word)} <= {"NoMedia"}  # a message, not an error
