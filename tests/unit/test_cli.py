import io
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import msgspec
import pytest
from click.testing import CliRunner

from roomtape import __version__
from roomtape.cli import BAD_INPUT, flat_command, roomtape_command, run
from roomtape.config import (
    HOSTED_SERVER,
    EncoderChoice,
    IceSettings,
    PublishSettings,
    RecordingSettings,
    Segment,
    Settings,
    SignalingSettings,
    ViewSettings,
)
from roomtape.errors import ConfigError, MissingElement
from roomtape.model import Codec, Container, IcePolicy, StreamId, TurnServer, TurnTransport
from roomtape.options import TABLE, Command

TURN = TurnServer("server", 3478, TurnTransport.UDP, "user", "opensesame")
ROOM = SignalingSettings(room="testroom123")
VIEWED = Settings(view=ViewSettings(stream_id=StreamId("STREAMID"), output="-"))


class FakeApp(ModuleType):
    """Stands for `roomtape.app`, `roomtape.doctor` and `roomtape.demo`: notes what it is asked to do."""

    def __init__(self) -> None:
        super().__init__("fake_app")
        self.asked: list[tuple[object, ...]] = []
        self.read: Callable[[], Settings] = Settings

    def record(self, settings: Settings, read: Callable[[], Settings]) -> int:
        self.read = read
        return self._ask("record", settings)

    def view(self, settings: Settings) -> int:
        return self._ask("view", settings)

    def publish(self, settings: Settings) -> int:
        return self._ask("publish", settings)

    def serve(self, settings: Settings) -> int:
        return self._ask("serve", settings)

    def run(self, *arguments: object) -> int:
        return self._ask("run", *arguments)

    def _ask(self, *what: object) -> int:
        self.asked.append(what)
        return 0


class Terminal:
    """Runs command lines as a user would and shows what they print."""

    def __init__(self, app: FakeApp, capsys: pytest.CaptureFixture[str]) -> None:
        self._app = app
        self._capsys = capsys

    def run(self, line: list[str]) -> tuple[int, str, str]:
        command = flat_command() if line[0] == "publish.py" else roomtape_command()
        code = run(command, line[1:])
        out, err = self._capsys.readouterr()
        return code, out, err

    def asks(self, *line: str) -> tuple[object, ...]:
        """The one thing that a good command line asks for."""
        self._app.asked.clear()
        code, _, err = self.run(list(line))
        assert (code, err) == (0, "")
        (asked,) = self._app.asked
        return asked

    def settings(self, *line: str) -> Settings:
        settings = self.asks(*line)[1]
        assert isinstance(settings, Settings)
        return settings

    def refuses(self, *line: str) -> str:
        """The one sentence that a bad command line gets."""
        self._app.asked.clear()
        code, out, err = self.run(list(line))
        assert (code, out, self._app.asked) == (BAD_INPUT, "", [])
        assert err.count("\n") == 1
        assert "Traceback" not in err
        return err


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> FakeApp:
    fake = FakeApp()
    for name in ("app", "doctor", "demo"):
        monkeypatch.setitem(sys.modules, f"roomtape.{name}", fake)
    for option in TABLE:
        monkeypatch.delenv(option.environment, raising=False)
    return fake


