"""What the next connection to a stream does otherwise than the last, and when. Pure.

The rungs: key frames and an ICE restart are asked for on the connection that is in trouble (`room.watchdog`); then
there is a new connection (`room.outcome`); when two in a row found or kept no path, one by relay only.
"""

from typing import Final

from roomtape.errors import AllCandidatesFailed, ConnectionLost, NoFrames, PeerVanished
from roomtape.room.outcome import Outcome
from roomtape.supervisor.backoff import relay_turn

_PATH_ERRORS: Final = {kind.code for kind in (AllCandidatesFailed, ConnectionLost, PeerVanished)}
"""Of these a firewall or a broken path may be the cause, and another path the remedy."""


class Ladder:
    """One of each stream. `pictureless`: the last connection was given up for the want of a picture."""

    def __init__(self) -> None:
        self._lost_paths = 0
        self.pictureless = False

    @property
    def relay(self) -> bool:
        """Whether the next connection is to be by relay only, if there is a relay."""
        return relay_turn(self._lost_paths)

    def failed(self, outcome: Outcome) -> None:
        """A connection has come to its end."""
        self._lost_paths = self._lost_paths + 1 if outcome.code in _PATH_ERRORS else 0
        self.pictureless = self.pictureless or outcome.code == NoFrames.code

    def held(self) -> None:
        """A connection lasted: what was before it counts no more."""
        self._lost_paths = 0
        self.pictureless = False
