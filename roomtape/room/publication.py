"""From the settings to the configuration of the publishing child. Pure."""

import msgspec

from roomtape.config import PublishSettings, Settings
from roomtape.ipc.ceilings import PUBLISHING, PUBLISHING_FILES, ceilings
from roomtape.ipc.messages import PublishConfig
from roomtape.ipc.source import MediaSource
from roomtape.model import IceServers


def publish_config(settings: Settings, ice: IceServers, phrase: str | None, folder: str) -> PublishConfig:
    """What the child is to publish, with an encoder in software. Cameras have no sound and microphones no picture.

    `folder` is where the user is: relative paths begin there.
    """
    wanted = settings.publish
    source = media_source(wanted)
    if source != MediaSource():
        source = msgspec.structs.replace(source, folder=folder)
    picture, sound = source.v4l2 or source.video_pipeline, source.alsa or source.pulse or source.audio_pipeline
    either = not picture and not sound
    return PublishConfig(
        stream_id=wanted.stream_id,
        source=source,
        codec=wanted.codec,
        audio=wanted.audio and bool(either or sound),
        video=wanted.video and bool(either or picture),
        width=wanted.width,
        height=wanted.height,
        framerate=wanted.framerate,
        bitrate_kbps=wanted.bitrate_kbps,
        guest_number=wanted.guest_number,
        offer_on_request=wanted.offer_on_request,
        ceilings=ceilings(settings.supervision.child_memory_bytes, PUBLISHING, PUBLISHING_FILES),
        ice=ice,
        phrase=phrase,
        label=wanted.label,
        connect_deadline_ms=int(settings.deadlines.connect * 1000),
    )


def media_source(wanted: PublishSettings) -> MediaSource:
    """Where picture and sound come from; nothing at all is the test pattern. What is not wanted is not used."""
    return MediaSource(
        file=wanted.file,
        loop=wanted.loop,
        v4l2=wanted.v4l2 if wanted.video else "",
        alsa=wanted.alsa if wanted.audio else "",
        pulse=wanted.pulse if wanted.audio else "",
        video_pipeline=wanted.video_pipeline if wanted.video else "",
        audio_pipeline=wanted.audio_pipeline if wanted.audio else "",
    )
