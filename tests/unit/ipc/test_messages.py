import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from roomtape.errors import IpcError
from roomtape.ipc.codec import Decoder, decoder_in_child, decoder_in_parent, encode
from roomtape.ipc.messages import IPC_VERSION, Init, Ping, PublishConfig, RecordConfig
from roomtape.model import IceServers, TurnServer, TurnTransport
from tests.unit.ipc.samples import FROM_CHILD, TO_CHILD, values

SECRET = "opensesame"
TURN = TurnServer("turn.example", 3478, TurnTransport.UDP, "user", SECRET)
ICE = IceServers(("stun.example:3478",), (TURN,))
RECORD = RecordConfig(stream_id="ann", folder="recordings", stem="r_ann_1", ice=ICE, phrase=SECRET)
PUBLISH = PublishConfig(stream_id="ann", ice=ICE, phrase=SECRET)

Make = Callable[[], Decoder[Any]]
KINDS = [(kind, decoder_in_child) for kind in TO_CHILD] + [(kind, decoder_in_parent) for kind in FROM_CHILD]
every_kind = pytest.mark.parametrize(("kind", "make"), KINDS, ids=lambda one: getattr(one, "__name__", None))


def decode(obj: Any, make: Make) -> Any:
    """What one line comes out as."""
    [one] = make().feed(json.dumps(obj).encode() + b"\n")
    return one


def refused(obj: Any, make: Make) -> bool:
    return isinstance(decode(obj, make), IpcError)


@every_kind
@given(data=st.data())
def test_round_trip(kind: type, make: Make, data: st.DataObject) -> None:
    message = data.draw(values(kind))
    line = encode(message)
    assert line.count(b"\n") == 1
    assert make().feed(line) == [message]


@every_kind
@given(data=st.data())
def test_keys_are_complete_and_no_more(kind: type, make: Make, data: st.DataObject) -> None:
    """What has a default may be missing, nothing else."""
    obj = json.loads(encode(data.draw(values(kind))))
    required = {field.name for field in msgspec.structs.fields(kind) if field.required} | {"kind"}
    for name in obj:
        rest = {key: value for key, value in obj.items() if key != name}
        assert refused(rest, make) == (name in required)
    extra = data.draw(st.text().filter(lambda name: name not in obj))
    assert refused({**obj, extra: None}, make)


@every_kind
@given(data=st.data())
def test_no_field_takes_a_wrong_type(kind: type, make: Make, data: st.DataObject) -> None:
    obj = json.loads(encode(data.draw(values(kind))))
    for name in obj:
        assert refused({**obj, name: [[]]}, make)


@every_kind
def test_each_direction_has_its_own_messages(kind: type, make: Make) -> None:
    other = FROM_CHILD if kind in TO_CHILD else TO_CHILD
    assert kind not in other
    assert kind.__struct_config__.tag not in {one.__struct_config__.tag for one in other}  # type: ignore[attr-defined]


@pytest.mark.parametrize("path", ["", "config", "config/ice", "config/ice/turn/0"])
def test_nested_values_are_as_strict(path: str) -> None:
    def init(**more: Any) -> Any:
        obj = json.loads(encode(Init(config=RECORD)))
        inner = obj
        for key in path.split("/") if path else ():
            inner = inner[int(key)] if key.isdigit() else inner[key]
        inner.update(more)
        return obj

    assert decode(init(), decoder_in_child) == Init(config=RECORD)
    assert refused(init(extra=1), decoder_in_child)


@pytest.mark.parametrize("inner", [{"candidate": "c", "extra": 1}, {"sdp_mid": "0"}, {"candidate": 7}, "c", None])
def test_candidates_are_as_strict(inner: object) -> None:
    good = {"candidate": "candidate:1", "sdp_mid": None, "sdp_mline_index": 0}
    for entries in ([inner], [good, inner]):
        assert refused({"kind": "remote_candidates", "candidates": entries}, decoder_in_child)


@pytest.mark.parametrize("inner", [{"type": "offer"}, {"type": "rollback", "sdp": ""}, {"type": "offer", "sdp": None}])
def test_descriptions_are_as_strict(inner: object) -> None:
    assert refused({"kind": "remote_description", "negotiation": 1, "description": inner}, decoder_in_child)


def test_an_init_says_its_version() -> None:
    assert json.loads(encode(Init(config=PUBLISH)))["version"] == IPC_VERSION == 1


def test_messages_do_not_change() -> None:
    with pytest.raises(AttributeError):
        Ping(seq=1).seq = 2  # type: ignore[misc]


@pytest.mark.parametrize("config", [RECORD, PUBLISH, Init(config=RECORD), Init(config=PUBLISH)])
def test_no_secret_is_shown(config: object) -> None:
    assert SECRET.encode() in msgspec.json.encode(config)
    for shown in (repr(config), str(config), f"{config}"):
        assert SECRET not in shown
        assert "ann" in shown
