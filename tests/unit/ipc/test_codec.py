import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roomtape.errors import IpcError
from roomtape.ipc.codec import MAX_LINE, MAX_REASON, Decoder, decoder_in_child, decoder_in_parent, encode
from roomtape.ipc.messages import FromChild, Init, Log, Ping, Pong, RecordConfig, Stop, ToChild
from tests.unit.ipc.samples import from_child, to_child

SECRET = "opensesame"
TOO_LONG = b"x" * (MAX_LINE + 1) + b"\n"
GARBAGE = (b"hello\n", b"{\n", b"null\n", b"[]\n", b"\xff\xfe\n", b'{"kind":"nonsense"}\n', b"[" * 100_000 + b"\n")


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    """`data` in parts."""
    places = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[start:end] for start, end in pairwise(places)]


def feed(decoder: Decoder[Any], *parts: bytes) -> list[Any]:
    """What comes out; errors by their text."""
    return [one.detail if isinstance(one, IpcError) else one for part in parts for one in decoder.feed(part)]


def only_error(line: bytes, decoder: Decoder[Any]) -> str:
    [error] = decoder.feed(line)
    assert isinstance(error, IpcError)
    return error.detail


@given(st.lists(to_child, max_size=5), st.lists(st.integers(0), max_size=10))
def test_any_split_gives_the_same_messages_to_the_child(messages: list[ToChild], cuts: list[int]) -> None:
    data = b"".join(map(encode, messages))
    assert feed(decoder_in_child(), *pieces(data, cuts)) == messages


@given(st.lists(from_child | st.sampled_from(GARBAGE), max_size=5), st.lists(st.integers(0), max_size=10))
def test_any_split_gives_the_same_messages_and_errors_to_the_parent(
    lines: list[FromChild | bytes], cuts: list[int]
) -> None:
    data = b"".join(line if isinstance(line, bytes) else encode(line) for line in lines)
    heard = feed(decoder_in_parent(), *pieces(data, cuts))
    assert heard == feed(decoder_in_parent(), data)
    assert [one for one in heard if not isinstance(one, str)] == [x for x in lines if not isinstance(x, bytes)]
    assert [isinstance(one, str) for one in heard] == [isinstance(line, bytes) for line in lines]


@given(st.lists(st.binary(max_size=50), max_size=5))
def test_any_bytes_cost_only_their_lines(parts: list[bytes]) -> None:
    decoder = decoder_in_parent()
    feed(decoder, *parts)
    [*_, last] = feed(decoder, b"\n" + encode(Pong(seq=7)))
    assert last == Pong(seq=7)


def test_byte_by_byte() -> None:
    data = encode(Ping(seq=1)) + b"\r\n \n" + encode(Ping(seq=2)).replace(b"\n", b"\r\n")
    parts = [data[n : n + 1] for n in range(len(data))]
    assert feed(decoder_in_child(), *parts) == [Ping(seq=1), Ping(seq=2)]


def test_what_one_decoder_still_waits_for_is_not_mixed_with_what_another_gets() -> None:
    stop = Stop(reason="enough", deadline_ms=5)
    line = encode(stop)
    one, other = decoder_in_child(), decoder_in_child()
    assert one.feed(line[:5]) == []
    assert other.feed(line) == [stop]
    assert one.feed(line[5:]) == [stop]


def test_a_message_is_not_given_before_its_end() -> None:
    decoder, line = decoder_in_child(), encode(Ping(seq=1))
    assert decoder.feed(line[:-1]) == []
    assert decoder.feed(b"") == []
    assert decoder.feed(b"\n") == [Ping(seq=1)]


@pytest.mark.parametrize("size", [1, 1000, 65536, MAX_LINE, MAX_LINE + 2])
def test_a_line_that_is_too_long_is_dropped_however_it_comes(size: int) -> None:
    data = encode(Ping(seq=1)) + TOO_LONG * 2 + encode(Ping(seq=2))
    if size == 1:  # in single bytes only around the limit
        parts = [data[:MAX_LINE], *(data[n : n + 1] for n in range(MAX_LINE, MAX_LINE + 100)), data[MAX_LINE + 100 :]]
    else:
        parts = [data[n : n + size] for n in range(0, len(data), size)]
    first, dropped, also_dropped, second = feed(decoder_in_child(), *parts)
    assert (first, second) == (Ping(seq=1), Ping(seq=2))
    assert dropped == also_dropped == f"a line of more than {MAX_LINE} bytes was dropped"


def test_an_endless_line_is_reported_once_and_takes_no_memory() -> None:
    decoder = decoder_in_parent()
    errors = [error for _ in range(30) for error in decoder.feed(b"x" * 100_000)]
    assert len(errors) == 1
    assert len(decoder._rest) == 0


def test_a_line_of_the_greatest_length_is_read() -> None:
    empty = len(encode(Log(level="info", message=""))) - 1
    longest = Log(level="info", message="x" * (MAX_LINE - empty))
    assert feed(decoder_in_parent(), encode(longest)) == [longest]
    longer = Log(level="info", message="x" * (MAX_LINE - empty + 1))
    assert feed(decoder_in_parent(), encode(longer)) == [f"a line of more than {MAX_LINE} bytes was dropped"]


@pytest.mark.parametrize("line", GARBAGE, ids=lambda line: repr(line[:20]))
def test_garbage(line: bytes) -> None:
    for decoder in (decoder_in_child(), decoder_in_parent()):
        assert only_error(line, decoder).startswith("not a message: ")


@pytest.mark.parametrize(
    "line",
    [
        f'{{"kind":"{SECRET}"}}',
        f'{{"kind":"{SECRET}\'s \\"{SECRET}\\""}}',
        f'{{"kind":"pong","seq":"{SECRET}"}}',
        f'{{"kind":"pong","seq":["{SECRET}"]}}',
        f'{{"kind":"track_started","track":"audio","codec":"{SECRET}"}}',
        f'{{"kind":"track_started","track":"audio","codec":"\'{SECRET}\\n{SECRET}\'"}}',
        f'"{SECRET}"',
        f'{{"kind":"pong","seq":1}} {SECRET}',
        SECRET,
    ],
)
def test_an_error_does_not_repeat_values(line: str) -> None:
    assert SECRET not in only_error(line.encode() + b"\n", decoder_in_parent())


@given(st.data())
def test_no_value_of_a_configuration_shows_in_an_error(data: st.DataObject) -> None:
    """Whichever value of a valid Init is put in the place of whichever other."""
    init = json.loads(encode(Init(config=RecordConfig(stream_id="s", folder="f", stem="t", phrase=SECRET))))
    where = data.draw(st.sampled_from([init, init["config"], init["config"]["ice"]]))
    where[data.draw(st.sampled_from(sorted(where)))] = SECRET
    [one] = decoder_in_child().feed(json.dumps(init).encode() + b"\n")
    assert isinstance(one, Init) or SECRET not in str(one)


def test_an_error_is_short() -> None:
    """It goes to a log."""
    for line in (f'{{"kind":"{"x" * 1000}"}}', f'{{"kind":"pong","seq":1,"{"x" * 1000}":1}}'):
        assert len(only_error(line.encode() + b"\n", decoder_in_parent())) <= MAX_REASON + len("not a message: ")
