import pytest
from hypothesis import given
from hypothesis import strategies as st

from roomtape.child.diagnosis import Evidence, diagnose
from roomtape.errors import (
    AllCandidatesFailed,
    ConnectionLost,
    NegotiationFailed,
    NoLocalCandidates,
    NoRemoteCandidates,
    PeerError,
    RelayWithoutTurn,
    Scope,
    TurnUnreachable,
)
from roomtape.model import IcePolicy

HOST = frozenset({"host"})
NONE = frozenset[str]()


def evidence(
    policy: IcePolicy = IcePolicy.ALL,
    turn_servers: int = 0,
    local: frozenset[str] = HOST,
    remote: frozenset[str] = HOST,
    ice: str = "checking",
    was_connected: bool = False,
) -> Evidence:
    return Evidence(
        policy=policy,
        turn_servers=turn_servers,
        local=local,
        remote=remote,
        ice=ice,
        connection="connecting",
        was_connected=was_connected,
        waited_s=20.4,
    )


@pytest.mark.parametrize(
    ("seen", "error", "words"),
    [
        (evidence(was_connected=True, ice="failed"), ConnectionLost, "lost (failed)"),
        (evidence(IcePolicy.RELAY, local=NONE), RelayWithoutTurn, "no TURN server"),
        (evidence(IcePolicy.RELAY, 1, NONE), TurnUnreachable, "1 TURN server gave"),
        (evidence(IcePolicy.RELAY, 4, NONE, NONE), TurnUnreachable, "none of 4 TURN servers"),
        (evidence(local=NONE), NoLocalCandidates, "this machine"),
        (evidence(turn_servers=4, local=NONE, remote=NONE), NoLocalCandidates, "this machine"),
        (evidence(remote=NONE), NoRemoteCandidates, "the guest sent no network address"),
        (evidence(IcePolicy.RELAY, 1, frozenset({"relay"}), NONE), NoRemoteCandidates, "the guest sent no"),
        (evidence(ice="connected"), NegotiationFailed, "DTLS"),
        (evidence(ice="completed"), NegotiationFailed, "DTLS"),
        (evidence(ice="failed"), AllCandidatesFailed, "tried host here against host there"),
        (
            evidence(local=frozenset({"srflx", "host"}), remote=frozenset({"relay"})),
            AllCandidatesFailed,
            "tried host/srflx here against relay there",
        ),
    ],
)
def test_each_failure_has_its_error_and_its_words(seen: Evidence, error: type[PeerError], words: str) -> None:
    found = diagnose(seen)
    assert type(found) is error
    assert words in found.detail


def test_a_missing_relay_is_mentioned_only_if_neither_side_had_one() -> None:
    relay = frozenset({"relay"})
    assert "no TURN relay" in diagnose(evidence()).detail
    for seen in (evidence(local=relay), evidence(remote=relay)):
        assert "no TURN relay" not in diagnose(seen).detail


def test_the_user_is_asked_to_act_only_where_settings_can_help() -> None:
    assert diagnose(evidence(IcePolicy.RELAY, local=NONE)).scope is Scope.USER
    assert diagnose(evidence(IcePolicy.RELAY, 1, NONE)).scope is Scope.USER
    assert diagnose(evidence()).scope is Scope.SESSION


types = st.frozensets(st.sampled_from(["host", "srflx", "prflx", "relay"]))


@given(st.sampled_from(IcePolicy), st.integers(0, 4), types, types, st.sampled_from(["new", "checking", "failed"]))
def test_any_evidence_is_one_sentence_with_the_time_waited(
    policy: IcePolicy, turn_servers: int, local: frozenset[str], remote: frozenset[str], ice: str
) -> None:
    error = diagnose(evidence(policy, turn_servers, local, remote, ice))
    assert "\n" not in error.detail
    assert "after 20 s" in error.detail or isinstance(error, RelayWithoutTurn)
