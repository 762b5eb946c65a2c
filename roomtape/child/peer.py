"""One webrtcbin, strict: descriptions in turn, candidates in order, states reported, the certificate checked.

Steps on a connection are serialised (protocol.md 6): an offer that comes while one is worked on waits.
"""

import time
from collections import deque
from collections.abc import Callable
from typing import Any, Final, Protocol

from roomtape.child.addresses import LOOPBACK, is_alone
from roomtape.child.batches import Batches
from roomtape.child.candidates import LocalCandidates, RemoteCandidates
from roomtape.child.datachannel import AnnouncedChannel
from roomtape.child.diagnosis import Evidence, diagnose
from roomtape.child.dtls import CertificateCheck
from roomtape.child.economy import report_seldom
from roomtape.child.gst import Gst, GstWebRTC, after_ms, guarded, make, post, promise, session_description
from roomtape.child.jitter import JitterBuffers
from roomtape.child.receiving import ReceptionMeter
from roomtape.child.sdp import Traits, traits
from roomtape.child.sockets import make_room
from roomtape.errors import BadDescription, PeerError, RecorderError
from roomtape.ice.servers import turn_uri
from roomtape.model import Candidate, Description, IcePolicy, IceServers, SdpType

MAX_OFFERS_WAITING: Final = 8
RTCP_INTERVAL_NS: Final = 300_000_000
"""Requests leave early only once per interval (RFC 4585 section 3.5); by default it is up to 5 s long."""
RTCP_BANDWIDTH: Final = 2_000_000.0
"""Bit/s of a session, a twentieth of it for RTCP (RFC 3550 section 6.2). Until it has seen more, GStreamer assumes
64,000: in the first seconds the interval was 1.1 s, and requests for lost packets waited so long."""
LIP_SYNC_STEP_NS: Final = 500_000
"""How far a sender report may shift a track per packet: small, so that time never runs back from frame to frame."""
SETTLE_MS: Final = 8_000
"""Browsers send the first sender reports within 5 s."""
GATHERED_GRACE_MS: Final = 500
"""For the last candidates to arrive from their thread after gathering is complete."""
STATES: Final = ("ice-connection-state", "ice-gathering-state", "connection-state", "signaling-state")
Answer = Callable[[Description], None]


class PeerListener(Protocol):
    """What a Peer tells, always on the main loop's thread."""

    def on_state(self, ice: str, gathering: str, connection: str, signaling: str) -> None: ...
    def on_local_candidates(self, candidates: tuple[Candidate, ...]) -> None: ...
    def on_media(self, pad: Any) -> None: ...
    def on_data_channel(self, channel: Any) -> None: ...
    def on_connected(self) -> None: ...
    def on_offer_dropped(self, error: RecorderError) -> None: ...
    def on_failed(self, error: RecorderError) -> None: ...


