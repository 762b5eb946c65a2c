"""Janus: its video room records packets as they come (mjr), and janus-pp-rec makes files that play of them."""

import json
import secrets
import shutil
import subprocess
import threading
import time
import urllib.request
from pathlib import Path
from typing import Any, Final

from bench.peers.base import Peer
from bench.peers.ports import free_port

LIBRARIES: Final = Path("/usr/lib")
START_S: Final = 20.0
RECORDED_S: Final = 0.3
"""It does not say when a recording is closed."""
ASKED_EVERY_S: Final = 0.25
MOST_ASKED: Final = 20
EMPTY_DUMP: Final = 512
"""Bytes; less is a head without a picture."""
MEDIA: Final = {"vp8": "webm", "h264": "mp4"}


class Janus(Peer):
    """One server for all streams, told over its HTTP interface."""

    keeps_up = True
    pattern = "s{}-*.mjr"

    def start(self) -> None:
        self._port = free_port()
        self._handles: dict[int, int] = {}
        program = shutil.which("janus") or "/usr/bin/janus"
        self.programs["server"] = self.host.spawn("janus", [program, *self._configure()], quiet=True)
        end = time.monotonic() + START_S
        while True:
            try:
                self._session = self._call({"janus": "create"})["data"]["id"]
                break
            except OSError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.05)
        threading.Thread(target=self._poll, daemon=True).start()

    def _configure(self) -> list[str]:
        """Only the video room and HTTP on a port of its own."""
        installed = next(path for path in (*LIBRARIES.glob("*/janus"), LIBRARIES / "janus") if path.is_dir())
        for name in ("plugins/libjanus_videoroom.so", "transports/libjanus_http.so"):
            link = self.folder / name
            link.parent.mkdir()
            link.symlink_to((installed / name).resolve())
        folders = f'plugins_folder = "{self.folder}/plugins"\n transports_folder = "{self.folder}/transports"'
        (self.folder / "janus.jcfg").write_text(
            f'general: {{\n configs_folder = "{self.folder}"\n {folders}\n debug_level = 3\n}}\n'
            "media: { ipv6 = false }\n"
        )
        (self.folder / "janus.transport.http.jcfg").write_text(
            f'general: {{\n json = "compact"\n base_path = "/janus"\n http = true\n port = {self._port}\n'
            ' ip = "127.0.0.1"\n https = false\n}\nadmin: { admin_http = false }\n'
        )
        (self.folder / "janus.plugin.videoroom.jcfg").write_text("general: { string_ids = false }\n")
        return ["-C", str(self.folder / "janus.jcfg"), "-F", str(self.folder)]

    def _call(self, message: dict[str, Any], path: str = "") -> dict[str, Any]:
        body = json.dumps(message | {"transaction": secrets.token_hex(6)}).encode()
        url = f"http://127.0.0.1:{self._port}/janus{path}"
        request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=20) as reply:
            answer: dict[str, Any] = json.load(reply)
        return answer

    def _poll(self) -> None:
        url = f"http://127.0.0.1:{self._port}/janus/{self._session}?maxev=5"
        while True:
            try:
                with urllib.request.urlopen(url, timeout=60) as reply:
                    events = json.load(reply)
            except (OSError, ValueError):
                return
            for event in events if isinstance(events, list) else [events]:
                self.host.say("janus", event)

    def _tell(self, stream: int, body: dict[str, Any], **more: Any) -> None:
        self._call({"janus": "message", "body": body, **more}, f"/{self._session}/{self._handles[stream]}")

    def ready(self) -> bool:
        return True  # `add` returns when it is

    def add(self, stream: int) -> None:
        attached = self._call({"janus": "attach", "plugin": "janus.plugin.videoroom"}, f"/{self._session}")
        self._handles[stream] = attached["data"]["id"]
        if stream == 0:
            codecs = {"videocodec": self.plan.codec, "audiocodec": "opus", "h264_profile": "42c01f"}
            room = {"request": "create", "room": 1, "publishers": 500, "record": False, "fir_freq": 0}
            self._tell(0, room | codecs | {"transport_wide_cc_ext": True})
        self._tell(stream, {"request": "join", "ptype": "publisher", "room": 1, "display": f"s{stream}"})

    def offer(self, stream: int, sdp: str) -> None:
        publish = {"request": "publish", "record": True, "filename": str(self.out / f"s{stream}")}
        self._tell(stream, publish | {"audio": True, "video": True}, jsep={"type": "offer", "sdp": sdp})

    def candidate(self, stream: int, mline: int, text: str) -> None:
        candidate = {"candidate": text, "sdpMLineIndex": mline, "sdpMid": str(mline)}
        self._call({"janus": "trickle", "candidate": candidate}, f"/{self._session}/{self._handles[stream]}")

    def event(self, tag: str, message: dict[str, Any]) -> None:
        if message.get("jsep", {}).get("type") == "answer":
            self.host.answer(self._stream_of(message), message["jsep"]["sdp"])
        if message.get("janus") == "webrtcup":
            threading.Thread(target=self._ask_for_picture, args=(self._stream_of(message),), daemon=True).start()
        if "error" in message.get("plugindata", {}).get("data", {}) or message.get("janus") == "error":
            self.host.trouble(f"janus: {message}")

    def _ask_for_picture(self, stream: int) -> None:
        """It writes no picture before a key frame, of which the first may have come too early, and asks for none."""
        dump = self.out / f"s{stream}-video-0.mjr"
        for _ in range(MOST_ASKED):
            self._tell(stream, {"request": "configure", "keyframe": True})
            time.sleep(ASKED_EVERY_S)
            if dump.exists() and dump.stat().st_size > EMPTY_DUMP:
                return

    def _stream_of(self, message: dict[str, Any]) -> int:
        return next(stream for stream, handle in self._handles.items() if handle == message["sender"])

    def stop(self) -> None:
        for stream in self._handles:
            self._tell(stream, {"request": "configure", "record": False})
        time.sleep(RECORDED_S)

    def playables(self, stream: int) -> list[Path]:
        return sorted(path for path in self.out.glob(f"s{stream}-*") if path.suffix != ".mjr")

    def finish(self) -> None:
        for dump in sorted(self.out.glob("*.mjr")):
            ending = "opus" if "-audio" in dump.name else MEDIA[self.plan.codec]
            command = ["janus-pp-rec", str(dump), str(dump.with_suffix(f".{ending}"))]
            subprocess.run(command, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
