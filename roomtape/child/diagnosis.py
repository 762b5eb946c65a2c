"""Why a connection did not come about, in words: webrtcbin itself is silent in several of these cases."""

import msgspec

from roomtape.errors import (
    AllCandidatesFailed,
    ConnectionLost,
    NegotiationFailed,
    NoLocalCandidates,
    NoRemoteCandidates,
    PeerError,
    RelayWithoutTurn,
    TurnUnreachable,
)
from roomtape.model import IcePolicy


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """What was seen of a connection. Candidate types as in RFC 8839; `ice` and `connection` are W3C state names."""

    policy: IcePolicy
    turn_servers: int
    local: frozenset[str]
    remote: frozenset[str]
    ice: str
    connection: str
    was_connected: bool
    waited_s: float


def diagnose(seen: Evidence) -> PeerError:
    """The error that explains best why there is no connection."""
    after = f"after {seen.waited_s:.0f} s"
    relay_only = seen.policy is IcePolicy.RELAY
    if seen.was_connected:
        return ConnectionLost(f"the connection was lost ({seen.ice})")
    if relay_only and not seen.turn_servers:
        return RelayWithoutTurn("only relayed connections are allowed, but no TURN server is configured")
    if relay_only and "relay" not in seen.local:
        servers = f"{seen.turn_servers} TURN server{'s' if seen.turn_servers > 1 else ''}"
        return TurnUnreachable(f"none of {servers} gave a relay address {after}: unreachable, or refused the password")
    if not seen.local:
        return NoLocalCandidates(f"this machine found no network address to offer {after}")
    if not seen.remote:
        return NoRemoteCandidates(f"the guest sent no network address to connect to {after}")
    if seen.ice in ("connected", "completed"):
        return NegotiationFailed(f"the network path works, but encryption (DTLS) was not set up {after}")
    no_relay = "" if "relay" in seen.local | seen.remote else "; no TURN relay was available to either side"
    return AllCandidatesFailed(
        f"no path to the guest {after}: tried {_types(seen.local)} here against {_types(seen.remote)} there{no_relay}"
    )


def _types(types: frozenset[str]) -> str:
    return "/".join(sorted(types))
