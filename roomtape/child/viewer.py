"""One viewer of a published stream: a peer connection fed from the source's tees."""

import time
from collections.abc import Mapping
from typing import Any, Final, Protocol

from roomtape.child import rtcp
from roomtape.child.bitrate import ViewerRate
from roomtape.child.branch import Branch
from roomtape.child.bus import is_of_data_channel
from roomtape.child.datachannel import LABEL, DataChannel
from roomtape.child.gst import Gst, after_ms, guarded, post
from roomtape.child.liveness import Liveness, Sign
from roomtape.child.peer import Peer
from roomtape.child.source import Source
from roomtape.errors import MediaError, NegotiationFailed, PeerVanished, RecorderError, WireError
from roomtape.ipc.messages import (
    FromChild,
    LocalCandidates,
    LocalDescription,
    PeerState,
    PublishConfig,
    RestartWished,
)
from roomtape.model import Candidate, Description, TrackKind
from roomtape.signaling import envelope

CAPS_POLL_MS: Final = 20
MUTED: Final = {TrackKind.AUDIO: "muteState", TrackKind.VIDEO: "videoMuted"}
"""Keys of the data channel (protocol.md 8.2)."""


class ViewerOwner(Protocol):
    """What a Viewer needs from the publishing child."""

    @property
    def muted(self) -> frozenset[TrackKind]: ...
    def send(self, message: FromChild) -> None: ...
    def viewer_ended(self, viewer: "Viewer", detail: str) -> None: ...
    def log(self, level: str, message: str, **fields: Any) -> None: ...


