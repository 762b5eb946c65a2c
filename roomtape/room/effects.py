"""What the routers want done. The app performs effects in order and feeds the results back."""

import msgspec

from roomtape.ipc.messages import ToChild
from roomtape.model import StreamId
from roomtape.room.outcome import Outcome
from roomtape.signaling.messages import Request

ChildId = int
"""Number of a child in this run; never used twice."""


class _Effect(msgspec.Struct, frozen=True):
    pass


class Send(_Effect, frozen=True):
    """To the handshake server."""

    request: Request


class Spawn(_Effect, frozen=True):
    """Start a child for the stream; its configuration is the app's business."""

    child: ChildId
    stream: StreamId


class Tell(_Effect, frozen=True):
    """To a child that is ready."""

    child: ChildId
    message: ToChild


class Stop(_Effect, frozen=True):
    """Ask a child to finish its files and exit; kill it when it does not within the stop deadline."""

    child: ChildId
    reason: str


class Timer(msgspec.Struct, frozen=True):
    """A named deadline of an attempt or a stream; arming one again replaces it."""

    name: str
    of: ChildId | StreamId


class Arm(_Effect, frozen=True):
    timer: Timer
    delay_s: float


class Disarm(_Effect, frozen=True):
    timer: Timer


class Report(_Effect, frozen=True):
    """Tell the user. `state` is a word of observe.board.GuestState; `error` if something went wrong."""

    stream: StreamId
    state: str
    note: str = ""
    error: Outcome | None = None


class Count(_Effect, frozen=True):
    """Something was dropped, under this reason, so many times."""

    reason: str
    times: int = 1


class Warn(_Effect, frozen=True):
    """A sentence that concerns no recorded stream."""

    message: str
    fields: dict[str, str]


Effect = Send | Spawn | Tell | Stop | Arm | Disarm | Report | Count | Warn
