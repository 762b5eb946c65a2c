"""The one sender that every recorder is measured against: `python -m bench.sender FILE CODEC ADDRESS`.

It plays pre-encoded frames over and over (no encoder) into RTP payloaders, and from there into a webrtcbin for each
stream, or as plain RTP to two ports. One process and one Python thread feed all streams. Media begins, at a key frame,
when the connection is up; a request for a key frame moves the loop on to its next one.

    to it    {"type": "add", "id"}  or  {"type": "add", "id", "video", "audio"} (ports)
             {"type": "answer", "id", "sdp"}   {"type": "ice", "id", "mline", "candidate"}
             {"type": "pause"}   {"type": "quit"}
    from it  {"type": "ready"}   {"type": "offer", "id", "sdp"}   {"type": "ice", ...}   {"type": "connected", "id"}
             {"type": "paused", "sent": {id: [pictures, packets of sound]}}
"""

import json
import sys
import threading
import time
from typing import Any

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstWebRTC", "1.0")
gi.require_version("GstSdp", "1.0")
gi.require_version("GstRtp", "1.0")
from gi.repository import GLib, Gst, GstRtp, GstSdp, GstWebRTC  # noqa: E402,F401 - GstRtp gives payloaders their methods

from bench.peers.minimal import say  # noqa: E402

TWCC = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
FEEDBACK = ",".join(f"rtcp-fb-{kind}=(boolean)true" for kind in ("nack", "nack-pli", "ccm-fir", "transport-cc"))
PICTURES_PER_S, SOUNDS_PER_S = 30, 50
LOOP_SOUNDS = 500
PAYLOADERS = {"vp8": "rtpvp8pay picture-id-mode=2", "h264": "rtph264pay aggregate-mode=zero-latency"}
ENDLESS = "queue max-size-buffers=0 max-size-bytes=0 max-size-time=0"


class Loop:
    """The frames of a file. `pictures` are pairs of data and whether it is a key frame."""

    def __init__(self, path: str, codec: str) -> None:
        parser = "h264parse ! video/x-h264,stream-format=byte-stream,alignment=au !" if codec == "h264" else ""
        pipeline = Gst.parse_launch(
            f"filesrc location={path} ! matroskademux name=demux "
            f"demux.video_0 ! {ENDLESS} ! {parser} appsink name=video sync=false max-buffers=0 "
            f"demux.audio_0 ! {ENDLESS} ! appsink name=audio sync=false max-buffers=0"
        )
        pipeline.set_state(Gst.State.PLAYING)
        self.codec, self.caps = codec, "video/x-vp8"
        self.pictures = self._pull(pipeline, "video")
        self.sounds = [data for data, _ in self._pull(pipeline, "audio")][:LOOP_SOUNDS]
        pipeline.set_state(Gst.State.NULL)

    def _pull(self, pipeline: Any, name: str) -> list[tuple[bytes, bool]]:
        frames: list[tuple[bytes, bool]] = []
        while sample := pipeline.get_by_name(name).emit("try-pull-sample", 5 * Gst.SECOND):
            buffer = sample.get_buffer()
            if self.codec == "h264" and name == "video":
                caps = sample.get_caps().get_structure(0)
                words = ",".join(f"{key}=(string){caps.get_string(key)}" for key in ("profile", "level"))
                self.caps = f"video/x-h264,stream-format=byte-stream,alignment=au,{words}"
            key = not buffer.has_flags(Gst.BufferFlags.DELTA_UNIT)
            frames.append((buffer.extract_dup(0, buffer.get_size()), key))
        return frames

    def rtp_caps(self, number: int) -> tuple[str, str]:
        """Of picture and sound. The H264 level must be the stream's own, or its data does not fit the offer. SSRCs that
        are not chosen here are missing in an offer made before there is data, and to Janus such a track is unknown."""
        more = ""
        if self.codec == "h264":
            data = self.pictures[0][0]
            at = data.index(b"\0\0\1\x67") + 4
            more = f",packetization-mode=(string)1,profile-level-id=(string){data[at : at + 3].hex()}"
        one, other = (f"ssrc=(uint){0x10000 + 2 * number + track}" for track in range(2))
        video = f"media=video,{one},encoding-name={self.codec.upper()},payload=96,clock-rate=90000{more},{FEEDBACK}"
        audio = f"media=audio,{other},encoding-name=OPUS,payload=97,clock-rate=48000,encoding-params=(string)2"
        return f"application/x-rtp,{video},extmap-3=(string){TWCC}", f"application/x-rtp,{audio}"


