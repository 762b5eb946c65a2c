"""What probes of STUN and TURN servers found, and what it means for a connection that failed."""

from collections.abc import Sequence
from enum import StrEnum

import msgspec

from roomtape.errors import RecorderError, TurnRefused, TurnUnreachable


class ProbeStatus(StrEnum):
    """REFUSED: the server answered with an error. UNREACHABLE: no usable answer, or no way to ask."""

    OK = "ok"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"


class ProbeResult(msgspec.Struct, frozen=True):
    """`detail` is a clause for humans that names the server, never its credential."""

    status: ProbeStatus
    detail: str


def explain(results: Sequence[ProbeResult]) -> RecorderError | None:
    """Why none of the configured TURN servers can relay; None if one can or none is configured.

    A refusal outranks silence: it is certain, and the user can mend it.
    """
    statuses = {result.status for result in results}
    if not statuses or ProbeStatus.OK in statuses:
        return None
    detail = "; ".join(result.detail for result in results)
    return TurnRefused(detail) if ProbeStatus.REFUSED in statuses else TurnUnreachable(detail)