@pytest.fixture
def terminal(app: FakeApp, capsys: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(app, capsys)


# --- the documented commands -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "job", "settings"),
    [
        ("python3 publish.py --room testroom123 --record-room", "record", Settings(signaling=ROOM)),
        (
            "python3 publish.py --room testroom123 --record-room --turn-server turn://user:opensesame@server:3478",
            "record",
            Settings(signaling=ROOM, ice=IceSettings(turn=(TURN,))),
        ),
        (
            "python3 publish.py --room testroom123 --record-room --ice-transport-policy relay",
            "record",
            Settings(signaling=ROOM, ice=IceSettings(policy=IcePolicy.RELAY)),
        ),
        (
            "python3 publish.py --room testroom123 --record-room --record myprefix --password false --noaudio",
            "record",
            Settings(
                signaling=SignalingSettings(room="testroom123", password="false"),
                recording=RecordingSettings(prefix="myprefix", audio=False),
                view=ViewSettings(audio=False),
                publish=PublishSettings(audio=False),
            ),
        ),
        (
            "python3 publish.py --record STREAMID",
            "record",
            Settings(recording=RecordingSettings(streams=(StreamId("STREAMID"),))),
        ),
        (
            "python3 publish.py --record STREAMID --room testroom123",
            "record",
            Settings(signaling=ROOM, recording=RecordingSettings(streams=(StreamId("STREAMID"),))),
        ),
        (
            "python3 publish.py --streamid alice --room testroom123 --test",
            "publish",
            Settings(signaling=ROOM, publish=PublishSettings(stream_id=StreamId("alice"), test=True)),
        ),
        ("python3 publish.py --view STREAMID --fdsink", "view", VIEWED),
        ("roomtape view STREAMID --fdsink", "view", VIEWED),
        ("roomtape record testroom123", "record", Settings(signaling=ROOM)),
        (
            "roomtape publish --streamid alice --room testroom123 --test",
            "publish",
            Settings(signaling=ROOM, publish=PublishSettings(stream_id=StreamId("alice"), test=True)),
        ),
    ],
)
def test_documented_commands(line: str, job: str, settings: Settings, terminal: Terminal) -> None:
    assert terminal.asks(*line.removeprefix("python3 ").split()) == (job, settings)


def test_every_option_for_recording(terminal: Terminal) -> None:
    line = (
        "publish.py --room r --record-streams a,b --server ws://h:8443 --server-dialect fanout --insecure-signaling "
        "--salt example.net --output-dir out --novideo --stun-server stun:s:1 --stun-server s2 --prefix show "
        "--turn-server turn://user:opensesame@server:3478 --turn-server turns:u:p@t:443 --container mp4 --buffer 500 "
        "--codec-preference h264,VP9 --max-bitrate 6000 --debug"
    )
    settings = terminal.settings(*line.split())
    assert settings.signaling == SignalingSettings(
        server="ws://h:8443", dialect="fanout", insecure=True, room="r", salt="example.net"
    )
    assert settings.ice.stun == ("s:1", "s2:3478")
    assert settings.ice.turn == (TURN, TurnServer("t", 443, TurnTransport.TLS, "u", "p"))
    assert settings.recording == RecordingSettings(
        output_dir="out",
        prefix="show",
        streams=(StreamId("a"), StreamId("b")),
        container=Container.MP4,
        video=False,
        codecs=(Codec.H264, Codec.VP9),
        max_bitrate_kbps=6000,
        jitter_ms=500,
    )
    assert settings.debug


def test_every_option_for_publishing(terminal: Terminal) -> None:
    line = (
        "roomtape publish --test --streamid solo-1 --h264 --bitrate 900 --width 640 --height 360 --framerate 25 "
        "--label Ann --noaudio --guest-number 3 --offer-on-request"
    )
    settings = terminal.settings(*line.split())
    assert settings.publish == PublishSettings(
        stream_id=StreamId("solo_1"),
        label="Ann",
        test=True,
        codec=Codec.H264,
        audio=False,
        width=640,
        height=360,
        framerate=25,
        bitrate_kbps=900,
        guest_number=3,
        offer_on_request=True,
    )


def test_every_option_for_viewing(terminal: Terminal) -> None:
    line = ["roomtape", "view", "solo-1", "--room", "r", "--video-sink", "glimagesink rotate-method=1"]
    line += ["--audio-sink", "alsasink", "--buffer", "50", "--novideo"]
    job, settings = terminal.asks(*line)
    assert isinstance(settings, Settings)
    assert (job, settings.signaling.room) == ("view", "r")
    assert settings.view == ViewSettings(
        stream_id=StreamId("solo-1"),
        video_sink="glimagesink rotate-method=1",
        audio_sink="alsasink",
        video=False,
        jitter_ms=50,
    )
    assert terminal.settings("publish.py", "--view", "x", "--output", "-").view.output == "-"
    assert terminal.settings("publish.py", "--view", "x", "--output", "Film.MKV").view.container is Container.MKV


class TerminalStdout(io.StringIO):
    """Standard output that is a terminal."""

    def isatty(self) -> bool:
        return True