class Stream:
    """One stream to one recorder."""

    def __init__(self, loop: Loop, number: int) -> None:
        self._loop, self._number = loop, number
        self.began: float | None = None  # time.monotonic()
        self.sent = [0, 0]
        self._zero = self._at = 0
        self._jump = self._offered = False
        self._early: list[tuple[int, str]] | None = []
        self._pipeline: Any = None
        self._webrtc: Any = None

    def _sources(self) -> tuple[str, str]:
        video = f'appsrc name=video format=time is-live=true caps="{self._loop.caps}" ! '
        audio = 'appsrc name=audio format=time is-live=true caps="audio/x-opus,channel-mapping-family=0,channels=2" ! '
        video += f"{PAYLOADERS[self._loop.codec]} name=payloader pt=96 mtu=1200"
        return video, f"{audio} rtpopuspay pt=97 mtu=1200"

    def send_rtp(self, video_port: int, audio_port: int) -> None:
        """Plain RTP, from now on."""
        video, audio = self._sources()
        sink = "udpsink host=127.0.0.1 sync=false async=false"
        self._pipeline = Gst.parse_launch(f"{video} ! {sink} port={video_port} {audio} ! {sink} port={audio_port}")
        self._play()
        self._begin()

    def offer(self, address: str) -> None:
        """WebRTC: one peer connection, with candidates of this address alone."""
        (video, audio), caps = self._sources(), self._loop.rtp_caps(self._number)
        self._pipeline = Gst.parse_launch(
            "webrtcbin name=webrtc bundle-policy=max-bundle "
            f"{video} ! {caps[0]} ! webrtc. {audio} ! {caps[1]} ! webrtc."
        )
        self._webrtc = self._pipeline.get_by_name("webrtc")
        # Kept: in GStreamer 1.22 dropping the wrapper can free the agent.
        self._agent = self._webrtc.get_property("ice-agent")
        self._agent.set_property("ice-tcp", False)
        self._agent.emit("add-local-ip-address", address)
        for index, preference in enumerate(caps):
            transceiver = self._webrtc.emit("get-transceiver", index)
            transceiver.set_property("direction", GstWebRTC.WebRTCRTPTransceiverDirection.SENDONLY)
            transceiver.set_property("do-nack", True)
            transceiver.set_property("codec-preferences", Gst.Caps.from_string(preference))
        extension = Gst.ElementFactory.make("rtphdrexttwcc")
        extension.set_id(3)
        self._pipeline.get_by_name("payloader").emit("add-extension", extension)
        self._webrtc.connect("on-ice-candidate", lambda _, m, c: say("ice", id=self._number, mline=m, candidate=c))
        self._webrtc.connect("notify::connection-state", self._on_state)
        self._play()
        # With H264 webrtcbin would wait for caps that only data brings; the preferences above are enough.
        self._webrtc.connect("on-negotiation-needed", self._negotiate)
        GLib.timeout_add(20, self._negotiate, self._webrtc)

    def _play(self) -> None:
        pad = self._pipeline.get_by_name("payloader").get_static_pad("sink")
        pad.add_probe(Gst.PadProbeType.EVENT_UPSTREAM, self._on_event)
        self._video, self._audio = self._pipeline.get_by_name("video"), self._pipeline.get_by_name("audio")
        self._pipeline.set_state(Gst.State.PLAYING)

    def _on_event(self, _pad: Any, info: Any) -> Any:
        self._jump = self._jump or info.get_event().has_name("GstForceKeyUnit")
        return Gst.PadProbeReturn.OK

    def _negotiate(self, webrtc: Any) -> None:
        if not self._offered:
            self._offered = True
            webrtc.emit("create-offer", None, Gst.Promise.new_with_change_func(self._on_offer))

    def _on_offer(self, promise: Any) -> None:
        reply = promise.get_reply()  # kept: the description lives in it
        offer = reply.get_value("offer")
        self._webrtc.emit("set-local-description", offer, Gst.Promise.new())
        say("offer", id=self._number, sdp=offer.sdp.as_text())

    def answer(self, sdp: str) -> None:
        _, message = GstSdp.SDPMessage.new_from_text(sdp)
        answer = GstWebRTC.WebRTCSessionDescription.new(GstWebRTC.WebRTCSDPType.ANSWER, message)
        self._webrtc.emit("set-remote-description", answer, Gst.Promise.new_with_change_func(self._answered))

    def _answered(self, _promise: Any) -> None:
        early, self._early = self._early or [], None
        for mline, text in early:
            self.candidate(mline, text)

    def candidate(self, mline: int, text: str) -> None:
        if self._early is not None:
            self._early.append((mline, text))
        else:
            self._webrtc.emit("add-ice-candidate", mline, text)

    def _on_state(self, webrtc: Any, _property: Any) -> None:
        if webrtc.get_property("connection-state").value_nick == "connected" and self.began is None:
            self._begin()

    def _begin(self) -> None:
        clock = self._pipeline.get_clock() or Gst.SystemClock.obtain()
        self._zero = max(0, clock.get_time() - self._pipeline.get_base_time())
        self.began = time.monotonic()
        say("connected", id=self._number)

    def push_due(self, now: float) -> float:
        """Push what is due at `now`; returns when the next is."""
        assert self.began is not None
        elapsed, pictures = now - self.began, self._loop.pictures
        while self.sent[0] / PICTURES_PER_S <= elapsed:
            if self._jump:
                self._jump = False
                ahead = (*range(self._at, len(pictures)), *range(self._at))
                self._at = next(index for index in ahead if pictures[index][1])
            self._push(self._video, pictures[self._at][0], self.sent[0], PICTURES_PER_S)
            self._at = (self._at + 1) % len(pictures)
            self.sent[0] += 1
        while self.sent[1] / SOUNDS_PER_S <= elapsed:
            sound = self._loop.sounds[self.sent[1] % len(self._loop.sounds)]
            self._push(self._audio, sound, self.sent[1], SOUNDS_PER_S)
            self.sent[1] += 1
        return self.began + min(self.sent[0] / PICTURES_PER_S, self.sent[1] / SOUNDS_PER_S)

    def _push(self, source: Any, data: bytes, number: int, per_s: int) -> None:
        buffer = Gst.Buffer.new_wrapped(data)
        buffer.pts = buffer.dts = self._zero + number * Gst.SECOND // per_s
        buffer.duration = Gst.SECOND // per_s
        source.emit("push-buffer", buffer)

    def close(self) -> None:
        self._pipeline.set_state(Gst.State.NULL)


