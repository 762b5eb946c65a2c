import pytest

from roomtape.model import IcePolicy, IceServers, TurnServer, TurnTransport

SECRET = "opensesame"


@pytest.mark.parametrize(
    ("host", "transport", "uri"),
    [
        ("turn.example", TurnTransport.UDP, "turn:turn.example:3478"),
        ("turn.example", TurnTransport.TCP, "turn:turn.example:3478?transport=tcp"),
        ("turn.example", TurnTransport.TLS, "turns:turn.example:3478"),
        ("2001:db8::1", TurnTransport.UDP, "turn:[2001:db8::1]:3478"),
    ],
)
def test_a_turn_server_is_shown_as_its_address(host: str, transport: TurnTransport, uri: str) -> None:
    server = TurnServer(host, 3478, transport, "user", SECRET)
    assert str(server) == uri
    assert repr(server) == f"TurnServer({uri})"


def test_no_credential_is_shown_by_what_holds_it() -> None:
    servers = IceServers((), (TurnServer("h", 1, TurnTransport.UDP, "user", SECRET),), IcePolicy.RELAY)
    assert SECRET not in repr(servers)
    assert "turn:h:1" in repr(servers)
