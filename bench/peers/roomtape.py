"""roomtape as users run it: `roomtape record` in a room of a handshake server, and guests who offer the streams.

Server and guests belong to the bench and are not counted; the main process, its fork server and the children are.
"""

import re
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any, Final

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from bench.peers.base import Host, Peer
from bench.plan import Plan
from roomtape.model import Candidate, Description, PeerId, SdpType, SessionId, StreamId
from roomtape.signaling import wire
from roomtape.signaling.identity import make_identity
from roomtape.signaling.messages import (
    CandidatesReceived,
    DescriptionReceived,
    Dialect,
    JoinRoom,
    Listing,
    OfferRequested,
    Request,
    Seed,
    SendCandidates,
    SendDescription,
    Side,
)

ROOM: Final = "benchroom"
IDENTITY: Final = make_identity(None)
CONTEXT: Final = wire.Context(PeerId(""), IDENTITY.phrase, IDENTITY.room_id(ROOM))
START_S: Final = 20.0
LISTENING: Final = re.compile(r"ws://[\w.:]+")


class Guest:
    """One member of the room. What it is sent goes to the host, as events with its number."""

    def __init__(self, host: Host, url: str, number: int) -> None:
        self._host, self._number = host, number
        self._socket: ClientConnection = connect(url, compression=None)
        self._recorder, self._session = PeerId(""), SessionId(f"session{number}")
        self._stream = IDENTITY.wire_id(StreamId(f"s{number}"))
        self._send(JoinRoom(IDENTITY.room_id(ROOM)))
        threading.Thread(target=self._read, daemon=True).start()

    def _send(self, request: Request) -> None:
        self._socket.send(wire.render(request, CONTEXT, Dialect.HOSTED))

    def _read(self) -> None:
        try:
            for text in self._socket:
                for signal_ in wire.parse(text, CONTEXT):
                    self._take(signal_)
        except ConnectionClosed:
            return

    def _take(self, said: object) -> None:
        match said:
            case Listing():
                self._send(Seed(self._stream))
            case OfferRequested(peer=peer):
                self._recorder = peer
                self._host.say("guest", {"type": "asked", "id": self._number})
            case DescriptionReceived(description=description):
                self._host.say("guest", {"type": "answer", "id": self._number, "sdp": description.sdp})
            case CandidatesReceived(candidates=candidates):
                found = [[c.sdp_mline_index, c.candidate] for c in candidates]
                self._host.say("guest", {"type": "ice", "id": self._number, "candidates": found})

    def offer(self, sdp: str) -> None:
        self._send(SendDescription(self._recorder, self._session, Description(SdpType.OFFER, sdp), self._stream))

    def candidate(self, mline: int, text: str) -> None:
        found = (Candidate(text, str(mline), mline),)
        self._send(SendCandidates(self._recorder, self._session, Side.PUBLISHER, found))

    def close(self) -> None:
        self._socket.close()


class Roomtape(Peer):
    """With children from its fork server, as by default."""

    pattern = "bench_s{}_*"
    playable = "bench_s{}_*"
    launcher = "fork"

    def __init__(self, host: Host, plan: Plan, folder: Path) -> None:
        super().__init__(host, plan, folder)
        self._guests: dict[int, Guest] = {}
        self._asked: set[int] = set()

    def start(self) -> None:
        self._server = self.host.spawn("server", [sys.executable, "-m", "roomtape", "serve", "--port", "0"], quiet=True)
        self._url = self._find_url()
        self.programs["recorder"] = self.host.spawn(
            "recorder",
            [
                *(sys.executable, "-m", "roomtape", "record", ROOM, "--server", self._url, "--stun-server", "false"),
                *("--output-dir", str(self.out), "--prefix", "bench", "--launcher", self.launcher, "--min-free", "0"),
            ],
            quiet=True,
        )

    def _find_url(self) -> str:
        end = time.monotonic() + START_S
        while time.monotonic() < end:
            if found := LISTENING.search((self.folder / "server.log").read_text()):
                return found[0]
            time.sleep(0.02)
        raise TimeoutError("the handshake server did not start")

    def main_process(self) -> int:
        return self.programs["recorder"].pid

    def add(self, stream: int) -> None:
        self._guests[stream] = Guest(self.host, self._url, stream)

    def ready(self) -> bool:
        return len(self._asked) == len(self._guests)

    def offer(self, stream: int, sdp: str) -> None:
        self._guests[stream].offer(sdp)

    def candidate(self, stream: int, mline: int, text: str) -> None:
        self._guests[stream].candidate(mline, text)

    def event(self, tag: str, message: dict[str, Any]) -> None:
        match message:
            case {"type": "asked", "id": stream}:
                self._asked.add(stream)
            case {"type": "answer", "id": stream, "sdp": sdp}:
                self.host.answer(stream, sdp)
            case {"type": "ice", "id": stream, "candidates": candidates}:
                for mline, text in candidates:
                    self.host.candidate(stream, mline, text)

    def stop(self) -> None:
        """As by Ctrl-C; the files are final when the main process has ended."""
        self.programs["recorder"].end(signal.SIGINT)

    def close(self) -> None:
        super().close()
        for guest in self._guests.values():
            guest.close()
        if hasattr(self, "_server"):
            self._server.end(signal.SIGINT)


class RoomtapeExec(Roomtape):
    """With children executed afresh."""

    launcher = "exec"
