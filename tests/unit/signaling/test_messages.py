import pytest

from roomtape.signaling.messages import ServerAlert


@pytest.mark.parametrize(
    ("alert", "stream", "address"),
    [
        (ServerAlert("Stream ID is already in use."), True, False),
        (ServerAlert("text", "STREAMID_IN_USE"), True, False),
        (ServerAlert("sid already in use"), True, False),
        (ServerAlert("uuid already in use"), False, True),
        (ServerAlert("can't change sid"), False, False),
        (ServerAlert("Room is already claimed by someone else."), False, False),
        (ServerAlert("text", "TRANSFER_STREAMID_CONFLICT"), False, False),
        (ServerAlert(""), False, False),
    ],
)
def test_what_an_alert_means(alert: ServerAlert, stream: bool, address: bool) -> None:
    """The known texts and codes of protocol.md 4.2 and 12.2."""
    assert (alert.stream_in_use, alert.address_in_use) == (stream, address)
