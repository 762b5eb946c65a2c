"""aiortc for the bench's line protocol: `python -m bench.peers.aiortc_receiver record|depay`.

record: its MediaRecorder, to Matroska. depay: frames as they leave its jitter buffer, before its decoder, are written
one after the other, which is the least that a recorder made with aiortc could cost.
"""

import asyncio
import json
import struct
import sys
from pathlib import Path
from typing import Any

from aiortc import RTCPeerConnection, RTCSessionDescription, rtcrtpreceiver
from aiortc.contrib.media import MediaRecorder
from aiortc.sdp import candidate_from_sdp


def say(kind: str, **fields: Any) -> None:
    sys.stdout.write(json.dumps({"type": kind, **fields}) + "\n")
    sys.stdout.flush()


class FrameFile:
    """Stands in the place of the queue to the decoder."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("ab")

    def put(self, task: Any) -> None:
        if task is not None:
            _codec, frame = task
            self._file.write(struct.pack("<IQ", len(frame.data), frame.timestamp) + frame.data)
            self._file.flush()


class Receiver:
    """One peer connection and its file."""

    def __init__(self, mode: str, stream: int, out: str) -> None:
        self._stream, self._connection = stream, RTCPeerConnection()
        self._path = Path(out) / f"s{stream}.{'mkv' if mode == 'record' else 'raw'}"
        self._recorder = MediaRecorder(str(self._path)) if mode == "record" else None
        if self._recorder is not None:
            self._connection.on("track", self._recorder.addTrack)

    async def offer(self, sdp: str) -> None:
        # aiortc's ciphers need an ECDSA certificate, and GStreamer's is RSA: take DTLS's server side, with its own.
        sdp = sdp.replace("a=setup:actpass", "a=setup:active")
        await self._connection.setRemoteDescription(RTCSessionDescription(sdp=sdp, type="offer"))
        await self._connection.setLocalDescription(await self._connection.createAnswer())
        say("answer", id=self._stream, sdp=self._connection.localDescription.sdp)
        if self._recorder is not None:
            await self._recorder.start()
            return
        for transceiver in self._connection.getTransceivers():
            transceiver.receiver._RTCRtpReceiver__decoder_queue = FrameFile(self._path)

    async def candidate(self, mline: int, text: str) -> None:
        candidate = candidate_from_sdp(text.split(":", 1)[1])
        candidate.sdpMLineIndex = mline
        await self._connection.addIceCandidate(candidate)

    async def stop(self) -> None:
        if self._recorder is not None:
            await self._recorder.stop()
        await self._connection.close()
        say("stopped", id=self._stream)


async def main(mode: str) -> None:
    """Serve the line protocol until `quit` or the end of stdin."""
    if mode == "depay":
        rtcrtpreceiver.decoder_worker = lambda *_: None
    reader = asyncio.StreamReader(limit=1 << 20)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    receivers: dict[int, Receiver] = {}
    say("ready")
    while line := await reader.readline():
        match json.loads(line):
            case {"type": "offer", "id": stream, "sdp": sdp, "out": out}:
                receivers[stream] = Receiver(mode, stream, out)
                await receivers[stream].offer(sdp)
            case {"type": "ice", "id": stream, "mline": mline, "candidate": text}:
                await receivers[stream].candidate(mline, text)
            case {"type": "stop"}:
                for receiver in receivers.values():
                    await receiver.stop()
            case {"type": "quit"}:
                return


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