def test_media_does_not_go_to_a_terminal(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", TerminalStdout())
    assert "standard output is a terminal" in terminal.refuses("roomtape", "view", "x", "--fdsink")
    assert terminal.asks("roomtape", "view", "x")[0] == "view"


@pytest.mark.parametrize(
    ("line", "publish"),
    [
        ("--filesrc film.mkv --loop --av1", PublishSettings(file="film.mkv", loop=True, codec=Codec.AV1)),
        ("--v4l2 /dev/video0 --alsa hw:1 --h265", PublishSettings(v4l2="/dev/video0", alsa="hw:1", codec=Codec.H265)),
        ("--pulse", PublishSettings(pulse="default")),
        ("--pulse mic --encoder software", PublishSettings(pulse="mic", encoder=EncoderChoice.SOFTWARE)),
        ("--video-pipeline v --audio-pipeline a", PublishSettings(video_pipeline="v", audio_pipeline="a")),
    ],
)
def test_what_is_published(line: str, publish: PublishSettings, terminal: Terminal) -> None:
    for command in ("publish.py", "roomtape publish"):
        settings = terminal.settings(*command.split(), "--streamid", "a", *line.split())
        assert msgspec.structs.replace(settings.publish, stream_id=StreamId("")) == publish


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("--test --filesrc f", "--test and --filesrc cannot be published together"),
        ("--filesrc f --pulse", "--filesrc and --pulse cannot"),
        ("--v4l2 /dev/video0 --video-pipeline v", "--v4l2 and --video-pipeline cannot"),
        ("--alsa a --pulse", "--alsa and --pulse cannot"),
        ("--test --loop", "--loop is for --filesrc"),
        ("--pulse --noaudio", "leaves nothing to publish"),
        ("--v4l2 /dev/video0 --novideo", "leaves nothing to publish"),
    ],
)
def test_sources_that_do_not_go_together_are_refused(line: str, sentence: str, terminal: Terminal) -> None:
    assert sentence in terminal.refuses("roomtape", "publish", *line.split())


def test_publishing_without_a_name_gets_a_random_one(terminal: Terminal) -> None:
    first, second = (terminal.settings("publish.py", "--test").publish.stream_id for _ in range(2))
    assert re.fullmatch(r"\w{8}", first)
    assert first != second


def test_false_switches_servers_off(terminal: Terminal) -> None:
    ice = terminal.settings("roomtape", "record", "r", "--turn-server", "false", "--stun-server", "FALSE").ice
    assert (ice.turn, ice.stun) == ((), ())
    both = ("--turn-server", "false", "--turn-server", "turn://u:p@h")
    assert "false stands for no server" in terminal.refuses("roomtape", "record", "r", *both)


def test_serve_doctor_and_demo(terminal: Terminal) -> None:
    job, settings = terminal.asks("roomtape", "serve", "--port", "9000", "--host", "::1", "--tls", "--max-members", "9")
    assert isinstance(settings, Settings)
    assert (job, settings.serve.port, settings.serve.host) == ("serve", 9000, "::1")
    assert (settings.serve.tls, settings.serve.max_members) == (True, 9)
    assert terminal.settings("roomtape", "doctor", "--server", "ws://h").signaling.server == "ws://h"
    assert terminal.asks("roomtape", "demo") == ("run", 10, Path("demo-recordings"))
    assert terminal.asks("roomtape", "demo", "--seconds", "5", "--output-dir", "x") == ("run", 5, Path("x"))


# --- links -------------------------------------------------------------------------------------------------------

LINK = "https://vdo.ninja/?room=testroom123&password=opensesame"


@pytest.mark.parametrize(
    "line", [["publish.py", "--record-room", "--room", LINK], ["roomtape", "record", LINK]], ids=["flat", "roomtape"]
)
def test_a_link_stands_for_a_room(line: list[str], terminal: Terminal) -> None:
    signaling = terminal.settings(*line).signaling
    assert (signaling.room, signaling.password, signaling.server) == ("testroom123", "opensesame", HOSTED_SERVER)
    assert terminal.settings(*line, "--password", "mine").signaling.password == "mine"


