"""The recording child's work: one guest's peer connection, data channel and tapes, tied together.

What becomes of the media is the business of the `Destination`: a Deck of tapes writes files, a viewing child has one
of its own.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from roomtape.child.answer import complete
from roomtape.child.bus import BusTeller, is_of_data_channel
from roomtape.child.codecs import RECIPES, codec_of
from roomtape.child.datachannel import LABEL, DataChannel, allowance
from roomtape.child.destination import Destination
from roomtape.child.gst import Gst, after_ms, guarded, make, post
from roomtape.child.guest import media_request, read_guest_info, screen_sections
from roomtape.child.peer import Peer
from roomtape.child.receiving import ReceptionMeter
from roomtape.child.rounds import Rounds
from roomtape.child.sdp import select
from roomtape.child.tape import TapeListener
from roomtape.errors import (
    BadDescription,
    ConnectionLost,
    MediaError,
    NoCommonCodec,
    PeerSaidBye,
    RecorderError,
    WireError,
)
from roomtape.ipc.messages import (
    ChannelNegotiated,
    Failed,
    Finished,
    FromChild,
    LocalCandidates,
    LocalDescription,
    Log,
    NoMedia,
    PeerState,
    RecordConfig,
    RemoteCandidates,
    RemoteDescription,
    RequestKeyframe,
    SegmentClosed,
    SegmentOpened,
    Stop,
    ToChild,
    TrackStarted,
    Unwritten,
    ViewConfig,
)
from roomtape.model import Candidate, Description, TrackKind
from roomtape.signaling import envelope

BYE_FLUSH_MS: Final = 50
"""Time for a bye to leave before the connection is closed (protocol.md 14.11)."""
DRAIN_MS: Final = 150
"""For media that waits in jitter buffers behind lost packets to go to the files."""
FINISH_DEADLINE_MS: Final = 1_500
"""For end of stream to pass through the muxer; after that the file is closed as it is."""

Send = Callable[[FromChild], None]
MakeDestination = Callable[[Any, TapeListener], Destination]
"""Gets the pipeline and who is to be told."""


class Recording:
    """Listener of its Peer and its Destination. `quit` is called once everything is final."""

    def __init__(
        self,
        config: RecordConfig | ViewConfig,
        send: Send,
        quit_: Callable[[], None],
        destination: MakeDestination,
    ) -> None:
        self._config, self._send, self._quit = config, send, quit_
        self._wanted = frozenset(
            kind for kind, yes in ((TrackKind.AUDIO, config.audio), (TrackKind.VIDEO, config.video)) if yes
        )
        self._channel: DataChannel | None = None
        self._allowance, self._frames_dropped = allowance(), 0
        self._channel_session = ""
        self._negotiation = self._channel_offers = 0
        self._stopping = self._failed = False
        self._media_asked = 0
        self._cancel_media: Callable[[], None] = lambda: None
        self._meter = ReceptionMeter()
        self._pipeline = Gst.Pipeline()
        self._peer = Peer(self, config.ice, config.connect_deadline_ms, config.jitter_ms, self._meter)
        self._pipeline.add(self._peer.element)
        self._tapes = destination(self._pipeline, self)
        if self._tapes.live:
            self._peer.play_live()
        self._rounds = Rounds(self._meter, self._tapes, send, self._peer.media_paused, self._ping, self._peer.let_wait)
        bus = self._pipeline.get_bus()
        BusTeller(bus, send, self._fail)
        bus.connect("message::error", guarded(self._bus_error, self._fail))
        self._pipeline.set_state(Gst.State.PLAYING)
        self._rounds.begin(self._fail)

    # --- from the parent ------------------------------------------------------------------------------------------

    def handle(self, message: ToChild) -> None:
        match message:
            case RemoteDescription(negotiation=number, description=description):
                self._negotiation = number
                self._accept(
                    description.sdp,
                    lambda answer: self._send(LocalDescription(negotiation=number, description=answer)),
                )
            case RemoteCandidates(candidates=candidates):
                self._peer.remote.add(candidates)
            case RequestKeyframe():
                for track in self._tapes.tracks:
                    track.ask_keyframe()
            case Stop():
                self.stop()
            case _:
                self._log("warning", "message has no meaning for a recording", kind=type(message).__name__)

    def stop(self) -> None:
        """Say bye, finish the files, end."""
        if self._stopping:
            return
        self._stopping = True
        self._rounds.end()
        self._cancel_media()
        if self._channel is not None:
            self._channel.send({"bye": True})
        self._peer.drain(self._finish)

    def _finish(self) -> None:
        after_ms(DRAIN_MS + FINISH_DEADLINE_MS, self._tapes.abandon)
        after_ms(DRAIN_MS if self._tapes.tracks else 0, self._tapes.finish)

    def on_tape_finished(self, files: tuple[str, ...]) -> None:
        def end() -> None:
            self._peer.close()
            self._pipeline.set_state(Gst.State.NULL)
            self._tell_dropped()
            self._send(Finished(files=files))
            self._quit()

        after_ms(BYE_FLUSH_MS if self._channel is not None else 0, end)

    # --- offers ---------------------------------------------------------------------------------------------------

    def _accept(self, sdp: str, answer: Callable[[Description], None], screen: Sequence[int] = ()) -> None:
        try:
            selection = select(sdp, self._config.codecs, self._wanted)
        except BadDescription as error:
            if not self._tapes.tracks:
                raise
            self.on_offer_dropped(error)  # what is being recorded is not given up for it
            return
        if selection.refused:
            self._log("warning", "offered codecs cannot be recorded", offered="; ".join(selection.refused))
        if selection.refused and not selection.tracks and not self._tapes.tracks:
            self._fail(NoCommonCodec(f"no codec that can be recorded: offered {'; '.join(selection.refused)}"))
            return
        self._tapes.offered(selection.media, screen)
        self._log("debug", "offer", tracks=",".join(selection.tracks), sdp=sdp)

        def send(description: Description) -> None:
            text = complete(description.sdp, sdp, selection, self._config.max_bitrate_kbps)
            answer(Description(description.type, text))

        self._peer.accept_offer(selection.sdp, send)

    def on_local_candidates(self, candidates: tuple[Candidate, ...]) -> None:
        """By the data channel when it is open, as the web page does; else through the main process."""
        fields = envelope.write_candidates(candidates, self._config.phrase)
        if not self._channel_send({**fields, "type": "remote"}):
            self._send(LocalCandidates(negotiation=self._negotiation, candidates=candidates))

    def _channel_send(self, obj: dict[str, Any]) -> bool:
        session = {"session": self._channel_session} if self._channel_session else {}
        return self._channel is not None and self._channel.send({**obj, **session})

    # --- the data channel -----------------------------------------------------------------------------------------

    def on_data_channel(self, channel: Any) -> None:
        label = channel.get_property("label")
        if label == LABEL and (self._channel is None or not self._channel.is_open):
            self._frames_dropped += self._channel.dropped if self._channel is not None else 0
            self._channel = DataChannel(
                channel,
                guarded(self._on_object, self._fail),
                self._on_channel_open,
                self._on_channel_close,
                self._allowance,
            )
        self._log("debug", "data channel", label=str(label)[:40])

    def _on_channel_open(self) -> None:
        self._ask_media()

    def _ask_media(self) -> None:
        if self._channel is None or self._stopping or self._tapes.tracks:
            return
        self._media_asked += 1
        config = self._config
        self._channel.send(
            media_request(
                audio=config.audio,
                video=config.video,
                screen=not self._tapes.live,
                label=config.label,
                max_bitrate_kbps=config.max_bitrate_kbps,
            )
        )
        self._cancel_media()
        self._cancel_media = after_ms(config.media_deadline_ms * self._media_asked, self._no_media_yet)

    def _no_media_yet(self) -> None:
        if self._media_asked < 2:
            self._ask_media()
        elif not self._tapes.tracks:
            self._tell_no_media()

    def _tell_no_media(self) -> None:
        self._send(
            NoMedia(detail="connected, but the guest sends neither picture nor sound (a held guest, or a director?)")
        )

    def _on_channel_close(self) -> None:
        self._log("debug", "data channel closed")

    def _on_object(self, obj: Mapping[str, Any]) -> None:
        """One object may carry several commands: each is looked at (protocol.md 8, trap T8)."""
        self._rounds.heard()
        if "ping" in obj:
            self._channel_send({"pong": obj["ping"]})
        try:
            if envelope.has_description(obj):
                self._on_channel_offer(obj)
            if envelope.has_candidates(obj):
                self._peer.remote.add(envelope.read_candidates(obj, self._config.phrase))
        except WireError as error:
            self._log("warning", "data channel message dropped", reason=error.detail)
        if isinstance(stopped := obj.get("screenStopped"), bool):
            self._tapes.screen_stopped(stopped)
        info = read_guest_info(obj)
        if info is not None:
            self._send(info)
        if obj.get("bye"):
            self._fail(PeerSaidBye("the guest left"))

    def _on_channel_offer(self, obj: Mapping[str, Any]) -> None:
        description = envelope.read_description(obj, self._config.phrase)
        session = obj.get("session")
        self._channel_session = session if isinstance(session, str) else ""
        self._accept(description.sdp, self._answer_on_channel, screen_sections(obj))

    def _answer_on_channel(self, answer: Description) -> None:
        if self._channel_send(envelope.write_description(answer, self._config.phrase)):
            self._channel_offers += 1
            self._send(ChannelNegotiated(offers=self._channel_offers))
        else:
            self._send(LocalDescription(negotiation=self._negotiation, description=answer))

    def _ping(self) -> None:
        self._channel_send({"ping": int(time.monotonic())})

    # --- media ----------------------------------------------------------------------------------------------------

    def on_media(self, pad: Any) -> None:
        structure = (pad.get_current_caps() or pad.query_caps(None)).get_structure(0)
        codec = codec_of(structure.get_string("encoding-name") or "")
        wanted = codec is not None and RECIPES[codec].kind in self._wanted and not self._stopping
        ssrc = structure.get_uint("ssrc")[1]
        index = pad.get_property("transceiver").get_property("mlineindex")
        track = self._tapes.add(pad, codec, ssrc, index) if codec is not None and wanted else None
        if track is None:
            level = "debug" if codec is not None and not wanted else "warning"
            self._log(level, "media is not recorded", codec=structure.get_string("encoding-name"))
            self._discard(pad)
            return
        self._peer.let_wait(False)
        track.clock.follow(self._peer.jitter_buffer(ssrc))
        self._meter.track(ssrc)
        self._cancel_media()

    def _discard(self, pad: Any) -> None:
        """An unlinked pad would end reception with an error."""
        sink = make("fakesink sync=false async=false")
        self._pipeline.add(sink)
        sink.sync_state_with_parent()
        pad.link(sink.get_static_pad("sink"))

    def on_track_started(self, message: TrackStarted) -> None:
        self._send(message)

    def on_segment_opened(self, message: SegmentOpened) -> None:
        self._peer.media_joined()
        self._send(message)

    def on_unwritten(self, detail: str) -> None:
        self._send(Unwritten(detail=detail))

    def on_track_returned(self, kind: TrackKind) -> None:
        self._log("info", "track comes back into the file", track=str(kind))

    def on_segment_closed(self, message: SegmentClosed) -> None:
        self._send(message)

    def on_note(self, level: str, message: str, **fields: Any) -> None:
        self._log(level, message, **fields)

    def on_tape_failed(self, error: RecorderError) -> None:
        self._fail(error)

    # --- the connection -------------------------------------------------------------------------------------------

    def on_state(self, ice: str, gathering: str, connection: str, signaling: str) -> None:
        self._send(PeerState(ice=ice, gathering=gathering, connection=connection, signaling=signaling))
        if connection == "closed" and not self._stopping:
            self._fail(ConnectionLost("the guest closed the connection"))

    def on_connected(self) -> None:
        self._rounds.heard()
        self._cancel_media = after_ms(self._config.media_deadline_ms * 3, self._no_media_after_connecting)

    def _no_media_after_connecting(self) -> None:
        if not self._tapes.tracks and self._channel is None:
            self._tell_no_media()

    def on_offer_dropped(self, error: RecorderError) -> None:
        self._log("warning", "offer dropped", reason=error.detail)

    def on_failed(self, error: RecorderError) -> None:
        self._fail(error)

    def _bus_error(self, _: Any, message: Any) -> None:
        if self._tapes.bus_error(message):
            return
        if is_of_data_channel(message, self._peer.element):
            self._log("warning", "the data channel has failed; media goes on")
            return
        error, _debug = message.parse_error()
        if message.src.has_as_ancestor(self._peer.element) and self._tapes.tracks:
            self._fail(ConnectionLost("the guest closed the connection"))
        else:
            self._fail(MediaError(f"{message.src.get_name()}: {error.message}"))

    def _fail(self, error: RecorderError) -> None:
        """Tell the parent, and finish what there is; the parent decides what comes next."""
        if self._stopping or self._failed:
            return
        self._failed = True
        self._send(Failed(code=error.code, scope=error.scope, retryable=error.retryable, detail=error.detail))
        post(self.stop)

    def _tell_dropped(self) -> None:
        """What was too much, or no message, is counted and said once."""
        channel = self._frames_dropped + (self._channel.dropped if self._channel is not None else 0)
        if channel or self._peer.remote.dropped:
            candidates = self._peer.remote.dropped
            self._log("warning", "some of what the guest sent was dropped", channel=channel, candidates=candidates)

    def _log(self, level: str, message: str, **fields: Any) -> None:
        self._send(Log(level=level, message=message, fields=fields))
