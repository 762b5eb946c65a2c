"""Which frames of a recording are, pixel for pixel, those of another recording of the same encoder."""

import subprocess
from pathlib import Path

from tests.support.content import TOOL_DEADLINE_S, Content


def pictures(path: Path, tape: Content) -> dict[int, str]:
    """A hash of each decoded frame that can be read, by its number; `tape` is what `inspect` made of the file."""
    command = ("ffmpeg", "-nostdin", "-v", "quiet", "-fflags", "+discardcorrupt", "-i", f"file:{path}")
    options = ("-map", "0:v:0", "-fps_mode", "passthrough", "-enc_time_base", "-1", "-f", "framemd5", "pipe:1")
    shown = subprocess.run(
        (*command, *options), stdin=subprocess.DEVNULL, capture_output=True, timeout=TOOL_DEADLINE_S, check=True
    )
    hashes = [line.split(",")[-1].strip() for line in shown.stdout.decode().splitlines() if not line.startswith("#")]
    readable = [
        (frame.counter, each) for frame, each in zip(tape.frames, hashes, strict=True) if frame.counter is not None
    ]
    return dict(readable)