@pytest.mark.parametrize("link", ["https://vdo.ninja/?view=solo-1&password=p", "https://vdo.ninja/?push=solo-1&p=p"])
def test_a_link_stands_for_a_stream_to_view(link: str, terminal: Terminal) -> None:
    for line in (["publish.py", "--view", link], ["roomtape", "view", link]):
        settings = terminal.settings(*line)
        assert (settings.view.stream_id, settings.signaling.password) == ("solo-1", "p")


def test_a_link_stands_for_a_stream(terminal: Terminal) -> None:
    settings = terminal.settings("publish.py", "--record", "https://vdo.ninja/?view=solo-1&password=opensesame")
    assert settings.recording.streams == ("solo-1",)
    assert (settings.signaling.room, settings.signaling.password) == (None, "opensesame")


# --- environment, file, command line -----------------------------------------------------------------------------


def config(folder: Path, text: str) -> str:
    path = folder / "roomtape.toml"
    path.write_text(text)
    return str(path)


def test_command_line_beats_environment_beats_file(
    tmp_path: Path, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = config(tmp_path, 'room = "file"\noutput-dir = "file"\nbuffer = 1\nnoaudio = true\ncodec = "vp9"')
    monkeypatch.setenv("ROOMTAPE_OUTPUT_DIR", "environment")
    monkeypatch.setenv("ROOMTAPE_BUFFER", "2")
    settings = terminal.settings("roomtape", "record", "--config", path, "--buffer", "3")
    assert (settings.signaling.room, settings.recording.output_dir) == ("file", "environment")
    assert (settings.recording.jitter_ms, settings.recording.audio) == (3, False)


@pytest.mark.parametrize("line", [["publish.py", "--record-room"], ["roomtape", "record"]])
def test_files_are_read_again_and_the_command_line_still_wins(
    line: list[str], tmp_path: Path, app: FakeApp, terminal: Terminal
) -> None:
    path = config(tmp_path, 'room = "file"\nbuffer = 1\nsegment = "10m"')
    (tmp_path / "password").write_text("old")
    options = ("--config", path, "--buffer", "3", "--password-file", str(tmp_path / "password"))
    assert terminal.settings(*line, *options) == app.read()
    config(tmp_path, 'room = "file"\nbuffer = 1\nsegment = "20m"')
    (tmp_path / "password").write_text("new")
    again = app.read()
    assert (again.recording.jitter_ms, again.recording.segment) == (3, Segment(seconds=1200))
    assert again.signaling.password == "new"


@pytest.mark.parametrize("text", ["room = ", 'rom = "x"', "buffer = -1", 'segment = "1"', "noaudio = [1]"])
def test_a_file_that_has_become_wrong_is_refused_when_it_is_read_again(
    text: str, tmp_path: Path, app: FakeApp, terminal: Terminal
) -> None:
    path = config(tmp_path, 'room = "file"')
    terminal.settings("roomtape", "record", "--config", path)
    config(tmp_path, text)
    with pytest.raises(ConfigError):
        app.read()
    Path(path).unlink()
    with pytest.raises(ConfigError, match="cannot be read"):
        app.read()


def test_secrets_by_environment(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROOMTAPE_PASSWORD", "open sesame")
    monkeypatch.setenv("ROOMTAPE_TURN_SERVER", "turn://user:opensesame@server:3478 turn://u:p@h")
    settings = terminal.settings("roomtape", "record", "r")
    assert settings.signaling.password == "open sesame"
    assert settings.ice.turn is not None
    assert [server.host for server in settings.ice.turn] == ["server", "h"]


def test_secrets_by_file(tmp_path: Path, terminal: Terminal) -> None:
    password, turn = tmp_path / "password", tmp_path / "turn"
    password.write_text("pässword\nnot this\n")
    turn.write_text("# mine\n\nturn://user:opensesame@server:3478\n")
    settings = terminal.settings("roomtape", "record", "r", "--password-file", str(password), "--turn-file", str(turn))
    assert settings.signaling.password == "pässword"
    assert settings.ice.turn == (TURN,)


def test_a_file_spells_values_as_toml_does(tmp_path: Path, terminal: Terminal) -> None:
    path = config(
        tmp_path,
        'room = "r"\nrecord_room = true\npassword = false\nrecord-streams = ["a", "b"]\nturn-server = false\n'
        'stun-server = ["stun:s:1"]\nh264 = true\nwidth = 640\nserver-dialect = "HOSTED"\n',
    )
    settings = terminal.settings("publish.py", "--config", path)
    assert settings.signaling == SignalingSettings(room="r", password="false", dialect="hosted")
    assert (settings.recording.streams, settings.ice.turn, settings.ice.stun) == (("a", "b"), (), ("s:1",))
    assert (settings.publish.codec, settings.publish.width) == (Codec.H264, 640)


def test_what_to_do_is_decided_by_the_strongest_place(tmp_path: Path, terminal: Terminal) -> None:
    path = config(tmp_path, 'room = "r"\nstreamid = "me"\ntest = true\nrecord-room = false')
    assert terminal.asks("publish.py", "--config", path)[0] == "publish"
    assert terminal.asks("publish.py", "--config", path, "--record-room")[0] == "record"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("recrod-room = true", "'recrod-room' that does not exist; did you mean 'record-room'?"),
        ("qqqq = 1", "'qqqq' that does not exist"),
        ('config = "x"', "'config' that does not exist"),
        ("[room]", "'room' takes a text"),
        ("room = 5", "'room' takes a text, in quotes"),
        ("password = 5", "'password' takes a text, in quotes"),
        ("salt = true", "'salt' takes a text, in quotes"),
        ('record-streams = ["a", 1]', "'record-streams' takes a text, in quotes"),
        ('record-room = "yes"', "'record-room' takes true or false"),
        ('buffer = "300"', "'buffer' takes a whole number"),
        ("buffer = true", "'buffer' takes a whole number"),
        ("min-free = 1.5", "'min-free' takes a text, in quotes"),
        ("buffer = 20000", "roomtape.toml: Invalid value for '--buffer'"),
        ("width = [1]", "a list for 'width'"),
        ('output-dir = "a"\noutput_dir = "b"', "'output-dir' twice"),
        ("width = 12.5", "'width' takes a whole number"),
        ("width = 1979-05-27", "'width' takes a whole number"),
        ('noaudio = "perhaps"', "'noaudio' takes true or false"),
        ("room = ", "is not TOML"),
        ("# " + "x" * 70_000, "longer than"),
        ("[" * 5000, "is not TOML"),
    ],
)
def test_a_bad_file_gets_one_sentence(text: str, sentence: str, tmp_path: Path, terminal: Terminal) -> None:
    error = terminal.refuses("publish.py", "--config", config(tmp_path, text), "--record", "x")
    assert sentence in error