class Peer:
    """A W3C RTCPeerConnection's worth of webrtcbin. Add `element` to a pipeline before the first description."""

    def __init__(
        self,
        listener: PeerListener,
        ice: IceServers,
        connect_deadline_ms: int,
        jitter_ms: int = 200,
        meter: ReceptionMeter | None = None,
    ) -> None:
        self._listener = listener
        self._meter = meter or ReceptionMeter()
        self._jitter_buffers = JitterBuffers(jitter_ms)
        self._ice = ice
        self._deadline_ms = connect_deadline_ms
        self._offers: deque[tuple[str, Answer]] = deque()
        self._offered: tuple[Traits, ...] = ()
        self._busy = self._failed = self._connected = self._live = False
        self._started = time.monotonic()
        self._cancel_deadline: Callable[[], None] = lambda: None
        self._cancel_settling: Callable[[], None] = lambda: None
        self.local = LocalCandidates(listener.on_local_candidates)
        self.remote = RemoteCandidates(self._apply_candidate)
        self._check = CertificateCheck(lambda error: post(self._fail, error), lambda: post(self._check_connected))
        self.element = make(f"webrtcbin bundle-policy=max-bundle latency={jitter_ms}")
        # Kept: in 1.22 dropping the last Python reference can free the agent.
        self._agent = self.element.get_property("ice-agent")
        self._batches = Batches()
        self._configure_rtp()
        self._configure_ice()
        self._connect_signals()

    def drain(self, then: Callable[[], None]) -> None:
        """Media ends, what waits for lost packets included. `then` is called when all of it is on its way."""

        def let_out() -> None:
            self._jitter_buffers.drain()
            then()

        self._batches.end(let_out)

    def let_wait(self, yes: bool) -> None:
        """Whether packets may wait for each other: not while their order decides what becomes of them."""
        self._batches.let_wait(yes)

    def media_joined(self) -> None:
        """A file has been opened.

        A jitter buffer times media that begins by its arrival. With the next sender reports a track takes its right
        place in time at once; later they shift it little by little, so that time stamps do not jump. Who looks on is
        spared the jump.
        """
        if not self._live:
            self._ease_lip_sync(0)
            self._cancel_settling()
            self._cancel_settling = after_ms(SETTLE_MS, self.media_paused)

    def media_paused(self) -> None:
        """What comes next of a track may be timed by its arrival, a little late. In the middle of a file sender reports
        put that right little by little: at once, time would run back."""
        self._cancel_settling()
        self._ease_lip_sync(LIP_SYNC_STEP_NS)

    def jitter_buffer(self, ssrc: int) -> Any:
        """What times the media of an SSRC that `on_media` told of."""
        return self._jitter_buffers[ssrc]

    def play_live(self) -> None:
        """Somebody looks on: sender reports shift the tracks little by little from the start."""
        self._live = True
        self._ease_lip_sync(LIP_SYNC_STEP_NS)

    def _ease_lip_sync(self, step_ns: int) -> None:
        """The most that time stamps may shift per packet; 0 is no limit."""
        self.element.get_by_name("rtpbin").set_property("max-ts-offset-adjustment", step_ns)

    def _configure_rtp(self) -> None:
        """Time stamps follow the guest's RTP clock from the first packet on.

        The default follows arrival times: when the first key frame is slow to arrive, the second after it is squeezed
        and out of step with the sound. ("none" would be the same with an origin of 0, and take packets for lost.)
        """
        rtpbin = self.element.get_by_name("rtpbin")
        Gst.util_set_object_arg(rtpbin, "buffer-mode", "synced")
        made = guarded(self._jitter_buffer_made, self._fail_later)
        rtpbin.connect("new-jitterbuffer", lambda _bin, buffer, _session, ssrc: made(buffer, ssrc))

    def _jitter_buffer_made(self, buffer: Any, ssrc: int) -> None:
        self._jitter_buffers.made(buffer, ssrc, may_ask=any(offered.nack for offered in self._offered))
        self._meter.watch_jitter_buffer(buffer, ssrc)

    def _configure_ice(self) -> None:
        # Asking routers for port mappings is not for a recorder to do.
        self._agent.get_property("agent").set_property("upnp", False)
        if is_alone():  # of its own accord libnice never takes the loopback address
            self._agent.emit("add-local-ip-address", LOOPBACK)
        if self._ice.stun:
            self.element.set_property("stun-server", f"stun://{self._ice.stun[0]}")
        for server in self._ice.turn:
            self.element.emit("add-turn-server", turn_uri(server))
        if self._ice.policy is IcePolicy.RELAY:
            self.element.set_property("ice-transport-policy", GstWebRTC.WebRTCICETransportPolicy.RELAY)

    def _connect_signals(self) -> None:
        connect = self.element.connect
        for name in STATES:
            connect(f"notify::{name}", lambda *_: post(self._state_changed))
        connect("on-ice-candidate", self._on_candidate)
        connect("pad-added", guarded(self._on_pad, self._fail_later))
        connect("on-data-channel", lambda _, channel: post(self._on_data_channel, AnnouncedChannel(channel)))
        connect("on-new-transceiver", guarded(self._on_transceiver, self._fail_later))
        connect("deep-element-added", guarded(self._on_element, self._fail_later))

    # --- descriptions ---------------------------------------------------------------------------------------------

    def accept_offer(self, sdp: str, answer: Answer) -> None:
        """Viewer: answer an offer, after those that wait."""
        if len(self._offers) >= MAX_OFFERS_WAITING:
            error = BadDescription(f"more than {MAX_OFFERS_WAITING} offers at once")
            (self._listener.on_offer_dropped if self._connected else self._fail)(error)
            return
        self._offers.append((sdp, answer))
        self._next_offer()

    def _next_offer(self) -> None:
        if self._busy or self._failed or not self._offers:
            return
        self._busy = True
        sdp, answer = self._offers.popleft()
        self._set_remote(SdpType.OFFER, sdp, lambda: self._create("answer", answer))

    def make_offer(self, send: Answer) -> None:
        """Publisher: create an offer and send it."""
        self._create("offer", send)

    def accept_answer(self, sdp: str) -> None:
        """Publisher. An answer that was not waited for is ignored (protocol.md 6)."""
        if self.element.get_property("signaling-state") == GstWebRTC.WebRTCSignalingState.HAVE_LOCAL_OFFER:
            self._set_remote(SdpType.ANSWER, sdp, self._start_deadline)

    def _set_remote(self, kind: SdpType, sdp: str, then: Callable[[], None]) -> None:
        report = self._refuse if kind is SdpType.OFFER else self._fail
        try:
            self._check.expect(sdp)
            self._offered = traits(sdp) if kind is SdpType.OFFER else ()
            description = session_description(kind, sdp)
        except RecorderError as error:
            report(error)
            return

        def done(_: Any) -> None:
            self.remote.seen_in(sdp)
            self.remote.open()
            then()

        promise(self.element, "set-remote-description", description, then=done, report=report)

    def _refuse(self, error: RecorderError) -> None:
        """An offer cannot be accepted. A connection by which media comes is not given up for it."""
        if not self._connected:
            self._fail(error)
            return
        self._listener.on_offer_dropped(error)
        self._busy = False
        self._next_offer()

    def _create(self, kind: str, send: Answer) -> None:
        report = self._refuse if kind == "answer" else self._fail

        def created(reply: Any) -> None:
            description = reply.get_value(kind) if reply is not None else None
            if description is None:
                report(BadDescription(f"webrtcbin made no {kind}"))
                return
            text = description.sdp.as_text()

            def done(_: Any) -> None:
                send(Description(SdpType(kind), text))
                if kind == "answer":
                    self._start_deadline()
                    self._busy = False
                    self._next_offer()

            promise(self.element, "set-local-description", description, then=done, report=report)

        promise(self.element, f"create-{kind}", None, then=created, report=report)

    # --- candidates -----------------------------------------------------------------------------------------------

    def _on_candidate(self, _: Any, mline: int, text: str) -> None:
        post(self.local.add, Candidate(text, str(mline), mline))

    def _apply_candidate(self, candidate: Candidate) -> None:
        """Everything is in one bundle, so m-line 0 serves all (protocol.md 7)."""
        self.element.emit("add-ice-candidate", 0, candidate.candidate)

    # --- what webrtcbin tells -------------------------------------------------------------------------------------

    def _on_transceiver(self, _: Any, transceiver: Any) -> None:
        """What webrtcbin offers and answers about a track beyond its codec."""
        index = transceiver.get_property("mlineindex")
        offered = self._offered[index] if 0 <= index < len(self._offered) else None
        transceiver.set_property("do-nack", offered is None or offered.nack)
        if offered is not None and offered.extensions:
            # Left to itself webrtcbin answers no header extension, and without transport-wide congestion control a
            # browser never dares to send more than some hundred kbit/s.
            fields = ",".join(f'extmap-{number}=(string)"{uri}"' for number, uri in offered.extensions)
            transceiver.set_property("codec-preferences", Gst.Caps.from_string(f"application/x-rtp,{fields}"))

    def _on_element(self, _bin: Any, _sub: Any, element: Any) -> None:
        factory = element.get_factory()
        name = factory.get_name() if factory else ""
        if name == "dtlsdec":
            self._check.watch(element)
        elif name == "queue":
            self._batches.watch(element)
        elif name == "rtpsession":
            session = element.get_property("internal-session")
            session.set_property("rtcp-min-interval", RTCP_INTERVAL_NS)
            session.set_property("bandwidth", RTCP_BANDWIDTH)
            report_seldom(session)
            self._meter.watch_session(element)

    def _on_pad(self, _: Any, pad: Any) -> None:
        """Media waits at the pad until the listener has linked it: an unlinked pad would end all reception."""
        if pad.get_direction() == Gst.PadDirection.SRC:
            self._jitter_buffers.wait_for(pad, live=self._live)
            hold = pad.add_probe(Gst.PadProbeType.BLOCK_DOWNSTREAM, lambda *_: Gst.PadProbeReturn.OK)
            post(self._if_alive, self._on_media, pad, hold)

    def _on_media(self, pad: Any, hold: int) -> None:
        self._listener.on_media(pad)
        pad.remove_probe(hold)

    def _on_data_channel(self, channel: Any) -> None:
        self._if_alive(self._listener.on_data_channel, channel)

    def _if_alive(self, function: Callable[..., None], *args: Any) -> None:
        if not self._failed and self._check.verified:
            function(*args)

    def _state(self, name: str) -> str:
        return str(self.element.get_property(name).value_nick)

    def _state_changed(self) -> None:
        if self._failed:
            return
        ice, gathering, connection, signaling = (self._state(name) for name in STATES)
        self._listener.on_state(ice, gathering, connection, signaling)
        if gathering == "complete":
            self.local.flush()
            after_ms(GATHERED_GRACE_MS, self._check_gathered)
        if connection == "failed" or ice == "failed":
            self._give_up()
        self._check_connected()

    def _check_gathered(self) -> None:
        """Without an address to offer nothing will ever come; webrtcbin would stay silent until the deadline."""
        needed = {"relay"} if self._ice.policy is IcePolicy.RELAY else self.local.types
        if not self._failed and not self._connected and not needed & self.local.types:
            self._give_up()

    def _check_connected(self) -> None:
        if not self._connected and not self._failed and self._check.verified:
            if self._state("connection-state") != "connected":
                return
            self._connected = True
            self._cancel_deadline()
            make_room()
            self._listener.on_connected()

    # --- deadlines and failure ------------------------------------------------------------------------------------

    def _start_deadline(self) -> None:
        if not self._connected:
            self._cancel_deadline()
            self._cancel_deadline = after_ms(self._deadline_ms, self._give_up)

    def _give_up(self) -> None:
        self._fail(self.diagnosis())

    def diagnosis(self) -> PeerError:
        """Why there is no connection, from what was seen."""
        return diagnose(
            Evidence(
                policy=self._ice.policy,
                turn_servers=len(self._ice.turn),
                local=frozenset(self.local.types),
                remote=frozenset(self.remote.types),
                ice=self._state("ice-connection-state"),
                connection=self._state("connection-state"),
                was_connected=self._connected,
                waited_s=time.monotonic() - self._started,
            )
        )

    def _fail_later(self, error: RecorderError) -> None:
        post(self._fail, error)

    def _fail(self, error: RecorderError) -> None:
        if not self._failed:
            self._failed = True
            self._cancel_deadline()
            self._listener.on_failed(error)

    def close(self) -> None:
        """No more callbacks; the pipeline's state change ends the element itself."""
        self._failed = True
        self._cancel_deadline()
        self._cancel_settling()
        self.local.flush()
