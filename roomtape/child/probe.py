"""`python -m roomtape.child.probe CODEC WIDTH HEIGHT FRAMERATE KBPS`: which hardware encoder really works.

An encoder may be installed without the hardware, refuse this size, hang, or take its process down. So each that is
there encodes some pictures in a process of its own, with a deadline. `roomtape.supervisor.encoders` reads what is
written to stdout, one JSON object; `encoder` is empty if none works:

    {"encoder": "vah264enc", "refused": {"nvh264enc": "no CUDA device"}}
"""

import json
import subprocess
import sys
from collections.abc import Iterable, Sequence
from typing import Any, Final

from roomtape.child.encoders import HARDWARE, Encoder
from roomtape.child.gst import Gst, chain, exists, init
from roomtape.child.source import video_caps
from roomtape.errors import RecorderError
from roomtape.ipc.messages import PublishConfig
from roomtape.model import Codec

PICTURES: Final = 15
DEADLINE_S: Final = 5.0
"""For one encoder, from the start of its process to its last picture."""
PICTURES_DEADLINE_NS: Final = 4 * Gst.SECOND
_ONE: Final = "--one"


def encode(encoder: Encoder, config: PublishConfig) -> str:
    """Encode PICTURES pictures; empty if what came out is a stream, else why not."""
    pipeline = Gst.Pipeline()
    source = f"videotestsrc num-buffers={PICTURES} pattern=ball"
    texts = [source, f'capsfilter caps="{video_caps(config)}"', *encoder.texts(config), "fakesink name=end sync=false"]
    try:
        chain(pipeline, texts)
    except RecorderError as error:
        return error.detail
    counted = {"pictures": 0, "bytes": 0, "keys": 0}

    def count(_pad: Any, info: Any) -> Any:
        buffer = info.get_buffer()
        counted["pictures"] += 1
        counted["bytes"] += buffer.get_size()
        counted["keys"] += not buffer.has_flags(Gst.BufferFlags.DELTA_UNIT)
        return Gst.PadProbeReturn.OK

    pipeline.get_by_name("end").get_static_pad("sink").add_probe(Gst.PadProbeType.BUFFER, count)
    pipeline.set_state(Gst.State.PLAYING)
    wanted = Gst.MessageType.EOS | Gst.MessageType.ERROR
    message = pipeline.get_bus().timed_pop_filtered(PICTURES_DEADLINE_NS, wanted)
    pipeline.set_state(Gst.State.NULL)
    if message is None:
        return f"not done within {PICTURES_DEADLINE_NS // Gst.SECOND} s"
    if message.type is Gst.MessageType.ERROR:
        return str(message.parse_error()[0].message)
    if counted["pictures"] < PICTURES or not counted["keys"] or not counted["bytes"]:
        return f"{counted['pictures']} of {PICTURES} pictures came out, {counted['keys']} of them key frames"
    return ""


def probe(candidates: Iterable[Encoder], arguments: Sequence[str], deadline_s: float = DEADLINE_S) -> dict[str, Any]:
    """The first of the candidates that works, each tried in a process of its own."""
    refused: dict[str, str] = {}
    for encoder in candidates:
        command = [sys.executable, "-m", __spec__.name, _ONE, encoder.element, *arguments]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=deadline_s, check=False)
        except subprocess.TimeoutExpired:
            refused[encoder.element] = f"not done within {deadline_s:g} s"
            continue
        if done.returncode == 0:
            return {"encoder": encoder.element, "refused": refused}
        last = done.stdout.strip().rpartition("\n")[2]
        refused[encoder.element] = last or f"its process ended with code {done.returncode}"
    return {"encoder": "", "refused": refused}


def main(arguments: Sequence[str]) -> int:
    """The command; 0 unless it is the trial of one encoder and that failed."""
    init()
    one, rest = (arguments[1], arguments[2:]) if arguments[0] == _ONE else ("", arguments)
    width, height, framerate, kbps = map(int, rest[1:])
    config = PublishConfig(
        stream_id="", codec=Codec(rest[0]), width=width, height=height, framerate=framerate, bitrate_kbps=kbps
    )
    ours = [encoder for encoder in HARDWARE if encoder.codec is config.codec]
    if one:
        why = encode(next(encoder for encoder in ours if encoder.element == one), config)
        sys.stdout.write(f"{why}\n")
        return 1 if why else 0
    present = [encoder for encoder in ours if exists(encoder.element)]
    sys.stdout.write(json.dumps(probe(present, rest)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