# --- bad input ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (
            "roomtape record r --codec-preference h264,xvid",
            "'xvid' is no video codec: choose from h264, h265, vp8, vp9",
        ),
        ("roomtape record r --codec-preference opus", "'opus' is no video codec"),
        ("roomtape record r --codec-preference ,", "no codec is named: choose from"),
        ("roomtape record r --max-bitrate 10", "--max-bitrate"),
        ("publish.py", "say what to do"),
        ("publish.py --room r", "say what to do"),
        ("publish.py --record-room", "--record-room needs a room"),
        ("publish.py --record-room --record x", "--record-room needs a room"),
        ("publish.py --record-room --room r --streamid x --test", "record, view or publish, one of them"),
        ("publish.py --streamid x", "say what to publish"),
        ("publish.py --record ,", "the name of the stream is empty"),
        ("publish.py --view x --record y", "record, view or publish, one of them"),
        ("publish.py --view x --streamid y --test", "record, view or publish, one of them"),
        ("publish.py --view x,y", "name one stream to view"),
        ("publish.py --view ,", "the name of the stream is empty"),
        ("publish.py --view https://vdo.ninja/?room=r", "name one stream to view"),
        ("publish.py --view x --output film.avi", "must be a file that ends in .mkv, .webm or .mp4"),
        ("publish.py --view x --output auto", "must be a file that ends in .mkv, .webm or .mp4"),
        ("publish.py --view x --output film.mkv --fdsink", "--fdsink and --output contradict"),
        ("publish.py --view x --fdsink --video-sink fakesink", "--video-sink and --audio-sink are for the screen"),
        ("publish.py --view x --noaudio --novideo", "leave nothing to do"),
        ("roomtape view", "say which stream to view"),
        ("roomtape view x y", "too many words"),
        ("roomtape view x --record-room", "No such option"),
        ("publish.py --recordroom", "Did you mean one of: '--record', '--record-room'"),
        ("publish.py --record x --record-streams y", "--record and --record-streams contradict"),
        ("publish.py --record x --ice-transport-policy direct", "'direct' is not one of"),
        ("publish.py --record x --server ws://h --ice-transport-policy relay", "relay-only needs a TURN server"),
        ("publish.py --record x --buffer -1", "-1 is not in the range"),
        ("publish.py --record x --config /does/not/exist", "cannot be read: No such file"),
        ("publish.py --record x --turn-server server:3478", "a TURN server is written"),
        ("publish.py --record x --stun-server", "requires an argument"),
        ("publish.py --streamid a --test --h264 --vp8", "--h264 and --vp8 contradict"),
        ("roomtape record", "say which room to record"),
        ("roomtape record https://vdo.ninja/", "names neither a room"),
        ("roomtape publish", "say what to publish"),
        ("roomtape recrod", "did you mean record?"),
        ("roomtape verify", "Missing argument 'PATH...'"),
        ("roomtape verify /does/not/exist", "does not exist"),
        ("roomtape serve --port 70000", "not in the range"),
    ],
)
def test_bad_input_gets_one_sentence(line: str, sentence: str, terminal: Terminal) -> None:
    assert sentence in terminal.refuses(*line.split())