class Viewer:
    """Offers at once with media, or, with `offer_on_request`, first without, as the web page does (trap T1)."""

    def __init__(
        self, owner: ViewerOwner, pipeline: Any, source: Source, config: PublishConfig, peer: str, session: str
    ) -> None:
        self.peer, self.session = peer, session
        self.rate = ViewerRate(config.bitrate_kbps)
        self._owner, self._pipeline, self._source, self._config = owner, pipeline, source, config
        self._branches: dict[TrackKind, Branch] = {}
        self._refused: set[TrackKind] = set()
        self._offering = self._closed = self.connected = False
        self._offers = 0
        self._liveness = Liveness(time.monotonic())
        self._cancel_answer = after_ms(config.connect_deadline_ms, self._no_answer)
        self._webrtc = Peer(self, config.ice, config.connect_deadline_ms)
        self._webrtc.element.connect("deep-element-added", guarded(self._on_element, self._webrtc_trouble))
        pipeline.add(self._webrtc.element)
        self._webrtc.element.connect("on-negotiation-needed", lambda _: post(self._offer))
        self._webrtc.element.sync_state_with_parent()
        if not config.offer_on_request:
            self._attach(frozenset(source.tees))
        channel = self._webrtc.element.emit("create-data-channel", LABEL, None)
        self._channel = DataChannel(channel, self._on_object, self._on_open, lambda: self._end("data channel closed"))

    # --- media ----------------------------------------------------------------------------------------------------

    def _attach(self, kinds: frozenset[TrackKind]) -> None:
        for kind in sorted(kinds & frozenset(self._source.tees), reverse=True):
            if kind not in self._branches:
                tee = self._source.tees[kind]
                self._branches[kind] = Branch(self._pipeline, self._webrtc.element, tee, kind, self._config)
        self._set_valves()

    def _set_valves(self) -> None:
        """A picture with the bitrate 0 is a pause (protocol.md 8.1)."""
        for kind, branch in self._branches.items():
            paused = kind is TrackKind.VIDEO and self.rate.paused
            branch.open(self.connected and kind not in self._refused and not paused)

    @property
    def has_media(self) -> bool:
        return bool(self._branches)

    @property
    def receives(self) -> bool:
        """Whether all that comes from now on can be seen and heard there."""
        wanted = [branch for branch in self._branches.values() if branch.is_open]
        return bool(wanted) and all(branch.begun for branch in wanted)

    def tell_muted(self, kind: TrackKind, muted: bool) -> None:
        self._channel.send({MUTED[kind]: muted})

    # --- offers and answers ---------------------------------------------------------------------------------------

    def _offer(self) -> None:
        """An offer names the SSRC of each track, which is known once the payloader has run (RFC 5576)."""
        if self._closed or self._offering:
            return
        if all(branch.ready for branch in self._branches.values()):
            self._offering = True
            self._webrtc.make_offer(self._send_offer)
        else:
            after_ms(CAPS_POLL_MS, self._offer)

    def _send_offer(self, offer: Description) -> None:
        if self._closed:
            return
        self._offers += 1
        self._cancel_answer()
        self._cancel_answer = after_ms(self._config.connect_deadline_ms, self._no_answer)
        fields = {"UUID": self.peer, "streamID": self._config.stream_id}
        if not self._channel_send({**fields, **envelope.write_description(offer, self._config.phrase)}):
            self._owner.send(LocalDescription(negotiation=self._offers, description=offer, peer=self.peer))

    def _no_answer(self) -> None:
        what = "no answer" if self._offering else "no offer could be made"
        self.on_failed(NegotiationFailed(f"{what} within {self._config.connect_deadline_ms / 1000:g} s"))

    def accept_answer(self, answer: Description) -> None:
        self._offering = False
        self._cancel_answer()
        self._webrtc.accept_answer(answer.sdp)

    def add_candidates(self, candidates: tuple[Candidate, ...]) -> None:
        self._webrtc.remote.add(candidates)

    def on_local_candidates(self, candidates: tuple[Candidate, ...]) -> None:
        fields = envelope.write_candidates(candidates, self._config.phrase)
        if not self._channel_send({**fields, "type": "local", "UUID": self.peer}):
            self._owner.send(LocalCandidates(negotiation=self._offers, candidates=candidates, peer=self.peer))

    # --- the data channel -----------------------------------------------------------------------------------------

    def _channel_send(self, obj: dict[str, Any]) -> bool:
        return self._channel.send({**obj, "session": self.session})

    def _on_open(self) -> None:
        muted = self._owner.muted
        info = {
            "label": self._config.label or False,
            "muted": TrackKind.AUDIO in muted,
            "video_muted_init": TrackKind.VIDEO in muted,
        }
        self._channel.send({"info": info})

    def _on_object(self, obj: Mapping[str, Any]) -> None:
        if self._closed:
            return
        self._liveness.heard(time.monotonic())
        if "ping" in obj:
            self._channel.send({"pong": obj["ping"]})
        try:
            if envelope.has_description(obj):
                self.accept_answer(envelope.read_description(obj, self._config.phrase))
            if envelope.has_candidates(obj):
                self.add_candidates(envelope.read_candidates(obj, self._config.phrase))
        except WireError as error:
            self._owner.log("warning", "data channel message dropped", reason=error.detail)
        self._adapt(obj)
        if obj.get("iceRestartRequest"):
            self._owner.send(RestartWished(peer=self.peer))
        if obj.get("bye"):
            self._end("the viewer left")

    def _adapt(self, obj: Mapping[str, Any]) -> None:
        """What of the tracks the viewer wants, and at which bitrate (protocol.md 8.1)."""
        said = {kind: obj[kind.value] for kind in TrackKind if isinstance(obj.get(kind.value), bool)}
        self._refused = {kind for kind in self._refused | said.keys() if not said.get(kind, False)}
        if wanted := frozenset(kind for kind, on in said.items() if on):
            self._attach(wanted)
        if "bitrate" in obj and not self.rate.wished(obj["bitrate"]):
            self._owner.log("debug", "a bitrate that is none", peer=self.peer)
        self._set_valves()
        if obj.get("keyframe") and TrackKind.VIDEO in self._branches:
            self._branches[TrackKind.VIDEO].request_keyframe()

    # --- the connection -------------------------------------------------------------------------------------------

    def _on_element(self, _bin: Any, _sub: Any, element: Any) -> None:
        factory = element.get_factory()
        if factory is not None and factory.get_name() == "rtpsession":
            session = element.get_property("internal-session")
            session.connect("on-receiving-rtcp", guarded(self._on_rtcp, self._webrtc_trouble))

    def _on_rtcp(self, _: Any, buffer: Any) -> None:
        """On GStreamer's thread."""
        post(self._heard, rtcp.read(buffer.extract_dup(0, buffer.get_size())))

    def _webrtc_trouble(self, error: RecorderError) -> None:
        post(self.on_failed, error)

    def _heard(self, report: rtcp.Report) -> None:
        now = time.monotonic()
        self._liveness.heard(now)
        picture = self._branches.get(TrackKind.VIDEO)
        if picture is not None and picture.ssrc in report.lost:
            self.rate.lost(report.lost[picture.ssrc], now)
        if report.remb_kbps is not None:
            self.rate.estimated(report.remb_kbps, now)

    def check_alive(self, now: float) -> None:
        """To be called every second: a viewer that vanished tells nothing."""
        if not self.connected:
            return
        match self._liveness.check(now):
            case Sign.ASK:
                self._channel.send({"ping": int(now)})
            case Sign.GONE:
                self.on_failed(PeerVanished("nothing was heard from the viewer any more"))

    def on_state(self, ice: str, gathering: str, connection: str, signaling: str) -> None:
        self._owner.send(
            PeerState(ice=ice, gathering=gathering, connection=connection, signaling=signaling, peer=self.peer)
        )

    def on_media(self, pad: Any) -> None:
        """A publisher's connection receives nothing."""

    def on_data_channel(self, channel: Any) -> None:
        """Made here, not received; others are of no interest."""

    def on_connected(self) -> None:
        self.connected = True
        self._liveness = Liveness(time.monotonic())
        self._set_valves()

    def on_offer_dropped(self, error: RecorderError) -> None:
        """A publisher gets no offers."""

    def bus_error(self, message: Any) -> bool:
        """Whether an error of the pipeline is this viewer's: nobody else is to hear of it."""
        if not message.src.has_as_ancestor(self._webrtc.element):
            return False
        if is_of_data_channel(message, self._webrtc.element):
            self._owner.log("warning", "a viewer's data channel has failed; media goes on", peer=self.peer)
        else:
            self.on_failed(MediaError(f"{message.src.get_name()}: {message.parse_error()[0].message}"))
        return True

    def on_failed(self, error: RecorderError) -> None:
        self._end(error.detail)

    def _end(self, detail: str) -> None:
        if not self._closed:
            self._owner.viewer_ended(self, detail)

    def say_bye(self) -> None:
        self._channel.send({"bye": True})

    def close(self) -> None:
        """Take everything down; the other viewers do not notice."""
        if self._closed:
            return
        self._closed = True
        self._cancel_answer()
        self._webrtc.close()
        for branch in self._branches.values():
            branch.unlink()
        self._webrtc.element.set_locked_state(True)
        self._webrtc.element.set_state(Gst.State.NULL)
        self._pipeline.remove(self._webrtc.element)
        for branch in self._branches.values():
            branch.close()