class Sender:
    """All streams, and the thread that feeds them."""

    def __init__(self, loop: Loop, address: str, quit_: Any) -> None:
        self._loop, self._address, self._quit = loop, address, quit_
        self._streams: dict[int, Stream] = {}
        self._paused = threading.Event()
        self._feeder = threading.Thread(target=self._feed, daemon=True)
        self._feeder.start()

    def _feed(self) -> None:
        while not self._paused.is_set():
            live = [stream for stream in list(self._streams.values()) if stream.began is not None]
            due = [stream.push_due(time.monotonic()) for stream in live]
            time.sleep(max(0.0, min([0.02, *(at - time.monotonic() for at in due)])))

    def command(self, message: dict[str, Any]) -> None:
        match message:
            case {"type": "add", "id": number, "video": video, "audio": audio}:
                stream = self._streams[number] = Stream(self._loop, number)
                stream.send_rtp(video, audio)
            case {"type": "add", "id": number}:
                stream = self._streams[number] = Stream(self._loop, number)
                stream.offer(self._address)
            case {"type": "answer", "id": number, "sdp": sdp}:
                self._streams[number].answer(sdp)
            case {"type": "ice", "id": number, "mline": mline, "candidate": text}:
                self._streams[number].candidate(mline, text)
            case {"type": "pause"}:
                self._paused.set()
                self._feeder.join()
                say("paused", sent={number: stream.sent for number, stream in self._streams.items()})
            case {"type": "quit"}:
                for stream in self._streams.values():
                    stream.close()
                self._quit()


def main(path: str, codec: str, address: str) -> None:
    """Send until `quit` or the end of stdin."""
    Gst.init(None)
    main_loop = GLib.MainLoop()
    sender = Sender(Loop(path, codec), address, main_loop.quit)

    def read() -> None:
        for line in sys.stdin:
            GLib.idle_add(sender.command, json.loads(line))
        GLib.idle_add(main_loop.quit)

    threading.Thread(target=read, daemon=True).start()
    say("ready")
    main_loop.run()


if __name__ == "__main__":
    main(*sys.argv[1:4])
