import io
import logging
from collections.abc import Iterator

import pytest
from rich.console import Console

from roomtape.config import IceSettings, Settings, SignalingSettings
from roomtape.log import LineHandler, secrets_of, set_up
from roomtape.logs import MAX_VALUE, Logger, get_logger
from roomtape.model import TurnServer, TurnTransport
from roomtape.observe.metrics import Metrics
from roomtape.observe.redactor import Redactor

SDP = "v=0\r\no=- 1 2 IN IP4 10.1.2.3\r\ns=-\r\n"


class Desk:
    """A logger whose lines are kept, with a clock to be set by hand."""

    def __init__(self, name: str, secrets: tuple[str, ...] = ()) -> None:
        self.now = 0.0
        self.lines: list[str] = []
        self.levels: list[str] = []
        self.metrics = Metrics()
        self.handler = LineHandler(self.write, Redactor(secrets), self.metrics, lambda: self.now)
        self.logger = logging.getLogger(name)
        self.logger.addHandler(self.handler)
        self.logger.setLevel(logging.DEBUG)
        self.logger.propagate = False
        self.log = Logger(name)

    def write(self, line: str, level: str) -> None:
        self.lines.append(line)
        self.levels.append(level)


@pytest.fixture
def desk(request: pytest.FixtureRequest) -> Iterator[Desk]:
    made = Desk(f"roomtape.{request.node.name}", ("geheim",))
    yield made
    made.logger.removeHandler(made.handler)


@pytest.fixture
def _restored_logging() -> Iterator[None]:
    root, ours = logging.getLogger(), logging.getLogger("roomtape")
    before = root.level, ours.level
    yield
    for handler in [handler for handler in root.handlers if isinstance(handler, LineHandler)]:
        root.removeHandler(handler)
    root.setLevel(before[0])
    ours.setLevel(before[1])


def test_a_line_has_time_level_message_and_fields(desk: Desk) -> None:
    desk.log.info("stream appeared", stream="ann", peer="u 1")
    (line,) = desk.lines
    assert line[2] == line[5] == ":"
    assert line[8:] == ' info    stream appeared stream=ann peer="u 1"'
    assert desk.levels == ["info"]


def test_a_guest_cannot_forge_a_line_or_write_at_length(desk: Desk) -> None:
    desk.log.info("label changed", label="x\n12:00:00 error   all lost\x1b[2J", alert="y" * 10_000)
    (line,) = desk.lines
    assert "\\n12:00:00" in line
    assert line.isprintable()
    assert len(line) < 2 * MAX_VALUE + 100


def test_secrets_are_hidden_everywhere(desk: Desk) -> None:
    try:
        raise ValueError("wrong geheim")
    except ValueError:
        desk.log.exception("the geheim failed", url="turn:u:geheim@h", pair=("a", "geheim"))
    desk.logger.warning("with %s", "geheim")
    assert "geheim" not in "\n".join(desk.lines)
    assert any("ValueError: wrong ***" in line for line in desk.lines)
    assert desk.lines[-1].endswith("with ***")


def test_a_traceback_is_set_off_from_records(desk: Desk) -> None:
    try:
        raise ValueError("first\n12:00:00 error   forged")
    except ValueError:
        desk.log.exception("failed")
    assert len(desk.lines) > 3
    assert all(line.startswith("    | ") for line in desk.lines[1:])


def test_descriptions_are_shown_at_debug_only(desk: Desk) -> None:
    desk.log.debug("offer", sdp=SDP)
    desk.log.info("offer", sdp=SDP)
    assert "10.1.2.3" in desk.lines[0]
    assert desk.lines[1].endswith(f'sdp="<sdp of {len(SDP)} characters>"')


def test_a_flood_is_cut_counted_and_owned_up_to(desk: Desk) -> None:
    for _ in range(100):
        desk.log.warning("frame dropped", peer="u-1")
    shown = len(desk.lines)
    assert 0 < shown < 100
    assert desk.metrics.log_suppressed.value == 100 - shown
    desk.now = 3600.0
    desk.log.info("next")
    assert desk.lines[shown][9:] == (
        f'warning too many records suppressed={100 - shown} message="frame dropped" source=u-1'
    )
    assert desk.lines[shown + 1].endswith("next")


def test_closing_reports_what_was_left_out(desk: Desk) -> None:
    for _ in range(100):
        desk.log.warning("frame dropped")
    shown = len(desk.lines)
    desk.handler.close()
    assert f"suppressed={100 - shown}" in desk.lines[-1]


def test_a_lost_terminal_raises_nothing_and_is_counted(capsys: pytest.CaptureFixture[str]) -> None:
    def gone(line: str, level: str) -> None:
        raise BrokenPipeError(f"{level}: {line}")

    metrics = Metrics()
    handler = LineHandler(gone, Redactor(), metrics)
    handler.handle(logging.makeLogRecord({"msg": "geheim", "levelno": logging.INFO, "levelname": "INFO"}))
    handler.close()
    assert metrics.log_suppressed.value == 1
    assert capsys.readouterr().err == ""


def test_arguments_that_do_not_fit_the_message_are_left_out(desk: Desk) -> None:
    desk.handler.handle(
        logging.makeLogRecord({"msg": "two %s %s", "args": ("arguments",), "levelno": 20, "levelname": "INFO"})
    )
    (line,) = desk.lines
    assert line.endswith("info    two %s %s")


@pytest.mark.usefixtures("_restored_logging")
def test_plain_set_up_writes_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    set_up(False, ["geheim"], Console(file=io.StringIO()))
    redactor = set_up(False, ["geheim"], Console(file=io.StringIO()))
    redactor.add("later")
    log = get_logger("roomtape.anything")
    log.debug("unheard")
    log.info("heard", a="geheim", b="later")
    logging.getLogger("websockets").info("unheard")
    logging.getLogger("asyncio").warning("heard too")
    captured = capsys.readouterr()
    lines = [line[9:] for line in captured.err.splitlines()]
    assert lines == ["info    heard a=*** b=***", "warning heard too"]
    assert captured.out == ""


@pytest.mark.usefixtures("_restored_logging")
def test_on_a_terminal_records_go_through_its_console_without_markup(capsys: pytest.CaptureFixture[str]) -> None:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=40, color_system=None)
    set_up(True, (), console)
    get_logger("roomtape.anything").debug("heard", label="[bold]x[/bold]", long="y" * 60)
    assert screen.getvalue().endswith(f"debug   heard label=[bold]x[/bold] long={'y' * 60}\n")
    assert capsys.readouterr().err == ""


def test_secrets_of_settings() -> None:
    turn = TurnServer("h", 3478, TurnTransport.UDP, "user", "credential")
    settings = Settings(signaling=SignalingSettings(password=" pass wörd "), ice=IceSettings(turn=(turn,)))
    secrets = secrets_of(settings)
    assert {" pass wörd ", "pass%20w%C3%B6rd", "pass%20w%C3%B6rdvdo.ninja", "credential"} == set(secrets)
    assert Redactor(secrets).clean("x pass wörd y") == "x***y"


def test_a_disabled_password_is_no_secret() -> None:
    assert secrets_of(Settings(signaling=SignalingSettings(password="false"))) == ()
