import pytest

from roomtape.errors import Scope
from roomtape.ipc.messages import (
    BusMessage,
    Failed,
    LocalDescription,
    Log,
    PeerState,
    Ready,
    RemoteDescription,
    SegmentOpened,
)
from roomtape.model import Description, SdpType, TrackKind
from roomtape.supervisor.crash import (
    KEPT_BUS,
    KEPT_FILES,
    KEPT_LOGS,
    KEPT_STACK,
    KEPT_STATES,
    KEPT_STDERR,
    MAX_LOG,
    MAX_STDERR_LINE,
    Trail,
    is_crash,
)

STATE = PeerState(ice="connected", gathering="complete", connection="connected", signaling="stable")
FAILED = Failed(code="media", scope=Scope.SYSTEM, retryable=True, detail="broken")


@pytest.mark.parametrize(
    ("code", "hung", "killed", "announced", "crash"),
    [
        (0, False, False, False, False),
        (1, False, False, True, False),
        (1, False, False, False, True),
        (-11, False, False, False, True),
        (-11, False, False, True, True),  # it had failed, and then it crashed as well
        (-9, False, True, False, False),
        (-9, True, True, False, True),
    ],
)
def test_what_is_a_crash(code: int, hung: bool, killed: bool, announced: bool, crash: bool) -> None:
    assert is_crash(code, hung=hung, killed=killed, announced=announced) is crash


def test_the_last_of_all_that_was_said_is_told() -> None:
    trail = Trail()
    trail.said(Ready(version=1, pid=1, gstreamer="1.22.0"))
    trail.told(RemoteDescription(negotiation=1, description=Description(SdpType.OFFER, "v=0\na=ice-pwd:secret")))
    trail.said(LocalDescription(negotiation=1, description=Description(SdpType.ANSWER, "v=0\na=mid:0")))
    trail.said(STATE)
    trail.said(Log(level="debug", message="offer", fields={"sdp": "v=0\r\na=ice-pwd:secret", "tracks": "video"}))
    trail.said(SegmentOpened(path="/somewhere/room_ann_01.webm", tracks=(TrackKind.VIDEO,)))
    trail.said(BusMessage(level="warning", text="nice: no turn://ann:hunter2@host", left_out=3))
    trail.said(BusMessage(level="error", text="webrtcbin: not\r\nv=0\r\na=ice-pwd:secret"))
    trail.line("(critical) something")
    crash = trail.crash("ended by SIGSEGV")
    assert (crash.exit, crash.gstreamer) == ("ended by SIGSEGV", "1.22.0")
    assert crash.offer == ("v=0", "(1 lines left out)")
    assert crash.answer == ("v=0", "a=mid:0")
    assert crash.states == ("ice connected, gathering complete, connection connected, signaling stable",)
    assert crash.log == ("debug offer sdp=<sdp> tracks=video",)
    assert crash.bus == ("warning nice: no turn://***@host (3 before it left out)", "error <sdp>")
    assert crash.files == ("room_ann_01.webm",)
    assert (crash.stderr, crash.stack) == (("(critical) something",), ())
    assert not trail.failed


def test_a_failure_is_an_announcement_unless_it_is_of_one_viewer() -> None:
    trail = Trail()
    trail.said(Failed(code="media", scope=Scope.SYSTEM, retryable=True, detail="broken", peer="ann"))
    assert not trail.failed
    trail.said(FAILED)
    assert trail.failed


def test_the_stack_is_kept_apart() -> None:
    trail = Trail()
    trail.line("before")
    trail.dump_begins()
    trail.line("Current thread")
    crash = trail.crash("killed")
    assert (crash.stderr, crash.stack) == (("before",), ("Current thread",))


def test_nothing_grows_without_end() -> None:
    trail = Trail()
    for n in range(1000):
        trail.said(STATE)
        trail.said(Log(level="info", message="x" * 2 * MAX_LOG))
        trail.said(SegmentOpened(path=f"{n}", tracks=()))
        trail.said(BusMessage(level="warning", text="x" * 2 * MAX_LOG))
        trail.line(f"{n} {'x' * 2 * MAX_STDERR_LINE}")
    trail.dump_begins()
    for _ in range(1000):
        trail.line("frame")
    crash = trail.crash("killed")
    assert len(crash.states) == KEPT_STATES
    assert len(crash.log) == KEPT_LOGS
    assert len(crash.files) == KEPT_FILES
    assert len(crash.bus) == KEPT_BUS
    assert len(crash.stderr) == KEPT_STDERR
    assert len(crash.stack) == KEPT_STACK
    assert crash.stderr[-1].startswith("999 ")
    assert max(map(len, crash.log + crash.stderr + crash.bus)) <= MAX_STDERR_LINE
