"""What is said on the data channel: the recorder's wish, and what a guest tells of itself (protocol.md 8). Pure."""

from collections.abc import Mapping
from typing import Any

from roomtape.ipc.messages import GuestInfo

LABEL_LENGTH = 100
MAX_SECTIONS = 32


def media_request(
    *, audio: bool, video: bool, screen: bool, label: str, max_bitrate_kbps: int | None = None
) -> dict[str, Any]:
    """The viewer's first message; without it a web page sends no media at all (8.1, trap T1).

    The bitrate, of the picture and in kbit/s, is wished for only if there is one.
    """
    bitrate = {} if max_bitrate_kbps is None else {"bitrate": max_bitrate_kbps}
    return {
        **bitrate,
        "audio": audio,
        "video": video,
        # A screen shared beside the camera comes as a second stream (8.3).
        "allowscreenaudio": audio and screen,
        "allowscreenvideo": video and screen,
        "downloads": False,
        "allowmidi": False,
        "iframe": False,
        "widget": False,
        "broadcast": False,
        "allowwebp": False,
        "allowchunked": False,
        "allowresources": False,
        "allowdrawing": False,
        "guest": False,
        "scene": "0",
        "director": False,
        "info": {"label": label, "version": "26.1"},
    }


def read_guest_info(obj: Mapping[str, Any]) -> GuestInfo | None:
    """The guest's label, mute states and rotation, as far as `obj` speaks of them; any value may have any type."""
    info = obj.get("info")
    info = info if isinstance(info, Mapping) else {}
    label = info.get("label")
    found = GuestInfo(
        label=label.strip()[:LABEL_LENGTH] if isinstance(label, str) and label.strip() else None,
        audio_muted=_flag(obj.get("muteState"), info.get("muted")),
        video_muted=_flag(obj.get("videoMuted"), info.get("video_muted_init")),
        rotation=_rotation(obj.get("rotate_video"), info.get("rotate_video")),
        queued=_flag(info.get("queued")),
    )
    return found if found != GuestInfo() else None


def screen_sections(obj: Mapping[str, Any]) -> tuple[int, ...]:
    """Which of the offered sections are a shared screen: positions among those of sound and picture (8.3)."""
    named = obj.get("screen")
    if not isinstance(named, list):
        return ()
    return tuple(n for n in named[:MAX_SECTIONS] if isinstance(n, int) and not isinstance(n, bool) and n >= 0)


def _flag(*values: object) -> bool | None:
    return next((value for value in values if isinstance(value, bool)), None)


def _rotation(*values: object) -> int | None:
    """Degrees clockwise. A bool is an int in Python, so it is told apart."""
    return next((v for v in values if isinstance(v, int) and not isinstance(v, bool) and v in (0, 90, 180, 270)), None)
