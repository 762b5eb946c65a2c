"""What a publishing child publishes; a part of its configuration."""

import msgspec


class MediaSource(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a publisher's picture and sound come from; nothing at all is the test pattern.

    Either `file`, a path, played once or over and over; or for the picture one of `v4l2` (a device such as
    /dev/video0) and `video_pipeline`, and for the sound one of `alsa` and `pulse` (names of devices) and
    `audio_pipeline`. Pipelines are gst-launch texts. Relative paths in all of them begin at `folder`.
    """

    folder: str = ""
    file: str = ""
    loop: bool = False
    v4l2: str = ""
    alsa: str = ""
    pulse: str = ""
    video_pipeline: str = ""
    audio_pipeline: str = ""

    def __repr__(self) -> str:
        """Without the pipelines, whose addresses may hold passwords."""
        return f"MediaSource({', '.join(name for name in self.__struct_fields__ if getattr(self, name))})"