SECRET = "opensesame"


@pytest.mark.parametrize(
    "line",
    [
        ["publish.py", "--record", "x", "--turn-server", f"turn://user:{SECRET}@[bad"],
        ["publish.py", "--record", "x", "--turn-server", f"turn://user:{SECRET}"],
        ["publish.py", "--record", "x", "--turn-server", "false", f"turn://user:{SECRET}@h"],
        ["publish.py", "--record", "x", "--turn-sever", f"turn://user:{SECRET}@h"],
        ["publish.py", "--record", "x", f"--pasword={SECRET}"],
        ["publish.py", "--record", "x", "--debug=" + SECRET],
        ["publish.py", "--password", "two", SECRET],
        ["publish.py", "--password", SECRET],
        ["publish.py", "--record", "x", "--server", f"https://u:{SECRET}@h"],
        ["roomtape", "record", f"https://vdo.ninja/?password={SECRET}"],
        ["roomtape", f"https://vdo.ninja/?room=r&password={SECRET}"],
        ["roomtape", "record", "room", f"&password={SECRET}"],
        ["roomtape", "record", f"ftp://vdo.ninja/?room=r&password={SECRET}"],
        ["roomtape", "record", f"https://vdo.ninja/?room=r&turn=u;{SECRET};nonsense"],
    ],
)
def test_no_complaint_repeats_a_secret(line: list[str], terminal: Terminal) -> None:
    assert SECRET not in terminal.refuses(*line)


def test_settings_do_not_show_secrets(terminal: Terminal) -> None:
    line = f"publish.py --room r --record-room --password {SECRET} --turn-server turn:u:{SECRET}@h"
    settings = terminal.settings(*line.split())
    assert SECRET not in repr(settings)


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe\x00", b"x" * 100_000])
def test_a_bad_password_file_gets_one_sentence(content: bytes, tmp_path: Path, terminal: Terminal) -> None:
    path = tmp_path / "password"
    path.write_bytes(content)
    assert str(path) in terminal.refuses("roomtape", "record", "r", "--password-file", str(path))


# --- help, version, verify ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", Command)
def test_help_shows_every_option_of_the_command(kind: Command) -> None:
    flat = kind is Command.FLAT
    arguments = ["--help"] if flat else [str(kind.name).lower(), "--help"]
    shown = CliRunner().invoke(flat_command() if flat else roomtape_command(), arguments)
    assert shown.exit_code == 0
    for option in TABLE:
        expected = kind in option.on and kind not in option.positional and not option.hidden
        assert (re.search(rf"^  --{option.name}\b(?!-)", shown.output, re.MULTILINE) is not None) == expected


