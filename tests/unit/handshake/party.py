"""A hub with people: who sends what, and what everyone got."""

import json
from collections import defaultdict
from typing import Any

from roomtape.handshake.effects import Close, Deliver
from roomtape.handshake.hub import Hub
from roomtape.handshake.limits import HubLimits

Object = dict[str, Any]


class Party:
    """People are called by name; in the hosted dialect "ann" has the UUID "u-ann", in fan-out "f-ann"."""

    def __init__(self, **limits: Any) -> None:
        self.hub = Hub(HubLimits(**limits))
        self.now = 1000.0
        self.inbox: dict[str, list[Object]] = defaultdict(list)
        self.texts: dict[str, list[str]] = defaultdict(list)
        self.closed: dict[str, int] = {}
        self._names: dict[int, str] = {}

    def connect(self, *names: str) -> None:
        for name in names:
            conn_id = len(self._names)
            self._names[conn_id] = name
            self._perform(self.hub.connect(conn_id, f"u-{name}"))

    def leave(self, name: str) -> None:
        self.hub.disconnect(self._conn_id(name))

    def send(self, name: str, **frame: Any) -> None:
        """A frame of the hosted dialect."""
        self.send_text(name, json.dumps(frame))

    def send_fanout(self, name: str, **frame: Any) -> str:
        """A frame of the fan-out dialect; returns its text."""
        text = json.dumps({**frame, "from": f"f-{name}"}, indent=1)
        self.send_text(name, text)
        return text

    def send_text(self, name: str, text: str | bytes) -> None:
        self._perform(self.hub.receive(self._conn_id(name), text, self.now))

    def join(self, *names: str, room: str = "r", **more: Any) -> None:
        """Connect and join as hosted members."""
        for name in names:
            self.connect(name)
            self.send(name, request="joinroom", roomid=room, **more)

    def join_fanout(self, *names: str, room: str = "r", **more: Any) -> None:
        for name in names:
            self.connect(name)
            self.send_fanout(name, request="joinroom", roomid=room, **more)

    def take(self, name: str) -> list[Object]:
        """What `name` got since last asked."""
        self.texts.pop(name, None)
        return self.inbox.pop(name, [])

    def take_texts(self, name: str) -> list[str]:
        self.inbox.pop(name, None)
        return self.texts.pop(name, [])

    def forget_all(self) -> None:
        self.inbox.clear()
        self.texts.clear()

    def got_nothing(self) -> bool:
        return not any(self.inbox.values())

    def _conn_id(self, name: str) -> int:
        return max(conn_id for conn_id, other in self._names.items() if other == name)

    def _perform(self, effects: Any) -> None:
        for effect in effects:
            name = self._names[effect.conn_id]
            match effect:
                case Deliver():
                    self.texts[name].append(effect.text)
                    self.inbox[name].append(json.loads(effect.text))
                case Close():
                    self.closed[name] = effect.code
