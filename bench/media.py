"""The pre-encoded loops that the sender plays: made once, the same for every recorder."""

import subprocess
from pathlib import Path
from typing import Final

SECONDS: Final = 10
SIZES: Final = {"360": ("640x360", 1000), "720": ("1280x720", 2500)}
"""Picture size, and kbit/s."""
ENCODERS: Final = {
    "vp8": "-c:v libvpx -deadline realtime -cpu-used 6 -lag-in-frames 0 -error-resilient 1 -auto-alt-ref 0",
    "h264": "-c:v libx264 -preset veryfast -tune zerolatency -profile:v baseline"
    " -x264-params scenecut=0:repeat-headers=1:sliced-threads=0",
}


def loop(folder: Path, codec: str, size: str) -> Path:
    """The loop's file, made if it is missing: 30 frames a second at a held rate, a key frame every two seconds, and
    64 kbit/s of Opus in packets of 20 ms.

    Raises:
        subprocess.CalledProcessError: ffmpeg cannot make it.
    """
    path = folder / f"{codec}-{size}.mkv"
    if path.exists():
        return path
    folder.mkdir(parents=True, exist_ok=True)
    dimensions, kbit = SIZES[size]
    # Noise, so that the encoder needs the whole rate.
    picture = f"testsrc2=size={dimensions}:rate=30:duration={SECONDS},noise=alls=12:allf=t:all_seed=7"
    sound = f"anoisesrc=color=pink:amplitude=0.3:sample_rate=48000:duration={SECONDS}:seed=7"
    rate = f"-b:v {kbit}k -minrate {kbit}k -maxrate {kbit}k -bufsize {kbit // 4}k -g 60 -keyint_min 60"
    opus = "-c:a libopus -ac 2 -b:a 64k -vbr off -frame_duration 20"
    unfinished = path.with_suffix(".part.mkv")
    subprocess.run(
        [
            *("ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", sound),
            *f"{ENCODERS[codec]} {rate} -pix_fmt yuv420p {opus} -t {SECONDS}".split(),
            str(unfinished),
        ],
        check=True,
    )
    unfinished.rename(path)
    return path