@pytest.mark.parametrize("name", ["publish.py", "roomtape"])
def test_version(name: str, terminal: Terminal) -> None:
    assert terminal.run([name, "--version"]) == (0, f"roomtape {__version__}\n", "")


def test_roomtape_alone_shows_its_help(terminal: Terminal) -> None:
    code, _, err = terminal.run(["roomtape"])
    assert code == BAD_INPUT
    assert "Commands:" in err


class FailingApp(FakeApp):
    def record(self, settings: Settings, read: Callable[[], Settings]) -> int:
        raise MissingElement("webrtcbin is missing: apt-get install gstreamer1.0-plugins-bad")


def test_what_the_work_itself_reports_is_one_sentence_and_exit_code_1(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "roomtape.app", FailingApp())
    code, _, err = terminal.run(["roomtape", "record", "r"])
    assert (code, err) == (1, "roomtape: webrtcbin is missing: apt-get install gstreamer1.0-plugins-bad\n")


def test_verify_says_which_files_do_not_play(
    tmp_path: Path, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "[red]broken.webm"
    broken.write_bytes(b"not a recording")
    monkeypatch.setenv("COLUMNS", "200")
    code, out, _ = terminal.run(["roomtape", "verify", str(tmp_path)])
    assert code == 1
    assert "[red]broken.webm" in out
    code, out, _ = terminal.run(["roomtape", "verify", "--json", str(broken)])
    assert code == 1
    (report,) = json.loads(out)
    assert (report["path"], report["ok"]) == (str(broken), False)


@pytest.mark.parametrize(
    ("text", "size"), [("0", 0), ("500", 500), ("64k", 64_000), ("1.5G", 1_500_000_000), ("2TB", 2_000_000_000_000)]
)
def test_sizes(text: str, size: int, terminal: Terminal) -> None:
    settings = terminal.settings("roomtape", "record", "r", "--min-free", text, "--fallback-dir", "b")
    assert (settings.recording.min_free_bytes, settings.recording.fallback_dir) == (size, "b")


@pytest.mark.parametrize("text", ["", "G", "-1G", "1X", "1 000"])
def test_what_is_no_size_is_refused(text: str, terminal: Terminal) -> None:
    assert "a size is a number" in terminal.refuses("roomtape", "record", "r", "--min-free", text)


@pytest.mark.parametrize(
    ("text", "segment"),
    [
        ("10m", Segment(seconds=600)),
        ("1.5h", Segment(seconds=5400)),
        ("2s", Segment(seconds=2)),
        ("2G", Segment(size_bytes=2_000_000_000)),
        ("10M", Segment(size_bytes=10_000_000)),
    ],
)
def test_segments(text: str, segment: Segment, terminal: Terminal) -> None:
    assert terminal.settings("roomtape", "record", "r", "--segment", text).recording.segment == segment


@pytest.mark.parametrize("text", ["", "10", "1s", "m", "10g", "5K"])
def test_what_is_no_segment_is_refused(text: str, terminal: Terminal) -> None:
    assert "a segment is a time or a size" in terminal.refuses("roomtape", "record", "r", "--segment", text)


def test_repair_says_what_became_of_each_file(tmp_path: Path, terminal: Terminal) -> None:
    (tmp_path / "a.webm").touch()
    code, out, _ = terminal.run(["roomtape", "repair", str(tmp_path)])
    assert (code, out) == (0, f"{tmp_path}/a.webm was empty, and is removed\n")
    (tmp_path / "b.webm").write_text("no recording")
    code, out, _ = terminal.run(["roomtape", "repair", str(tmp_path)])
    assert (code, "stays as it is" in out) == (1, True)


def test_repair_of_a_folder_without_recordings(tmp_path: Path, terminal: Terminal) -> None:
    assert "there are no recordings" in terminal.refuses("roomtape", "repair", str(tmp_path))


def test_verify_of_a_folder_without_recordings(tmp_path: Path, terminal: Terminal) -> None:
    assert "there are no recordings" in terminal.refuses("roomtape", "verify", str(tmp_path))
