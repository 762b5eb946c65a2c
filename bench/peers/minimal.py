"""The plain GStreamer receiver that others are compared with: `python -m bench.peers.minimal ADDRESS`.

webrtcbin, depayloaders, matroskamux and filesink; no recovery, no time stamps of the sender, no data channel.
"""

import json
import sys
import threading
from pathlib import Path
from typing import Any

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstWebRTC", "1.0")
gi.require_version("GstSdp", "1.0")
from gi.repository import GLib, Gst, GstSdp, GstWebRTC  # noqa: E402

LOCK = threading.Lock()
DEPAYLOADERS = {"VP8/90000": "rtpvp8depay name=video", "H264/90000": "rtph264depay name=video ! h264parse"}


def say(kind: str, **fields: Any) -> None:
    with LOCK:
        sys.stdout.write(json.dumps({"type": kind, **fields}) + "\n")
        sys.stdout.flush()


class Receiver:
    """One peer connection and its file."""

    def __init__(self, address: str, stream: int, sdp: str, out: str) -> None:
        self._stream = stream
        self._early: list[tuple[int, str]] | None = []
        video = next(text for encoding, text in DEPAYLOADERS.items() if encoding in sdp)
        self._pipeline = Gst.parse_launch(
            "webrtcbin name=webrtc bundle-policy=max-bundle latency=200 "
            f"matroskamux name=mux offset-to-zero=true ! filesink name=file sync=false async=false "
            f"location={Path(out) / f's{stream}.mkv'} {video} ! mux.video_0 rtpopusdepay name=audio ! mux.audio_0"
        )
        self._webrtc = self._pipeline.get_by_name("webrtc")
        # Kept: in GStreamer 1.22 dropping the wrapper can free the agent.
        self._agent = self._webrtc.get_property("ice-agent")
        self._agent.set_property("ice-tcp", False)
        self._agent.emit("add-local-ip-address", address)
        self._webrtc.connect("pad-added", self._on_pad)
        self._webrtc.connect("on-ice-candidate", lambda _, m, c: say("ice", id=stream, mline=m, candidate=c))
        bus = self._pipeline.get_bus()
        bus.add_signal_watch()
        bus.connect("message::error", lambda _, m: say("error", id=stream, text=str(m.parse_error())))
        # The pipeline's own end of stream never comes: webrtcbin's sinks do not end.
        sink = self._pipeline.get_by_name("file").get_static_pad("sink")
        sink.add_probe(Gst.PadProbeType.EVENT_DOWNSTREAM, self._on_event)
        self._pipeline.set_state(Gst.State.PLAYING)
        _, message = GstSdp.SDPMessage.new_from_text(sdp)
        offer = GstWebRTC.WebRTCSessionDescription.new(GstWebRTC.WebRTCSDPType.OFFER, message)
        self._webrtc.emit("set-remote-description", offer, Gst.Promise.new_with_change_func(self._remote_set))

    def _remote_set(self, _promise: Any) -> None:
        self._webrtc.emit("create-answer", None, Gst.Promise.new_with_change_func(self._answered))

    def _answered(self, promise: Any) -> None:
        reply = promise.get_reply()  # kept: the description lives in it
        answer = reply.get_value("answer")
        self._webrtc.emit("set-local-description", answer, Gst.Promise.new())
        say("answer", id=self._stream, sdp=answer.sdp.as_text())
        GLib.idle_add(self._take_early)

    def _take_early(self) -> None:
        early, self._early = self._early or [], None
        for mline, text in early:
            self.candidate(mline, text)

    def candidate(self, mline: int, text: str) -> None:
        if self._early is not None:
            self._early.append((mline, text))
        else:
            self._webrtc.emit("add-ice-candidate", mline, text)

    def _on_pad(self, _webrtc: Any, pad: Any) -> None:
        if pad.get_direction() == Gst.PadDirection.SRC:
            media = (pad.get_current_caps() or pad.query_caps(None)).get_structure(0).get_string("media")
            pad.link(self._pipeline.get_by_name(media).get_static_pad("sink"))

    def _on_event(self, _pad: Any, info: Any) -> Any:
        if info.get_event().type == Gst.EventType.EOS:
            GLib.idle_add(self._finish)
        return Gst.PadProbeReturn.OK

    def _finish(self) -> None:
        self._pipeline.set_state(Gst.State.NULL)
        say("stopped", id=self._stream)

    def stop(self) -> None:
        """End of stream from the depayloaders on: the muxer closes the file."""
        for name in ("video", "audio"):
            pad = self._pipeline.get_by_name(name).get_static_pad("sink")
            threading.Thread(target=pad.send_event, args=(Gst.Event.new_eos(),), daemon=True).start()


def main(address: str) -> None:
    """Serve the line protocol until `quit` or the end of stdin."""
    Gst.init(None)
    loop, receivers = GLib.MainLoop(), dict[int, Receiver]()

    def command(message: dict[str, Any]) -> None:
        match message:
            case {"type": "offer", "id": stream, "sdp": sdp, "out": out}:
                receivers[stream] = Receiver(address, stream, sdp, out)
            case {"type": "ice", "id": stream, "mline": mline, "candidate": text}:
                receivers[stream].candidate(mline, text)
            case {"type": "stop"}:
                for receiver in receivers.values():
                    receiver.stop()
            case {"type": "quit"}:
                loop.quit()

    def read() -> None:
        for line in sys.stdin:
            GLib.idle_add(command, json.loads(line))
        GLib.idle_add(loop.quit)

    threading.Thread(target=read, daemon=True).start()
    say("ready")
    loop.run()


if __name__ == "__main__":
    main(sys.argv[1])
