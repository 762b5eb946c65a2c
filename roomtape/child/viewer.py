"""One viewer of a published stream: a peer connection fed from the source's tees."""

from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from roomtape.child.datachannel import LABEL, DataChannel
from roomtape.child.gst import Gst, GstWebRTC, after_ms, chain, post, request_keyframe, start
from roomtape.child.peer import Peer
from roomtape.child.source import Source, branch
from roomtape.errors import RecorderError, WireError
from roomtape.ipc.messages import FromChild, LocalCandidates, LocalDescription, PeerState, PublishConfig
from roomtape.model import Candidate, Description, TrackKind
from roomtape.signaling import envelope

CAPS_POLL_MS: Final = 20


class ViewerOwner(Protocol):
    """What a Viewer needs from the publishing child."""

    def send(self, message: FromChild) -> None: ...
    def viewer_ended(self, viewer: "Viewer", detail: str) -> None: ...
    def log(self, level: str, message: str, **fields: Any) -> None: ...


class Viewer:
    """Offers at once with media, or, with `offer_on_request`, first without, as the web page does (trap T1)."""

    def __init__(
        self, owner: ViewerOwner, pipeline: Any, source: Source, config: PublishConfig, peer: str, session: str
    ) -> None:
        self.peer, self.session = peer, session
        self._owner, self._pipeline, self._source, self._config = owner, pipeline, source, config
        self._attached: dict[TrackKind, tuple[Any, list[Any]]] = {}
        self._offering = self._closed = self._connected = False
        self._offers = 0
        self._webrtc = Peer(self, config.ice, config.connect_deadline_ms)
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
            if kind in self._attached:
                continue
            payloader, caps = branch(kind, self._config)
            queue = "queue leaky=downstream max-size-buffers=200 max-size-bytes=0 max-size-time=0"
            # The valve keeps media from piling up, and then leaving in a burst, before there is a connection.
            valve = f"valve drop-mode=forward-sticky-events drop={str(not self._connected).lower()}"
            elements = chain(self._pipeline, (queue, valve, payloader, f'capsfilter caps="{caps}"'))
            pad = self._webrtc.element.request_pad_simple("sink_%u")
            elements[-1].get_static_pad("src").link(pad)
            transceiver = pad.get_property("transceiver")
            transceiver.set_property("direction", GstWebRTC.WebRTCRTPTransceiverDirection.SENDONLY)
            transceiver.set_property("codec-preferences", Gst.Caps.from_string(caps))
            # For sound GStreamer would offer retransmission in an SSRC group, and Chromium refuses such an offer.
            transceiver.set_property("do-nack", kind is TrackKind.VIDEO)
            start(elements)
            tee_pad = self._source.tees[kind].request_pad_simple("src_%u")
            tee_pad.link(elements[0].get_static_pad("sink"))
            self._attached[kind] = (tee_pad, elements)

    @property
    def has_media(self) -> bool:
        return bool(self._attached)

    # --- offers and answers ---------------------------------------------------------------------------------------

    def _offer(self) -> None:
        """An offer names the SSRC of each track, which is known once the payloader has run (RFC 5576)."""
        if self._closed or self._offering:
            return
        if all(pad.get_current_caps() for pad in self._webrtc.element.sinkpads):
            self._offering = True
            self._webrtc.make_offer(self._send_offer)
        else:
            after_ms(CAPS_POLL_MS, self._offer)

    def _send_offer(self, offer: Description) -> None:
        self._offers += 1
        fields = {"UUID": self.peer, "streamID": self._config.stream_id}
        if not self._channel_send({**fields, **envelope.write_description(offer, self._config.phrase)}):
            self._owner.send(LocalDescription(negotiation=self._offers, description=offer, peer=self.peer))

    def accept_answer(self, answer: Description) -> None:
        self._offering = False
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
        self._channel.send({"info": {"label": self._config.label or False, "muted": False}})

    def _on_object(self, obj: Mapping[str, Any]) -> None:
        if "ping" in obj:
            self._channel.send({"pong": obj["ping"]})
        try:
            if envelope.has_description(obj):
                self.accept_answer(envelope.read_description(obj, self._config.phrase))
            if envelope.has_candidates(obj):
                self.add_candidates(envelope.read_candidates(obj, self._config.phrase))
        except WireError as error:
            self._owner.log("warning", "data channel message dropped", reason=error.detail)
        wanted = frozenset(kind for kind in TrackKind if obj.get(kind.value) is True)
        if wanted:
            self._attach(wanted)
        if obj.get("bye"):
            self._end("the viewer left")

    # --- the connection -------------------------------------------------------------------------------------------

    def on_state(self, ice: str, gathering: str, connection: str, signaling: str) -> None:
        self._owner.send(
            PeerState(ice=ice, gathering=gathering, connection=connection, signaling=signaling, peer=self.peer)
        )

    def on_media(self, pad: Any) -> None:
        """A publisher's connection receives nothing."""

    def on_data_channel(self, channel: Any) -> None:
        """Made here, not received; others are of no interest."""

    def on_connected(self) -> None:
        self._connected = True
        for _, (_, valve, payloader, _) in self._attached.values():
            valve.set_property("drop", False)
            request_keyframe(payloader.get_static_pad("src"))

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
        self._webrtc.close()
        for kind, (tee_pad, elements) in self._attached.items():
            tee_pad.add_probe(Gst.PadProbeType.IDLE, _unlinker(self._source.tees[kind], elements[0]))
        for element in [self._webrtc.element, *(e for _, elements in self._attached.values() for e in elements)]:
            element.set_locked_state(True)
            element.set_state(Gst.State.NULL)
            self._pipeline.remove(element)


def _unlinker(tee: Any, queue: Any) -> Callable[[Any, Any], Any]:
    """A probe that takes a branch off the tee at a moment when nothing passes."""

    def idle(tee_pad: Any, _: Any) -> Any:
        tee_pad.unlink(queue.get_static_pad("sink"))
        tee.release_request_pad(tee_pad)
        return Gst.PadProbeReturn.REMOVE

    return idle
